"""What somebody is shown before they sign: all of the application, and what the policy says of it.

Written to standard error, in plain lines that a terminal shows as they are.
"""

import textwrap
from collections.abc import Iterator
from typing import Final

from overt.cli.deployment_steps import say
from overt.core.clock import format_utc
from overt.deployment.application import Application
from overt.deployment.life import Life
from overt.deployment.situation import Situation
from overt.deployment.verdicts import verdict_now
from overt.policy.phrases import counted, named

_WIDTH: Final = 96
_LABEL: Final = 22


def brief(life: Life, situation: Situation) -> tuple[Life, Situation]:
    """Show an application as it stands, and return what was shown."""
    for line in briefing(life, situation):
        say(line)
    return life, situation


def briefing(life: Life, situation: Situation) -> Iterator[str]:
    """Yield the lines of a briefing."""
    asked = life.application
    yield f"{asked.title} ({asked.deployment})"
    yield from _what(asked, situation)
    yield from _where(asked)
    yield from _whom(life, situation)
    yield from _how(asked)
    yield from _why(asked)
    yield from _who(life, situation)
    yield from _policy(life, situation)


def _what(asked: Application, situation: Situation) -> Iterator[str]:
    case = situation.pack.rules.use_cases.find(asked.use_case)
    title = "not one of the policy" if case is None else case.title
    yield from _row("Use case", f"{asked.use_case}: {title}")
    hours = (asked.ends_utc - asked.starts_utc).total_seconds() / 3600
    window = f"{format_utc(asked.starts_utc)} until {format_utc(asked.ends_utc)}"
    yield from _row("Window", f"{window} ({counted(round(hours, 2), 'hour')})")
    yield from _row("Protest", "yes" if asked.is_protest else "no")


def _where(asked: Application) -> Iterator[str]:
    place = asked.place
    yield from _row("Place", f"{place.name}, {place.area.km2:.3f} km²")
    yield from _row("Why here", place.rationale)
    yield from _row("Hotspot evidence", place.hotspot_evidence)
    yield from _row("Intelligence", place.intelligence_reference)
    for camera in asked.cameras:
        at = f"{camera.latitude:.5f}, {camera.longitude:.5f}"
        yield from _row("Camera", f"{camera.name} at {at}: {camera.zone_of_recognition}")


def _whom(life: Life, situation: Situation) -> Iterator[str]:
    bound = life.application.bindings
    is_here = situation.list_manifest_sha256 == bound.watchlist_sha256
    listed = situation.watchlist if is_here or life.authority is None else life.authority.watchlist
    people = "person" if listed.n_entries == 1 else "people"
    gone = "" if is_here else "; not here, frozen and unchanged, any more"
    yield from _row(
        "Watchlist", f"{life.application.watchlist}: {listed.n_entries:,} {people}{gone}"
    )
    for category, n in sorted(listed.categories.items()):
        yield from _row("", f"{n:,} {named(category)}")
    yield from _row("Manifest", bound.watchlist_sha256)


def _how(asked: Application) -> Iterator[str]:
    bound = asked.bindings
    yield from _row("Threshold", f"similarity {bound.threshold:.3f}")
    evidence = bound.evidence
    if evidence is None:
        yield from _row("Evidence", "none")
    else:
        rate = f"one false alert in {evidence.false_alert_one_in:,} strangers"
        size = f"lists of up to {evidence.n_entries:,}"
        measured = f"measured {evidence.measured.isoformat()}"
        yield from _row("Evidence", f"{rate}, {size}, {measured}. {evidence.source}")
    yield from _row("Models", f"{bound.contract}, detector {bound.detector_sha256[:12]}")


def _why(asked: Application) -> Iterator[str]:
    for field, text in asked.reasons.model_dump().items():
        yield from _row(named(field).capitalize(), text)
    notice = asked.notice
    told = notice.where
    if notice.published_utc is not None:
        told = f"{format_utc(notice.published_utc)} {told}"
    yield from _row("Notice", told)
    yield from _row("No notice, because", notice.exception_reason)
    yield from _row("Signs", notice.signage)
    for document in asked.documents:
        until = "" if document.valid_until is None else f", valid until {document.valid_until}"
        dated = f"of {document.issued.isoformat()}{until}"
        yield from _row("Document", f"{document.title}, {dated}, {document.sha256[:12]}")


def _who(life: Life, situation: Situation) -> Iterator[str]:
    asked = life.application
    yield from _row("Requester", asked.requester)
    for officer in asked.officers:
        is_known = situation.find(officer.person_id) is not None
        unknown = "" if is_known else " (not in the register)"
        yield from _row("Officer", f"{officer.person} as {named(officer.role)}{unknown}")
    if life.cosignature is not None:
        by = life.cosignature
        yield from _row("Co-signed by", f"{by.person}, {by.rank}, {by.organisation}")


def _policy(life: Life, situation: Situation) -> Iterator[str]:
    pack = situation.pack
    yield from _row("Policy", f"{pack.id} {pack.version}, {pack.sha256[:12]}")
    verdict = verdict_now(life, situation)
    for finding in verdict.warnings:
        yield from _row("Note", str(finding))
    for finding in verdict.refusals:
        yield from _row("Missing", str(finding))
    yield from _row("Application", life.application.sha256)


def _row(label: str, text: str) -> list[str]:
    """Return a label and its text in lines; nothing for a blank text."""
    if not text.strip():
        return []
    first, *rest = [
        line
        for paragraph in text.splitlines()
        for line in textwrap.wrap(paragraph, _WIDTH - _LABEL, break_on_hyphens=False) or [""]
    ]
    return [f"  {label:<{_LABEL}}{first}", *(f"  {'':<{_LABEL}}{line}" for line in rest)]

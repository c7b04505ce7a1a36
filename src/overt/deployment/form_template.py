"""The empty form, with what is wanted where and which rule of the policy pack asks for it.

Invariants: it is the pack that speaks: use cases, documents, officers and lengths are its own; what
is printed is a form that :func:`overt.deployment.form.parse_form` reads, blank where a person must
write.
"""

import textwrap
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Final

from overt.core.clock import format_utc
from overt.deployment.application import Reasons
from overt.policy.pack import PolicyPack
from overt.policy.phrases import counted, listing, named

_WIDTH: Final = 98
_CORNERS: Final = (
    "[-0.1011, 51.5010]",
    "[-0.1001, 51.5010]",
    "[-0.1001, 51.5016]",
    "[-0.1011, 51.5016]",
)
_STATEMENTS: Final = {
    "legitimate_aim": "What the deployment is for.",
    "necessity": "Why the aim cannot be reached without it.",
    "proportionality": "Why the aim outweighs what it does to everybody who passes.",
    "less_intrusive": "What else was considered, and why it is not enough.",
    "community_impact": "What it means for the people who live or work there.",
    "vulnerable_people": "What is done for children and vulnerable people who pass.",
    "protest_necessity": "At a protest: why it is necessary there. Otherwise leave it blank.",
}


def template(pack: PolicyPack, now_utc: datetime) -> str:
    """Return the form for a deployment under a pack.

    Args:
        pack: whose rules it speaks of.
        now_utc: from which the examples of dates are taken.
    """
    parts = (
        _deployment(pack),
        _place(pack),
        _window(pack, now_utc),
        _threshold(pack),
        _reasons(pack),
        _notice(pack),
        _cameras(pack),
        _officers(pack),
        _documents(pack, now_utc),
    )
    return "\n".join("\n".join(part) + "\n" for part in parts)


def _deployment(pack: PolicyPack) -> Iterator[str]:
    yield from _said(
        f"Application for a deployment, under the policy {pack.id} {pack.version} "
        f"({pack.title}). Write between the quotes; a line that begins with # is not read. Then: "
        "overt deployment apply FILE --as YOUR.key. What the rules still ask for: overt "
        "deployment check ID."
    )
    yield ""
    yield "[deployment]"
    yield from _said("Lower-case letters, digits, dots and hyphens, for example high-street-0301.")
    yield 'id = "new-deployment"'
    yield 'title = "New deployment"'
    yield from _said("What it is for, one of these and nothing else.", pack.rules.use_cases.id)
    for case in pack.rules.use_cases.cases:
        yield from _said(f"  {case.id}: {case.title}. For: {listing(case.categories)}.")
    yield f'use_case = "{pack.rules.use_cases.cases[0].id}"'
    yield f'policy = "{pack.id}"'
    yield from _said("The list, frozen before you apply: overt watchlist freeze.")
    yield 'watchlist = "new-list"'
    yield from _said("Whether people express political views there.", pack.rules.protest.id)
    yield "is_protest = false"


def _place(pack: PolicyPack) -> Iterator[str]:
    rule = pack.rules.location
    yield "[place]"
    yield from _said("What the public calls it.")
    yield 'name = "New place"'
    yield from _said(
        "The place as corners, longitude before latitude (WGS 84), of at most "
        f'{counted(rule.max_area_km2, "km²")}; or instead: geojson = "FILE".',
        rule.id,
    )
    yield f"polygon = [{', '.join(_CORNERS)}]"
    yield from _statement(pack, "rationale", "Why here: what says that the people are there.")
    evidence = sorted({kind for case in pack.rules.use_cases.cases for kind in case.evidence})
    yield from _said(
        f"A reference to what speaks for it ({listing(evidence, 'or')}, as the use case asks).",
        pack.rules.use_cases.id,
    )
    yield 'hotspot_evidence = ""'
    yield 'intelligence_reference = ""'


def _window(pack: PolicyPack, now_utc: datetime) -> Iterator[str]:
    rule = pack.rules.duration
    day = (now_utc + timedelta(days=2)).date().isoformat()
    yield "[window]"
    yield from _said(
        f"Start and end, each with its offset; at most {counted(rule.max_h, 'hour')} apart. "
        "Nothing is compared outside them.",
        rule.id,
    )
    yield f"start = {day}T10:00:00+00:00"
    yield f"end = {day}T{10 + min(rule.max_h, 4):02}:00:00+00:00"


def _threshold(pack: PolicyPack) -> Iterator[str]:
    rule = pack.rules.evaluation
    yield "[threshold]"
    yield from _said(
        "One false alert in so many strangers: the threshold then comes from what was measured of "
        "the models here. The policy asks for one in "
        f"{rule.false_alert_one_in:,} or rarer.",
        rule.id,
    )
    yield f"one_in = {rule.false_alert_one_in}"
    yield from _said("Repeats of one person at one camera within so many seconds are folded.")
    yield "repeat_within_s = 60"
    yield from _said(
        "With an evaluation of your own, name the threshold in place of one_in, and what it rests "
        "on:"
    )
    yield "# value = 0.55"
    yield "# [threshold.evidence]"
    yield "# measured = 2026-05-01"
    yield from _said("The largest list that it speaks for.")
    yield "# n_entries = 2000"
    yield "# false_alert_one_in = 1000"
    yield from _said("The least similarity that it supports at that rate.")
    yield "# threshold = 0.55"
    yield '# source = "which evaluation"'


def _reasons(pack: PolicyPack) -> Iterator[str]:
    yield "[reasons]"
    for field in Reasons.model_fields:
        yield from _statement(pack, field, _STATEMENTS[field])


def _statement(pack: PolicyPack, field: str, what: str) -> Iterator[str]:
    required = {text.field: text.min_chars for text in pack.rules.statements.required}
    rule = pack.rules.statements.id
    if field == pack.rules.protest.statement_field:
        required[field], rule = pack.rules.protest.statement_min_chars, pack.rules.protest.id
    if field in required:
        yield from _said(f"{what} At least {counted(required[field], 'character')}.", rule)
    else:
        yield from _said(what)
    yield f'{field} = ""'


def _notice(pack: PolicyPack) -> Iterator[str]:
    rule = pack.rules.notice
    yield "[notice]"
    yield from _said(
        f"When the public is told, at least {counted(rule.hours_before, 'hour')} before the start.",
        rule.id,
    )
    yield "# published = 2026-05-01T09:00:00+01:00"
    yield from _said("Where it is told, for example an address of the force's site.")
    yield 'where = ""'
    if rule.exception_with_reason:
        yield from _said("If it is not told in advance: the reason.", rule.id)
    else:
        yield from _said("This policy knows no exception.", rule.id)
    yield 'exception_reason = ""'
    yield from _said("Where signs will stand.", pack.rules.signage.id)
    yield 'signage = ""'


def _cameras(pack: PolicyPack) -> Iterator[str]:
    text = next(
        (t for t in pack.rules.statements.required if t.field == "zone_of_recognition"), None
    )
    yield from _said("One of these for each camera.", pack.rules.location.id)
    yield "[[camera]]"
    yield 'name = "camera-1"'
    yield from _said("Longitude, latitude.")
    yield "position = [-0.1005, 51.5013]"
    least = "" if text is None else f" At least {counted(text.min_chars, 'character')}."
    rule = None if text is None else pack.rules.statements.id
    yield from _said(f"Where people are recognised, seen from the camera.{least}", rule)
    yield 'zone_of_recognition = ""'


def _officers(pack: PolicyPack) -> Iterator[str]:
    rule = pack.rules.officers
    wanted = listing(counted(each.at_least, named(each.role)) for each in rule.present)
    yield from _said(
        f"One of these for each officer, by their id in the register; at least {wanted}. Those who "
        "are named here check in on the day.",
        rule.id,
    )
    for each in rule.present:
        for number in range(1, each.at_least + 1):
            yield "[[officer]]"
            yield f'person = "{each.role}-{number}"'
            yield f'role = "{each.role}"'
            yield ""


def _documents(pack: PolicyPack, now_utc: datetime) -> Iterator[str]:
    rule = pack.rules.documents
    yield from _said(
        "One of these for each document; the file is read for its digest and stays where it is.",
        rule.id,
    )
    for each in rule.required:
        yield from _said(
            f"{each.title}: at most {counted(each.max_age_days, 'day')} old when the deployment "
            "ends."
        )
        yield "[[document]]"
        yield f'kind = "{each.kind}"'
        yield f"title = {_quoted(each.title)}"
        yield f'path = "{each.kind}.pdf"'
        yield f"issued = {format_utc(now_utc)[:10]}"
        yield "# valid_until = 2027-05-01"
        yield ""


def _said(text: str, rule: str | None = None) -> list[str]:
    """Return a comment in lines, with the rule that asks."""
    indent = "  " if text.startswith("  ") else ""
    asked = text.strip() if rule is None else f"{text} [rule {rule}]"
    return textwrap.wrap(
        asked,
        _WIDTH,
        initial_indent=f"# {indent}",
        subsequent_indent=f"# {indent}{indent}",
        break_on_hyphens=False,
    )


def _quoted(text: str) -> str:
    """Return a text of the pack as TOML has it; a pack's line holds no backslash."""
    return '"' + text.replace('"', "'") + '"'

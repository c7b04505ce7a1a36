"""One alert's chain, from the records of the ledger: what it stood under, and all that came of it.

    under      list frozen ─ authorised ─ live ─ run, threshold, cameras ─ counts of the minute
    then       raised ─ repeats ─ looks ─ steps ─ exports ─ holds ─ deletion begun ─ receipt

It is told from records alone, so that it can be told when the rows are gone; what still stands in a
row, such as when the frame was captured, is added by whoever has it.

Invariants: a link names the record that it rests on; while a second review is awaited, nobody is
told what the first said but the person who gave it; what is missing is said, with until when.
Must not: hold a name, a note, a picture or a similarity; the ledger has none of them.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import Final

from overt.alerts.lifecycle import VIEWS, AlertState
from overt.core.errors import InputError
from overt.core.ids import AlertId, PersonId
from overt.ledger.canonical import JsonValue
from overt.ledger.kinds import RecordKind
from overt.ledger.records import LedgerRecord
from overt.policy.pack_data import DataKind
from overt.retention.schedule import OwnerKind

STEP: Final = "step"
BEGUN: Final = "deletion begun"
RECEIPT: Final = "deletion receipt"
_ABOUT_DATA: Final = frozenset({str(DataKind.ALERT), str(DataKind.PICTURE)})
_UNDER_STEPS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "submit": "applied",
        "cosign": "co-signed",
        "authorise": "authorised",
        "ratify": "ratified",
        "go live": "went live",
        "pause": "paused",
        "resume": "resumed",
        "refuse ratification": "ratification refused",
        "end": "deployment ended",
        "lapse": "deployment ended",
        "close": "deployment closed",
    }
)
"""Those steps of a deployment that an alert stands under or ends with, and their names here."""


class Part(StrEnum):
    """Where in the chain a link stands."""

    UNDER = "under"
    """What the alert stood under."""
    FRAME = "frame"
    """The frame that it came from, as long as its row is there."""
    ALERT = "alert"
    """The alert itself and all that was done with it."""
    END = "end"
    """The end of the deployment, deletion, receipts."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """A record and its number in the ledger, counted from 0."""

    seq: int
    record: LedgerRecord


@dataclass(frozen=True, slots=True)
class Link:
    """One thing that happened.

    Attributes:
        part: where in the chain.
        what: a word or two.
        at_utc: when.
        seq: number of the record that says so; None for what stands in a row.
        by: who; None for what happens of itself.
        facts: ids, digests, counts and words, as the record has them.
    """

    part: Part
    what: str
    at_utc: datetime
    seq: int | None = None
    by: str | None = None
    facts: Mapping[str, JsonValue] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Chain:
    """What the ledger tells of one alert.

    Attributes:
        alert: its id.
        raised: the record of it.
        links: in the order of time, and of records.
        n_hidden: reviews that are not told, since another one is awaited.
    """

    alert: AlertId
    raised: Numbered
    links: tuple[Link, ...]
    n_hidden: int

    @property
    def deployment(self) -> str:
        """Of which deployment."""
        return str(self.raised.record.body["deployment"])

    @property
    def run(self) -> str:
        """Of which run."""
        return str(self.raised.record.body["run"])

    def receipts(self, data: DataKind) -> tuple[Link, ...]:
        """Return the receipts of deletions of a kind of its data."""
        return tuple(
            link for link in self.links if link.what == RECEIPT and link.facts["data"] == data
        )

    def begun(self, data: DataKind) -> tuple[Link, ...]:
        """Return the deletions of a kind of its data that have begun."""
        return tuple(
            link for link in self.links if link.what == BEGUN and link.facts["data"] == data
        )


def needles(raised: LedgerRecord) -> tuple[bytes, ...]:
    """Return bytes one of which stands in every record that a chain can be made of.

    So that whoever has a million records reads only some of them.
    """
    named = (str(raised.body[name]).encode() for name in ("alert", "run", "deployment"))
    return (*named, RecordKind.WATCHLIST_STEP.encode())


def find_raised(records: Iterable[Numbered], beginning: str) -> Numbered:
    """Return the record of the one alert whose id begins so.

    Raises:
        InputError: there is none, or several.
    """
    found = [each for each in records if is_raised(each.record, beginning)]
    exact = [each for each in found if each.record.body["alert"] == beginning]
    if len(exact or found) != 1:
        raise InputError(
            "Several alerts begin with that id." if found else "There is no alert of that id."
        )
    return (exact or found)[0]


def is_raised(record: LedgerRecord, beginning: str) -> bool:
    """Return whether a record is of an alert whose id begins so."""
    return record.kind is RecordKind.ALERT_RAISED and str(record.body["alert"]).startswith(
        beginning
    )


def chain_of(
    raised: Numbered,
    records: Sequence[Numbered],
    reader: PersonId | None = None,
    not_part_of: frozenset[str] = frozenset(),
) -> Chain:
    """Return an alert's chain.

    Args:
        raised: the record of the alert.
        records: the ledger's, in order; those without any of :func:`needles` may be left out.
        reader: who is told.
        not_part_of: ids of deletions that spared the alert, since it was held.
    """
    alert = AlertId(str(raised.record.body["alert"]))
    told = _Teller(raised, _manifest_of(raised, records), not_part_of)
    links = [link for each in records if (link := told.link(each)) is not None]
    shown = _visible(links, reader)
    counted = _minute_of(raised, records)
    if counted is not None:
        shown.append(counted)
    shown.sort(key=lambda link: (link.seq is None, link.seq or 0))
    return Chain(alert, raised, tuple(shown), len(links) - len(_visible(links, reader)))


@dataclass(frozen=True, slots=True)
class _Telling:
    """How records of one kind are told.

    Attributes:
        same: the member that a record has in common with that of the alert; None if it names its
            owner by kind and id.
        part: where the link stands.
        what: what it is called.
        names: the members that are told.
    """

    same: str | None
    part: Part
    what: str
    names: tuple[str, ...]


_TELLINGS: Final[Mapping[RecordKind, _Telling]] = MappingProxyType(
    {
        RecordKind.OVERRIDE_USED: _Telling(
            "deployment", Part.UNDER, "urgent authority", ("rule", "until_utc")
        ),
        RecordKind.RUN_STARTED: _Telling(
            "run",
            Part.UNDER,
            "run started",
            (
                *("run", "capability_sha256", "watchlist_sha256", "contract"),
                *("threshold_micro", "cameras", "software"),
            ),
        ),
        RecordKind.RUN_STOPPED: _Telling("run", Part.END, "run stopped", ("reason", "reconciled")),
        RecordKind.ALERT_RAISED: _Telling(
            "alert",
            Part.ALERT,
            "raised",
            (
                *("run", "deployment", "camera", "entry"),
                *("facts_sha256", "face_sha256", "scene_sha256"),
            ),
        ),
        RecordKind.ALERT_REPEATED: _Telling("alert", Part.ALERT, "repeated", ("repeat",)),
        RecordKind.ALERT_STEP: _Telling(
            "alert", Part.ALERT, STEP, ("number", "event", "state", "note_sha256")
        ),
        RecordKind.LOOK_TAKEN: _Telling(None, Part.ALERT, "looked at", ("part",)),
        RecordKind.EXPORT_MADE: _Telling(None, Part.ALERT, "exported", ("what", "sha256")),
        RecordKind.HOLD_STEP: _Telling(
            None,
            Part.ALERT,
            "hold",
            ("hold", "event", "ground", "owner_kind", "data", "until_utc"),
        ),
        RecordKind.KEY_DESTROYED: _Telling(None, Part.END, "key destroyed", ("scope",)),
        RecordKind.DELETION_BEGUN: _Telling(
            None,
            Part.END,
            BEGUN,
            ("deletion", "data", "owner_kind", "cause", "due_utc", "policy_sha256"),
        ),
        RecordKind.DELETION_RECEIPT: _Telling(
            None,
            Part.END,
            RECEIPT,
            (
                *("deletion", "data", "owner_kind", "n_rows", "n_keys", "n_files"),
                *("promises", "exceptions", "receipt_sha256"),
            ),
        ),
    }
)
_OWNER_KIND_IN: Final[Mapping[RecordKind, str]] = MappingProxyType(
    {RecordKind.LOOK_TAKEN: "subject", RecordKind.KEY_DESTROYED: "scope"}
)
"""The member that says what kind an owner is of, where that is not ``owner_kind``."""


@dataclass(frozen=True, slots=True)
class _Teller:
    """Tells what a record says of one alert, if it says anything."""

    raised: Numbered
    manifest: str | None
    not_part_of: frozenset[str]

    def link(self, each: Numbered) -> Link | None:
        kind, body = each.record.kind, each.record.body
        if kind is RecordKind.WATCHLIST_STEP:
            return self._list_step(each)
        if kind is RecordKind.DEPLOYMENT_STEP:
            return self._deployment_step(each)
        telling = _TELLINGS.get(kind)
        if telling is None or not self._is_about_it(each.record, telling):
            return None
        if "deletion" in body and self._is_of_others(body):
            return None
        return _link(each, telling.part, telling.what, telling.names)

    def _is_about_it(self, record: LedgerRecord, telling: _Telling) -> bool:
        body, alert = record.body, self.raised.record.body
        if telling.same is not None:
            return body[telling.same] == alert[telling.same]
        if record.kind is RecordKind.EXPORT_MADE:
            return body["subject"] == alert["alert"]
        kind = body[_OWNER_KIND_IN.get(record.kind, "owner_kind")]
        is_known = kind in {str(OwnerKind.ALERT), str(OwnerKind.DEPLOYMENT)}
        return is_known and body["owner"] == alert[str(kind)]

    def _is_of_others(self, body: Mapping[str, JsonValue]) -> bool:
        return body["data"] not in _ABOUT_DATA or body["deletion"] in self.not_part_of

    def _list_step(self, each: Numbered) -> Link | None:
        body = each.record.body
        is_of_list = self.manifest is not None and body["manifest_sha256"] == self.manifest
        if not is_of_list or body["event"] not in {"frozen", "confirmed"}:
            return None
        return _link(each, Part.UNDER, f"list {body['event']}", ("watchlist", "manifest_sha256"))

    def _deployment_step(self, each: Numbered) -> Link | None:
        body = each.record.body
        word = _UNDER_STEPS.get(str(body["event"]))
        if word is None or body["deployment"] != self.raised.record.body["deployment"]:
            return None
        part = Part.END if each.seq > self.raised.seq else Part.UNDER
        return _link(each, part, word, ("event", "state"))


def _link(each: Numbered, part: Part, what: str, names: Sequence[str]) -> Link:
    body = each.record.body
    by = body.get("by")
    facts = {name: body[name] for name in names}
    return Link(part, what, each.record.time_utc, each.seq, None if by is None else str(by), facts)


def _manifest_of(raised: Numbered, records: Iterable[Numbered]) -> str | None:
    run = raised.record.body["run"]
    for each in records:
        if each.record.kind is RecordKind.RUN_STARTED and each.record.body["run"] == run:
            return str(each.record.body["watchlist_sha256"])
    return None


def _minute_of(raised: Numbered, records: Iterable[Numbered]) -> Link | None:
    """Return the first counts of the run that were written after the alert: those it is part of."""
    run = raised.record.body["run"]
    for each in records:
        is_later = each.seq > raised.seq and each.record.kind is RecordKind.RUN_COUNTS
        if is_later and each.record.body["run"] == run:
            return _link(each, Part.ALERT, "counts of its minute", ("minute", "counts"))
    return None


def _visible(links: Sequence[Link], reader: PersonId | None) -> list[Link]:
    """Return the links without the reviews that a later reviewer must not be told."""
    steps = [link for link in links if link.what == STEP]
    awaits = bool(steps) and steps[-1].facts["state"] == AlertState.AWAITING_SECOND_REVIEW
    if not awaits:
        return list(links)
    views = set(map(str, VIEWS))
    return [
        link
        for link in links
        if link.what != STEP or link.facts["event"] not in views or link.by == reader
    ]

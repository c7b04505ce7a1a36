"""The record of an act, and its bytes; the acts are in :mod:`overt.ledger.acts`.

A record is the canonical JSON object ``{"body", "kind", "time_utc", "version"}``. Scores stand in
millionths, so that no reader has to agree with another about floats.

Invariants: a record has one form, and is exactly the members of its kind.
Must not: read what is nearly a record.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Final, get_args

from overt.core.clock import format_utc, parse_utc
from overt.core.counts import FaceCounts
from overt.core.errors import InputError
from overt.ledger.acts import Act
from overt.ledger.canonical import JsonValue, canonical_bytes, parse_canonical_object
from overt.ledger.kinds import RecordKind

RECORD_VERSION: Final = 1
_MEMBERS: Final = frozenset({"body", "kind", "time_utc", "version"})


_ACTS: Final[Mapping[RecordKind, type[Act]]] = {act.kind: act for act in get_args(Act)}


@dataclass(frozen=True, slots=True)
class LedgerRecord:
    """One record.

    Attributes:
        kind: what kind of act.
        time_utc: when, timezone-aware; kept to the millisecond.
        body: the act's own members.
    """

    kind: RecordKind
    time_utc: datetime
    body: Mapping[str, JsonValue]

    @classmethod
    def of(cls, act: Act, time_utc: datetime) -> "LedgerRecord":
        """Return the record of ``act``."""
        return cls(act.kind, time_utc, {f.name: getattr(act, f.name) for f in fields(act)})

    def to_bytes(self) -> bytes:
        """Return the record's only form."""
        return canonical_bytes(
            {
                "body": self.body,
                "kind": str(self.kind),
                "time_utc": format_utc(self.time_utc),
                "version": RECORD_VERSION,
            }
        )

    @classmethod
    def parse(cls, data: bytes) -> "LedgerRecord":
        """Read a record's bytes.

        Raises:
            InputError: they are not a record of this version: not canonical, an unknown kind, or
                not exactly the members of that kind.
        """
        value = parse_canonical_object(data)
        kind, time, body = value.get("kind"), value.get("time_utc"), value.get("body")
        version = value.get("version")
        if value.keys() != _MEMBERS or version is True or version != RECORD_VERSION:
            raise InputError("The bytes are not a ledger record of a known version.")
        if not (isinstance(kind, str) and isinstance(time, str) and isinstance(body, Mapping)):
            raise InputError("The ledger record has a member of the wrong type.")
        try:
            record = cls(RecordKind(kind), parse_utc(time), body)
        except (ValueError, OverflowError) as error:
            raise InputError("The ledger record has an unknown kind or no proper time.") from error
        if body.keys() != {f.name for f in fields(_ACTS[record.kind])}:
            raise InputError("The ledger record does not have the members of its kind.")
        if format_utc(record.time_utc) != time:
            raise InputError("The ledger record's time is not in its only form.")
        return record


def micro(score: float) -> int:
    """Return a score in millionths, rounded to the nearest."""
    return round(score * 1_000_000)


def counts_body(counts: FaceCounts) -> dict[str, JsonValue]:
    """Return counts as a record carries them."""
    body: dict[str, JsonValue] = {f.name: getattr(counts, f.name) for f in fields(counts)}
    return body | {"rejected_by_reason": dict(counts.rejected_by_reason)}


def parse_counts(body: JsonValue) -> FaceCounts:
    """Read what :func:`counts_body` gives.

    Raises:
        InputError: it is something else.
    """
    names = {f.name for f in fields(FaceCounts)}
    if not isinstance(body, Mapping) or body.keys() != names:
        raise InputError("The counts are not the counts of a run.")
    numbers = {name: _count(value) for name, value in body.items() if name != "rejected_by_reason"}
    reasons = body["rejected_by_reason"]
    if not isinstance(reasons, Mapping):
        raise InputError("The counts do not say why faces were rejected.")
    by_reason = {reason: _count(value) for reason, value in reasons.items()}
    return FaceCounts(rejected_by_reason=by_reason, **numbers)


def _count(value: JsonValue) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise InputError("A count is a whole number of 0 or more.")
    return value

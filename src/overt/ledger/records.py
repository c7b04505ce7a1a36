"""What the ledger records: one type for each kind of act, and the record's bytes.

A record is the canonical JSON object ``{"body", "kind", "time_utc", "version"}``. Scores stand in
millionths, so that no reader has to agree with another about floats.

Invariants: bodies hold ids, digests, counts and times. The digests of an alert's pictures are over
their encrypted bytes, so that they say nothing about a face once the key is gone.
Must not: hold a name, a template, a picture, a similarity or free text.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from enum import StrEnum
from typing import ClassVar, Final, TypeAlias, get_args

from overt.core.clock import format_utc, parse_utc
from overt.core.counts import FaceCounts
from overt.core.errors import InputError
from overt.core.ids import (
    AlertId,
    CameraId,
    ContractId,
    DeploymentId,
    EntryId,
    PersonId,
    Sha256,
    WatchlistId,
)
from overt.ledger.canonical import JsonValue, canonical_bytes, parse_canonical_object

RECORD_VERSION: Final = 1
_MEMBERS: Final = frozenset({"body", "kind", "time_utc", "version"})


class RecordKind(StrEnum):
    """Every kind of act that the ledger knows."""

    RUN_STARTED = "run.started"
    RUN_COUNTS = "run.counts"
    RUN_STOPPED = "run.stopped"
    ALERT_RAISED = "alert.raised"
    ALERT_REPEATED = "alert.repeated"
    REFUSAL = "refusal"
    PERSON_CHANGED = "person.changed"
    POLICY_ADOPTED = "policy.adopted"
    WATCHLIST_STEP = "watchlist.step"
    DEPLOYMENT_STEP = "deployment.step"
    ALERT_STEP = "alert.step"
    KEY_ROTATED = "key.rotated"
    KEY_DESTROYED = "key.destroyed"


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A deployment began to look; ``software`` names the digests of what decides."""

    kind: ClassVar = RecordKind.RUN_STARTED
    run: str
    deployment: DeploymentId
    capability_sha256: Sha256
    watchlist_sha256: Sha256
    contract: ContractId
    threshold_micro: int
    cameras: tuple[CameraId, ...]
    software: Mapping[str, Sha256]


@dataclass(frozen=True, slots=True)
class RunCounts:
    """What was counted since the last such record of the run; ``minute`` counts up from 0."""

    kind: ClassVar = RecordKind.RUN_COUNTS
    run: str
    minute: int
    counts: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class RunStopped:
    """The run is over; ``reconciled`` says whether the totals add up."""

    kind: ClassVar = RecordKind.RUN_STOPPED
    run: str
    deployment: DeploymentId
    reason: str
    reconciled: bool
    totals: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class AlertRaised:
    """A possible match went to an officer; ``facts_sha256`` commits to the rest of the alert."""

    kind: ClassVar = RecordKind.ALERT_RAISED
    run: str
    deployment: DeploymentId
    alert: AlertId
    camera: CameraId
    entry: EntryId
    facts_sha256: Sha256
    face_sha256: Sha256
    scene_sha256: Sha256


@dataclass(frozen=True, slots=True)
class AlertRepeated:
    """The same entry passed the same camera again; ``repeat`` counts up from 1."""

    kind: ClassVar = RecordKind.ALERT_REPEATED
    run: str
    alert: AlertId
    repeat: int


@dataclass(frozen=True, slots=True)
class Refusal:
    """Something was refused under a rule; run and deployment are None before there is one."""

    kind: ClassVar = RecordKind.REFUSAL
    run: str | None
    deployment: DeploymentId | None
    rule: str


@dataclass(frozen=True, slots=True)
class PersonChanged:
    """A person of the force was registered, changed or struck off; ``by`` is None for the first."""

    kind: ClassVar = RecordKind.PERSON_CHANGED
    person: PersonId
    version: int
    document_sha256: Sha256
    by: PersonId | None


@dataclass(frozen=True, slots=True)
class PolicyAdopted:
    """A policy pack was signed for use here."""

    kind: ClassVar = RecordKind.POLICY_ADOPTED
    pack: str
    pack_version: str
    pack_sha256: Sha256
    by: PersonId
    key_id: str


@dataclass(frozen=True, slots=True)
class WatchlistStep:
    """A step in a list's life; the document's digest commits to who was decided on, and how."""

    kind: ClassVar = RecordKind.WATCHLIST_STEP
    watchlist: WatchlistId
    event: str
    state: str
    version: int
    manifest_sha256: Sha256
    document_sha256: Sha256
    by: PersonId


@dataclass(frozen=True, slots=True)
class DeploymentStep:
    """A step in a deployment's life; ``by`` is None for what happens of itself, such as the end."""

    kind: ClassVar = RecordKind.DEPLOYMENT_STEP
    deployment: DeploymentId
    event: str
    state: str
    version: int
    document_sha256: Sha256
    by: PersonId | None


@dataclass(frozen=True, slots=True)
class AlertStep:
    """A step in an alert's life; ``note_sha256`` is over the note's encrypted bytes, if any."""

    kind: ClassVar = RecordKind.ALERT_STEP
    alert: AlertId
    number: int
    event: str
    state: str
    by: PersonId
    note_sha256: Sha256 | None


@dataclass(frozen=True, slots=True)
class KeyRotated:
    """A key was replaced; ``scope`` is ``machine`` or ``watchlist``, ``key_id`` names the new."""

    kind: ClassVar = RecordKind.KEY_ROTATED
    scope: str
    owner: str | None
    key_id: str
    by: PersonId | None


@dataclass(frozen=True, slots=True)
class KeyDestroyed:
    """A key was destroyed; ``scope`` is ``deployment`` or ``watchlist``."""

    kind: ClassVar = RecordKind.KEY_DESTROYED
    scope: str
    owner: str
    by: PersonId | None


Act: TypeAlias = (
    RunStarted
    | RunCounts
    | RunStopped
    | AlertRaised
    | AlertRepeated
    | Refusal
    | PersonChanged
    | PolicyAdopted
    | WatchlistStep
    | DeploymentStep
    | AlertStep
    | KeyRotated
    | KeyDestroyed
)

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

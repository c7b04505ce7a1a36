"""Every kind of act that the ledger records, one type for each.

Invariants: a body holds ids, digests, counts and times. The digests of an alert's pictures are over
their encrypted bytes, so that they say nothing about a face once the key is gone.
Must not: hold a name, a template, a picture, a similarity or free text.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, TypeAlias

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
from overt.ledger.canonical import JsonValue
from overt.ledger.kinds import RecordKind


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
    """A step in a list's life; the document's digest commits to who was decided on, and how.

    ``by`` is None when the list's period was over.
    """

    kind: ClassVar = RecordKind.WATCHLIST_STEP
    watchlist: WatchlistId
    event: str
    state: str
    version: int
    manifest_sha256: Sha256
    document_sha256: Sha256
    by: PersonId | None


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


@dataclass(frozen=True, slots=True)
class NodePrepared:
    """What the node could do to keep faces out of files; ``reason`` says why not, as a code."""

    kind: ClassVar = RecordKind.NODE_PREPARED
    run: str
    deployment: DeploymentId
    core_dumps_off: bool
    memory_locked: bool
    reason: str | None


@dataclass(frozen=True, slots=True)
class PresenceSeen:
    """Which officers said to be there since the last such record, and how often."""

    kind: ClassVar = RecordKind.PRESENCE_SEEN
    run: str
    deployment: DeploymentId
    minute: int
    n_beats: Mapping[PersonId, int]


@dataclass(frozen=True, slots=True)
class LookTaken:
    """Somebody looked at what is kept about a person.

    ``subject`` is ``alert`` or ``watchlist`` and ``owner`` its id; ``entry`` is None for a whole
    list; ``part`` is ``pictures``, ``facts`` or ``notes``.
    """

    kind: ClassVar = RecordKind.LOOK_TAKEN
    subject: str
    owner: str
    entry: EntryId | None
    part: str
    by: PersonId | None


@dataclass(frozen=True, slots=True)
class ExportMade:
    """Something left the store as a file; ``subject`` is its owner, ``sha256`` of its bytes."""

    kind: ClassVar = RecordKind.EXPORT_MADE
    what: str
    subject: str | None
    sha256: Sha256 | None
    by: PersonId | None


@dataclass(frozen=True, slots=True)
class ActDenied:
    """Somebody asked for an act and was refused under the rule with this id."""

    kind: ClassVar = RecordKind.ACT_DENIED
    act: str
    rule: str
    deployment: DeploymentId | None
    watchlist: WatchlistId | None
    by: PersonId | None


@dataclass(frozen=True, slots=True)
class OverrideUsed:
    """What a rule forbids was allowed for an emergency, by somebody, until a time."""

    kind: ClassVar = RecordKind.OVERRIDE_USED
    rule: str
    deployment: DeploymentId
    until_utc: str
    by: PersonId


@dataclass(frozen=True, slots=True)
class DeletionBegun:
    """Rows and keys are gone from the database; the receipt follows when the bytes are gone too.

    ``data`` is a kind of the policy pack, ``owner_kind`` is ``alert``, ``deployment``,
    ``watchlist``, ``manifest`` or ``person``; ``cause`` is why now, ``due_utc`` the pack's time if
    it was that. ``deletion`` is the beginning of the digest of the document that says what goes.
    """

    kind: ClassVar = RecordKind.DELETION_BEGUN
    deletion: str
    data: str
    owner_kind: str
    owner: str
    cause: str
    due_utc: str | None
    policy_sha256: Sha256 | None
    by: PersonId | None


@dataclass(frozen=True, slots=True)
class DeletionReceipt:
    """The bytes are gone as far as ``promises`` say, and not as far as ``exceptions`` say.

    ``receipt_sha256`` is over the whole receipt; see :mod:`overt.retention.receipts`.
    """

    kind: ClassVar = RecordKind.DELETION_RECEIPT
    deletion: str
    data: str
    owner_kind: str
    owner: str
    n_rows: int
    n_keys: int
    n_files: int
    promises: tuple[str, ...]
    exceptions: Mapping[str, str | None]
    receipt_sha256: Sha256


@dataclass(frozen=True, slots=True)
class HoldStep:
    """A legal hold was placed, extended, released, or expired; ``reason_sha256`` is encrypted's."""

    kind: ClassVar = RecordKind.HOLD_STEP
    hold: str
    event: str
    ground: str
    owner_kind: str
    owner: str
    data: tuple[str, ...]
    until_utc: str
    reason_sha256: Sha256 | None
    by: PersonId | None


@dataclass(frozen=True, slots=True)
class MembershipAsked:
    """Somebody with a right to know asked whether a person was on a deployment's list.

    Neither the person nor the answer is recorded.
    """

    kind: ClassVar = RecordKind.MEMBERSHIP_ASKED
    deployment: DeploymentId
    ground: str
    by: PersonId


@dataclass(frozen=True, slots=True)
class ForgetTested:
    """It was searched for what should be forgotten; see ``overt selftest forget``."""

    kind: ClassVar = RecordKind.FORGET_TESTED
    n_runs: int
    searched_bytes: int
    n_found: int
    n_planted: int
    n_planted_found: int
    software: Mapping[str, Sha256]
    by: PersonId | None


@dataclass(frozen=True, slots=True)
class WitnessTrusted:
    """A witness's key was taken in, so that its cosignatures count here."""

    kind: ClassVar = RecordKind.WITNESS_TRUSTED
    witness: str
    key_id: str
    by: PersonId


@dataclass(frozen=True, slots=True)
class CheckpointWitnessed:
    """A witness cosigned the checkpoint over the first ``size`` records."""

    kind: ClassVar = RecordKind.CHECKPOINT_WITNESSED
    witness: str
    key_id: str
    size: int


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
    | NodePrepared
    | PresenceSeen
    | LookTaken
    | ExportMade
    | ActDenied
    | OverrideUsed
    | DeletionBegun
    | DeletionReceipt
    | HoldStep
    | MembershipAsked
    | ForgetTested
    | WitnessTrusted
    | CheckpointWitnessed
)

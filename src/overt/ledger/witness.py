"""What a witness does: the ``add-checkpoint`` call of C2SP ``tlog-witness``, without its transport.

A log shows a witness its new checkpoint and a proof that everything the witness saw before is in
it. The witness cosigns, or says why not. Whoever then asks for the witness's line cannot be shown
a history that the witness was not shown.

    request → whose log? → signed by it? → not older, not another of the same size, proved → kept
            → cosigned

Invariants: for one log a witness never cosigns two roots of one size, nor a smaller tree than it
cosigned before; what it cosigns is kept before the cosignature exists; its times never go back.
Must not: read a file or a clock; raise for what a log may send, however wrong: that is an answer.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum, StrEnum
from types import MappingProxyType
from typing import Final, Protocol, TypeAlias

from overt.core.errors import InputError, IntegrityError, StateError
from overt.ledger.cosignature import Cosigner
from overt.ledger.merkle import EMPTY_ROOT, verify_consistency
from overt.ledger.notes import (
    Checkpoint,
    NoteVerifier,
    SignatureLine,
    open_note,
    parse_note,
    parse_size,
)
from overt.ledger.proof_file import format_hashes, split_proof

MAX_PROOF_LINES: Final = 63
"""As many as a request may have; a log of 2^63 records needs no more."""


class Status(Enum):
    """How a witness answers, as the protocol's HTTP status codes."""

    COSIGNED = 200
    BAD_REQUEST = 400
    BAD_SIGNATURE = 403
    UNKNOWN_LOG = 404
    CONFLICT = 409
    BAD_PROOF = 422


class Reason(StrEnum):
    """Why a witness did not cosign."""

    MALFORMED = "malformed"
    UNKNOWN_LOG = "unknown-log"
    BAD_SIGNATURE = "bad-signature"
    OTHER_OLD_SIZE = "other-old-size"
    OLDER = "older"
    FORK = "fork"
    BAD_PROOF = "bad-proof"


STATUS_OF: Final[Mapping[Reason, Status]] = MappingProxyType(
    {
        Reason.MALFORMED: Status.BAD_REQUEST,
        Reason.UNKNOWN_LOG: Status.UNKNOWN_LOG,
        Reason.BAD_SIGNATURE: Status.BAD_SIGNATURE,
        Reason.OTHER_OLD_SIZE: Status.CONFLICT,
        Reason.OLDER: Status.CONFLICT,
        Reason.FORK: Status.CONFLICT,
        Reason.BAD_PROOF: Status.BAD_PROOF,
    }
)


@dataclass(frozen=True, slots=True)
class AddCheckpoint:
    """A log's request.

    Attributes:
        old_size: the size of the checkpoint that the witness is thought to have cosigned last; 0
            for none.
        proof: the consistency proof from there to ``note`` (RFC 6962 §2.1.2).
        note: the new checkpoint, signed by its log.
    """

    old_size: int
    proof: tuple[bytes, ...]
    note: bytes

    def to_bytes(self) -> bytes:
        """Return the body of the request."""
        return f"old {self.old_size}\n{format_hashes(self.proof)}\n".encode() + self.note

    @classmethod
    def parse(cls, data: bytes) -> "AddCheckpoint":
        """Read what :meth:`to_bytes` writes; no signature is checked.

        Raises:
            InputError: it is something else, or the checkpoint is smaller than the old size.
        """
        first, proof, note = split_proof(data, MAX_PROOF_LINES)
        if not first.startswith("old "):
            raise InputError("The request does not begin with the old size.")
        request = cls(parse_size(first.removeprefix("old ")), proof, note)
        if request.old_size > request.checkpoint.size:
            raise InputError("The old size is larger than the checkpoint's.")
        return request

    @property
    def checkpoint(self) -> Checkpoint:
        """What the note says; not to be trusted before its signature was checked."""
        return Checkpoint.parse(parse_note(self.note).text)


@dataclass(frozen=True, slots=True)
class Head:
    """The last checkpoint of a log that a witness cosigned.

    Attributes:
        note: the checkpoint as its log signed it.
        time_s: when it was cosigned, seconds since 1970.
    """

    note: bytes
    time_s: int

    @property
    def checkpoint(self) -> Checkpoint:
        """What the note says; it was verified before it was kept."""
        return Checkpoint.parse(parse_note(self.note).text)


@dataclass(frozen=True, slots=True)
class WatchedLog:
    """A log that a witness cosigns for.

    Attributes:
        origin: its name, the first line of its checkpoints.
        keys: any of them signs its checkpoints.
        head: what was cosigned last; None before the first.
    """

    origin: str
    keys: tuple[NoteVerifier, ...]
    head: Head | None = None

    @property
    def size(self) -> int:
        """How many records the last cosigned checkpoint covers; 0 before the first."""
        return self.head.checkpoint.size if self.head else 0

    @property
    def root(self) -> bytes:
        """The root of the last cosigned checkpoint; that of the empty tree before the first."""
        return self.head.checkpoint.root if self.head else EMPTY_ROOT


class WitnessBook(Protocol):
    """Where a witness keeps what it saw; one writer at a time for the whole of a request."""

    def watched(self, origin: str) -> WatchedLog | None:
        """Return the log of that origin, or None if the witness does not cosign for it."""
        ...

    def keep(self, log: WatchedLog) -> None:
        """Keep a log's new head in place of the old one.

        It has reached the disk when this returns, and is either kept whole or not at all.

        Raises:
            StorageError: it could not be kept.
        """
        ...


@dataclass(frozen=True, slots=True)
class Cosigned:
    """The witness agrees.

    Attributes:
        line: its cosignature.
        checkpoint: of what.
    """

    line: SignatureLine
    checkpoint: Checkpoint


@dataclass(frozen=True, slots=True)
class Refused:
    """The witness did not cosign.

    Attributes:
        reason: why not.
        sentence: the same, for a person.
        known_size: for a conflict, the size of what was cosigned last.
        evidence: for a fork, two notes of one log that cannot both be true, the one that was
            cosigned first. Anybody can check them with the log's public key.
    """

    reason: Reason
    sentence: str
    known_size: int | None = None
    evidence: tuple[bytes, ...] = ()

    @property
    def status(self) -> Status:
        """How the protocol says it."""
        return STATUS_OF[self.reason]


Answer: TypeAlias = Cosigned | Refused


def add_checkpoint(data: bytes, book: WitnessBook, cosigner: Cosigner, time_s: int) -> Answer:
    """Answer a request: cosign a log's new checkpoint, or say why not.

    Args:
        data: the request's body, from whomever.
        book: what the witness keeps; nobody else may write to it until this returns.
        cosigner: the witness's key.
        time_s: what time it is, seconds since 1970.

    Raises:
        StateError: the clock stands before the last cosignature for this log.
        StorageError: what was seen could not be kept; nothing was cosigned.
    """
    try:
        request = AddCheckpoint.parse(data)
        checkpoint = request.checkpoint
    except InputError as error:
        return Refused(Reason.MALFORMED, str(error))
    log = book.watched(checkpoint.origin)
    if log is None:
        return Refused(Reason.UNKNOWN_LOG, "This witness does not cosign for the checkpoint's log.")
    refused = _refusal(request, checkpoint, log)
    if refused is not None:
        return refused
    if log.head is not None and time_s < log.head.time_s:
        raise StateError("The clock stands before the time of the last cosignature for this log.")
    # Kept first: a witness that forgets what it signed could be made to sign its opposite.
    book.keep(replace(log, head=Head(request.note, time_s)))
    return Cosigned(cosigner.cosign(checkpoint.text, time_s), checkpoint)


def _refusal(request: AddCheckpoint, checkpoint: Checkpoint, log: WatchedLog) -> Refused | None:
    try:
        open_note(request.note, log.keys)
    except IntegrityError as error:
        return Refused(Reason.BAD_SIGNATURE, str(error))
    size, known = checkpoint.size, log.size
    if size == known and checkpoint.root != log.root:
        return _fork(request, log)
    if size < known:
        sentence = f"The checkpoint covers {size} records; one of {known} was cosigned before."
        return Refused(Reason.OLDER, sentence, known)
    if request.old_size != known:
        sentence = f"The proof begins at {request.old_size} records; it has to begin at {known}."
        return Refused(Reason.OTHER_OLD_SIZE, sentence, known)
    try:
        verify_consistency(known, log.root, size, checkpoint.root, request.proof)
    except IntegrityError as error:
        return Refused(Reason.BAD_PROOF, str(error))
    return None


def _fork(request: AddCheckpoint, log: WatchedLog) -> Refused:
    evidence = (log.head.note, request.note) if log.head else (request.note,)
    sentence = f"The log signed two different trees of {log.size} records: its history is forked."
    return Refused(Reason.FORK, sentence, log.size, evidence)

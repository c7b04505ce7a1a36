"""Proofs as files that can be handed on: the C2SP format ``tlog-proof``.

A proof file holds a checkpoint, where the record stands, and the hashes between the two. Whoever
has the record, the file and the log's public key needs nothing else, and no network.

Invariants: ``ProofFile.parse(data).to_bytes() == data`` for all data that is accepted.
Must not: trust what the file says beside the proof; in particular a record that lies in it counts
only if the proof leads from it to the checkpoint.
"""

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from overt.core.errors import InputError
from overt.ledger.cosignature import Cosignature, WitnessPolicy
from overt.ledger.merkle import HASH_BYTES, leaf_hash, verify_inclusion
from overt.ledger.notes import Checkpoint, NoteVerifier, parse_size, strict_base64

HEADER: Final = "c2sp.org/tlog-proof@v1"
MAX_HASHES: Final = 63
_MAX_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class ProofFile:
    """That a record stands in a log.

    Attributes:
        index: the record's number, counted from 0.
        proof: from the record's sibling up (RFC 6962 §2.1.1).
        note: the checkpoint, with its signatures and cosignatures.
        record: the record's bytes, where they go with the proof; the format's extra data.
    """

    index: int
    proof: tuple[bytes, ...]
    note: bytes
    record: bytes | None = None

    def to_bytes(self) -> bytes:
        """Return the file."""
        extra = "" if self.record is None else f"extra {base64.b64encode(self.record).decode()}\n"
        head = f"{HEADER}\n{extra}index {self.index}\n{format_hashes(self.proof)}\n"
        return head.encode() + self.note

    @classmethod
    def parse(cls, data: bytes) -> "ProofFile":
        """Read what :meth:`to_bytes` writes; nothing is verified.

        Raises:
            InputError: it is something else.
        """
        header, _, rest = data.partition(b"\n")
        if header != HEADER.encode():
            raise InputError("The file is not a proof of this version.")
        record = None
        if rest.startswith(b"extra "):
            line, _, rest = rest.partition(b"\n")
            record = strict_base64(_ascii(line.removeprefix(b"extra ")))
        first, proof, note = split_proof(rest, MAX_HASHES)
        if not first.startswith("index "):
            raise InputError("The proof does not say where the record stands.")
        return cls(parse_size(first.removeprefix("index ")), proof, note, record)

    def check(
        self, record: bytes, log: NoteVerifier, policy: WitnessPolicy
    ) -> tuple[Checkpoint, tuple[Cosignature, ...]]:
        """Return the checkpoint that covers ``record``, and who cosigned it.

        Raises:
            InputError: what stands after the proof is no checkpoint.
            IntegrityError: the checkpoint is not one of the log or does not fulfil the policy, or
                the record does not stand there.
        """
        checkpoint, cosigned = policy.open(self.note, log)
        verify_inclusion(
            leaf_hash(record), self.index, checkpoint.size, self.proof, checkpoint.root
        )
        return checkpoint, cosigned


def format_hashes(hashes: Sequence[bytes]) -> str:
    """Return hashes as lines of base64, each ended by a newline."""
    return "".join(f"{base64.b64encode(each).decode()}\n" for each in hashes)


def split_proof(data: bytes, max_hashes: int) -> tuple[str, tuple[bytes, ...], bytes]:
    """Take apart a line, lines with hashes, an empty line, and a note.

    Returns:
        The first line without its newline; the hashes, 32 bytes each; the note, not yet read.

    Raises:
        InputError: it is something else, or larger than such a thing can be.
    """
    if len(data) > _MAX_BYTES:
        raise InputError("The proof is larger than one mebibyte.")
    head, separator, note = data.partition(b"\n\n")
    first, *lines = _ascii(head).split("\n")
    if not separator:
        raise InputError("The proof does not end in an empty line and a checkpoint.")
    if len(lines) > max_hashes:
        raise InputError(f"The proof has more than {max_hashes} lines.")
    hashes = tuple(map(strict_base64, lines))
    if any(len(each) != HASH_BYTES for each in hashes):
        raise InputError("A line of the proof is not a SHA-256 hash.")
    return first, hashes, note


def _ascii(data: bytes) -> str:
    try:
        return data.decode("ascii")
    except UnicodeDecodeError as error:
        raise InputError("The proof holds characters other than ASCII.") from error

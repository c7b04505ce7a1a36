"""Witness cosignatures: the C2SP format ``tlog-cosignature`` with Ed25519 (signature type 0x04).

A witness signs a checkpoint's text together with the time at which it saw it: until then this was
the largest tree that it knew of the log, and everything it saw before is in it. Whoever asks for
enough witnesses cannot be shown another history than they were.

Invariants: a cosignature counts once for each public key, whatever names the key goes by; a line of
a known witness that fails rejects the whole checkpoint; lines of unknown keys are ignored.
Must not: know what a witness checked before it signed (``witness.py``); read a clock.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from overt.core.errors import InputError, IntegrityError
from overt.ledger.notes import (
    Checkpoint,
    NoteVerifier,
    SignatureLine,
    check_named_key,
    format_vkey,
    key_id,
    open_checkpoint,
    parse_note,
    parse_vkey,
)

_COSIGNATURE_TYPE: Final = b"\x04"
_TIMESTAMP_BYTES: Final = 8
_SIGNATURE_BYTES: Final = 64
_MAX_TIME_S: Final = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Cosignature:
    """What a witness said, once it was verified.

    Attributes:
        witness: whose key.
        time_s: when they signed, seconds since 1970 in UTC, by their own clock.
    """

    witness: "WitnessVerifier"
    time_s: int


@dataclass(frozen=True, slots=True)
class WitnessVerifier:
    """A public key that cosigns checkpoints under a name.

    Attributes:
        name: key name, without spaces or plus signs.
        public_key: 32 bytes, RFC 8032.
    """

    name: str
    public_key: bytes

    def __post_init__(self) -> None:
        """Refuse a name or a key that no note could carry."""
        check_named_key(self.name, self.public_key)

    @property
    def key_id(self) -> bytes:
        """Four bytes that, with the name, say which key cosigned."""
        return key_id(self.name, _COSIGNATURE_TYPE + self.public_key)

    def __str__(self) -> str:
        """Return the key as other tools read it: name, key id and key, joined by plus signs."""
        return format_vkey(self.name, _COSIGNATURE_TYPE + self.public_key)

    @classmethod
    def parse(cls, text: str) -> "WitnessVerifier":
        """Read a key in the form that :meth:`__str__` writes.

        Raises:
            InputError: it is not in that form, of another type, or its key id is not its own.
        """
        name, typed_key = parse_vkey(text)
        if typed_key[:1] != _COSIGNATURE_TYPE:
            raise InputError("The verifier key is not a witness's: its type is not 4.")
        return cls(name, typed_key[1:])

    def made(self, line: SignatureLine) -> bool:
        """Whether a line says that it is of this key."""
        return (line.name, line.key_id) == (self.name, self.key_id)

    def check(self, line: SignatureLine, text: str) -> Cosignature:
        """Check a line of this key over a checkpoint's text.

        Raises:
            IntegrityError: the key did not make it for this text.
        """
        time_s = int.from_bytes(line.signature[:_TIMESTAMP_BYTES])
        signature = line.signature[_TIMESTAMP_BYTES:]
        key = Ed25519PublicKey.from_public_bytes(self.public_key)
        is_in_form = len(signature) == _SIGNATURE_BYTES and time_s <= _MAX_TIME_S
        try:
            if not self.made(line) or not is_in_form:
                raise IntegrityError("The cosignature is not one of the expected witness.")
            key.verify(signature, _signed_message(text, time_s))
        except InvalidSignature as error:
            raise IntegrityError(
                "The cosignature was not made by the expected witness for this checkpoint."
            ) from error
        return Cosignature(self, time_s)


@dataclass(frozen=True, slots=True)
class Cosigner:
    """A witness's private key, and its name."""

    name: str
    private_key: Ed25519PrivateKey = field(repr=False)

    @property
    def verifier(self) -> WitnessVerifier:
        """What others need to check the cosignatures."""
        return WitnessVerifier(self.name, self.private_key.public_key().public_bytes_raw())

    def cosign(self, text: str, time_s: int) -> SignatureLine:
        """Return the cosignature of a checkpoint's text; whoever asks has checked it.

        Args:
            text: a checkpoint's text, as :attr:`overt.ledger.notes.Note.text`.
            time_s: seconds since 1970 in UTC.

        Raises:
            InputError: it is no checkpoint, or no such time.
        """
        Checkpoint.parse(text)
        if not 0 <= time_s <= _MAX_TIME_S:
            raise InputError("A cosignature's time is a number of seconds from 0 to 2^63 - 1.")
        signature = self.private_key.sign(_signed_message(text, time_s))
        timestamp = time_s.to_bytes(_TIMESTAMP_BYTES)
        return SignatureLine(self.name, self.verifier.key_id, timestamp + signature)


@dataclass(frozen=True, slots=True)
class WitnessPolicy:
    """Whose cosignatures somebody asks for.

    Attributes:
        witnesses: the keys that they trust, each of them once.
        quorum: how many of them must have cosigned; 0 asks for none.
    """

    witnesses: tuple[WitnessVerifier, ...] = ()
    quorum: int = 0

    def __post_init__(self) -> None:
        """Refuse a policy that nothing could meet, or that one key could meet twice."""
        if len({witness.public_key for witness in self.witnesses}) != len(self.witnesses):
            raise InputError("The same witness key stands there twice.")
        if not 0 <= self.quorum <= len(self.witnesses):
            raise InputError(
                f"{self.quorum} of {len(self.witnesses)} witnesses cannot be asked for."
            )

    def open(self, data: bytes, log: NoteVerifier) -> tuple[Checkpoint, tuple[Cosignature, ...]]:
        """Return a log's checkpoint and who cosigned it, once everything was verified.

        Raises:
            InputError: the bytes are not a checkpoint.
            IntegrityError: the log did not sign it, a known witness's line fails, or too few of
                them cosigned.
        """
        checkpoint = open_checkpoint(data, log)
        found = cosignatures(data, self.witnesses)
        n_cosigned = len({each.witness.public_key for each in found})
        if n_cosigned < self.quorum:
            raise IntegrityError(
                f"{n_cosigned} of the {len(self.witnesses)} known witnesses cosigned the "
                f"checkpoint, where {self.quorum} are asked for."
            )
        return checkpoint, found


def cosignatures(data: bytes, witnesses: Sequence[WitnessVerifier]) -> tuple[Cosignature, ...]:
    """Return the cosignatures of known witnesses on a checkpoint, verified, in its lines' order.

    The log's own signature is not looked at; see :meth:`WitnessPolicy.open`.

    Raises:
        InputError: the bytes are not a signed checkpoint.
        IntegrityError: a line of a known witness fails.
    """
    note = parse_note(data)
    Checkpoint.parse(note.text)
    return tuple(
        witness.check(line, note.text)
        for line in note.signatures
        for witness in witnesses
        if witness.made(line)
    )


def with_lines(data: bytes, lines: Sequence[SignatureLine]) -> bytes:
    """Return a signed checkpoint with these lines after its own, each line once.

    Raises:
        InputError: the bytes are not a signed note.
    """
    note = parse_note(data)
    added = [line for line in dict.fromkeys(lines) if line not in note.signatures]
    return data + "".join(f"{line}\n" for line in added).encode()


def parse_lines(data: bytes) -> tuple[SignatureLine, ...]:
    """Read what a witness answers: one or more signature lines, each with its newline.

    Raises:
        InputError: it is something else.
    """
    try:
        *lines, last = data.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise InputError("The witness's answer is not UTF-8.") from error
    if last or not lines:
        raise InputError("A witness's answer is one or more signature lines.")
    return tuple(map(SignatureLine.parse, lines))


def _signed_message(text: str, time_s: int) -> bytes:
    return f"cosignature/v1\ntime {time_s}\n{text}".encode()

"""Signed notes and checkpoints: the C2SP formats ``signed-note`` and ``tlog-checkpoint``.

A note is text, an empty line, and signature lines; a checkpoint is a note whose text names a log,
its size and its root. Ed25519 only (signature type 0x01).

Invariants: text is handed out only after a signature of a known key was verified; a signature of a
known key that fails rejects the whole note; signatures of unknown keys are ignored.
Must not: accept a note that is nearly in form.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from overt.core.errors import InputError, IntegrityError
from overt.ledger.merkle import HASH_BYTES, CompactTree

_ED25519_TYPE: Final = b"\x01"
_KEY_ID_BYTES: Final = 4
_MAX_NOTE_BYTES: Final = 1 << 20
_MAX_SIGNATURES: Final = 100
_DASH: Final = "\u2014 "
_SIZE: Final = re.compile(r"0|[1-9][0-9]{0,17}", re.ASCII)
_VERIFIER: Final = re.compile(r"([^+]+)\+([0-9a-f]{8})\+(.+)", re.ASCII)


def key_id(name: str, typed_key: bytes) -> bytes:
    """Return the four bytes that, with the name, say which key made a signature, and how.

    Args:
        name: the key's name.
        typed_key: one byte for the type of its signatures, then the public key.
    """
    return hashlib.sha256(name.encode() + b"\n" + typed_key).digest()[:_KEY_ID_BYTES]


def format_vkey(name: str, typed_key: bytes) -> str:
    """Return a key as other tools read it; arguments as of :func:`key_id`."""
    key = base64.b64encode(typed_key).decode()
    return f"{name}+{key_id(name, typed_key).hex()}+{key}"


def parse_vkey(text: str) -> tuple[str, bytes]:
    """Read the name, and the key after its type, of what :func:`format_vkey` writes.

    Raises:
        InputError: it is not in that form, or its key id is not its own.
    """
    parts = _VERIFIER.fullmatch(text)
    if parts is None or not _is_key_name(parts[1]):
        raise InputError("A verifier key has the form name+id+key.")
    typed_key = strict_base64(parts[3])
    if key_id(parts[1], typed_key).hex() != parts[2]:
        raise InputError("The verifier key's id does not belong to its key.")
    return parts[1], typed_key


def check_key_name(name: str) -> None:
    """Refuse a name that no key could have.

    Raises:
        InputError: it is one.
    """
    if not _is_key_name(name):
        raise InputError("A key's name is not empty and has no spaces or plus signs.")


def check_named_key(name: str, public_key: bytes) -> None:
    """Refuse a name or an Ed25519 key that no note could carry.

    Raises:
        InputError: it is one.
    """
    check_key_name(name)
    try:
        Ed25519PublicKey.from_public_bytes(public_key)
    except ValueError as error:
        raise InputError("The key is not an Ed25519 public key.") from error


@dataclass(frozen=True, slots=True)
class NoteVerifier:
    """A public key that signs notes under a name.

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
        """Four bytes that, with the name, say which key signed."""
        return key_id(self.name, _ED25519_TYPE + self.public_key)

    def __str__(self) -> str:
        """Return the key as other tools read it: name, key id and key, joined by plus signs."""
        return format_vkey(self.name, _ED25519_TYPE + self.public_key)

    @classmethod
    def parse(cls, text: str) -> "NoteVerifier":
        """Read a key in the form that :meth:`__str__` writes.

        Raises:
            InputError: it is not in that form, of another type, or its key id is not its own.
        """
        name, typed_key = parse_vkey(text)
        if typed_key[:1] != _ED25519_TYPE:
            raise InputError("The verifier key is not of the Ed25519 type.")
        return cls(name, typed_key[1:])

    def check(self, text: str, signature: bytes) -> None:
        """Check a signature over a note's text.

        Raises:
            IntegrityError: the key did not make it for this text.
        """
        try:
            Ed25519PublicKey.from_public_bytes(self.public_key).verify(signature, text.encode())
        except InvalidSignature as error:
            raise IntegrityError(
                "The signature was not made by the expected key for this text."
            ) from error


@dataclass(frozen=True, slots=True)
class NoteSigner:
    """A private key that signs notes under a name."""

    name: str
    private_key: Ed25519PrivateKey

    @property
    def verifier(self) -> NoteVerifier:
        """What others need to check the signatures."""
        return NoteVerifier(self.name, self.private_key.public_key().public_bytes_raw())

    def sign(self, text: str) -> bytes:
        """Return the note: ``text`` with one signature.

        Args:
            text: ends in a newline; no control characters but newlines.

        Raises:
            InputError: the text cannot be a note's.
        """
        _check_text(text)
        signature = self.private_key.sign(text.encode())
        line = SignatureLine(self.name, self.verifier.key_id, signature)
        return f"{text}\n{line}\n".encode()


@dataclass(frozen=True, slots=True)
class SignatureLine:
    """One line of a note: who signed, and the signature."""

    name: str
    key_id: bytes
    signature: bytes

    def __str__(self) -> str:
        """Return the line as a note holds it, without the newline at its end."""
        return f"{_DASH}{self.name} {base64.b64encode(self.key_id + self.signature).decode()}"

    @classmethod
    def parse(cls, line: str) -> "SignatureLine":
        """Read what :meth:`__str__` writes.

        Raises:
            InputError: it is no such line.
        """
        name, _, encoded = line.removeprefix(_DASH).partition(" ")
        if not line.startswith(_DASH) or not _is_key_name(name):
            raise InputError("The signed note has a line that is not a signature.")
        signature = strict_base64(encoded)
        if len(signature) <= _KEY_ID_BYTES:
            raise InputError("The signed note has a signature that is too short.")
        return cls(name, signature[:_KEY_ID_BYTES], signature[_KEY_ID_BYTES:])


@dataclass(frozen=True, slots=True)
class Note:
    """A note that was taken apart; nothing in it is trusted before :func:`open_note` says so."""

    text: str
    signatures: tuple[SignatureLine, ...]


def parse_note(data: bytes) -> Note:
    """Take a note apart without checking signatures.

    Raises:
        InputError: the bytes are not a signed note.
    """
    if len(data) > _MAX_NOTE_BYTES:
        raise InputError("The signed note is larger than one mebibyte.")
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise InputError("The signed note is not UTF-8.") from error
    text, separator, lines = whole.rpartition("\n\n")
    if not separator or not lines.endswith("\n"):
        raise InputError("The bytes are not a signed note: no text, empty line and signatures.")
    text += "\n"
    _check_text(text)
    signatures = lines[:-1].split("\n")
    if len(signatures) > _MAX_SIGNATURES:
        raise InputError(f"The signed note has more than {_MAX_SIGNATURES} signatures.")
    return Note(text, tuple(map(SignatureLine.parse, signatures)))


def open_note(data: bytes, verifiers: Sequence[NoteVerifier]) -> str:
    """Return a note's text once a known key's signature has been verified.

    Raises:
        InputError: the bytes are not a signed note.
        IntegrityError: no known key signed it, or a known key's signature fails.
    """
    note = parse_note(data)
    known = {(verifier.name, verifier.key_id): verifier for verifier in verifiers}
    n_verified = 0
    for line in note.signatures:
        verifier = known.get((line.name, line.key_id))
        if verifier is not None:
            verifier.check(note.text, line.signature)
            n_verified += 1
    if n_verified == 0:
        raise IntegrityError("The note is not signed by a known key.")
    return note.text


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A log's tree head.

    Attributes:
        origin: the log's name.
        size: number of records that it covers.
        root: Merkle root over them, 32 bytes.
        extensions: further lines, which nobody here reads.
    """

    origin: str
    size: int
    root: bytes
    extensions: tuple[str, ...] = ()

    @classmethod
    def of(cls, origin: str, tree: CompactTree) -> "Checkpoint":
        """Return the head of ``tree``."""
        return cls(origin, tree.size, tree.root)

    @property
    def text(self) -> str:
        """The note text, ending in a newline."""
        root = base64.b64encode(self.root).decode()
        return "\n".join((self.origin, str(self.size), root, *self.extensions, ""))

    @classmethod
    def parse(cls, text: str) -> "Checkpoint":
        """Read a note's text as a checkpoint.

        Raises:
            InputError: it is not one.
        """
        lines = text.split("\n")
        if len(lines) < 4 or lines.pop() != "" or not all(lines):
            raise InputError("A checkpoint has three or more lines, none of them empty.")
        origin, size, root_text, *extensions = lines
        root = strict_base64(root_text)
        if len(root) != HASH_BYTES:
            raise InputError("The checkpoint's third line is not a SHA-256 root.")
        return cls(origin, parse_size(size), root, tuple(extensions))


def sign_checkpoint(tree: CompactTree, signer: NoteSigner) -> bytes:
    """Return the signed checkpoint of ``tree``; the signer's name is the log's origin."""
    return signer.sign(Checkpoint.of(signer.name, tree).text)


def open_checkpoint(data: bytes, log: NoteVerifier) -> Checkpoint:
    """Return a log's checkpoint once its signature has been verified.

    Raises:
        InputError: the bytes are not a checkpoint.
        IntegrityError: ``log`` did not sign it, or it is of another log.
    """
    checkpoint = Checkpoint.parse(open_note(data, (log,)))
    if checkpoint.origin != log.name:
        raise IntegrityError("The checkpoint is of another log.")
    return checkpoint


def parse_size(text: str) -> int:
    """Return the number of records, or the number of a record, that a text stands for.

    Raises:
        InputError: it is not a decimal of at most 18 digits without leading zeroes.
    """
    if _SIZE.fullmatch(text) is None:
        raise InputError("The text is not a tree size or a record's number.")
    return int(text)


def strict_base64(text: str) -> bytes:
    """Return what a base64 text stands for (RFC 4648 §4), which has one text only.

    Raises:
        InputError: it is not base64, or could have been written otherwise.
    """
    try:
        decoded = base64.b64decode(text.encode("ascii"), validate=True)
    except (UnicodeEncodeError, binascii.Error) as error:
        raise InputError("The text is not base64.") from error
    if base64.b64encode(decoded).decode() != text:
        raise InputError("The base64 text is not in its only form.")
    return decoded


def _check_text(text: str) -> None:
    if not text.endswith("\n"):
        raise InputError("A note's text ends in a newline.")
    if any(character < " " and character != "\n" for character in text):
        raise InputError("A note holds no control characters other than newlines.")


def _is_key_name(name: str) -> bool:
    return bool(name) and not any(c.isspace() or c == "+" or c < " " for c in name)

"""Key files, and the keys that they wrap.

    machine key         ── wraps ──▶ a key for each deployment and each watchlist (in the database)
    ledger key (a file) ── signs ──▶ checkpoints

The machine key is a file as well, unless it comes from elsewhere (:mod:`overt.store.machine_key`).
Destroying a wrapped key makes what it sealed unreadable, however many copies of the ciphertext
there are.

Invariants: a key file is 32 random bytes that only its owner can read; it appears whole or not at
all, and is never replaced. A wrapped key opens only for the owner it was wrapped for.
Must not: write a bare key anywhere but to its key file, or show one in a repr or an error.
"""

import hashlib
import hmac
import os
import secrets
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from overt.core.errors import IntegrityError
from overt.store.faults import storage_faults

KEY_BYTES: Final = 32
NONCE_BYTES: Final = 12
_FOR_OTHERS: Final = stat.S_IRWXG | stat.S_IRWXO


@dataclass(frozen=True, slots=True)
class Sealed:
    """What AES-256-GCM makes of a plaintext.

    Attributes:
        nonce: 12 random bytes, never used twice under one key.
        ciphertext: as long as the plaintext, and 16 bytes of tag.
    """

    nonce: bytes
    ciphertext: bytes


@dataclass(frozen=True, slots=True)
class DataKey:
    """A key of 256 bits that seals fields of rows."""

    secret: bytes = field(repr=False)

    @classmethod
    def generate(cls) -> "DataKey":
        """Return a new random key."""
        return cls(secrets.token_bytes(KEY_BYTES))

    def seal(self, plaintext: bytes, place: str) -> Sealed:
        """Encrypt ``plaintext`` for one place (``table|row|field``), and no other."""
        nonce = secrets.token_bytes(NONCE_BYTES)
        return Sealed(nonce, AESGCM(self.secret).encrypt(nonce, plaintext, place.encode()))

    def open(self, sealed: Sealed, place: str) -> bytes:
        """Decrypt what was sealed for ``place``.

        Raises:
            IntegrityError: altered, moved from another place, or sealed under another key.
        """
        try:
            return AESGCM(self.secret).decrypt(sealed.nonce, sealed.ciphertext, place.encode())
        except (InvalidTag, ValueError) as error:
            raise IntegrityError(
                "What the store keeps encrypted was altered, or its key is another one."
            ) from error

    def wrap(self, key: "DataKey", place: str) -> bytes:
        """Return ``key`` sealed under this one, as one byte string."""
        sealed = self.seal(key.secret, place)
        return sealed.nonce + sealed.ciphertext

    def unwrap(self, wrapped: bytes, place: str) -> "DataKey":
        """Return the key that was wrapped for ``place``.

        Raises:
            IntegrityError: as :meth:`open`.
        """
        sealed = Sealed(wrapped[:NONCE_BYTES], wrapped[NONCE_BYTES:])
        return DataKey(self.open(sealed, place))


def key_id(key: DataKey) -> str:
    """Return 16 hexadecimal digits that name a key, and help nobody to find it.

    They are the beginning of HMAC-SHA256 under the key itself, over words used for nothing else.
    """
    return hmac.new(key.secret, b"overt key id v1", hashlib.sha256).hexdigest()[:16]


def place_of(table: str, row: str, column: str) -> str:
    """Return the name of one field of one row, which a ciphertext is bound to."""
    return f"{table}|{row}|{column}"


def read_key_file(path: Path) -> bytes | None:
    """Return the 32 bytes of a key file, or None if there is no such file.

    Raises:
        IntegrityError: others can read or write it, it is not a plain file of ours, or it does not
            hold a key.
        StorageError: it cannot be read.
    """
    with storage_faults():
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return None
        with os.fdopen(descriptor, "rb") as file:
            found = os.fstat(descriptor)
            key = file.read(KEY_BYTES + 1)
    if not stat.S_ISREG(found.st_mode) or found.st_uid != os.geteuid():
        raise IntegrityError(f"The key file {path.name} does not belong to who is running this.")
    if found.st_mode & _FOR_OTHERS:
        raise IntegrityError(
            f"The key file {path.name} can be reached by others: its permissions must be 0600."
        )
    if len(key) != KEY_BYTES:
        raise IntegrityError(f"The key file {path.name} does not hold a key of {KEY_BYTES} bytes.")
    return key


def create_key_file(path: Path) -> bytes:
    """Return the key of a new key file, or that of the file which another process just made.

    Raises:
        IntegrityError: as :func:`read_key_file`.
        StorageError: it cannot be written.
    """
    create_whole(path, secrets.token_bytes(KEY_BYTES))
    key = read_key_file(path)
    if key is None:
        raise IntegrityError(f"The key file {path.name} vanished while it was made.")
    return key


def create_whole(path: Path, data: bytes) -> None:
    """Make a file that only its owner can read, whole or not at all; one that is there stays.

    Raises:
        StorageError: it cannot be written.
    """
    draft = path.with_name(f".{path.name}.{secrets.token_hex(8)}")
    with storage_faults():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            _write_synced(draft, data)
            # A link, unlike a rename, never replaces what is already there.
            os.link(draft, path)
        except FileExistsError:
            pass
        finally:
            draft.unlink(missing_ok=True)
        sync_folder(path.parent)


def _write_synced(path: Path, data: bytes) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)


def sync_folder(path: Path) -> None:
    """Make sure that what a folder lists has reached the disk."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)

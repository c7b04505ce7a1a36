"""Key files of those who authorise: PEM, Ed25519, the private half readable by its owner only."""

import os
import stat
from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from overt.core.errors import InputError, IntegrityError, StorageError

MAX_KEY_BYTES = 16 * 1024


def create_key(path: Path) -> Ed25519PrivateKey:
    """Create a signing key at ``path`` and its public half at ``path`` with ``.pub`` added.

    Raises:
        InputError: the file exists; a key is never overwritten.
        StorageError: it could not be written.
    """
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )
    public = key.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    public_path = path.with_name(path.name + ".pub")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() or public_path.exists():
            raise InputError("There is a key file of that name already; keys are not replaced.")
        _write_new(path, private, 0o600)
        _write_new(public_path, public, 0o644)
    except OSError as error:
        raise StorageError("The key file could not be written.") from error
    return key


def _write_new(path: Path, data: bytes, mode: int) -> None:
    with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "wb") as file:
        file.write(data)


def load_private_key(path: Path) -> Ed25519PrivateKey:
    """Read a signing key.

    Raises:
        InputError: absent, or not an unencrypted Ed25519 key in PEM.
        IntegrityError: others than its owner can read it.
    """
    data = _read(path)
    if b"PUBLIC KEY" in data[:64]:
        raise InputError("The file is a public key; the signing key is the one without .pub.")
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise IntegrityError("The signing key can be read by others; run chmod 600 on it.")
    try:
        key = serialization.load_pem_private_key(data, password=None)
    except (ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise InputError("The file is not an unencrypted private key in PEM.") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise InputError("The private key is not an Ed25519 key.")
    return key


def load_public_key(path: Path) -> Ed25519PublicKey:
    """Read a public key.

    Raises:
        InputError: absent, or not an Ed25519 public key in PEM.
    """
    try:
        key = serialization.load_pem_public_key(_read(path))
    except (ValueError, UnsupportedAlgorithm) as error:
        raise InputError(
            "The file is not a public key in PEM; its name usually ends in .pub."
        ) from error
    if not isinstance(key, Ed25519PublicKey):
        raise InputError("The public key is not an Ed25519 key.")
    return key


def load_trusted(folder: Path) -> list[Ed25519PublicKey]:
    """Read every ``*.pub`` in ``folder``; an absent folder trusts nobody."""
    if not folder.is_dir():
        return []
    return [load_public_key(path) for path in sorted(folder.glob("*.pub"))]


def _read(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(MAX_KEY_BYTES)
    except OSError as error:
        raise InputError("The key file cannot be read.") from error

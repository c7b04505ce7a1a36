"""A signature over a policy pack, in a small file beside it.

The file is canonical JSON: ``format``, ``key_id`` of the signing key, ``pack_sha256``, and an
Ed25519 ``signature`` over a fixed prefix and the digest of the pack's bytes, so that a signature
made for anything else can never pass for one.

Invariants: what is signed are the bytes that people read; the file has one form for one signature.
Must not: know who holds a key, or of what rank they are (``checks.check_policy_signer``).
"""

import base64
import hashlib
import json
from collections.abc import Iterable
from typing import Annotated, Final, Literal

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from overt.core.errors import AuthorityError

FORMAT: Final = "overt-policy-signature/1"
SIGNED_PREFIX: Final = b"overt-policy/1\n"
MAX_SIGNATURE_BYTES: Final = 4096


class _Signature(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)

    format: Literal["overt-policy-signature/1"]
    key_id: Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
    pack_sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
    signature: Annotated[str, Field(pattern=r"^[A-Za-z0-9+/]{86}==$")]

    def to_bytes(self) -> bytes:
        """Return the only form of the file: keys sorted, no white space, one line end."""
        members = json.dumps(self.model_dump(), sort_keys=True, separators=(",", ":"))
        return members.encode() + b"\n"


def key_id(key: Ed25519PublicKey) -> str:
    """Return the first 16 hexadecimal digits of the SHA-256 of the raw public key."""
    return hashlib.sha256(key.public_bytes_raw()).hexdigest()[:16]


def sign_pack(data: bytes, key: Ed25519PrivateKey) -> bytes:
    """Return the signature file that ``key`` makes over a pack's bytes."""
    signature = _Signature(
        format=FORMAT,
        key_id=key_id(key.public_key()),
        pack_sha256=hashlib.sha256(data).hexdigest(),
        signature=base64.b64encode(key.sign(_signed(data))).decode(),
    )
    return signature.to_bytes()


def verify_pack(data: bytes, signature: bytes, trusted: Iterable[Ed25519PublicKey]) -> str:
    """Return the id of the trusted key that signed a pack's bytes.

    Raises:
        AuthorityError: the file is no signature, for other bytes, by a key that is not trusted, or
            forged.
    """
    parsed = _parse(signature)
    if parsed.pack_sha256 != hashlib.sha256(data).hexdigest():
        raise AuthorityError("The signature is for another policy pack, or the pack was altered.")
    keys = {key_id(key): key for key in trusted}
    if parsed.key_id not in keys:
        raise AuthorityError("The policy pack was signed by a key that is not trusted here.")
    try:
        keys[parsed.key_id].verify(base64.b64decode(parsed.signature), _signed(data))
    except InvalidSignature:
        raise AuthorityError("The policy pack's signature is forged.") from None
    return parsed.key_id


def signed_by(signature: bytes) -> str:
    """Return the key id that a signature file names, without checking the signature.

    Raises:
        AuthorityError: the file is no signature.
    """
    return _parse(signature).key_id


def _signed(data: bytes) -> bytes:
    return SIGNED_PREFIX + hashlib.sha256(data).digest()


def _parse(signature: bytes) -> _Signature:
    problem = "The file is not the signature of a policy pack."
    if len(signature) > MAX_SIGNATURE_BYTES:
        raise AuthorityError(problem)
    try:
        parsed = _Signature.model_validate_json(signature)
    except ValidationError:
        raise AuthorityError(problem) from None
    if parsed.to_bytes() != signature:
        raise AuthorityError("The signature file is not in its only form.")
    return parsed

"""An independent person's signature under an application, made before it is authorised."""

import base64
import binascii
from typing import Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from overt.core.errors import AuthorityError
from overt.core.ids import Sha256

SIGNED_PREFIX: Final = b"overt-cosignature/1\n"


def cosign(application_sha256: Sha256, key: Ed25519PrivateKey) -> str:
    """Return the signature under an application's digest, in base64."""
    return base64.b64encode(key.sign(SIGNED_PREFIX + application_sha256.encode())).decode()


def verify_cosignature(application_sha256: Sha256, signature: str, key: Ed25519PublicKey) -> None:
    """Check a co-signature.

    Raises:
        AuthorityError: it is not that of this key under this application.
    """
    try:
        key.verify(
            base64.b64decode(signature, validate=True), SIGNED_PREFIX + application_sha256.encode()
        )
    except (InvalidSignature, binascii.Error, ValueError) as error:
        raise AuthorityError("The co-signature does not fit the application.") from error

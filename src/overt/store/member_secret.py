"""The secret of this store from which everything about who was on a list is keyed.

It stands in the facts, sealed under the machine key, and a rotation of that seals it anew, so that
what was kept long ago can still be asked. Each use derives a key of its own.

Invariant: without the machine key, what was keyed with it is noise.
Must not: leave this module in the clear but as a derived key.
"""

import base64
import binascii
import secrets
import unicodedata
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy.orm import Session

from overt.core.errors import IntegrityError
from overt.store.keys import KEY_BYTES, DataKey, place_of
from overt.store.models import StoreFactRow

MEMBER_SECRET: Final = "member_secret"  # noqa: S105  the name of the fact, not the secret
_PLACE: Final = place_of("store_facts", MEMBER_SECRET, "value")


def derived_key(session: Session, machine_key: DataKey, use: str) -> bytes:
    """Return the key for one use, 32 bytes; the secret is made on first use.

    Args:
        session: a transaction that may write.
        machine_key: seals the secret.
        use: which; never two things under one name.

    Raises:
        IntegrityError: the secret was altered.
    """
    row = session.get(StoreFactRow, MEMBER_SECRET)
    if row is None:
        secret = DataKey(secrets.token_bytes(KEY_BYTES))
        session.add(StoreFactRow(name=MEMBER_SECRET, value=_sealed(secret, machine_key)))
    else:
        secret = _opened(row.value, machine_key)
    hkdf = HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=f"overt list members {use}".encode())
    return hkdf.derive(secret.secret)


def wrap_member_secret_anew(session: Session, former: DataKey, fresh: DataKey) -> None:
    """Seal the secret under ``fresh`` instead of ``former``, where there is one.

    Raises:
        IntegrityError: it was altered.
    """
    row = session.get(StoreFactRow, MEMBER_SECRET)
    if row is not None:
        row.value = _sealed(_opened(row.value, former), fresh)


def plain_form(text: str) -> str:
    """Return a source system's name or a reference as it is compared.

    Case, spaces and the way in which a character is encoded make no difference.
    """
    return "".join(unicodedata.normalize("NFKC", text).casefold().split())


def _sealed(secret: DataKey, machine_key: DataKey) -> str:
    return base64.b64encode(machine_key.wrap(secret, _PLACE)).decode("ascii")


def _opened(value: str, machine_key: DataKey) -> DataKey:
    try:
        return machine_key.unwrap(base64.b64decode(value, validate=True), _PLACE)
    except binascii.Error as error:
        raise IntegrityError("The secret of the lists' members was altered.") from error

"""Who was on which list, as keyed digests: how alike two lists are, and "was I on it?".

A tag is the beginning of HMAC-SHA256 over a person's id in the source system, under a key derived
from a secret of this store. The secret stands in the facts, sealed under the machine key, and a
rotation of that seals it anew, so that tags of long ago can still be compared.

Invariants: tags outlive the list; without the secret they are noise, and with it they tell only who
asks about a person whose id they know.
Must not: hold a name, a picture or a template, or what a person was listed for.
"""

import base64
import binascii
import hmac
import secrets
from collections.abc import Iterable
from datetime import datetime
from typing import Final

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from sqlalchemy.orm import Session

from overt.core.errors import IntegrityError
from overt.core.ids import Sha256
from overt.ledger.canonical import canonical_bytes
from overt.store.database import Database
from overt.store.keys import KEY_BYTES, DataKey, place_of
from overt.store.models import ListMembersRow, StoreFactRow

MEMBER_SECRET: Final = "member_secret"  # noqa: S105  the name of the fact, not the secret
TAG_BYTES: Final = 16
_PLACE: Final = place_of("store_facts", MEMBER_SECRET, "value")


class ListMembers:
    """Compares lists by who was on them."""

    def __init__(self, database: Database, machine_key: DataKey) -> None:
        self._database = database
        self._machine_key = machine_key

    def share_in_common(self, manifest: Sha256, other: Sha256) -> float:
        """Return the share of one list's people who are on the other too, 0 to 1.

        0 if either was never frozen here.

        Raises:
            IntegrityError: what is kept was altered.
            StorageError: it could not be read.
        """
        with self._database.read() as session:
            return share_between(session, manifest, other)

    def was_on(self, manifest: Sha256, source_system: str, source_reference: str) -> bool:
        """Whether somebody, by their id in the source system, was on a list that was frozen here.

        Raises:
            IntegrityError, StorageError: as :meth:`share_in_common`.
        """
        with self._database.read() as session:
            if session.get(StoreFactRow, MEMBER_SECRET) is None:
                return False
            key = _tag_key(member_secret(session, self._machine_key))
            return _tag(key, source_system, source_reference) in _tags(session, manifest)


def share_between(session: Session, manifest: Sha256, other: Sha256) -> float:
    """As :meth:`ListMembers.share_in_common`, within a transaction."""
    tags, others = _tags(session, manifest), _tags(session, other)
    return len(tags & others) / len(tags) if tags else 0.0


def keep_members(
    session: Session,
    machine_key: DataKey,
    manifest: Sha256,
    people: Iterable[tuple[str, str]],
    now_utc: datetime,
) -> None:
    """Keep who is on a list, by source system and reference; a list that is kept stays as it is."""
    if session.get(ListMembersRow, manifest) is not None:
        return
    key = _tag_key(member_secret(session, machine_key))
    tags = b"".join(sorted({_tag(key, *person) for person in people}))
    session.add(ListMembersRow(manifest_sha256=manifest, tags=tags, created_utc=now_utc))


def member_secret(session: Session, machine_key: DataKey) -> bytes:
    """Return the secret of the tags, which is made on first use.

    Raises:
        IntegrityError: it was altered.
    """
    row = session.get(StoreFactRow, MEMBER_SECRET)
    if row is None:
        secret = DataKey(secrets.token_bytes(KEY_BYTES))
        session.add(StoreFactRow(name=MEMBER_SECRET, value=_sealed(secret, machine_key)))
        return secret.secret
    return _opened(row.value, machine_key).secret


def wrap_member_secret_anew(session: Session, former: DataKey, fresh: DataKey) -> None:
    """Seal the secret under ``fresh`` instead of ``former``, where there is one.

    Raises:
        IntegrityError: it was altered.
    """
    row = session.get(StoreFactRow, MEMBER_SECRET)
    if row is not None:
        row.value = _sealed(_opened(row.value, former), fresh)


def _sealed(secret: DataKey, machine_key: DataKey) -> str:
    return base64.b64encode(machine_key.wrap(secret, _PLACE)).decode("ascii")


def _opened(value: str, machine_key: DataKey) -> DataKey:
    try:
        return machine_key.unwrap(base64.b64decode(value, validate=True), _PLACE)
    except binascii.Error as error:
        raise IntegrityError("The secret of the lists' members was altered.") from error


def _tag_key(secret: bytes) -> bytes:
    hkdf = HKDF(hashes.SHA256(), KEY_BYTES, salt=None, info=b"overt list members v1")
    return hkdf.derive(secret)


def _tag(key: bytes, source_system: str, source_reference: str) -> bytes:
    person = canonical_bytes([source_system.casefold(), source_reference.casefold()])
    return hmac.digest(key, person, "sha256")[:TAG_BYTES]


def _tags(session: Session, manifest: Sha256) -> frozenset[bytes]:
    row = session.get(ListMembersRow, manifest)
    if row is None:
        return frozenset()
    if len(row.tags) % TAG_BYTES:
        raise IntegrityError("What the store keeps of a list's members was altered.")
    return frozenset(
        row.tags[start : start + TAG_BYTES] for start in range(0, len(row.tags), TAG_BYTES)
    )

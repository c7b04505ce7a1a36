"""The policy packs that were signed for use here, byte for byte.

Invariants: a pack is kept only with a signature by somebody whom the pack itself and the register
of people allow to sign it, in one transaction with its record; a signature is checked again every
time its pack is read; of the packs of one id the one adopted last is in force.
Must not: change a pack, or trust a key that is not a registered person's.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from overt.core.errors import AuthorityError, InputError, IntegrityError, PolicyError
from overt.core.ids import PersonId, Sha256
from overt.ledger.acts import PolicyAdopted
from overt.ledger.kinds import RecordKind
from overt.ledger.records import LedgerRecord
from overt.policy.checks import check_policy_signer
from overt.policy.facts import SignerFacts
from overt.policy.pack import PolicyPack, load_pack
from overt.policy.roles import RULE, Person, Right, check_right
from overt.policy.signing import verify_pack
from overt.policy.verdict import Verdict
from overt.store.database import Database
from overt.store.ledger import StoredLedger
from overt.store.ledger_records import records_of
from overt.store.looks import LookBook
from overt.store.models import PolicyPackRow
from overt.store.people import registered_person

_AFTER: Final = timedelta(microseconds=1)

# Every act reads the pack several times; the same bytes are the same rules.
_pack_of: Final = lru_cache(maxsize=8)(load_pack)


@dataclass(frozen=True, slots=True)
class AdoptedPack:
    """A pack that was signed for use here.

    Attributes:
        pack: the rules.
        toml: its bytes.
        signature: the file that was signed over them.
        signer: who signed.
        key_id: with which key.
        adopted_utc: when.
    """

    pack: PolicyPack
    toml: bytes
    signature: bytes
    signer: PersonId
    key_id: str
    adopted_utc: datetime


class PolicyArchive:
    """Keeps and reads policy packs. Safe to use from any thread."""

    def __init__(self, database: Database, ledger: StoredLedger, looks: LookBook) -> None:
        self._database = database
        self._ledger = ledger
        self._looks = looks

    def adopt(
        self, data: bytes, signature: bytes, signer: PersonId, now_utc: datetime
    ) -> AdoptedPack:
        """Keep a signed pack and put it into force, with its record.

        A pack that is adopted again comes into force again.

        Args:
            data: the pack's TOML.
            signature: what :func:`overt.policy.signing.sign_pack` made of it.
            signer: whose signature it is to be.
            now_utc: timezone-aware.

        Raises:
            InputError: the bytes are no policy pack.
            PolicyError: the signer is not registered, may not sign policy, or is of too low a rank;
                on record.
            AuthorityError: the signature is not the signer's, or not over this pack.
            StorageError: it could not be kept; nothing of it was.
        """
        pack = load_pack(data)
        refusals = self._looks.recording_refusals(Right.SIGN_POLICY, signer)
        with refusals, self._ledger.transaction() as work:
            key_id = _check_signer(pack, data, signature, _registered(work.session, signer))
            newest = work.session.scalar(select(func.max(PolicyPackRow.adopted_utc)))
            # A clock that was set back must not leave the former pack in force.
            adopted_utc = now_utc if newest is None else max(now_utc, newest + _AFTER)
            row = work.session.get(PolicyPackRow, pack.sha256) or PolicyPackRow(sha256=pack.sha256)
            row.pack_id, row.version, row.toml = pack.id, pack.version, data
            row.signature, row.signed_by, row.adopted_utc = signature, signer, adopted_utc
            work.session.add(row)
            act = PolicyAdopted(pack.id, pack.version, pack.sha256, signer, key_id)
            work.append(LedgerRecord.of(act, now_utc))
        return AdoptedPack(pack, data, signature, signer, key_id, adopted_utc)

    def find(self, pack_id: str) -> AdoptedPack | None:
        """Return the pack of this id that is in force, or None if none was ever adopted.

        Raises:
            IntegrityError: it was altered, or its signature does not fit.
            StorageError: it cannot be read.
        """
        with self._database.read() as session:
            return pack_in_force(session, pack_id)

    def get(self, sha256: Sha256) -> AdoptedPack | None:
        """Return the pack with this digest, in force or not, or None if it was never adopted.

        Raises:
            IntegrityError: it was altered, or its signature does not fit.
            StorageError: it cannot be read.
        """
        with self._database.read() as session:
            return adopted_pack(session, sha256)

    def list(self) -> tuple[AdoptedPack, ...]:
        """Return every pack that was ever adopted, in the order of adoption.

        Raises:
            IntegrityError: one was altered, or its signature does not fit.
            StorageError: they cannot be read.
        """
        every = select(PolicyPackRow).order_by(PolicyPackRow.adopted_utc)
        with self._database.read() as session:
            return tuple(_read(session, row) for row in session.scalars(every))


def check_may_adopt(pack: PolicyPack, person: Person) -> Verdict:
    """Return whether somebody may sign this pack into force: by right, and by rank."""
    facts = SignerFacts(person.id, person.rank, person.organisation, person.independent)
    return check_right(person, Right.SIGN_POLICY) & check_policy_signer(pack, facts)


def pack_in_force(session: Session, pack_id: str) -> AdoptedPack | None:
    """As :meth:`PolicyArchive.find`, within a transaction."""
    newest = (
        select(PolicyPackRow)
        .where(PolicyPackRow.pack_id == pack_id)
        .order_by(PolicyPackRow.adopted_utc.desc())
        .limit(1)
    )
    row = session.scalars(newest).first()
    return None if row is None else _read(session, row)


def adopted_pack(session: Session, sha256: Sha256) -> AdoptedPack | None:
    """As :meth:`PolicyArchive.get`, within a transaction."""
    row = session.get(PolicyPackRow, sha256)
    return None if row is None else _read(session, row)


def check_policies_against_ledger(session: Session) -> None:
    """Check that the packs kept are those recorded as adopted, in the order of their records.

    Raises:
        IntegrityError: a pack without its record, a record without its pack, one that differs from
            the other, or another pack in force than the record says.
    """
    recorded: dict[object, tuple[object, ...]] = {}
    for _, record in records_of(session, RecordKind.POLICY_ADOPTED):
        body = record.body
        recorded.pop(body["pack_sha256"], None)  # so that it stands last again
        recorded[body["pack_sha256"]] = (
            body["pack_sha256"],
            body["pack"],
            body["pack_version"],
            body["by"],
            body["key_id"],
        )
    rows = session.scalars(select(PolicyPackRow).order_by(PolicyPackRow.adopted_utc))
    kept = [
        (a.pack.sha256, a.pack.id, a.pack.version, a.signer, a.key_id)
        for a in (_read(session, row) for row in rows)
    ]
    if kept != list(recorded.values()):
        raise IntegrityError("The policy packs that the store keeps do not match the ledger.")


def _registered(session: Session, signer: PersonId) -> Person:
    person = registered_person(session, signer)
    if person is None:
        raise PolicyError(f"{signer} is not in the register of people.", (RULE,))
    return person


def _check_signer(pack: PolicyPack, data: bytes, signature: bytes, person: Person) -> str:
    """Return the id of the signer's key, once everything about them fits."""
    check_may_adopt(pack, person).require()
    return verify_pack(data, signature, [_public_key(person)])


def _public_key(person: Person) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(person.public_key)


def _read(session: Session, row: PolicyPackRow) -> AdoptedPack:
    person = registered_person(session, PersonId(row.signed_by))
    if person is None or hashlib.sha256(row.toml).hexdigest() != row.sha256:
        raise IntegrityError("A policy pack that the store keeps was altered.")
    try:
        pack = _pack_of(row.toml)
        key_id = verify_pack(row.toml, row.signature, [_public_key(person)])
    except (InputError, AuthorityError) as error:
        raise IntegrityError("A policy pack that the store keeps was altered.") from error
    if (pack.id, pack.version) != (row.pack_id, row.version):
        raise IntegrityError("A policy pack that the store keeps stands in another's place.")
    return AdoptedPack(pack, row.toml, row.signature, person.id, key_id, row.adopted_utc)

"""The register of people: who acts in Overt, with which key, in which roles.

Invariants: every change stands with its ledger record, made by somebody who may make it
(:mod:`overt.policy.register`); versions count up without a gap; nobody's entry is deleted but by
the sweeper, long after they were struck off, and their id is never given again; as long as there is
an entry, its key belongs to one person.
Must not: hold a private key, or anything about a listed person.
"""

import hashlib
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from overt.core.errors import IntegrityError, PolicyError, StateError
from overt.core.ids import PersonId, Sha256
from overt.ledger.acts import PersonChanged
from overt.ledger.kinds import RecordKind
from overt.ledger.records import LedgerRecord
from overt.policy.register import RULE, check_change
from overt.policy.roles import Person, Right
from overt.retention.schedule import Subject
from overt.store.database import Database
from overt.store.deletions import Deleted
from overt.store.ledger import StoredLedger
from overt.store.ledger_records import records_of
from overt.store.looks import LookBook
from overt.store.models import PersonRow, StoreFactRow
from overt.store.person_document import decode_person, encode_person

NEW = 0
"""What a person's entry replaces who is not in the register yet."""


@dataclass(frozen=True, slots=True)
class RegisteredPerson:
    """An entry of the register; ``version`` counts its changes from 1."""

    person: Person
    version: int


class PeopleRegister:
    """Reads and changes the register. Safe to use from any thread."""

    def __init__(self, database: Database, ledger: StoredLedger, looks: LookBook) -> None:
        self._database = database
        self._ledger = ledger
        self._looks = looks

    def get(self, person: PersonId) -> Person | None:
        """Return somebody, struck off or not, or None if nobody has that id.

        Raises:
            IntegrityError: the entry was altered.
            StorageError: it cannot be read.
        """
        found = self.entry(person)
        return None if found is None else found.person

    def entry(self, person: PersonId) -> RegisteredPerson | None:
        """As :meth:`get`, with the entry's version, which :meth:`save` asks for."""
        with self._database.read() as session:
            row = session.get(PersonRow, person)
            return None if row is None else RegisteredPerson(_person(row), row.version)

    def by_key(self, public_key: bytes) -> Person | None:
        """Return who holds the private half of this key (32 raw bytes), or None.

        Raises:
            IntegrityError: the entry was altered.
            StorageError: it cannot be read.
        """
        wanted = select(PersonRow).where(PersonRow.key_id == _key_id(public_key))
        with self._database.read() as session:
            row = session.scalars(wanted).one_or_none()
            found = None if row is None else _person(row)
        # A key id is only the beginning of a digest.
        return found if found is not None and found.public_key == public_key else None

    def list(self) -> tuple[Person, ...]:
        """Return everybody who ever was in the register, by id.

        Raises:
            IntegrityError: an entry was altered.
            StorageError: they cannot be read.
        """
        with self._database.read() as session:
            return tuple(each.person for each in _entries(session))

    def save(
        self, person: Person, by: PersonId | None, now_utc: datetime, *, replaces: int = NEW
    ) -> int:
        """Register a new person, or replace an entry, with its ledger record.

        Args:
            person: the entry as it is to stand.
            by: who asks; None for the first person of all.
            now_utc: timezone-aware.
            replaces: version of the entry that this was made from; 0 for a new person.

        Returns:
            The entry's version.

        Raises:
            PolicyError: whoever asks may not do this, or the register may not hold it; on record.
            StateError: the key is somebody else's, the id is taken, or the entry was changed in
                the meantime.
            InputError: the entry holds something that the register's form does not allow.
            StorageError: it could not be kept; nothing of it was.
        """
        document = encode_person(person)
        refusals = self._looks.recording_refusals(Right.MANAGE_PEOPLE, by)
        with refusals, self._ledger.transaction() as work:
            entries = {each.person.id: each for each in _entries(work.session)}
            registered = [each.person for each in entries.values()]
            before = entries.get(person.id)
            asking = None if by is None else entries.get(by)
            if by is not None and asking is None:
                raise PolicyError(f"{by} is not in the register of people.", (RULE,))
            _check_unchanged(person.id, 0 if before is None else before.version, replaces)
            check_change(
                registered,
                None if before is None else before.person,
                person,
                None if asking is None else asking.person,
            ).require()
            _check_key(person, registered)
            version = replaces + 1
            row = work.session.get(PersonRow, person.id)
            if row is None:
                _check_never_deleted(work.session, person.id)
                row = PersonRow(id=person.id, key_id=_key_id(person.public_key))
                work.session.add(row)
            row.version, row.document = version, document
            act = PersonChanged(person.id, version, _sha256(document), by)
            seq = work.append(LedgerRecord.of(act, now_utc))
            if person.struck_off:
                name = struck_off_fact(person.id)
                work.session.add(StoreFactRow(name=name, value=str(seq)))
        return version


def registered_person(session: Session, person: PersonId) -> Person | None:
    """Return somebody as the register has them in this transaction; None if nobody has that id.

    Raises:
        IntegrityError: the entry was altered.
    """
    row = session.get(PersonRow, person)
    return None if row is None else _person(row)


def struck_off_fact(person: PersonId) -> str:
    """Return the name of the fact that says which record struck somebody off."""
    return f"struck-off/{person}"


def check_people_against_ledger(session: Session) -> None:
    """Check that every entry is the one that its last record commits to, and that none is missing.

    What is not there must be deleted on record.

    Raises:
        IntegrityError: an entry without its record, a record without its entry, a version left
            out, or one that differs from the other.
    """
    recorded: dict[str, tuple[int, object]] = {}
    for seq, record in records_of(session, RecordKind.PERSON_CHANGED):
        person, version = str(record.body["person"]), record.body["version"]
        expected = recorded.get(person, (NEW, None))[0] + 1
        if version != expected:
            raise IntegrityError(f"Ledger record {seq} leaves out a version of a person.")
        recorded[person] = expected, record.body["document_sha256"]
    kept = {
        row.id: (row.version, _sha256(row.document)) for row in session.scalars(select(PersonRow))
    }
    deleted = Deleted(session)
    gone = {id_ for id_ in recorded.keys() - kept.keys() if deleted.is_gone(Subject.ACCOUNT, id_)}
    if kept != {id_: said for id_, said in recorded.items() if id_ not in gone}:
        raise IntegrityError("The register of people does not match the ledger.")


def _entries(session: Session) -> list[RegisteredPerson]:
    rows = session.scalars(select(PersonRow).order_by(PersonRow.id))
    return [RegisteredPerson(_person(row), row.version) for row in rows]


def _person(row: PersonRow) -> Person:
    person = decode_person(row.document)
    if person.id != row.id or _key_id(person.public_key) != row.key_id:
        raise IntegrityError("An entry of the register of people stands in another's place.")
    return person


def _check_unchanged(person: PersonId, version: int, replaces: int) -> None:
    if version == replaces:
        return
    if replaces == NEW:
        raise StateError(f"{person} is already in the register of people.")
    raise StateError(f"The entry of {person} was changed in the meantime; look at it again.")


def _check_never_deleted(session: Session, person: PersonId) -> None:
    if Deleted(session).is_gone(Subject.ACCOUNT, person):
        raise StateError(f"Somebody had the id {person} before: register a new one.")


def _check_key(person: Person, registered: list[Person]) -> None:
    key_id = _key_id(person.public_key)
    if any(_key_id(each.public_key) == key_id for each in registered if each.id != person.id):
        raise StateError(
            "That key is another person's, and stays theirs even once they are struck off."
        )


def _key_id(public_key: bytes) -> str:
    """Return the id of a raw public key, as :func:`overt.policy.signing.key_id` does."""
    return hashlib.sha256(public_key).hexdigest()[:16]


def _sha256(document: bytes) -> Sha256:
    return Sha256(hashlib.sha256(document).hexdigest())

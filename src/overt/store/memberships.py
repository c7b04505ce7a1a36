"""Whether somebody was on a deployment's list, for those with a right to know, when it is gone.

    (source system, reference) ── HMAC under a key of this store ── Argon2id, salted per
    deployment ──▶ a tag of 8 bytes; the register of a deployment is the tags of everybody listed

References are guessable, a nominal number above all. Without the machine key the tags are noise;
with it each guess costs an Argon2id, anew for each deployment. ADR 18 has the costs as measured.

Invariants: a register is written in the transaction in which its deployment goes live, or that does
not happen; whoever was withdrawn from the list was on it; what is asked is on record, committed,
before it is answered, and neither the person nor the answer is; past its time a register answers
nothing, whether or not it was deleted yet.
Must not: hold a name, a picture, a template, or what somebody was listed for; tell which
deployments somebody was looked for at.
"""

import hmac
import os
import secrets
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Final

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id
from sqlalchemy.orm import Session

from overt.core.clock import Clock
from overt.core.errors import InputError, IntegrityError, PolicyError, StateError
from overt.core.ids import DeploymentId, PersonId, Sha256
from overt.deployment.life import Life, LifeState
from overt.ledger.acts import MembershipAsked
from overt.ledger.canonical import canonical_bytes
from overt.ledger.records import LedgerRecord
from overt.policy.pack import PolicyPack
from overt.policy.pack_data import DataKind
from overt.policy.roles import RULE, Right, Scope, check_right
from overt.retention.schedule import deployment_moments
from overt.store.database import Database
from overt.store.deletions import deletion_time
from overt.store.keys import KEY_BYTES, DataKey
from overt.store.ledger import StoredLedger
from overt.store.looks import LookBook
from overt.store.member_secret import derived_key, plain_form
from overt.store.models import DeploymentLifeRow, WatchlistRow
from overt.store.models_retention import MembershipRow
from overt.store.people import registered_person
from overt.store.policies import adopted_pack
from overt.store.watchlist_rows import key_of, read_entries

TAG_BYTES: Final = 8
SALT_BYTES: Final = 16
MEMORY_KIB: Final = 2048
ITERATIONS: Final = 1
MAX_REFERENCE_CHARS: Final = 1000
ACT: Final = str(Right.ASK_MEMBERSHIP)
_USE: Final = "register v1"


class MembershipGround(StrEnum):
    """Why it can be asked whether somebody was on a list."""

    DATA_SUBJECT_REQUEST = "data-subject-request"
    COMPLAINT = "complaint"
    COURT_ORDER = "court-order"
    OVERSIGHT = "oversight"


class Membership(StrEnum):
    """What can be said."""

    ON_IT = "on-it"
    NOT_ON_IT = "not-on-it"
    EXPIRED = "expired"
    """There was a register; its time is over."""
    NEVER = "never"
    """There never was one: the deployment never went live."""


@dataclass(frozen=True, slots=True)
class Register:
    """Who is on a list, ready to be kept.

    Attributes:
        manifest: of the list.
        salt: of this deployment, random.
        tags: one for each person, in order, 8 bytes each.
    """

    manifest: Sha256
    salt: bytes
    tags: tuple[bytes, ...]


class Memberships:
    """Prepares registers and answers from them. Safe to use from any thread."""

    def __init__(
        self, database: Database, ledger: StoredLedger, machine_key: DataKey, clock: Clock
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._machine_key = machine_key
        self._clock = clock
        self._book = LookBook(ledger, clock)

    def prepare(self, life: Life) -> Register | None:
        """Return the register of the list that a deployment stands on; None if there is one kept.

        It takes about 2 ms of one core for each person, and holds no lock meanwhile.

        Raises:
            StateError: the list cannot be read any more.
            IntegrityError: what is kept was altered.
            StorageError: it could not be read.
        """
        bound = life.application
        with self._database.write() as session:
            if session.get(MembershipRow, bound.id) is not None:
                return None
            key = derived_key(session, self._machine_key, _USE)
        with self._database.read() as session:
            row = session.get(WatchlistRow, bound.watchlist_id)
            opened = None if row is None else key_of(row, self._machine_key)
            if row is None or opened is None:
                raise StateError("The list cannot be read, so nobody could say who was on it.")
            manifest = Sha256(row.manifest_sha256)
            people = {
                (entry.grounds.source_system, entry.grounds.source_reference)
                for entry in read_entries(session, bound.watchlist_id, opened)
                if entry.grounds is not None
            }
        salt = secrets.token_bytes(SALT_BYTES)
        return Register(manifest, salt, tags_of(key, salt, people))

    def ask(
        self,
        deployment: DeploymentId,
        source_system: str,
        source_reference: str,
        ground: MembershipGround,
        by: PersonId,
    ) -> Membership:
        """Return whether somebody, by their id in the source system, was on a deployment's list.

        Args:
            deployment: on whose list.
            source_system: as the list's manifest named it.
            source_reference: the person's id there.
            ground: why it is asked.
            by: who asks; that it is them is for the caller to have made sure.

        Raises:
            InputError: there is no such deployment, or nobody is named.
            PolicyError: they may not ask; that is recorded.
            IntegrityError: what is kept was altered.
            StorageError: it could not be read, or the question not be recorded.
        """
        person = _person(source_system, source_reference)
        with self._book.recording_refusals(ACT, by, Scope(deployment)):
            self._check_may_ask(deployment, by)
        with self._ledger.transaction() as work:
            act = MembershipAsked(deployment, str(ground), by)
            work.append(LedgerRecord.of(act, self._clock.now_utc()))
        with self._database.read() as session:
            absent, register = self._kept(session, deployment)
            key = (
                secrets.token_bytes(KEY_BYTES)
                if register is None
                else derived_key(session, self._machine_key, _USE)
            )
        # The same work whatever the answer will be.
        salt = secrets.token_bytes(SALT_BYTES) if register is None else register.salt
        wanted = _tag(key, salt, person)
        kept = () if register is None else register.tags
        n_found = sum(hmac.compare_digest(wanted, tag) for tag in kept)
        if register is None:
            return absent
        return Membership.ON_IT if n_found else Membership.NOT_ON_IT

    def _check_may_ask(self, deployment: DeploymentId, by: PersonId) -> None:
        with self._database.read() as session:
            person = registered_person(session, by)
            is_known = session.get(DeploymentLifeRow, deployment) is not None
        if person is None:
            raise PolicyError(f"{by} is not in the register of people.", (RULE,))
        check_right(person, Right.ASK_MEMBERSHIP, Scope(deployment)).require()
        if not is_known:
            raise InputError("There is no deployment of that name here.")

    def _kept(
        self, session: Session, deployment: DeploymentId
    ) -> tuple[Membership, Register | None]:
        """Return the register, if its time is not over, and what to say if there is none."""
        life = Life.parse(session.get_one(DeploymentLifeRow, deployment).document)
        row = session.get(MembershipRow, deployment)
        # A clock that was set back must not make a register answer again.
        now_utc = deletion_time(session, self._clock.now_utc())
        due_utc = _due_utc(session, life, now_utc)
        if row is not None and row.expires_utc is not None:
            due_utc = row.expires_utc
        is_over = due_utc is not None and due_utc <= now_utc
        if row is not None and not is_over:
            return Membership.NEVER, _register(row)
        went_live = any(step.state is LifeState.LIVE for step in life.steps)
        return (Membership.EXPIRED if went_live and is_over else Membership.NEVER), None


def tags_of(key: bytes, salt: bytes, people: Iterable[tuple[str, str]]) -> tuple[bytes, ...]:
    """Return the tags of people, in order, each once; uses every core.

    Args:
        key: derived for registers, 32 bytes.
        salt: of the deployment.
        people: by source system and reference.
    """
    named = {canonical_bytes([plain_form(system), plain_form(ref)]) for system, ref in people}
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return tuple(sorted(pool.map(lambda person: _tag(key, salt, person), named)))


def keep_register(
    session: Session, deployment: DeploymentId, register: Register, now_utc: datetime
) -> None:
    """Keep a register, within the transaction that takes the deployment live."""
    session.add(
        MembershipRow(
            deployment_id=deployment,
            manifest_sha256=register.manifest,
            salt=register.salt,
            tags=b"".join(register.tags),
            n_people=len(register.tags),
            created_utc=now_utc,
        )
    )


def note_expiry(session: Session, life: Life, pack: PolicyPack, now_utc: datetime) -> None:
    """Write down until when a deployment's register may be kept, once that is counted."""
    row = session.get(MembershipRow, life.deployment)
    if row is not None:
        row.expires_utc = _expiry(life, pack, now_utc)


def _due_utc(session: Session, life: Life, now_utc: datetime) -> datetime | None:
    adopted = adopted_pack(session, Sha256(life.application.bindings.policy_sha256))
    return None if adopted is None else _expiry(life, adopted.pack, now_utc)


def _expiry(life: Life, pack: PolicyPack, now_utc: datetime) -> datetime | None:
    period = pack.rules.retention.of(DataKind.MEMBERSHIP)
    since = deployment_moments(life, now_utc).get(period.counted_from)
    return None if since is None else period.due_utc(since)


def _person(source_system: str, source_reference: str) -> bytes:
    names = [plain_form(source_system), plain_form(source_reference)]
    if not all(names):
        raise InputError("Say whom you ask about: the source system, and the reference there.")
    if any(len(each) > MAX_REFERENCE_CHARS for each in names):
        raise InputError("A source system or reference is not as long as that.")
    return canonical_bytes(names)


def _tag(key: bytes, salt: bytes, person: bytes) -> bytes:
    slow = Argon2id(
        salt=salt,
        length=TAG_BYTES,
        iterations=ITERATIONS,
        lanes=1,
        memory_cost=MEMORY_KIB,
    )
    return slow.derive(hmac.digest(key, person, "sha256"))


def _register(row: MembershipRow) -> Register:
    tags = tuple(row.tags[at : at + TAG_BYTES] for at in range(0, len(row.tags), TAG_BYTES))
    if len(tags) != row.n_people or len(row.salt) != SALT_BYTES or tuple(sorted(tags)) != tags:
        raise IntegrityError("What the store keeps of who was on a list was altered.")
    return Register(Sha256(row.manifest_sha256), row.salt, tags)

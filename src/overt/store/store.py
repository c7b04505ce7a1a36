"""The store as a whole: opens the files and hands out what reads and writes them.

    home/overt.sqlite3       the database, 0600
    home/run.lock            held while a run is open
    home/import.lock         held while a watchlist is imported
    home/keys/machine.key    wraps the keys of deployments and watchlists, 0600; or another source
    home/keys/ledger.key     signs checkpoints, 0600

Invariants: keys are made before the database that depends on them, and never again after; at every
open it is checked first that the machine key is this store's, then the ledger against its last
checkpoint.
Must not: fall back to another place or a new key when one is missing.
"""

import hashlib
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from overt.alerts.ports import RunSink
from overt.core.clock import Clock
from overt.core.errors import IntegrityError
from overt.core.ids import DeploymentId, PersonId
from overt.ledger.acts import KeyDestroyed
from overt.ledger.notes import NoteSigner
from overt.ledger.records import LedgerRecord
from overt.store import deployments
from overt.store.alert_steps import AlertSteps, check_steps_against_ledger
from overt.store.alerts import AlertArchive, check_against_ledger
from overt.store.custody import KeyCustody
from overt.store.database import Database
from overt.store.faults import storage_faults
from overt.store.holds import HoldArchive, check_holds_against_ledger
from overt.store.imports import ImportDesk
from overt.store.keys import create_key_file, read_key_file
from overt.store.ledger import LedgerState, StoredLedger
from overt.store.lives import LifeArchive, check_lives_against_ledger
from overt.store.looks import LookBook
from overt.store.machine_key import KeyFileSource, MachineKeySource
from overt.store.members import ListMembers
from overt.store.memberships import Memberships
from overt.store.people import PeopleRegister, check_people_against_ledger
from overt.store.policies import PolicyArchive, check_policies_against_ledger
from overt.store.rotation import MachineKey, first_machine_key, open_machine_key
from overt.store.run_lock import HeldElsewhereError, RunLock
from overt.store.runs import StoredRun, close_abandoned
from overt.store.watchlist_lives import WatchlistLives, check_lists_against_ledger
from overt.store.watchlists import WatchlistArchive

DATABASE_NAME: Final = "overt.sqlite3"
MACHINE_KEY: Final = "machine.key"
LEDGER_KEY: Final = "ledger.key"
KEYS: Final = "keys"


class Store:
    """An open store; close it, or use it as a context manager.

    Attributes:
        alerts: reads alerts and their pictures.
        alert_steps: takes and reads the steps of alerts' lives.
        watchlists: keeps watchlists.
        watchlist_lives: takes and reads the steps of watchlists' lives.
        imports: keeps what an import has done until its list is whole.
        members: tells how alike two lists are by who was on them.
        memberships: tells whether somebody was on a deployment's list, when it is gone, too.
        holds: what is kept beyond its period, by whose decision and until when.
        looks: puts looks, exports and refusals on record.
        lives: the lives of deployments, and the acts that make them.
        policies: the policy packs that were signed for use here.
        people: who acts here, with which key and in which roles.
        ledger: reads and verifies the record.
    """

    def __init__(
        self,
        database: Database,
        machine: MachineKey,
        ledger_signer: NoteSigner,
        clock: Clock,
        *,
        run_lock: RunLock,
        import_lock: RunLock,
    ) -> None:
        self._database = database
        self._machine_key = machine.key
        self._run_lock = run_lock
        self._clock = clock
        self.ledger = StoredLedger(database, ledger_signer, clock)
        self.looks = LookBook(self.ledger, clock)
        self.alerts = AlertArchive(database, machine.key)
        self.watchlists = WatchlistArchive(database, machine.key, clock)
        self.watchlist_lives = WatchlistLives(database, self.ledger, machine.key, clock)
        self.imports = ImportDesk(database, self.ledger, machine.key, import_lock, clock)
        self.members = ListMembers(database)
        self.memberships = Memberships(database, self.ledger, machine.key, clock)
        self.keys = KeyCustody(database, self.ledger, machine, run_lock, clock)
        self.people = PeopleRegister(database, self.ledger, self.looks)
        self.policies = PolicyArchive(database, self.ledger, self.looks)
        self.lives = LifeArchive(database, self.ledger, clock, self.memberships)
        self.holds = HoldArchive(database, self.ledger, machine.key, clock)
        self.alert_steps = AlertSteps(database, self.ledger, machine.key, clock)

    @classmethod
    def open(cls, home: Path, clock: Clock, source: MachineKeySource | None = None) -> Self:
        """Open the store in a folder, which is made if there is none.

        Args:
            home: the folder.
            clock: what time it is.
            source: where the machine key comes from; a key file in ``home`` if None.

        Raises:
            IntegrityError: a key is missing, is another store's or can be reached by others, or the
                ledger is not what its last checkpoint was signed for.
            UnavailableError: the source of the machine key is not there.
            StorageError: the disk is full, read-only or damaged, or the store was made by a newer
                version.
        """
        path, keys = home / DATABASE_NAME, home / KEYS
        source = source or KeyFileSource(keys / MACHINE_KEY)
        with storage_faults():
            exists = path.exists()
        first_machine_key(source, keys, exists=exists)
        signer = _signer(_ledger_key(keys / LEDGER_KEY, exists=exists))
        database = Database.open_sqlite(path)
        try:
            machine = open_machine_key(database, source, keys)
            store = cls(
                database,
                machine,
                signer,
                clock,
                run_lock=RunLock(home / "run.lock"),
                import_lock=RunLock(home / "import.lock"),
            )
            store.ledger.check_head()
        except BaseException:
            database.close()
            raise
        return store

    @property
    def planting_ground(self) -> Database:
        """The database itself; for :mod:`overt.store.planting` alone."""
        return self._database

    def run(self) -> RunSink:
        """Return a sink for one run, and take the lock that lets this process have runs open.

        A run that an earlier process left open is closed first, as not closed.

        Raises:
            StorageError: another process has a run open here, or the database is damaged.
        """
        newly_taken = self._run_lock.acquire()
        try:
            self._database.check()
            if newly_taken:
                with self.ledger.transaction() as work:
                    close_abandoned(work, self._clock.now_utc())
        except BaseException:
            # Without a run, the lock would only stand in the way of a rotation.
            if newly_taken:
                self._run_lock.release()
            raise
        return StoredRun(self.ledger, self._machine_key, self._clock)

    def close_abandoned_runs(self) -> None:
        """Close what an earlier process left open, as not closed; runs under way are left alone.

        Raises:
            StorageError: it could not be kept.
        """
        try:
            newly_taken = self._run_lock.acquire()
        except HeldElsewhereError:
            return
        if newly_taken:
            try:
                with self.ledger.transaction() as work:
                    close_abandoned(work, self._clock.now_utc())
            finally:
                self._run_lock.release()

    def has_deployment_key(self, deployment: DeploymentId) -> bool:
        """Whether the pictures of a deployment's alerts can still be read, if there are any.

        Raises:
            IntegrityError: the key was altered.
            StorageError: it cannot be read.
        """
        with self._database.read() as session:
            return deployments.key_of(session, deployment, self._machine_key) is not None

    def verify(self) -> LedgerState:
        """Recompute the ledger from its bytes and compare every alert with its record.

        Raises:
            IntegrityError: the first thing that does not fit.
            StorageError: the database is damaged.
        """
        self._database.check()
        state = self.ledger.verify()
        with self._database.read() as session:
            check_against_ledger(session)
            check_lives_against_ledger(session)
            check_people_against_ledger(session)
            check_policies_against_ledger(session)
            check_steps_against_ledger(session)
            check_lists_against_ledger(session)
            check_holds_against_ledger(session)
        return state

    def destroy_deployment_key(self, deployment: DeploymentId, by: PersonId | None = None) -> bool:
        """Destroy a deployment's key, with its record, so that nobody can see its pictures again.

        Args:
            deployment: whose key.
            by: who destroys it; None for what happens of itself.

        Returns:
            Whether there was one.

        Raises:
            StorageError: it could not be done, or not yet in every file.
        """
        with self.ledger.transaction() as work:
            had_key = deployments.destroy_key(work.session, deployment)
            if had_key:
                act = KeyDestroyed("deployment", deployment, by)
                work.append(LedgerRecord.of(act, self._clock.now_utc()))
        self._database.forget_history()
        return had_key

    def close(self) -> None:
        """Let go of the files."""
        self._database.close()
        self._run_lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def _ledger_key(path: Path, *, exists: bool) -> bytes:
    key = read_key_file(path)
    if key is None and exists:
        raise IntegrityError(
            f"The key file {path.name} of this store is missing, and what it keeps needs that key."
        )
    return create_key_file(path) if key is None else key


def _signer(seed: bytes) -> NoteSigner:
    private_key = Ed25519PrivateKey.from_private_bytes(seed)
    public_key = private_key.public_key().public_bytes_raw()
    name = hashlib.sha256(public_key).hexdigest()[:16]
    return NoteSigner(f"overt.local/{name}", private_key)

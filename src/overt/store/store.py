"""The store as a whole: opens the database and hands out what reads and writes it.

Invariants: at every open it is checked first that the keys and the database belong together
(:mod:`overt.store.opening`), then the ledger against its last checkpoint.
Must not: fall back to another place or a new key when one is missing.
"""

from pathlib import Path
from types import TracebackType
from typing import Self

from overt.alerts.ports import RunSink
from overt.core.clock import Clock
from overt.core.ids import DeploymentId, PersonId
from overt.ledger.notes import NoteSigner
from overt.retention.receipts import Cause
from overt.retention.schedule import Owner, OwnerKind, Subject
from overt.store import deployments
from overt.store.alert_steps import AlertSteps, check_steps_against_ledger
from overt.store.alerts import AlertArchive, check_against_ledger
from overt.store.custody import KeyCustody
from overt.store.database import Database
from overt.store.deletions import (
    DeletionArchive,
    Order,
    begin,
    check_deletions_against_ledger,
)
from overt.store.erasing import erase_pictures
from overt.store.finishing import Finisher, Locks
from overt.store.holds import HoldArchive, check_holds_against_ledger
from overt.store.imports import ImportDesk
from overt.store.ledger import LedgerState, StoredLedger
from overt.store.lives import LifeArchive, check_lives_against_ledger
from overt.store.looks import LookBook
from overt.store.machine_key import KeyFileSource, MachineKeySource
from overt.store.media import MediaRegister
from overt.store.members import ListMembers
from overt.store.memberships import Memberships
from overt.store.opening import (
    DATABASE_NAME,
    KEYS,
    LEDGER_KEY,
    MACHINE_KEY,
    claim_ledger_key,
    has_store,
    open_database,
)
from overt.store.people import PeopleRegister, check_people_against_ledger
from overt.store.policies import PolicyArchive, check_policies_against_ledger
from overt.store.rotation import MachineKey
from overt.store.run_lock import HeldElsewhereError, RunLock
from overt.store.runs import StoredRun, close_abandoned
from overt.store.sweeping import Sweeper
from overt.store.tracing import Tracer
from overt.store.watchlist_lives import WatchlistLives, check_lists_against_ledger
from overt.store.watchlists import WatchlistArchive

__all__ = ["DATABASE_NAME", "KEYS", "LEDGER_KEY", "MACHINE_KEY", "Store", "has_store"]


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
        sweeper: deletes what is due, and says what is kept until when.
        deletions: what was deleted, with receipts.
        holds: what is kept beyond its period, by whose decision and until when.
        looks: puts looks, exports and refusals on record.
        tracer: tells an alert's whole chain.
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
        backup_days: int | None = None,
    ) -> None:
        self._database = database
        self._machine_key = machine.key
        self._run_lock = run_lock
        self._clock = clock
        self.ledger = StoredLedger(database, ledger_signer, clock)
        self.looks = LookBook(self.ledger, clock)
        self.alerts = AlertArchive(database, machine.key)
        media = MediaRegister(database, machine.key)
        locks = Locks(run_lock, import_lock, database.lock("sweep"))
        self._finisher = finisher = Finisher(
            database, self.ledger, media, locks, clock=clock, backup_days=backup_days
        )
        self.sweeper = Sweeper(
            database, self.ledger, machine.key, media=media, finisher=finisher, clock=clock
        )
        self.deletions = DeletionArchive(database)
        self.watchlists = WatchlistArchive(database, self.ledger, machine.key, clock, finisher)
        self.watchlist_lives = WatchlistLives(database, self.ledger, machine.key, clock, finisher)
        self.imports = ImportDesk(
            database, self.ledger, machine.key, import_lock, clock, finisher=finisher
        )
        self.members = ListMembers(database)
        self.memberships = Memberships(database, self.ledger, machine.key, clock)
        self.keys = KeyCustody(database, self.ledger, machine, run_lock, clock)
        self.people = PeopleRegister(database, self.ledger, self.looks)
        self.policies = PolicyArchive(database, self.ledger, self.looks)
        self.lives = LifeArchive(database, self.ledger, clock, self.memberships, finisher)
        self.holds = HoldArchive(database, self.ledger, machine.key, clock)
        self.alert_steps = AlertSteps(database, self.ledger, machine.key, clock)
        self.tracer = Tracer(database, self.ledger, self.alerts, clock)

    @classmethod
    def open(
        cls,
        home: Path,
        clock: Clock,
        source: MachineKeySource | None = None,
        database_url: str | None = None,
        *,
        backup_days: int | None = None,
    ) -> Self:
        """Open the store in a folder, which is made if there is none.

        Args:
            home: the folder.
            clock: what time it is.
            source: where the machine key comes from; a key file in ``home`` if None.
            database_url: of a database on a server; a file in ``home`` if None.
            backup_days: how long backups of the database are kept; None if nobody said.

        Raises:
            IntegrityError: a key is missing, is another store's or can be reached by others, or the
                ledger is not what its last checkpoint was signed for.
            UsageError: the folder belongs to another kind of database, or the URL is none.
            UnavailableError: the source of the machine key, or what a server needs, is not there.
            StorageError: the disk is full, read-only or damaged, or the store was made by a newer
                version.
        """
        source = source or KeyFileSource(home / KEYS / MACHINE_KEY)
        database, machine, signer = open_database(home, source, database_url)
        try:
            store = cls(
                database,
                machine,
                signer,
                clock,
                run_lock=database.lock("run"),
                import_lock=database.lock("import"),
                backup_days=backup_days,
            )
            store.ledger.check_head()
            claim_ledger_key(database, signer)
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
            check_deletions_against_ledger(session)
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
            now_utc = self._clock.now_utc()
            gone = erase_pictures(work, deployment, (), by, now_utc)
            if gone:
                owner = Owner(OwnerKind.DEPLOYMENT, deployment)
                begin(work, Order(Subject.PICTURES, owner, Cause.PURGE, by), gone, now_utc)
        self._finisher.finish()
        return gone.n_keys > 0

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

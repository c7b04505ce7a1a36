"""The store as a whole: opens the files and hands out what reads and writes them.

    home/overt.sqlite3       the database, 0600
    home/run.lock            held while a run is open
    home/keys/machine.key    wraps the keys of deployments and watchlists, 0600
    home/keys/ledger.key     signs checkpoints, 0600

Invariants: keys are made before the database that depends on them, and never again after; at every
open the ledger is checked against its last checkpoint.
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
from overt.core.ids import DeploymentId
from overt.ledger.notes import NoteSigner
from overt.store import deployments
from overt.store.alerts import AlertArchive, check_against_ledger
from overt.store.database import Database
from overt.store.faults import storage_faults
from overt.store.keys import DataKey, create_key_file, read_key_file
from overt.store.ledger import LedgerState, StoredLedger
from overt.store.people import PeopleRegister, check_people_against_ledger
from overt.store.run_lock import RunLock
from overt.store.runs import StoredRun, close_abandoned
from overt.store.watchlists import WatchlistArchive

DATABASE_NAME: Final = "overt.sqlite3"
MACHINE_KEY: Final = "machine.key"
LEDGER_KEY: Final = "ledger.key"


class Store:
    """An open store; close it, or use it as a context manager.

    Attributes:
        alerts: reads alerts and their pictures.
        watchlists: keeps watchlists.
        people: who acts here, with which key and in which roles.
        ledger: reads and verifies the record.
    """

    def __init__(
        self,
        database: Database,
        machine_key: DataKey,
        ledger_signer: NoteSigner,
        run_lock: RunLock,
        clock: Clock,
    ) -> None:
        self._database = database
        self._machine_key = machine_key
        self._run_lock = run_lock
        self._clock = clock
        self.ledger = StoredLedger(database, ledger_signer)
        self.alerts = AlertArchive(database, machine_key)
        self.watchlists = WatchlistArchive(database, machine_key, clock)
        self.people = PeopleRegister(database, self.ledger)

    @classmethod
    def open(cls, home: Path, clock: Clock) -> Self:
        """Open the store in a folder, which is made if there is none.

        Raises:
            IntegrityError: a key file is missing or can be reached by others, or the ledger is not
                what its last checkpoint was signed for.
            StorageError: the disk is full, read-only or damaged, or the store was made by a newer
                version.
        """
        path = home / DATABASE_NAME
        with storage_faults():
            exists = path.exists()
        machine_key = DataKey(_key(home, MACHINE_KEY, exists=exists))
        signer = _signer(_key(home, LEDGER_KEY, exists=exists))
        database = Database.open_sqlite(path)
        store = cls(database, machine_key, signer, RunLock(home / "run.lock"), clock)
        try:
            store.ledger.check_head()
        except BaseException:
            store.close()
            raise
        return store

    def run(self) -> RunSink:
        """Return a sink for one run, and take the lock that lets this process have runs open.

        A run that an earlier process left open is closed first, as not closed.

        Raises:
            StorageError: another process has a run open here, or the database is damaged.
        """
        newly_taken = self._run_lock.acquire()
        self._database.check()
        if newly_taken:
            with self.ledger.transaction() as work:
                close_abandoned(work, self._clock.now_utc())
        return StoredRun(self.ledger, self._machine_key, self._clock)

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
            check_people_against_ledger(session)
        return state

    def destroy_deployment_key(self, deployment: DeploymentId) -> bool:
        """Destroy a deployment's key, so that nobody can see its pictures again.

        Returns:
            Whether there was one.

        Raises:
            StorageError: it could not be done, or not yet in every file.
        """
        with self._database.write() as session:
            had_key = deployments.destroy_key(session, deployment)
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


def _key(home: Path, name: str, *, exists: bool) -> bytes:
    path = home / "keys" / name
    key = read_key_file(path)
    if key is None and exists:
        raise IntegrityError(
            f"The key file {name} of this store is missing, and what it keeps needs that key."
        )
    return create_key_file(path) if key is None else key


def _signer(seed: bytes) -> NoteSigner:
    private_key = Ed25519PrivateKey.from_private_bytes(seed)
    public_key = private_key.public_key().public_bytes_raw()
    name = hashlib.sha256(public_key).hexdigest()[:16]
    return NoteSigner(f"overt.local/{name}", private_key)

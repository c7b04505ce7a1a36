"""The store's database as a file: SQLite, in the store's own folder.

It is opened in WAL mode with ``synchronous=FULL``: a commit that returned has reached the disk.
``secure_delete`` overwrites what is deleted.

Invariants: every transaction begins explicitly, writing ones with the write lock; every file is its
owner's alone.
Must not: know what the tables mean.
"""

import os
from pathlib import Path
from typing import Final

from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.pool import ConnectionPoolEntry

from overt.core.errors import StorageError
from overt.retention.receipts import Promise, PurgeResult, Remainder
from overt.store.database import BEING_READ, BUSY_TIMEOUT_S, DAMAGED, Database
from overt.store.faults import storage_faults
from overt.store.run_lock import FileLock

VACUUM_IN_MEMORY_BYTES: Final = 256 * 2**20
"""Up to which size a database is written anew without a temporary file."""

_SIZE: Final = "SELECT page_count * page_size FROM pragma_page_count(), pragma_page_size()"
_BEGIN: Final = "overt_begin"
_PRAGMAS: Final = (
    "PRAGMA journal_mode = WAL",
    "PRAGMA synchronous = FULL",
    "PRAGMA foreign_keys = ON",
    "PRAGMA secure_delete = ON",
    "PRAGMA trusted_schema = OFF",
)


class SqliteDatabase(Database):
    """A database file that is open."""

    def __init__(self, path: Path, engine: Engine) -> None:
        super().__init__(engine, engine.execution_options(**{_BEGIN: "IMMEDIATE"}))
        self._path = path

    @classmethod
    def open(cls, path: Path) -> "SqliteDatabase":
        """Open or create a database file that only its owner can read.

        Raises:
            StorageError: it cannot be opened, is damaged, or was made by a newer version.
        """
        with storage_faults():
            _create_private(path)
            database = cls(path, _engine(path))
        try:
            database._migrate()
        except BaseException:
            database.close()
            raise
        return database

    def check(self) -> None:
        """See :meth:`Database.check`."""
        with self.read() as session:
            found = session.execute(text("PRAGMA quick_check(1)")).scalar_one()
        if found != "ok":
            raise StorageError(DAMAGED)

    def n_bytes(self) -> int:
        """See :meth:`Database.n_bytes`."""
        with self.read() as session:
            return int(session.execute(text(_SIZE)).scalar_one())

    def forget_history(self) -> None:
        """Move what the write-ahead log holds to the main file and empty the log.

        What was deleted or overwritten before is then in neither of them.

        Raises:
            StorageError: somebody reads on from an older state.
        """
        with storage_faults(), self._reading.connect() as connection:
            # On the driver's own cursor: a checkpoint cannot run within a transaction.
            cursor = connection.connection.cursor()
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            busy, *_ = cursor.fetchone() or (1,)
        if busy or self._n_log_bytes():
            raise StorageError(BEING_READ)

    def purge_deleted(self) -> PurgeResult:
        """See :meth:`Database.purge_deleted`.

        Twice, since each step makes bytes for the other: the log's overwritten pages are brought to
        the main file before that is written anew, and what was written anew after it.
        """
        self.forget_history()
        with storage_faults(), self._reading.connect() as connection:
            # On the driver's own cursor: it cannot run within a transaction.
            cursor = connection.connection.cursor()
            # What is kept is copied on the way: in memory, where there is room for it.
            held = "MEMORY" if self.n_bytes() <= VACUUM_IN_MEMORY_BYTES else "FILE"
            cursor.execute(f"PRAGMA temp_store = {held}")
            cursor.execute("VACUUM")
            cursor.execute("PRAGMA temp_store = DEFAULT")
            (n_free,) = cursor.execute("PRAGMA freelist_count").fetchone() or (1,)
            (version,) = cursor.execute("SELECT sqlite_version()").fetchone() or ("",)
        self.forget_history()
        if n_free:
            raise StorageError("The store was written to while what was deleted was overwritten.")
        return PurgeResult(
            (Promise.PAGES_OVERWRITTEN, Promise.DATABASE_REWRITTEN, Promise.LOG_EMPTIED),
            {Remainder.FREED_BLOCKS: None},
            f"SQLite {version}",
        )

    def lock(self, name: str) -> FileLock:
        """Return the lock on a file beside the database; see :meth:`Database.lock`."""
        return FileLock(self._path.with_name(f"{name}.lock"))

    def _take_turn(self, connection: Connection) -> None:
        """Do nothing: ``BEGIN IMMEDIATE`` waited."""

    def _after_migration(self, connection: Connection) -> None:
        """Do nothing: it keeps no samples."""

    def _n_log_bytes(self) -> int:
        log = self._path.with_name(f"{self._path.name}-wal")
        with storage_faults():
            return log.stat().st_size if log.exists() else 0


def _create_private(path: Path) -> None:
    # SQLite gives the log and the shared-memory file the permissions of the main file.
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        return


def _engine(path: Path) -> Engine:
    engine = create_engine(
        URL.create("sqlite", database=str(path)),
        connect_args={"timeout": BUSY_TIMEOUT_S, "isolation_level": None},
        hide_parameters=True,
    )
    event.listen(engine, "connect", _prepare_connection)
    event.listen(engine, "begin", _begin)
    return engine


def _prepare_connection(raw: DBAPIConnection, _entry: ConnectionPoolEntry) -> None:
    cursor = raw.cursor()
    for pragma in _PRAGMAS:
        cursor.execute(pragma)
    cursor.close()


def _begin(connection: Connection) -> None:
    how = connection.get_execution_options().get(_BEGIN, "DEFERRED")
    connection.exec_driver_sql(f"BEGIN {how}")

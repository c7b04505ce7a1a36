"""Opens the database, brings its tables up to date, and hands out transactions.

SQLite is opened in WAL mode with ``synchronous=FULL``: a commit that returned has reached the disk.
``secure_delete`` overwrites what is deleted.

Invariants: every transaction begins explicitly, writing ones with the write lock, so that nobody
else's write can come between what is read and what is written.
Must not: know what the tables mean.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import lru_cache
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import URL, Connection, Engine, create_engine, event, text
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.orm import Session
from sqlalchemy.pool import ConnectionPoolEntry

from overt.core.errors import StorageError
from overt.retention.receipts import Promise, PurgeResult, Remainder
from overt.store.faults import storage_faults

BUSY_TIMEOUT_S: Final = 5.0
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


class Database:
    """A database that is open and whose tables are of this version."""

    def __init__(self, engine: Engine) -> None:
        self._reading = engine
        self._writing = engine.execution_options(**{_BEGIN: "IMMEDIATE"})
        self._check: Callable[[Session], None] | None = None

    @classmethod
    def open_sqlite(cls, path: Path) -> "Database":
        """Open or create a database file that only its owner can read.

        Raises:
            StorageError: it cannot be opened, is damaged, or was made by a newer version.
        """
        with storage_faults():
            _create_private(path)
            database = cls(_sqlite_engine(path))
        try:
            database._migrate()
        except BaseException:
            database.close()
            raise
        return database

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Hand out a session that is committed at the end, or rolled back if anything is raised."""
        with storage_faults(), Session(self._writing) as session, session.begin():
            self._begin_checked(session)
            yield session

    @contextmanager
    def read(self) -> Iterator[Session]:
        """Hand out a session that sees one state of the database."""
        with storage_faults(), Session(self._reading) as session, session.begin():
            self._begin_checked(session)
            yield session

    def check_each_transaction(self, check: Callable[[Session], None]) -> None:
        """Call ``check`` at the beginning of each transaction from now on; it raises to refuse."""
        self._check = check

    def check(self) -> None:
        """Read the whole database for damage.

        Raises:
            StorageError: it is damaged.
        """
        with self.read() as session:
            found = session.execute(text("PRAGMA quick_check(1)")).scalar_one()
        if found != "ok":
            raise StorageError("The store's database is damaged.")

    def forget_history(self) -> None:
        """Move what the write-ahead log holds to the main file and empty the log.

        What was deleted or overwritten before is then in neither of them.
        """
        with storage_faults(), self._reading.connect() as connection:
            # On the driver's own cursor: a checkpoint cannot run within a transaction.
            cursor = connection.connection.cursor()
            cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
            busy, *_ = cursor.fetchone() or (1,)
        if busy or self._n_log_bytes():
            raise StorageError(
                "The store is being read, so what was deleted is not yet overwritten."
            )

    def purge_deleted(self) -> PurgeResult:
        """Make the bytes go that deleted rows and destroyed keys left behind.

        Twice, since each step makes bytes for the other: the log's overwritten pages are brought to
        the main file before that is written anew, and what was written anew after it. Nobody else
        can write meanwhile; where a run may not wait, this waits for its end.

        Raises:
            StorageError: somebody reads or writes too long, or there is no room; call it again.
        """
        self.forget_history()
        with storage_faults(), self._reading.connect() as connection:
            # On the driver's own cursor: it cannot run within a transaction.
            cursor = connection.connection.cursor()
            # What is kept is copied on the way: in memory, where there is room for it.
            (n_bytes,) = cursor.execute(_SIZE).fetchone() or (0,)
            held = "MEMORY" if n_bytes <= VACUUM_IN_MEMORY_BYTES else "FILE"
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

    def close(self) -> None:
        """Let go of the file."""
        self._reading.dispose()

    def _n_log_bytes(self) -> int:
        log = Path(f"{self._reading.url.database}-wal")
        with storage_faults():
            return log.stat().st_size if log.exists() else 0

    def _begin_checked(self, session: Session) -> None:
        if self._check is not None:
            self._check(session)

    def _migrate(self) -> None:
        config, scripts = _config(), _migrations()
        known = {script.revision for script in scripts.walk_revisions()}
        with storage_faults(), self._writing.begin() as connection:
            current = MigrationContext.configure(connection).get_current_revision()
            if current is not None and current not in known:
                raise StorageError("The store was made by a newer version of Overt.")
            if current != scripts.get_current_head():
                config.attributes["connection"] = connection
                command.upgrade(config, "head")


def _config() -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    return config


@lru_cache(maxsize=1)  # reading them compiles each file anew
def _migrations() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _create_private(path: Path) -> None:
    # SQLite gives the log and the shared-memory file the permissions of the main file.
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    except FileExistsError:
        return


def _sqlite_engine(path: Path) -> Engine:
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

"""What a store asks of its database, whichever it is: transactions, locks, and forgetting.

    sqlite.py         a file in the store's own folder; the default
    postgresql.py     a server, asked for by URL

Invariants: writing transactions come one after the other, so that nobody else's write can come
between what is read and what is written; a reading one sees one state; a commit that returned has
reached the disk; tables are of this version.
Must not: know what the tables mean.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, Engine
from sqlalchemy.orm import Session

from overt.core.errors import StorageError
from overt.retention.receipts import PurgeResult
from overt.store.faults import storage_faults
from overt.store.run_lock import RunLock

BUSY_TIMEOUT_S: Final = 5.0
"""How long a transaction waits for who is in its way."""

DAMAGED: Final = "The store's database is damaged."
BEING_READ: Final = "The store is being read, so what was deleted is not yet overwritten."


class Database(ABC):
    """A database that is open and whose tables are of this version.

    Args:
        reading: connects for what only reads.
        writing: connects for what writes.
    """

    def __init__(self, reading: Engine, writing: Engine) -> None:
        self._reading = reading
        self._writing = writing
        self._check: Callable[[Session], None] | None = None

    @contextmanager
    def write(self) -> Iterator[Session]:
        """Hand out a session that is committed at the end, or rolled back if anything is raised."""
        with storage_faults(), Session(self._writing) as session, session.begin():
            self._take_turn(session.connection())
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

    def close(self) -> None:
        """Let go of the database."""
        self._reading.dispose()

    @abstractmethod
    def check(self) -> None:
        """Read the whole database for damage.

        Raises:
            StorageError: it is damaged.
        """

    @abstractmethod
    def n_bytes(self) -> int:
        """Return how large the database is."""

    @abstractmethod
    def forget_history(self) -> None:
        """Make the bytes go of keys that were destroyed or replaced, as far as the database can.

        Raises:
            StorageError: somebody reads or writes too long; call it again.
        """

    @abstractmethod
    def purge_deleted(self) -> PurgeResult:
        """Make the bytes go that deleted rows and destroyed keys left behind.

        Nobody else can write meanwhile; where a run may not wait, this waits for its end.

        Raises:
            StorageError: somebody reads or writes too long, or there is no room; call it again.
        """

    @abstractmethod
    def lock(self, name: str) -> RunLock:
        """Return the lock of this name, of which a store has one among all who have it open."""

    @abstractmethod
    def _take_turn(self, connection: Connection) -> None:
        """Wait until no other transaction writes; called first in each that writes."""

    @abstractmethod
    def _after_migration(self, connection: Connection) -> None:
        """Do what a database needs once its tables changed, in the transaction that did it."""

    def _begin_checked(self, session: Session) -> None:
        if self._check is not None:
            self._check(session)

    def _migrate(self) -> None:
        config = Config()
        config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
        scripts = ScriptDirectory.from_config(config)
        known = {script.revision for script in scripts.walk_revisions()}
        with storage_faults(), self._writing.begin() as connection:
            self._take_turn(connection)
            current = MigrationContext.configure(connection).get_current_revision()
            if current is not None and current not in known:
                raise StorageError("The store was made by a newer version of Overt.")
            if current != scripts.get_current_head():
                config.attributes["connection"] = connection
                command.upgrade(config, "head")
                self._after_migration(connection)

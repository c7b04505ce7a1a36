"""Locks that the server keeps for a process, for as long as the process is there.

A lock is held by a connection of its own. A connection that is lost has lost the lock, whoever has
it now; so whoever holds it checks that before each thing that they write.

Must not: take a lost lock again by itself.
"""

import threading
import time
from typing import Final

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from overt.core.errors import StorageError
from overt.store.faults import storage_faults
from overt.store.run_lock import HELD_BY_ANOTHER, HeldElsewhereError

ATTEMPTS: Final = 20
PAUSE_S: Final = 0.05
"""Between attempts; the server may take a moment to notice that a process has died."""

_LOST: Final = "The connection that held the store's lock was lost: nothing is written without it."


class ServerLock:
    """An advisory lock; implements :class:`overt.store.run_lock.RunLock`. Safe from any thread."""

    def __init__(self, engine: Engine, key: int) -> None:
        self._engine = engine
        self._key = key
        self._connection: Connection | None = None
        self._guard = threading.Lock()

    def acquire(self, held_elsewhere: str = HELD_BY_ANOTHER) -> bool:
        """See :meth:`overt.store.run_lock.RunLock.acquire`; one that was lost is newly taken."""
        with self._guard, storage_faults():
            if self._connection is not None:
                if self._answers(self._connection):
                    return False
                self._drop()
            self._connection = self._engine.connect()
            took = False
            try:
                took = self._took(self._connection)
            finally:
                if not took:
                    self._drop()
        if not took:
            raise HeldElsewhereError(held_elsewhere)
        return True

    def release(self) -> None:
        """See :meth:`overt.store.run_lock.RunLock.release`."""
        with self._guard:
            if self._connection is not None:
                self._drop()

    def check(self) -> None:
        """Do nothing if the lock is held, or was not taken.

        Raises:
            StorageError: it was lost.
        """
        with self._guard:
            if self._connection is not None and not self._answers(self._connection):
                raise StorageError(_LOST)

    def _took(self, connection: Connection) -> bool:
        # Who waited within the server would hold on to its older state, and so to deleted rows.
        wanted, key = text("SELECT pg_try_advisory_lock(:key)"), {"key": self._key}
        for attempt in range(ATTEMPTS):
            if attempt:
                time.sleep(PAUSE_S)
            if connection.execute(wanted, key).scalar_one():
                return True
        return False

    def _drop(self) -> None:
        # The connection ends, instead of going back to the others with the lock.
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()
            self._connection = None

    @staticmethod
    def _answers(connection: Connection) -> bool:
        if connection.invalidated:
            return False
        try:
            connection.exec_driver_sql("SELECT 1")
        except DBAPIError:
            return False
        return not connection.invalidated

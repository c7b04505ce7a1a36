"""Locks that the server keeps for a process, for as long as the process is there.

A lock is held by a connection of its own. A connection that is lost has lost the lock, whoever has
it now; so whoever holds it checks that before each thing that they write.

Must not: take a lost lock again by itself.
"""

import threading
from typing import Final

from sqlalchemy import Connection, Engine, text
from sqlalchemy.exc import DBAPIError

from overt.core.errors import StorageError
from overt.store.faults import storage_faults
from overt.store.run_lock import HELD_BY_ANOTHER, HeldElsewhereError

WAIT_S: Final = 1.0
"""How long the server may take to notice that the process which had a lock has died."""

_LOCK_NOT_AVAILABLE: Final = "55P03"
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
            connection = self._engine.connect()
            try:
                self._take(connection)
            except BaseException as error:
                connection.invalidate()
                connection.close()
                if isinstance(error, DBAPIError) and _sqlstate(error) == _LOCK_NOT_AVAILABLE:
                    raise HeldElsewhereError(held_elsewhere) from None
                raise
            self._connection = connection
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

    def _take(self, connection: Connection) -> None:
        wait = text(f"SET lock_timeout = {int(WAIT_S * 1000)}")
        connection.execute(wait)
        connection.execute(text("SELECT pg_advisory_lock(:key)"), {"key": self._key})

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


def _sqlstate(error: DBAPIError) -> str | None:
    return getattr(error.orig, "sqlstate", None)

"""One process at a time has runs open in a store, rotates its keys, or imports a list.

Whoever keeps the lock for a process, the kernel or the server, gives it back when the process
ends, however it ends, so that a run found open while the lock is free is one that was never closed.
"""

import errno
import fcntl
import os
from pathlib import Path
from typing import Final, Protocol

from overt.core.errors import StorageError
from overt.store.faults import storage_faults

HELD_BY_ANOTHER: Final = "Another process has a run open in this store, or is rotating its keys."
_HELD_ELSEWHERE: Final = frozenset({errno.EWOULDBLOCK, errno.EACCES})


class HeldElsewhereError(StorageError):
    """Another process has the lock."""


class RunLock(Protocol):
    """A lock that one process has."""

    def acquire(self, held_elsewhere: str = HELD_BY_ANOTHER) -> bool:
        """Take the lock, unless this process has it already; return whether it is newly taken.

        Raises:
            HeldElsewhereError: another process has it; ``held_elsewhere`` is the sentence for that.
            StorageError: it cannot be asked for.
        """
        ...

    def release(self) -> None:
        """Give the lock back, if this process has it."""
        ...


class FileLock:
    """An advisory lock on a file, which the kernel keeps."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._descriptor: int | None = None

    def acquire(self, held_elsewhere: str = HELD_BY_ANOTHER) -> bool:
        """See :meth:`RunLock.acquire`."""
        if self._descriptor is not None:
            return False
        with storage_faults():
            flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC
            descriptor = os.open(self._path, flags, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError as error:
                os.close(descriptor)
                if error.errno in _HELD_ELSEWHERE:
                    raise HeldElsewhereError(held_elsewhere) from error
                raise
        self._descriptor = descriptor
        return True

    def release(self) -> None:
        """See :meth:`RunLock.release`."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

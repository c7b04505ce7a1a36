"""Memory that holds faces: it does not get into a dump, nor into swap where the system lets it.

Two things for two scopes. :func:`protect_process` is for the whole process: no core dumps, nobody
else of this account may read its memory, and its pages are locked if the system allows that for a
whole process. :class:`ArrayPool` is for the arrays in which crops and templates lie: taken once,
left out of dumps, locked for themselves, zero whenever nobody has one.

Invariants: an array of a pool is overwritten before anybody else gets it; what the system does not
allow is said in :class:`Protection`, never assumed.
Must not: log, or know what the arrays mean.
"""

import ctypes
import mmap
import resource
import sys
import threading
from collections import deque
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

_PR_SET_DUMPABLE: Final = 4
_PR_GET_DUMPABLE: Final = 3
_MCL_CURRENT: Final = 1
_MCL_FUTURE: Final = 2
_MCL_ONFAULT: Final = 4
_CAP_IPC_LOCK: Final = 14
_MADV_DONTDUMP: Final = 16
_MADV_WIPEONFORK: Final = 18

Number = TypeVar("Number", bound=np.generic)


class NotLocked(StrEnum):
    """Why the memory of the process is not locked: what stands in the ledger."""

    LIMIT = "limit"
    """The system's limit (RLIMIT_MEMLOCK) allows the buffers of faces alone."""
    REFUSED = "refused"
    """The system refused although its limit would allow it."""
    NOT_LINUX = "not-linux"
    """It can be asked of Linux only."""


@dataclass(frozen=True, slots=True)
class Protection:
    """What could be done to keep the memory of a process to itself.

    Attributes:
        core_dumps_off: no core dump is written, nor handed to a program, whatever happens; and
            no other process of the same account may read the memory.
        memory_locked: no page of the process goes to swap.
        reason: why not, if not.
    """

    core_dumps_off: bool
    memory_locked: bool
    reason: NotLocked | None

    @property
    def in_words(self) -> str | None:
        """What an operator has to know of it, as a sentence; None if there is nothing."""
        if not self.core_dumps_off:
            return "Core dumps cannot be switched off on this system."
        match self.reason:
            case NotLocked.LIMIT:
                return (
                    "The buffers of faces are locked, the rest of the memory is not: raise "
                    "RLIMIT_MEMLOCK, or see to it that swap is off or encrypted."
                )
            case NotLocked.REFUSED | NotLocked.NOT_LINUX:
                return (
                    "The memory cannot be locked on this system: see to it that swap is off or "
                    "encrypted."
                )
            case None:
                return None


def protect_process() -> Protection:
    """Switch core dumps off and lock the memory of this process, as far as the system allows.

    Calling it again is harmless.
    """
    if sys.platform != "linux":
        return Protection(core_dumps_off=False, memory_locked=False, reason=NotLocked.NOT_LINUX)
    reason = _lock_all()
    return Protection(_switch_dumps_off(), reason is None, reason)


def _switch_dumps_off() -> bool:
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # The limit is not asked where a program takes the dump; whether there is one to take, is.
    libc = _libc()
    libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    return bool(libc.prctl(_PR_GET_DUMPABLE, 0, 0, 0, 0) == 0)


def _lock_all() -> NotLocked | None:
    """Lock every page that is or will be used; pages that are never used take no memory."""
    if not _may_lock_without_limit():
        return NotLocked.LIMIT
    done = _libc().mlockall(_MCL_CURRENT | _MCL_FUTURE | _MCL_ONFAULT)
    return None if done == 0 else NotLocked.REFUSED


def _may_lock_without_limit() -> bool:
    """Say so only where no later allocation can fail for it."""
    if resource.getrlimit(resource.RLIMIT_MEMLOCK)[0] == resource.RLIM_INFINITY:
        return True
    for line in Path("/proc/self/status").read_text("ascii", "replace").splitlines():
        if line.startswith("CapEff:"):
            return bool(int(line.split()[1], 16) >> _CAP_IPC_LOCK & 1)
    return False


@lru_cache(maxsize=1)
def _libc() -> Any:
    return ctypes.CDLL(None, use_errno=True)


def protected_zeros(shape: tuple[int, ...], kind: type[Number]) -> NDArray[Number]:
    """Return an array of zeros on pages of its own.

    They are left out of dumps and of forked processes, and locked if the limit allows.
    """
    wanted = int(np.prod(shape)) * np.dtype(kind).itemsize
    pages = mmap.mmap(-1, max(wanted, 1), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
    array = np.frombuffer(pages, kind, count=int(np.prod(shape))).reshape(shape)
    if sys.platform == "linux":
        pages.madvise(_MADV_DONTDUMP)
        pages.madvise(_MADV_WIPEONFORK)
        _libc().mlock(ctypes.c_void_p(array.ctypes.data), ctypes.c_size_t(wanted))
    return array


class ArrayPool(Generic[Number]):
    """Arrays of one shape that are used again and again; thread-safe.

    Args:
        shape, kind: of each array.
        n_at_once: how many to make at a time, when there are not enough.
    """

    def __init__(self, shape: tuple[int, ...], kind: type[Number], n_at_once: int) -> None:
        self._shape = shape
        self._kind = kind
        self._n_at_once = n_at_once
        self._idle: deque[NDArray[Number]] = deque()
        self._turn = threading.Lock()
        self._n_made = 0

    @property
    def n_in_use(self) -> int:
        """How many arrays somebody has."""
        with self._turn:
            return self._n_made - len(self._idle)

    def take(self) -> NDArray[Number]:
        """Return an array of zeros, to be given back."""
        with self._turn:
            if not self._idle:
                more = protected_zeros((self._n_at_once, *self._shape), self._kind)
                self._idle.extend(more[i] for i in range(self._n_at_once))
                self._n_made += self._n_at_once
            return self._idle.popleft()

    def give_back(self, array: NDArray[Number]) -> None:
        """Overwrite an array that was taken; whoever had it must not touch it any more."""
        array.fill(0)
        with self._turn:
            self._idle.append(array)

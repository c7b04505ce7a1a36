"""Reads another process's memory as it stood at one instant.

The process itself hands over its open ``/proc/self/mem`` and its maps before it closes itself to
others, so that no privilege is needed. It is stopped while its pages are copied, and goes on.

Must not: write into the process.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from time import monotonic
from typing import Final

import numpy as np
from numpy.typing import NDArray

PAGE: Final = os.sysconf("SC_PAGE_SIZE")
_PRESENT: Final = np.uint64(0b11 << 62)
"""In a word of pagemap: the page is in memory, or swapped out."""


_PAGES_AT_ONCE: Final = 1024


@dataclass(frozen=True, slots=True)
class MemoryFiles:
    """Open files on a process's memory.

    Attributes:
        process: its id.
        mem, maps, pagemap: file descriptors.
    """

    process: int
    mem: int
    maps: int
    pagemap: int


@dataclass(frozen=True, slots=True)
class Mapping:
    """A part of the address space.

    Attributes:
        start, end: addresses.
        name: the file or the kernel's name for it; empty for anonymous memory.
    """

    start: int
    end: int
    name: str


@dataclass(frozen=True, slots=True)
class Run:
    """Pages that lie together both in the process and in the copy."""

    mapping: Mapping
    address: int
    offset: int
    n_bytes: int


@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """The memory of a process at one instant.

    Attributes:
        pages: the copies, one after the other.
        runs: where they lay.
        unread_bytes: of pages that the kernel would not read, such as its own.
        taken_s: monotonic seconds at which the process had stopped.
        stopped_s: for how long.
    """

    pages: NDArray[np.uint8] = field(repr=False)
    runs: tuple[Run, ...] = field(repr=False)
    unread_bytes: int
    taken_s: float
    stopped_s: float

    @property
    def n_bytes(self) -> int:
        """How much was copied."""
        return int(self.pages.size)

    def changed_since(self, before: "Snapshot") -> "ChangedPages":
        """Return the pages that were not there, or not the same, before."""
        now, then = self.pages.reshape(-1, PAGE), before.pages.reshape(-1, PAGE)
        addresses = self.page_addresses()
        chosen = np.flatnonzero(_differ(now, addresses, then, before.page_addresses()))
        return ChangedPages(now[chosen].reshape(-1), addresses[chosen], self)

    def page_addresses(self) -> NDArray[np.int64]:
        """Return the address of every page, in the order of ``pages``, which is ascending."""
        each = [
            np.arange(run.address, run.address + run.n_bytes, PAGE, dtype=np.int64)
            for run in self.runs
        ]
        return np.concatenate(each) if each else np.empty(0, np.int64)

    def name_at(self, address: int) -> str:
        """Return what the kernel calls the memory at an address."""
        names = (
            run.mapping.name
            for run in self.runs
            if run.address <= address < run.address + run.n_bytes
        )
        return next(names, "") or "anonymous memory"


@dataclass(frozen=True, slots=True, eq=False)
class ChangedPages:
    """Pages of a snapshot that are not what they were.

    Attributes:
        pages: the copies, one after the other; neighbours need not have been neighbours.
    """

    pages: NDArray[np.uint8] = field(repr=False)
    _addresses: NDArray[np.int64] = field(repr=False)
    _snapshot: Snapshot = field(repr=False)

    def where(self, offset: int) -> str:
        """Say where in the process an offset of ``pages`` was."""
        address = int(self._addresses[offset // PAGE]) + offset % PAGE
        return f"memory, {self._snapshot.name_at(address)} at {address:#x}"


def _differ(
    pages: NDArray[np.uint8],
    addresses: NDArray[np.int64],
    old_pages: NDArray[np.uint8],
    old_addresses: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Return which pages are new or hold something else than before."""
    differs = np.ones(len(pages), bool)
    if not len(old_addresses):
        return differs
    at = np.searchsorted(old_addresses, addresses)
    at[at == len(old_addresses)] = 0
    known = np.flatnonzero(old_addresses[at] == addresses)
    now, then = (each.view(np.uint64) for each in (pages, old_pages))
    for start in range(0, len(known), _PAGES_AT_ONCE):
        some = known[start : start + _PAGES_AT_ONCE]
        differs[some] = (now[some] != then[at[some]]).any(axis=1)
    return differs


def _edges(chosen: NDArray[np.bool_]) -> list[tuple[int, int]]:
    """Return begin and end of each run of what is chosen."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], chosen.astype(np.int8), [0]])))
    return [(int(a), int(b)) for a, b in zip(edges[::2], edges[1::2], strict=True)]


class MemoryReader:
    """Copies the memory of one process, again and again, into two buffers in turn."""

    def __init__(self, files: MemoryFiles) -> None:
        self._files = files
        self._buffer: NDArray[np.uint8] = np.empty(0, np.uint8)
        self._other: NDArray[np.uint8] = np.empty(0, np.uint8)

    def make_room(self) -> None:
        """Get room for the next copies, so that the process need not stand still for it."""
        n_bytes = sum(length for _, _, length in self._present()) * 5 // 4
        self._grow(n_bytes)
        self._turn()
        self._grow(n_bytes)

    def _turn(self) -> None:
        self._buffer, self._other = self._other, self._buffer

    def snapshot(self) -> Snapshot:
        """Stop the process, copy every page that it has in memory, and let it go on.

        The copy is overwritten by the one after the next.
        """
        self._turn()
        with _stopped(self._files.process) as taken_s:
            wanted = list(self._present())
            total = sum(n_bytes for _, _, n_bytes in wanted)
            self._grow(total)
            runs, unread = self._copy(wanted)
            stopped_s = monotonic() - taken_s
        end = runs[-1].offset + runs[-1].n_bytes if runs else 0
        return Snapshot(self._buffer[:end], tuple(runs), unread, taken_s, stopped_s)

    def _grow(self, n_bytes: int) -> None:
        if self._buffer.size < n_bytes:
            self._buffer = np.empty(n_bytes, np.uint8)
            self._buffer[::PAGE] = 0  # touched now, not while the process stands still

    def _copy(self, wanted: list[tuple[Mapping, int, int]]) -> tuple[list[Run], int]:
        runs: list[Run] = []
        offset = unread = 0
        for mapping, address, n_bytes in wanted:
            done = 0
            while done < n_bytes:
                into = self._buffer[offset : offset + n_bytes - done]
                try:
                    n_read = os.preadv(self._files.mem, [into.data], address + done)
                except OSError:
                    n_read = 0
                if n_read <= 0:
                    unread += PAGE
                    done += PAGE
                    continue
                runs.append(Run(mapping, address + done, offset, n_read))
                offset += n_read
                done += n_read
        return runs, unread

    def _present(self) -> Iterator[tuple[Mapping, int, int]]:
        """Yield mapping, address and length of pages in memory that lie side by side."""
        for mapping in self._mappings():
            n_pages = (mapping.end - mapping.start) // PAGE
            raw = os.pread(self._files.pagemap, 8 * n_pages, mapping.start // PAGE * 8)
            there = np.frombuffer(raw, np.uint64) & _PRESENT != 0
            for first, last in _edges(there):
                yield mapping, mapping.start + first * PAGE, (last - first) * PAGE

    def _mappings(self) -> Iterator[Mapping]:
        os.lseek(self._files.maps, 0, os.SEEK_SET)
        text = b"".join(iter(lambda: os.read(self._files.maps, 1 << 16), b"")).decode()
        for line in text.splitlines():
            fields = line.split(maxsplit=5)
            start, end = (int(each, 16) for each in fields[0].split("-"))
            if "r" in fields[1] and end < 1 << 63:
                name = fields[5] if len(fields) == 6 else ""
                yield Mapping(start, end, name)


@contextmanager
def _stopped(process: int) -> Iterator[float]:
    """Have a child of ours stand still; yields when it does, in monotonic seconds."""
    os.kill(process, signal.SIGSTOP)
    try:
        # Only looked at: whoever started the process still learns how it ended.
        os.waitid(os.P_PID, process, os.WSTOPPED | os.WEXITED | os.WNOWAIT)
        yield monotonic()
    finally:
        os.kill(process, signal.SIGCONT)
        os.waitid(os.P_PID, process, os.WSTOPPED | os.WNOHANG)

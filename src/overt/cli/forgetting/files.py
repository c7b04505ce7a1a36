"""Which files are searched: every one that the node wrote or could have written.

Its own folders are read whole. Of the folders that others write in, too, what changed since before
the face was drawn, by the time that the kernel keeps and nobody can set; and whatever it has open,
also what has no name any more.
"""

import os
import stat
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray

SHARED_FOLDERS: Final = (Path("/dev/shm"), Path("/tmp"), Path("/var/tmp"), Path("/run/user"))  # noqa: S108 - looked through, not written to
MOST_BYTES: Final = 1 << 26
"""Larger files in folders that others write in, too, are left out, and that is said: each of them
would take longer to search than the node itself, and nothing of a face fills one."""

_BEFORE_S: Final = 2.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where a search looks, beside memory.

    Attributes:
        own: the node's folders, read whole.
        shared: folders in which only what has changed is read.
        left_out: folders that the searcher itself writes in.
    """

    own: tuple[Path, ...]
    shared: tuple[Path, ...]
    left_out: tuple[Path, ...] = ()

    def paths(self, since_s: float) -> Iterator[Path | int]:
        """Yield regular files, each once; of shared folders what changed since then.

        Of those that are too large to be searched, their size is yielded instead.
        """
        seen: set[tuple[int, int]] = set()
        for path, status in self._all(since_s):
            key = (status.st_dev, status.st_ino)
            if key not in seen and stat.S_ISREG(status.st_mode):
                seen.add(key)
                is_own = any(path.is_relative_to(folder) for folder in self.own)
                yield path if is_own or status.st_size <= MOST_BYTES else status.st_size

    def _all(self, since_s: float) -> Iterator[tuple[Path, os.stat_result]]:
        for folder in self.own:
            yield from _below(folder, ())
        for folder in self.shared:
            for path, status in _below(folder, self.left_out):
                if status.st_ctime >= since_s - _BEFORE_S:
                    yield path, status


def _below(folder: Path, left_out: Sequence[Path]) -> Iterator[tuple[Path, os.stat_result]]:
    for parent, folders, names in os.walk(folder):
        here = Path(parent)
        folders[:] = [name for name in folders if here / name not in left_out]
        for name in names:
            try:
                yield here / name, (here / name).lstat()
            except OSError:
                continue


def read_file(path: Path) -> NDArray[np.uint8] | None:
    """Return a file's bytes; None if it is gone or cannot be read."""
    try:
        return np.frombuffer(path.read_bytes(), np.uint8)
    except OSError:
        return None


def read_open(file: int) -> NDArray[np.uint8]:
    """Return the bytes of an open file from its beginning, and close it."""
    try:
        size = os.fstat(file).st_size
        pieces, at = [], 0
        while at < size and (piece := os.pread(file, min(1 << 24, size - at), at)):
            pieces.append(piece)
            at += len(piece)
        return np.frombuffer(b"".join(pieces), np.uint8)
    except OSError:
        return np.empty(0, np.uint8)
    finally:
        os.close(file)

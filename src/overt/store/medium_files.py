"""Destroys the files that a list was imported from: those very files, and nothing else.

    same digest? → renamed → overwritten → on the disk → removed → folder on the disk

A file is renamed first, to a name that says nothing and that only this makes, so that a process
that is killed half-way finds it again, and so that a file called by a person's name loses that.

Invariants: a file with other bytes than were imported, with a second name, or behind a link
anywhere on the way is left alone; nothing is followed, and what was looked at is what is removed.
Must not: remove a folder, or say where a file was.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from overt.core.ids import Sha256
from overt.retention.receipts import OVERWRITTEN

_CHUNK_BYTES: Final = 2**20
_READ: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_WRITE: Final = os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
_FOLDER: Final = _READ | os.O_DIRECTORY


class FileEnd(StrEnum):
    """What came of a file."""

    OVERWRITTEN = OVERWRITTEN
    NOT_THERE = "not-there"
    """It is not where it was, or what holds it is not connected."""
    CHANGED = "changed"
    """It holds other bytes than were imported."""
    LINKED = "linked"
    """It has a second name, or a link leads to it."""
    NOT_WRITABLE = "not-writable"
    """It may not be written or removed."""
    CONFIRMED = "confirmed"
    """A person said that it is destroyed."""


@dataclass(frozen=True, slots=True)
class MediumFile:
    """A file of a medium.

    Attributes:
        path: absolute, without a link on the way when it was imported.
        sha256: of its bytes when it was imported.
    """

    path: str = field(repr=False)
    sha256: Sha256


def look_at(path: Path) -> MediumFile | None:
    """Return a file as a medium's, or None if it is no plain file that can be read."""
    real = os.path.realpath(path)
    try:
        with _opened(real, _READ) as (_, descriptor):
            return MediumFile(real, _digest(descriptor))
    except OSError:
        return None


def is_there(file: MediumFile) -> bool:
    """Whether something is where a file was; its bytes are not looked at."""
    return os.path.lexists(file.path) or os.path.lexists(_renamed(file))


def find_end(file: MediumFile) -> FileEnd | None:
    """Return why a file cannot be destroyed, or None if it can; nothing is changed."""
    for path in (file.path, _renamed(file)):
        try:
            with _opened(path, _WRITE) as (_, descriptor):
                return _objection(descriptor, None if path != file.path else file)
        except FileNotFoundError:
            continue
        except OSError as error:
            return _end_of(error)
    return FileEnd.NOT_THERE


def destroy(file: MediumFile) -> FileEnd:
    """Overwrite and remove a file, if it is what was imported; again, where that was broken off.

    A file that is not there is :attr:`FileEnd.NOT_THERE`, whoever removed it.
    """
    try:
        with _opened(file.path, _WRITE) as (folder, descriptor):
            if (end := _objection(descriptor, file)) is not None:
                return end
            os.rename(Path(file.path).name, _name(file), src_dir_fd=folder, dst_dir_fd=folder)
            os.fsync(folder)
    except FileNotFoundError:
        pass
    except OSError as error:
        return _end_of(error)
    return _destroy_renamed(file)


def _destroy_renamed(file: MediumFile) -> FileEnd:
    try:
        with _opened(_renamed(file), _WRITE) as (folder, descriptor):
            if (end := _objection(descriptor, None)) is not None:
                return end
            _overwrite(descriptor)
            os.unlink(_name(file), dir_fd=folder)
            os.fsync(folder)
    except OSError as error:
        return _end_of(error)
    return FileEnd.OVERWRITTEN


def _objection(descriptor: int, file: MediumFile | None) -> FileEnd | None:
    """Return why an open file is left alone; its bytes are asked for where ``file`` is given."""
    found = os.fstat(descriptor)
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1:
        return FileEnd.LINKED
    if file is not None and _digest(descriptor) != file.sha256:
        return FileEnd.CHANGED
    return None


def _overwrite(descriptor: int) -> None:
    left = os.fstat(descriptor).st_size
    os.lseek(descriptor, 0, os.SEEK_SET)
    while left > 0:
        left -= os.write(descriptor, bytes(min(left, _CHUNK_BYTES)))
    os.fsync(descriptor)


def _digest(descriptor: int) -> Sha256:
    digest = hashlib.sha256()
    os.lseek(descriptor, 0, os.SEEK_SET)
    while chunk := os.read(descriptor, _CHUNK_BYTES):
        digest.update(chunk)
    return Sha256(digest.hexdigest())


@contextmanager
def _opened(path: str, flags: int) -> Iterator[tuple[int, int]]:
    """Hand out the folder and the file, each step of the way opened without following a link."""
    *folders, name = Path(path).parts[1:]
    folder = os.open("/", _FOLDER)
    try:
        for each in folders:
            within = os.open(each, _FOLDER, dir_fd=folder)
            os.close(folder)
            folder = within
        descriptor = os.open(name, flags, dir_fd=folder)
        try:
            yield folder, descriptor
        finally:
            os.close(descriptor)
    finally:
        os.close(folder)


def _name(file: MediumFile) -> str:
    """Return what a file is renamed to: it says nothing, and is the same each time."""
    said = hashlib.sha256(f"{file.path}\0{file.sha256}".encode("utf-8", "surrogateescape"))
    return f".overt-deleted-{said.hexdigest()[:32]}"


def _renamed(file: MediumFile) -> str:
    return str(Path(file.path).with_name(_name(file)))


def _end_of(error: OSError) -> FileEnd:
    if isinstance(error, FileNotFoundError):
        return FileEnd.NOT_THERE
    # ELOOP and ENOTDIR: a link, or something else than a folder, stands on the way.
    return FileEnd.LINKED if error.errno in _ON_THE_WAY else FileEnd.NOT_WRITABLE


_ON_THE_WAY: Final = frozenset({errno.ELOOP, errno.ENOTDIR, errno.EISDIR, errno.ENXIO})

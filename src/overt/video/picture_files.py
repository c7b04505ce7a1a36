"""Picture files in a folder or a ZIP, listed and read one by one, undecoded.

Invariants: nothing is unpacked to disk; nothing outside the folder or ZIP is read, and no link is
followed; limits bound what a hostile archive can cost; an error names no file within, nor does its
cause, which a traceback would show: files are often called by people's names.
Must not: decode a picture, or say whose it is.
"""

import errno
import lzma
import os
import re
import stat
import struct
import unicodedata
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import Final, Protocol

from overt.core.errors import InputError

PICTURE_SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif"})
MAX_PICTURE_BYTES: Final = 32 * 2**20
MAX_ARCHIVE_BYTES: Final = 16 * 2**30
"""Of all that a ZIP says it holds."""

MAX_NAME_CHARS: Final = 4096
"""Of a path within; putting a longer one into a Unicode form can take hours."""

_ENCRYPTED_FLAG = 0x1
_PACKING = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""The methods that Python unpacks piece by piece. It unpacks bzip2 and LZMA without a bound: a
member of 400 bytes that declares ten fills 400 MiB of memory."""

_DRIVE = re.compile(r"[A-Za-z]:")
_DAMAGED = "The ZIP file is damaged, encrypted or of an unknown kind."
_TOO_LARGE = "is larger than 32 MiB"
_ABSENT = "is not in the folder or ZIP file"

_DAMAGE = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    OSError,
    EOFError,
    NotImplementedError,
    RuntimeError,
    struct.error,
    ValueError,
    LookupError,
    ArithmeticError,
    MemoryError,
)
"""What ``zipfile`` raises for archives that are damaged or of a kind that it does not know."""


class PictureFiles(Protocol):
    """The picture files of one folder or ZIP."""

    def names(self) -> list[str]:
        """Return the path of every file, relative and with ``/`` between folders, in no order."""
        ...

    def read(self, name: str) -> bytes:
        """Return one picture's bytes.

        Args:
            name: as :meth:`names` gives it, or the same in another Unicode form: macOS and
                spreadsheets write one each.

        Raises:
            InputError: the name leads elsewhere, through a link or to nothing; it is no picture by
                its name, larger than ``MAX_PICTURE_BYTES``, or damaged. The message continues a
                sentence that begins with the picture: ``is larger than 32 MiB``.
        """
        ...


@contextmanager
def open_pictures(source: Path) -> Iterator[PictureFiles]:
    """Open a folder or ZIP.

    Raises:
        InputError: neither folder nor ZIP, or a ZIP that is damaged, encrypted, too large when
            unpacked, packed by a rare method, or that holds a path that leads out of it.
    """
    if source.is_dir():
        yield _Folder(source)
    elif is_zip(source):
        with _opened(source) as archive:
            yield _Zip(archive)
    else:
        raise InputError("The pictures must be in a folder or a ZIP file, and this is neither.")


def is_zip(path: Path) -> bool:
    """Return whether there is a file that ends like a ZIP."""
    return path.is_file() and zipfile.is_zipfile(path)


def is_picture(name: str) -> bool:
    """Return whether a file is a picture by its name, and not a hidden one."""
    path = PurePosixPath(name)
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return path.suffix.lower() in PICTURE_SUFFIXES and not hidden


class _Folder:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def names(self) -> list[str]:
        files = (each for each in self._folder.glob("**/*") if _is_own_file(each))
        return [each.relative_to(self._folder).as_posix() for each in files]

    def read(self, name: str) -> bytes:
        for spelling in _spellings(name):
            try:
                return self._read(_steps(spelling))
            except FileNotFoundError:
                continue
            except OSError as error:
                behind = error.errno in {errno.ELOOP, errno.ENOTDIR}
                reason = "lies behind a link or a file" if behind else "could not be read"
                raise InputError(reason) from None
            except ValueError:  # what no file system takes as a name
                raise InputError(_ABSENT) from None
        raise InputError(_ABSENT)

    def _read(self, steps: tuple[str, ...]) -> bytes:
        """Step from folder to folder, so that no part of the way can be swapped for a link."""
        at = os.open(self._folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            for step in steps[:-1]:
                inner = os.open(step, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=at)
                os.close(at)
                at = inner
            # Without O_NONBLOCK a pipe would be waited for.
            picture = os.open(steps[-1], os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=at)
        finally:
            os.close(at)
        with os.fdopen(picture, "rb") as file:
            if not stat.S_ISREG(os.fstat(picture).st_mode):
                raise InputError("is not a file")
            data = file.read(MAX_PICTURE_BYTES + 1)
        if len(data) > MAX_PICTURE_BYTES:
            raise InputError(_TOO_LARGE)
        return data


class _Zip:
    def __init__(self, archive: zipfile.ZipFile) -> None:
        # Not is_dir(), which fails on a member without a name.
        members = [info for info in archive.infolist() if not info.filename.endswith("/")]
        _check_members(members)
        self._archive = archive
        self._members = {"/".join(_parts(info.filename)): info for info in members}

    def names(self) -> list[str]:
        return list(self._members)

    def read(self, name: str) -> bytes:
        for spelling in _spellings(name):
            member = self._members.get("/".join(_steps(spelling)))
            if member is not None:
                return self._read(member)
        raise InputError(_ABSENT)

    def _read(self, member: zipfile.ZipInfo) -> bytes:
        if member.file_size > MAX_PICTURE_BYTES:
            raise InputError(_TOO_LARGE)
        try:
            with self._archive.open(member) as packed:
                # Asked for more, it would unpack more than was declared before noticing.
                return packed.read(max(1, member.file_size))
        except _DAMAGE:
            raise InputError("is damaged in the ZIP file") from None


@contextmanager
def _opened(path: Path) -> Iterator[zipfile.ZipFile]:
    try:
        archive = zipfile.ZipFile(path)
    except _DAMAGE:
        raise InputError(_DAMAGED) from None
    with archive:
        yield archive


def _check_members(members: list[zipfile.ZipInfo]) -> None:
    if sum(member.file_size for member in members) > MAX_ARCHIVE_BYTES:
        raise InputError("The ZIP file is too large when unpacked.")
    for member in members:
        if not _parts(member.filename):
            raise InputError(_DAMAGED)
        if not _stays_within(_parts(member.filename)):
            raise InputError("The ZIP file holds a path that leads out of it, and is refused.")
        if member.flag_bits & _ENCRYPTED_FLAG:
            raise InputError("The ZIP file is encrypted.")
        if member.compress_type not in _PACKING:
            raise InputError("The ZIP file is packed by a method other than deflate; pack it anew.")


def _is_own_file(path: Path) -> bool:
    return path.is_file() and not path.is_symlink()


def _spellings(name: str) -> list[str]:
    if len(name) > MAX_NAME_CHARS:
        return []
    forms = (name, unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name))
    return list(dict.fromkeys(forms))


def _steps(name: str) -> tuple[str, ...]:
    """Return the folders and the file that a name leads through, if it stays within."""
    parts = PurePosixPath(name).parts
    if not _stays_within(parts):
        raise InputError("has a path that leads out of the folder or ZIP file")
    if not is_picture(name):
        raise InputError(f"has a name that does not end in {', '.join(sorted(PICTURE_SUFFIXES))}")
    return parts


def _parts(name: str) -> tuple[str, ...]:
    """Return the parts of a member's name; some archivers of Windows write backslashes."""
    return PurePosixPath(name.replace("\\", "/")).parts


def _stays_within(parts: tuple[str, ...]) -> bool:
    return bool(parts) and parts[0][0] != "/" and ".." not in parts and not _DRIVE.match(parts[0])

"""Pictures of people, from a folder or a ZIP: one person a file, or one person a folder.

A file at the top is a person with one picture, named by the file without its ending; a folder is a
person with several, named by the folder. A single folder that holds everything is the list's, not a
person's. Nothing is unpacked to disk. Limits bound what a hostile archive can
cost.
"""

import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from overt.core.errors import InputError

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".webp", ".bmp", ".gif"})
MAX_PICTURE_BYTES = 32 * 2**20
MAX_PICTURES = 200_000
MAX_ARCHIVE_BYTES = 16 * 2**30
ENCRYPTED_FLAG = 0x1

DAMAGED = "The ZIP file is damaged, encrypted or of an unknown kind."

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


@dataclass(frozen=True, slots=True)
class PersonPictures:
    """The pictures of one person, not yet decoded.

    Attributes:
        label: what the file or folder was called; for the screen of those who may see it.
        pictures: the files' bytes, in order of their names.
    """

    label: str = field(repr=False)
    pictures: tuple[bytes, ...] = field(repr=False)


def read_people(source: Path) -> Iterator[PersonPictures]:
    """Yield the people in a folder or ZIP, in natural order of their names.

    Raises:
        InputError: neither folder nor ZIP, no picture in it, a damaged archive, a file over the
            size limit, or too many files.
    """
    if source.is_dir():
        yield from _from_folder(source)
    elif zipfile.is_zipfile(source):
        yield from _from_zip(source)
    else:
        raise InputError("The pictures must be in a folder or a ZIP file, and this is neither.")


def count_people(source: Path) -> int:
    """Return how many people :func:`read_people` would yield, without reading a picture."""
    if source.is_dir():
        return len(_grouped(_folder_names(source)))
    if not zipfile.is_zipfile(source):
        return 0
    try:
        with zipfile.ZipFile(source) as archive:
            return len(_grouped(_zip_names(archive)))
    except _DAMAGE as error:
        raise InputError(DAMAGED) from error


def _from_folder(folder: Path) -> Iterator[PersonPictures]:
    for label, names in _grouped(_folder_names(folder)).items():
        yield PersonPictures(label, tuple(_read_file(folder / name) for name in names))


def _folder_names(folder: Path) -> list[str]:
    found = (path for path in folder.glob("**/*") if path.is_file() and not path.is_symlink())
    return [path.relative_to(folder).as_posix() for path in found]


def _read_file(path: Path) -> bytes:
    try:
        if path.stat().st_size > MAX_PICTURE_BYTES:
            raise InputError("A picture is larger than 32 MiB.")
        return path.read_bytes()
    except OSError as error:
        raise InputError("A picture could not be read from the folder.") from error


def _from_zip(path: Path) -> Iterator[PersonPictures]:
    try:
        with zipfile.ZipFile(path) as archive:
            for label, names in _grouped(_zip_names(archive)).items():
                yield PersonPictures(label, tuple(_read_member(archive, name) for name in names))
    except _DAMAGE as error:
        raise InputError(DAMAGED) from error


def _zip_names(archive: zipfile.ZipFile) -> list[str]:
    members = [info for info in archive.infolist() if not info.is_dir()]
    if sum(member.file_size for member in members) > MAX_ARCHIVE_BYTES:
        raise InputError("The ZIP file is too large when unpacked.")
    for member in members:
        parts = PurePosixPath(member.filename.replace("\\", "/")).parts
        if not parts or parts[0].startswith("/") or ".." in parts or ":" in parts[0]:
            raise InputError("The ZIP file holds a path that leads out of it, and is refused.")
        if member.flag_bits & ENCRYPTED_FLAG:
            raise InputError("The ZIP file is encrypted.")
    return [member.filename for member in members]


def _read_member(archive: zipfile.ZipFile, name: str) -> bytes:
    with archive.open(name) as member:
        data = member.read(MAX_PICTURE_BYTES + 1)
    if len(data) > MAX_PICTURE_BYTES:
        raise InputError("A picture in the ZIP file is larger than 32 MiB.")
    return data


def _grouped(names: list[str]) -> dict[str, list[str]]:
    """Return label → file names, both in natural order; files that are no pictures are left out."""
    pictures = [name for name in names if _is_picture(name)]
    if not pictures:
        raise InputError("There is no picture in the folder or ZIP file.")
    if len(pictures) > MAX_PICTURES:
        raise InputError("There are more than 200,000 pictures; split the list.")
    shared = _shared_folder(pictures)
    people: dict[str, list[str]] = {}
    for name in sorted(pictures, key=natural_key):
        inner = PurePosixPath(name).relative_to(shared)
        label = inner.parts[0] if len(inner.parts) > 1 else inner.stem
        people.setdefault(label, []).append(name)
    return people


def _shared_folder(pictures: list[str]) -> PurePosixPath:
    """Return the one folder that holds the people, so that a ZIP of a folder reads as the folder.

    A single folder with pictures directly in it is the list's folder, not a person's.
    """
    first = {PurePosixPath(name).parts[0] for name in pictures}
    if len(first) == 1 and all(len(PurePosixPath(name).parts) > 1 for name in pictures):
        return PurePosixPath(first.pop())
    return PurePosixPath()


def _is_picture(name: str) -> bool:
    path = PurePosixPath(name)
    hidden = any(part.startswith((".", "__MACOSX")) for part in path.parts)
    return path.suffix.lower() in PICTURE_SUFFIXES and not hidden


def natural_key(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """Sort ``face-2`` before ``face-10``; names that count alike, such as 1 and 01, as text."""
    parts = re.split(r"(\d+)", name)
    counted = [(0, int(p), "") if p.isdecimal() and p.isascii() else (1, 0, p) for p in parts]
    return counted, name

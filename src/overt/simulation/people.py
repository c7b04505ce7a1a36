"""Portraits to make a street of: from a folder, a zip, or packages that happen to ship some.

Invariants: a zip is read in memory and never extracted; what is not a picture is skipped and
counted; labels are opaque and are never repeated in a message.
"""

import importlib.util
import lzma
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from overt.core.arrays import BgrImage
from overt.core.errors import InputError, UnavailableError
from overt.video.image import decode_still

MAX_PORTRAITS = 20_000
MAX_PORTRAIT_BYTES = 32 * 2**20
MAX_ARCHIVE_BYTES = 4 * 2**30
_PICTURE_SUFFIXES = frozenset({".bmp", ".jpeg", ".jpg", ".png", ".webp"})

_DAMAGE = (
    zipfile.BadZipFile, zlib.error, lzma.LZMAError, OSError, EOFError, RuntimeError, ValueError,
    struct.error,
)  # fmt: skip
"""What zipfile is known to raise for damaged, encrypted or unknown kinds of archive."""

_PACKAGED = (
    ("grace-hopper", "matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
    ("eileen-collins", "skimage", "data/astronaut.png"),
)
"""Label, package and file: both are photographs made by the United States government (the Navy and
NASA) and so in the public domain."""


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """One frontal picture of one person.

    Attributes:
        person: opaque label; where it came from a file, the file's stem.
        picture: the pixels.
    """

    person: str
    picture: BgrImage


@dataclass(frozen=True, slots=True)
class LoadedPeople:
    """What was found in a folder or zip.

    Attributes:
        portraits: ordered by label, each label once.
        n_skipped: how many files were no picture that could be used.
    """

    portraits: tuple[Portrait, ...]
    n_skipped: int


def load_people(path: Path) -> LoadedPeople:
    """Read one portrait a file from a folder (not its subfolders) or a zip.

    Raises:
        InputError: ``path`` is neither, is unsafe or too large, holds two files of one label, or
            holds no picture at all.
    """
    if path.is_dir():
        files = _files_of_folder(path)
    elif zipfile.is_zipfile(path):
        files = _files_of_zip(path)
    else:
        raise InputError("people are read from a folder of pictures or a zip of them")
    portraits: dict[str, Portrait] = {}
    n_skipped = 0
    for name, data in files:
        person = PurePosixPath(name).stem
        picture = _decode(name, data)
        if picture is None:
            n_skipped += 1
        elif person in portraits:
            raise InputError("two pictures have the same file name, so one label for two people")
        else:
            portraits[person] = Portrait(person, picture)
    if not portraits:
        raise InputError("no picture was found among the files given as people")
    return LoadedPeople(tuple(portraits[person] for person in sorted(portraits)), n_skipped)


def packaged_people() -> tuple[Portrait, ...]:
    """Return the public-domain portraits that ship inside matplotlib and scikit-image.

    The files are located without importing either package.

    Raises:
        UnavailableError: a package is not installed or does not carry its file.
    """
    return tuple(_packaged(person, package, inner) for person, package, inner in _PACKAGED)


def _packaged(person: str, package: str, inner: str) -> Portrait:
    spec = importlib.util.find_spec(package)
    folders = () if spec is None else spec.submodule_search_locations or ()
    for folder in folders:
        file = Path(folder, inner)
        if file.is_file():
            return Portrait(person, decode_still(file.read_bytes()).bgr)
    raise UnavailableError(
        "the sample portraits are not here: install them with pip install 'overt[demo]', "
        "or name your own with --people"
    )


def _files_of_folder(path: Path) -> Iterator[tuple[str, bytes | None]]:
    try:
        files = sorted(file for file in path.iterdir() if file.is_file())
        if len(files) > MAX_PORTRAITS:
            raise InputError(f"the folder holds more than {MAX_PORTRAITS} files")
        for file in files:
            small = file.stat().st_size <= MAX_PORTRAIT_BYTES
            yield file.name, file.read_bytes() if small and _is_picture(file.name) else None
    except OSError as error:
        raise InputError(f"the folder of people cannot be read: {error.strerror}") from error


def _files_of_zip(path: Path) -> Iterator[tuple[str, bytes | None]]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [member for member in archive.infolist() if not member.is_dir()]
            _check_members(members)
            for member in members:
                small = member.file_size <= MAX_PORTRAIT_BYTES
                wanted = small and _is_picture(member.filename)
                yield member.filename, _read_member(archive, member) if wanted else None
    except _DAMAGE as error:
        raise InputError("the zip of people is damaged or of an unknown kind") from error


def _check_members(members: list[zipfile.ZipInfo]) -> None:
    if len(members) > MAX_PORTRAITS:
        raise InputError(f"the zip holds more than {MAX_PORTRAITS} files")
    if sum(member.file_size for member in members) > MAX_ARCHIVE_BYTES:
        raise InputError("the zip of people is too large when unpacked")
    for member in members:
        parts = PurePosixPath(member.filename.replace("\\", "/"))
        if parts.is_absolute() or ".." in parts.parts or ":" in str(parts):
            raise InputError("the zip holds a path that leads out of it, and is refused")
        if member.flag_bits & 0x1:
            raise InputError("the zip of people is encrypted")


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> bytes | None:
    """Return the member's bytes, or None if it unpacks to more than it declared."""
    with archive.open(member) as stream:
        data = stream.read(MAX_PORTRAIT_BYTES + 1)
    return data if len(data) <= MAX_PORTRAIT_BYTES else None


def _is_picture(name: str) -> bool:
    return PurePosixPath(name).suffix.lower() in _PICTURE_SUFFIXES


def _decode(name: str, data: bytes | None) -> BgrImage | None:
    """Return the picture, or None where the file is not one that can be used."""
    if data is None or not _is_picture(name):
        return None
    try:
        return decode_still(data).bgr
    except InputError:
        return None

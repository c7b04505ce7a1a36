"""Files out of folders, ZIP archives and gzip, never more of them than was expected.

Invariants: a member is read through a counter and refused past its limit, whatever its header
claims; nothing is unpacked to disk; a symbolic link is not followed out of a folder.
Must not: know what the bytes mean.
"""

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path, PurePosixPath
from typing import IO, Final, TypeVar

from overt.core.errors import InputError

MAX_FILE_BYTES: Final = 2**30
MAX_TOTAL_BYTES: Final = 8 * 2**30
MAX_FILES: Final = 20_000
MAX_RATIO: Final = 200
"""A bomb is told by how far it swells; a table of offences packs to a fifth, seldom to a tenth."""
_RATIO_FROM_BYTES: Final = 16 * 2**20
_CHUNK_BYTES: Final = 2**20

_Found = TypeVar("_Found", Path, zipfile.ZipInfo)

TABLES: Final = (".csv", ".jsonl", ".ndjson", ".parquet")


@dataclass(frozen=True, slots=True)
class TableFile:
    """The bytes of one table.

    Attributes:
        name: of the file, without folders and ``.gz``.
        data: decompressed.
    """

    name: str
    data: bytes = field(repr=False)

    @property
    def ending(self) -> str:
        """Return one of :data:`TABLES`."""
        return PurePosixPath(self.name).suffix.lower()


def count_tables(paths: list[Path]) -> int:
    """Return how many tables :func:`read_tables` would yield, without decompressing one.

    Raises:
        InputError: as :func:`read_tables`.
    """
    n = 0
    for path in paths:
        if path.is_dir():
            n += len(_in_folder(path))
        elif _is_zip(path):
            with _open_zip(path) as archive:
                n += len(_in_zip(archive, path.name))
        else:
            n += 1
    return n


def read_tables(paths: list[Path]) -> Iterator[TableFile]:
    """Yield the tables of each path (file, folder or ZIP) in order of path, then name.

    Raises:
        InputError: nothing there, nothing of a known kind, damaged, or larger than the limits.
    """
    left = MAX_TOTAL_BYTES
    for path in paths:
        for table in _tables(path):
            left -= len(table.data)
            if left < 0:
                raise InputError("The sources hold more than 8 GiB of tables together; split them.")
            yield table


def _tables(path: Path) -> Iterator[TableFile]:
    if path.is_dir():
        for each in _in_folder(path):
            yield _read_file(each)
    elif _is_zip(path):
        with _open_zip(path) as archive:
            for member in _in_zip(archive, path.name):
                yield _read_member(archive, member)
    else:
        if _ending(path.name) not in TABLES:
            raise InputError(f"{path.name} is no CSV, JSON Lines, Parquet, ZIP file or folder.")
        yield _read_file(path)


def _in_folder(folder: Path) -> list[Path]:
    files = sorted(
        each
        for each in folder.rglob("*")
        if _ending(each.name) in TABLES and each.is_file() and not each.is_symlink()
    )
    return _counted(files, folder.name)


def _in_zip(archive: zipfile.ZipFile, name: str) -> list[zipfile.ZipInfo]:
    members = sorted(
        (each for each in archive.infolist() if _ending(each.filename) in TABLES),
        key=lambda each: each.filename,
    )
    return _counted(members, name)


def _counted(found: list[_Found], name: str) -> list[_Found]:
    if not found:
        raise InputError(f"There is no CSV, JSON Lines or Parquet file in {name}.")
    if len(found) > MAX_FILES:
        raise InputError(f"There are more than {MAX_FILES:,} files in {name}.")
    return found


def _is_zip(path: Path) -> bool:
    if not path.exists():
        raise InputError(f"There is no file or folder {path.name}.")
    try:
        return path.suffix.lower() == ".zip" or zipfile.is_zipfile(path)
    except OSError as error:
        raise InputError(f"{path.name} cannot be read.") from error


def _open_zip(path: Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(path)
    except (OSError, ValueError, NotImplementedError, zipfile.BadZipFile) as error:
        raise InputError(f"{path.name} is not a ZIP file that can be read.") from error


def _read_member(archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> TableFile:
    name = PurePosixPath(member.filename).name
    try:
        with archive.open(member) as stream:
            data = _bounded(stream, name, member.compress_size)
    except (
        OSError,
        EOFError,
        ValueError,
        RuntimeError,
        NotImplementedError,
        zlib.error,
        zipfile.BadZipFile,
    ) as error:
        raise InputError(f"{name} in the ZIP file is damaged or encrypted.") from error
    return _ungzipped(name, data)


def _read_file(path: Path) -> TableFile:
    try:
        size = path.stat().st_size
        with path.open("rb") as stream:
            data = _bounded(stream, path.name, size)
    except OSError as error:
        raise InputError(f"{path.name} cannot be read.") from error
    return _ungzipped(path.name, data)


def _ungzipped(name: str, data: bytes) -> TableFile:
    if not name.lower().endswith(".gz"):
        return TableFile(name, data)
    try:
        with gzip.GzipFile(fileobj=BytesIO(data)) as stream:
            return TableFile(name[:-3], _bounded(stream, name, len(data)))
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{name} is not a gzip file that can be read.") from error


def _bounded(stream: IO[bytes] | gzip.GzipFile, name: str, n_packed: int) -> bytes:
    """Read to the end or to the limits, whichever is first."""
    parts: list[bytes] = []
    n = 0
    while chunk := stream.read(_CHUNK_BYTES):
        n += len(chunk)
        if n > MAX_FILE_BYTES:
            raise InputError(f"{name} is larger than 1 GiB; split it.")
        if n > _RATIO_FROM_BYTES and n > MAX_RATIO * max(n_packed, 1):
            raise InputError(f"{name} swells more than {MAX_RATIO} times when unpacked; refused.")
        parts.append(chunk)
    return b"".join(parts)


def _ending(name: str) -> str:
    return PurePosixPath(name.lower().removesuffix(".gz")).suffix

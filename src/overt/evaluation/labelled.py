"""Labelled pictures from a folder or ZIP: who is in each, and what else is said of them.

Two layouts, which may be mixed: one folder a person with that person's pictures, or one picture a
person. A file ``labels.csv`` beside them may say more: its column ``file`` names the picture, a
column ``person`` says whose it is, and any other column (such as an age band) sorts people into
groups for the figures by group.

Invariants: the digest names the pictures' bytes, whose they are and every label, and is the same
for a folder and a ZIP of it. An error names neither a person nor a file.
Must not: decode a picture.
"""

import csv
import hashlib
import io
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from overt.core.errors import InputError
from overt.core.ids import Sha256
from overt.video.picture_files import open_pictures
from overt.video.picture_sets import name_pictures

LABELS: Final = "labels.csv"
MAX_LABELS_BYTES: Final = 64 * 2**20
MAX_COLUMNS: Final = 32
FILE_COLUMN: Final = "file"
PERSON_COLUMN: Final = "person"


@dataclass(frozen=True, slots=True)
class LabelledPicture:
    """One picture and what is said of it.

    Attributes:
        name: path within the source.
        person: whose it is; a label of the source, equal for all pictures of one person.
        labels: column → value, of every column of ``labels.csv`` but file and person.
    """

    name: str = field(repr=False)
    person: str = field(repr=False)
    labels: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class LabelledSet:
    """The pictures of one source; nothing is decoded.

    Attributes:
        source: the folder or ZIP.
        pictures: by person, then by name, both in natural order.
    """

    source: Path = field(repr=False)
    pictures: tuple[LabelledPicture, ...] = field(repr=False)

    @property
    def people(self) -> tuple[str, ...]:
        """Everybody once, in order."""
        return tuple(dict.fromkeys(each.person for each in self.pictures))

    @property
    def columns(self) -> tuple[str, ...]:
        """The columns by which people can be grouped."""
        return tuple(dict.fromkeys(column for each in self.pictures for column in each.labels))

    def read(self) -> Iterator[bytes]:
        """Yield the bytes of every picture, in order.

        Raises:
            InputError: one cannot be read.
        """
        with open_pictures(self.source) as files:
            for each in self.pictures:
                try:
                    yield files.read(each.name)
                except InputError as error:
                    raise InputError(f"A picture {error}.") from error


@dataclass(frozen=True, slots=True)
class DataDigests:
    """What names a labelled set.

    Attributes:
        data_sha256: of pictures, people and labels together.
        pictures: of each picture's bytes, in order.
    """

    data_sha256: Sha256
    pictures: tuple[bytes, ...] = field(repr=False)

    @property
    def pictures_sha256(self) -> Sha256:
        """Of the pictures alone, in order: what templates are made of."""
        return Sha256(hashlib.sha256(b"overt-pictures/1\n" + b"".join(self.pictures)).hexdigest())


def read_labelled(source: Path) -> LabelledSet:
    """Return the labelled pictures of a folder or ZIP.

    Raises:
        InputError: neither folder nor ZIP, damaged, without a picture, or with labels that cannot
            be read, or that name a picture twice.
    """
    named = name_pictures(source)
    rows = _rows(_labels_file(source, [name for names in named.values() for name in names]))
    pictures = []
    for person, names in named.items():
        for name in names:
            row = rows.get(name) or rows.get(PurePosixPath(name).name) or {}
            said = {k: v for k, v in row.items() if k not in {FILE_COLUMN, PERSON_COLUMN}}
            pictures.append(LabelledPicture(name, row.get(PERSON_COLUMN) or person, said))
    order = {person: i for i, person in enumerate(dict.fromkeys(p.person for p in pictures))}
    pictures.sort(key=lambda each: order[each.person])
    return LabelledSet(source, tuple(pictures))


def digests(labelled: LabelledSet) -> DataDigests:
    """Read every picture once and return what names the set.

    Raises:
        InputError: a picture cannot be read.
    """
    whole = hashlib.sha256(b"overt-labelled/1\n")
    pictures = []
    for each, data in zip(labelled.pictures, labelled.read(), strict=True):
        digest = hashlib.sha256(data).digest()
        pictures.append(digest)
        whole.update(digest)
        for text in (each.person, *(f"{k}\n{each.labels[k]}" for k in sorted(each.labels))):
            whole.update(hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest())
        whole.update(len(each.labels).to_bytes(4, "big"))
    return DataDigests(Sha256(whole.hexdigest()), tuple(pictures))


def _labels_file(source: Path, names: list[str]) -> str | None:
    """Return the text of ``labels.csv``, at the top or beside the pictures of a single folder."""
    tops = {PurePosixPath(name).parts[0] for name in names}
    inner = next(iter(tops)) if len(tops) == 1 else ""
    places = dict.fromkeys((LABELS, f"{inner}/{LABELS}" if inner else LABELS))
    try:
        if source.is_dir():
            data = next((found for p in places if (found := _file(source / p)) is not None), None)
        else:
            with zipfile.ZipFile(source) as archive:
                data = next((f for p in places if (f := _member(archive, p)) is not None), None)
        return None if data is None else data.decode("utf-8-sig")
    except (OSError, zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError) as error:
        raise InputError("labels.csv cannot be read; it must be UTF-8 text.") from error


def _file(path: Path) -> bytes | None:
    if path.is_symlink() or not path.is_file():
        return None
    with path.open("rb") as file:
        return _bounded(file.read(MAX_LABELS_BYTES + 1))


def _member(archive: zipfile.ZipFile, name: str) -> bytes | None:
    if name not in archive.namelist():
        return None
    with archive.open(name) as packed:
        return _bounded(packed.read(MAX_LABELS_BYTES + 1))


def _bounded(data: bytes) -> bytes:
    if len(data) > MAX_LABELS_BYTES:
        raise InputError("labels.csv is larger than 64 MiB.")
    return data


def _rows(text: str | None) -> dict[str, dict[str, str]]:
    """Return file name → column → value."""
    if text is None:
        return {}
    try:
        reader = csv.DictReader(io.StringIO(text), strict=True, restkey="", restval="")
        columns = list(reader.fieldnames or ())
        if FILE_COLUMN not in columns or len(set(columns)) != len(columns):
            raise InputError("labels.csv needs a column called file, and no column twice.")
        if len(columns) > MAX_COLUMNS or "" in columns:
            raise InputError("labels.csv has too many columns, or one without a name.")
        rows: dict[str, dict[str, str]] = {}
        for row in reader:
            if "" in row:
                raise InputError("labels.csv has a row with more cells than there are columns.")
            if row[FILE_COLUMN] in rows:
                raise InputError("labels.csv names a picture twice.")
            rows[row[FILE_COLUMN]] = {k: v.strip() for k, v in row.items()}
    except csv.Error as error:
        raise InputError("labels.csv is not a table of comma-separated values.") from error
    return rows

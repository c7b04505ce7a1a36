"""Reading a watchlist manifest: who is to be listed, from which pictures, and on what grounds.

A manifest is CSV or JSON Lines (:mod:`overt.watchlist.row_sources`) beside a folder or ZIP of
pictures. Each row is one person and is accepted or refused on its own, with row, line, column and
reason.

Invariants: pictures are read when their row's turn comes, and nothing is unpacked to disk, so that
memory holds one person at a time; a row's digest covers every field and every picture, so that a
repeated or resumed import knows the row again. No error or reason holds a name or a cell's content.
Must not: decode a picture, or decide whether policy allows an entry.
"""

import hashlib
import os
import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Final

from overt.core.clock import format_utc, parse_utc
from overt.core.errors import InputError
from overt.core.ids import KinGroup, Sha256
from overt.ledger.canonical import JsonValue, canonical_bytes
from overt.video.picture_files import PictureFiles, open_pictures
from overt.watchlist.grounds import (
    DATE_FIELDS,
    MAX_LONG_CHARS,
    FieldError,
    Grounds,
    check_text,
    check_word,
    parse_day,
    require,
    tidy,
)
from overt.watchlist.row_sources import LIST_COLUMNS, RawRow, RowSource, source_of
from overt.watchlist.row_text import ManifestText, check_manifest_text

MAX_ROWS: Final = 200_000
MAX_LABEL_CHARS: Final = 200
MAX_ROW_PICTURES: Final = 20
MAX_ROW_BYTES: Final = 128 * 2**20
"""Of one person's pictures together."""

_MAX_TIDIED_CHARS = 4 * MAX_LONG_CHARS
_FORMAT = "overt-watchlist-row/1"
_TIME = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d{1,3})?(Z|[+-]\d{2}:\d{2})", re.ASCII)


@dataclass(frozen=True, slots=True)
class ManifestRow:
    """One person as the manifest has it.

    Attributes:
        row: counts from 1; the header and blank lines do not count.
        line: the line of the file on which the row begins, from 1.
        label: what the officer will see, usually the name.
        pictures: the files' bytes, undecoded, at least one, in the order of the row.
        grounds: why the person is listed.
        expires_utc: from then on the entry is not compared; None if it lasts as long as the list.
        kin_group: people known to be related.
        sha256: of every field and picture; not of the row's place in the file.
    """

    row: int
    line: int
    label: str = field(repr=False)
    pictures: tuple[bytes, ...] = field(repr=False)
    grounds: Grounds = field(repr=False)
    expires_utc: datetime | None = field(repr=False)
    kin_group: KinGroup | None = field(repr=False)
    sha256: Sha256 = field(repr=False)


@dataclass(frozen=True, slots=True)
class RowRefused:
    """A row that cannot be used.

    Attributes:
        row: counts from 1; the header and blank lines do not count.
        line: the line of the file on which the row begins, from 1.
        column: where the fault lies; None if it is the row's as a whole.
        reason: why, as the end of a sentence that begins with the column or the row.
        label: the person's name, empty if it could not be read; for the report of the one who
            imports, never for a log line.
    """

    row: int
    line: int
    column: str | None
    reason: str
    label: str = field(repr=False)


class ManifestReading:
    """A manifest that was found readable; iterating yields every row in order.

    Each iteration reads the files anew.

    Attributes:
        n_rows: how many rows an iteration yields.
    """

    def __init__(self, text: ManifestText, source: RowSource, images: Path, n_rows: int) -> None:
        self._text = text
        self._source = source
        self._images = images
        self.n_rows = n_rows

    def __iter__(self) -> Iterator[ManifestRow | RowRefused]:
        """Yield the verdict on each row.

        Raises:
            InputError: the manifest or the pictures were changed since they were found readable.
        """
        known: dict[bytes, int] = {}
        n_rows = 0
        with open_pictures(self._images) as files:
            for raw in self._source(self._text):
                n_rows += 1
                yield _read(raw, files, known)
        if n_rows != self.n_rows:
            raise self._text.changed()

    def files(self) -> Iterator[Path]:
        """Yield the files that the rows are read from: the manifest, and ZIP or named pictures.

        A picture that a row names and that lies elsewhere, or behind a link, is not one of them.

        Raises:
            InputError: the manifest was changed since it was found readable.
        """
        yield self._text.path
        if not self._images.is_dir():
            yield self._images
            return
        folder = Path(os.path.realpath(self._images))
        known: set[Path] = set()
        for raw in self._source(self._text):
            found = {path for name in _named(raw) if (path := _within(folder, name)) is not None}
            yield from sorted(found - known)
            known |= found


def read_manifest(path: Path, images: Path | None = None) -> ManifestReading:
    """Check a manifest as a whole and return it for reading row by row.

    Args:
        path: CSV or JSON Lines, by its ending.
        images: the folder or ZIP to which the paths of the column ``images`` are relative; the
            manifest's own folder if None.

    Raises:
        InputError: the manifest is not text, too large, has a broken header or open quotation mark,
            no row or more than ``MAX_ROWS``; or the pictures are in no folder or usable ZIP. The
            message names the file and, where that is known, line and column.
    """
    text = check_manifest_text(path)
    source = source_of(text)
    n_rows = 0
    for n_rows, _ in enumerate(source(text), start=1):
        if n_rows > MAX_ROWS:
            raise InputError(f"{path.name} has more than {MAX_ROWS:,} rows; split the list.")
    if n_rows == 0:
        raise InputError(f"{path.name} has no row.")
    folder = path.parent if images is None else images
    try:
        with open_pictures(folder):
            pass
    except InputError as error:
        raise InputError(f"{folder.name}: {error}") from error
    return ManifestReading(text, source, folder, n_rows)


def _read(raw: RawRow, files: PictureFiles, known: dict[bytes, int]) -> ManifestRow | RowRefused:
    label = ""
    try:
        if isinstance(raw.members, InputError):
            raise raw.members
        said = {name: _tidied(name, value) for name, value in raw.members.items()}
        label = _label(said)
        grounds = _grounds(said)
        expires_utc = _expiry(said)
        kin_group = _kin_group(said)
        names = _picture_names(said)
        _refuse_twice(raw.row, grounds, known)
        pictures = _pictures(names, files)
    except FieldError as error:
        return RowRefused(raw.row, raw.line, error.field, error.reason, label)
    except InputError as error:
        return RowRefused(raw.row, raw.line, None, str(error), label)
    digest = _sha256(label, pictures, grounds, expires_utc, kin_group)
    return ManifestRow(raw.row, raw.line, label, pictures, grounds, expires_utc, kin_group, digest)


def _named(raw: RawRow) -> list[str]:
    """Return the pictures that a row names; none if it cannot be read."""
    if isinstance(raw.members, InputError):
        return []
    try:
        return _picture_names(raw.members)
    except FieldError:
        return []


def _within(folder: Path, name: str) -> Path | None:
    """Return the file of a folder that a row names, if it is there and no link is on the way."""
    for form in (name, unicodedata.normalize("NFC", name), unicodedata.normalize("NFD", name)):
        path = folder / form
        try:
            if path.is_file() and Path(os.path.realpath(path)) == Path(os.path.normpath(path)):
                return path if path.is_relative_to(folder) and ".." not in path.parts else None
        except (OSError, ValueError):
            return None
    return None


def _tidied(name: str, value: JsonValue) -> JsonValue:
    """Return a value with its texts tidied; the names of pictures stay as they are.

    A text far over every limit is left to be refused: putting it in order could take hours.
    """
    match value:
        case str() if len(value) <= _MAX_TIDIED_CHARS:
            return tidy(value)
        case list() if name != "images":
            return [_tidied(name, item) if isinstance(item, str) else item for item in value]
        case _:
            return value


def _text(said: Mapping[str, JsonValue], name: str) -> str:
    value = said.get(name)
    if value is None:
        return ""
    if not isinstance(value, str):
        raise FieldError(name, "must be a text")
    return value


def _label(said: Mapping[str, JsonValue]) -> str:
    label = _text(said, "name")
    require("name", label)
    check_text("name", label, MAX_LABEL_CHARS)
    return label


def _grounds(said: Mapping[str, JsonValue]) -> Grounds:
    members: dict[str, JsonValue] = {}
    for each in fields(Grounds):
        value = said.get(each.name)
        if each.name in DATE_FIELDS:
            members[each.name] = None if value == "" else value
        elif each.name in LIST_COLUMNS:
            members[each.name] = [] if value is None else value
        else:
            members[each.name] = "" if value is None else value
    return Grounds.from_json(members)


def _expiry(said: Mapping[str, JsonValue]) -> datetime | None:
    text = _text(said, "expires")
    if not text:
        return None
    try:
        if _TIME.fullmatch(text):
            return parse_utc(text)
        if "T" not in text:
            day = parse_day("expires", text)
            return datetime.combine(day, time(tzinfo=UTC)) + timedelta(days=1)
    except (ValueError, OverflowError):
        raise FieldError("expires", "is not a time of the calendar") from None
    raise FieldError(
        "expires", "must be a date such as 2026-01-31, or a time such as 2026-01-31T18:00:00Z"
    )


def _kin_group(said: Mapping[str, JsonValue]) -> KinGroup | None:
    text = _text(said, "kin_group")
    if not text:
        return None
    check_word("kin_group", text)
    return KinGroup(text)


def _picture_names(said: Mapping[str, JsonValue]) -> list[str]:
    names = said.get("images")
    if names is None or names == []:
        raise FieldError("images", "must name at least one picture")
    if not isinstance(names, list):
        raise FieldError("images", "must be a list of texts")
    if len(names) > MAX_ROW_PICTURES:
        raise FieldError("images", f"must name at most {MAX_ROW_PICTURES} pictures")
    stripped = [name.strip(" \t\r\n") for name in names if isinstance(name, str)]
    if len(stripped) < len(names):
        raise FieldError("images", "must be a list of texts")
    for number, name in enumerate(stripped, start=1):
        if not name:
            raise FieldError("images", f"picture {number} has no name")
        if "\\" in name:
            raise FieldError("images", f"picture {number} is written with \\; write / instead")
    return stripped


def _refuse_twice(row: int, grounds: Grounds, known: dict[bytes, int]) -> None:
    """Refuse a person of the source system who already stands in an earlier row."""
    person: list[JsonValue] = [grounds.source_system, grounds.source_reference]
    first = known.setdefault(hashlib.sha256(canonical_bytes(person)).digest(), row)
    if first != row:
        raise FieldError("source_reference", f"stands in row {first} already")


def _pictures(names: list[str], files: PictureFiles) -> tuple[bytes, ...]:
    pictures: list[bytes] = []
    for number, name in enumerate(names, start=1):
        try:
            pictures.append(files.read(name))
        except InputError as error:
            raise FieldError("images", f"picture {number} {error}") from error
        if sum(map(len, pictures)) > MAX_ROW_BYTES:
            raise FieldError("images", f"are together larger than {MAX_ROW_BYTES // 2**20} MiB")
    return tuple(pictures)


def _sha256(
    label: str,
    pictures: tuple[bytes, ...],
    grounds: Grounds,
    expires_utc: datetime | None,
    kin_group: KinGroup | None,
) -> Sha256:
    document: dict[str, JsonValue] = {
        "format": _FORMAT,
        "label": label,
        "grounds": grounds.to_json(),
        "expires_utc": format_utc(expires_utc) if expires_utc else None,
        "kin_group": kin_group,
        "pictures_sha256": [hashlib.sha256(each).hexdigest() for each in pictures],
    }
    return Sha256(hashlib.sha256(canonical_bytes(document)).hexdigest())

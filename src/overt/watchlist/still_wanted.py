"""The answer of the source system to "still wanted?": who is, by system and reference.

A CSV file in UTF-8 with a header that names ``source_system`` and ``source_reference``; further
columns are not looked at.

Invariants: an error says which line, never what stands there.
Must not: hold anything about a person but their id in the source system.
"""

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from overt.core.errors import InputError
from overt.core.ids import EntryId
from overt.watchlist.grounds import tidy
from overt.watchlist.stored import EntryCard

MAX_BYTES: Final = 64 * 2**20
COLUMNS: Final = ("source_system", "source_reference")


def read_still_wanted(path: Path) -> frozenset[tuple[str, str]]:
    """Return who is still wanted, as :func:`wanted_key` writes them.

    Raises:
        InputError: the file cannot be read, is too large, is not text in UTF-8, lacks a column, or
            has a line without one of them; the message names file, line and column.
    """
    return frozenset(_people(path.name, _text(path)))


def wanted_key(source_system: str, source_reference: str) -> tuple[str, str]:
    """Return what identifies a person in a source, however it is spelt."""
    return tidy(source_system).casefold(), tidy(source_reference).casefold()


@dataclass(frozen=True, slots=True)
class Answer:
    """What a source's answer says of a list.

    Attributes:
        still: who is still wanted; None for everybody but ``absent``.
        absent: who is of a source system that the file speaks for, and is not named in it.
        n_unknown: people of the file who are not on the list.
    """

    still: frozenset[EntryId] | None
    absent: frozenset[EntryId]
    n_unknown: int


def answer_for(cards: Iterable[EntryCard], wanted: frozenset[tuple[str, str]]) -> Answer:
    """Return what a file says of a list; it speaks for the source systems that it names."""
    keys = {
        card.entry: wanted_key(card.grounds.source_system, card.grounds.source_reference)
        for card in cards
        if card.grounds is not None
    }
    systems = {system for system, _ in wanted}
    still = frozenset(entry for entry, key in keys.items() if key in wanted)
    absent = frozenset(
        entry for entry, key in keys.items() if key not in wanted and key[0] in systems
    )
    speaks_for_all = len(still) + len(absent) == len(keys)
    n_unknown = len(wanted - set(keys.values()))
    return Answer(None if speaks_for_all else still, absent, n_unknown)


def _text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path.name} cannot be read.") from error
    if len(data) > MAX_BYTES:
        raise InputError(f"{path.name} is larger than {MAX_BYTES // 2**20} MiB.")
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise InputError(f"{path.name} is not text in UTF-8.") from None


def _people(name: str, text: str) -> Iterator[tuple[str, str]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        header = [tidy(each) for each in next(reader, [])]
        for column in COLUMNS:
            if header.count(column) != 1:
                raise InputError(f"{name}: the first line must name the column {column}, once.")
        places = [header.index(column) for column in COLUMNS]
        for row in reader:
            if any(cell.strip() for cell in row):
                yield _person(name, reader.line_num, row, places)
    except csv.Error:
        raise InputError(f"{name}, line {reader.line_num}: this is not CSV.") from None


def _person(name: str, line: int, row: list[str], places: list[int]) -> tuple[str, str]:
    cells = [row[place] if place < len(row) else "" for place in places]
    for column, cell in zip(COLUMNS, cells, strict=True):
        if not cell.strip():
            raise InputError(f"{name}, line {line}, {column}: must not be blank.")
    return wanted_key(*cells)

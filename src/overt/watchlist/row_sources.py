"""The rows of a manifest as they stand in the file, from CSV or JSON Lines.

Invariants: a fault of one row leaves the others readable; a fault after which it is no longer
certain where a row begins, such as an open quotation mark, refuses the file. An error says where,
never what stands there: in a file without a header the first line names a person.
Must not: know what a value means.
"""

import csv
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from typing import Final, Never, TextIO, TypeAlias

from overt.core.errors import InputError
from overt.ledger.canonical import JsonValue
from overt.watchlist.grounds import REQUIRED_FIELDS, FieldError
from overt.watchlist.row_text import MAX_RECORD_CHARS, Lines, ManifestText

COLUMNS: Final = (
    "name",
    "images",
    "category",
    "lawful_basis",
    "source_system",
    "source_reference",
    "reason_here",
    "requester",
    "image_source",
    "image_date",
    "held_until",
    "risk_markers",
    "officer_warnings",
    "instructions",
    "date_of_birth",
    "sensitivities",
    "response_plan",
    "expires",
    "kin_group",
)
REQUIRED_COLUMNS: Final = ("name", "images", *REQUIRED_FIELDS)
LIST_COLUMNS: Final = frozenset({"images", "risk_markers", "officer_warnings", "sensitivities"})
SEPARATOR: Final = "|"
"""Between the values of one cell."""

_DELIMITERS = (",", ";", "\t")


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row, not yet understood.

    Attributes:
        row: counts from 1; the header and blank lines do not count.
        line: the line of the file on which the row begins, from 1.
        members: value by column, of those that the row has; or why the row cannot be read.
    """

    row: int
    line: int
    members: Mapping[str, JsonValue] | InputError = field(repr=False)


RowSource: TypeAlias = Callable[[ManifestText], Iterator[RawRow]]


def source_of(text: ManifestText) -> RowSource:
    """Return how the file is read, by the ending of its name.

    Raises:
        InputError: it ends otherwise.
    """
    match text.path.suffix.lower():
        case ".csv" | ".tsv":
            return read_csv
        case ".jsonl" | ".ndjson":
            return read_json_lines
        case _:
            raise InputError(f"{text.path.name} must end in .csv, .tsv, .jsonl or .ndjson.")


def read_csv(text: ManifestText) -> Iterator[RawRow]:
    """Yield the rows of a CSV file whose first row names the columns.

    Raises:
        InputError: the header or a quotation mark is broken.
    """
    delimiter = _delimiter(text)
    with text.open(newline="") as file:
        records = _records(text, file, delimiter)
        line, header = next(records, (1, []))
        columns = _columns(text, line, header)
        for row, (line, cells) in enumerate(records, start=1):
            yield RawRow(row, line, _by_column(columns, cells))


def _records(
    text: ManifestText, file: TextIO, delimiter: str
) -> Iterator[tuple[int, Sequence[str]]]:
    """Yield each record that is not blank, with the line on which it begins."""
    lines = Lines(text, file)
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    while True:
        line = lines.n_lines + 1
        try:
            record = next(reader, None)
        except csv.Error:
            raise text.error(
                line,
                f"a quotation mark is not closed or not doubled, or a cell has more than "
                f"{csv.field_size_limit():,} characters; seen on line {lines.n_lines}",
            ) from None
        if record is None:
            return
        lines.next_record()
        if any(cell.strip() for cell in record):
            yield line, record


def _delimiter(text: ManifestText) -> str:
    """Return what separates the cells: that by which the header names most columns."""
    with text.open(newline="") as file:
        header = next((line for line in Lines(text, file) if line.strip()), "")
    return max(_DELIMITERS, key=lambda each: _n_columns_named(header, each))


def _n_columns_named(header: str, delimiter: str) -> int:
    try:
        record = next(csv.reader([header], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return 0
    return len({cell.strip() for cell in record} & set(COLUMNS))


def _columns(text: ManifestText, line: int, header: Sequence[str]) -> tuple[str, ...]:
    names = tuple(cell.strip() for cell in header)
    if not set(names) & set(COLUMNS):
        raise text.error(line, "the first row must name the columns, as in name,images,category")
    for number, name in enumerate(names, start=1):
        if name not in COLUMNS:
            raise text.error(line, f"column {number} is not one of a manifest{_nearest(name)}")
        if name in names[: number - 1]:
            raise text.error(line, f"column {number}, {name}, stands there twice")
    for name in REQUIRED_COLUMNS:
        if name not in names:
            raise text.error(line, f"the column {name} is missing")
    return names


def _nearest(name: str) -> str:
    """Return a hint at the column that was probably meant, or nothing."""
    likely = get_close_matches(name[:100].lower().replace(" ", "_"), COLUMNS, n=1)
    return f"; is {likely[0]} meant?" if likely else ""


def _by_column(
    columns: Sequence[str], cells: Sequence[str]
) -> Mapping[str, JsonValue] | InputError:
    if len(cells) != len(columns):
        return InputError(f"has {len(cells)} cells, but the header has {len(columns)}")
    return {
        column: _values(cell) if column in LIST_COLUMNS else cell
        for column, cell in zip(columns, cells, strict=True)
    }


def _values(cell: str) -> list[str]:
    return cell.split(SEPARATOR) if cell.strip() else []


def read_json_lines(text: ManifestText) -> Iterator[RawRow]:
    """Yield the rows of a file that holds one JSON object a line."""
    row = 0
    with text.open(newline="\n") as file:
        for line, content in enumerate(_bounded_lines(file), start=1):
            if content is None or content.strip():
                row += 1
                yield RawRow(row, line, _object(content))


def _bounded_lines(file: TextIO) -> Iterator[str | None]:
    """Yield each line; None for one that is too long, which is passed over in pieces."""
    while line := file.readline(MAX_RECORD_CHARS + 1):
        if len(line) <= MAX_RECORD_CHARS:
            yield line
            continue
        while line and not line.endswith("\n"):
            line = file.readline(MAX_RECORD_CHARS)
        yield None


def _object(line: str | None) -> Mapping[str, JsonValue] | InputError:
    if line is None:
        return InputError(f"has more than {MAX_RECORD_CHARS:,} characters")
    try:
        return _parsed(line)
    except InputError as error:
        return error
    except json.JSONDecodeError as error:
        return InputError(f"is not JSON from character {error.colno} on")
    except RecursionError:
        return InputError("is nested too deep")


def _parsed(line: str) -> Mapping[str, JsonValue]:
    value = json.loads(
        line,
        object_pairs_hook=_unique,
        parse_int=_refuse_number,
        parse_float=_refuse_number,
        parse_constant=_refuse_number,
    )
    if not isinstance(value, dict):
        raise InputError("is not a JSON object")
    for name in value:
        if name not in COLUMNS:
            raise InputError(f"has a member that is not one of a manifest{_nearest(name)}")
    return value


def _unique(pairs: list[tuple[str, JsonValue]]) -> dict[str, JsonValue]:
    members: dict[str, JsonValue] = {}
    for name, value in pairs:
        if name in members:
            if name in COLUMNS:
                raise FieldError(name, "stands there twice")
            raise InputError("has a member that stands there twice")
        members[name] = value
    return members


def _refuse_number(_: str) -> Never:
    raise InputError("holds a number; every value is a text, a list of texts or null")

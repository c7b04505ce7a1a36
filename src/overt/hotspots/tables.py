"""The mapped columns of one table as text, with row numbers; nothing else of it is ever parsed.

Rows are numbered as a spreadsheet shows them: for CSV the header is row 1 and the first record row
2, for JSON Lines and Parquet the first record is row 1.

Invariants: a fault of the file is told with the file's name and, where there is one, row and
column; no error repeats a value.
Must not: interpret what it reads.
"""

import csv
import json
from io import BytesIO, StringIO
from typing import Any, Final

import polars as pl

from overt.core.errors import InputError
from overt.hotspots.mapping import Mapping
from overt.hotspots.sources import TableFile

ROW: Final = "row"
MAX_ROWS: Final = 50_000_000
MAX_FIELD_CHARS: Final = 100_000


def read_text_columns(table: TableFile, mapping: Mapping) -> pl.DataFrame:
    """Return a frame of ``row`` and one text column for each role that the mapping names.

    Raises:
        InputError: a mapped column is not there, or the table is malformed.
    """
    roles = mapping.columns.named()
    readers = {".csv": _csv, ".parquet": _parquet}
    read = readers.get(table.ending, _json_lines)
    frame = read(table, sorted(set(roles.values())))
    return frame.select(ROW, *(pl.col(name).alias(role) for role, name in roles.items()))


def _require(columns: list[str], present: list[str], name: str) -> None:
    if missing := [column for column in columns if column not in present]:
        raise InputError(f"{name} has no column {missing[0]!r}, which the mapping names.")
    if twice := [column for column in columns if present.count(column) > 1]:
        raise InputError(f"{name} has the column {twice[0]!r} more than once.")


def _csv(table: TableFile, columns: list[str]) -> pl.DataFrame:
    head = table.data[:MAX_FIELD_CHARS].split(b"\n", 1)[0]
    try:
        header = next(csv.reader([head.decode("utf-8-sig").rstrip("\r")]), [])
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{table.name}, row 1: the header is not a line of UTF-8 CSV.") from error
    _require(columns, header, table.name)
    try:
        frame = pl.read_csv(
            BytesIO(table.data),
            columns=columns,
            infer_schema=False,
            row_index_name=ROW,
            row_index_offset=2,
            raise_if_empty=False,
        )
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, ValueError) as error:
        raise InputError(_where_malformed(table, len(header))) from error
    return frame.with_columns(pl.col(ROW).cast(pl.UInt32))


def _where_malformed(table: TableFile, n_fields: int) -> str:
    """Say where a CSV file that Polars would not read is wrong, by reading it slowly."""
    try:
        text = table.data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        row = table.data.count(b"\n", 0, error.start) + 1
        before = table.data[table.data.rfind(b"\n", 0, error.start) + 1 : error.start]
        return f"{table.name}, row {row}, column {before.count(b',') + 1}: not UTF-8 text."
    rows = csv.reader(StringIO(text, newline=""), strict=True)
    row = 0
    try:
        for row, fields in enumerate(rows, start=1):
            if len(fields) > n_fields:
                return (
                    f"{table.name}, row {row}, column {n_fields + 1}: "
                    f"{len(fields)} fields where the header has {n_fields}."
                )
    except csv.Error:
        return f"{table.name}, row {row + 1}: a quoted field that does not end as CSV ends one."
    return f"{table.name} is not a CSV file that can be read."


def _parquet(table: TableFile, columns: list[str]) -> pl.DataFrame:
    try:
        present = list(pl.read_parquet_schema(BytesIO(table.data)))
        _require(columns, present, table.name)
        frame = pl.read_parquet(
            BytesIO(table.data), columns=columns, row_index_name=ROW, row_index_offset=1
        )
        if nested := [name for name in columns if frame.schema[name].is_nested()]:
            raise InputError(f"{table.name}, column {nested[0]!r}: not a plain value.")
        return frame.with_columns(
            pl.col(ROW).cast(pl.UInt32), *(pl.col(name).cast(pl.String) for name in columns)
        )
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError) as error:
        raise InputError(f"{table.name} is not a Parquet file that can be read.") from error


def _json_lines(table: TableFile, columns: list[str]) -> pl.DataFrame:
    values: dict[str, list[str | None]] = {name: [] for name in columns}
    numbers: list[int] = []
    seen: set[str] = set()
    for number, line in enumerate(table.data.splitlines(), start=1):
        if not line.strip():
            continue
        record = _json_record(table.name, number, line)
        seen.update(name for name in columns if name in record)
        numbers.append(number)
        for name in columns:
            values[name].append(_json_text(table.name, number, name, record.get(name)))
    if numbers:
        _require(columns, sorted(seen), table.name)
    return pl.DataFrame(
        {ROW: numbers, **values}, schema={ROW: pl.UInt32, **dict.fromkeys(columns, pl.String)}
    )


def _json_record(name: str, number: int, line: bytes) -> dict[str, Any]:
    try:
        record = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name}, row {number}: not a line of JSON.") from error
    if not isinstance(record, dict):
        raise InputError(f"{name}, row {number}: not a JSON object.")
    return record


def _json_text(name: str, number: int, column: str, value: Any) -> str | None:
    if value is None or isinstance(value, str):
        # A lone surrogate is JSON, but no text.
        return (
            value
            if value is None or value.isprintable()
            else value.encode("utf-8", "replace").decode("utf-8")
        )
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InputError(f"{name}, row {number}, column {column!r}: not a text or a number.")
    try:
        return str(value)
    except ValueError:  # an integer of thousands of digits
        return None

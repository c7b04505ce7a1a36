"""From tables as a force or police.uk gives them to one cleaned set: the story of ingest.

    files → mapped columns as text → places and times → refusals → duplicates → precision, coverage

Invariants: every row that was read is an event, a refusal with its place in the source, a
duplicate, or of a kind that the mapping leaves out, and these add up; no refusal repeats a value.
Must not: read a column that the mapping does not name.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import polars as pl

from overt.core.errors import InputError, ReconciliationError
from overt.core.ids import Sha256
from overt.hotspots import precision
from overt.hotspots.coverage import find_coverage
from overt.hotspots.events import SCHEMA, EventSet, Precision, Provenance, Source
from overt.hotspots.mapping import POLICE_UK, Mapping
from overt.hotspots.places import with_places
from overt.hotspots.rows import event_rows, refusals, without_duplicates
from overt.hotspots.sources import TableFile, read_tables
from overt.hotspots.tables import ROW, read_text_columns
from overt.hotspots.times import with_times

REFUSAL_SCHEMA: Final = {
    "file": pl.String(),
    "row": pl.UInt32(),
    "column": pl.String(),
    "reason": pl.String(),
}
"""Of the row-by-row report; ``column`` is as the source names it."""


@dataclass(frozen=True, slots=True)
class Ingested:
    """What came of the sources.

    Attributes:
        events: the cleaned set.
        report: rows that are not in it, as :data:`REFUSAL_SCHEMA`, in order of file and row.
        n_left_out: rows of kinds that the mapping does not keep.
        superseded: names of files that a later source had again.
    """

    events: EventSet
    report: pl.DataFrame = field(repr=False)
    n_left_out: int
    superseded: tuple[str, ...]


def ingest(
    paths: list[Path],
    mapping: Mapping = POLICE_UK,
    *,
    each_file: Callable[[str], None] | None = None,
) -> Ingested:
    """Read, clean and describe the offences of these files, folders and ZIPs.

    Args:
        paths: in order; of two files with the same name the later one counts.
        mapping: what their columns mean.
        each_file: told the name of each file when it has been read.

    Raises:
        InputError: a source that cannot be read, or without a single event.
    """
    mapped: dict[str, _Mapped] = {}
    superseded = []
    for table in read_tables(paths):
        if table.name in mapped:
            superseded.append(table.name)
            del mapped[table.name]
        mapped[table.name] = _map(table, mapping)
        if each_file is not None:
            each_file(table.name)
    rows = pl.concat([each.rows for each in mapped.values()])
    report = pl.concat([each.refused for each in mapped.values()])
    lattice_m = _lattice(rows, mapping)
    kept, duplicates = without_duplicates(rows)
    frame = kept.select(event_rows(mapping)).sort("begins", maintain_order=True)
    if frame.is_empty():
        raise InputError(_why_none(report))
    finest = _precision(frame, mapping, lattice_m)
    if not finest.is_snapped:
        frame = frame.with_columns(snap_point=pl.lit(None, pl.UInt64))
    coverage = find_coverage(frame, mapping.covers)
    n_all = len(frame)
    if mapping.kinds.keep:
        frame = frame.filter(pl.col("kind").is_in(mapping.kinds.keep))
    provenance = Provenance(
        sources=tuple(each.source for each in mapped.values()),
        precision=finest,
        coverage=coverage,
        n_read=sum(each.source.n_rows for each in mapped.values()),
        n_refused=len(report),
        n_duplicates=len(duplicates),
        label=mapping.label,
    )
    if provenance.n_read != n_all + provenance.n_refused + provenance.n_duplicates:
        raise ReconciliationError("The rows read are not the rows kept, refused and repeated.")
    order = {name: i for i, name in enumerate(mapped)}
    report = (
        pl.concat([report, duplicates])
        .sort(pl.col("file").replace_strict(order, return_dtype=pl.UInt32), "row")
        .select(*REFUSAL_SCHEMA)
    )
    return Ingested(
        EventSet(frame.cast(SCHEMA), provenance), report, n_all - len(frame), tuple(superseded)
    )


@dataclass(frozen=True, slots=True)
class _Mapped:
    source: Source
    rows: pl.DataFrame
    refused: pl.DataFrame


def _map(table: TableFile, mapping: Mapping) -> _Mapped:
    text = read_text_columns(table, mapping)
    source = Source(table.name, Sha256(hashlib.sha256(table.data).hexdigest()), len(text))
    frame = with_times(with_places(text, mapping), mapping)
    frame = frame.with_columns(file=pl.lit(table.name))
    frame = frame.with_columns(refusals(mapping))
    good = frame.filter(pl.col("reason").is_null()).drop("column", "reason")
    refused = frame.filter(pl.col("reason").is_not_null()).select(*REFUSAL_SCHEMA)
    kept = [*_given(mapping), "longitude", "latitude", "begins", "ends", "time_precision"]
    return _Mapped(source, good.select("file", ROW, *dict.fromkeys(kept)), refused)


def _given(mapping: Mapping) -> Iterator[str]:
    """Yield the roles that are still needed once places and times have been read."""
    named = mapping.columns.named()
    yield from (role for role in ("id", "force", "kind", "easting", "northing") if role in named)


def _lattice(rows: pl.DataFrame, mapping: Mapping) -> float:
    if mapping.columns.easting is not None:
        metres = rows.select(pl.col("easting", "northing").cast(pl.Float64, strict=False))
        return precision.lattice_of_metres(
            metres["easting"].to_numpy(), metres["northing"].to_numpy()
        )
    return precision.lattice_of_degrees(rows["longitude"].to_numpy(), rows["latitude"].to_numpy())


def _precision(frame: pl.DataFrame, mapping: Mapping, lattice_m: float) -> Precision:
    return precision.assess(
        frame["longitude"].to_numpy(),
        frame["latitude"].to_numpy(),
        mapping.place,
        lattice_m=lattice_m,
        only_months=bool((frame["time_precision"] == "month").all()),
    )


def _why_none(report: pl.DataFrame) -> str:
    if report.is_empty():
        return "There is no row in the sources."
    first = report.row(0, named=True)
    return (
        f"No row can be used; the first: {first['file']}, row {first['row']}, "
        f"column {first['column']}: {first['reason']}."
    )

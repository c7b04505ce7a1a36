"""Cleaned offences as one Parquet file: place, time, kind, and what is known about the data.

What the whole set needs to say of itself (sources with their digests, months covered, how finely
its places are known) travels in the Parquet file's own metadata, so that no map is made without it.

Invariants: no null and no non-finite value in a place or a time; ``begins <= ends``; a file that
does not say what it is, is refused.
Must not: hold a column beyond :data:`SCHEMA`.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from io import BytesIO
from pathlib import Path
from typing import Final, Literal, get_args

import polars as pl
from pydantic import TypeAdapter

from overt.core.errors import InputError, StorageError
from overt.core.ids import Sha256

FORMAT: Final = "overt-events/1"
_KEY: Final = "overt.events"

Origin = Literal["victim", "police"]
"""Who brought the offence to notice: a victim or witness, or police activity itself."""

TimePrecision = Literal["instant", "interval", "day", "month"]
CoverageState = Literal["covered", "missing", "suspect"]

SCHEMA: Final = pl.Schema(
    {
        "event_id": pl.String(),
        "force": pl.String(),
        "kind": pl.String(),
        "origin": pl.String(),
        "longitude": pl.Float64(),
        "latitude": pl.Float64(),
        "begins": pl.Datetime("us"),
        "ends": pl.Datetime("us"),
        "time_precision": pl.String(),
        "snap_point": pl.UInt64(),
    }
)
"""Column → type. Times are local and naive, the earliest and latest the offence can have been;
places are degrees of WGS 84; ``snap_point`` is null where places are exact."""

_MAY_BE_NULL: Final = {"event_id", "snap_point"}


@dataclass(frozen=True, slots=True)
class Source:
    """One file that was read.

    Attributes:
        name: its name, without folders.
        sha256: of its bytes as given, decompressed.
        n_rows: in it, headers not counted.
    """

    name: str
    sha256: Sha256
    n_rows: int


@dataclass(frozen=True, slots=True)
class ForceMonth:
    """What is known of one force's month.

    Attributes:
        force: whose.
        month: first day, ``YYYY-MM``.
        n_events: read for it.
        state: ``covered`` may be counted, a ``missing`` or ``suspect`` month may not.
        reason: in one sentence; empty where it is covered.
    """

    force: str
    month: str
    n_events: int
    state: CoverageState
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Precision:
    """How finely the places are known.

    Attributes:
        is_snapped: whether places are shared anonymised points.
        finest_resolution: the finest H3 resolution that is honest.
        reason: why, in one sentence.
    """

    is_snapped: bool
    finest_resolution: int
    reason: str


@dataclass(frozen=True, slots=True)
class Provenance:
    """What the set says of itself.

    Attributes:
        sources: files read, in order.
        precision: of places.
        coverage: every force × month between the first and the last.
        n_read: rows read.
        n_refused: rows refused for a fault.
        n_duplicates: rows left out as duplicates.
        label: what the offences are, for titles: a proxy is called one.
    """

    sources: tuple[Source, ...]
    precision: Precision
    coverage: tuple[ForceMonth, ...]
    n_read: int
    n_refused: int
    n_duplicates: int
    label: str


_PROVENANCE: Final = TypeAdapter(Provenance)


@dataclass(frozen=True, slots=True)
class EventSet:
    """Offences, and what is known about them as a whole.

    Attributes:
        frame: one row an offence, as :data:`SCHEMA`, ordered by ``begins``.
        provenance: of all of them.
    """

    frame: pl.DataFrame
    provenance: Provenance

    def __post_init__(self) -> None:
        """Check the columns once, here."""
        if self.frame.schema != SCHEMA:
            raise InputError("The events do not have the columns and types of an events file.")

    def select(self, *, kinds: Iterable[str] = (), origin: Origin | None = None) -> "EventSet":
        """Return the events of these kinds (all, if none is named) and this origin (any, if none).

        Raises:
            InputError: a kind that does not occur.
        """
        wanted = list(kinds)
        present = set(self.frame["kind"].unique())
        if unknown := [kind for kind in wanted if kind not in present]:
            raise InputError(
                f"No event is of the kind {unknown[0]!r}; there are: {', '.join(sorted(present))}."
            )
        frame = self.frame
        if wanted:
            frame = frame.filter(pl.col("kind").is_in(wanted))
        if origin is not None:
            frame = frame.filter(pl.col("origin") == origin)
        return EventSet(frame, self.provenance)


def write_events(events: EventSet, path: Path) -> None:
    """Write the set as Parquet.

    Raises:
        StorageError: it could not be written.
    """
    said = json.dumps({"format": FORMAT, **asdict(events.provenance)})
    try:
        events.frame.write_parquet(path, compression="zstd", metadata={_KEY: said})
    except OSError as error:
        raise StorageError(f"The events could not be written to {path.name}.") from error


def read_events(path: Path) -> EventSet:
    """Read what :func:`write_events` wrote.

    Raises:
        InputError: not a file, not such a file, or values that break an invariant.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"The events file {path.name} cannot be read.") from error
    return events_from_bytes(data, path.name)


def events_from_bytes(data: bytes, name: str) -> EventSet:
    """Read the bytes of an events file; see :func:`read_events`."""
    try:
        said = pl.read_parquet_metadata(BytesIO(data)).get(_KEY)
        frame = pl.read_parquet(BytesIO(data)) if said is not None else None
    except (pl.exceptions.PolarsError, OSError, ValueError) as error:
        raise InputError(f"{name} is not a Parquet file that can be read.") from error
    except pl.exceptions.PanicException as error:
        raise InputError(f"{name} is a damaged Parquet file.") from error
    if said is None or frame is None:
        raise InputError(f"{name} is not an events file; make one with overt hotspots ingest.")
    try:
        provenance = _provenance(said)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{name} does not say correctly what it holds.") from error
    events = EventSet(frame, provenance)
    _check_values(frame, name)
    return events


def _check_values(frame: pl.DataFrame, name: str) -> None:
    counts = frame.null_count().row(0, named=True)
    nulls = [column for column, n in counts.items() if n and column not in _MAY_BE_NULL]
    places = pl.col("longitude").is_between(-180, 180) & pl.col("latitude").is_between(-90, 90)
    sound = (
        places
        & (pl.col("begins") <= pl.col("ends"))
        & pl.col("origin").is_in(get_args(Origin))
        & pl.col("time_precision").is_in(get_args(TimePrecision))
    )
    if nulls or not frame.select(sound.all()).item():
        raise InputError(f"{name} has a place or a time that an events file cannot have.")


def _provenance(said: str) -> Provenance:
    loaded = json.loads(said)
    if not isinstance(loaded, dict) or loaded.pop("format", None) != FORMAT:
        raise ValueError("another format")
    provenance = _PROVENANCE.validate_python(loaded)
    for row in provenance.coverage:
        month_index(row.month)
    return provenance


def month_index(month: str) -> int:
    """Return months since year 0 of ``YYYY-MM``.

    Raises:
        ValueError: it is not one.
    """
    year, dash, number = month.partition("-")
    if not (dash and len(year) == 4 and len(number) == 2 and (year + number).isdecimal()):
        raise ValueError("a month is written YYYY-MM")
    if not 1 <= int(number) <= 12:
        raise ValueError("a month is from 01 to 12")
    return int(year) * 12 + int(number) - 1


def month_name(index: int) -> str:
    """Return ``YYYY-MM`` of :func:`month_index`."""
    return f"{index // 12:04}-{index % 12 + 1:02}"

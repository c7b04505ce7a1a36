"""``overt bench hotspots``: from a raw table of offences to a ranked map, by how many there are.

The offences are of a synthetic city, written as a force would hand them over, as CSV.
"""

import resource
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from overt.core.clock import SystemClock
from overt.hotspots.events import read_events, write_events
from overt.hotspots.ingest import ingest
from overt.hotspots.mapping import Columns, Mapping
from overt.hotspots.outputs import write_ranking
from overt.hotspots.ranking import RankingOptions, criteria, rank
from overt.hotspots.synthetic import CityPlan, make_city

_MAPPING: Final = Mapping(
    format="overt-mapping/1",
    label="synthetic offences",
    force="Synthetic Police",
    columns=Columns(
        id="id", kind="kind", instant="when", longitude="longitude", latitude="latitude"
    ),
)
_YEARS: Final = 6


def measure_hotspots(sizes: list[int], resolution: str) -> list[dict[str, Any]]:
    """Return one row for each size: seconds of each stage, cells, and greatest memory so far."""
    return [_measure(size, resolution) for size in sizes]


def _measure(size: int, resolution: str) -> dict[str, Any]:
    clock = SystemClock()
    with TemporaryDirectory() as name:
        folder = Path(name)
        n_rows = _write_city(size, folder / "offences.csv")
        began = clock.monotonic_s()
        ingested = ingest([folder / "offences.csv"], _MAPPING)
        write_events(ingested.events, folder / "events.parquet")
        read = clock.monotonic_s()
        options = RankingOptions(resolution=resolution)
        ranking = rank(read_events(folder / "events.parquet"), options)
        ranked = clock.monotonic_s()
        said = criteria(ranking, options, clock.now_utc())
        write_ranking(ranking, said, folder / "map.parquet")
        written = clock.monotonic_s()
    return {
        "n_rows": n_rows,
        "n_cells": ranking.study.n_cells,
        "ingest_s": round(read - began, 2),
        "rank_s": round(ranked - read, 2),
        "write_s": round(written - ranked, 2),
        "total_s": round(written - began, 2),
        "peak_memory_gib": round(_peak_bytes() / 2**30, 2),
    }


def _write_city(size: int, path: Path) -> int:
    plan = CityPlan(
        width_m=40_000.0, n_months=12 * _YEARS, n_a_year=size / _YEARS, n_clusters=60, n_spots=600
    )
    frame = make_city(plan, seed=size).events.frame
    frame.select(
        "longitude", "latitude", "kind", id="event_id", when=frame["begins"].dt.to_string("%F %T")
    ).write_csv(path)
    return len(frame)


def _peak_bytes() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024

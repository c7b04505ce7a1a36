"""Ranked cells as GeoParquet, GeoJSON or CSV, each with the criteria it was made by.

Invariants: a file is written whole or not at all; the same ranking gives the same bytes.
Must not: write a column that the ranking does not have.
"""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Final

import numpy as np
import polars as pl
import shapely

from overt.core.errors import InputError, StorageError
from overt.hotspots.ranking import Ranking

FORMATS: Final = (".parquet", ".geojson", ".csv")
_DIGITS: Final = 7
"""Decimal places of degrees: a centimetre."""


def write_ranking(
    ranking: Ranking, criteria: Mapping[str, object], path: Path, n_cells: int | None = None
) -> int:
    """Write the first ``n_cells`` cells (all if None), in the format of the file's ending.

    Returns:
        How many were written.

    Raises:
        InputError: an ending that is no format.
        StorageError: it could not be written.
    """
    check_format(path)
    cells = ranking.cells.head(n_cells) if n_cells is not None else ranking.cells
    of_study = ranking.study.cells[ranking.order[: len(cells)]]
    partial = path.with_name(path.name + ".partial")
    try:
        if path.suffix == ".csv":
            cells.write_csv(partial)
        else:
            rings = ranking.study.grid.boundaries(of_study)
            if path.suffix == ".parquet":
                _write_geoparquet(cells, rings, criteria, partial)
            else:
                partial.write_text(_geojson(cells, rings, criteria), "utf-8")
        partial.replace(path)
    except OSError as error:
        partial.unlink(missing_ok=True)
        raise StorageError(f"The map could not be written to {path.name}.") from error
    return len(cells)


def check_format(path: Path) -> None:
    """Refuse an ending that is no format.

    Raises:
        InputError: it is none.
    """
    if path.suffix not in FORMATS:
        raise InputError(f"A map ends in one of {', '.join(FORMATS)}; {path.name} does not.")


def _write_geoparquet(
    cells: pl.DataFrame,
    rings: list[np.ndarray[tuple[int, ...], np.dtype[np.float64]]],
    criteria: Mapping[str, object],
    path: Path,
) -> None:
    """Write GeoParquet 1.1: geometry as WKB, degrees of WGS 84 (OGC:CRS84)."""
    shapes = [shapely.Polygon(ring) for ring in rings]
    wkb = [shapely.to_wkb(shape) for shape in shapes]
    bounds = shapely.total_bounds(shapes).tolist() if shapes else []
    column = {"encoding": "WKB", "geometry_types": ["Polygon"], "orientation": "counterclockwise"}
    geo = {
        "version": "1.1.0",
        "primary_column": "geometry",
        "columns": {"geometry": {**column, **({"bbox": bounds} if bounds else {})}},
    }
    cells.with_columns(geometry=pl.Series(wkb, dtype=pl.Binary)).write_parquet(
        path,
        compression="zstd",
        metadata={"geo": json.dumps(geo), "overt.hotspots": json.dumps(dict(criteria))},
    )


def _geojson(
    cells: pl.DataFrame,
    rings: list[np.ndarray[tuple[int, ...], np.dtype[np.float64]]],
    criteria: Mapping[str, object],
) -> str:
    features = [
        {
            "type": "Feature",
            "properties": row,
            "geometry": {"type": "Polygon", "coordinates": [np.round(ring, _DIGITS).tolist()]},
        }
        for row, ring in zip(cells.iter_rows(named=True), rings, strict=True)
    ]
    return json.dumps(
        {"type": "FeatureCollection", "criteria": dict(criteria), "features": features}
    )

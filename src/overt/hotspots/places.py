"""Text to places in degrees of WGS 84.

Invariants: what is no finite number is null; a place of the National Grid is converted and not
rounded.
Must not: swap a longitude and a latitude that look exchanged.
"""

import numpy as np
import polars as pl

from overt.hotspots.mapping import Mapping
from overt.hotspots.projection import BNG_HEIGHT_M, BNG_WIDTH_M, bng_to_degrees


def with_places(frame: pl.DataFrame, mapping: Mapping) -> pl.DataFrame:
    """Return ``frame`` with ``longitude`` and ``latitude`` as numbers, and why where they are null.

    Adds ``place_blank`` (neither was given), ``x_wrong`` and ``y_wrong`` (not a number in range).
    """
    if mapping.columns.easting is None:
        return _checked(frame, "longitude", "latitude", (-180, 180), (-90, 90))
    frame = _checked(frame, "easting", "northing", (0, BNG_WIDTH_M), (0, BNG_HEIGHT_M))
    longitude, latitude = bng_to_degrees(
        frame["easting"].cast(pl.Float64).fill_null(np.nan).to_numpy(),
        frame["northing"].cast(pl.Float64).fill_null(np.nan).to_numpy(),
    )
    degrees = frame.with_columns(longitude=longitude, latitude=latitude)
    return degrees.with_columns(
        pl.when(pl.col(name).is_finite()).then(pl.col(name)).alias(name)
        for name in ("longitude", "latitude")
    )


def _checked(
    frame: pl.DataFrame,
    x: str,
    y: str,
    x_range: tuple[float, float],
    y_range: tuple[float, float],
) -> pl.DataFrame:
    blank = pl.all_horizontal(
        pl.col(name).is_null() | (pl.col(name).str.strip_chars() == "") for name in (x, y)
    )
    numbers = frame.with_columns(place_blank=blank).with_columns(
        pl.col(name).str.strip_chars().cast(pl.Float64, strict=False) for name in (x, y)
    )
    # No offence is in the Gulf of Guinea, or at the grid's false origin: zero is how blank is kept.
    nowhere = (pl.col(x) == 0) & (pl.col(y) == 0)
    return numbers.with_columns(
        place_blank=pl.col("place_blank") | nowhere.fill_null(value=False),
        x_wrong=~pl.col(x).is_between(*x_range).fill_null(value=False),
        y_wrong=~pl.col(y).is_between(*y_range).fill_null(value=False),
    )

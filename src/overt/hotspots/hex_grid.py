"""Regular hexagons on the British National Grid, 100 m between opposite flat sides.

Axial coordinates of hexagons with a corner to the north (Red Blob Games, "Hexagonal Grids"): the
centre of (q, r) lies at ``(100 (q + r/2), 100 √3/2 r)`` metres from the grid's origin. A place
belongs to the nearest centre; on a side exactly between two, to one of them, always the same.

Invariants: 8,660 m² each on the grid; on the ground that differs by the grid's scale, less than
0.1 % anywhere in Great Britain.
Must not: be used outside Great Britain, where the grid has no meaning.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Final

import numpy as np
from numpy.typing import NDArray

from overt.core.errors import InputError
from overt.hotspots.projection import (
    BNG_HEIGHT_M,
    BNG_WIDTH_M,
    Floats,
    bng_to_degrees,
    degrees_to_bng,
)

_ROW_OF_WIDTH: Final = np.sqrt(3) / 2
_OFFSET: Final = 2**20
"""Added to q and r, so that both are positive in a cell's number."""

_SCALE_AT_MERIDIAN: Final = 0.9996012717
_TRUE_ORIGIN_EASTING_M: Final = 400_000.0
_RADIUS_M: Final = 6_381_000.0
"""Of the projection, from the Ordnance Survey's guide to coordinate systems, appendix C."""


@dataclass(frozen=True, slots=True)
class HexGrid:
    """Exact hexagons; see :class:`overt.hotspots.grids.Grid`.

    Attributes:
        width_m: between opposite flat sides, and between the centres of neighbours.
    """

    NAME: ClassVar[str] = "hex100"

    width_m: float = 100.0

    @property
    def name(self) -> str:
        """See the port."""
        return f"hex{self.width_m:.0f}"

    @property
    def spacing_m(self) -> float:
        """See the port."""
        return self.width_m

    def cells(self, longitude: Floats, latitude: Floats) -> NDArray[np.uint64]:
        """See the port.

        Raises:
            InputError: a place outside the grid.
        """
        easting_m, northing_m = degrees_to_bng(longitude, latitude)
        # Cells of a study reach past the outermost offence, so the sea around the grid is let in.
        margin_m = 20_000.0
        inside = (np.abs(easting_m - BNG_WIDTH_M / 2) <= BNG_WIDTH_M / 2 + margin_m) & (
            np.abs(northing_m - BNG_HEIGHT_M / 2) <= BNG_HEIGHT_M / 2 + margin_m
        )
        if not inside.all():
            raise InputError(
                f"{int((~inside).sum()):,} places lie outside the British National Grid, which "
                f"{self.name} needs; use an H3 resolution."
            )
        return self.cells_at(easting_m, northing_m)

    def cells_at(self, easting_m: Floats, northing_m: Floats) -> NDArray[np.uint64]:
        """Return the cell of each place on the National Grid."""
        row = northing_m / (self.width_m * _ROW_OF_WIDTH)
        column = easting_m / self.width_m - row / 2
        return _pack(*_nearest(column, row))

    def centres(self, cells: NDArray[np.uint64]) -> tuple[Floats, Floats]:
        """See the port."""
        return bng_to_degrees(*self.centres_at(cells))

    def centres_at(self, cells: NDArray[np.uint64]) -> tuple[Floats, Floats]:
        """Return easting and northing of each cell's centre."""
        column, row = _unpack(cells)
        return self.width_m * (column + row / 2), self.width_m * _ROW_OF_WIDTH * row

    def areas_m2(self, cells: NDArray[np.uint64]) -> Floats:
        """See the port."""
        easting_m, _ = self.centres_at(cells)
        from_meridian = (easting_m - _TRUE_ORIGIN_EASTING_M) / _RADIUS_M
        scale = _SCALE_AT_MERIDIAN * (1 + from_meridian**2 / 2)
        return np.asarray(self.width_m**2 * _ROW_OF_WIDTH / scale**2, np.float64)

    def boundaries(self, cells: NDArray[np.uint64]) -> list[Floats]:
        """See the port."""
        easting_m, northing_m = self.centres_at(cells)
        angle = np.radians(np.array([30, 90, 150, 210, 270, 330, 30]))
        reach_m = self.width_m / np.sqrt(3)
        longitude, latitude = bng_to_degrees(
            easting_m[:, np.newaxis] + reach_m * np.cos(angle),
            northing_m[:, np.newaxis] + reach_m * np.sin(angle),
        )
        return list(np.stack([longitude, latitude], axis=-1))

    def labels(self, cells: NDArray[np.uint64]) -> Sequence[str]:
        """See the port; ``q,r`` after the grid's name."""
        column, row = _unpack(cells)
        return [f"{self.name}:{q:.0f},{r:.0f}" for q, r in zip(column, row, strict=True)]


def _nearest(column: Floats, row: Floats) -> tuple[Floats, Floats]:
    """Return the axial coordinates of the nearest centre by rounding in cube coordinates."""
    third = -column - row
    q, r, s = np.round(column), np.round(row), np.round(third)
    off_q, off_r, off_s = np.abs(q - column), np.abs(r - row), np.abs(s - third)
    fix_q = (off_q > off_r) & (off_q > off_s)
    fix_r = ~fix_q & (off_r > off_s)
    return np.where(fix_q, -r - s, q), np.where(fix_r, -q - s, r)


def _pack(column: Floats, row: Floats) -> NDArray[np.uint64]:
    q, r = column.astype(np.int64) + _OFFSET, row.astype(np.int64) + _OFFSET
    return ((q << 21) | r).astype(np.uint64)


def _unpack(cells: NDArray[np.uint64]) -> tuple[Floats, Floats]:
    q = (cells >> np.uint64(21)).astype(np.float64) - _OFFSET
    r = (cells & np.uint64(2**21 - 1)).astype(np.float64) - _OFFSET
    return q, r

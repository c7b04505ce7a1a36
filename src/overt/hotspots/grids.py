"""Ways to divide the ground into cells of nearly equal size: one port, and who may use how fine.

A cell is known by a whole number that means nothing outside its grid. Cells have true areas on the
ground, so that places are ranked by density, and a cell of 13,200 m² is not worse than one of
14,300 m² for being larger.

Invariants: every place is in exactly one cell; a cell's centre is in it; points are indexed afresh
for each resolution, and counts are never rolled up from finer cells, which do not nest.
Must not: allow a cell finer than the places are known.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from overt.core.errors import InputError
from overt.hotspots.events import Precision
from overt.hotspots.h3_grid import H3Grid
from overt.hotspots.hex_grid import HexGrid
from overt.hotspots.precision import FINEST, SPACING_M
from overt.hotspots.projection import EARTH_M, Floats

Cells = NDArray[np.uint64]

COARSEST: Final = min(SPACING_M)


class Grid(Protocol):
    """Division of the ground into cells."""

    @property
    def name(self) -> str:
        """Return what results call the grid, for example ``h3-10``."""
        ...

    @property
    def spacing_m(self) -> float:
        """Return the typical distance between the centres of neighbours."""
        ...

    def cells(self, longitude: Floats, latitude: Floats) -> Cells:
        """Return the cell of each place, shape (n,)."""
        ...

    def centres(self, cells: Cells) -> tuple[Floats, Floats]:
        """Return longitude and latitude of each cell's centre."""
        ...

    def areas_m2(self, cells: Cells) -> Floats:
        """Return each cell's true area on the ground."""
        ...

    def boundaries(self, cells: Cells) -> list[Floats]:
        """Return each cell's ring as longitude and latitude, anticlockwise, first point last."""
        ...

    def labels(self, cells: Cells) -> Sequence[str]:
        """Return what each cell is called in results."""
        ...


@dataclass(frozen=True, slots=True)
class ShiftedGrid:
    """A grid moved over the ground, to see what depends on where its cells happen to lie.

    Attributes:
        base: the grid that is moved.
        east_m: how far.
        north_m: how far.
    """

    base: Grid
    east_m: float
    north_m: float

    @property
    def name(self) -> str:
        """See :class:`Grid`."""
        return f"{self.base.name}+{self.east_m:.0f}+{self.north_m:.0f}"

    @property
    def spacing_m(self) -> float:
        """See :class:`Grid`."""
        return self.base.spacing_m

    def cells(self, longitude: Floats, latitude: Floats) -> Cells:
        """See :class:`Grid`."""
        return self.base.cells(*self._moved(longitude, latitude, -1))

    def centres(self, cells: Cells) -> tuple[Floats, Floats]:
        """See :class:`Grid`."""
        return self._moved(*self.base.centres(cells), 1)

    def areas_m2(self, cells: Cells) -> Floats:
        """See :class:`Grid`."""
        return self.base.areas_m2(cells)

    def boundaries(self, cells: Cells) -> list[Floats]:
        """See :class:`Grid`."""
        rings = self.base.boundaries(cells)
        return [np.column_stack(self._moved(ring[:, 0], ring[:, 1], 1)) for ring in rings]

    def labels(self, cells: Cells) -> Sequence[str]:
        """See :class:`Grid`."""
        return self.base.labels(cells)

    def _moved(self, longitude: Floats, latitude: Floats, sign: int) -> tuple[Floats, Floats]:
        """Move north first and east along the parallel of the unmoved place, and back again."""
        north = np.degrees(self.north_m / EARTH_M)
        parallel = latitude if sign > 0 else latitude - north
        east = np.degrees(self.east_m / EARTH_M) / np.cos(np.radians(parallel))
        return longitude + sign * east, latitude + sign * north


def grid_for(resolution: str, precision: Precision) -> Grid:
    """Return the grid asked for, if places are known finely enough for it.

    Args:
        resolution: an H3 resolution, such as ``10``, or ``hex100`` for hexagons of 100 m between
            flat sides on the British National Grid.
        precision: of the places.

    Raises:
        InputError: no such grid, or finer than the places are known; says why.
    """
    if resolution == HexGrid.NAME:
        _refuse_finer(10, precision)
        return HexGrid()
    if not re.fullmatch(r"\d{1,2}", resolution):
        raise InputError(f"A resolution is from {COARSEST} to {FINEST}, or {HexGrid.NAME}.")
    number = int(resolution)
    if number < COARSEST:
        raise InputError(f"Resolution {number} is coarser than {COARSEST}: no map of places.")
    if number > FINEST:
        raise InputError(
            f"Resolution {number} is finer than geocoding and shows single shop fronts; "
            f"{FINEST} is the finest."
        )
    _refuse_finer(number, precision)
    return H3Grid(number)


def _refuse_finer(number: int, precision: Precision) -> None:
    if number > precision.finest_resolution:
        raise InputError(
            f"Resolution {number} is finer than {precision.finest_resolution}, the finest that "
            f"these events allow. {precision.reason}"
        )

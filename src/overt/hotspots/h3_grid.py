"""H3: the hexagons that the world shares, for comparing and exchanging results.

Must not: derive a cell from another resolution's cell.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import h3
import numpy as np
import polars as pl
import polars_h3
from numpy.typing import NDArray

from overt.hotspots.precision import SPACING_M
from overt.hotspots.projection import Floats


@dataclass(frozen=True, slots=True)
class H3Grid:
    """Cells of one H3 resolution; see :class:`overt.hotspots.grids.Grid`.

    Attributes:
        resolution: 5 to 11.
    """

    resolution: int

    @property
    def name(self) -> str:
        """See the port."""
        return f"h3-{self.resolution}"

    @property
    def spacing_m(self) -> float:
        """See the port."""
        return SPACING_M[self.resolution]

    def cells(self, longitude: Floats, latitude: Floats) -> NDArray[np.uint64]:
        """See the port."""
        places = pl.DataFrame({"lat": latitude, "lon": longitude})
        indexed = places.select(polars_h3.latlng_to_cell("lat", "lon", self.resolution))
        return indexed.to_series().cast(pl.UInt64).to_numpy()

    def centres(self, cells: NDArray[np.uint64]) -> tuple[Floats, Floats]:
        """See the port."""
        frame = pl.DataFrame({"cell": cells}, schema={"cell": pl.UInt64})
        centres = frame.select(lat=polars_h3.cell_to_lat("cell"), lon=polars_h3.cell_to_lng("cell"))
        return centres["lon"].to_numpy(), centres["lat"].to_numpy()

    def areas_m2(self, cells: NDArray[np.uint64]) -> Floats:
        """See the port."""
        frame = pl.DataFrame({"cell": cells}, schema={"cell": pl.UInt64})
        areas = frame.select(polars_h3.cell_area("cell", unit="m^2"))
        return areas.to_series().cast(pl.Float64).to_numpy()

    def boundaries(self, cells: NDArray[np.uint64]) -> list[Floats]:
        """See the port."""
        rings = []
        for label in self.labels(cells):
            ring = np.asarray(h3.cell_to_boundary(label), np.float64)[:, ::-1]
            rings.append(np.vstack([ring, ring[:1]]))
        return rings

    def labels(self, cells: NDArray[np.uint64]) -> Sequence[str]:
        """See the port."""
        return [h3.int_to_str(int(cell)) for cell in cells]

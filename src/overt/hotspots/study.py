"""The ground that is compared: its cells, where each offence falls, and a fine raster to smooth on.

Without a boundary file the area is every cell whose centre is within :data:`REACH_M` of an offence
of the set, the reach of the widest kernel. It is the same for every method that is compared, and
for every year.

The raster serves kernels: offences are spread over 50 m pixels (finer for small cells), smoothed,
and summed over the pixels of each cell, so that a kernel narrower than a cell keeps its mass. Parts
of the country far from each other have rasters of their own.

Invariants: cells are in ascending order; every offence is in a cell of the study.
Must not: know times or counts.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from overt.core.errors import InputError
from overt.hotspots.grids import Cells, Grid
from overt.hotspots.projection import Floats, LocalPlane

Indices = NDArray[np.int64]

REACH_M: Final = 1_000.0
MAX_PIXEL_M: Final = 50.0
MAX_PIXELS: Final = 150_000_000
_TILE_M: Final = 5_500.0
"""Offences with an empty tile between them are smoothed apart: kernels reach 4,000 m, cells 1,000 m
from an offence. A tile is that wide at the middle latitude of all offences, as is the case within a
country; far north of it tiles are narrower."""
_MARGIN_M: Final = 4_500.0
_PIXELS_A_BANDWIDTH: Final = 2.5
"""A wide kernel is smoothed on coarser pixels, of which its standard deviation spans this many."""


@dataclass(frozen=True, slots=True)
class Raster:
    """Pixels of one part of the area.

    Attributes:
        n_rows: from south to north.
        n_columns: from west to east.
        pixel_m: side of a pixel.
        offences: which of the study's places lie in it, as indices.
        column: of each of these, in pixels from the first pixel's centre.
        row: likewise.
        pixels: flat index of every pixel that lies in a cell of the study.
        cells: index of that cell.
    """

    n_rows: int
    n_columns: int
    pixel_m: float
    offences: Indices
    column: Floats
    row: Floats
    pixels: Indices
    cells: Indices

    def smooth(self, spread: NDArray[np.float32], bandwidth_m: float, n_cells: int) -> Floats:
        """Return the smoothed weight in each cell of the study, shape (n_cells,).

        Args:
            spread: of :meth:`spread`.
            bandwidth_m: standard deviation of the Gaussian kernel.
            n_cells: of the study.
        """
        factor = max(1, int(bandwidth_m / (_PIXELS_A_BANDWIDTH * self.pixel_m)))
        coarse = _binned(spread, factor)
        sigma = bandwidth_m / (self.pixel_m * factor)
        coarse = ndimage.gaussian_filter(coarse, sigma, mode="constant", truncate=4.0)
        if factor == 1:
            mass = coarse.ravel()[self.pixels]
        else:
            middle = (factor - 1) / 2
            at = [
                (self.pixels // self.n_columns - middle) / factor,
                (self.pixels % self.n_columns - middle) / factor,
            ]
            finely = ndimage.map_coordinates(coarse, at, order=1, mode="nearest")
            mass = np.asarray(finely / factor**2, np.float32)
        return np.bincount(self.cells, weights=mass, minlength=n_cells).astype(np.float64)

    def spread(self, weights: Floats) -> NDArray[np.float32]:
        """Return the weights shared between the four nearest pixels of each place.

        Args:
            weights: of the study's places, all of them.
        """
        weights = weights[self.offences]
        west, south = np.floor(self.column).astype(np.int64), np.floor(self.row).astype(np.int64)
        east_share, north_share = self.column - west, self.row - south
        corner = south * self.n_columns + west
        at = [corner, corner + 1, corner + self.n_columns, corner + self.n_columns + 1]
        southern, northern = weights * (1 - north_share), weights * north_share
        shares = [
            southern * (1 - east_share),
            southern * east_share,
            northern * (1 - east_share),
            northern * east_share,
        ]
        spread = np.bincount(
            np.concatenate(at), np.concatenate(shares), self.n_rows * self.n_columns
        )
        return spread.reshape(self.n_rows, self.n_columns).astype(np.float32)


@dataclass(frozen=True)
class Study:
    """Cells that are compared, and offences in them.

    Attributes:
        grid: what the cells are of.
        cells: in ascending order, shape (n_cells,).
        areas_m2: of each.
        cell_of: index into ``cells`` of each place that the study was made from.
        rasters: for smoothing.
    """

    grid: Grid
    cells: Cells
    areas_m2: Floats
    cell_of: Indices
    rasters: tuple[Raster, ...]

    @property
    def n_cells(self) -> int:
        """Return how many cells are compared."""
        return len(self.cells)

    @cached_property
    def uniform(self) -> Floats:
        """Return the share of the area that each cell has."""
        return np.asarray(self.areas_m2 / self.areas_m2.sum())

    def counts(self, weights: Floats) -> Floats:
        """Return the sum of the places' weights in each cell."""
        counts = np.bincount(self.cell_of, weights=weights, minlength=self.n_cells)
        return counts.astype(np.float64)

    def smoothed(self, weights: Floats, bandwidth_m: float) -> Floats:
        """Return the sum of the places' weights in each cell after smoothing."""
        return self.smoothed_each(weights, (bandwidth_m,))[0]

    def smoothed_each(self, weights: Floats, bandwidths_m: Sequence[float]) -> list[Floats]:
        """Return what :meth:`smoothed` does, for several bandwidths."""
        smoothed = [np.zeros(self.n_cells) for _ in bandwidths_m]
        for raster in self.rasters:
            if weights[raster.offences].any():
                spread = raster.spread(weights)
                for i, bandwidth_m in enumerate(bandwidths_m):
                    smoothed[i] += raster.smooth(spread, bandwidth_m, self.n_cells)
        return smoothed


def _binned(pixels: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Return sums over squares of ``factor`` pixels; the last square may reach past the edge."""
    if factor == 1:
        return pixels
    rows, columns = (-n % factor for n in pixels.shape)
    padded = np.pad(pixels, ((0, rows), (0, columns)))
    shape = padded.shape[0] // factor, factor, padded.shape[1] // factor, factor
    return np.asarray(padded.reshape(shape).sum(axis=(1, 3)), np.float32)


def make_study(
    grid: Grid,
    longitude: Floats,
    latitude: Floats,
    boundary: shapely.Geometry | None = None,
) -> Study:
    """Return the study of these places.

    Args:
        grid: to divide the ground by.
        longitude: of every offence, degrees.
        latitude: of every offence, degrees.
        boundary: in degrees; cells with their centre in it, in place of the reach of offences.

    Raises:
        InputError: no place, an offence outside the boundary, or an area too large to smooth.
    """
    if longitude.size == 0:
        raise InputError("There is no offence to map.")
    own = grid.cells(longitude, latitude)
    pixel_m = min(MAX_PIXEL_M, grid.spacing_m / 3)
    parts = list(_parts(longitude, latitude))
    found = [_pixels(grid, part, pixel_m) for part in parts]
    nearby = np.concatenate([np.unique(each.cell_of_pixel) for each in found])
    cells = np.unique(np.concatenate([own, nearby]))
    inside = np.isin(cells, own) | _within(grid, cells, parts, boundary)
    cells = cells[inside]
    rasters = tuple(_raster(cells, each) for each in found)
    return Study(grid, cells, grid.areas_m2(cells), np.searchsorted(cells, own), rasters)


def read_boundary(data: bytes) -> shapely.Geometry:
    """Read a GeoJSON geometry, feature or collection in degrees.

    Raises:
        InputError: it is none, or has no area.
    """
    try:
        shape = shapely.from_geojson(data.decode("utf-8"))
        valid = shapely.make_valid(shapely.union_all(shapely.get_parts(shape)))
        if valid.area <= 0 or not np.isfinite(valid.bounds).all():
            raise InputError("The boundary has no area.")
    except (shapely.errors.ShapelyError, UnicodeDecodeError, TypeError, ValueError) as error:
        raise InputError("The boundary is not a GeoJSON file that can be read.") from error
    return valid


@dataclass(frozen=True, slots=True)
class _Part:
    plane: LocalPlane
    offences: Indices
    east_m: Floats
    north_m: Floats


@dataclass(frozen=True, slots=True)
class _Pixels:
    part: _Part
    west_m: float
    south_m: float
    n_columns: int
    n_rows: int
    pixel_m: float
    pixels: Indices
    cell_of_pixel: Cells


def _parts(longitude: Floats, latitude: Floats) -> Iterator[_Part]:
    """Yield groups of places that no kernel joins; what lies between them costs nothing."""
    east_m, north_m = LocalPlane.around(longitude, latitude).to_metres(longitude, latitude)
    column = ((east_m - east_m.min()) / _TILE_M).astype(np.int64)
    row = ((north_m - north_m.min()) / _TILE_M).astype(np.int64)
    n_columns = int(column.max()) + 1
    tiles, tile = np.unique(row * n_columns + column, return_inverse=True)
    at = np.column_stack([tiles // n_columns, tiles % n_columns])
    touching = cKDTree(at).query_pairs(1, p=np.inf, output_type="ndarray")
    joins = coo_array(
        (np.ones(len(touching), bool), (touching[:, 0], touching[:, 1])), (len(tiles), len(tiles))
    )
    n, joined = connected_components(joins, directed=False)
    which = joined[tile]
    in_order = np.argsort(which, kind="stable")
    for offences in np.split(in_order, np.searchsorted(which[in_order], np.arange(1, n))):
        plane = LocalPlane.around(longitude[offences], latitude[offences])
        yield _Part(plane, offences, *plane.to_metres(longitude[offences], latitude[offences]))


def _pixels(grid: Grid, part: _Part, pixel_m: float) -> _Pixels:
    """Lay pixels over a part, and look up the cell of those near an offence."""
    west_m, south_m = part.east_m.min() - _MARGIN_M, part.north_m.min() - _MARGIN_M
    n_columns = int((part.east_m.max() + _MARGIN_M - west_m) / pixel_m) + 2
    n_rows = int((part.north_m.max() + _MARGIN_M - south_m) / pixel_m) + 2
    if n_columns * n_rows > MAX_PIXELS:
        raise InputError("The area is too large for this resolution; map each part apart.")
    empty = np.ones((n_rows, n_columns), bool)
    column = ((part.east_m - west_m) / pixel_m).astype(np.int64)
    row = ((part.north_m - south_m) / pixel_m).astype(np.int64)
    empty[row, column] = False
    away_m = ndimage.distance_transform_edt(empty, sampling=pixel_m)
    near = np.flatnonzero(np.asarray(away_m).ravel() <= REACH_M + 2 * grid.spacing_m)
    longitude, latitude = part.plane.to_degrees(
        west_m + (near % n_columns + 0.5) * pixel_m, south_m + (near // n_columns + 0.5) * pixel_m
    )
    cell = grid.cells(longitude, latitude)
    return _Pixels(part, west_m, south_m, n_columns, n_rows, pixel_m, near, cell)


def _within(
    grid: Grid, cells: Cells, parts: list[_Part], boundary: shapely.Geometry | None
) -> NDArray[np.bool_]:
    longitude, latitude = grid.centres(cells)
    if boundary is not None:
        return np.asarray(shapely.contains_xy(boundary, longitude, latitude))
    within = np.zeros(len(cells), bool)
    for part in parts:
        east_m, north_m = part.plane.to_metres(longitude, latitude)
        near = np.flatnonzero(_near_box(east_m, part.east_m) & _near_box(north_m, part.north_m))
        tree = cKDTree(np.column_stack([part.east_m, part.north_m]))
        centres = np.column_stack([east_m[near], north_m[near]])
        nearest_m = np.asarray(tree.query(centres, distance_upper_bound=REACH_M)[0])
        within[near[np.isfinite(nearest_m)]] = True
    return within


def _near_box(here_m: Floats, offences_m: Floats) -> NDArray[np.bool_]:
    low, high = offences_m.min() - REACH_M, offences_m.max() + REACH_M
    return np.asarray((here_m >= low) & (here_m <= high))


def _raster(cells: Cells, found: _Pixels) -> Raster:
    index = np.minimum(np.searchsorted(cells, found.cell_of_pixel), len(cells) - 1)
    of_study = cells[index] == found.cell_of_pixel
    return Raster(
        n_rows=found.n_rows,
        n_columns=found.n_columns,
        pixel_m=found.pixel_m,
        offences=found.part.offences,
        column=(found.part.east_m - found.west_m) / found.pixel_m - 0.5,
        row=(found.part.north_m - found.south_m) / found.pixel_m - 0.5,
        pixels=found.pixels[of_study],
        cells=index[of_study],
    )

"""What every grid promises, run on each of them."""

import numpy as np
import pytest
import shapely
from pyproj import Geod

from overt.core.errors import InputError
from overt.hotspots.events import Precision
from overt.hotspots.grids import ShiftedGrid, grid_for
from overt.hotspots.h3_grid import H3Grid
from overt.hotspots.hex_grid import HexGrid

GRIDS = [
    H3Grid(9),
    H3Grid(10),
    H3Grid(11),
    HexGrid(),
    ShiftedGrid(H3Grid(10), 37.0, 61.0),
    ShiftedGrid(HexGrid(), 50.0, 29.0),
]
RNG = np.random.default_rng(7)
# From Land's End to Norwich and from Brighton to Inverness.
LONGITUDE = RNG.uniform(-5.5, 1.3, 400)
LATITUDE = RNG.uniform(50.3, 57.5, 400)
GEOD = Geod(ellps="WGS84")

pytestmark = pytest.mark.parametrize("grid", GRIDS, ids=lambda grid: grid.name)


def polygons(grid, cells):
    return [shapely.Polygon(ring) for ring in grid.boundaries(cells)]


def test_a_place_is_in_its_cell(grid):
    cells = grid.cells(LONGITUDE, LATITUDE)
    assert cells.dtype == np.uint64
    points = shapely.points(LONGITUDE, LATITUDE)
    inside = [
        p.buffer(1e-7).intersects(q) for p, q in zip(points, polygons(grid, cells), strict=True)
    ]
    assert all(inside)


def test_a_centre_is_in_its_cell(grid):
    cells = grid.cells(LONGITUDE, LATITUDE)
    assert (grid.cells(*grid.centres(cells)) == cells).all()


def test_the_area_is_that_of_the_boundary_on_the_ground(grid):
    cells = grid.cells(LONGITUDE, LATITUDE)
    measured = [GEOD.polygon_area_perimeter(*ring.T)[0] for ring in grid.boundaries(cells)]
    # H3 measures on a sphere of the ellipsoid's area; a moved H3 cell keeps its area to 0.2 %.
    np.testing.assert_allclose(grid.areas_m2(cells), measured, rtol=6e-3)


def test_boundaries_are_closed_anticlockwise_and_do_not_overlap(grid):
    cells = np.unique(
        grid.cells(-0.1 + RNG.uniform(0, 0.01, 200), 51.5 + RNG.uniform(0, 0.01, 200))
    )
    shapes = polygons(grid, cells)
    for ring, shape in zip(grid.boundaries(cells), shapes, strict=True):
        assert (ring[0] == ring[-1]).all()
        assert shape.exterior.is_ccw
    together = shapely.union_all(shapes).area
    assert together == pytest.approx(sum(shape.area for shape in shapes), rel=1e-4)


def test_neighbours_are_a_spacing_apart(grid):
    cells = np.unique(
        grid.cells(-0.1 + RNG.uniform(0, 0.02, 3000), 51.5 + RNG.uniform(0, 0.02, 3000))
    )
    longitude, latitude = grid.centres(cells)
    east, north = longitude * np.cos(np.radians(51.5)), latitude
    gaps = np.hypot(np.subtract.outer(east, east), np.subtract.outer(north, north)) * 111_195
    np.fill_diagonal(gaps, np.inf)
    assert np.median(gaps.min(axis=1)) == pytest.approx(grid.spacing_m, rel=0.1)


def test_labels_are_one_to_one(grid):
    cells = np.unique(grid.cells(LONGITUDE, LATITUDE))
    labels = grid.labels(cells)
    assert len(set(labels)) == len(cells)


def test_nothing_in_nothing_out(grid):
    none = np.empty(0)
    cells = grid.cells(none, none)
    assert cells.shape == grid.areas_m2(cells).shape == (0,)
    assert grid.boundaries(cells) == []
    assert list(grid.labels(cells)) == []


def test_none_is_finer_than_the_places_are_known(grid):
    snapped = Precision(True, 8, "Places are snapped.")
    resolution = getattr(grid, "resolution", None)
    name = str(resolution) if resolution else grid.name
    with pytest.raises(InputError):
        grid_for(name, snapped)

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.core.errors import InputError
from overt.hotspots.events import Precision
from overt.hotspots.grids import grid_for
from overt.hotspots.h3_grid import H3Grid
from overt.hotspots.hex_grid import HexGrid

GRID = HexGrid()
metres = st.floats(0, 700_000)


@given(metres, metres)
def test_the_cell_is_that_of_the_nearest_centre(easting, northing):
    here = np.array([easting]), np.array([northing])
    cell = GRID.cells_at(*here)
    x, y = GRID.centres_at(cell)
    angle = np.radians(np.arange(0, 360, 60))
    around = np.hypot(x + 100 * np.cos(angle) - easting, y + 100 * np.sin(angle) - northing)
    assert np.hypot(x - easting, y - northing) <= around.min() + 1e-6


def test_the_area_is_that_of_the_formula():
    area = GRID.areas_m2(GRID.cells_at(np.array([400_000.0]), np.array([300_000.0])))
    assert area == pytest.approx(8_660.25, rel=1e-3)


def test_places_abroad_are_refused():
    with pytest.raises(InputError, match="1 places lie outside the British National Grid"):
        GRID.cells(np.array([-73.9]), np.array([40.7]))


@pytest.mark.parametrize("wanted", ["12", "13", "4", "x", "", "-1", "hex50", "100"])
def test_what_is_no_grid_or_too_fine_is_refused(wanted):
    with pytest.raises(InputError):
        grid_for(wanted, Precision(False, 11, "Exact."))


def test_snapped_places_allow_nothing_finer_and_the_reason_is_told():
    snapped = Precision(True, 9, "Places are snapped to shared points.")
    assert grid_for("9", snapped) == H3Grid(9)
    for finer in ("10", "hex100"):
        with pytest.raises(InputError, match="Places are snapped to shared points"):
            grid_for(finer, snapped)

import numpy as np
import pytest

from overt.hotspots.h3_grid import H3Grid
from overt.hotspots.study import make_study

GRID = H3Grid(9)
KM_NORTH = 1 / 111.195


def study_of(*places):
    longitude, latitude = np.array(places, float).T
    return make_study(GRID, longitude, latitude)


def test_offences_a_world_apart_have_rasters_of_their_own_size():
    study = study_of((0.0, 51.5), (-170.0, -45.0), (100.0, 0.0), (10.0, 70.0))
    alone = study_of((0.0, 51.5)).rasters[0]
    assert [len(raster.offences) for raster in study.rasters] == [1, 1, 1, 1]
    for raster in study.rasters:
        assert (raster.n_rows, raster.n_columns) == (alone.n_rows, alone.n_columns)


def test_offences_that_a_kernel_joins_share_a_raster():
    study = study_of((0.0, 51.5), (0.0, 51.5 + 4.9 * KM_NORTH), (0.0, 51.5 + 40 * KM_NORTH))
    assert sorted(sorted(raster.offences) for raster in study.rasters) == [[0, 1], [2]]


def test_a_chain_of_offences_is_one_part():
    study = study_of(*((0.0, 51.5 + 5 * n * KM_NORTH) for n in range(6)))
    assert [list(raster.offences) for raster in study.rasters] == [[0, 1, 2, 3, 4, 5]]


@pytest.mark.parametrize("bandwidth_m", [150.0, 400.0])
def test_parts_are_smoothed_as_if_each_were_alone(bandwidth_m):
    places = [(0.0, 51.5), (0.002, 51.501), (3.0, 48.0)]
    both = study_of(*places)
    smoothed = both.smoothed(np.ones(3), bandwidth_m)
    for part in (places[:2], places[2:]):
        alone = study_of(*part)
        of_part = smoothed[np.searchsorted(both.cells, alone.cells)]
        np.testing.assert_allclose(of_part, alone.smoothed(np.ones(len(part)), bandwidth_m))

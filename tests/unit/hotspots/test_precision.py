import numpy as np
import pytest

from overt.hotspots.mapping import Place
from overt.hotspots.precision import assess, lattice_of_degrees, lattice_of_metres

RNG = np.random.default_rng(1)


def lattice_of_points(n, pitch=0.001):
    """Return n offences at points about 110 m apart, each shared by many."""
    return (
        RNG.integers(0, 15, n) * pitch + RNG.uniform(0, 1e-9, 1),
        51 + RNG.integers(0, 15, n) * pitch,
    )


def judge(longitude, latitude, place=None, lattice_m=0.0, only_months=False):
    return assess(
        longitude, latitude, place or Place(), lattice_m=lattice_m, only_months=only_months
    )


def test_shared_points_far_apart_are_found_out():
    found = judge(*lattice_of_points(2_000))
    assert found.is_snapped
    assert found.finest_resolution == 9
    assert "offences a place" in found.reason


def test_a_declaration_needs_a_figure_against_the_evidence():
    places = lattice_of_points(2_000)
    assert judge(*places, Place(is_snapped=False)).is_snapped
    assert not judge(*places, Place(is_snapped=False, accuracy_m=10.0)).is_snapped


def test_addresses_shared_and_close_together_are_not_snapped():
    assert not judge(*lattice_of_points(2_000, pitch=0.0001)).is_snapped


def test_exact_places_are_not_snapped():
    found = judge(RNG.uniform(0, 1, 2_000), RNG.uniform(51, 52, 2_000))
    assert not found.is_snapped
    assert found.finest_resolution == 11


def test_a_declared_snap_needs_no_evidence():
    assert judge(np.array([0.1]), np.array([51.0]), Place(is_snapped=True)).finest_resolution == 9


@pytest.mark.parametrize(
    ("accuracy_m", "finest"), [(5.0, 11), (20.0, 10), (50.0, 9), (200.0, 8), (90_000.0, 5)]
)
def test_a_cell_is_four_times_as_wide_as_the_error(accuracy_m, finest):
    places = RNG.uniform(0, 1, 100), RNG.uniform(51, 52, 100)
    assert judge(*places, Place(accuracy_m=accuracy_m)).finest_resolution == finest


@pytest.mark.parametrize(("decimals", "pitch_m"), [(2, 1_112), (3, 111), (4, 11.1), (8, 0)])
def test_rounded_degrees_lie_on_a_lattice(decimals, pitch_m):
    places = (RNG.uniform(-1, 1, 500).round(decimals), RNG.uniform(51, 52, 500).round(decimals))
    assert lattice_of_degrees(*places) == pytest.approx(pitch_m, rel=0.01)


@pytest.mark.parametrize("pitch_m", [100, 10, 1])
def test_rounded_metres_lie_on_a_lattice_of_corners_or_of_centres(pitch_m):
    metres = RNG.integers(0, 500_000 // pitch_m, (2, 500)) * float(pitch_m)
    assert lattice_of_metres(*metres) == pitch_m
    if pitch_m > 1:
        assert lattice_of_metres(*(metres + pitch_m / 2)) in {pitch_m, pitch_m / 2}

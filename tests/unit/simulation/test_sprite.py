import numpy as np
import pytest

from overt.simulation.sprite import Softness, Sprite, lay


@pytest.fixture
def sprite() -> Sprite:
    rng = np.random.default_rng(3)
    bgr = rng.uniform(0, 255, (24, 16, 3)).astype(np.float32)
    return Sprite.from_straight(bgr, rng.uniform(0, 1, (24, 16)).astype(np.float32))


def moved(x: float, y: float, scale: float = 1.0) -> np.ndarray:
    return np.array([[scale, 0, x], [0, scale, y], [0, 0, 1]], np.float64)


def test_laying_equals_the_formula(sprite):
    frame = np.random.default_rng(4).integers(0, 256, (60, 80, 3), dtype=np.uint8)
    expected = frame.astype(np.float64)
    full = sprite.levels[0].astype(np.float64)
    part = expected[10:34, 20:36]
    part[:] = part * (1 - full[..., 3:] / 255) + full[..., :3]
    laid = lay(frame, sprite, moved(20, 10), 1.0, Softness())
    assert laid is not None
    assert np.abs(frame - expected).max() <= 1


def test_cover_is_known_at_points(sprite):
    frame = np.zeros((60, 80, 3), np.uint8)
    laid = lay(frame, sprite, moved(20, 10), 1.0, Softness())
    assert laid is not None
    points = np.array([[25.5, 15.5], [2.0, 2.0], [79.0, 59.0]])
    assert laid.cover_at(points) == pytest.approx([sprite.levels[0][5, 5, 3] / 255, 0, 0])


@pytest.mark.parametrize("at", [(-40, 10), (20, -60), (200, 10), (20, 200)])
def test_outside_the_frame_nothing_is_laid(sprite, at):
    frame = np.zeros((60, 80, 3), np.uint8)
    assert lay(frame, sprite, moved(*at), 1.0, Softness()) is None
    assert not frame.any()


@pytest.mark.parametrize("at", [(-8, 10), (72, 50), (20, -12)])
def test_across_an_edge_only_the_part_inside_is_laid(sprite, at):
    frame = np.zeros((60, 80, 3), np.uint8)
    laid = lay(frame, sprite, moved(*at), 1.0, Softness(1.5, 4.0))
    assert laid is not None
    left, top, right, bottom = laid.region
    assert laid.alpha.shape == (bottom - top, right - left)
    assert frame.any()


def test_a_smaller_copy_is_used_far_away(sprite):
    frame = np.zeros((60, 80, 3), np.uint8)
    laid = lay(frame, sprite, moved(30, 30, 0.3), 1.0, Softness())
    assert laid is not None
    assert laid.region[2] - laid.region[0] < 10


def test_light_goes_through_the_table():
    table = np.full((1, 256, 3), 80, np.uint8)
    flat = Sprite.from_straight(
        np.full((8, 8, 3), 200, np.float32), np.ones((8, 8), np.float32), table
    )
    assert (flat.levels[0][..., :3] == 80).all()

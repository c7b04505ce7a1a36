"""What is true of the alignment, whatever the landmarks."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from overt.core.frame import ArrayPicture
from overt.vision.align import ARCFACE_POINTS_PX, CROP_SIZE_PX, align, similarity_transform

scales = st.floats(0.05, 20)
angles = st.floats(-np.pi, np.pi)
shifts = st.floats(-2000, 2000)
jitter = arrays(np.float64, (5, 2), elements=st.floats(-12, 12))


def transform_of(scale, angle, x, y):
    rotation = scale * np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return rotation, np.array([x, y])


def error_of(matrix, points):
    landed = points.astype(np.float64) @ matrix[:, :2].T + matrix[:, 2]
    return float(np.square(landed - ARCFACE_POINTS_PX).sum())


@given(scales, angles, shifts, shifts)
def test_exact_data_land_exactly(scale, angle, x, y):
    rotation, shift = transform_of(scale, angle, x, y)
    points = (ARCFACE_POINTS_PX @ rotation.T + shift).astype(np.float32)
    assert error_of(similarity_transform(points), points) < 1e-2


@given(jitter, scales, angles, shifts, shifts)
def test_moving_the_face_moves_the_transform_with_it(jitter, scale, angle, x, y):
    points = ARCFACE_POINTS_PX + jitter
    rotation, shift = transform_of(scale, angle, x, y)
    whole = np.vstack([np.column_stack([rotation, shift]), [0, 0, 1]])
    expected = similarity_transform(points) @ np.linalg.inv(whole)
    found = similarity_transform(points @ rotation.T + shift)
    np.testing.assert_allclose(found, expected, rtol=1e-6, atol=1e-5)


@given(jitter, st.floats(-0.05, 0.05), st.floats(-0.05, 0.05), shifts.map(lambda v: v / 500))
def test_no_other_similarity_lands_closer(jitter, turn, growth, shift):
    points = ARCFACE_POINTS_PX + jitter
    best = similarity_transform(points)
    rotation, _ = transform_of(1 + growth, turn, 0, 0)
    other = rotation @ best + [[0, 0, shift], [0, 0, -shift]]
    assert error_of(best, points) <= error_of(other, points) + 1e-6


@given(arrays(np.float32, (5, 2), elements=st.floats(width=32)))
def test_any_landmarks_give_a_crop(points):
    picture = ArrayPicture(np.full((40, 60, 3), 99, np.uint8))
    crop = align(picture, points)
    assert crop.shape == (CROP_SIZE_PX, CROP_SIZE_PX, 3)


@given(arrays(np.float32, (5, 2), elements=st.floats(-500, 500, width=32)))
def test_a_crop_shows_nothing_brighter_than_the_picture(points):
    picture = ArrayPicture(np.full((40, 60, 3), 99, np.uint8))
    assert align(picture, points).max() <= 99

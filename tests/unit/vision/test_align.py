import cv2
import numpy as np
import pytest

from overt.core.frame import ArrayPicture
from overt.vision.align import ARCFACE_POINTS_PX, CROP_SIZE_PX, align, similarity_transform


def moved(points, scale=1.0, degrees=0.0, shift=(0.0, 0.0)):
    angle = np.radians(degrees)
    rotation = np.array([[np.cos(angle), -np.sin(angle)], [np.sin(angle), np.cos(angle)]])
    return (scale * points @ rotation.T + np.array(shift)).astype(np.float32)


def as_image_transform(scale, degrees, shift):
    return np.column_stack(
        [moved(np.eye(2), scale, degrees).T.astype(np.float64), np.array(shift, np.float64)]
    )


def test_the_template_itself_needs_no_change():
    matrix = similarity_transform(ARCFACE_POINTS_PX.astype(np.float32))
    np.testing.assert_allclose(matrix, [[1, 0, 0], [0, 1, 0]], atol=1e-4)


@pytest.mark.parametrize("scale", [0.05, 0.5, 3.0, 20.0])
@pytest.mark.parametrize("degrees", [-170, -30, 0, 90])
def test_it_is_opencvs_transform_on_exact_data(scale, degrees):
    points = moved(ARCFACE_POINTS_PX, scale, degrees, (300, -40))
    theirs, _ = cv2.estimateAffinePartial2D(points, ARCFACE_POINTS_PX)
    np.testing.assert_allclose(similarity_transform(points), theirs, rtol=1e-3, atol=2e-3)


def test_it_is_scikit_images_transform_on_any_data():
    transform = pytest.importorskip("skimage.transform")
    rng = np.random.default_rng(3)
    for _ in range(20):
        points = (ARCFACE_POINTS_PX * rng.uniform(0.2, 5) + rng.normal(0, 8, (5, 2))).astype(
            np.float32
        )
        theirs = transform.SimilarityTransform.from_estimate(points, ARCFACE_POINTS_PX)
        np.testing.assert_allclose(similarity_transform(points), theirs.params[:2], atol=1e-4)


def test_a_mirrored_face_is_never_mirrored_back():
    mirrored = ARCFACE_POINTS_PX[:, :] * [-1, 1]
    assert np.linalg.det(similarity_transform(mirrored.astype(np.float32))[:, :2]) >= 0


def dots(points, size):
    """A picture with a soft white dot on each landmark."""
    canvas = np.zeros((*size, 3), np.uint8)
    spread = 0.025 * np.linalg.norm(points[0] - points[1]) + 1.2
    rows, columns = np.mgrid[: size[0], : size[1]]
    for x, y in points:
        glow = 255 * np.exp(-((columns - x) ** 2 + (rows - y) ** 2) / (2 * spread**2))
        canvas = np.maximum(canvas, glow[..., None].astype(np.uint8))
    return canvas


@pytest.mark.parametrize("scale", [0.35, 0.8, 1.0, 2.1, 4.0, 7.9])
@pytest.mark.parametrize("degrees", [0, 25, -140])
def test_the_landmarks_land_on_the_template(scale, degrees):
    centred = ARCFACE_POINTS_PX - ARCFACE_POINTS_PX.mean(axis=0)
    side = int(150 * scale) + 40
    points = moved(centred, scale, degrees, (side / 2 + 3.3, side / 2 - 1.7))
    crop = align(ArrayPicture(dots(points, (side, side + 9))), points)
    grey = crop[..., 0].astype(np.float64)
    rows, columns = np.mgrid[:CROP_SIZE_PX, :CROP_SIZE_PX]
    for x, y in ARCFACE_POINTS_PX:
        near = grey * (np.hypot(columns - x, rows - y) < 8)
        assert near.sum() > 0
        found = np.array([(near * columns).sum(), (near * rows).sum()]) / near.sum()
        assert np.hypot(*(found - [x, y])) < 0.3


def transformed(hopper, scale, degrees):
    centre = np.array([256.0, 256.0])
    matrix = as_image_transform(scale, degrees, (0, 0))
    matrix[:, 2] = [300, 300] - matrix[:, :2] @ centre
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.warpAffine(hopper, matrix, (600, 600), flags=how), matrix


@pytest.mark.parametrize(("scale", "degrees"), [(1, 20), (1, -75), (1.4, 5), (1.2, 160)])
def test_turning_and_scaling_the_picture_does_not_change_the_crop(hopper, faces, scale, degrees):
    points = faces["grace-hopper"].landmarks_px[0]
    picture, matrix = transformed(hopper, scale, degrees)
    turned = (points @ matrix[:, :2].T + matrix[:, 2]).astype(np.float32)
    before = align(ArrayPicture(hopper), points).astype(np.float64)
    after = align(ArrayPicture(picture), turned).astype(np.float64)
    assert np.abs(before - after)[8:-8, 8:-8].mean() < 4


def test_the_crop_belongs_to_the_caller(hopper, faces):
    picture = ArrayPicture(hopper.copy())
    crop = align(picture, faces["grace-hopper"].landmarks_px[0])
    assert crop.shape == (CROP_SIZE_PX, CROP_SIZE_PX, 3)
    assert crop.dtype == np.uint8
    crop.fill(0)
    np.testing.assert_array_equal(picture.bgr, hopper)


def test_a_face_past_the_edge_is_black_there():
    white = ArrayPicture(np.full((80, 80, 3), 255, np.uint8))
    points = (ARCFACE_POINTS_PX - [56, 0]).astype(np.float32)  # the left half lies outside
    crop = align(white, points)
    assert not crop[:, :54].any()
    assert np.all(crop[:75, 58:] == 255)
    assert not crop[82:].any()


@pytest.mark.parametrize("shift", [(5000, 0), (0, 5000), (-5000, -5000), (1e7, 1e7)], ids=str)
def test_a_face_outside_the_picture_is_black(hopper, shift):
    points = (ARCFACE_POINTS_PX + shift).astype(np.float32)
    assert not align(ArrayPicture(hopper), points).any()


@pytest.mark.parametrize("factor", [1, 2, 5, 9, 16, 30])
@pytest.mark.parametrize("degrees", [0, 45])
def test_a_crop_inside_the_picture_has_no_dark_rim(factor, degrees):
    side = 200 * factor
    white = ArrayPicture(np.full((side, side, 3), 255, np.uint8))
    centred = ARCFACE_POINTS_PX - 55.5
    points = moved(centred, factor * 1.013, degrees, (side / 2 + 0.37, side / 2 + 0.61))
    assert np.all(align(white, points) == 255)


@pytest.mark.parametrize("factor", [2.05, 2.9, 4.0, 7.3, 12.0])
def test_a_large_face_is_averaged_down_not_sampled(factor):
    """Compared with sampling 256 places in each pixel of the crop; noise shows any aliasing."""
    rng = np.random.default_rng(5)
    side = int(130 * factor)
    coarse = rng.integers(30, 226, (40, 40, 3)).astype(np.uint8)
    picture = cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC)
    noise = rng.normal(0, 40, (side, side, 1))
    picture = np.clip(picture + noise, 0, 255).astype(np.uint8)
    points = (ARCFACE_POINTS_PX * factor + [3.2, 5.7]).astype(np.float32)
    matrix = similarity_transform(points)
    finer = 16 * matrix
    finer[:, 2] += 7.5
    dense = cv2.warpAffine(picture, finer, (16 * CROP_SIZE_PX,) * 2, flags=cv2.INTER_LINEAR)
    best = cv2.resize(dense, (CROP_SIZE_PX,) * 2, interpolation=cv2.INTER_AREA).astype(np.float64)
    sampled = cv2.warpAffine(picture, matrix, (CROP_SIZE_PX,) * 2, flags=cv2.INTER_LINEAR)
    inner = np.s_[4:-4, 4:-4]
    error = np.sqrt(np.mean((align(ArrayPicture(picture), points) - best)[inner] ** 2))
    aliased = np.sqrt(np.mean((sampled - best)[inner] ** 2))
    assert error < 0.5 * aliased


@pytest.mark.parametrize(
    "points",
    [
        np.zeros((5, 2)),
        np.full((5, 2), 77.7),
        np.full((5, 2), 1e30),
        np.full((5, 2), np.nan),
        np.full((5, 2), np.inf),
        np.vstack([ARCFACE_POINTS_PX[:4], [[np.nan, 3]]]),
        ARCFACE_POINTS_PX * 1e-9,
        ARCFACE_POINTS_PX * 1e9,
        ARCFACE_POINTS_PX * [0, 1],
        ARCFACE_POINTS_PX * [-1, 1],
    ],
    ids=["zero", "one-place", "far", "nan", "inf", "one-nan", "tiny", "huge", "line", "mirrored"],
)
def test_degenerate_landmarks_give_a_crop_and_no_error(hopper, points):
    crop = align(ArrayPicture(hopper), points.astype(np.float32))
    assert crop.shape == (CROP_SIZE_PX, CROP_SIZE_PX, 3)


@pytest.mark.parametrize("points", [np.full((5, 2), 77.7), np.full((5, 2), np.nan)], ids=str)
def test_a_face_without_extent_is_black(hopper, points):
    assert not align(ArrayPicture(hopper), points.astype(np.float32)).any()


@pytest.mark.parametrize("size", [(0, 0), (1, 1), (3, 200)])
def test_the_smallest_pictures_give_a_crop(size):
    picture = ArrayPicture(np.full((*size, 3), 200, np.uint8))
    crop = align(picture, ARCFACE_POINTS_PX.astype(np.float32))
    assert crop.shape == (CROP_SIZE_PX, CROP_SIZE_PX, 3)

"""The two pictures of an alert: the face, and the scene in which everybody else is pixelated."""

import numpy as np

from overt.alerts.alert import AlertPictures
from overt.core.arrays import BgrImage, Boxes
from overt.core.detections import Detections
from overt.core.frame import Frame, clip_region
from overt.vision.pixelate import pixelate

FACE_MARGIN = 0.45
"""How far the face picture reaches past the detector's box, as a share of its size."""

SCENE_WIDTH_PX = 640


def alert_pictures(frame: Frame, detections: Detections, face: int) -> AlertPictures:
    """Return the pictures for the face with index ``face``; all other faces are pixelated."""
    others = np.delete(detections.boxes_px, face, axis=0)
    return AlertPictures(_face(frame, detections.boxes_px[face], others), _scene(frame, others))


def _face(frame: Frame, box_px: np.ndarray, others_px: Boxes) -> BgrImage:
    picture = frame.picture
    margin = FACE_MARGIN * (box_px[2:] - box_px[:2])
    low, high = np.floor(box_px[:2] - margin), np.ceil(box_px[2:] + margin)
    region = clip_region(
        (int(low[0]), int(low[1]), int(high[0]), int(high[1])),
        picture.width_px,
        picture.height_px,
    )
    crop = np.array(picture.crop(*region))
    origin = np.array([region[0], region[1]] * 2, np.float32)
    pixelate(crop, _outside(others_px, box_px) - origin)
    return crop


def _outside(others_px: Boxes, box_px: np.ndarray) -> Boxes:
    """Return the other boxes; one that lies mostly on the alerted face would hide it."""
    centre = (others_px[:, :2] + others_px[:, 2:]) / 2
    inside = np.all((centre > box_px[:2]) & (centre < box_px[2:]), axis=1)
    return np.asarray(others_px[~inside], np.float32)


def _scene(frame: Frame, others_px: Boxes) -> BgrImage:
    picture = frame.picture
    width = min(SCENE_WIDTH_PX, picture.width_px)
    height = max(1, round(picture.height_px * width / picture.width_px))
    scene = np.array(picture.scaled(width, height))
    pixelate(scene, others_px * np.float32(width / picture.width_px))
    return scene

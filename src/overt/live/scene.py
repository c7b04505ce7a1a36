"""The two pictures of an alert: the face, and the scene in which everybody else is pixelated."""

import cv2
import numpy as np

from overt.alerts.alert import AlertPictures
from overt.core.arrays import BgrImage, Box, Boxes
from overt.core.detections import Detections
from overt.core.frame import Frame, clip_region
from overt.vision.pixelate import pixelate

FACE_MARGIN = 0.45
"""How far the face picture reaches past the detector's box, as a share of its size."""

SCENE_WIDTH_PX = 640
MARK_BGR = (40, 190, 255)


def alert_pictures(frame: Frame, detections: Detections, face: int) -> AlertPictures:
    """Return the pictures for the face with index ``face``; all other faces are pixelated."""
    others = np.delete(detections.boxes_px, face, axis=0)
    own = detections.boxes_px[face]
    return AlertPictures(_face(frame, own, others), _scene(frame, own, others))


def _face(frame: Frame, box_px: Box, others_px: Boxes) -> BgrImage:
    picture = frame.picture
    margin = FACE_MARGIN * (box_px[2:] - box_px[:2])
    low, high = np.floor(box_px[:2] - margin), np.ceil(box_px[2:] + margin)
    region = clip_region(
        (int(low[0]), int(low[1]), int(high[0]), int(high[1])),
        picture.width_px,
        picture.height_px,
    )
    clear = picture.crop(*region)
    crop = np.array(clear)
    origin = np.array([region[0], region[1]] * 2, np.float32)
    others = _outside(others_px, box_px) - origin
    pixelate(crop, others)
    # The margin of a neighbour must not hide the face that is to be judged; the neighbour must be.
    left, top, right, bottom = (max(0, int(v)) for v in box_px - origin)
    crop[top:bottom, left:right] = clear[top:bottom, left:right]
    pixelate(crop, others, margin=0.0)
    return crop


def _outside(others_px: Boxes, box_px: Box) -> Boxes:
    """Return the other boxes; one that lies mostly on the alerted face would hide it."""
    centre = (others_px[:, :2] + others_px[:, 2:]) / 2
    inside = np.all((centre > box_px[:2]) & (centre < box_px[2:]), axis=1)
    return np.asarray(others_px[~inside], np.float32)


def _scene(frame: Frame, box_px: Box, others_px: Boxes) -> BgrImage:
    """Return the thumbnail, with a frame drawn around the face that alerted."""
    picture = frame.picture
    width = min(SCENE_WIDTH_PX, picture.width_px)
    height = max(1, round(picture.height_px * width / picture.width_px))
    scene = np.array(picture.scaled(width, height))
    scale = np.float32(width / picture.width_px)
    pixelate(scene, others_px * scale)
    low, high = np.floor(box_px[:2] * scale) - 3, np.ceil(box_px[2:] * scale) + 3
    corners = [(int(x), int(y)) for x, y in (low, high)]
    cv2.rectangle(scene, corners[0], corners[1], MARK_BGR, 2)
    return scene

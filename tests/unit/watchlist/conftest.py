"""Pictures as people would hand them in."""

import cv2
import numpy as np
import pytest

from overt.watchlist.enrol import Enroller


def png(picture) -> bytes:
    return cv2.imencode(".png", picture)[1].tobytes()


@pytest.fixture(scope="session")
def enroller(models):
    return Enroller(models.still_detector, models.embedder)


@pytest.fixture(scope="session")
def pictures(portraits):
    """Files by what they show."""
    hopper, collins = portraits["grace-hopper"], portraits["eileen-collins"]
    side_by_side = np.hstack([cv2.resize(hopper[:512], (256, 256)), collins[30:286, 96:352]])
    background = hopper.copy()
    background[8:72, 440:504] = cv2.resize(collins[20:320, 80:380], (64, 64), None, 0, 0, 3)
    small = np.full((200, 200, 3), 110, np.uint8)
    small[60:116, 60:116] = cv2.resize(hopper[60:560], (56, 56), None, 0, 0, cv2.INTER_AREA)
    soft = cv2.resize(hopper, (110, 129), None, 0, 0, cv2.INTER_AREA)
    return {
        "hopper": png(hopper),
        "hopper again": png(cv2.flip(hopper, 1)),
        "collins": png(collins),
        "two": png(side_by_side),
        "somebody behind": png(background),
        "nobody": png(np.full((300, 300, 3), 128, np.uint8)),
        "small": png(small),
        "dark": png((hopper * 0.05).astype(np.uint8)),
        "poor": png(soft),
        "broken": png(hopper)[:-2000],
        "no picture": b"GIF89a but not really",
    }

"""Pictures as JPEG, in memory only.

Must not: use a file, temporary or other.
"""

from typing import Final

import cv2
import numpy as np

from overt.core.arrays import BgrImage
from overt.core.errors import InputError, IntegrityError

JPEG_QUALITY: Final = 92


def encode_jpeg(picture: BgrImage) -> bytes:
    """Return the picture as JPEG.

    Raises:
        InputError: it is larger than a JPEG can be.
    """
    try:
        done, data = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    except cv2.error as error:
        raise InputError("A picture is too large to be kept as a JPEG.") from error
    if not done:
        raise InputError("A picture cannot be kept as a JPEG.")
    return data.tobytes()


def decode_jpeg(data: bytes) -> BgrImage:
    """Return a picture of ours.

    Raises:
        IntegrityError: the bytes are not a JPEG.
    """
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR) if data else None
    if picture is None:
        raise IntegrityError("A picture that the store keeps is not a JPEG.")
    return np.asarray(picture, np.uint8)

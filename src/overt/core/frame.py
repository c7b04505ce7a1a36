"""A frame and its picture: what a camera hands to the pipeline."""

from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import cv2
import numpy as np

from overt.core.arrays import BgrImage, GreyImage
from overt.core.ids import CameraId


class Picture(Protocol):
    """Pixels that need not be converted as a whole: a decoded frame or a still picture.

    All sizes are in pixels. A region is clipped to the picture; an empty one gives a 0 × 0 array.
    """

    @property
    def width_px(self) -> int:
        """Width of the full picture."""
        ...

    @property
    def height_px(self) -> int:
        """Height of the full picture."""
        ...

    def scaled(self, width_px: int, height_px: int) -> BgrImage:
        """Return the whole picture at the given size, as the detector wants it."""
        ...

    def crop(self, left_px: int, top_px: int, right_px: int, bottom_px: int) -> BgrImage:
        """Return a region at full resolution, an array of its own that may be overwritten."""
        ...

    def crop_grey(self, left_px: int, top_px: int, right_px: int, bottom_px: int) -> GreyImage:
        """Return the brightness of a region at full resolution, 0 black to 255 white."""
        ...


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame of one camera.

    Attributes:
        camera: which camera.
        sequence: counts up from 0 for each camera and never repeats, also across reconnects; a
            gap is a declared drop.
        captured_utc: when it was taken: for a live camera when it arrived here, for a recording
            the run's start plus ``media_time_s``.
        media_time_s: the stream's own presentation time in seconds from its first frame.
        arrived_s: monotonic seconds when it was decoded here; latency is measured from it.
        picture: its pixels.
    """

    camera: CameraId
    sequence: int
    captured_utc: datetime
    media_time_s: float
    arrived_s: float
    picture: Picture


def clip_region(
    region: tuple[int, int, int, int], width_px: int, height_px: int
) -> tuple[int, int, int, int]:
    """Return ``region`` (left, top, right, bottom) cut to a picture of the given size."""
    left, top, right, bottom = region
    left, right = (min(max(v, 0), width_px) for v in (left, right))
    top, bottom = (min(max(v, 0), height_px) for v in (top, bottom))
    return left, top, max(left, right), max(top, bottom)


@dataclass(frozen=True, slots=True, eq=False)
class ArrayPicture:
    """A picture that is already an array, such as a decoded still.

    Attributes:
        bgr: the pixels.
    """

    bgr: BgrImage = field(repr=False)

    def __post_init__(self) -> None:
        """Check the array once, here."""
        if self.bgr.ndim != 3 or self.bgr.shape[2] != 3 or self.bgr.dtype != np.uint8:
            raise ValueError(
                f"expected a height × width × 3 uint8 array, got {self.bgr.shape} {self.bgr.dtype}"
            )

    @property
    def width_px(self) -> int:
        """See :class:`Picture`."""
        return int(self.bgr.shape[1])

    @property
    def height_px(self) -> int:
        """See :class:`Picture`."""
        return int(self.bgr.shape[0])

    def scaled(self, width_px: int, height_px: int) -> BgrImage:
        """See :meth:`Picture.scaled`."""
        if (width_px, height_px) == (self.width_px, self.height_px):
            return self.bgr
        shrinks = width_px < self.width_px
        how = cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR
        return np.asarray(cv2.resize(self.bgr, (width_px, height_px), interpolation=how), np.uint8)

    def crop(self, left_px: int, top_px: int, right_px: int, bottom_px: int) -> BgrImage:
        """See :meth:`Picture.crop`."""
        left, top, right, bottom = clip_region(
            (left_px, top_px, right_px, bottom_px), self.width_px, self.height_px
        )
        return self.bgr[top:bottom, left:right].copy()

    def crop_grey(self, left_px: int, top_px: int, right_px: int, bottom_px: int) -> GreyImage:
        """See :meth:`Picture.crop_grey`."""
        region = self.crop(left_px, top_px, right_px, bottom_px)
        if region.size == 0:
            return np.zeros((0, 0), np.uint8)
        return np.asarray(cv2.cvtColor(region, cv2.COLOR_BGR2GRAY), np.uint8)

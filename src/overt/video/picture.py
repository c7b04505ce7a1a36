"""A decoded frame as a picture, without converting the whole of it.

A detector wants a small copy of the frame and an embedder a few small regions at full resolution,
so converting two million pixels to BGR would be work thrown away. Regions are converted from the
planes that the decoder left; the small copy is shrunk plane by plane and converted when small.

Invariants: the picture is read-only and may be read from several threads; it holds a reference to
the decoder's buffers, which are therefore not reused while it lives.
Must not: open a container or a camera, or keep a picture beyond its owner.
"""

import threading
from typing import Any

import av
import cv2
import numpy as np
from av.video.plane import VideoPlane
from av.video.reformatter import Interpolation, VideoReformatter
from numpy.typing import NDArray

from overt.core.arrays import BgrImage, GreyImage
from overt.core.frame import ArrayPicture, clip_region
from overt.video.colour import bgr_from_ycc, grey_from_luma

_SUBSAMPLING = {
    "yuv420p": (1, 1),
    "yuvj420p": (1, 1),
    "nv12": (1, 1),
    "yuv422p": (1, 0),
    "yuvj422p": (1, 0),
    "yuv444p": (0, 0),
    "yuvj444p": (0, 0),
}
"""Eight-bit layouts that are read from their planes: colour is halved this often across, down."""

_FULL_RANGE = 2  # H.273 VideoFullRangeFlag as FFmpeg numbers it (AVCOL_RANGE_JPEG)

_QUALITY = Interpolation.AREA | Interpolation.FULL_CHR_H_INT | Interpolation.ACCURATE_RND


class Swscale:
    """One swscale context, shared by the pictures of a reader; calls take turns.

    swscale marks the frame that it reads while it runs, so turns are needed for the frame's sake
    as well as for the context's.
    """

    def __init__(self) -> None:
        self._reformatter = VideoReformatter()
        self._turn = threading.Lock()

    def bgr(self, frame: av.VideoFrame, width_px: int, height_px: int) -> BgrImage:
        """Return the whole of ``frame`` as BGR at the given size."""
        with self._turn:
            small = self._reformatter.reformat(
                frame, width_px, height_px, "bgr24", interpolation=_QUALITY, threads=1
            )
            pixels = np.ascontiguousarray(small.to_ndarray(), np.uint8)
            return pixels.copy() if small is frame else pixels


class _Planes:
    """Brightness and colour differences of one frame, as views of the decoder's own memory."""

    def __init__(self, frame: av.VideoFrame) -> None:
        """Take views; raises ``LookupError`` for a layout or matrix that is not in the tables."""
        name = frame.format.name
        self.subsampling = _SUBSAMPLING[name]
        full_range = name.startswith("yuvj") or frame.color_range == _FULL_RANGE
        matrix = bgr_from_ycc(frame.colorspace, full_range=full_range)
        if matrix is None or any(plane.line_size <= 0 for plane in frame.planes):
            raise LookupError(name)
        self.matrix = matrix
        self.stretch = None if full_range else grey_from_luma(full_range=False)
        across, down = self.subsampling
        colour_width, colour_height = -(-frame.width >> across), -(-frame.height >> down)
        rows = [_rows_of(plane) for plane in frame.planes]
        self.luma: GreyImage = rows[0][: frame.height, : frame.width]
        if name == "nv12":
            pairs = rows[1][:colour_height, : 2 * colour_width]
            self.colour = [pairs.reshape(colour_height, colour_width, 2)]
        else:
            self.colour = [plane[:colour_height, :colour_width] for plane in rows[1:3]]

    def region(self, left: int, top: int, right: int, bottom: int) -> BgrImage:
        """Convert one region, which lies inside the frame and is not empty."""
        across, down = self.subsampling
        first_x, first_y = left >> across, top >> down
        last_x, last_y = -(-right >> across), -(-bottom >> down)
        skip_x, skip_y = left - (first_x << across), top - (first_y << down)
        size = ((last_x - first_x) << across, (last_y - first_y) << down)
        inside = np.s_[skip_y : skip_y + bottom - top, skip_x : skip_x + right - left]
        enlarged = [
            np.asarray(
                cv2.resize(
                    plane[first_y:last_y, first_x:last_x], size, interpolation=cv2.INTER_NEAREST
                ),
                np.uint8,
            )
            for plane in self.colour
        ]
        bands = [self.luma[top:bottom, left:right], *(each[inside] for each in enlarged)]
        merged = np.asarray(cv2.merge(bands), np.uint8)
        region = self._convert(merged)
        for each in (merged, *enlarged):  # copies of what may be a face
            each.fill(0)
        return region

    def shrunk(self, width_px: int, height_px: int) -> BgrImage | None:
        """Shrink each plane for itself, or return ``None`` where that would alias or enlarge."""
        height, width = self.luma.shape
        if width_px > width or height_px > height:
            return None
        size = (width_px, height_px)
        shrunk = [_resized(plane, size) for plane in (self.luma, *self.colour)]
        bands = [plane for plane in shrunk if plane is not None]
        if len(bands) < len(shrunk):
            return None
        return self._convert(np.asarray(cv2.merge(bands), np.uint8))

    def _convert(self, merged: NDArray[np.uint8]) -> BgrImage:
        return np.asarray(cv2.transform(merged, self.matrix), np.uint8)


def _rows_of(plane: VideoPlane) -> GreyImage:
    """View the memory of a plane as rows, padding included."""
    memory: Any = plane  # its stub does not say that it is a buffer
    return np.frombuffer(memory, np.uint8).reshape(-1, plane.line_size)


def _resized(plane: GreyImage, size: tuple[int, int]) -> GreyImage | None:
    """Average whole blocks as far as they divide the plane, and interpolate the rest.

    Returns:
        The plane at ``size`` (width, height), or ``None`` if interpolation would skip pixels.
    """
    height, width = plane.shape[:2]
    shrinks_by = min(width / size[0], height / size[1])
    blocks = [k for k in range(2, int(shrinks_by) + 1) if width % k == 0 and height % k == 0]
    block = blocks[-1] if blocks else 1
    if max(width / size[0], height / size[1]) > 2 * block:
        return None
    if block > 1:
        whole = (width // block, height // block)
        plane = np.asarray(cv2.resize(plane, whole, interpolation=cv2.INTER_AREA), np.uint8)
    if plane.shape[1::-1] == size:
        return plane
    return np.asarray(cv2.resize(plane, size, interpolation=cv2.INTER_LINEAR), np.uint8)


class DecodedPicture:
    """A :class:`overt.core.frame.Picture` over a decoded frame.

    A rotation by a multiple of 90 degrees that the stream asks for is applied: sizes and regions
    are those of the upright picture. Other rotations and mirroring are not applied.
    """

    def __init__(self, frame: av.VideoFrame, swscale: Swscale | None = None) -> None:
        self._frame = frame
        self._swscale = swscale or Swscale()
        self._turns = round(frame.rotation / 90) % 4 if frame.rotation % 90 == 0 else 0
        self._source_size = (frame.width, frame.height)
        self._converted: ArrayPicture | None = None
        self._converting = threading.Lock()
        try:
            self._planes: _Planes | None = _Planes(frame)
        except LookupError:
            self._planes = None

    @property
    def width_px(self) -> int:
        """See :class:`overt.core.frame.Picture`."""
        return self._source_size[self._turns % 2]

    @property
    def height_px(self) -> int:
        """See :class:`overt.core.frame.Picture`."""
        return self._source_size[1 - self._turns % 2]

    def scaled(self, width_px: int, height_px: int) -> BgrImage:
        """See :meth:`overt.core.frame.Picture.scaled`."""
        sideways = self._turns % 2 == 1
        width, height = (height_px, width_px) if sideways else (width_px, height_px)
        small = self._planes.shrunk(width, height) if self._planes else None
        if small is None:
            small = self._swscale.bgr(self._frame, width, height)
        return self._upright(small)

    def crop(self, left_px: int, top_px: int, right_px: int, bottom_px: int) -> BgrImage:
        """See :meth:`overt.core.frame.Picture.crop`."""
        region = self._source_region((left_px, top_px, right_px, bottom_px))
        if region is None:
            return np.zeros((0, 0, 3), np.uint8)
        if self._planes is None:
            return self._upright(self._whole().crop(*region))
        return self._upright(self._planes.region(*region))

    def crop_grey(self, left_px: int, top_px: int, right_px: int, bottom_px: int) -> GreyImage:
        """See :meth:`overt.core.frame.Picture.crop_grey`."""
        region = self._source_region((left_px, top_px, right_px, bottom_px))
        if region is None:
            return np.zeros((0, 0), np.uint8)
        if self._planes is None:
            return self._upright(self._whole().crop_grey(*region))
        left, top, right, bottom = region
        luma = self._planes.luma[top:bottom, left:right]
        if self._planes.stretch is None:
            return self._upright(luma.copy())
        return self._upright(np.asarray(cv2.LUT(luma, self._planes.stretch), np.uint8))

    def _source_region(self, region: tuple[int, int, int, int]) -> tuple[int, int, int, int] | None:
        """Map a region of the upright picture to the decoded frame, or ``None`` if it is empty."""
        left, top, right, bottom = clip_region(region, self.width_px, self.height_px)
        if left == right or top == bottom:
            return None
        width, height = self._source_size
        match self._turns:
            case 1:
                return width - bottom, left, width - top, right
            case 2:
                return width - right, height - bottom, width - left, height - top
            case 3:
                return top, height - right, bottom, height - left
            case _:
                return left, top, right, bottom

    def _upright(self, pixels: BgrImage | GreyImage) -> BgrImage:
        """Turn an array of our own; what lay in the source's order is overwritten."""
        if not self._turns:
            return pixels
        turned = np.array(np.rot90(pixels, self._turns), order="C")
        pixels.fill(0)
        return turned

    def _whole(self) -> ArrayPicture:
        """Convert the whole frame, once; for layouts that are not read from their planes."""
        with self._converting:
            if self._converted is None:
                self._converted = ArrayPicture(self._swscale.bgr(self._frame, *self._source_size))
            return self._converted

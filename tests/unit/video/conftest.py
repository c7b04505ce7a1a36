"""Synthesises small videos, so that every test knows exactly what is in them."""

from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

FPS = 25


def paint(index: int, width_px: int, height_px: int) -> np.ndarray:
    """Draw frame ``index``: a smooth background, fine texture and a square that wanders."""
    y, x = np.mgrid[0:height_px, 0:width_px]
    blue = 40 + 150 * x / width_px
    green = 40 + 150 * y / height_px
    red = 200 - 120 * (x + y) / (width_px + height_px)
    picture = np.stack([blue, green, red], axis=-1).astype(np.uint8)
    texture = np.random.default_rng(7).integers(0, 30, (height_px, width_px, 1), np.uint8)
    picture = cv2.add(picture, np.repeat(texture, 3, axis=2))
    left = (8 * index) % max(width_px - 40, 1)
    cv2.rectangle(picture, (left, 20), (left + 30, 50), (30, 60, 220), -1)
    return picture


class Film:
    """Writes videos into a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def make(
        self,
        name: str,
        *,
        n_frames: int = 20,
        size_px: tuple[int, int] = (160, 120),
        codec: str = "libx264",
        pix_fmt: str = "yuv420p",
        matrix: int | None = None,
        colour_range: int | None = None,
        times: Sequence[int] | None = None,
        display_turn_degrees: float | None = None,
        container_options: dict[str, str] | None = None,
    ) -> Path:
        """Encode ``n_frames`` painted frames at 25 a second, or at ``times`` in 1/25 s."""
        path = self.folder / name
        codec_options = {"g": "5", "crf": "18"} if codec == "libx264" else {}
        with av.open(str(path), "w", options=container_options or {}) as container:
            stream = container.add_stream(codec, rate=FPS, options=codec_options)
            stream.width, stream.height = size_px
            stream.pix_fmt = pix_fmt
            if matrix is not None:
                stream.colorspace = matrix
            if colour_range is not None:
                stream.color_range = colour_range
            if display_turn_degrees is not None:
                stream.set_display_rotation(display_turn_degrees)
            for index in range(n_frames):
                frame = av.VideoFrame.from_ndarray(paint(index, *size_px), format="bgr24")
                frame = frame.reformat(
                    format=pix_fmt, dst_colorspace=matrix, dst_color_range=colour_range
                )
                frame.pts = index if times is None else times[index]
                frame.time_base = Fraction(1, FPS)
                container.mux(stream.encode(frame))
            container.mux(stream.encode(None))
        return path


@pytest.fixture
def film(tmp_path) -> Film:
    return Film(tmp_path)


@pytest.fixture
def decode_one() -> Callable[[Path], av.VideoFrame]:
    """Return the third frame of a video, decoded by PyAV alone."""

    def decode(path: Path) -> av.VideoFrame:
        with av.open(str(path)) as container:
            return list(container.decode(video=0))[2]

    return decode

"""Writes H.264 video from BGR frames, for simulations and tests.

Invariants: the file appears under its name only when it is complete; an abandoned writer leaves
nothing behind.
"""

import contextlib
from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, TypeAlias

import av
import numpy as np
from av.video.frame import VideoFrame

from overt.core.arrays import BgrImage
from overt.core.errors import StorageError

VideoCodec: TypeAlias = Literal["libx264", "libx265", "mpeg4"]
"""Encoders by FFmpeg's names."""

_BT601 = 6  # H.273 MatrixCoefficients SMPTE 170M, which swscale converts BGR with
_LIMITED = 1


class VideoWriter:
    """Encodes frames one by one; use it as a context manager.

    Left without an error, the file is moved to its name; left with one, it is removed.
    """

    def __init__(
        self,
        path: Path,
        width_px: int,
        height_px: int,
        fps: float,
        *,
        crf: int = 23,
        preset: str = "veryfast",
        codec: VideoCodec = "libx264",
    ) -> None:
        """Begin a file beside ``path``.

        Args:
            path: where the finished video goes, ending in ``.mp4``, ``.mkv`` or similar.
            width_px: width, even.
            height_px: height, even.
            fps: frames a second.
            crf: constant rate factor, 0 best to 51.
            preset: the encoder's speed.
            codec: the encoder.

        Raises:
            ValueError: a size is odd or not positive.
            StorageError: the file cannot be written.
        """
        if min(width_px, height_px) < 2 or width_px % 2 or height_px % 2:
            raise ValueError(f"expected even sizes, got {width_px} × {height_px}")
        self._shape = (height_px, width_px, 3)
        self._path = path
        self._part = path.with_name(f".{path.name}.part{path.suffix}")
        av.logging.set_level(None)
        try:
            self._part.touch()
            self._container = av.open(self._part, "w")
            self._stream = self._container.add_stream(
                codec, Fraction(fps).limit_denominator(1001), {"crf": str(crf), "preset": preset}
            )
        except (av.FFmpegError, OSError) as error:
            raise StorageError(f"cannot write {path}") from error
        self._stream.width, self._stream.height = width_px, height_px
        self._stream.pix_fmt = "yuv420p"
        self._stream.colorspace, self._stream.color_range = _BT601, _LIMITED

    def write(self, bgr: BgrImage) -> None:
        """Append a frame of the size given at the start.

        Raises:
            ValueError: it has another shape.
            StorageError: the disk refused it.
        """
        if bgr.shape != self._shape:
            raise ValueError(f"expected shape {self._shape}, got {bgr.shape}")
        frame = VideoFrame.from_ndarray(np.ascontiguousarray(bgr), format="bgr24")
        self._mux(frame)

    def close(self) -> None:
        """Finish the file and give it its name.

        Raises:
            StorageError: the disk refused it; what was written is removed.
        """
        try:
            self._mux(None)
            self._container.close()
            self._part.replace(self._path)
        except (av.FFmpegError, OSError) as error:
            self.abandon()
            raise StorageError(f"cannot write {self._path}") from error
        except StorageError:
            self.abandon()
            raise

    def abandon(self) -> None:
        """Remove what was written."""
        with contextlib.suppress(av.FFmpegError, OSError):
            self._container.close()
        self._part.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.close()
        else:
            self.abandon()

    def _mux(self, frame: VideoFrame | None) -> None:
        try:
            self._container.mux(self._stream.encode(frame))
        except (av.FFmpegError, OSError) as error:
            raise StorageError(f"cannot write {self._path}") from error

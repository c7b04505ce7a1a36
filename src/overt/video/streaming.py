"""Writes H.264 frame by frame into a pipe, as a camera would: for tests that a node runs against.

Invariants: every frame is encoded and handed on before :meth:`VideoStreamer.write` returns.
Must not: keep a frame.
"""

from fractions import Fraction
from pathlib import Path
from types import TracebackType
from typing import Self

import av
import numpy as np
from av.video.frame import VideoFrame

from overt.core.arrays import BgrImage
from overt.core.errors import UnavailableError

_BT601 = 6  # H.273 MatrixCoefficients SMPTE 170M, which swscale converts BGR with
_LIMITED = 1
_OPTIONS = {"preset": "ultrafast", "tune": "zerolatency", "crf": "18", "g": "30"}


class VideoStreamer:
    """Encodes frames into a named pipe; opening waits until somebody reads from it."""

    def __init__(self, pipe: Path, width_px: int, height_px: int, fps: int) -> None:
        self._shape = (height_px, width_px, 3)
        self._file = pipe.open("wb", buffering=0)
        av.logging.set_level(None)
        self._container = av.open(self._file, "w", format="mpegts")
        self._stream = self._container.add_stream("libx264", Fraction(fps), dict(_OPTIONS))
        self._stream.width, self._stream.height = width_px, height_px
        self._stream.pix_fmt = "yuv420p"
        self._stream.colorspace, self._stream.color_range = _BT601, _LIMITED

    def write(self, bgr: BgrImage) -> None:
        """Send a frame of the size given at the start.

        Raises:
            ValueError: it has another shape.
            UnavailableError: nobody reads from the pipe any more.
        """
        if bgr.shape != self._shape:
            raise ValueError(f"expected shape {self._shape}, got {bgr.shape}")
        frame = VideoFrame.from_ndarray(np.ascontiguousarray(bgr), format="bgr24")
        try:
            self._container.mux(self._stream.encode(frame))
        except (av.FFmpegError, OSError):
            raise UnavailableError("nobody reads the video any more") from None

    def close(self) -> None:
        """End the stream, whether or not anybody still reads from it."""
        try:
            self._container.close()
        except (av.FFmpegError, OSError):
            self._stopped = True
        finally:
            self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

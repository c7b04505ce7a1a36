"""A camera that nobody stands before, until the searcher sends a drawn face past it.

It streams into a pipe, in a thread of its own, for as long as the trial takes.
"""

import threading
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Final, Self

import numpy as np

from overt.core.arrays import BgrImage
from overt.core.errors import UnavailableError
from overt.simulation.drawn_face import DrawnHead
from overt.video.streaming import VideoStreamer

SIZE_PX: Final = (640, 360)
FPS: Final = 12
PASS_S: Final = 1.8
_FACE_PX: Final = (90, 230)
"""Side of the drawn head where it comes into view, and where it leaves it."""

_N_GROUNDS: Final = 4
_NOISE: Final = 3.0


class CanaryCamera:
    """Streams an empty place; :meth:`show` lets somebody pass."""

    def __init__(self, pipe: Path, seed: int) -> None:
        self._pipe = pipe
        self._grounds = _grounds(np.random.default_rng(seed))
        self._stop = threading.Event()
        self._changed = threading.Lock()
        self._head: DrawnHead | None = None
        self._began = 0
        self._n_frames = 0
        self.failure: Exception | None = None
        self._thread = threading.Thread(target=self._film, name="canary-camera", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stop.set()
        self._thread.join(5.0)

    def show(self, head: DrawnHead) -> None:
        """Let somebody pass, from now on; returns at once."""
        with self._changed:
            self._head, self._began = head, self._n_frames

    def _film(self) -> None:
        try:
            with VideoStreamer(self._pipe, *SIZE_PX, FPS) as streamer:
                began_s = monotonic()
                while not self._stop.wait(max(0.0, began_s + self._n_frames / FPS - monotonic())):
                    streamer.write(self._frame())
                    self._n_frames += 1
        except (UnavailableError, OSError) as error:
            self.failure = error

    def _frame(self) -> BgrImage:
        frame = self._grounds[self._n_frames % _N_GROUNDS].copy()
        with self._changed:
            head, at = self._head, (self._n_frames - self._began) / (PASS_S * FPS)
            if at >= 1:
                self._head = None
        if head is not None and at < 1:
            width, height = SIZE_PX
            low, high = _FACE_PX
            head.lay(frame, (width * (0.25 + 0.5 * at), height / 2), round(low + at * (high - low)))
        return frame


def _grounds(rng: np.random.Generator) -> list[BgrImage]:
    """Return an empty wall under a camera's noise, in a few versions to show in turn."""
    width, height = SIZE_PX
    down = np.linspace(150, 90, height)[:, None, None]
    return [
        np.clip(down + rng.normal(0, _NOISE, (height, width, 3)), 0, 255).astype(np.uint8)
        for _ in range(_N_GROUNDS)
    ]

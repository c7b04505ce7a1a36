"""Reads a camera: the newest frame only, for as long as it takes, through loss and return.

A thread of its own connects, decodes and leaves each frame in a slot that holds one; a frame that
nobody fetched before the next one came is dropped and counted. When the camera falls silent or
closes, the thread connects again, waiting longer after each failure. While it is paused the camera
is let go, so that nothing of it can be decoded; after that it is connected to anew.

Invariants: nothing is opened before iteration begins; sequence numbers never repeat, also across
reconnects; after :meth:`LiveReader.stop` no packet is decoded and the iteration ends within a
second, even if the thread still waits for a silent camera (it ends by itself at its time-out).
Must not: show the camera's address; the display name of the source is all that is said.
"""

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import TracebackType
from typing import Self

import av

from overt.core.clock import Clock
from overt.core.errors import InputError, UnavailableError
from overt.core.frame import Frame
from overt.core.ids import CameraId
from overt.video.backoff import Backoff
from overt.video.container import TIMED_OUT, open_camera, problem_of, rate_of, video_stream
from overt.video.decoding import DecodeCounts, decode
from overt.video.frame_reader import ReaderStats
from overt.video.picture import DecodedPicture, Swscale
from overt.video.slot import NewestFrameSlot
from overt.video.sources import SourceSpec
from overt.video.thread_failure import ThreadFailure
from overt.video.timeline import MediaTimeline

_STOP_WAIT_S = 0.8
_CHECK_S = 0.25
_STEADY_S = 10.0
"""A connection that held this long was a good one: the next loss begins with the shortest wait."""


class CameraState(StrEnum):
    """Where a camera stands."""

    CONNECTING = "connecting"
    LIVE = "live"
    RECONNECTING = "reconnecting"
    PAUSED = "paused"
    FAILED = "failed"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class CameraHealth:
    """What an operator needs to know of a camera.

    Attributes:
        state: where it stands; ``failed`` means that it never answered and was given up.
        n_reconnects: times that it was lost and came back.
        n_decoded: pictures decoded.
        n_dropped: of those, replaced by a newer one before anybody looked.
        n_corrupt: packets and pictures that could not be used.
        last_frame_utc: when the newest picture arrived.
        problem: why it is not live, in words without its address; empty while it is live.
    """

    state: CameraState
    n_reconnects: int
    n_decoded: int
    n_dropped: int
    n_corrupt: int
    last_frame_utc: datetime | None
    problem: str


class LiveReader:
    """The newest frames of a camera; see :class:`overt.video.frame_reader.FrameReader`."""

    def __init__(
        self,
        spec: SourceSpec,
        camera: CameraId,
        clock: Clock,
        *,
        open_timeout_s: float = 5.0,
        read_timeout_s: float = 5.0,
        give_up_s: float = 20.0,
        backoff: Backoff | None = None,
        max_threads: int = 1,
    ) -> None:
        """Remember what to connect to, and connect to nothing.

        Args:
            spec: a live source.
            camera: the name that its frames carry.
            clock: for arrival times and for giving up.
            open_timeout_s: longest wait for a connection and its first description.
            read_timeout_s: longest silence before the connection counts as lost.
            give_up_s: how long a camera may fail to give its first picture before iteration ends
                with :class:`UnavailableError`. Once it has given one it is never given up.
            backoff: waits between attempts.
            max_threads: decoding threads; they share single pictures and so add no delay.
        """
        self._spec, self._camera, self._clock = spec, camera, clock
        self._open_timeout_s, self._read_timeout_s = open_timeout_s, read_timeout_s
        self._give_up_s = give_up_s
        self._backoff = backoff or Backoff()
        self._max_threads = max_threads
        self._slot = NewestFrameSlot()
        self._counts = DecodeCounts()
        self._timeline = MediaTimeline()
        self._swscale = Swscale()
        self._stopped = threading.Event()
        self._running = threading.Event()
        self._turning = threading.Lock()
        self._n_pauses = 0
        self._was_let_go = False
        self._thread: threading.Thread | None = None
        self._began_s = 0.0
        self._arrived_s: float | None = None
        self._last_frame_utc: datetime | None = None
        self._state = CameraState.CONNECTING
        self._failure = ThreadFailure()
        self._moving = threading.Lock()
        self._problem = "it has not answered yet"
        self._fps: float | None = None
        self._n_read = 0
        self._n_reconnects = 0

    @property
    def width_px(self) -> int | None:
        """See :class:`overt.video.frame_reader.FrameReader`."""
        return self._counts.size_px[0] if self._counts.size_px else None

    @property
    def height_px(self) -> int | None:
        """See :class:`overt.video.frame_reader.FrameReader`."""
        return self._counts.size_px[1] if self._counts.size_px else None

    @property
    def fps(self) -> float | None:
        """See :class:`overt.video.frame_reader.FrameReader`."""
        return self._fps

    @property
    def n_frames_expected(self) -> int | None:
        """Unknown: a camera has no end."""
        return None

    @property
    def health(self) -> CameraHealth:
        """What an operator needs to know of this camera now."""
        return CameraHealth(
            state=self._state,
            n_reconnects=self._n_reconnects,
            n_decoded=self._counts.n_decoded,
            n_dropped=self._slot.n_dropped,
            n_corrupt=self._counts.n_corrupt,
            last_frame_utc=self._last_frame_utc,
            problem=self._problem,
        )

    def stats(self) -> ReaderStats:
        """See :class:`overt.video.frame_reader.FrameReader`."""
        return ReaderStats(
            n_decoded=self._counts.n_decoded,
            n_read=self._n_read,
            n_dropped=self._slot.n_dropped,
            n_corrupt=self._counts.n_corrupt,
            n_reconnects=self._n_reconnects,
            n_resolution_changes=self._counts.n_resolution_changes,
        )

    def __iter__(self) -> Iterator[Frame]:
        """See :class:`overt.video.frame_reader.FrameReader`."""
        if self._thread is not None and self._running.is_set():
            raise RuntimeError("a reader is iterated once, and once more after each pause")
        self._began_s = self._clock.monotonic_s()
        if self._state is CameraState.PAUSED:
            n_decoded = self._counts.n_decoded
            self._move_to(CameraState.RECONNECTING if n_decoded else CameraState.CONNECTING)
        self._slot.go_on()
        self._running.set()
        if self._thread is None:
            thread = threading.Thread(target=self._produce, name="overt-camera", daemon=True)
            thread.start()
            self._thread = thread
        return self._consume()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()
        self._wait_for_thread()

    def pause(self) -> None:
        """See :class:`overt.video.frame_reader.FrameReader`."""
        with self._turning:
            self._running.clear()
            self._n_pauses += 1
            self._was_let_go = True
            self._move_to(CameraState.PAUSED)
            self._slot.hold(discard=True)

    def stop(self) -> None:
        """See :class:`overt.video.frame_reader.FrameReader`."""
        self._end(CameraState.STOPPED)

    def _end(self, state: CameraState) -> None:
        self._move_to(state)
        with self._turning:
            self._stopped.set()
            self._running.set()
            self._slot.close(discard=True)

    def _move_to(self, state: CameraState) -> None:
        """Change state, unless the end was reached already."""
        with self._moving:
            if self._state not in {CameraState.FAILED, CameraState.STOPPED}:
                self._state = state

    def _wait_for_thread(self) -> None:
        """Let the counts settle; a thread that waits for a silent source is left behind."""
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(_STOP_WAIT_S)

    def _consume(self) -> Iterator[Frame]:
        try:
            while self._running.is_set() and not self._slot.finished:
                if (frame := self._slot.get(_CHECK_S)) is not None:
                    self._n_read += 1
                    yield frame
                elif self._running.is_set() and self._is_hopeless():
                    self._end(CameraState.FAILED)
            if self._state is CameraState.FAILED:
                raise UnavailableError(f"{self._spec.display} gave no picture: {self._problem}")
            if self._running.is_set():
                self._failure.reraise()
        finally:
            if self._running.is_set():
                self._end(CameraState.STOPPED)
                self._wait_for_thread()

    def _is_hopeless(self) -> bool:
        waited_s = self._clock.monotonic_s() - self._began_s
        return self._counts.n_decoded == 0 and waited_s > self._give_up_s

    def _produce(self) -> None:
        with self._failure:
            self._keep_reading()
        self._slot.close()

    def _keep_reading(self) -> None:
        n_failures = 0
        while not self._stopped.is_set():
            if not self._running.wait(_CHECK_S):
                continue
            n_pauses = self._n_pauses
            tried_s = self._clock.monotonic_s()
            n_before = self._counts.n_decoded
            try:
                self._read_until_lost()
            except (UnavailableError, InputError) as error:
                self._problem = str(error)
            except av.FFmpegError as error:
                self._problem = problem_of(error)
            if self._n_pauses != n_pauses:
                n_failures, self._problem = 0, "it is paused"
                continue
            held_s = self._clock.monotonic_s() - tried_s
            gave_pictures = self._counts.n_decoded > n_before
            if not gave_pictures and held_s >= self._open_timeout_s:
                self._problem = TIMED_OUT  # FFmpeg reports an interrupted opening as bad data
            n_failures = 1 if gave_pictures and held_s > _STEADY_S else n_failures + 1
            if self._is_hopeless():
                self._end(CameraState.FAILED)
            elif self._counts.n_decoded:
                self._move_to(CameraState.RECONNECTING)
            self._stopped.wait(self._backoff.wait_s(n_failures))

    def _read_until_lost(self) -> None:
        """Connect and decode until the camera closes, falls silent or is stopped.

        Raises:
            UnavailableError: it did not answer, or refused.
            InputError: what it offers cannot be decoded.
            av.FFmpegError: it was lost.
        """
        n_pauses = self._n_pauses

        def halted() -> bool:
            return self._stopped.is_set() or self._n_pauses != n_pauses

        container = open_camera(
            self._spec, open_timeout_s=self._open_timeout_s, read_timeout_s=self._read_timeout_s
        )
        with container:
            stream = video_stream(container, max_threads=self._max_threads, low_delay=True)
            self._fps = rate_of(stream)
            is_first = True
            for frame in decode(container, stream, self._counts, halted):
                if is_first:
                    self._greet()
                    is_first = False
                self._hand_over(frame)
        if not halted():
            self._problem = "it closed the connection"

    def _greet(self) -> None:
        """Note the first picture of a connection, and how long there was none."""
        period_s = 1 / self._fps if self._fps else None
        if self._arrived_s is not None:
            self._n_reconnects += not self._was_let_go
            self._timeline.continue_after(self._clock.monotonic_s() - self._arrived_s, period_s)
        else:
            self._timeline.continue_after(0.0, period_s)
        self._was_let_go = False
        self._problem = ""
        self._move_to(CameraState.LIVE)

    def _hand_over(self, frame: av.VideoFrame) -> None:
        picture = DecodedPicture(frame, self._swscale)
        sequence = self._counts.n_decoded
        self._counts.see(picture.width_px, picture.height_px)
        self._arrived_s = self._clock.monotonic_s()
        self._last_frame_utc = self._clock.now_utc()
        self._slot.put(
            Frame(
                camera=self._camera,
                sequence=sequence,
                captured_utc=self._last_frame_utc,
                media_time_s=self._timeline.place(frame.pts, frame.time_base),
                arrived_s=self._arrived_s,
                picture=picture,
            )
        )

"""Reads recordings: files, folders and image sequences, every frame of them.

A thread decodes a few frames ahead, so that decoding and looking overlap. With ``realtime`` the
recording plays at its own pace and late frames are dropped and counted, as with a camera.

Invariants: nothing is opened before iteration begins; sequence numbers have no gap except where a
frame was dropped; media times never decrease; damage is counted, not raised, as long as anything
could be decoded.
"""

import contextlib
import threading
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Self

import av
from av.container import InputContainer
from av.video.stream import VideoStream

from overt.core.clock import Clock
from overt.core.errors import InputError
from overt.core.frame import Frame, Picture
from overt.core.ids import CameraId
from overt.video.container import duration_of, n_frames_of, open_file, rate_of, video_stream
from overt.video.decoding import DecodeCounts, decode
from overt.video.frame_reader import ReaderStats
from overt.video.image import decode_still
from overt.video.picture import DecodedPicture, Swscale
from overt.video.slot import FrameBuffer, NewestFrameSlot, PrefetchQueue
from overt.video.sources import STILL_SUFFIXES, SourceSpec
from overt.video.thread_failure import ThreadFailure
from overt.video.timeline import MediaTimeline

DEFAULT_SEQUENCE_FPS = 25.0
"""Frames a second at which loose pictures are taken to have been made."""

_END_TOLERANCE_S = 1.0
_STOP_WAIT_S = 0.8
_PACE_STEP_S = 0.05


class RecordedReader:
    """Every frame of a recording, in order; see :class:`overt.video.frame_reader.FrameReader`."""

    def __init__(
        self,
        spec: SourceSpec,
        camera: CameraId,
        clock: Clock,
        started_utc: datetime,
        *,
        realtime: bool = False,
        n_prefetch: int = 4,
        max_threads: int = 1,
        sequence_fps: float = DEFAULT_SEQUENCE_FPS,
    ) -> None:
        """Look for the files, and open none of them.

        Args:
            spec: a recorded source.
            camera: the name that its frames carry.
            clock: for arrival times and the pace.
            started_utc: the time of the first frame.
            realtime: play at the recording's own pace and drop late frames.
            n_prefetch: frames to decode ahead.
            max_threads: decoding threads. One is repeatable to the frame also on damaged files;
                with more, FFmpeg may lose pictures uncounted at the end of one. 0: every core.
            sequence_fps: frames a second of loose pictures.

        Raises:
            InputError: there is nothing to read.
        """
        self._spec, self._camera, self._clock = spec, camera, clock
        self._started_utc = started_utc
        self._realtime = realtime
        self._max_threads = max_threads
        self._sequence_fps = sequence_fps
        self._files = spec.files()
        self._buffer: FrameBuffer = NewestFrameSlot() if realtime else PrefetchQueue(n_prefetch)
        self._counts = DecodeCounts()
        self._timeline = MediaTimeline(1 / sequence_fps)
        self._swscale = Swscale()
        self._stopped = threading.Event()
        self._running = threading.Event()
        self._turning = threading.Lock()
        self._failure = ThreadFailure()
        self._thread: threading.Thread | None = None
        self._n_read = 0
        self._n_unreadable_files = 0
        self._began_s = 0.0
        self._fps: float | None = None
        self._n_expected: int | None = None
        if all(_is_still(path) for path in self._files):
            self._fps, self._n_expected = sequence_fps, len(self._files)

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
        """See :class:`overt.video.frame_reader.FrameReader`."""
        return self._n_expected

    def stats(self) -> ReaderStats:
        """See :class:`overt.video.frame_reader.FrameReader`."""
        return ReaderStats(
            n_decoded=self._counts.n_decoded,
            n_read=self._n_read,
            n_dropped=self._buffer.n_dropped,
            n_corrupt=self._counts.n_corrupt,
            n_unreadable_files=self._n_unreadable_files,
            n_resolution_changes=self._counts.n_resolution_changes,
            ended_early=self._counts.ended_early,
        )

    def __iter__(self) -> Iterator[Frame]:
        """See :class:`overt.video.frame_reader.FrameReader`."""
        if self._thread is not None and self._running.is_set():
            raise RuntimeError("a reader is iterated once, and once more after each pause")
        self._buffer.go_on()
        self._running.set()
        if self._thread is None:
            thread = threading.Thread(target=self._produce, name="overt-decode", daemon=True)
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
            self._buffer.hold()

    def stop(self) -> None:
        """See :class:`overt.video.frame_reader.FrameReader`."""
        self._end()

    def _end(self) -> None:
        with self._turning:
            self._stopped.set()
            self._running.set()
            self._buffer.close(discard=True)

    def _wait_for_thread(self) -> None:
        """Let the counts settle; a thread that waits for a silent source is left behind."""
        if self._thread is not None and self._thread is not threading.current_thread():
            self._thread.join(_STOP_WAIT_S)

    def _consume(self) -> Iterator[Frame]:
        try:
            while (frame := self._buffer.get()) is not None:
                self._n_read += 1
                yield frame
            if self._running.is_set() and not self._stopped.is_set():
                self._failure.reraise()
        finally:
            if self._running.is_set():
                self._end()
                self._wait_for_thread()

    def _produce(self) -> None:
        with self._failure:
            for media_time_s, picture in self._pictures():
                self._keep_pace(media_time_s)
                if self._stopped.is_set():
                    break
                self._hand_over(media_time_s, picture)
                self._stand_still()
            if not self._counts.n_decoded and not self._stopped.is_set():
                raise self._unreadable("no picture in it can be decoded")
        self._buffer.close()

    def _hand_over(self, media_time_s: float, picture: Picture) -> None:
        sequence = self._counts.n_decoded
        self._counts.see(picture.width_px, picture.height_px)
        self._buffer.put(
            Frame(
                camera=self._camera,
                sequence=sequence,
                captured_utc=self._started_utc + timedelta(seconds=media_time_s),
                media_time_s=media_time_s,
                arrived_s=self._clock.monotonic_s(),
                picture=picture,
            )
        )

    def _stand_still(self) -> None:
        """Wait while paused, and take the pause out of the pace."""
        if self._running.is_set():
            return
        paused_s = self._clock.monotonic_s()
        while not self._running.wait(_PACE_STEP_S) and not self._stopped.is_set():
            pass
        self._began_s += self._clock.monotonic_s() - paused_s

    def _keep_pace(self, media_time_s: float) -> None:
        """Wait, in real time only, until a frame is due."""
        if not self._realtime:
            return
        if not self._counts.n_decoded:
            self._began_s = self._clock.monotonic_s()
        while (wait_s := self._began_s + media_time_s - self._clock.monotonic_s()) > 0:
            if self._stopped.wait(min(wait_s, _PACE_STEP_S)):
                return

    def _pictures(self) -> Iterator[tuple[float, Picture]]:
        for path in self._files:
            if self._stopped.is_set():
                return
            if _is_still(path):
                yield from self._still(path)
            else:
                yield from self._video(path)

    def _still(self, path: Path) -> Iterator[tuple[float, Picture]]:
        self._timeline.continue_after(1 / self._sequence_fps, 1 / self._sequence_fps)
        try:
            picture = decode_still(path.read_bytes())
        except (InputError, OSError):
            self._counts.n_corrupt += 1
            self._timeline.place(None, None)
            return
        yield self._timeline.place(None, None), picture

    def _video(self, path: Path) -> Iterator[tuple[float, Picture]]:
        with contextlib.ExitStack() as opened:
            try:
                container = opened.enter_context(open_file(str(path)))
                stream = video_stream(container, max_threads=self._max_threads, low_delay=False)
            except InputError as error:
                if len(self._files) == 1:
                    raise self._unreadable(str(error)) from None
                self._n_unreadable_files += 1
                return
            self._learn(container, stream)
            yield from self._stretch(container, stream)

    def _stretch(
        self, container: InputContainer, stream: VideoStream
    ) -> Iterator[tuple[float, Picture]]:
        """Decode one file, and note whether it broke off before the end that it declares."""
        n_met_before = self._counts.n_met
        began_s = ends_s = self._timeline.next_s
        whole = True
        try:
            for frame in decode(container, stream, self._counts, self._stopped.is_set):
                media_time_s = self._timeline.place(frame.pts, frame.time_base)
                ends_s = media_time_s + float(frame.duration * (frame.time_base or 0))
                yield media_time_s, DecodedPicture(frame, self._swscale)
        except av.FFmpegError:
            whole = False
        n_missing = stream.frames - (self._counts.n_met - n_met_before)
        missing_s = (duration_of(container, stream) or 0.0) - (ends_s - began_s)
        broke_off = not whole or n_missing > 0 or missing_s > _END_TOLERANCE_S
        self._counts.ended_early |= broke_off and not self._stopped.is_set()

    def _learn(self, container: InputContainer, stream: VideoStream) -> None:
        """Note what a file says of itself."""
        self._fps = rate_of(stream)
        if len(self._files) == 1:
            self._n_expected = n_frames_of(container, stream)
        period_s = 1 / (self._fps or self._sequence_fps)
        self._timeline.continue_after(period_s, period_s)

    def _unreadable(self, reason: str) -> InputError:
        return InputError(f"cannot read video {self._spec.display}: {reason}")


def _is_still(path: Path) -> bool:
    return path.suffix.lower() in STILL_SUFFIXES

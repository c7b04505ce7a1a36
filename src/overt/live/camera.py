"""One camera at work: its reader, its pipeline and the thread that joins them.

    wait for leave → read, detect, hand on → leave is gone: let go, forget who is passing → wait …

Invariants: the source is not opened before there is leave; each frame is looked at with leave or
declared as dropped; passages under way when leave goes are counted and erased.
"""

import threading
from collections import deque
from enum import Enum
from time import perf_counter

from overt.core.errors import InputError, UnavailableError
from overt.core.frame import Frame
from overt.core.ids import CameraId
from overt.live.leave import Leave
from overt.live.pipeline import CameraPipeline
from overt.live.stages import StageTimes
from overt.live.tally import Tally
from overt.video.frame_reader import FrameReader
from overt.vision.detect import FaceDetector, PendingDetections

AHEAD = 2
"""Detections under way for a recording, while earlier frames are tracked. A live camera has none:
waiting for the next frame would only add to its latency."""

_LOOK_FOR_LEAVE_S = 0.02


class Ending(Enum):
    """How a camera's work ended."""

    FINISHED = "the stream ended"
    STOPPED = "it was stopped"
    FAILED = "it failed"


class CameraWorker:
    """Reads, detects and hands on, in a thread of its own, while there is leave to."""

    def __init__(
        self,
        *,
        camera: CameraId,
        reader: FrameReader,
        detector: FaceDetector,
        pipeline: CameraPipeline,
        leave: Leave,
        tally: Tally,
        stages: StageTimes,
        is_live: bool,
    ) -> None:
        self.camera = camera
        self.reader = reader
        self.ending: Ending | None = None
        self.error: BaseException | None = None
        self._detector = detector
        self._pipeline = pipeline
        self._leave = leave
        self._tally = tally
        self._stages = stages
        self._ahead = 0 if is_live else AHEAD
        self._stop = threading.Event()
        self._turning = threading.Lock()
        self._has_let_go = False
        self._n_dropped = 0
        self._n_in_hand = 0
        self._thread = threading.Thread(target=self._work, name=f"camera-{camera}", daemon=True)

    @property
    def is_running(self) -> bool:
        """Whether the thread is at work."""
        return self._thread.is_alive()

    @property
    def source_failed(self) -> bool:
        """Whether it ended because its own source cannot be read; other cameras may go on."""
        return isinstance(self.error, InputError | UnavailableError)

    def start(self) -> None:
        """Begin. The reader opens its source once there is leave to look."""
        self._thread.start()

    def let_go(self) -> None:
        """Have it let go of its source until there is leave again; returns at once."""
        with self._turning:
            self._has_let_go = True
            self.reader.pause()

    def stop(self) -> None:
        """Ask it to end; returns at once. Nothing is compared after the present frame."""
        self._stop.set()
        self.reader.stop()

    def join(self, timeout_s: float) -> None:
        """Wait for the thread to end."""
        self._thread.join(timeout_s)

    def count_dropped(self) -> None:
        """Add the reader's newly dropped frames to the tally; called by the supervisor alone."""
        n_dropped = self.reader.stats().n_dropped
        self._tally.dropped(n_dropped - self._n_dropped)
        self._n_dropped = n_dropped

    def _work(self) -> None:
        try:
            while self._wait_for_leave() and not self._watch():
                self._forget()
            self.ending = Ending.STOPPED if self._must_stop() else Ending.FINISHED
        except BaseException as error:  # noqa: BLE001 - handed to the supervisor, which raises it
            self.ending, self.error = Ending.FAILED, error
        finally:
            self.reader.stop()
            self._forget()

    def _must_stop(self) -> bool:
        return self._stop.is_set() or self._leave.is_over

    def _wait_for_leave(self) -> bool:
        """Wait until there is leave to look; return False if there will be none."""
        while not self._must_stop():
            if self._leave.granted:
                return True
            self._stop.wait(_LOOK_FOR_LEAVE_S)
        return False

    def _watch(self) -> bool:
        """Look until there is no leave any more; return whether the stream ended before."""
        with self._turning:
            self._has_let_go = False
            frames = iter(self.reader)
        under_way: deque[tuple[Frame, PendingDetections]] = deque()
        waiting_since = perf_counter()
        for frame in frames:
            self._n_in_hand += 1
            self._stages.add("wait", perf_counter() - waiting_since)
            if not self._may_look():
                return False
            with self._stages.measure("scale"):
                under_way.append((frame, self._detector.submit(frame.picture)))
            if len(under_way) > self._ahead:
                self._process(*under_way.popleft())
            waiting_since = perf_counter()
        while under_way and self._may_look():
            self._process(*under_way.popleft())
        if not self._may_look():
            return False
        self._pipeline.finish()
        return True

    def _may_look(self) -> bool:
        """Whether to go on; without leave the source is let go at once."""
        with self._turning:  # the reader must be paused before it is left, or it would end
            has_let_go = self._has_let_go
        if has_let_go or self._must_stop():
            return False
        if not self._leave.granted:
            self.let_go()
            return False
        return True

    def _forget(self) -> None:
        """Count and erase who is passing, and declare the frames in hand that nobody looked at."""
        self._pipeline.abandon()
        self._tally.dropped(self._n_in_hand)
        self._n_in_hand = 0

    def _process(self, frame: Frame, pending: PendingDetections) -> None:
        with self._stages.measure("detect"):
            detections = pending.result()
        self._n_in_hand -= 1
        self._pipeline.process(frame, detections)

"""Chooses the reader for a source."""

from datetime import datetime

from overt.core.clock import Clock
from overt.core.ids import CameraId
from overt.video.frame_reader import FrameReader
from overt.video.live import LiveReader
from overt.video.readers import RecordedReader
from overt.video.sources import SourceSpec


def open_reader(
    spec: SourceSpec,
    camera: CameraId,
    clock: Clock,
    *,
    started_utc: datetime,
    realtime: bool = False,
    max_threads: int = 1,
) -> FrameReader:
    """Return a reader that has opened and decoded nothing yet.

    Args:
        spec: where the pictures come from.
        camera: the name that the frames carry.
        clock: for arrival times.
        started_utc: the time of a recording's first frame.
        realtime: play a recording at its own pace and drop late frames, like a camera.
        max_threads: decoding threads of a recording; see :class:`RecordedReader`.

    Raises:
        InputError: a recorded source has nothing to read.
    """
    if spec.is_live:
        return LiveReader(spec, camera, clock)
    return RecordedReader(
        spec, camera, clock, started_utc, realtime=realtime, max_threads=max_threads
    )

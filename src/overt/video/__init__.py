"""Files, folders, webcams and network cameras become frames; stills become pictures.

The only part of Overt that imports PyAV. Live cameras hand over the newest frame only; recordings
can be read without dropping. Every frame carries its camera, its own time and a sequence number.

Invariants: nothing is decoded before iteration begins; every dropped or damaged frame is counted;
no address of a camera is shown or logged.
Must not: know what a face is.
"""

from overt.video.backoff import Backoff
from overt.video.frame_reader import FrameReader, ReaderStats
from overt.video.image import decode_still
from overt.video.live import CameraHealth, CameraState, LiveReader
from overt.video.open import open_reader
from overt.video.picture import DecodedPicture
from overt.video.readers import RecordedReader
from overt.video.slot import NewestFrameSlot
from overt.video.sources import SourceKind, SourceSpec, parse_source
from overt.video.writer import VideoWriter

__all__ = [
    "Backoff",
    "CameraHealth",
    "CameraState",
    "DecodedPicture",
    "FrameReader",
    "LiveReader",
    "NewestFrameSlot",
    "ReaderStats",
    "RecordedReader",
    "SourceKind",
    "SourceSpec",
    "VideoWriter",
    "decode_still",
    "open_reader",
    "parse_source",
]

"""The port through which the pipeline gets its frames, whatever they come from."""

from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Protocol, Self

from overt.core.frame import Frame


@dataclass(frozen=True, slots=True)
class ReaderStats:
    """What a reader has done so far.

    ``n_decoded == n_read + n_dropped`` once the reader has ended; before that the difference is
    what waits to be fetched.

    Attributes:
        n_decoded: pictures decoded and numbered.
        n_read: frames handed to whoever iterates.
        n_dropped: frames that were replaced by a newer one, or were waiting when it was stopped.
        n_corrupt: packets and pictures that could not be used; they take no sequence number.
        n_unreadable_files: files of a folder that could not be opened at all.
        n_reconnects: times that a camera was lost and came back.
        n_resolution_changes: times that the size of the picture changed.
        ended_early: a recording broke off: it could not be read to the end that it declares.
    """

    n_decoded: int = 0
    n_read: int = 0
    n_dropped: int = 0
    n_corrupt: int = 0
    n_unreadable_files: int = 0
    n_reconnects: int = 0
    n_resolution_changes: int = 0
    ended_early: bool = False


class FrameReader(Protocol):
    """Frames of one camera, once, in order.

    Nothing is opened and nothing is decoded before the first frame is asked for, so that authority
    can be checked in between. Iterate once, and once more after each :meth:`pause`, from one
    thread; :meth:`pause` and :meth:`stop` from any.
    """

    @property
    def width_px(self) -> int | None:
        """Width of the newest picture, once known."""
        ...

    @property
    def height_px(self) -> int | None:
        """Height of the newest picture, once known."""
        ...

    @property
    def fps(self) -> float | None:
        """Frames a second that the stream declares, once known."""
        ...

    @property
    def n_frames_expected(self) -> int | None:
        """Frames that the source declares, once known; for progress, not a promise."""
        ...

    def __iter__(self) -> Iterator[Frame]:
        """Begin to read, or go on after a pause.

        Raises:
            InputError: a recording cannot be read.
            UnavailableError: a camera never answered.
        """
        ...

    def pause(self) -> None:
        """Decode nothing more until somebody iterates again; returns at once.

        The iteration ends within a second. A camera is let go and connected to again; a recording
        stands still and goes on. Sequence numbers and media times go on in either case.
        """
        ...

    def stop(self) -> None:
        """Decode nothing more; returns at once.

        The iteration ends within a second whatever the camera does, and the counts are then final.
        """
        ...

    def stats(self) -> ReaderStats:
        """Return the counts so far."""
        ...

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None: ...

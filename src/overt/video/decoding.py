"""Demuxes and decodes one opened stream, stepping over what is damaged.

Invariants: once ``halted`` no packet is decoded. A picture that FFmpeg patched up because
data was missing is not handed on: it shows something that the camera did not see.
Must not: open anything, or raise for damage; damage is counted.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import av
from av.container import InputContainer
from av.video.stream import VideoStream


@dataclass(slots=True)
class DecodeCounts:
    """What decoding has met so far.

    Attributes:
        n_decoded: good pictures.
        n_corrupt: packets that no picture came from and pictures with patched-up parts.
        n_hidden: packets that the container says are not to be shown.
        n_resolution_changes: times that the size changed.
        size_px: width and height of the newest picture.
        ended_early: the container broke off.
    """

    n_decoded: int = 0
    n_corrupt: int = 0
    n_hidden: int = 0
    n_resolution_changes: int = 0
    size_px: tuple[int, int] | None = None
    ended_early: bool = False

    @property
    def n_met(self) -> int:
        """Pictures and packets accounted for, good or not."""
        return self.n_decoded + self.n_corrupt + self.n_hidden

    def see(self, width_px: int, height_px: int) -> None:
        """Count one good picture of the given size."""
        self.n_decoded += 1
        if self.size_px not in {None, (width_px, height_px)}:
            self.n_resolution_changes += 1
        self.size_px = (width_px, height_px)


def decode(
    container: InputContainer,
    stream: VideoStream,
    counts: DecodeCounts,
    halted: Callable[[], bool],
) -> Iterator[av.VideoFrame]:
    """Yield the good frames of ``stream`` in presentation order.

    Raises:
        av.FFmpegError: reading failed before the end; what was decoded until then was yielded.
    """
    for packet in container.demux(stream):
        if halted():
            return
        counts.n_hidden += packet.is_discard
        try:
            frames = packet.decode()
        except av.EOFError:
            continue
        except (av.FFmpegError, ValueError):
            counts.n_corrupt += 1
            continue
        for frame in frames:
            if halted():
                return
            if frame.is_corrupt:
                counts.n_corrupt += 1
                continue
            yield frame

"""Where a decode thread leaves frames for the thread that looks at them.

Invariants: :class:`NewestFrameSlot` never holds more than one frame, so no queue of old frames can
build up behind a slow consumer; :class:`PrefetchQueue` is bounded and never drops while it is
open. Every frame that was put and not handed over is counted.
Must not: copy pixels, or keep a frame after it was handed over.
"""

import threading
from abc import ABC, abstractmethod
from collections import deque
from typing import Protocol

from overt.core.frame import Frame


class FrameBuffer(Protocol):
    """What lies between one producer and one consumer of frames."""

    @property
    def n_dropped(self) -> int:
        """Frames that were put and will never be handed over."""
        ...

    @property
    def finished(self) -> bool:
        """Whether it is closed and everything in it was handed over or dropped."""
        ...

    def put(self, frame: Frame) -> None:
        """Leave a frame. After :meth:`close` it is dropped and counted."""
        ...

    def get(self, timeout_s: float | None = None) -> Frame | None:
        """Wait for a frame; ``None`` when none came in time or the buffer is finished."""
        ...

    def hold(self, *, discard: bool = False) -> None:
        """Hand over nothing until :meth:`go_on`: whoever waits in :meth:`get` gets ``None``.

        What is held, and what is put until then, stays for later, or is dropped if ``discard``.
        """
        ...

    def go_on(self) -> None:
        """Hand frames over again."""
        ...

    def close(self, *, discard: bool = False) -> None:
        """End the flow. What is held may still be fetched, or is dropped if ``discard``."""
        ...


class _Buffer(ABC):
    """What both buffers share: a bounded deque under one condition."""

    def __init__(self, capacity: int) -> None:
        self._held: deque[Frame] = deque()
        self._capacity = capacity
        self._closed = False
        self._on_hold = False
        self._refusing = False
        self._n_dropped = 0
        self._changed = threading.Condition()

    @property
    def n_dropped(self) -> int:
        """See :class:`FrameBuffer`."""
        with self._changed:
            return self._n_dropped

    @property
    def finished(self) -> bool:
        """See :class:`FrameBuffer`."""
        with self._changed:
            return self._closed and not self._held

    def put(self, frame: Frame) -> None:
        """See :class:`FrameBuffer`."""
        with self._changed:
            self._make_room()
            if self._closed or self._refusing:
                self._n_dropped += 1
                return
            self._held.append(frame)
            self._changed.notify_all()

    def get(self, timeout_s: float | None = None) -> Frame | None:
        """See :class:`FrameBuffer`."""
        with self._changed:
            self._changed.wait_for(lambda: self._held or self._closed or self._on_hold, timeout_s)
            if self._on_hold or not self._held:
                return None
            frame = self._held.popleft()
            self._changed.notify_all()
            return frame

    def hold(self, *, discard: bool = False) -> None:
        """See :class:`FrameBuffer`."""
        with self._changed:
            self._on_hold = True
            self._refusing = discard
            self._leave(discard=discard)

    def go_on(self) -> None:
        """See :class:`FrameBuffer`."""
        with self._changed:
            self._on_hold = self._refusing = False
            self._changed.notify_all()

    def close(self, *, discard: bool = False) -> None:
        """See :class:`FrameBuffer`."""
        with self._changed:
            self._closed = True
            self._leave(discard=discard)

    def _leave(self, *, discard: bool) -> None:
        if discard:
            self._n_dropped += len(self._held)
            self._held.clear()
        self._changed.notify_all()

    @abstractmethod
    def _make_room(self) -> None:
        """Drop or wait, so that one more frame may be held."""


class NewestFrameSlot(_Buffer):
    """Holds the newest frame only; the one that it replaces is dropped and counted."""

    def __init__(self) -> None:
        super().__init__(capacity=1)

    def _make_room(self) -> None:
        if self._held and not self._closed:
            self._held.clear()
            self._n_dropped += 1


class PrefetchQueue(_Buffer):
    """Lets a producer run ahead by ``capacity`` frames and then makes it wait."""

    def __init__(self, capacity: int = 4) -> None:
        if capacity < 1:
            raise ValueError(f"expected room for at least 1 frame, got {capacity}")
        super().__init__(capacity)

    def _make_room(self) -> None:
        self._changed.wait_for(lambda: len(self._held) < self._capacity or self._closed)

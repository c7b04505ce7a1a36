"""Overwrites what a runtime keeps of a batch between its layers, where nobody else can reach.

A runtime keeps the memory of its layers from one batch to the next, and with it the last face that
it saw. When a model has stood still for a moment, a blank batch of the same size is run through it;
while it is busy, each batch overwrites what the one before has left.

Invariants: once a model has been idle for :data:`WASH_AFTER_S` and the time of one batch, its
layers hold what a blank batch leaves; the same when the washer is closed.
"""

import threading
from collections.abc import Callable
from typing import Final

from overt.core.errors import OvertError

WASH_AFTER_S: Final = 0.15
"""Long enough not to get in the way of faces that come one after the other, short enough to be over
well within the second in which a face is to be forgotten."""


class Washer:
    """Washes one model, in a thread of its own.

    Args:
        wash: runs a blank batch of so many rows through every part of the model.
        after_s: how long it must have stood still.
    """

    def __init__(self, wash: Callable[[int], None], after_s: float = WASH_AFTER_S) -> None:
        self._wash = wash
        self._after_s = after_s
        self._used = threading.Condition()
        self._n_rows = 0
        self._closed = False
        self._thread = threading.Thread(target=self._work, name="washer", daemon=True)
        self._thread.start()

    def note(self, n_rows: int) -> None:
        """Note that a batch of so many rows was run."""
        with self._used:
            self._n_rows = max(self._n_rows, n_rows)
            self._used.notify_all()

    def close(self) -> None:
        """Wash a last time if there is anything to wash, and end. Closing twice is allowed."""
        with self._used:
            self._closed = True
            self._used.notify_all()
        self._thread.join()

    def _work(self) -> None:
        while True:
            with self._used:
                self._used.wait_for(lambda: self._n_rows or self._closed)
                while not self._closed and self._used.wait(self._after_s):
                    pass  # used again meanwhile, which has overwritten what was there
                n_rows, self._n_rows = self._n_rows, 0
                ends = self._closed
            if n_rows:
                try:
                    self._wash(n_rows)
                except OvertError:
                    return  # the model cannot be run any more, as whoever uses it is told
            if ends:
                return

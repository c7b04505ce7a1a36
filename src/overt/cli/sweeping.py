"""Sweeping, when a command starts and while a run goes on, with a word about it.

A sweep beside a run never touches the frame path: it is a thread of its own, deletes a few rows at
a time, and leaves a large database to be written anew when the run is over.

Invariant: a sweep that failed is said at once and taken up again a minute later; the one after a
run ends the command with its error.
"""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.console import Console

from overt.core.errors import OvertError
from overt.store.store import Store
from overt.store.sweeping import Swept

EVERY_S: Final = 60.0


def sweep_aloud(store: Store, console: Console | None = None) -> Swept:
    """Delete what is due; say so if anything was.

    Raises:
        OvertError: as :meth:`overt.store.sweeping.Sweeper.sweep`.
    """
    told = console or Console(stderr=True)
    swept = store.sweeper.sweep(lambda words: _say(told, f"{words} …"))
    if swept.begun:
        n = len(swept.begun)
        what = "1 deletion was" if n == 1 else f"{n:,} deletions were"
        _say(told, f"Data whose period is over: {what} due. See: overt retention receipts")
    return swept


@contextmanager
def sweeping_beside(store: Store, console: Console, every_s: float = EVERY_S) -> Iterator[None]:
    """Sweep every minute while something else goes on; who does that sweeps once more after it."""
    ended = threading.Event()

    def keep_on() -> None:
        while not ended.wait(every_s):
            try:
                sweep_aloud(store, console)
            except OvertError as error:
                _say(console, f"What is due could not be deleted, and is tried again: {error}")

    thread = threading.Thread(target=keep_on, name="sweeper", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def _say(console: Console, words: str) -> None:
    console.print(words, soft_wrap=True, markup=False, highlight=False)

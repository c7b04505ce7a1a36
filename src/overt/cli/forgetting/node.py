"""The node that is searched: a real run, in a process of its own, that also reports the canary.

Started by :mod:`overt.cli.forgetting.trial` with two sockets and the pipe that its video comes
from. What runs is what ``overt run`` runs: the same session, models, store and ledger.

Must not: keep a copy of what it reports.
"""

import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from time import monotonic
from typing import IO, Final

import cv2
import numpy as np
from rich.console import Console

from overt.alerts.alert import Alert, AlertPictures
from overt.cli import wiring
from overt.cli.demo_authority import Asked, authorise_demo
from overt.cli.forgetting.wire import ArraySender, What, hear, receive_into, say
from overt.cli.session import run_session
from overt.cli.wiring import LoadedModels
from overt.core.arrays import BgrImage, Vectors
from overt.core.clock import SystemClock
from overt.core.errors import UnavailableError
from overt.core.ids import AlertId, CameraId, EntryId, WatchlistId
from overt.deployment.guard import PauseCause
from overt.live.observer import Progress
from overt.store.planting import plant, settle, uproot
from overt.store.store import Store
from overt.video.sources import SourceKind, SourceSpec
from overt.vision.embed import Embedder
from overt.watchlist.enrol import freeze
from overt.watchlist.stored import StoredEntry, StoredReference, StoredWatchlist

N_LISTED: Final = 40
ONE_IN: Final = 1000
CAMERA: Final = CameraId("canary")


class ReportingEmbedder(Embedder):
    """An embedder that sends each crop and each template to the searcher from where it lies."""

    def __init__(self, inner: Embedder, sender: ArraySender) -> None:
        super().__init__(inner.engine)
        self._sender = sender

    def embed(self, crops: Sequence[BgrImage]) -> Vectors:
        """See :meth:`overt.vision.embed.Embedder.embed`."""
        for crop in crops:
            self._sender.send(What.CROP, crop)
        templates = super().embed(crops)
        for row in range(len(templates)):
            self._sender.send(What.TEMPLATE, templates[row])
        return templates


class PassageWatcher:
    """Tells the searcher when a passage has been counted; see ``live.observer.Observer``."""

    def __init__(self, control: socket.socket, sender: ArraySender) -> None:
        self._control, self._sender = control, sender
        self._n_ended = 0
        self._has_looked = False

    def progressed(self, progress: Progress) -> None:
        """See :class:`overt.live.observer.Observer`."""
        if progress.counts.frames_read and not self._has_looked:
            self._has_looked = True
            say(self._control, {"event": "looking"})
        if progress.counts.faces_detected > self._n_ended:
            self._n_ended = progress.counts.faces_detected
            counts = progress.counts
            say(
                self._control,
                {
                    "event": "ended",
                    "at_s": monotonic(),
                    "compared": counts.faces_compared,
                    "alerted": counts.faces_alerted,
                },
            )
            self._sender.end()

    def alert_raised(self, alert: Alert, pictures: AlertPictures, stored_after_s: float) -> None:
        """See :class:`overt.live.observer.Observer`; the counts say it."""

    def alert_repeated(self, alert: AlertId, captured_utc: datetime) -> None:
        """See :class:`overt.live.observer.Observer`."""

    def paused(self, reason: str, cause: PauseCause) -> None:
        """See :class:`overt.live.watch.PauseObserver`."""

    def resumed(self) -> None:
        """See :class:`overt.live.watch.PauseObserver`."""


class Ground:
    """Where the searcher has copies planted: this process's memory, an unlinked file, the store."""

    def __init__(self, data: socket.socket, store: Store) -> None:
        self._data = data
        self._store = store
        self._memory = bytearray()
        self._file: IO[bytes] | None = None

    def plant(self, sizes: dict[str, int], *, settled: bool) -> None:
        """Take copies for each place, in this order: memory, unlinked file, store."""
        self._memory = bytearray(sizes["memory"])
        receive_into(self._data, self._memory)
        self._file = tempfile.TemporaryFile(buffering=0)  # noqa: SIM115 - stays open on purpose
        for place in ("file", "store"):
            piece = bytearray(sizes[place])
            receive_into(self._data, piece)
            if place == "file":
                self._file.write(piece)
            else:
                plant(self._store, bytes(piece))
                if settled:
                    settle(self._store)
            piece[:] = bytes(len(piece))

    def uproot(self) -> None:
        """Overwrite and remove what was planted."""
        self._memory[:] = bytes(len(self._memory))
        if self._file is not None:
            self._file.close()
        uproot(self._store)


def main() -> None:
    """Run until the video ends."""
    control, data = (socket.socket(fileno=int(number)) for number in sys.argv[1:3])
    pipe = Path(sys.argv[3])
    _hand_over_memory(control)
    cv2.setNumThreads(1)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    clock, sender = SystemClock(), ArraySender(data)
    with wiring.open_models() as models, wiring.open_store(clock) as store:
        watchlist = _strangers(models)
        sources = {CAMERA: SourceSpec(SourceKind.FILE, "camera", str(pipe))}
        demonstration = authorise_demo(
            store, clock, models, watchlist, sources, Asked(ONE_IN, realtime=True)
        )
        reporting = replace(models, embedder=ReportingEmbedder(models.embedder, sender))
        session = replace(demonstration.session, models=reporting)
        serving = threading.Thread(
            target=_serve, args=(control, Ground(data, store)), name="canary", daemon=True
        )
        serving.start()
        console = Console(stderr=True, quiet=True)
        with demonstration.officers_present():
            run_session(
                session, store, clock, console, quiet=True, watcher=PassageWatcher(control, sender)
            )


def _hand_over_memory(control: socket.socket) -> None:
    """Open this process's own memory for the searcher, while that is still allowed."""
    names = ("mem", "maps", "pagemap")
    files = [os.open(f"/proc/self/{name}", os.O_RDONLY) for name in names]
    say(control, {"event": "memory"}, files)
    for file in files:
        os.close(file)


def _strangers(models: LoadedModels) -> StoredWatchlist:
    """Return a list of people who do not exist: directions in which no face lies."""
    rng = np.random.default_rng(0)
    entries = []
    for number in range(N_LISTED):
        template = rng.normal(size=models.dims).astype(np.float32)
        template /= np.linalg.norm(template)
        entries.append(
            StoredEntry(
                EntryId(f"nobody-{number:02}"),
                f"Nobody {number}",
                (StoredReference(template, rng.bytes(2000)),),
            )
        )
    return freeze(WatchlistId("canary"), "canary", models.contract, entries)


def _serve(control: socket.socket, ground: Ground) -> None:
    """Do what the searcher asks for, until it is gone."""
    with suppress(UnavailableError, OSError):
        while True:
            asked, _ = hear(control)
            match asked["do"]:
                case "files":
                    _list_files(control)
                case "plant":
                    ground.plant(asked["sizes"], settled=asked["settled"])
                    say(control, {"event": "planted"})
                case "uproot":
                    ground.uproot()
                    say(control, {"event": "uprooted"})


def _list_files(control: socket.socket) -> None:
    """Say which files are open here, and hand over those that have no name any more."""
    named: list[str] = []
    nameless: list[int] = []
    for link in list(Path("/proc/self/fd").iterdir()):
        with suppress(OSError):
            name = str(link.readlink())
            if name.startswith("/memfd:") or name.endswith(" (deleted)"):
                nameless.append(int(link.name))
            elif name.startswith("/"):
                named.append(name)
    say(control, {"event": "files", "named": named}, nameless)


if __name__ == "__main__":
    main()

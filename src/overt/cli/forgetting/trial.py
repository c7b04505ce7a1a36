"""The canary's story: it passes a running node, and the node is searched for it.

start a node → wait until it looks → for each run:
    let a face pass → its passage ends → stop, copy, go on → search
    → plant copies of it in memory, files and store → copy → search for those → uproot
"""

import itertools
import os
import secrets
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from time import monotonic, sleep
from types import TracebackType
from typing import Any, Final, Self

import numpy as np

from overt.cli import wiring
from overt.cli.forgetting.camera import CanaryCamera
from overt.cli.forgetting.files import SHARED_FOLDERS, Place
from overt.cli.forgetting.forms import Form, forms_of
from overt.cli.forgetting.hunt import (
    Canary,
    ReadFiles,
    read_files,
    search,
)
from overt.cli.forgetting.process import MemoryFiles, MemoryReader, Snapshot
from overt.cli.forgetting.result import Find, ForgetResult
from overt.cli.forgetting.search import Needles
from overt.cli.forgetting.wire import What, hear, receive_array, say
from overt.core.arrays import BgrImage, Vector
from overt.core.clock import Clock, SystemClock
from overt.core.errors import StateError, UnavailableError
from overt.simulation.drawn_face import draw_head

SETTLE_S: Final = 0.5
"""How long after the end of a passage the node is stopped; a second is what it has to forget."""

WITHIN_S: Final = 1.0
REPORTED_EVERY_S: Final = 0.1
"""The node says within this time that a passage has ended: it is added to the age of a copy."""

_PATIENCE_S: Final = 60.0
_TRIES: Final = 8
"""How often a face is let pass before the machine is said to be too busy."""

_CROP_SHAPE: Final = (112, 112, 3)
_MOST_FINDS: Final = 300


@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """What the node had of a face, and when it had done with it."""

    templates: tuple[Vector, ...]
    crops: tuple[BgrImage, ...]
    ended_s: float
    n_alerted: int


class CanaryNode:
    """A node of its own, in a process of its own, before a camera of the searcher's.

    Attributes:
        place: where it could have written.
        camera: what it looks at.
    """

    def __init__(self, workplace: Path, seed: int) -> None:
        self._folder = workplace / "node"
        for name in ("home", "user", "temporary", "work"):
            (self._folder / name).mkdir(parents=True)
        pipe = workplace / "camera.ts"
        os.mkfifo(pipe)
        self.camera = CanaryCamera(pipe, seed)
        self._pipe = pipe
        self._control, self._their_control = socket.socketpair(
            socket.AF_UNIX, socket.SOCK_SEQPACKET
        )
        self._data, self._their_data = socket.socketpair()
        self._events: SimpleQueue[tuple[dict[str, Any], list[int]]] = SimpleQueue()
        self._arrays: SimpleQueue[tuple[What, bytes]] = SimpleQueue()
        self.place = Place((self._folder,), (wiring.cache(), *SHARED_FOLDERS), (workplace,))

    @property
    def folders(self) -> dict[str, Path]:
        """The folders that the node could have written in, by what they are for."""
        own = {name: self._folder / name for name in ("home", "user", "temporary", "work")}
        shared = {str(path): path for path in SHARED_FOLDERS if os.access(path, os.W_OK)}
        return own | {"cache": wiring.cache()} | shared

    def __enter__(self) -> Self:
        theirs = (self._their_control, self._their_data)
        numbers = [str(each.fileno()) for each in theirs]
        self._process = subprocess.Popen(  # noqa: S603 - this interpreter, our own module
            [sys.executable, "-m", "overt.cli.forgetting.node", *numbers, str(self._pipe)],
            env=wiring.node_environment(self._folder),
            cwd=self._folder / "work",
            pass_fds=[each.fileno() for each in theirs],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        for each in theirs:
            each.close()
        message, (mem, maps, pagemap) = hear(self._control)
        if message["event"] != "memory":
            raise UnavailableError("The node that was to be searched did not start.")
        self.memory = MemoryReader(MemoryFiles(self._process.pid, mem, maps, pagemap))
        for target in (self._gather_events, self._gather_arrays):
            threading.Thread(target=target, daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(10.0)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stderr is not None:
            self._process.stderr.close()
        self._control.close()
        self._data.close()

    def wait_until_it_looks(self) -> None:
        """Wait until frames are looked at."""
        self._await("looking")

    def show(self, seed: int) -> Seen:
        """Let a face pass, wait until its passage has ended, and return what it left on the way.

        Raises:
            StateError: the face was not seen, or not compared.
        """
        self.camera.show(draw_head(seed))
        ended = self._await("ended")
        crops, templates = [], []
        while (array := self._arrays.get(timeout=_PATIENCE_S))[0] is not What.END:
            what, data = array
            if what is What.CROP:
                crops.append(np.frombuffer(data, np.uint8).reshape(_CROP_SHAPE))
            else:
                templates.append(np.frombuffer(data, np.float32))
        if not templates:
            raise StateError("The drawn face passed without being compared: nothing was tested.")
        return Seen(tuple(templates), tuple(crops), ended["at_s"], ended["alerted"])

    def snapshot(self, since_s: float) -> tuple[Snapshot, ReadFiles]:
        """Copy memory, and files that changed since then, as they are now."""
        snapshot = self.memory.snapshot()
        say(self._control, {"do": "files"})
        listed, nameless = self._await_with_files("files")
        return snapshot, read_files(self.place, since_s, listed["named"], nameless)

    def plant(self, memory: bytes, file: bytes, store: bytes, *, settled: bool) -> None:
        """Have the node hold copies in its memory, in an unlinked file and in its store."""
        sizes = {"memory": len(memory), "file": len(file), "store": len(store)}
        say(self._control, {"do": "plant", "sizes": sizes, "settled": settled})
        for data in (memory, file, store):
            self._data.sendall(data)
        self._await("planted")

    def uproot(self) -> None:
        """Have it overwrite and remove them."""
        say(self._control, {"do": "uproot"})
        self._await("uprooted")

    def _await(self, event: str) -> dict[str, Any]:
        return self._await_with_files(event)[0]

    def _await_with_files(self, event: str) -> tuple[dict[str, Any], list[int]]:
        until_s = monotonic() + _PATIENCE_S
        while monotonic() < until_s:
            try:
                message, files = self._events.get(timeout=0.5)
            except Empty:
                if self._process.poll() is not None:
                    raise UnavailableError(self._last_words()) from None
                continue
            if message["event"] == event:
                return message, files
        raise UnavailableError("The node that is searched does not answer.")

    def _last_words(self) -> str:
        said = b"" if self._process.stderr is None else self._process.stderr.read()
        lines = said.decode(errors="replace").strip().splitlines()
        return "The node that is searched has ended" + (f": {lines[-1]}" if lines else ".")

    def _gather_events(self) -> None:
        try:
            while True:
                self._events.put(hear(self._control))
        except (UnavailableError, OSError):
            return

    def _gather_arrays(self) -> None:
        try:
            while True:
                self._arrays.put(receive_array(self._data))
        except (UnavailableError, OSError):
            return


@dataclass(slots=True)
class _Tally:
    """Sums over the runs."""

    memory_bytes: int = 0
    changed_bytes: int = 0
    files_bytes: int = 0
    n_files: int = 0
    left_out_bytes: int = 0
    found: int = 0
    finds: list[Find] = field(default_factory=list)
    planted_runs: int = 0
    planted_found: int = 0
    missed: list[Find] = field(default_factory=list)
    n_forms: int = 0
    age_s: float = 0.0
    stopped_s: float = 0.0
    unread_bytes: int = 0


def run_selftest(
    *,
    runs: int = 3,
    seed: int | None = None,
    keep_going: bool = False,
    clock: Clock | None = None,
    progress: Callable[[str], None] | None = None,
) -> ForgetResult:
    """Let ``runs`` drawn faces pass a real node and search it for each of them.

    Args:
        runs: how many, each with another face.
        seed: chooses the faces; by chance if None.
        keep_going: go on after something was found.
        clock: for the time of the result.
        progress: told how it goes, in words.

    Raises:
        UnavailableError: this system does not let memory be searched, or the node ended.
        StateError: a face was not seen or not compared, so that nothing was tested.
    """
    if sys.platform != "linux":
        raise UnavailableError("Memory can be searched on Linux only.")
    tell = progress or (lambda _: None)
    seed = secrets.randbelow(1 << 20) if seed is None else seed
    began_s, tally, done = monotonic(), _Tally(), 0
    with tempfile.TemporaryDirectory(prefix="overt-forget-") as folder, ExitStack() as stack:
        node = stack.enter_context(CanaryNode(Path(folder), seed))
        stack.enter_context(node.camera)
        tell("starting a node")
        node.wait_until_it_looks()
        node.memory.make_room()
        faces = itertools.count(seed * 10_000)
        while done < runs:
            in_time = (_one_run(node, done + 1, next(faces), tally) for _ in range(_TRIES))
            if not any(in_time):
                raise UnavailableError(
                    "This machine is too busy: the node cannot be searched within a second."
                )
            done += 1
            tell(f"run {done} of {runs}: found {tally.found}, planted found {tally.planted_found}")
            if not keep_going and (tally.finds or tally.missed):
                break
    now = (clock or SystemClock()).now_utc()
    return ForgetResult(
        runs=done,
        seed=seed,
        searched_bytes=tally.memory_bytes + tally.files_bytes,
        memory_bytes=tally.memory_bytes,
        changed_bytes=tally.changed_bytes,
        files_bytes=tally.files_bytes,
        n_files=tally.n_files,
        left_out_bytes=tally.left_out_bytes,
        found=tally.found,
        finds=tuple(tally.finds[:_MOST_FINDS]),
        planted_runs=tally.planted_runs,
        planted_found=tally.planted_found,
        missed=tuple(tally.missed[:_MOST_FINDS]),
        n_forms=tally.n_forms,
        age_s=tally.age_s,
        stopped_s=tally.stopped_s,
        elapsed_s=monotonic() - began_s,
        unread_bytes=tally.unread_bytes,
        at_utc=now,
    )


def _one_run(node: CanaryNode, run: int, seed: int, tally: _Tally) -> bool:
    """Try one face; return False if it could not be searched for in time."""
    before, since_s = node.memory.snapshot(), SystemClock().now_utc().timestamp()
    seen = node.show(seed)
    if seen.n_alerted:
        raise StateError("The drawn face raised an alert, so that nothing was to be forgotten.")
    sleep(max(0.0, seen.ended_s + SETTLE_S - monotonic()))
    snapshot, files = node.snapshot(since_s)
    age_s = snapshot.taken_s - seen.ended_s + REPORTED_EVERY_S
    if age_s > WITHIN_S:
        return False
    canary = _canary(seen)
    searched = search(canary, snapshot, files, before)
    tally.age_s = max(tally.age_s, age_s)
    tally.stopped_s = max(tally.stopped_s, snapshot.stopped_s)
    tally.unread_bytes = max(tally.unread_bytes, snapshot.unread_bytes)
    tally.n_forms = min(tally.n_forms or len(canary.forms), len(canary.forms))
    tally.memory_bytes += searched.memory_bytes
    tally.changed_bytes += searched.changed_bytes
    tally.files_bytes += searched.files_bytes
    tally.n_files += searched.n_files
    tally.left_out_bytes = max(tally.left_out_bytes, searched.left_out_bytes)
    if searched.found:
        tally.found += 1
        tally.finds.extend(Find(run, each.where, each.form) for each in searched.found)
    missed = _plant_and_search(node, canary, run, snapshot, since_s)
    tally.planted_runs += 1
    tally.planted_found += not missed
    tally.missed.extend(missed)
    return True


def _canary(seen: Seen) -> Canary:
    forms = forms_of(seen.templates, seen.crops)
    empty = [form.name for form in forms if not form.pieces]
    if empty:
        raise StateError(f"The drawn face says too little to be looked for: {empty[0]}.")
    return Canary(tuple(forms), Needles(forms), np.stack([_mean(seen.templates)]))


def _mean(templates: Sequence[Vector]) -> Vector:
    """Return what all templates of a passage are alike to."""
    total = np.sum(templates, axis=0)
    return np.asarray(total / np.linalg.norm(total), np.float32)


def _plant_and_search(
    node: CanaryNode, canary: Canary, run: int, before: Snapshot, since_s: float
) -> list[Find]:
    """Plant every form in memory and one in each place; return what was not found."""
    turn = [canary.forms[(run * 7 + step) % len(canary.forms)] for step in range(16)]
    memory = b"".join(form.data + bytes(64) for form in canary.forms)
    node.plant(memory, turn[0].data, turn[1].data, settled=run % 2 == 0)
    with _planted_files(node, turn[2:]) as planted:
        snapshot, files = node.snapshot(since_s)
    node.uproot()
    searched = search(canary, snapshot, files, before)
    in_memory = {each.form for each in searched.found if each.where.startswith("memory")}
    missed = [Find(run, "memory", form.name) for form in canary.forms if form.name not in in_memory]
    for where, form in (
        *planted.items(),
        ("an open file without a name (1)", turn[0]),
    ):
        if not any(each.where == where and each.form == form.name for each in searched.found):
            missed.append(Find(run, where, form.name))
    if not any(
        "overt.sqlite3" in each.where and each.form == turn[1].name for each in searched.found
    ):
        missed.append(Find(run, "the store", turn[1].name))
    return missed


@contextmanager
def _planted_files(node: CanaryNode, turn: list[Form]) -> Iterator[dict[str, Form]]:
    """Write one form into a file in each folder; they are gone afterwards."""
    planted: dict[str, Form] = {}
    try:
        for (_, folder), form in zip(node.folders.items(), turn, strict=False):
            file, name = tempfile.mkstemp(prefix="overt-planted-", dir=folder)
            planted[name] = form
            with os.fdopen(file, "wb") as writing:
                writing.write(b"before" + form.data + b"after")
        yield planted
    finally:
        for name in planted:
            Path(name).unlink(missing_ok=True)

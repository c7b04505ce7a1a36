"""What is held of a face while it passes is overwritten when it has passed.

The arrays are watched from outside: every crop that was embedded, every template that was made, and
each passage's own buffer. The last test looks at the memory of a whole process instead.
"""

import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from overt.alerts.ports import RunStart
from overt.cli.wiring import recogniser
from overt.core.errors import StorageError
from overt.core.frame import ArrayPicture
from overt.live.passage import Passage
from overt.live.pipeline import CameraPipeline, Recogniser
from overt.live.stages import StageTimes
from overt.live.tally import Tally
from overt.policy.locks import AlertRule
from overt.store.store import Store
from overt.vision.align import align
from overt.vision.embed import Embedder


class WatchedEmbedder:
    """The real embedder, which remembers the arrays that it was given and gave."""

    def __init__(self, embedder: Embedder):
        self._embedder = embedder
        self.crops = []
        self.templates = []
        self.copies = []
        self.fails_at = None

    def embed(self, crops):
        self.crops.extend(crops)
        if self.fails_at is not None and len(self.crops) >= self.fails_at:
            raise StorageError("made up")
        made = self._embedder.embed(crops)
        self.templates.append(made)
        self.copies.append(made.copy())
        return made


@pytest.fixture
def buffers(monkeypatch):
    """The template buffer of every passage that began."""
    kept = []
    begin = Passage.begin.__func__

    def remember(cls, *arguments):
        passage = begin(cls, *arguments)
        kept.append(passage._templates)
        return passage

    monkeypatch.setattr(Passage, "begin", classmethod(remember))
    return kept


@pytest.fixture
def put_by(monkeypatch):
    """Every crop that was put by for later, whether it was compared or not."""
    from overt.vision import best_shot

    kept = []
    really_align = best_shot.align

    def remember(picture, landmarks, out):
        kept.append(really_align(picture, landmarks, out))
        return kept[-1]

    monkeypatch.setattr(best_shot, "align", remember)
    return kept


@pytest.fixture
def embedder(models):
    return WatchedEmbedder(models.embedder)


@pytest.fixture
def store(home, clock):
    with Store.open(home, clock) as opened:
        yield opened


@pytest.fixture
def pipeline(models, watchlist, embedder, store, clock):
    parts = recogniser(models, watchlist)
    watched = Recogniser(parts.detector, embedder, parts.search, parts.dims)
    sink = store.run()
    sink.start(RunStart("d-1", b"{}", "c" * 64, "a" * 64, "c", 0.5, ("gate",), clock.now_utc(), {}))
    return CameraPipeline(
        deployment="d-1",
        recogniser=watched,
        rule=AlertRule(0.45),
        rate=None,
        sink=sink,
        tally=Tally(),
        stages=StageTimes(),
        clock=clock,
    )


@pytest.fixture
def feed(pipeline, models, studio, clock):
    def do(walks, seconds):
        for frame in studio.frames(walks, seconds, clock):
            pipeline.process(frame, models.detector.detect(frame.picture))

    return do


def all_zero(arrays):
    assert len(arrays) > 0
    return not any(array.any() for array in arrays)


def test_a_passage_that_ended_leaves_zeros(feed, walk, embedder, buffers, put_by):
    feed([walk("stranger", 0.0, 1.0)], 2.6)
    assert all_zero(buffers)
    assert all_zero(embedder.crops)
    assert all_zero(embedder.templates)
    assert all_zero(put_by)
    assert np.abs(embedder.copies[0]).sum() > 1  # there was something to overwrite


def test_what_a_passage_holds_while_it_lasts_is_its_own_buffer_alone(feed, walk, embedder, buffers):
    feed([walk("stranger")], 1.0)
    assert sum(buffer.any() for buffer in buffers) == 1
    assert all_zero(embedder.crops)
    assert all_zero(embedder.templates)


def test_an_alert_keeps_no_template(feed, walk, pipeline, store, buffers, embedder, put_by):
    feed([walk("listed")], 1.5)
    assert len(store.alerts.list()) == 1
    pipeline.finish()
    assert all_zero(buffers)
    assert all_zero(embedder.templates)
    assert all_zero(put_by)


@pytest.mark.parametrize("end", ["finish", "abandon"])
def test_an_end_in_the_middle_leaves_zeros(feed, both, pipeline, buffers, embedder, put_by, end):
    feed(both, 0.7)
    getattr(pipeline, end)()
    assert all_zero(buffers)
    assert all_zero(embedder.crops)
    assert all_zero(embedder.templates)
    assert all_zero(put_by)


@pytest.mark.parametrize("fails_at", [1, 3])
def test_a_failure_leaves_zeros(feed, walk, pipeline, buffers, embedder, put_by, fails_at):
    embedder.fails_at = fails_at
    growing = [walk("stranger", face_px=(30, 120)), walk("stranger", x_px=(460, 470))]
    with pytest.raises(StorageError):
        feed(growing, 4)
    pipeline.abandon()
    assert all_zero(buffers)
    assert all_zero(embedder.crops)
    assert all_zero(put_by)


def test_a_jump_to_another_face_leaves_zeros(feed, walk, pipeline, buffers, monkeypatch):
    monkeypatch.setattr("overt.live.passage.SAME_FACE", 0.5)
    feed(
        [
            walk("listed", 1.5, 4.0, x_px=(300, 300), face_px=(84, 84)),
            walk("stranger", 0.0, 1.5, x_px=(300, 300), face_px=(60, 60)),
        ],
        3,
    )
    assert len(buffers) == 2
    assert all_zero(buffers[:1])
    pipeline.finish()
    assert all_zero(buffers)


DIMS = 128
ALIGNED = 4
"""Arrays of floats begin at multiples of 16 bytes."""


def process_memory(pid):
    """Yield what a process holds in memory that it can write to, as floats."""
    with Path(f"/proc/{pid}/maps").open() as maps, Path(f"/proc/{pid}/mem").open("rb", 0) as memory:
        for line in maps:
            place, rights, *_ = line.split()
            if not rights.startswith("rw") or "[v" in line:
                continue
            start, end = (int(part, 16) for part in place.split("-"))
            try:
                memory.seek(start)
                data = memory.read(end - start)
            except OSError:  # given back meanwhile
                continue
            floats = np.frombuffer(data[: len(data) // 4 * 4], np.float32)
            sane = np.isfinite(floats) & (np.abs(floats) < 1e3)
            yield np.where(sane, floats, np.float32(0))


def n_alike(floats, templates):
    """Return how many stretches of memory point where each template points, at any length.

    Args:
        floats: of one part of the memory.
        templates: n × 128, of unit length.
    """
    groups = floats[: len(floats) // ALIGNED * ALIGNED].reshape(-1, ALIGNED)
    n_used = np.concatenate([[0], np.cumsum(groups.any(axis=1))])
    n_groups = DIMS // ALIGNED  # a template has no four zeros in a row
    starts = np.flatnonzero(n_used[n_groups:] - n_used[:-n_groups] == n_groups)
    found = np.zeros(len(templates), int)
    for some in np.array_split(starts, len(starts) // 2**17 + 1):
        windows = floats[ALIGNED * some[:, np.newaxis] + np.arange(DIMS)]
        lengths = np.linalg.norm(windows, axis=1, keepdims=True)
        found += np.sum((windows @ templates.T > 0.6 * lengths) & (lengths > 1e-3), axis=0)
    return found


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_memory_of_the_whole_process_holds_no_template_of_a_stranger(
    models, studio, walk, pictures_of, home, portraits, tmp_path
):
    """The demo stays after its run to show the alerts; then its memory is searched from outside.

    The template on the list is found, which shows that the search works.
    """
    walks = [walk("listed", 0.0, 2.0), walk("stranger", 1.0, 3.5, x_px=(520, 460))]
    clip = studio.clip("both-leave", walks, 5.5)

    def template_of(picture):
        seen = ArrayPicture(picture)
        return models.embedder.embed([align(seen, models.detector.detect(seen).landmarks_px[0])])[0]

    listed = template_of(portraits["grace-hopper"])
    stranger = template_of(studio.picture(walks[1:], 2.0))
    demo = [sys.executable, "-c", "from overt.cli.main import main; main()", "demo"]
    options = ["--video", str(clip), "--watchlist", str(pictures_of("listed"))]
    with subprocess.Popen([*demo, *options], stderr=subprocess.PIPE, text=True) as process:
        try:
            for line in process.stderr:
                if "http://" in line:
                    break
            memory = list(process_memory(process.pid))
        finally:
            process.send_signal(signal.SIGINT)
            process.communicate()
    searched = np.stack([listed, stranger])
    n_listed, n_stranger = sum(n_alike(floats, searched) for floats in memory)
    assert n_listed >= 1
    assert n_stranger == 0

"""A reader that is paused decodes nothing, and goes on as if nothing had been."""

import threading
import time

import pytest

from overt.core.clock import ManualClock, SystemClock
from overt.video import RecordedReader, parse_source
from overt.video.slot import NewestFrameSlot, PrefetchQueue

N_FRAMES = 40
PATIENCE_S = 20.0


@pytest.fixture(scope="module")
def film(studio, both):
    return studio.clip("paused", both, N_FRAMES / 10)


@pytest.fixture
def reader(film):
    clock = ManualClock()
    with RecordedReader(parse_source(str(film)), "gate", clock, clock.now_utc()) as opened:
        yield opened


def settled(reader):
    """Return how many pictures were decoded, once that does not change any more."""
    before = -1
    until_s = time.monotonic() + PATIENCE_S
    while (n := reader.stats().n_decoded) != before:
        assert time.monotonic() < until_s
        before = n
        time.sleep(0.1)
    return n


def test_every_frame_comes_once_whenever_it_is_paused(reader):
    seen = []
    while len(seen) < N_FRAMES:
        for frame in reader:
            seen.append(frame.sequence)
            if len(seen) % 7 == 0:
                reader.pause()
                break
    assert seen == list(range(N_FRAMES))
    stats = reader.stats()
    assert (stats.n_decoded, stats.n_read, stats.n_dropped) == (N_FRAMES, N_FRAMES, 0)
    assert not stats.ended_early


def test_nothing_is_decoded_while_it_stands_still(reader):
    frames = iter(reader)
    next(frames)
    reader.pause()
    assert list(frames) == []
    n_decoded = settled(reader)
    assert n_decoded < N_FRAMES
    assert len(list(reader)) == N_FRAMES - 1
    assert reader.stats().n_decoded == N_FRAMES


def test_a_pause_wakes_whoever_waits_for_a_frame(film):
    clock = ManualClock()  # it stands still, so that the second frame is never due
    reader = RecordedReader(parse_source(str(film)), "gate", clock, clock.now_utc(), realtime=True)
    seen, ended = [], threading.Event()

    def consume():
        seen.extend(frame.sequence for frame in reader)
        ended.set()

    threading.Thread(target=consume, daemon=True).start()
    until_s = time.monotonic() + PATIENCE_S
    while not seen and time.monotonic() < until_s and not reader.stats().n_read:
        time.sleep(0.01)
    reader.pause()
    assert ended.wait(PATIENCE_S)
    assert seen == [0]
    reader.stop()


def test_a_recording_at_its_own_pace_does_not_catch_up(film):
    clock = SystemClock()
    reader = RecordedReader(parse_source(str(film)), "gate", clock, clock.now_utc(), realtime=True)
    frames = iter(reader)
    first = [next(frames).sequence for _ in range(3)]
    reader.pause()
    list(frames)
    time.sleep(1.0)
    rest = [frame.sequence for frame in reader]
    assert first[-1] < rest[0]
    assert reader.stats().n_dropped <= 3  # a second of ten frames would have been lost


def test_it_is_not_iterated_twice_without_a_pause(reader):
    next(iter(reader))
    with pytest.raises(RuntimeError, match="once more after each pause"):
        iter(reader)


def test_stopping_a_paused_reader_ends_its_thread(reader):
    next(iter(reader))
    reader.pause()
    reader.stop()
    reader.pause()
    reader._thread.join(PATIENCE_S)
    assert not reader._thread.is_alive()
    stats = reader.stats()
    assert stats.n_decoded == stats.n_read + stats.n_dropped


def test_a_reader_that_was_paused_before_it_began_begins(reader):
    reader.pause()
    assert reader.stats().n_decoded == 0
    assert len(list(reader)) == N_FRAMES


@pytest.mark.parametrize("make", [NewestFrameSlot, PrefetchQueue])
def test_a_buffer_on_hold_keeps_or_drops_what_it_has(make):
    for discard in (False, True):
        buffer = make()
        buffer.put("before")
        buffer.hold(discard=discard)
        assert buffer.get(0.01) is None
        assert not buffer.finished
        buffer.go_on()
        assert buffer.get(0.01) == (None if discard else "before")
        assert buffer.n_dropped == discard


def test_a_frame_that_comes_while_a_camera_is_let_go_is_dropped():
    slot = NewestFrameSlot()
    slot.hold(discard=True)
    slot.put("late")
    slot.go_on()
    assert slot.get(0.01) is None
    assert slot.n_dropped == 1

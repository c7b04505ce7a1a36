import threading
from datetime import UTC, datetime

import numpy as np
import pytest

from overt.core.frame import ArrayPicture, Frame
from overt.core.ids import CameraId
from overt.video.slot import NewestFrameSlot, PrefetchQueue

_PATIENCE_S = 30.0


def _frame(sequence: int) -> Frame:
    picture = ArrayPicture(np.zeros((2, 2, 3), np.uint8))
    return Frame(CameraId("gate-1"), sequence, datetime(2026, 1, 1, tzinfo=UTC), 0.0, 0.0, picture)


@pytest.mark.parametrize("make", [NewestFrameSlot, PrefetchQueue])
def test_an_empty_buffer_gives_nothing_in_time(make):
    buffer = make()
    assert buffer.get(timeout_s=0.01) is None
    assert not buffer.finished


@pytest.mark.parametrize("make", [NewestFrameSlot, PrefetchQueue])
def test_what_was_held_at_the_close_can_still_be_fetched(make):
    buffer = make()
    buffer.put(_frame(0))
    buffer.close()
    assert not buffer.finished
    assert buffer.get().sequence == 0
    assert buffer.finished
    assert buffer.get() is None
    assert buffer.n_dropped == 0


@pytest.mark.parametrize("make", [NewestFrameSlot, PrefetchQueue])
def test_what_is_discarded_or_comes_too_late_is_counted(make):
    buffer = make()
    buffer.put(_frame(0))
    buffer.close(discard=True)
    buffer.put(_frame(1))
    assert buffer.finished
    assert buffer.get() is None
    assert buffer.n_dropped == 2


@pytest.mark.parametrize("make", [NewestFrameSlot, PrefetchQueue])
def test_closing_wakes_a_waiting_consumer(make):
    buffer = make()
    woken = threading.Event()

    def wait() -> None:
        assert buffer.get() is None
        woken.set()

    thread = threading.Thread(target=wait, daemon=True)
    thread.start()
    buffer.close()
    assert woken.wait(_PATIENCE_S)


def test_the_slot_keeps_the_newest_and_counts_the_replaced():
    slot = NewestFrameSlot()
    for sequence in range(5):
        slot.put(_frame(sequence))
    assert slot.get().sequence == 4
    assert slot.n_dropped == 4


def test_the_queue_makes_the_producer_wait_and_loses_nothing():
    queue = PrefetchQueue(capacity=2)
    n_put = threading.Semaphore(0)

    def produce() -> None:
        for sequence in range(20):
            queue.put(_frame(sequence))
            n_put.release()
        queue.close()

    thread = threading.Thread(target=produce, daemon=True)
    thread.start()
    assert n_put.acquire(timeout=_PATIENCE_S)
    assert n_put.acquire(timeout=_PATIENCE_S)
    assert not n_put.acquire(timeout=0.05), "a third frame must wait for room"
    taken = []
    while (frame := queue.get()) is not None:
        taken.append(frame.sequence)
    assert taken == list(range(20))
    assert queue.n_dropped == 0


def test_closing_frees_a_producer_that_waits_for_room():
    queue = PrefetchQueue(capacity=1)
    queue.put(_frame(0))
    freed = threading.Event()

    def produce() -> None:
        queue.put(_frame(1))
        freed.set()

    thread = threading.Thread(target=produce, daemon=True)
    thread.start()
    queue.close(discard=True)
    assert freed.wait(_PATIENCE_S)
    assert queue.n_dropped == 2


def test_a_queue_needs_room():
    with pytest.raises(ValueError, match="at least 1"):
        PrefetchQueue(capacity=0)

"""What needs no server; the real thing is in tests/e2e/test_rtsp.py."""

import threading

import av
import pytest

from overt.core.clock import ManualClock, SystemClock
from overt.core.errors import UnavailableError
from overt.core.ids import CameraId
from overt.video import Backoff, CameraState, LiveReader, parse_source
from overt.video.container import problem_of

_CAMERA = CameraId("gate-1")
_SECRET = "hunter2"  # made up


def _absent_webcam(clock, **options) -> LiveReader:
    options.setdefault("backoff", Backoff(first_s=0.01, longest_s=0.01))
    return LiveReader(parse_source("webcam:999"), _CAMERA, clock, **options)


def test_a_webcam_that_is_not_there_is_given_up_and_said_so():
    with (
        _absent_webcam(SystemClock(), give_up_s=0.1) as reader,
        pytest.raises(UnavailableError, match="webcam:999 gave no picture: it is not there"),
    ):
        next(iter(reader))
    assert reader.health.state is CameraState.FAILED


def test_a_camera_is_tried_until_it_is_given_up_by_the_clock():
    clock = ManualClock()
    reader = _absent_webcam(clock, give_up_s=60.0)
    raised = threading.Event()

    def consume() -> None:
        with pytest.raises(UnavailableError):
            list(reader)
        raised.set()

    consumer = threading.Thread(target=consume, daemon=True)
    consumer.start()
    assert not raised.wait(0.4), "no time has passed on its clock"
    assert reader.health.state is CameraState.CONNECTING
    clock.advance(61)
    assert raised.wait(30)


def test_health_before_anything_was_asked():
    health = _absent_webcam(SystemClock()).health
    assert health.state is CameraState.CONNECTING
    assert (health.n_decoded, health.n_dropped, health.n_reconnects) == (0, 0, 0)
    assert health.last_frame_utc is None
    assert health.problem == "it has not answered yet"


def test_a_reader_that_was_stopped_first_connects_to_nothing():
    reader = _absent_webcam(SystemClock(), give_up_s=0.0)
    reader.stop()
    assert list(reader) == []
    assert reader.health.state is CameraState.STOPPED


def test_a_reader_is_iterated_once():
    reader = _absent_webcam(SystemClock())
    iter(reader)
    with pytest.raises(RuntimeError, match="once"):
        iter(reader)
    reader.stop()


def test_what_breaks_in_the_thread_is_raised_to_the_consumer(monkeypatch):
    def fail(*_args, **_options):
        raise MemoryError

    monkeypatch.setattr("overt.video.live.open_camera", fail)
    with pytest.raises(MemoryError):
        list(_absent_webcam(SystemClock()))


@pytest.mark.parametrize("code", sorted(av.error.classes))
def test_no_problem_quotes_the_address(code):
    error = av.error.classes[code](code, "failed", f"rtsp://admin:{_SECRET}@host/")
    assert _SECRET not in problem_of(error)
    assert "\n" not in problem_of(error)


def test_a_system_without_the_driver_says_so():
    assert problem_of(ValueError("no container format 'v4l2'")) == (
        "this system has no driver for it"
    )

"""A real RTSP server (GStreamer's) as the camera: frames, loss and return, silence, passwords."""

import contextlib
import json
import logging
import os
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from fixtures.rtsp import RtspServer, start_server
from overt.core.clock import SystemClock
from overt.core.errors import UnavailableError
from overt.core.frame import Frame
from overt.core.ids import CameraId
from overt.video import Backoff, CameraState, LiveReader, open_reader, parse_source

_PASSWORD = "correct-horse"  # made up for the server below
_CAMERA = CameraId("gate-1")
_PATIENCE_S = 30.0


@pytest.fixture(scope="module")
def server(rtsp_available) -> Iterator[RtspServer]:
    """Serve one camera to the tests that leave it running."""
    started = start_server()
    yield started
    started.kill()


@contextlib.contextmanager
def _silent_listener() -> Iterator[int]:
    """Accept connections on the loopback and never say a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        kept: list[socket.socket] = []

        def accept() -> None:
            with contextlib.suppress(OSError):
                while True:
                    kept.append(listener.accept()[0])

        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            listener.shutdown(socket.SHUT_RDWR)
            thread.join()
            for connection in kept:
                connection.close()


def _reader(url: str, **options) -> LiveReader:
    options.setdefault("backoff", Backoff(first_s=0.1, longest_s=0.5))
    return LiveReader(parse_source(url), _CAMERA, SystemClock(), **options)


def _take(frames: Iterator[Frame], n: int) -> list[Frame]:
    return [next(frames) for _ in range(n)]


def test_frames_arrive_newest_first_fetched_and_counts_reconcile(server):
    reader = _reader(f"rtsp://127.0.0.1:{server.port}/camera")
    with reader:
        assert reader.stats().n_decoded == 0
        frames = iter(reader)
        taken = _take(frames, 5)
        assert reader.health.state is CameraState.LIVE
        assert reader.health.problem == ""
    assert {(f.picture.width_px, f.picture.height_px) for f in taken} == {(320, 240)}
    sequences = [frame.sequence for frame in taken]
    assert sequences == sorted(set(sequences))
    times = [frame.media_time_s for frame in taken]
    assert times == sorted(times)
    assert times[-1] < _PATIENCE_S
    stats = reader.stats()
    assert stats.n_decoded == stats.n_read + stats.n_dropped
    assert reader.health.state is CameraState.STOPPED
    assert taken[-1].picture.crop(0, 0, 320, 240).std() > 1


def test_a_late_consumer_gets_the_newest_frame_and_the_others_are_counted_as_dropped(server):
    with _reader(f"rtsp://127.0.0.1:{server.port}/camera") as reader:
        frames = iter(reader)
        first = next(frames)
        n_before = reader.health.n_dropped
        deadline_s = time.monotonic() + _PATIENCE_S
        while reader.health.n_dropped < n_before + 3 and time.monotonic() < deadline_s:
            time.sleep(0.05)
        later = next(frames)
        assert later.sequence - first.sequence > 3
        assert later.sequence <= reader.stats().n_dropped + 1


@pytest.mark.usefixtures("rtsp_available")
def test_a_camera_that_dies_and_returns_goes_on_with_its_sequence():
    server = start_server()
    try:
        with _reader(f"rtsp://127.0.0.1:{server.port}/camera") as reader:
            frames = iter(reader)
            before = _take(frames, 3)[-1]
            server.kill()
            deadline_s = time.monotonic() + _PATIENCE_S
            while reader.health.state is CameraState.LIVE and time.monotonic() < deadline_s:
                time.sleep(0.05)
            assert reader.health.state is CameraState.RECONNECTING
            assert reader.health.problem
            server = start_server(server.port)
            while reader.health.n_reconnects == 0 and time.monotonic() < deadline_s:
                time.sleep(0.05)
            after = _take(frames, 3)
            assert reader.stats().n_reconnects == 1
            assert after[0].sequence > before.sequence
            assert after[-1].media_time_s > before.media_time_s
            assert after[-1].captured_utc > before.captured_utc
    finally:
        server.kill()


def _connections_to(port: int) -> int:
    """Return how many TCP connections of this machine stand to a local port."""
    rows = (line.split() for line in Path("/proc/net/tcp").read_text().splitlines()[1:])
    return sum(row[3] == "01" and int(row[2].partition(":")[2], 16) == port for row in rows)


def test_a_pause_lets_the_camera_go_and_takes_it_back(server):
    reader = _reader(f"rtsp://127.0.0.1:{server.port}/camera")
    with reader:
        frames = iter(reader)
        before = _take(frames, 5)[-1]
        assert _connections_to(server.port) == 1
        reader.pause()
        assert list(frames) == []
        deadline_s = time.monotonic() + _PATIENCE_S
        while _connections_to(server.port) and time.monotonic() < deadline_s:
            time.sleep(0.05)
        assert _connections_to(server.port) == 0
        assert reader.health.state is CameraState.PAUSED
        n_decoded = reader.stats().n_decoded
        time.sleep(1.0)
        assert reader.stats().n_decoded == n_decoded
        frames = iter(reader)
        after = _take(frames, 3)
        assert reader.health.state is CameraState.LIVE
        assert reader.stats().n_reconnects == 0  # it was let go, not lost
        assert after[0].sequence >= n_decoded > before.sequence
        assert after[0].media_time_s > before.media_time_s + 1.0
        assert after[0].captured_utc > before.captured_utc
    stats = reader.stats()
    assert stats.n_decoded == stats.n_read + stats.n_dropped


@pytest.mark.usefixtures("rtsp_available")
def test_a_password_opens_the_camera_and_a_wrong_one_is_refused_without_being_shown(caplog, capfd):
    server = start_server(password=_PASSWORD)
    address = f"127.0.0.1:{server.port}/camera"
    try:
        with caplog.at_level(logging.DEBUG):
            with _reader(f"rtsp://viewer:{_PASSWORD}@{address}") as reader:
                assert next(iter(reader)).picture.width_px == 320
            with (
                _reader(f"rtsp://viewer:{_PASSWORD}-no@{address}", give_up_s=0.5) as reader,
                pytest.raises(UnavailableError, match="refused the user name") as caught,
            ):
                next(iter(reader))
    finally:
        server.kill()
    told = traceback.format_exception(caught.value)
    said = "".join([*told, caplog.text, *capfd.readouterr(), repr(reader.health)])
    assert "gave no picture" in said
    assert _PASSWORD not in said
    assert "viewer:" not in str(caught.value)


def test_a_camera_that_freezes_is_lost_at_the_read_time_out_and_found_again(server):
    url = f"rtsp://127.0.0.1:{server.port}/camera"
    with _reader(url, open_timeout_s=1.0, read_timeout_s=0.5) as reader:
        frames = iter(reader)
        before = next(frames)
        os.kill(server.process.pid, signal.SIGSTOP)
        deadline_s = time.monotonic() + _PATIENCE_S
        while reader.health.state is CameraState.LIVE and time.monotonic() < deadline_s:
            time.sleep(0.05)
        assert reader.health.state is CameraState.RECONNECTING
        assert reader.health.problem == "it did not answer in time"
        os.kill(server.process.pid, signal.SIGCONT)
        while reader.health.n_reconnects == 0 and time.monotonic() < deadline_s:
            time.sleep(0.05)
        assert next(frames).sequence > before.sequence
        assert reader.health.state is CameraState.LIVE


def test_a_camera_that_never_answers_is_given_up():
    with _silent_listener() as port:
        url = f"rtsp://viewer:{_PASSWORD}@127.0.0.1:{port}/camera"
        with (
            _reader(url, open_timeout_s=0.4, give_up_s=0.8) as reader,
            pytest.raises(UnavailableError, match="did not answer in time") as caught,
        ):
            next(iter(reader))
        assert caught.value.exit_code == 6
        assert reader.health.state is CameraState.FAILED
        assert _PASSWORD not in f"{caught.value!r}{reader.health!r}"


def test_giving_up_does_not_wait_for_the_connection_to_time_out():
    with (
        _silent_listener() as port,
        _reader(f"rtsp://127.0.0.1:{port}/camera", open_timeout_s=600.0, give_up_s=0.3) as reader,
        pytest.raises(UnavailableError),
    ):
        next(iter(reader))


def test_nothing_listening_is_said_plainly():
    with socket.create_server(("127.0.0.1", 0)) as unused:
        port = unused.getsockname()[1]
    with (
        _reader(f"rtsp://127.0.0.1:{port}/camera", give_up_s=0.3) as reader,
        pytest.raises(UnavailableError, match="nothing listens at that address"),
    ):
        next(iter(reader))


def test_stop_ends_the_iteration_of_a_silent_camera_without_waiting_for_its_time_out():
    with _silent_listener() as port:
        reader = _reader(f"rtsp://127.0.0.1:{port}/camera", open_timeout_s=600.0, give_up_s=600.0)
        ended = threading.Event()

        def consume() -> None:
            assert list(reader) == []
            ended.set()

        consumer = threading.Thread(target=consume, daemon=True)
        consumer.start()
        reader.stop()
        assert ended.wait(_PATIENCE_S)
        assert reader.health.state is CameraState.STOPPED


def test_a_process_ends_although_a_camera_is_silent():
    """A stuck connection must not keep the program from closing its counts and leaving."""
    program = (
        "import sys, threading\n"
        "from overt.core.clock import SystemClock\n"
        "from overt.video import LiveReader, parse_source\n"
        "reader = LiveReader(parse_source(sys.argv[1]), 'gate-1', SystemClock(),\n"
        "                    open_timeout_s=600.0, give_up_s=600.0)\n"
        "timer = threading.Timer(0.5, reader.stop)\n"
        "timer.start()\n"
        "print(len(list(reader)))\n"
    )
    with _silent_listener() as port:
        done = subprocess.run(
            [sys.executable, "-c", program, f"rtsp://viewer:{_PASSWORD}@127.0.0.1:{port}/camera"],
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
    assert (done.returncode, done.stdout, done.stderr) == (0, "0\n", "")


def test_open_reader_connects_to_nothing_before_iteration():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        clock = SystemClock()
        spec = parse_source(f"rtsp://127.0.0.1:{listener.getsockname()[1]}/camera")
        reader = open_reader(spec, _CAMERA, clock, started_utc=clock.now_utc())
        with pytest.raises(TimeoutError):
            listener.accept()
        assert reader.stats().n_decoded == 0
        reader.stop()
        assert list(reader) == []


@pytest.mark.slow
@pytest.mark.usefixtures("rtsp_available")
def test_a_run_lets_its_camera_go_while_no_officer_is_present(
    site, start_overt, interrupt_when, pack_toml, tmp_path
):
    server = start_server()
    impatient = pack_toml.replace(b"within_s = 30", b"within_s = 1")
    found = site(present=False, pack=impatient)
    key = found.key_file(found.force.operator, tmp_path)
    camera = f"gate=rtsp://127.0.0.1:{server.port}/camera"
    process = start_overt("run", found.id, "--as", key, "--camera", camera, "--json")

    def wait_for(state: str, n_connections: int) -> None:
        deadline_s = time.monotonic() + _PATIENCE_S
        while (found.life.state, _connections_to(server.port)) != (state, n_connections):
            assert time.monotonic() < deadline_s
            assert process.poll() is None, process.communicate()
            time.sleep(0.05)

    try:
        wait_for("live", 0)  # nobody has said yet that they are there: nothing is opened
        with found.beating(0.2):
            wait_for("live", 1)
            time.sleep(2.0)
        wait_for("paused", 0)
        with found.beating(0.2):
            wait_for("live", 1)
            time.sleep(2.0)
            stdout, stderr = interrupt_when(process, lambda: True)
    finally:
        server.kill()
    assert process.returncode == 130, stderr
    result = json.loads(stdout)
    assert result["pauses"]["n"] == 1
    assert result["pauses"]["seconds"] > 0
    assert result["frames"]["read"] > 10
    assert result["looked_s"] < result["elapsed_s"]

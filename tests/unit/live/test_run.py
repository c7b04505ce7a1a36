"""A run from its authority to its closed counts, with real models, clips and a real store."""

import socket
from datetime import UTC, datetime, timedelta

import pytest

from overt.alerts.ports import StopReason
from overt.core.clock import ManualClock, SystemClock
from overt.core.errors import AuthorityError, InputError, StorageError, UnavailableError
from overt.ledger.kinds import RecordKind
from overt.ledger.records import LedgerRecord, parse_counts
from overt.store.store import Store
from overt.video.live import LiveReader
from overt.video.readers import RecordedReader
from overt.video.sources import SourceKind, SourceSpec, parse_source

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
FPS = 10
LONG_S = 6


class SetClock(SystemClock):
    """The machine's clocks, the wall clock of which somebody sets."""

    def __init__(self):
        self.offset = timedelta(0)

    def now_utc(self):
        return super().now_utc() + self.offset

    def set_to(self, moment):
        self.offset = moment - super().now_utc()


@pytest.fixture
def readers():
    """Every recording's reader made here, so that what was decoded can be asked afterwards."""
    return []


@pytest.fixture
def reader_of(readers):
    def do(path, clock, camera="gate", **options):
        reader = RecordedReader(parse_source(str(path)), camera, clock, clock.now_utc(), **options)
        readers.append(reader)
        return reader

    return do


@pytest.fixture(scope="session")
def long_clip(studio, both):
    return studio.clip("long", both, LONG_S)


def acts(store, kind):
    records = [LedgerRecord.parse(data) for data in store.ledger.records()]
    return [record.body for record in records if record.kind is kind]


def closed_as(store, reason):
    """Check that the last run's record says how it ended and that its counts add up."""
    stopped = acts(store, RecordKind.RUN_STOPPED)[-1]
    assert stopped["reason"] == reason
    minutes = [
        parse_counts(body["counts"])
        for body in acts(store, RecordKind.RUN_COUNTS)
        if body["run"] == stopped["run"]
    ]
    totals = parse_counts(stopped["totals"])
    totals.check()
    assert sum(minutes[1:], minutes[0]) == totals
    store.verify()
    return totals


def declared(reader, counts):
    """Every frame that was decoded was looked at or is declared as dropped."""
    stats = reader.stats()
    return stats.n_decoded == counts.frames_read + counts.frames_dropped


def test_a_recording_is_run_to_its_end(
    deployment_run, clip_of_both, store, watcher, clock, reader_of
):
    reader = reader_of(clip_of_both, clock)
    report = deployment_run({"gate": reader}, clock).run()
    counts = report.counts
    assert report.reason is StopReason.FINISHED
    assert counts == closed_as(store, "finished")
    assert (counts.frames_read, counts.frames_dropped) == (30, 0)
    assert (counts.faces_detected, counts.faces_alerted, counts.faces_erased) == (2, 1, 1)
    (kept,) = store.alerts.list()
    assert [alert.id for alert, _, _ in watcher.alerts] == [kept.id]
    assert report.failed_cameras == report.ended_early == ()
    assert watcher.progress[-1].n_frames_expected == 30
    assert declared(reader, counts)


@pytest.mark.parametrize("hours", [-1, 2])
def test_outside_the_window_nothing_is_decoded(
    deployed, run_of, clip_of_both, reader_of, hours, clock, store
):
    found = deployed(clock)
    found.go_live()
    reader = reader_of(clip_of_both, clock)
    before = list(store.ledger.records())
    with pytest.raises(AuthorityError):
        run_of(found, {"gate": reader}, ManualClock(clock.start_utc + timedelta(hours=hours)))
    assert reader.stats().n_decoded == 0
    assert list(store.ledger.records()) == before


def test_a_camera_that_is_not_named_decodes_nothing(
    deployed, run_of, clip_of_both, reader_of, clock
):
    found = deployed(clock)
    found.go_live()
    other = reader_of(clip_of_both, clock, "another")
    with pytest.raises(AuthorityError, match="does not name the camera another"):
        run_of(found, {"another": other}, clock)
    assert other.stats().n_decoded == 0


@pytest.mark.parametrize(
    ("begins_s", "set_by_s"),
    [(-10, 0), (-5400, -3600), (-10, -3600), (-10, 3600)],
    ids=["untouched", "set back within the window", "set back before it", "set on"],
)
def test_everything_stops_within_a_second_of_the_end(
    deployed, deployment_run, long_clip, reader_of, tmp_path, watcher, begins_s, set_by_s
):
    clock, lasts_s = SetClock(), 1.5
    clock.set_to(NOON + timedelta(seconds=begins_s))
    with Store.open(tmp_path / "of-this-clock", clock) as store:
        found = deployed(clock, store=store, lasts=timedelta(seconds=lasts_s - begins_s))
        clock.set_to(NOON)
        reader = reader_of(long_clip, clock, realtime=True)
        run = deployment_run({"gate": reader}, clock, realtime=True, found=found)

        def set_clock(progress):
            if progress.counts.frames_read >= 3:
                clock.set_to(clock.now_utc() + timedelta(seconds=set_by_s))
                watcher.on_progress = lambda progress: None

        watcher.on_progress = set_clock
        report = run.run()
        n_decoded = reader.stats().n_decoded
        assert report.reason is StopReason.AUTHORITY_ENDED
        assert 3 <= n_decoded <= (lasts_s + 1) * FPS < LONG_S * FPS
        assert report.counts == closed_as(store, "authority_ended")
        assert declared(reader, report.counts)
        assert not reader._thread.is_alive()
        assert found.life.state == ("ended" if set_by_s >= 0 else "paused")


def test_no_frame_is_looked_at_once_authority_has_ended(
    deployment_run, long_clip, reader_of, store, watcher, clock
):
    reader = reader_of(long_clip, clock)
    run = deployment_run({"gate": reader}, clock)
    watcher.on_progress = lambda progress: clock.advance(7200)
    report = run.run()
    assert report.reason is StopReason.AUTHORITY_ENDED
    assert report.counts.frames_read < LONG_S * FPS
    assert declared(reader, report.counts)


def test_an_interrupted_run_is_closed_and_keeps_its_alerts(
    deployment_run, long_clip, reader_of, store, watcher, clock
):
    reader = reader_of(long_clip, SystemClock(), realtime=True)
    run = deployment_run({"gate": reader}, clock, realtime=True)
    watcher.on_progress = lambda progress: watcher.alerts and run.interrupt()
    report = run.run()
    counts = closed_as(store, "interrupted")
    assert report.reason is StopReason.INTERRUPTED
    assert report.counts == counts
    assert counts.faces_alerted == len(store.alerts.list()) == 1
    assert counts.frames_read < LONG_S * FPS
    assert declared(reader, counts)


def test_an_interrupt_before_the_first_frame_is_closed(deployment_run, clip_of_both, store, clock):
    run = deployment_run({"gate": str(clip_of_both)}, clock)
    run.interrupt()
    assert run.run().reason is StopReason.INTERRUPTED
    closed_as(store, "interrupted")


def test_the_minutes_of_a_run_add_up_to_its_totals(
    deployment_run, clip_of_both, reader_of, held_back, store, watcher, clock, monkeypatch
):
    monkeypatch.setattr("overt.live.run.MINUTE_S", 0.3)
    reader = held_back(reader_of(clip_of_both, SystemClock()), n_first=15)
    run = deployment_run({"gate": reader}, clock)

    def a_tenth_of_a_second_later(progress):
        clock.advance(0.1)
        if clock.elapsed_s > 1.5:
            reader.go_on()

    watcher.on_progress = a_tenth_of_a_second_later
    assert run.run().reason is StopReason.FINISHED
    closed_as(store, "finished")
    assert len(acts(store, RecordKind.RUN_COUNTS)) > 3


def test_one_broken_source_leaves_the_other_going(
    deployment_run, clip_of_both, tmp_path, store, watcher, clock
):
    (tmp_path / "broken.mp4").write_bytes(b"no video" * 100)
    sources = {"north": str(tmp_path / "broken.mp4"), "gate": str(clip_of_both)}
    report = deployment_run(sources, clock).run()
    assert report.reason is StopReason.FINISHED
    assert report.failed_cameras == ("north",)
    assert report.counts.frames_read == 30
    assert report.counts.faces_alerted == 1
    closed_as(store, "finished")


def test_two_cameras_alert_each_for_itself(deployment_run, clip_of_both, store, clock):
    sources = {"gate": str(clip_of_both), "north": str(clip_of_both)}
    report = deployment_run(sources, clock).run()
    assert sorted(alert.camera for alert in store.alerts.list()) == ["gate", "north"]
    assert report.counts.faces_alerted == 2
    assert report.counts.frames_read == 60
    closed_as(store, "finished")


def test_without_any_source_that_works_the_run_fails_and_is_closed(
    deployment_run, tmp_path, store, clock
):
    sources = {}
    for camera in ("gate", "north"):
        path = tmp_path / f"{camera}.mp4"
        path.write_bytes(b"no video" * 100)
        sources[camera] = str(path)
    with pytest.raises(InputError, match="cannot read video"):
        deployment_run(sources, clock).run()
    assert closed_as(store, "failed").frames_read == 0


@pytest.fixture
def silent_address():
    """An address at which a connection is taken and nothing is ever said."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        host, port = server.getsockname()
        yield f"rtsp://{host}:{port}/secret-path"


@pytest.fixture
def silent_camera(silent_address):
    spec = parse_source(silent_address)
    assert spec.kind is SourceKind.RTSP
    return LiveReader(
        spec, "gate", SystemClock(), open_timeout_s=0.3, read_timeout_s=0.3, give_up_s=0.6
    )


def test_a_camera_that_never_answers_is_given_up(deployment_run, silent_camera, store, clock):
    with pytest.raises(UnavailableError, match="gave no picture") as caught:
        deployment_run({"gate": silent_camera}, clock).run()
    assert caught.value.exit_code == 6
    assert "secret-path" not in str(caught.value)
    closed_as(store, "failed")


def test_a_camera_that_never_answers_leaves_the_others_going(
    deployment_run, silent_camera, clip_of_both, store, clock
):
    sources = {"gate": silent_camera, "north": str(clip_of_both)}
    report = deployment_run(sources, clock).run()
    assert report.reason is StopReason.FINISHED
    assert report.failed_cameras == ("gate",)
    assert report.counts.faces_alerted == 1


def test_a_webcam_that_is_not_there_is_said(deployment_run, store, clock):
    spec = SourceSpec(SourceKind.WEBCAM, "webcam:99", "/dev/video99")
    camera = LiveReader(spec, "gate", SystemClock(), give_up_s=0.2)
    with pytest.raises(UnavailableError, match="webcam:99"):
        deployment_run({"gate": camera}, clock).run()


def test_an_interrupt_does_not_wait_for_a_silent_camera(
    deployment_run, silent_address, store, watcher, clock
):
    camera = LiveReader(parse_source(silent_address), "gate", SystemClock(), give_up_s=60)
    run = deployment_run({"gate": camera}, clock)
    watcher.on_progress = lambda progress: run.interrupt()
    assert run.run().reason is StopReason.INTERRUPTED
    closed_as(store, "interrupted")


def test_a_recording_that_breaks_off_is_named(deployment_run, studio, both, tmp_path, clock):
    from overt.video.writer import VideoWriter

    path = tmp_path / "cut.mkv"
    with VideoWriter(path, 640, 360, FPS) as writer:
        for _, scene in studio.pictures(both, 3):
            writer.write(scene)
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    report = deployment_run({"gate": str(path)}, clock).run()
    assert report.ended_early == ("gate",)
    assert 0 < report.counts.frames_read < 30


def fill(folder):
    """Leave no byte of the disk free."""
    with (folder / "ballast").open("ab", buffering=0) as file:
        for size in (65536, 4096, 512, 1):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                continue


def test_a_full_disk_ends_the_run_and_keeps_what_was_acknowledged(
    deployment_run, studio, walk, small_disk, watcher, clock
):
    disk = small_disk("4m")
    passages = [walk("listed", start, start + 1.0) for start in (0.0, 4.5, 9.0)]
    clip = studio.clip("three-passages", passages, 10)
    with Store.open(disk / "home", clock) as store:
        run = deployment_run({"gate": str(clip)}, clock, sink=store.run())
        told = watcher.alert_raised
        watcher.alert_raised = lambda *told_of: (told(*told_of), fill(disk))
        with pytest.raises(StorageError, match="disk is full"):
            run.run()
        acknowledged = [alert.id for alert, _, _ in watcher.alerts]
        assert len(acknowledged) == 1
        assert [alert.id for alert in store.alerts.list()] == acknowledged
    (disk / "ballast").unlink()
    with Store.open(disk / "home", clock) as store:
        assert [alert.id for alert in store.alerts.list()] == acknowledged
        store.run()
        store.verify()
        assert acts(store, RecordKind.RUN_STOPPED)[-1]["reason"] in {"not_closed", "failed"}


class FailsOnce:
    """A sink whose minutes cannot be kept."""

    def __init__(self, sink):
        self.sink = sink

    def __getattr__(self, name):
        return getattr(self.sink, name)

    def minute(self, ended_utc, counts):
        raise StorageError("The disk is full.")


def test_the_end_is_kept_even_if_the_last_minute_could_not_be(
    deployment_run, clip_of_both, store, clock
):
    with pytest.raises(StorageError, match="disk is full"):
        deployment_run({"gate": str(clip_of_both)}, clock, sink=FailsOnce(store.run())).run()
    (stopped,) = acts(store, RecordKind.RUN_STOPPED)
    assert stopped["reason"] == "failed"
    assert parse_counts(stopped["totals"]).frames_read == 30


def test_alerts_that_nobody_sees_stop_the_run_and_are_counted_as_kept(
    deployment_run, clip_of_both, store, watcher, clock, reader_of, monkeypatch
):
    def unseen(alert, pictures, stored_after_s):
        raise BrokenPipeError

    monkeypatch.setattr(watcher, "alert_raised", unseen)
    reader = reader_of(clip_of_both, clock)
    with pytest.raises(BrokenPipeError):
        deployment_run({"gate": reader}, clock).run()
    counts = closed_as(store, "failed")
    assert counts.faces_alerted == len(store.alerts.list()) == 1
    assert declared(reader, counts)

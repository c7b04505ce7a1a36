"""``overt run`` and ``overt deployment present`` as people use them."""

import json
import re
import signal
import time
from datetime import timedelta

import pytest

from overt.alerts.ports import StopReason
from overt.core.clock import SystemClock
from overt.deployment.acts import CheckOutOfficer, End
from overt.deployment.life import LifeEvent, LifeState
from overt.ledger.kinds import RecordKind
from overt.ledger.records import LedgerRecord, parse_counts
from overt.store.store import Store
from overt.watchlist.decisions import WithdrawalReason
from overt.watchlist.lifecycle import Actor, withdraw

LONG_S = 12


@pytest.fixture(scope="session")
def long_clip(studio, both):
    return studio.clip("long-12", both, LONG_S)


def last_stop(home):
    """Verify the whole record; return how the last run ended and its totals."""
    with Store.open(home, SystemClock()) as store:
        store.verify()
        records = [LedgerRecord.parse(data) for data in store.ledger.records()]
        kept = store.alerts.list()
    stopped = [record.body for record in records if record.kind is RecordKind.RUN_STOPPED][-1]
    totals = parse_counts(stopped["totals"])
    totals.check()
    assert stopped["reconciled"] is True
    assert totals.faces_alerted == len(kept)
    return StopReason(stopped["reason"]), totals


def check_result(result, threshold=0.45):
    (alert,) = result["alerts"]
    assert alert["words"] == "possible match"
    assert alert["entry"] == "listed"
    assert alert["camera"] == "gate"
    assert alert["similarity"] > alert["threshold"] == threshold
    assert alert["false_alert_one_in"] == 1000
    assert result["ended"] == "finished"
    assert result["ended_because"] is None
    assert result["frames"] == {"read": 30, "dropped": 0}
    faces = result["faces"]
    assert (faces["detected"], faces["rejected"], faces["compared"]) == (2, 0, 2)
    assert (faces["alerted"], faces["erased"], faces["repeats"]) == (1, 1, 0)
    assert result["truth"] is None
    assert result["failed_cameras"] == result["ended_early"] == []
    assert result["pauses"]["n"] == 0


def test_an_authorised_deployment_is_run_by_its_operator(
    site, run_of_site, clip_of_both, home, command
):
    found = site()
    check_result(run_of_site(found, "--camera", f"gate={clip_of_both}", "--json").json)
    reason, totals = last_stop(home)
    assert reason is StopReason.FINISHED
    assert totals.faces_erased == 1
    assert command("ledger", "verify").returncode == 0
    life = found.life
    assert life.state is LifeState.PAUSED
    assert [step.event for step in life.steps[-2:]] == [LifeEvent.GO_LIVE, LifeEvent.PAUSE]
    assert life.steps[-2].by == found.force.operator.id
    assert life.steps[-1].reason == "The node stopped: every source came to its end."


@pytest.mark.slow
def test_officers_are_present_from_processes_of_their_own(
    site, start_overt, tmp_path, clip_of_both, home, ran_of
):
    found = site(present=False)
    operator, engagement = found.force.officers
    keys = [found.key_file(each, tmp_path) for each in (operator, engagement)]
    camera = ("--camera", f"gate={clip_of_both}", "--json")
    run = start_overt("run", found.id, "--as", keys[0], *camera)
    there = [
        start_overt("deployment", "present", found.id, "--as", key, "--for-minutes", 10)
        for key in keys
    ]
    check_result(ran_of(run).json)
    for each in there:
        each.send_signal(signal.SIGINT)
        told = ran_of(each)
        assert told.returncode == 0
        assert "is present, and says so every 10 s until Ctrl-C" in told.stderr
    assert last_stop(home)[0] is StopReason.FINISHED


def test_saying_once_that_one_is_there_checks_in(site, command, tmp_path):
    found = site(present=False)
    officer = found.force.officers[-1]
    found.act(CheckOutOfficer(), officer)
    key = found.key_file(officer, tmp_path)
    ran = command("deployment", "present", found.id, "--as", key, "--once")
    assert ran.returncode == 0, ran.stderr
    assert officer.id in found.life.present()
    assert found.store.lives.beats(found.id)[officer.id] == 1
    requester = found.key_file(found.force.requester, tmp_path)
    told = command("deployment", "present", found.id, "--as", requester, "--once")
    assert told.failed_plainly(9, "check in and be present")
    assert command("deployment", "present", "d-9", "--as", key, "--once").failed_plainly(
        10, "no deployment d-9"
    )


def test_presence_ends_with_the_deployment(site, command, tmp_path, monkeypatch):
    monkeypatch.setattr("overt.cli.presence.TIMES_WITHIN", 300)
    found = site(present=False)
    operator = found.force.operator
    key = found.key_file(operator, tmp_path)
    found.act(End("it rained"), operator)
    ran = command("deployment", "present", found.id, "--as", key)
    assert ran.returncode == 0
    assert "is over" in ran.stderr


def test_a_bare_source_is_the_only_camera(site, run_of_site, clip_of_both):
    result = run_of_site(site(), "--camera", clip_of_both, "--json").json
    assert result["alerts"][0]["camera"] == "gate"


def test_the_capability_file_names_the_deployment(site, run_of_site, clip_of_both, tmp_path):
    found = site()
    (tmp_path / "d-1.json").write_bytes(found.file)
    camera = ("--camera", f"gate={clip_of_both}", "--json")
    check_result(run_of_site(found, *camera, named=tmp_path / "d-1.json").json)


def test_what_a_person_sees(site, run_of_site, clip_of_both):
    ran = run_of_site(site(), "--camera", f"gate={clip_of_both}")
    assert ran.returncode == 0
    assert ran.stdout == ""
    assert re.search(r"possible match: listed +camera gate", ran.stderr)
    assert "faces detected = 0 rejected + 2 compared" in ran.stderr
    assert "faces compared = 1 alerted + 1 erased" in ran.stderr
    assert "%" not in ran.stderr  # nothing claims an identity by a percentage


def test_it_is_started_again_within_its_window(site, run_of_site, clip_of_both):
    found = site()
    for _ in range(2):
        assert run_of_site(found, "--camera", f"gate={clip_of_both}").returncode == 0
    events = [step.event for step in found.life.steps][-4:]
    assert events == [LifeEvent.GO_LIVE, LifeEvent.PAUSE, LifeEvent.RESUME, LifeEvent.PAUSE]
    assert len(found.store.alerts.list()) == 2
    found.store.verify()


def test_who_was_withdrawn_is_not_compared(site, run_of_site, clip_of_both, enrol):
    found = site(listed=enrol("listed", "stranger"))
    withdrawn = next(each for each in found.watchlist.entries if each.label == "listed")
    lives = found.store.watchlist_lives
    actor = Actor(found.force.list_manager, SystemClock().now_utc())
    life = lives.find(found.watchlist.id)
    lives.take(withdraw(life, withdrawn.entry, WithdrawalReason.FOUND, actor))
    result = run_of_site(found, "--camera", f"gate={clip_of_both}", "--json").json
    assert [alert["entry"] for alert in result["alerts"]] == ["stranger"]


def test_a_broken_camera_is_named_and_the_other_goes_on(site, run_of_site, clip_of_both, tmp_path):
    (tmp_path / "broken.mp4").write_bytes(b"no video" * 99)
    cameras = (
        "--camera", f"gate={clip_of_both}", "--camera", f"north={tmp_path / 'broken.mp4'}",
    )  # fmt: skip
    found = site(cameras=("gate", "north"))
    ran = run_of_site(found, *cameras, "--json")
    assert ran.json["failed_cameras"] == ["north"]
    assert len(ran.json["alerts"]) == 1
    again = run_of_site(found, *cameras)
    assert "The camera north could not be read." in again.stderr


class Ahead(SystemClock):
    """A clock by which a window is over sooner."""

    by = timedelta(0)

    def now_utc(self):
        return super().now_utc() + self.by


def test_authority_that_ends_is_said(site, run_of_site, long_clip, home, monkeypatch):
    clock = Ahead()
    found = site(clock=clock, lasts=timedelta(minutes=10))
    left = found.capability.not_after_utc - clock.now_utc()
    monkeypatch.setattr(Ahead, "by", left - timedelta(seconds=3))
    monkeypatch.setattr("overt.cli.run.SystemClock", Ahead)
    ran = run_of_site(found, "--camera", f"gate={long_clip}", "--realtime")
    assert ran.returncode == 0, ran.stderr
    assert "The authority has ended, and with it the run." in ran.stderr
    reason, totals = last_stop(home)
    assert reason is StopReason.AUTHORITY_ENDED
    assert totals.frames_read < LONG_S * 10
    assert found.life.state is LifeState.ENDED


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_ctrl_c_closes_the_run_and_keeps_its_alerts(
    site, start_overt, interrupt_when, long_clip, home, tmp_path, number
):
    found = site()
    key = found.key_file(found.force.operator, tmp_path)
    camera = ("--camera", f"gate={long_clip}", "--realtime", "--json")
    process = start_overt("run", found.id, "--as", key, *camera)
    stdout, stderr = interrupt_when(process, found.store.alerts.list, number)
    assert process.returncode == 130, stderr
    assert "Traceback" not in stderr
    result = json.loads(stdout)
    assert result["ended"] == "interrupted"
    assert result["frames"]["read"] < LONG_S * 10
    reason, totals = last_stop(home)
    assert reason is StopReason.INTERRUPTED
    assert totals.faces_alerted == len(result["alerts"]) == 1
    assert found.life.steps[-1].reason == "The node stopped: it was interrupted."


@pytest.mark.slow
def test_somebody_at_another_machine_ends_it(
    site, start_overt, ran_of, command, long_clip, home, tmp_path
):
    found = site()
    key = found.key_file(found.force.operator, tmp_path)
    camera = ("--camera", f"gate={long_clip}", "--realtime")
    process = start_overt("run", found.id, "--as", key, *camera)
    until = time.monotonic() + 60
    while not found.store.alerts.list() and time.monotonic() < until:
        time.sleep(0.05)
    ended = command("deployment", "end", found.id, "--as", key, "--reason", "the rain set in")
    assert ended.returncode == 0, ended.stderr
    ran = ran_of(process)
    assert ran.returncode == 0, ran.stderr
    assert "the rain set in. With that the run has ended." in ran.stderr
    reason, totals = last_stop(home)
    assert reason is StopReason.ENDED
    assert totals.frames_read < LONG_S * 10


@pytest.mark.slow
def test_silence_pauses_a_run_and_says_what_to_do(
    site, start_overt, interrupt_when, long_clip, tmp_path, pack_toml, home
):
    """Officers fall silent; the run stands still until it is interrupted."""
    impatient = pack_toml.replace(b"within_s = 30", b"within_s = 1")
    found = site(present=False, pack=impatient)
    key = found.key_file(found.force.operator, tmp_path)
    camera = ("--camera", f"gate={long_clip}", "--realtime")
    process = start_overt("run", found.id, "--as", key, *camera)
    began = time.monotonic()

    def paused():
        if not found.store.alerts.list() and time.monotonic() < began + 60:
            found.beat()
            return False
        return found.life.state is LifeState.PAUSED

    _, stderr = interrupt_when(process, paused)
    assert "Paused, nothing is looked at. 1 operator must be present" in stderr
    assert "To go on: overt deployment present d-1 --as KEY" in stderr
    assert "Paused once, for" in stderr
    assert last_stop(home)[1].frames_read < LONG_S * 10


@pytest.mark.slow
def test_a_process_that_is_killed_is_closed_by_the_next_run(
    site, run_of_site, start_overt, interrupt_when, long_clip, clip_of_both, home, tmp_path
):
    found = site()
    key = found.key_file(found.force.operator, tmp_path)
    process = start_overt(
        "run", found.id, "--as", key, "--camera", f"gate={long_clip}", "--realtime"
    )
    second = None

    def alerted():
        nonlocal second
        if second is None and found.store.alerts.list():
            second = run_of_site(found, "--camera", f"gate={clip_of_both}")
        return second is not None

    interrupt_when(process, alerted, signal.SIGKILL)
    assert second.failed_plainly(7, "Another process")
    assert run_of_site(found, "--camera", f"gate={clip_of_both}").returncode == 0
    found.store.verify()
    records = [LedgerRecord.parse(data) for data in found.store.ledger.records()]
    assert len(found.store.alerts.list()) == 2
    stops = [r.body["reason"] for r in records if r.kind is RecordKind.RUN_STOPPED]
    assert stops == ["not_closed", "finished"]
    reasons = [step.reason for step in found.life.steps if step.event is LifeEvent.PAUSE]
    assert reasons[0] == "The node stopped without saying so."


@pytest.mark.slow
def test_a_camera_that_never_answers_is_given_up(site, run_of_site, home):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"rtsp://somebody:secret@127.0.0.1:{server.getsockname()[1]}/secret-path"
        ran = run_of_site(site(), "--camera", f"gate={address}")
    assert ran.failed_plainly(6, "gave no picture")
    assert "secret" not in ran.stderr
    assert last_stop(home)[0] is StopReason.FAILED

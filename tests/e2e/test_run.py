"""``overt run`` as a person uses it, from a key to the record of a run."""

import json
import re
import signal
from datetime import UTC, datetime, timedelta

import pytest

from overt.alerts.ports import StopReason
from overt.core.clock import SystemClock
from overt.ledger.records import LedgerRecord, RecordKind, parse_counts
from overt.store.store import Store

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


def walk_through(run, tmp_path, pictures, clip):
    """Make a key, trust it, import a list, authorise a deployment and run it."""
    key, capability = tmp_path / "office.key", tmp_path / "capability.json"
    assert run("deployment", "new-key", key).returncode == 0
    assert run("deployment", "trust", f"{key}.pub").returncode == 0
    imported = run("watchlist", "import", pictures, "--name", "wanted", "--json").json
    authorised = run(
        "deployment", "authorise", "d-1", "--camera", "gate", "--watchlist", "wanted",
        "--authoriser", "the office", "--key", key, "--out", capability,
        "--minutes", "10", "--one-in", "1000",
    )  # fmt: skip
    assert authorised.returncode == 0, authorised.stderr
    shown = run("deployment", "show", capability, "--json")
    assert shown.json["watchlist_sha256"] == imported["sha256"]
    ran = run("run", capability, "--camera", f"gate={clip}", "--json")
    assert ran.returncode == 0, ran.stderr
    return imported, shown.json, ran.json


def check_walk(imported, authorised, result):
    assert imported["n_entries"] == 1
    assert [row["entry"] for row in imported["accepted"]] == ["listed"]
    assert imported["refused"] == []
    (alert,) = result["alerts"]
    assert alert["words"] == "possible match"
    assert alert["entry"] == "listed"
    assert alert["entry_id"] == imported["accepted"][0]["entry_id"]
    assert alert["camera"] == "gate"
    assert alert["similarity"] > alert["threshold"]
    assert alert["threshold"] * 1e6 == pytest.approx(authorised["rule"]["threshold_micro"])
    assert alert["false_alert_one_in"] == 1000
    assert result["ended"] == "finished"
    assert result["frames"] == {"read": 30, "dropped": 0}
    faces = result["faces"]
    assert (faces["detected"], faces["rejected"], faces["compared"]) == (2, 0, 2)
    assert (faces["alerted"], faces["erased"], faces["repeats"]) == (1, 1, 0)
    assert result["truth"] is None
    assert result["failed_cameras"] == result["ended_early"] == []


def test_from_a_key_to_an_alert(command, tmp_path, pictures_of, clip_of_both, home):
    check_walk(*walk_through(command, tmp_path, pictures_of("listed"), clip_of_both))
    reason, totals = last_stop(home)
    assert reason is StopReason.FINISHED
    assert totals.faces_erased == 1
    assert command("ledger", "verify").returncode == 0
    (kept,) = command("alerts", "list", "--json").json["alerts"]
    assert kept["entry"] == "listed"


@pytest.mark.slow
def test_from_a_key_to_an_alert_in_processes(
    start_overt, tmp_path, pictures_of, clip_of_both, home, ran_of
):
    def run(*arguments):
        return ran_of(start_overt(*arguments))

    check_walk(*walk_through(run, tmp_path, pictures_of("listed"), clip_of_both))
    assert last_stop(home)[0] is StopReason.FINISHED


def test_a_bare_source_is_the_only_camera(command, trusted, listed, capability_file, clip_of_both):
    result = command("run", capability_file(), "--camera", clip_of_both, "--json").json
    assert result["alerts"][0]["camera"] == "gate"


def test_what_a_person_sees(command, trusted, listed, capability_file, clip_of_both):
    ran = command("run", capability_file(), "--camera", f"gate={clip_of_both}")
    assert ran.returncode == 0
    assert ran.stdout == ""
    assert re.search(r"possible match: listed +camera gate", ran.stderr)
    assert "faces detected = 0 rejected + 2 compared" in ran.stderr
    assert "faces compared = 1 alerted + 1 erased" in ran.stderr
    assert "%" not in ran.stderr  # nothing claims an identity by a percentage


def test_a_broken_camera_is_named_and_the_other_goes_on(
    command, trusted, listed, capability_file, clip_of_both, tmp_path
):
    (tmp_path / "broken.mp4").write_bytes(b"no video" * 99)
    cameras = (
        "--camera", f"gate={clip_of_both}", "--camera", f"north={tmp_path / 'broken.mp4'}",
    )  # fmt: skip
    capability = capability_file(cameras=("gate", "north"))
    ran = command("run", capability, *cameras, "--json")
    assert ran.json["failed_cameras"] == ["north"]
    assert len(ran.json["alerts"]) == 1
    again = command("run", capability, *cameras)
    assert "The camera north could not be read." in again.stderr


def test_authority_that_ends_is_said(command, trusted, listed, capability_file, long_clip, home):
    ends = datetime.now(UTC) + timedelta(seconds=1.2)
    capability = capability_file(not_after_utc=ends)
    ran = command("run", capability, "--camera", f"gate={long_clip}", "--realtime")
    assert ran.returncode == 0
    assert "The authority has ended, and with it the run." in ran.stderr
    reason, totals = last_stop(home)
    assert reason is StopReason.AUTHORITY_ENDED
    assert totals.frames_read < LONG_S * 10


@pytest.mark.parametrize(
    "number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)]
)
def test_ctrl_c_closes_the_run_and_keeps_its_alerts(
    start_overt, interrupt_when, trusted, listed, capability_file, long_clip, home, number
):
    process = start_overt(
        "run", capability_file(), "--camera", f"gate={long_clip}", "--realtime", "--json"
    )
    with Store.open(home, SystemClock()) as store:
        stdout, stderr = interrupt_when(process, store.alerts.list, number)
    assert process.returncode == 130, stderr
    assert "Traceback" not in stderr
    result = json.loads(stdout)
    assert result["ended"] == "interrupted"
    assert result["frames"]["read"] < LONG_S * 10
    reason, totals = last_stop(home)
    assert reason is StopReason.INTERRUPTED
    assert totals.faces_alerted == len(result["alerts"]) == 1


@pytest.mark.slow
def test_a_process_that_is_killed_is_closed_by_the_next_run(
    command, start_overt, interrupt_when, trusted, listed, capability_file, long_clip,
    clip_of_both, home,
):  # fmt: skip
    capability = capability_file()
    process = start_overt("run", capability, "--camera", f"gate={long_clip}", "--realtime")
    with Store.open(home, SystemClock()) as store:
        second = None

        def alerted():
            nonlocal second
            if second is None and store.alerts.list():
                second = command("run", capability, "--camera", f"gate={clip_of_both}")
            return second is not None

        interrupt_when(process, alerted, signal.SIGKILL)
    assert second.failed_plainly(7, "Another process")
    assert command("run", capability, "--camera", f"gate={clip_of_both}").returncode == 0
    with Store.open(home, SystemClock()) as store:
        store.verify()
        records = [LedgerRecord.parse(data) for data in store.ledger.records()]
        assert len(store.alerts.list()) == 2
    stops = [r.body["reason"] for r in records if r.kind is RecordKind.RUN_STOPPED]
    assert stops == ["not_closed", "finished"]


@pytest.mark.slow
def test_a_camera_that_never_answers_is_given_up(command, trusted, listed, capability_file, home):
    import socket

    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"rtsp://somebody:secret@127.0.0.1:{server.getsockname()[1]}/secret-path"
        ran = command("run", capability_file(), "--camera", f"gate={address}")
    assert ran.failed_plainly(6, "gave no picture")
    assert "secret" not in ran.stderr
    assert last_stop(home)[0] is StopReason.FAILED

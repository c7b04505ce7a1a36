"""What a run is told as: the object for programs, the table for people, the sheet of alerts."""

import io
import json
from datetime import UTC, datetime

import numpy as np
import pytest
from rich.console import Console

from overt.alerts.alert import Alert, AlertPictures, FalseAlertRate
from overt.alerts.ports import StopReason
from overt.cli.contact_sheet import SheetRow, contact_sheet, in_terminal
from overt.cli.display import RunDisplay
from overt.cli.results import TruthFigures, as_json, fps, latencies, print_closing
from overt.core.counts import FaceCounts
from overt.deployment.guard import PauseCause
from overt.live.observer import Progress
from overt.live.run import RunReport

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
COUNTS = FaceCounts(
    frames_read=1200,
    frames_dropped=3,
    detections=2400,
    faces_detected=10,
    faces_rejected=3,
    rejected_by_reason={"too small": 1, "blurred": 2},
    faces_compared=7,
    faces_alerted=2,
    faces_erased=5,
    repeats=1,
)
PICTURES = AlertPictures(np.full((40, 30, 3), 9, np.uint8), np.full((90, 160, 3), 7, np.uint8))


def alert(number, **changes):
    values = {
        "id": f"alert-{number}",
        "deployment": "d-1",
        "camera": "gate",
        "entry": "e-1",
        "track": number,
        "captured_utc": NOON,
        "media_time_s": 1.23456,
        "frame_sequence": 30,
        "similarity": 0.612345678,
        "threshold": 0.45,
        "margin": None,
        "n_shots": 2,
        "calibrated_rate": FalseAlertRate(1000, "an evaluation"),
        "latency_s": 0.01,
        "face_box_px": (1, 2, 3, 4),
    }
    return Alert(**(values | changes))


@pytest.fixture
def shown():
    return io.StringIO()


@pytest.fixture
def console(shown):
    return Console(file=shown, width=200)


@pytest.fixture
def display(console):
    with RunDisplay(console, {"e-1": "[red]somebody"}, "d-1") as opened:
        yield opened


def report(reason=StopReason.FINISHED, looked_s=10.0, **more):
    return RunReport(COUNTS, reason, 12.5, looked_s, stage_s={"detect": 1.23456}, **more)


def test_the_object_for_programs_has_every_promised_member(display):
    display.alert_raised(alert(1), PICTURES, 0.02)
    display.alert_raised(alert(2, calibrated_rate=None, entry="e-2", margin=0.2), PICTURES, 0.04)
    truth = TruthFigures(passages=3, found=2, false_alerts=1, duplicate_alerts=0)
    told = as_json(report(), display, {"e-1": "somebody"}, truth)
    assert json.loads(json.dumps(told, allow_nan=False)) == told
    assert told["frames"] == {"read": 1200, "dropped": 3}
    assert told["faces"]["detected"] == told["faces"]["rejected"] + told["faces"]["compared"]
    assert told["fps"] == 120
    assert (told["elapsed_s"], told["looked_s"]) == (12.5, 10)
    assert told["pauses"] == {"n": 0, "seconds": 0}
    assert told["ended_because"] is None
    assert told["latency_s"] == {"median": 0.03, "p99": 0.0398}
    assert told["truth"]["found"] == 2
    first, second = told["alerts"]
    assert (first["entry"], first["entry_id"]) == ("somebody", "e-1")
    assert (first["frame_time_s"], first["latency_s"]) == (1.235, 0.02)
    assert first["similarity"] == 0.612346
    assert (second["entry"], second["false_alert_one_in"]) == ("e-2", None)
    assert second["margin"] == 0.2


def test_a_run_without_alerts_and_time_is_told_too(display):
    assert latencies(display) == {"median": None, "p99": None}
    assert fps(report(looked_s=0.0)) == 0
    assert as_json(report(), display, {}, None)["truth"] is None


def test_the_table_for_people_shows_the_sums(display, console, shown):
    print_closing(console, report(), display, None)
    text = shown.getvalue()
    assert "10  faces detected = 3 rejected + 7 compared" in text
    assert "faces compared = 2 alerted + 5 erased" in text
    assert text.index("rejected: blurred") < text.index("rejected: too small")
    assert "Truth" not in text


@pytest.mark.parametrize(
    ("told", "says"),
    [
        (report(StopReason.AUTHORITY_ENDED), "The authority has ended"),
        (report(StopReason.INTERRUPTED), "Interrupted, and closed properly."),
        (
            report(StopReason.ENDED, ended_because="It was ended by ao-1: [b]enough"),
            "It was ended by ao-1: [b]enough. With that the run has ended.",
        ),
        (report(n_pauses=1, paused_s=4.4), "Paused once, for 4 s altogether."),
        (report(n_pauses=2, paused_s=75.0), "Paused 2 times, for 75 s altogether."),
        (report(failed_cameras=("north",)), "The camera north could not be read."),
        (report(ended_early=("[b]gate",)), "camera [b]gate broke off"),
    ],
)
def test_what_went_otherwise_is_said(display, console, shown, told, says):
    print_closing(console, told, display, None)
    assert says in shown.getvalue()


def test_an_alert_is_one_line_without_a_percentage(display, shown):
    display.alert_raised(alert(1), PICTURES, 0.02)
    (line,) = shown.getvalue().strip().splitlines()
    assert line.startswith("possible match: [red]somebody ")
    assert "0.612" in line
    assert "%" not in line


def test_nothing_is_shown_when_asked_to_be_quiet(console, shown):
    with RunDisplay(console, {}, "d-1", quiet=True) as display:
        display.alert_raised(alert(1), PICTURES, 0.02)
        display.progressed(Progress(COUNTS, 1.0, None, 60.0, 0))
    assert shown.getvalue() == ""
    assert len(display.alerts) == 1


NOT_THERE = "1 operator must be present, and none said so"
PRESENT = "overt deployment present"


def test_a_pause_is_one_line_with_what_to_do(display, shown):
    display.resumed()
    display.paused(NOT_THERE, PauseCause.PRESENCE)
    display.resumed()
    assert shown.getvalue().splitlines() == [
        f"Paused, nothing is looked at. {NOT_THERE}. To go on: {PRESENT} d-1 --as KEY",
        "Frames are looked at again.",
    ]


@pytest.mark.parametrize(
    ("cause", "command"),
    [
        (PauseCause.PERSON, "overt deployment resume d-1 --as KEY"),
        (PauseCause.POLICY, None),
        (PauseCause.STORE, None),
    ],
)
def test_each_cause_has_its_remedy(display, shown, cause, command):
    display.resumed()
    display.paused("The reason.", cause)
    (line,) = shown.getvalue().strip().splitlines()
    assert line.startswith("Paused, nothing is looked at. The reason.")
    assert ("To go on" in line) == (command is not None)
    assert command is None or line.endswith(command)


def test_why_it_waits_is_said_once_it_takes_long(display, shown, monkeypatch):
    progress = Progress(COUNTS, 0.0, None, 60.0, 0)
    display.paused(NOT_THERE, PauseCause.PRESENCE)
    display.progressed(progress)
    assert shown.getvalue() == ""
    monkeypatch.setattr("overt.cli.display.WAIT_UNSAID_S", 0.0)
    display.progressed(progress)
    display.progressed(progress)
    display.resumed()
    waiting, looking = shown.getvalue().strip().splitlines()
    assert waiting.startswith(f"Waiting, nothing is looked at. {NOT_THERE}.")
    assert looking == "Frames are looked at."


@pytest.mark.parametrize("expected", [None, 2400])
def test_progress_is_redrawn_on_a_terminal(shown, expected):
    console = Console(file=shown, width=200, force_terminal=True)
    with RunDisplay(console, {}, "d-1") as display:
        display.progressed(Progress(COUNTS, 10.0, expected, 3661.0, 1))
    text = shown.getvalue()
    assert "1:01:01" in text
    assert "cameras failed" in text
    assert ("1,200 of 2,400" in text) == (expected is not None)


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_the_sheet_has_a_card_for_each_alert(n):
    reference = np.full((600, 20, 3), 5, np.uint8)
    rows = [SheetRow(alert(i), "somebody", reference, PICTURES) for i in range(n)]
    sheet = contact_sheet(rows)
    assert sheet.dtype == np.uint8
    assert sheet.shape[2] == 3
    if n:
        one = contact_sheet(rows[:1])
        assert sheet.shape[0] > one.shape[0] or n <= 2
        assert "▀" in in_terminal(rows, 80).plain

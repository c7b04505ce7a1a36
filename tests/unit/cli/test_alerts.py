"""``overt alerts``: who may record what, who sees which pictures, and what is shown to nobody."""

import hashlib
import io
import shutil
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import get_args

import cv2
import numpy as np
import pytest

from overt.alerts.alert import Alert, AlertPictures
from overt.alerts.lifecycle import ADJUDICATIONS, ENGAGEMENTS, OUTCOMES, RESULTS
from overt.alerts.ports import RunStart
from overt.cli import alert_steps
from overt.core.clock import SystemClock
from overt.core.ids import DeploymentId
from overt.deployment.keys import create_key
from overt.deployment.life import AuthorityRecord, Life, LifeEvent, LifeState, ListCounts, Step
from overt.policy.facts import Route
from overt.policy.roles import Grant, Person, Role
from overt.policy.signing import sign_pack
from overt.store.models import DeploymentLifeRow
from overt.store.store import Store
from overt.watchlist.grounds import Grounds
from overt.watchlist.stored import StoredEntry, StoredReference, StoredWatchlist

PACK = Path(__file__).parents[3] / "policies" / "uk-police.toml"
# The command line deletes what is due, by the real clock: all of this is of today.
NOON = datetime.now(UTC).replace(microsecond=0) - timedelta(minutes=10)
CAPABILITY, LABEL, NOTE = b"{}", "Josephine", "a scar under the eye"
CAPABILITY_SHA256 = hashlib.sha256(CAPABILITY).hexdigest()
ROLES = {
    "ad-1": Role.ADMINISTRATOR,
    "ao-1": Role.AUTHORISING_OFFICER,
    "eo-1": Role.ENGAGEMENT_OFFICER,
    "eo-2": Role.ENGAGEMENT_OFFICER,
    "an-1": Role.ANALYST,
    "au-1": Role.AUDITOR,
    "wm-1": Role.WATCHLIST_MANAGER,
}


def register(store, keys):
    """Register somebody in each role, each with a key of their own."""
    by = None
    for name, role in ROLES.items():
        key = create_key(keys / name)
        public = key.public_key().public_bytes_raw()
        rank = "assistant-chief-constable"
        store.people.save(Person(name, rank, "East", (Grant(role),), public), by, NOON)
        by = "ad-1"
        if role is Role.AUTHORISING_OFFICER:
            data = PACK.read_bytes()
            pack = store.policies.adopt(data, sign_pack(data, key), name, NOON).pack
    return pack


def grounds(category):
    values = (category, "a warrant", "a system", "ref-1", "seen here", "an office", "custody")
    return Grounds(*values, image_date=date(2025, 6, 1), held_until=date(2027, 1, 1))


def keep_list(store):
    picture = np.full((40, 40, 3), (10, 200, 10), np.uint8)
    jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
    template = np.eye(1, 128, dtype=np.float32)[0]
    references = (StoredReference(template, jpeg),)
    entries = tuple(
        StoredEntry(f"e-{category}", LABEL, references, grounds=grounds(category))
        for category in ("missing-at-risk", "wanted-on-warrant")
    )
    store.watchlists.save(StoredWatchlist("list", "the list", "contract", "a" * 64, entries))


def keep_life(store, pack, application_of):
    """Write down an authorised deployment; how one comes about is tested elsewhere."""
    now = SystemClock().now_utc()
    application = application_of(policy_sha256=pack.sha256, watchlist_sha256="a" * 64)
    authority = AuthorityRecord(
        route=Route.ORDINARY,
        authoriser="ao-1",
        rank="superintendent",
        issued_utc=now,
        starts_utc=now,
        ends_utc=now + timedelta(hours=1),
        capability_sha256=CAPABILITY_SHA256,
        watchlist=ListCounts(n_entries=1, categories={}),
        cameras=("gate",),
    )
    step = Step(number=1, event=LifeEvent.AUTHORISE, state=LifeState.LIVE, by="ao-1", at_utc=now)
    life = Life(
        state=LifeState.LIVE, version=1, application=application, steps=(step,), authority=authority
    )
    with store._database.write() as session:
        session.add(
            DeploymentLifeRow(
                id="d-1",
                state=life.state,
                version=1,
                document=life.to_bytes(),
                capability_json=CAPABILITY,
                updated_utc=now,
            )
        )


START = RunStart(
    *("d-1", CAPABILITY, CAPABILITY_SHA256, "a" * 64, "contract", 0.5, ("gate",), NOON, {})
)
SEEN = Alert(
    *("alert-missing", "d-1", "gate", "e-missing-at-risk", 1, NOON, 0.0, 0, 0.6, 0.5),
    *(None, 1, None, 0.0, (0, 0, 9, 9)),
)


def raise_alerts(store):
    run = store.run()
    run.start(START)
    face = np.full((40, 40, 3), (200, 10, 10), np.uint8)
    run.raise_alert(SEEN, AlertPictures(face, face))
    wanted = replace(SEEN, id="alert-wanted", entry="e-wanted-on-warrant")
    run.raise_alert(wanted, AlertPictures(face, face))


@pytest.fixture
def application_of():
    """Return an application for deployment d-1 with some digests replaced."""
    from overt.deployment.application import Application

    def do(**bindings):
        square = [[0.0, 51.0], [0.01, 51.0], [0.01, 51.01], [0.0, 51.01], [0.0, 51.0]]
        document = {
            "deployment": "d-1",
            "title": "Market",
            "use_case": "hotspot",
            "place": {"name": "Market", "area": {"type": "Polygon", "coordinates": [square]}},
            "starts_utc": "2026-01-01T10:00:00Z",
            "ends_utc": "2026-01-01T14:00:00Z",
            "cameras": [{"name": "gate", "longitude": 0.005, "latitude": 51.005}],
            "reasons": {},
            "notice": {},
            "is_protest": False,
            "officers": [],
            "documents": [],
            "watchlist": "list",
            "requester": "rq-1",
            "bindings": {
                "contract": "contract",
                "detector_sha256": "d" * 64,
                "threshold": 0.5,
                **bindings,
            },
        }
        return Application.model_validate(document)

    return do


@pytest.fixture
def keys(tmp_path):
    return tmp_path / "keys"


@pytest.fixture
def open_home(home):
    return lambda: Store.open(home, SystemClock())


@pytest.fixture
def duty(home, keys, application_of, prepared_homes):
    """A home with people, a policy, a list, a deployment and two alerts."""

    def make(place):
        with Store.open(place, SystemClock()) as store:
            pack = register(store, place.parent / "keys")
            keep_list(store)
            keep_life(store, pack, application_of)
            raise_alerts(store)
        return place.parent / "keys"

    shutil.copytree(prepared_homes.copy("on duty", make, home), keys)


@pytest.fixture
def record(command, keys, duty):
    def do(what, event, by, *more, alert="alert-missing"):
        return command("alerts", what, alert, event, "--as", keys / by, *more)

    return do


@pytest.fixture
def adjudicated(record):
    assert record("decide", "true", "eo-1").returncode == 0
    assert record("decide", "true", "eo-2").returncode == 0


@pytest.mark.parametrize(
    ("choices", "events"),
    [
        (alert_steps.Adjudication, ADJUDICATIONS),
        (alert_steps.Engagement, ENGAGEMENTS),
        (alert_steps.Outcome, OUTCOMES),
        (alert_steps.Result, RESULTS),
    ],
)
def test_the_choices_are_those_of_the_table(choices, events):
    assert set(get_args(choices)) == set(events)


def test_a_whole_life_is_recorded_and_shown(command, record):
    first = record("decide", "true", "eo-1", "--note", NOTE)
    assert first.returncode == 0
    assert "another person has to look at it" in first.stderr
    assert NOTE not in first.stderr + first.stdout
    assert record("decide", "true", "eo-2").returncode == 0
    assert record("engage", "confirmed-true", "eo-1").returncode == 0
    assert record("outcome", "other-disposal", "eo-1").returncode == 0
    assert record("result", "no-further-action", "an-1").returncode == 0
    shown = command("alerts", "show", "alert-m", "--json").json
    assert shown["state"] == "no-further-action"
    assert [(step["event"], step["by"], step["has_note"]) for step in shown["steps"]] == [
        ("true", "eo-1", True),
        ("true", "eo-2", False),
        ("confirmed-true", "eo-1", False),
        ("other-disposal", "eo-1", False),
        ("no-further-action", "an-1", False),
    ]
    words = command("alerts", "show", "alert-m").stdout
    assert "no further action" in words
    assert words.index("eo-1") < words.index("eo-2") < words.index("an-1")
    listed = command("alerts", "list", "--json").json["alerts"]
    assert [alert["state"] for alert in listed] == ["no-further-action", "raised"]
    assert "no further action" in command("alerts", "list").stdout


def test_a_second_reviewer_is_told_nothing_of_the_first(command, record, keys):
    record("decide", "false", "eo-1", "--note", NOTE)
    for by in ((), ("--as", keys / "eo-2"), ("--as", keys / "au-1")):
        shown = command("alerts", "show", "alert-missing", "--json", *by).json
        assert (shown["state"], shown["steps"]) == ("awaiting-second-review", [])
    own = command("alerts", "show", "alert-missing", "--json", "--as", keys / "eo-1").json
    assert [step["event"] for step in own["steps"]] == ["false"]
    assert record("decide", "false", "eo-1").failed_plainly(9, "another person")
    last = record("decide", "true", "eo-2")
    assert "disagree, so nobody is engaged" in last.stderr
    assert record("engage", "not-located", "eo-2").failed_plainly(10, "is disputed")


def test_notes_are_for_people_who_say_who_they_are(command, record, keys):
    record("decide", "not-adjudicated", "eo-1", "--note", NOTE)
    assert NOTE not in command("alerts", "show", "alert-missing", "--json").stdout
    assert NOTE not in command("alerts", "show", "alert-missing").stdout
    assert NOTE in command("alerts", "show", "alert-missing", "--as", keys / "an-1").stdout
    administrator = command("alerts", "show", "alert-missing", "--as", keys / "ad-1")
    assert administrator.failed_plainly(9, "may not read an alert")


def test_a_note_can_come_from_standard_input(command, record, keys, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(f"{NOTE}\n".encode())))
    assert record("decide", "true", "eo-1", "--note", "-").returncode == 0
    shown = command("alerts", "show", "alert-missing", "--json", "--as", keys / "eo-1").json
    assert shown["steps"][0]["note"] == NOTE


def test_a_note_has_the_length_that_the_pack_allows(record):
    ran = record("decide", "true", "eo-1", "--note", "x" * 281)
    assert ran.failed_plainly(3, "280 characters")


@pytest.mark.parametrize(
    ("what", "event", "by", "code", "says"),
    [
        ("engage", "confirmed-true", "eo-1", 10, "is raised, so"),
        ("outcome", "arrest", "eo-1", 10, "is raised, so"),
        ("decide", "true", "an-1", 9, "may not adjudicate"),
        ("decide", "true", "ad-1", 9, "may not adjudicate"),
        ("engage", "confirmed-true", "au-1", 9, "may not record an engagement"),
        ("result", "no-further-action", "eo-1", 9, "may not record a later result"),
    ],
)
def test_what_is_refused_says_why(record, what, event, by, code, says):
    assert record(what, event, by).failed_plainly(code, says)


def test_only_the_missing_and_vulnerable_are_safeguarded(record, adjudicated):
    assert record("engage", "confirmed-true", "eo-1").returncode == 0
    assert record("outcome", "safeguarded", "eo-1").returncode == 0
    for what, event, by in (
        ("decide", "true", "eo-1"),
        ("decide", "true", "eo-2"),
        ("engage", "confirmed-true", "eo-1"),
    ):
        assert record(what, event, by, alert="alert-wanted").returncode == 0
    refused = record("outcome", "safeguarded", "eo-1", alert="alert-wanted")
    assert refused.failed_plainly(9, "missing or vulnerable")


def test_without_the_list_nobody_can_tell_who_was_to_be_safeguarded(record, adjudicated, open_home):
    record("engage", "confirmed-true", "eo-1")
    with open_home() as store:
        store.watchlists.destroy_key("list")
    assert record("outcome", "safeguarded", "eo-1").failed_plainly(10, "nobody can tell")
    assert record("outcome", "no-action", "eo-1").returncode == 0


def test_without_an_authorised_deployment_no_policy_says_who_decides(open_home, keys, command):
    with open_home() as store:
        register(store, keys)
        raise_alerts(store)
    ran = command("alerts", "decide", "alert-missing", "true", "--as", keys / "eo-1")
    assert ran.failed_plainly(5, "never authorised here")


# Names


@pytest.mark.parametrize("words", [("list",), ("show", "alert-missing")])
def test_a_name_is_for_those_who_say_who_they_are_and_may_read_it(command, duty, keys, words):
    for by in ((), ("--as", keys / "ad-1"), ("--as", keys / "wm-1")):
        for ran in (command("alerts", *words, *by), command("alerts", *words, "--json", *by)):
            assert ran.returncode == (9 if by and words[0] == "show" else 0)
            assert LABEL not in ran.stdout + ran.stderr
            assert ran.returncode or "e-missing-at-risk" in ran.stdout
    for by in ("eo-1", "an-1", "au-1", "ao-1"):
        assert LABEL in command("alerts", *words, "--as", keys / by).stdout
        told = command("alerts", *words, "--json", "--as", keys / by).json
        told = told.get("alerts", [told])[0]
        named = (told["label"], told["entry"], told["entry_id"])
        assert named == (LABEL, LABEL, "e-missing-at-risk")


def test_names_are_told_of_deployments_that_the_reader_may_read(command, duty, keys, open_home):
    grants = (Grant(Role.OPERATOR, deployments=frozenset({DeploymentId("d-2")})),)
    public = create_key(keys / "op-2").public_key().public_bytes_raw()
    with open_home() as store:
        store.people.save(Person("op-2", "constable", "East", grants, public), "ad-1", NOON)
        run, face = store.run(), np.zeros((40, 40, 3), np.uint8)
        run.start(replace(START, deployment="d-2"))
        run.raise_alert(replace(SEEN, id="other", deployment="d-2"), AlertPictures(face, face))
    told = command("alerts", "list", "--json", "--as", keys / "op-2").json["alerts"]
    labels = {row["id"]: row["label"] for row in told}
    assert labels == {"alert-missing": None, "alert-wanted": None, "other": LABEL}


# Pictures


def colours(path):
    """Return whether the watchlist's green and the camera's blue are on a sheet."""
    sheet = cv2.imread(str(path)).astype(int)
    green = (np.abs(sheet - (10, 200, 10)).max(axis=2) < 12).sum() > 1000
    blue = (np.abs(sheet - (200, 10, 10)).max(axis=2) < 12).sum() > 1000
    return bool(green), bool(blue)


@pytest.mark.parametrize("option", [["--pictures"], ["--sheet", "sheet.png"]])
def test_nobody_unknown_sees_a_picture(command, duty, tmp_path, monkeypatch, option):
    monkeypatch.chdir(tmp_path)
    ran = command("alerts", "show", "alert-missing", *option)
    assert ran.failed_plainly(9, "say who looks")
    assert not (tmp_path / "sheet.png").exists()


@pytest.mark.parametrize("by", ["ad-1", "an-1", "ao-1", "wm-1"])
def test_who_may_not_see_an_alerts_pictures_does_not(command, duty, keys, tmp_path, by):
    sheet = tmp_path / "sheet.png"
    ran = command("alerts", "show", "alert-missing", "--sheet", sheet, "--as", keys / by)
    assert ran.failed_plainly(9, "may not")
    assert not sheet.exists()


@pytest.mark.parametrize(("by", "sees"), [("eo-1", (True, True)), ("au-1", (False, True))])
def test_an_auditor_sees_what_the_camera_saw_and_not_the_living_list(
    command, duty, keys, tmp_path, by, sees
):
    sheet = tmp_path / "sheet.png"
    ran = command("alerts", "show", "alert-missing", "--sheet", sheet, "--as", keys / by)
    assert ran.returncode == 0
    assert colours(sheet) == sees


def test_pictures_whose_key_is_gone_are_said_to_be_gone(command, duty, keys, open_home, tmp_path):
    with open_home() as store:
        store.destroy_deployment_key(DeploymentId("d-1"))
    sheet = tmp_path / "sheet.png"
    ran = command("alerts", "show", "alert-missing", "--sheet", sheet, "--as", keys / "eo-1")
    assert ran.returncode == 0
    assert "no longer kept" in ran.stderr
    assert not sheet.exists()


def test_in_a_pipe_pictures_go_to_a_file_or_nowhere(command, duty, keys):
    ran = command("alerts", "show", "alert-missing", "--pictures", "--as", keys / "eo-1")
    assert "--sheet" in ran.stderr

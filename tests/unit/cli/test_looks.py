"""Every look, export and refusal at the command line, on record before it is shown."""

import hashlib
import itertools
import sqlite3

import cv2
import numpy as np
import pytest

from overt.alerts.alert import Alert, AlertPictures
from overt.alerts.ports import RunStart, StopReason
from overt.core.clock import SystemClock
from overt.core.counts import FaceCounts
from overt.core.ids import (
    AlertId,
    CameraId,
    ContractId,
    DeploymentId,
    EntryId,
    Sha256,
    TrackId,
    WatchlistId,
)
from overt.deployment.acts import GoLive
from overt.deployment.keys import create_key
from overt.ledger.kinds import RecordKind
from overt.ledger.records import LedgerRecord
from overt.policy.roles import Role
from overt.store.store import Store
from overt.watchlist.stored import StoredEntry, StoredReference, StoredWatchlist

ALERT = AlertId("5eed" + "0" * 28)
LABEL = "Josephine"


@pytest.fixture
def deployed(home, authorised):
    """A deployment that is live, with one alert."""
    jpeg = cv2.imencode(".jpg", np.full((40, 40, 3), 99, np.uint8))[1].tobytes()
    references = (StoredReference(np.eye(1, 128, dtype=np.float32)[0], jpeg),)
    entries = tuple(StoredEntry(EntryId(f"e-{n}"), LABEL, references) for n in range(3))
    listed = StoredWatchlist(
        WatchlistId("list"), "the list", ContractId("contract"), Sha256("a" * 64), entries
    )
    clock = SystemClock()
    with Store.open(home, clock) as store:
        found = authorised(store, clock, listed)
        found.beat()
        found.act(GoLive(found.capability.cameras), found.force.operator)
        keep_alert(found, clock.now_utc())
        yield found


def keep_alert(found, now_utc):
    run = found.store.run()
    run.start(
        RunStart(
            deployment=DeploymentId(found.id),
            capability_json=found.file,
            capability_sha256=Sha256(found.life.authority.capability_sha256),
            watchlist_sha256=found.capability.watchlist_sha256,
            contract=ContractId("contract"),
            threshold=0.45,
            cameras=(CameraId("gate"),),
            started_utc=now_utc,
            software={},
        )
    )
    alert = Alert(
        id=ALERT,
        deployment=DeploymentId(found.id),
        camera=CameraId("gate"),
        entry=found.watchlist.entries[0].entry,
        track=TrackId(1),
        captured_utc=now_utc,
        media_time_s=1.5,
        frame_sequence=45,
        similarity=0.61,
        threshold=0.45,
        margin=0.1,
        n_shots=2,
        calibrated_rate=None,
        latency_s=0.031,
        face_box_px=(10, 20, 60, 90),
    )
    picture = np.zeros((40, 40, 3), np.uint8)
    run.raise_alert(alert, AlertPictures(picture, picture))
    run.stop(FaceCounts(), StopReason.FINISHED, now_utc)
    found.store._run_lock.release()


@pytest.fixture
def said(deployed):
    def do(kind):
        every = map(LedgerRecord.parse, deployed.store.ledger.records())
        return [dict(each.body) for each in every if each.kind is kind]

    return do


@pytest.fixture
def looked(said):
    def do():
        found = said(RecordKind.LOOK_TAKEN)
        return [(each["subject"], each["owner"], each["entry"], each["part"]) for each in found]

    return do


@pytest.fixture
def key(deployed, tmp_path):
    def do(role):
        people = deployed.store.people.list()
        found = next(p for p in people if p.grants[0].role is role)
        return deployed.key_file(found, tmp_path)

    return do


def test_whoever_says_nothing_of_who_they_are_leaves_no_look(command, looked, deployed):
    command("alerts", "show", ALERT)
    command("alerts", "list")
    command("watchlist", "show")
    assert looked() == []


def test_a_look_at_an_alert(command, looked, key):
    told = command("alerts", "show", ALERT, "--as", key(Role.OPERATOR))
    assert LABEL in told.stdout
    assert looked() == [("alert", ALERT, None, "facts")]


def test_notes_are_a_look_of_their_own(command, looked, key):
    officer = key(Role.ENGAGEMENT_OFFICER)
    command("alerts", "decide", ALERT, "true", "--note", "a scar", "--as", officer)
    assert "a scar" in command("alerts", "show", ALERT, "--as", officer).stdout
    assert [part for _, _, _, part in looked()] == ["facts", "notes"]


def test_every_alert_that_a_list_names_somebody_in_is_looked_at(command, looked, key):
    command("alerts", "list", "--as", key(Role.OPERATOR))
    assert looked() == [("alert", ALERT, None, "facts")]


def test_pictures_in_a_file_are_looked_at_and_exported(
    command, looked, said, key, tmp_path, deployed
):
    sheet = tmp_path / "sheet.png"
    command("alerts", "show", ALERT, "--sheet", sheet, "--as", key(Role.OPERATOR))
    entry = deployed.watchlist.entries[0].entry
    assert looked() == [
        ("alert", ALERT, None, "facts"),
        ("alert", ALERT, None, "pictures"),
        ("watchlist", deployed.watchlist.id, entry, "pictures"),
    ]
    (export,) = said(RecordKind.EXPORT_MADE)
    assert export["what"] == "alert-sheet"
    assert export["subject"] == ALERT
    assert export["sha256"] == hashlib.sha256(sheet.read_bytes()).hexdigest()


def test_a_look_at_a_list_by_name(command, looked, key, deployed):
    name = deployed.watchlist.id
    told = command("watchlist", "show", name, "--as", key(Role.WATCHLIST_MANAGER))
    assert LABEL in told.stdout
    assert looked() == [("watchlist", name, None, "facts")]


def test_where_a_look_cannot_be_recorded_nothing_is_shown(command, deployed, key, home, tmp_path):
    operator, sheet = key(Role.OPERATOR), tmp_path / "sheet.png"
    manager = key(Role.WATCHLIST_MANAGER)
    with sqlite3.connect(home / "overt.sqlite3") as database:
        database.execute(
            "create trigger full before insert on ledger_records "
            "begin select raise(abort, 'no'); end"
        )
    for told in (
        command("alerts", "show", ALERT, "--sheet", sheet, "--as", operator),
        command("alerts", "list", "--as", operator),
        command("watchlist", "show", deployed.watchlist.id, "--as", manager),
        command("trace", ALERT, "--as", operator),
    ):
        assert told.returncode == 7
        assert told.stdout == ""
        assert LABEL not in told.stderr
    assert not sheet.exists()


def test_refusals_are_on_record_with_act_and_person(command, said, key, deployed, tmp_path):
    manager, operator = key(Role.WATCHLIST_MANAGER), key(Role.OPERATOR)
    stranger = tmp_path / "stranger.key"
    create_key(stranger)
    sheet = tmp_path / "sheet.png"
    refused = (
        ("alerts", "show", ALERT, "--as", manager),
        ("alerts", "show", ALERT, "--sheet", sheet),
        ("alerts", "show", ALERT, "--as", stranger),
        ("watchlist", "show", "--as", stranger),
        ("keys", "rotate", "--as", operator),
        ("policy", "sign", "uk-police", "--as", operator),
        ("people", "strike-off", "demo-operator-1", "--as", manager),
        ("alerts", "decide", ALERT, "true", "--as", manager),
        ("watchlist", "show", "list", "--as", key(Role.ADMINISTRATOR)),
    )
    for arguments in refused:
        assert command(*arguments).returncode == 9, arguments
    people = deployed.store.people.list()
    manager_id = next(p.id for p in people if p.grants[0].role is Role.WATCHLIST_MANAGER)
    admin_id = next(p.id for p in people if p.grants[0].role is Role.ADMINISTRATOR)
    operator_id = deployed.force.operator.id
    every = ((each["act"], each["by"]) for each in said(RecordKind.ACT_DENIED))
    found = [one for one, _ in itertools.groupby(every)]  # a record for each rule
    by = [manager_id, None, None, operator_id, operator_id, manager_id, manager_id, admin_id]
    assert [who for _, who in found] == by
    assert [act for act, _ in found] == [
        "read an alert without pictures",
        "see an alert's pictures",
        "act under a signing key",  # twice, by nobody
        "manage keys",
        "sign the policy",
        "manage people",
        "adjudicate an alert",
        "read a watchlist without pictures",
    ]
    assert not sheet.exists()

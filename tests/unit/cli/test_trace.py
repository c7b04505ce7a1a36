"""``overt trace``: the whole chain of an alert, with its rows and without them."""

import json
from datetime import timedelta

import numpy as np
import pytest

from overt.alerts.alert import Alert, AlertPictures
from overt.alerts.lifecycle import AlertEvent
from overt.alerts.ports import RunStart, StopReason
from overt.alerts.steps import StepRequest, StepRules
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
from overt.deployment.acts import End, GoLive
from overt.ledger.acts import DeletionBegun, DeletionReceipt
from overt.ledger.records import LedgerRecord
from overt.policy.roles import Role
from overt.policy.verdict import ALLOWED
from overt.retention.holds import HoldGround
from overt.retention.schedule import Owner, OwnerKind
from overt.store.holds import Asked
from overt.store.models import AlertPictureRow, AlertRow, AlertStepRow
from overt.store.store import Store
from overt.watchlist.stored import StoredEntry, StoredReference, StoredWatchlist

ALERT = AlertId("5eed" + "0" * 28)
LABEL, NOTE = "Josephine", "a scar under the eye"


@pytest.fixture
def deployed(home, authorised):
    template = np.eye(1, 128, dtype=np.float32)[0]
    references = (StoredReference(template, b"a picture"),)
    entries = tuple(StoredEntry(EntryId(f"e-{n}"), LABEL, references) for n in range(3))
    listed = StoredWatchlist(
        WatchlistId("list"), "the list", ContractId("contract"), Sha256("a" * 64), entries
    )
    clock = SystemClock()
    with Store.open(home, clock) as store:
        yield authorised(store, clock, listed)


@pytest.fixture
def raised(deployed):
    """An alert of a run that is over, and whose deployment goes on."""
    store, clock = deployed.store, SystemClock()
    deployed.beat()
    deployed.act(GoLive(deployed.capability.cameras), deployed.force.operator)
    now_utc = clock.now_utc()
    run = store.run()
    run.start(
        RunStart(
            deployment=DeploymentId(deployed.id),
            capability_json=deployed.file,
            capability_sha256=Sha256(deployed.life.authority.capability_sha256),
            watchlist_sha256=deployed.capability.watchlist_sha256,
            contract=ContractId("contract"),
            threshold=0.45,
            cameras=(CameraId("gate"),),
            started_utc=now_utc,
            software={"detector": Sha256("d" * 64)},
        )
    )
    alert = Alert(
        id=ALERT,
        deployment=DeploymentId(deployed.id),
        camera=CameraId("gate"),
        entry=EntryId("e-1"),
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
    run.fold_repeat(ALERT, now_utc, 0.62)
    run.minute(clock.now_utc(), FaceCounts())
    run.stop(FaceCounts(), StopReason.FINISHED, clock.now_utc())
    store._run_lock.release()
    return deployed


@pytest.fixture
def traced(command, raised):
    def do(*more, named="5eed"):
        return command("trace", named, *more, "--json").json

    return do


def by_role(deployed, role):
    return next(p for p in deployed.store.people.list() if p.grants[0].role is role)


def whats(document):
    return [link["what"] for link in document["chain"]]


def decide(deployed, n_reviews=1):
    rules = StepRules(n_reviews, 1000, lambda _: ALLOWED)
    by = by_role(deployed, Role.ENGAGEMENT_OFFICER).id
    return deployed.store.alert_steps.take(ALERT, StepRequest(AlertEvent.TRUE, NOTE), by, rules)


def test_the_chain_runs_from_the_frozen_list_to_the_minutes_counts(traced, raised):
    document = traced()
    assert document["alert"] == ALERT
    told = whats(document)
    order = ["list frozen", "list confirmed", "applied", "authorised", "went live", "run started"]
    order += ["raised", "repeated", "counts of its minute", "run stopped"]
    assert [each for each in told if each in order] == order
    assert document["frame"]["latency_ms"] == 31
    assert document["frame"]["frame_sequence"] == 45
    assert document["authority"]["authoriser"] == raised.life.authority.authoriser
    assert document["authority"]["route"] == "ordinary"
    numbers = [link["record"] for link in document["chain"]]
    assert numbers == sorted(numbers)


def test_its_record_is_proved_under_a_checkpoint(traced, raised):
    from overt.ledger.merkle import verify_inclusion

    document = traced()
    proof = document["proof"]
    number, leaf = document["record"]["number"], document["record"]["leaf_sha256"]
    hashes = [bytes.fromhex(each) for each in proof["hashes"]]
    root = bytes.fromhex(proof["root_sha256"])
    verify_inclusion(bytes.fromhex(leaf), number, proof["size"], hashes, root)
    assert proof["witnesses"] == []
    assert "No witness has cosigned a checkpoint that covers its record." in document["gaps"]


def test_what_is_missing_is_said_with_its_time(traced, raised):
    gaps = traced()["gaps"]
    assert "No receipt of the picture yet: due not counted before the deployment's end." in gaps
    raised.act(End("Over."), raised.force.operator)
    document = traced()
    due = document["due_utc"]
    assert f"No receipt of the picture yet: due {due['picture']}." in document["gaps"]
    assert due["picture"] < due["alert"]
    assert "deployment ended" in whats(document)


def test_looks_steps_and_holds_stand_in_it(traced, command, raised, tmp_path):
    officer = raised.key_file(by_role(raised, Role.AUTHORISING_OFFICER), tmp_path)
    operator = raised.key_file(raised.force.operator, tmp_path)
    command("alerts", "show", ALERT, "--as", operator)
    decide(raised)
    until = SystemClock().now_utc() + timedelta(days=9)
    owner = Owner(OwnerKind.ALERT, ALERT)
    asked = Asked(HoldGround.COMPLAINT, "A reason of Josephine", until)
    by = by_role(raised, Role.AUTHORISING_OFFICER).id
    raised.store.holds.place(owner, asked, by)
    document = traced("--as", officer)
    links = {link["what"]: link for link in document["chain"]}
    assert links["step"]["facts"]["event"] == "true"
    assert links["hold"]["facts"]["ground"] == "complaint"
    lookers = [link["by"] for link in document["chain"] if link["what"] == "looked at"]
    assert lookers == [raised.force.operator.id, by]
    assert set(document["held_until_utc"]) == {"alert", "picture"}


def test_nobody_is_named_and_no_note_is_shown(traced, command, raised, tmp_path):
    decide(raised)
    key = raised.key_file(raised.force.operator, tmp_path)
    for told in (
        json.dumps(traced("--as", key)),
        command("trace", "5eed").stdout,
        command("trace", "5eed", "--as", key).stdout,
    ):
        assert LABEL not in told
        assert NOTE not in told
        assert "similarity" not in told


def test_while_a_second_review_is_awaited_the_first_is_not_told(traced, raised, tmp_path):
    first = decide(raised, n_reviews=2)
    document = traced()
    assert "step" not in whats(document)
    assert "A review is not told as long as another one is awaited." in document["gaps"]
    other = raised.key_file(raised.force.operator, tmp_path)
    assert "step" not in whats(traced("--as", other))
    own = raised.key_file(raised.store.people.get(first.person), tmp_path)
    assert "step" in whats(traced("--as", own))


def test_it_is_told_from_the_ledger_alone(traced, command, raised):
    now_utc = SystemClock().now_utc()
    before = traced()
    begun = DeletionBegun("x" * 32, "picture", "deployment", raised.id, "due", None, None, None)
    gone = DeletionReceipt(
        *("x" * 32, "picture", "deployment", raised.id, 2, 1, 0),
        ("rows-deleted",),
        {"backup": None},
        Sha256("e" * 64),
    )
    begun_only = DeletionBegun("y" * 32, "alert", "alert", ALERT, "due", None, None, None)
    with raised.store.ledger.transaction() as work:
        for act in (begun, gone, begun_only):
            work.append(LedgerRecord.of(act, now_utc))
        for row in (AlertPictureRow, AlertStepRow, AlertRow):
            work.session.query(row).delete()
    document = traced()
    assert document["frame"] is None
    assert document["record"] == before["record"]
    assert set(whats(before)) <= set(whats(document))
    assert whats(document)[-3:] == ["deletion begun", "deletion receipt", "deletion begun"]
    gaps = document["gaps"]
    assert any("captured is not known any more" in each for each in gaps)
    assert any(each.startswith("No receipt of the alert yet: the deletion has") for each in gaps)
    assert not any("picture" in each for each in gaps)
    assert "deletion receipt" in command("trace", ALERT).stdout


def test_an_alert_that_is_not_there(command, raised):
    for named in ("beef", "", 'a"b', "é"):
        assert command("trace", named).failed_plainly(3, "no alert of that id")


def test_who_may_not_look_is_refused_on_record(command, raised, tmp_path):
    key = raised.key_file(by_role(raised, Role.WATCHLIST_MANAGER), tmp_path)
    assert command("trace", "5eed", "--as", key).failed_plainly(9, "may not read an alert")
    last = LedgerRecord.parse(list(raised.store.ledger.records())[-1])
    assert last.kind == "act.denied"


def test_a_row_that_does_not_match_its_record_is_told(command, raised):
    with raised.store._database.write() as session:
        session.get(AlertRow, ALERT).latency_s = 0.001
    told = command("trace", "5eed")
    assert told.failed_plainly(4, "does not match its record")

"""What every store keeps to about the steps of alerts' lives; on every database."""

import threading
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from fixtures.postgresql import both_databases, long_on_server
from overt.alerts.alert import Alert, AlertPictures
from overt.alerts.lifecycle import AlertEvent, AlertState
from overt.alerts.ports import RunStart
from overt.alerts.steps import StepRequest, StepRules
from overt.core.clock import ManualClock
from overt.core.errors import InputError, IntegrityError, PolicyError, StateError
from overt.core.ids import AlertId, DeploymentId, PersonId
from overt.ledger.kinds import RecordKind
from overt.ledger.records import LedgerRecord
from overt.policy.roles import Grant, Person, Role
from overt.policy.verdict import ALLOWED

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)

pytestmark = both_databases
ONE = StepRules(n_reviews=1, note_limit_chars=200, check_review=lambda facts: ALLOWED)
TWO = replace(ONE, n_reviews=2)
FIRST, SECOND, ANALYST = PersonId("eo-1"), PersonId("eo-2"), PersonId("an-1")
ALERT = AlertId("alert-1")
NOTE = "a scar, said Josephine"


@pytest.fixture
def clock():
    return ManualClock(NOON)


@pytest.fixture
def store(open_store):
    with open_store() as opened:
        register(opened.people)
        yield opened


def register(people):
    roles = {
        "ad-1": Role.ADMINISTRATOR,
        FIRST: Role.ENGAGEMENT_OFFICER,
        SECOND: Role.ENGAGEMENT_OFFICER,
        ANALYST: Role.ANALYST,
    }
    by = None
    for name, role in roles.items():
        key = name.encode().ljust(32, b".")
        people.save(Person(PersonId(name), "pc", "East", (Grant(role),), key), by, NOON)
        by = PersonId("ad-1")


@pytest.fixture
def run(store):
    sink = store.run()
    sink.start(RunStart("d-1", b"{}", "c" * 64, "a" * 64, "contract", 0.5, ("gate",), NOON, {}))
    return sink


@pytest.fixture
def alert(run):
    return raised(run, ALERT)


def raised(run, name):
    picture = np.zeros((8, 8, 3), np.uint8)
    values = (
        name,
        "d-1",
        "gate",
        "e-1",
        1,
        NOON,
        0.0,
        0,
        0.6,
        0.5,
        None,
        1,
        None,
        0.0,
        (0, 0, 9, 9),
    )
    run.raise_alert(Alert(*values), AlertPictures(picture, picture))
    return name


@pytest.fixture
def take(store, clock, alert):
    """Take a step a second later."""

    def do(event, by=FIRST, rules=ONE, note=None, **how):
        clock.elapsed_s += 1
        request = StepRequest(AlertEvent(event), note)
        return store.alert_steps.take(alert, request, by, rules, **how)

    return do


def step_records(store):
    records = [LedgerRecord.parse(record) for record in store.ledger.records()]
    return [record for record in records if record.kind is RecordKind.ALERT_STEP]


def test_steps_come_back_as_they_were_taken(open_store, store, take):
    taken = [
        take("true", note=NOTE),
        take("confirmed-true"),
        take("arrest", SECOND, note="taken to the station\nat once"),
        take("charged-or-cautioned", ANALYST),
    ]
    assert store.alert_steps.steps_for(ALERT, None) == tuple(taken)
    with open_store() as again:
        assert again.alert_steps.steps_for(ALERT, SECOND) == tuple(taken)
        assert again.alert_steps.states() == {ALERT: AlertState.CHARGED_OR_CAUTIONED}


def test_every_step_has_its_record_and_no_record_a_note(store, take):
    take("true", note=NOTE)
    take("not-located")
    first, second = step_records(store)
    assert {**first.body, "note_sha256": None} == {
        "alert": ALERT,
        "number": 1,
        "event": "true",
        "state": "true",
        "by": FIRST,
        "note_sha256": None,
    }
    assert len(first.body["note_sha256"]) == 64
    assert second.body["note_sha256"] is None
    assert first.time_utc == NOON + timedelta(seconds=1)
    assert store.verify().n_records == 8  # four people, the run, the alert, two steps


def test_a_new_alert_is_raised_and_open(store, alert):
    assert store.alert_steps.states(DeploymentId("d-1")) == {alert: AlertState.RAISED}
    assert store.alert_steps.steps_for(alert, None) == ()
    assert store.alert_steps.n_open(DeploymentId("d-1")) == 1
    assert store.alert_steps.states(DeploymentId("d-2")) == {}


@pytest.mark.parametrize(
    ("events", "n_open"),
    [
        (["true"], 1),
        (["true", "confirmed-true"], 1),
        (["true", "confirmed-true", "arrest"], 0),
        (["false"], 0),
        (["not-adjudicated"], 0),
    ],
)
def test_an_alert_is_open_until_nobody_there_has_to_decide(store, take, events, n_open):
    for event in events:
        take(event)
    assert store.alert_steps.n_open(DeploymentId("d-1")) == n_open


def test_what_is_refused_leaves_the_refusal_alone(store, take):
    n_before = store.verify().n_records
    for act, error in (
        (lambda: take("arrest"), StateError),
        (lambda: take("true", ANALYST), PolicyError),
        (lambda: take("true", PersonId("nobody")), PolicyError),
        (lambda: take("true", note="x" * 201), InputError),
        (lambda: take("raise"), InputError),
    ):
        with pytest.raises(error):
            act()
    store.verify()
    left = [LedgerRecord.parse(each).kind for each in store.ledger.records(n_before)]
    assert left == [RecordKind.ACT_DENIED] * 2
    assert store.alert_steps.states() == {ALERT: AlertState.RAISED}


def test_an_alert_that_is_not_there_takes_no_step(store, take):
    with pytest.raises(InputError, match="no alert of that id"):
        store.alert_steps.take(AlertId("none"), StepRequest(AlertEvent.TRUE), FIRST, ONE)
    assert store.alert_steps.steps_for(AlertId("none"), None) == ()


def test_who_was_struck_off_meanwhile_takes_no_step(store, take):
    entry = store.people.entry(FIRST)
    store.people.save(replace(entry.person, struck_off=True), PersonId("ad-1"), NOON, replaces=1)
    with pytest.raises(PolicyError, match="struck off"):
        take("true")


def test_a_clock_set_back_records_nothing(store, clock, take):
    take("true")
    clock.elapsed_s -= 3600
    with pytest.raises(StateError, match="clock"):
        take("confirmed-true")
    clock.elapsed_s += 3600
    assert take("confirmed-true").number == 2


def test_a_second_reviewer_reads_no_earlier_view(store, take):
    take("true", FIRST, TWO, note=NOTE)
    assert store.alert_steps.states() == {ALERT: AlertState.AWAITING_SECOND_REVIEW}
    assert store.alert_steps.steps_for(ALERT, SECOND) == ()
    assert store.alert_steps.steps_for(ALERT, None) == ()
    assert [step.note for step in store.alert_steps.steps_for(ALERT, FIRST)] == [NOTE]
    with pytest.raises(PolicyError, match="another person"):
        take("true", FIRST, TWO)
    take("false", SECOND, TWO)
    assert [step.person for step in store.alert_steps.steps_for(ALERT, None)] == [FIRST, SECOND]
    assert store.alert_steps.states() == {ALERT: AlertState.DISPUTED}
    store.verify()


def test_without_the_deployments_key_notes_are_gone_and_none_is_taken(store, take):
    take("true", note=NOTE)
    take("confirmed-true")
    take("arrest")
    store.destroy_deployment_key(DeploymentId("d-1"))
    assert [step.note for step in store.alert_steps.steps_for(ALERT, None)] == [None] * 3
    with pytest.raises(StateError, match="leave it out"):
        take("no-further-action", ANALYST, note=NOTE)
    assert take("no-further-action", ANALYST).number == 4
    store.verify()


# Repeats


def test_a_repeat_is_folded_while_officers_decide_and_changes_no_state(store, run, take):
    for event in ("true", "confirmed-true", "other-disposal"):
        take(event)
        assert run.fold_repeat(ALERT, NOON, 0.7)
        assert store.alert_steps.states() == {ALERT: AlertState(event)}
    assert store.alerts.get(ALERT).n_repeats == 3
    store.verify()


def test_a_repeat_after_the_end_is_not_folded_and_does_not_end_the_run(store, run, take):
    take("false")
    n_records = store.verify().n_records
    assert not run.fold_repeat(ALERT, NOON, 0.7)
    assert store.alerts.get(ALERT).n_repeats == 0
    assert store.verify().n_records == n_records
    raised(run, AlertId("alert-2"))
    assert store.alert_steps.states()[AlertId("alert-2")] is AlertState.RAISED


def test_of_threads_that_take_one_step_one_wins(store, take):
    take("true")
    results = []

    def engage(event, by):
        try:
            results.append(take(event, by).event)
        except StateError:
            results.append(None)

    threads = [
        threading.Thread(target=engage, args=each)
        for each in (("confirmed-true", FIRST), ("stood-down", SECOND), ("not-located", FIRST))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(each is None for each in results) == [False, True, True]
    assert len(store.alert_steps.steps_for(ALERT, None)) == 2


# Steps as others may have altered them


@pytest.fixture
def tamper(alter, take):
    take("true", note=NOTE)
    take("confirmed-true", SECOND)

    def do(statement, *parameters):
        assert alter(statement, *parameters) > 0

    return do


@long_on_server
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE alert_steps SET event = 'false', state = 'false' WHERE number = 1",
        "UPDATE alert_steps SET event = 'nonsense' WHERE number = 2",
        (
            "UPDATE alert_steps SET state = 'confirmed-false', event = 'confirmed-false' "
            "WHERE number = 2"
        ),
        "UPDATE alert_steps SET person = 'eo-1' WHERE number = 2",
        "UPDATE alert_steps SET at_utc = '2026-01-01T12:00:02.500000Z' WHERE number = 2",
        "UPDATE alert_steps SET at_utc = '2026-01-01T12:00:02.000001Z' WHERE number = 2",
        "UPDATE alert_steps SET number = 3 WHERE number = 2",
        "UPDATE alert_steps SET nonce = x'000000000000000000000000' WHERE number = 1",
        "UPDATE alert_steps SET ciphertext = zeroblob(40) WHERE number = 1",
        "UPDATE alert_steps SET nonce = NULL, ciphertext = NULL WHERE number = 1",
        "UPDATE alert_steps SET nonce = x'00', ciphertext = x'00' WHERE number = 2",
        "DELETE FROM alert_steps WHERE number = 2",
        (
            "INSERT INTO alert_steps SELECT alert_id, 3, 'arrest', 'arrest', person, at_utc, 0, "
            "NULL, NULL FROM alert_steps WHERE number = 2"
        ),
        "UPDATE alerts SET state = 'true'",
        "UPDATE alerts SET state = 'raised'",
        "UPDATE alerts SET state = 'nonsense'",
    ],
)
def test_what_was_altered_is_found(store, tamper, statement):
    store.verify()
    tamper(statement)
    with pytest.raises(IntegrityError):
        store.verify()


def test_nothing_is_built_on_altered_steps(store, take, tamper):
    tamper("UPDATE alerts SET state = 'true'")
    with pytest.raises(IntegrityError, match="were altered"):
        take("stood-down")


def test_a_note_opens_only_in_its_own_place(store, take, tamper):
    tamper(
        "UPDATE alert_steps SET (nonce, ciphertext) = "
        "(SELECT nonce, ciphertext FROM alert_steps WHERE number = 1) WHERE number = 2"
    )
    with pytest.raises(IntegrityError):
        store.alert_steps.steps_for(ALERT, None)


def test_an_error_quotes_no_note(store, take, tamper):
    tamper("UPDATE alert_steps SET ciphertext = zeroblob(40) WHERE number = 1")
    with pytest.raises(IntegrityError) as error:
        store.alert_steps.steps_for(ALERT, None)
    assert "Josephine" not in str(error.value)

"""The demonstration lives under the same policy as a deployment, and says that it is none."""

import threading
from datetime import date

import pytest

from overt.cli import wiring
from overt.cli.demo_authority import Asked, authorise_demo
from overt.cli.demo_force import SAID
from overt.core.errors import InputError, PolicyError, StorageError
from overt.deployment.calibration import CalibrationRecord, MeasuredThreshold
from overt.deployment.life import LifeEvent, LifeState
from overt.policy.checks import rank_at_least
from overt.policy.facts import Route
from overt.store.store import Store

PATIENCE_S = 30.0


@pytest.fixture
def store(tmp_path, clock):
    with Store.open(tmp_path / "home", clock) as opened:
        yield opened


@pytest.fixture
def evidence_for(models, clock, monkeypatch):
    """Have evidence for lists of so many people and no more."""

    def do(n_entries):
        point = MeasuredThreshold(
            n_entries=n_entries, one_in=1000, threshold=0.4, n_non_mated=10_000
        )
        record = CalibrationRecord(
            contract=models.contract,
            measured=clock.now_utc().date(),
            source="a measurement",
            points=(point,),
        )
        monkeypatch.setattr(wiring, "calibrations", lambda: (record,))

    return do


@pytest.fixture
def authorise(store, clock, models, enrol, evidence_for):
    def do(*, n_evidence=100, listed=("listed",), **asked):
        evidence_for(n_evidence)
        options = {"one_in": 1000} | asked
        return authorise_demo(
            store, clock, models, enrol(*listed), {"gate": None}, Asked(**options)
        )

    return do


def test_it_goes_through_the_whole_life(authorise, store):
    found = authorise().session.authorised
    life = store.lives.get(found.life.deployment)
    assert life.state is LifeState.READY
    events = [step.event for step in life.steps]
    assert events[:3] == [LifeEvent.APPLY, LifeEvent.SUBMIT, LifeEvent.AUTHORISE]
    assert {LifeEvent.CHECK_IN, LifeEvent.CONFIRM_SIGNS} <= set(events)
    assert life.authority.route is Route.ORDINARY
    assert life.authority.authoriser != life.application.requester
    pack = found.pack
    assert rank_at_least(pack, life.authority.rank, pack.rules.authorising_rank.minimum)
    assert found.capability.rule.threshold == 0.4
    assert found.capability.calibration.false_alert_one_in == 1000
    store.verify()


def test_everything_in_it_says_that_it_has_no_authority(authorise, store):
    found = authorise().session.authorised
    assert all(person.organisation == SAID for person in store.people.list())
    application = found.life.application
    assert all(document.title == SAID for document in application.documents)
    assert SAID in application.reasons.necessity
    assert all(SAID in each.grounds.reason_here for each in found.watchlist.entries)


def test_the_officers_are_present_for_as_long_as_they_are_asked_to_be(authorise, store):
    demonstration = authorise()
    deployment = demonstration.session.authorised.life.deployment
    with demonstration.officers_present():
        waited = threading.Event()
        for _ in range(int(PATIENCE_S / 0.05)):
            if len(store.lives.beats(deployment)) == 2:
                break
            waited.wait(0.05)
    beats = store.lives.beats(deployment)
    assert len(beats) == 2
    assert not [each for each in threading.enumerate() if each.name == "demo-officers"]


def test_officers_who_cannot_say_so_fall_silent(authorise, store, monkeypatch):
    demonstration = authorise()
    tried = threading.Event()

    def fail(deployment, person):
        tried.set()
        raise StorageError("The disk is full.")

    monkeypatch.setattr(store.lives, "beat", fail)
    with demonstration.officers_present():
        assert tried.wait(PATIENCE_S)


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"threshold": 0.39}, "threshold is below the one that the evaluation supports"),
        ({"listed": ("listed", "stranger"), "n_evidence": 1}, "covers lists of up to 1 people"),
    ],
)
def test_what_a_deployment_may_not_a_demonstration_may_not(authorise, asked, says):
    with pytest.raises(PolicyError, match=says) as caught:
        authorise(**asked)
    assert caught.value.rules == ("evaluation",)


def test_evidence_that_grew_too_old_is_said_plainly(store, clock, models, enrol, evidence_for):
    evidence_for(100)
    clock.advance(2 * 365 * 86_400)
    with pytest.raises(PolicyError) as caught:
        authorise_demo(store, clock, models, enrol("listed"), {"gate": None}, Asked(1000))
    assert caught.value.rules == ("evaluation",)
    said = str(caught.value)
    assert said.startswith("The evaluation is more than 365 days old when the deployment ends")
    assert said.count("The evaluation") == 1


@pytest.mark.parametrize(
    ("asked", "says"),
    [
        ({"one_in": 10**6}, "No measurement supports"),
        ({"threshold": 0.0}, "threshold"),
        ({"threshold": float("nan")}, "threshold"),
        ({"repeat_within_s": float("inf")}, "endless"),
        ({"repeat_within_s": -1.0}, "repeat_within_s"),
    ],
)
def test_what_cannot_be_is_said(authorise, asked, says):
    with pytest.raises(InputError, match=says):
        authorise(**asked)


def test_a_threshold_above_the_evidence_may_be_named(authorise):
    found = authorise(threshold=0.7).session.authorised
    assert found.capability.rule.threshold == 0.7
    assert found.life.application.bindings.false_alert_one_in is None
    assert found.life.application.bindings.evidence.measured <= date(2026, 1, 1)

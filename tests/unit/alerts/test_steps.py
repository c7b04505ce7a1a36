"""Who may take the next step of an alert's life, when, and with which note."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from overt.alerts.lifecycle import AlertEvent, AlertState
from overt.alerts.steps import (
    RIGHT_FOR,
    AlertSoFar,
    StepRequest,
    StepRules,
    follow_each_other,
    take_step,
    visible_steps,
)
from overt.core.errors import InputError, PolicyError, StateError
from overt.core.ids import CameraId, DeploymentId, PersonId
from overt.policy.roles import RIGHTS, Grant, Person, Right, Role
from overt.policy.verdict import ALLOWED, Finding, Verdict

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
RAISED = AlertSoFar(DeploymentId("d-1"), CameraId("gate"), NOON)
ONE = StepRules(n_reviews=1, note_limit_chars=40, check_review=lambda facts: ALLOWED)
TWO = replace(ONE, n_reviews=2)
THREE = replace(ONE, n_reviews=3)


def person(name, *roles, **limits):
    grants = tuple(Grant(role, **limits) for role in roles)
    return Person(PersonId(name), "constable", "East", grants, name.encode().ljust(32, b"."))


FIRST, SECOND, THIRD = (person(f"eo-{n}", Role.ENGAGEMENT_OFFICER) for n in (1, 2, 3))
ANALYST = person("an-1", Role.ANALYST)


def take(alert, event, actor=FIRST, rules=ONE, after_s=1, note=None):
    """Return the alert after a step."""
    now = (alert.steps[-1].at_utc if alert.steps else alert.raised_utc) + timedelta(seconds=after_s)
    step = take_step(alert, StepRequest(AlertEvent(event), note), actor, rules, now)
    return replace(alert, steps=(*alert.steps, step))


def life(*events, alert=RAISED, **how):
    for event in events:
        alert = take(alert, event, **how)
    return alert


def test_a_step_says_what_by_whom_when_and_where_it_led():
    (step,) = life("true", note="  scar on the left\n cheek ").steps
    assert (step.number, step.event, step.state) == (1, AlertEvent.TRUE, AlertState.TRUE)
    assert (step.person, step.at_utc) == ("eo-1", NOON + timedelta(seconds=1))
    assert step.note == "scar on the left\n cheek"


def test_a_note_shows_in_no_repr():
    step = life("true", note="Josephine").steps[0]
    assert "Josephine" not in repr(step)
    assert "Josephine" not in repr(StepRequest(AlertEvent.TRUE, "Josephine"))


def test_a_whole_life():
    alert = life("true", "confirmed-true", "arrest")
    assert alert.state is AlertState.ARREST
    assert take(alert, "charged-or-cautioned", ANALYST).state is AlertState.CHARGED_OR_CAUTIONED


# People


@pytest.mark.parametrize("event", sorted(RIGHT_FOR))
@pytest.mark.parametrize("role", Role)
def test_each_step_takes_its_right(event, role):
    before = {
        Right.ADJUDICATE: (),
        Right.ENGAGE: ("true", "confirmed-true")[: 1 + (event in OUTCOME_EVENTS)],
        Right.RECORD_RESULT: ("true", "confirmed-true", "arrest"),
    }[RIGHT_FOR[event]]
    alert = replace(life(*before), for_safeguarding=True)
    if RIGHT_FOR[event] in RIGHTS[role]:
        assert take(alert, event, person("p-1", role)).steps[-1].event is event
    else:
        with pytest.raises(PolicyError, match=f"p-1 may not {RIGHT_FOR[event]}"):
            take(alert, event, person("p-1", role))


OUTCOME_EVENTS = {"arrest", "other-disposal", "no-action", "safeguarded"}


def test_a_right_holds_for_the_deployment_and_the_camera_of_the_alert():
    there = person("eo-9", Role.OPERATOR, deployments=frozenset({DeploymentId("d-2")}))
    elsewhere = person("eo-9", Role.OPERATOR, cameras=frozenset({CameraId("yard")}))
    here = person("eo-9", Role.OPERATOR, cameras=frozenset({CameraId("gate")}))
    for refused in (there, elsewhere):
        with pytest.raises(PolicyError, match="not for this deployment"):
            take(RAISED, "true", refused)
    assert take(RAISED, "true", here).state is AlertState.TRUE


def test_who_was_struck_off_takes_no_step():
    with pytest.raises(PolicyError, match="struck off"):
        take(RAISED, "true", replace(FIRST, struck_off=True))


@pytest.mark.parametrize("event", [AlertEvent.RAISE, AlertEvent.REPEAT])
def test_what_the_system_does_nobody_records(event):
    with pytest.raises(InputError):
        take(RAISED, event)


# Reviews


@pytest.mark.parametrize("view", ["true", "false"])
def test_two_people_who_agree_settle_it(view):
    waiting = take(RAISED, view, FIRST, TWO)
    assert waiting.state is AlertState.AWAITING_SECOND_REVIEW
    assert take(waiting, view, SECOND, TWO).state is AlertState(view)


@pytest.mark.parametrize("views", [("true", "false"), ("false", "true")])
def test_two_people_who_disagree_lead_to_no_engagement(views):
    disputed = take(take(RAISED, views[0], FIRST, TWO), views[1], SECOND, TWO)
    assert disputed.state is AlertState.DISPUTED
    for event in RIGHT_FOR:
        with pytest.raises((StateError, PolicyError)):
            take(disputed, event, THIRD, TWO)


def test_nobody_reviews_twice_whatever_a_pack_says():
    waiting = take(RAISED, "true", FIRST, TWO)
    for view in ("true", "false"):
        with pytest.raises(PolicyError, match="eo-1 has adjudicated this alert"):
            take(waiting, view, FIRST, TWO)


def test_three_reviews_take_three_people():
    alert = take(take(RAISED, "true", FIRST, THREE), "true", SECOND, THREE)
    assert alert.state is AlertState.AWAITING_SECOND_REVIEW
    assert take(alert, "true", THIRD, THREE).state is AlertState.TRUE
    assert take(alert, "false", THIRD, THREE).state is AlertState.DISPUTED


def test_what_the_pack_says_of_a_review_holds():
    asked = []

    def refuse(facts):
        asked.append(facts)
        return Verdict((Finding("review", "a source", "not you"),)) if facts.earlier else ALLOWED

    rules = replace(TWO, check_review=refuse)
    waiting = take(RAISED, "true", FIRST, rules)
    with pytest.raises(PolicyError, match=r"not you \(rule review; a source\)"):
        take(waiting, "true", SECOND, rules)
    assert [(f.reviewer, f.earlier, f.seen_earlier) for f in asked] == [
        ("eo-1", (), False),
        ("eo-2", ("eo-1",), False),
    ]


def test_an_alert_that_nobody_judged_ends_without_a_second_person():
    assert take(RAISED, "not-adjudicated", FIRST, TWO).state is AlertState.NOT_ADJUDICATED
    waiting = take(RAISED, "true", FIRST, TWO)
    assert take(waiting, "not-adjudicated", FIRST, TWO).state is AlertState.NOT_ADJUDICATED


@pytest.mark.parametrize("reader", [None, "eo-2", "eo-3"])
def test_a_later_reviewer_sees_no_earlier_view(reader):
    waiting = take(RAISED, "true", FIRST, TWO)
    assert visible_steps(waiting.steps, reader) == ()
    settled = take(waiting, "true", SECOND, TWO)
    assert visible_steps(settled.steps, reader) == settled.steps


def test_everybody_sees_their_own_view():
    waiting = take(take(RAISED, "true", FIRST, THREE), "true", SECOND, THREE)
    assert visible_steps(waiting.steps, FIRST.id) == waiting.steps[:1]
    assert visible_steps(waiting.steps, SECOND.id) == waiting.steps[1:]


# Order and time


@pytest.mark.parametrize(
    "event", [e for e in sorted(RIGHT_FOR) if RIGHT_FOR[e] is not Right.ADJUDICATE]
)
def test_nothing_but_a_review_follows_a_new_alert(event):
    everything = person("p-1", Role.ENGAGEMENT_OFFICER, Role.ANALYST)
    with pytest.raises(StateError, match="is raised, so"):
        take(RAISED, event, everything)


def test_only_somebody_missing_or_vulnerable_is_safeguarded():
    found = life("true", "confirmed-true")
    with pytest.raises(PolicyError, match="missing or vulnerable"):
        take(found, "safeguarded")
    looked_after = take(replace(found, for_safeguarding=True), "safeguarded")
    assert looked_after.state is AlertState.SAFEGUARDED


def test_a_clock_that_went_back_records_nothing():
    with pytest.raises(StateError, match="clock"):
        take(RAISED, "true", after_s=-0.001)
    with pytest.raises(StateError, match="clock"):
        take(life("true"), "confirmed-true", after_s=-1)
    assert take(life("true", after_s=0), "not-located", after_s=0).steps[-1].at_utc == NOON


def test_a_time_is_kept_to_the_millisecond_as_the_record_has_it():
    odd = replace(RAISED, raised_utc=NOON.replace(microsecond=123_000))
    assert take(odd, "true", after_s=0.000_999).steps[0].at_utc == odd.raised_utc


# Notes


@pytest.mark.parametrize(
    "note", ["", " \n ", "x" * 41, "a\x1b[2Jb", "a\ud800b", "a\x00b", "a\u202eb"]
)
def test_a_note_that_cannot_be_kept_is_refused_without_being_quoted(note):
    with pytest.raises(InputError) as refused:
        take(RAISED, "true", note=note)
    assert not note.strip() or note.strip() not in str(refused.value)


def test_a_note_may_be_as_long_as_the_policy_says():
    assert take(RAISED, "true", note="é" * 40).steps[0].note == "é" * 40


@pytest.mark.parametrize(("n_reviews", "note_limit_chars"), [(0, 10), (1, -1)])
def test_rules_that_would_let_an_alert_through_unseen_are_none(n_reviews, note_limit_chars):
    with pytest.raises(ValueError):
        StepRules(n_reviews, note_limit_chars, lambda facts: ALLOWED)


# What was kept


def test_steps_that_follow_each_other_are_recognised_and_others_are_not():
    steps = life("true", "confirmed-true", "arrest").steps
    assert follow_each_other((), AlertState.RAISED)
    assert follow_each_other(steps, AlertState.ARREST)
    assert follow_each_other(
        take(take(RAISED, "true", FIRST, TWO), "false", SECOND, TWO).steps, AlertState.DISPUTED
    )
    assert not follow_each_other((), AlertState.TRUE)
    assert not follow_each_other(steps, AlertState.CONFIRMED_TRUE)
    assert not follow_each_other(steps[1:], AlertState.ARREST)
    assert not follow_each_other((steps[0], steps[2]), AlertState.ARREST)
    back = replace(steps[2], at_utc=steps[0].at_utc - timedelta(seconds=1))
    assert not follow_each_other((*steps[:2], back), AlertState.ARREST)
    unknown = replace(steps[2], event=AlertEvent.REPEAT, state=AlertState.CONFIRMED_TRUE)
    assert not follow_each_other((*steps[:2], unknown), AlertState.CONFIRMED_TRUE)
    twice = take(take(RAISED, "true", FIRST, TWO), "true", SECOND, TWO).steps
    same = replace(twice[1], person=twice[0].person)
    assert not follow_each_other((twice[0], same), AlertState.TRUE)

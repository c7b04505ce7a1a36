"""The table of a deployment's life is the whole of it: what is not in it does not happen."""

import pytest

from fixtures.attempts import LONG, Attempts, at
from overt.core.errors import PolicyError, StateError
from overt.core.ids import CameraId
from overt.deployment import acts
from overt.deployment.life import CancellationReport, LifeEvent, LifeState
from overt.deployment.lifecycle import AFTER_LAPSE, OF_ITSELF, RIGHT_FOR, TRANSITIONS, advance
from overt.policy.facts import Route
from overt.policy.roles import RIGHTS, Scope

REPORT = CancellationReport(**dict.fromkeys(CancellationReport.model_fields, LONG))
ACTS = {
    LifeEvent.SUBMIT: acts.Submit(),
    LifeEvent.WITHDRAW: acts.Withdraw(),
    LifeEvent.COSIGN: acts.Cosign("A" * 86 + "=="),
    LifeEvent.AUTHORISE: acts.Authorise(Route.ORDINARY, b"{}"),
    LifeEvent.REFUSE: acts.Refuse("Because."),
    LifeEvent.RATIFY: acts.Ratify(b"{}"),
    LifeEvent.REFUSE_RATIFICATION: acts.RefuseRatification("Because."),
    LifeEvent.CHECK_IN: acts.CheckInOfficer(),
    LifeEvent.CHECK_OUT: acts.CheckOutOfficer(),
    LifeEvent.CONFIRM_SIGNS: acts.ConfirmSigns(),
    LifeEvent.MAKE_READY: acts.MakeReady(),
    LifeEvent.GO_LIVE: acts.GoLive((CameraId("east"),)),
    LifeEvent.PAUSE: acts.Pause("Because."),
    LifeEvent.RESUME: acts.Resume(),
    LifeEvent.END: acts.End("Because."),
    LifeEvent.LAPSE: acts.Lapse(),
    LifeEvent.REPORT: acts.WriteReport(REPORT),
    LifeEvent.CLOSE: acts.Close(),
}


@pytest.mark.parametrize("state", LifeState)
def test_what_is_not_in_the_table_is_refused_whoever_asks(state):
    so = at(state)
    for event, act in ACTS.items():
        if (state, event) in TRANSITIONS:
            continue
        for by in (*so.people, None):
            with pytest.raises(StateError, match=r"cannot take the step"):
                advance(so.life, act, so.situation(by))
    if (state, LifeEvent.APPLY) not in TRANSITIONS:
        again = acts.Apply(so.application("requester"))
        with pytest.raises(StateError):
            advance(so.life, again, so.situation("requester"))


def test_before_the_application_nothing_else_happens():
    so = Attempts()
    for act in ACTS.values():
        with pytest.raises(StateError, match="not applied for"):
            advance(None, act, so.situation("operator"))


def test_every_event_has_an_act_and_a_right_or_is_nobodys():
    assert set(ACTS) | {LifeEvent.APPLY} == set(LifeEvent) == set(RIGHT_FOR)
    assert {event for _, event in TRANSITIONS} == set(LifeEvent)
    assert {event for event, right in RIGHT_FOR.items() if right is None} == {LifeEvent.LAPSE}
    held = frozenset().union(*RIGHTS.values())
    assert {right for right in RIGHT_FOR.values() if right} <= held


def test_nothing_follows_from_refused_or_closed():
    assert not [at for at, _ in TRANSITIONS if at in {LifeState.REFUSED, LifeState.CLOSED}]


def test_every_state_is_reached():
    assert set(TRANSITIONS.values()) == set(LifeState)


def test_the_only_ways_to_live_ask_whether_everything_is_in_place():
    to_live = {e for (s, e), after in TRANSITIONS.items() if after is LifeState.LIVE and s != after}
    assert to_live == {LifeEvent.GO_LIVE, LifeEvent.RESUME}


def test_the_only_way_to_an_authority_is_a_signature():
    before = {None, LifeState.DRAFT, LifeState.SUBMITTED, LifeState.REFUSED}
    into = {e for (s, e), after in TRANSITIONS.items() if s in before and after not in before}
    assert into == {LifeEvent.AUTHORISE}


@pytest.mark.parametrize("event", sorted(set(LifeEvent) - OF_ITSELF - {LifeEvent.APPLY}))
def test_somebody_answers_for_every_step_that_does_not_happen_of_itself(event):
    state = next(state for state, each in TRANSITIONS if each is event and state is not None)
    so = at(state)
    with pytest.raises(PolicyError, match="Somebody must answer"):
        advance(so.life, ACTS[event], so.situation(None))


@pytest.mark.parametrize("event", sorted(set(LifeEvent) - {LifeEvent.LAPSE, LifeEvent.APPLY}))
def test_nobody_without_the_right_takes_a_step(event):
    state = next(state for state, each in TRANSITIONS if each is event and state is not None)
    so = at(state)
    for by, somebody in so.people.items():
        if somebody.person.roles_for(RIGHT_FOR[event], scope_of(so)):
            continue
        with pytest.raises(PolicyError) as refused:
            advance(so.life, ACTS[event], so.situation(by))
        assert refused.value.rules == ("roles",)
        assert by in str(refused.value)


def scope_of(so):
    asked = so.life.application
    return Scope(asked.id, asked.watchlist_id)


@pytest.mark.parametrize("by", ["operator", "second"])
def test_nobody_says_that_an_authority_is_over(by):
    so = at(LifeState.LIVE)
    with pytest.raises(PolicyError, match="Nobody takes this step"):
        advance(so.life, acts.Lapse(), so.situation(by))
    with pytest.raises(StateError, match="not over"):
        advance(so.life, acts.Lapse(), so.situation(None))


def test_when_an_authority_is_over_only_stopping_is_left():
    so = at(LifeState.LIVE)
    so.now = so.life.authority.ends_utc
    for event, act in ACTS.items():
        if (LifeState.LIVE, event) not in TRANSITIONS or event in AFTER_LAPSE:
            continue
        by = next(
            who
            for who, each in so.people.items()
            if each.person.roles_for(RIGHT_FOR[event], scope_of(so))
        )
        with pytest.raises(StateError, match="authority is over"):
            advance(so.life, act, so.situation(by))
    assert advance(so.life, acts.Lapse(), so.situation(None)).state is LifeState.ENDED


@pytest.mark.parametrize("record", [True, False])
def test_a_clock_set_back_stops_everything_but_stopping(record):
    so = at(LifeState.READY)
    back = so.now
    if record:  # something else of the store
        so.recorded = back.replace(hour=back.hour + 1)
    else:
        so.now = back.replace(hour=back.hour - 1)
    with pytest.raises(StateError, match="set it right"):
        advance(so.life, acts.GoLive((CameraId("east"),)), so.situation("operator"))
    ended = advance(so.life, acts.End("Because."), so.situation("operator"))
    assert ended.last_step_utc == max(so.recorded, so.life.last_step_utc)

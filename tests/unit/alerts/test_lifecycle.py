import itertools
import re
from enum import Enum

import pytest

from overt.alerts import lifecycle
from overt.alerts.lifecycle import (
    ADJUDICATIONS,
    ENGAGEMENTS,
    FINAL,
    OPEN,
    OUTCOMES,
    RESULTS,
    TRANSITIONS,
    VIEWS,
    AlertEvent,
    AlertState,
    Review,
    next_state,
    words,
)
from overt.core.errors import StateError
from overt.ledger.kinds import RecordKind
from overt.policy.roles import Right, Role


@pytest.mark.parametrize(("step", "following"), sorted(TRANSITIONS.items(), key=str))
def test_every_step_of_the_table_is_taken(step, following):
    assert next_state(*step) is following


def test_every_other_step_is_refused():
    every = itertools.product([None, *AlertState], AlertEvent, [None, *Review])
    for step in [step for step in every if step not in TRANSITIONS]:
        with pytest.raises(StateError):
            next_state(*step)


def test_every_state_can_be_reached():
    reached = {None}
    while True:
        further = {after for (before, *_), after in TRANSITIONS.items() if before in reached}
        if further <= reached:
            break
        reached |= further
    assert reached == {None, *AlertState}


def test_the_words_are_those_of_the_safeguards():
    assert {words(e) for e in ADJUDICATIONS} == {"true", "false", "not adjudicated"}
    assert {words(e) for e in ENGAGEMENTS} == {
        *("confirmed true", "confirmed false", "true unconfirmed"),
        *("not located", "stood down", "watchlist error"),
    }
    assert {words(e) for e in OUTCOMES} == {"arrest", "other disposal", "no action", "safeguarded"}
    assert {words(e) for e in RESULTS} == {"charged or cautioned", "no further action"}
    assert ADJUDICATIONS | ENGAGEMENTS | OUTCOMES | RESULTS | {
        AlertEvent.RAISE,
        AlertEvent.REPEAT,
    } == set(AlertEvent)


def test_hiding_from_a_camera_is_no_word_of_ours():
    # Nobody can be recorded for what is not in any list of what can be recorded.
    enums = [each for each in vars(lifecycle).values() if isinstance(each, type)]
    enums = [each for each in enums if issubclass(each, Enum)] + [RecordKind, Right, Role]
    said = " ".join(f"{m.name} {m.value}" for each in enums for m in each).lower()
    assert "raised" in said
    forbidden = r"cover|mask|hood|hid|avoid|evad|evas|turn|refus(?!al\b)|obstruct|suspic|declin"
    found = re.findall(rf"\w*(?:{forbidden})\w*", said)
    # An authority may be refused; a person who is asked nothing refuses nothing.
    assert found == ["refuse"]  # "authorise or refuse a deployment"


def leading_to(state):
    return {before for (before, _, _), after in TRANSITIONS.items() if after is state}


def test_an_engagement_follows_only_from_true():
    for event in ENGAGEMENTS:
        assert leading_to(AlertState(event)) - {AlertState(event)} == {AlertState.TRUE}


def test_an_outcome_follows_only_from_a_person_who_was_found_and_confirmed():
    for event in OUTCOMES:
        assert leading_to(AlertState(event)) - {AlertState(event)} == {AlertState.CONFIRMED_TRUE}


def test_a_result_follows_only_from_what_is_sent_on():
    for event in RESULTS:
        assert leading_to(AlertState(event)) == {AlertState.ARREST, AlertState.OTHER_DISPOSAL}


def test_reviewers_who_differ_lead_nowhere():
    assert AlertState.DISPUTED in FINAL
    assert leading_to(AlertState.DISPUTED) == {AlertState.AWAITING_SECOND_REVIEW}


def test_a_first_view_says_nothing_of_what_it_was():
    after = {TRANSITIONS[AlertState.RAISED, view, Review.WAITS] for view in VIEWS}
    assert after == {AlertState.AWAITING_SECOND_REVIEW}


def test_a_repeat_changes_nothing_and_is_folded_until_the_end():
    folding = {b: a for (b, event, _), a in TRANSITIONS.items() if event is AlertEvent.REPEAT}
    assert folding == {state: state for state in AlertState if state not in FINAL}


def test_what_is_open_needs_somebody_at_the_deployment_and_the_rest_does_not():
    assert not OPEN & FINAL
    assert set(AlertState) - OPEN - FINAL == {AlertState.ARREST, AlertState.OTHER_DISPOSAL}


def test_a_refusal_says_what_can_be_recorded_instead():
    with pytest.raises(StateError, match="possible is true, false, not adjudicated"):
        next_state(AlertState.RAISED, AlertEvent.ARREST)
    with pytest.raises(StateError, match="nothing more can"):
        next_state(AlertState.FALSE, AlertEvent.ARREST)


def test_the_drawing_names_every_state():
    drawing = lifecycle.__doc__.split("Three groups")[0]
    assert {state for state in AlertState if state not in drawing} == set()

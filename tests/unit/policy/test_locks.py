import math
from dataclasses import replace

import pytest

from overt.core.ids import EntryId, KinGroup
from overt.policy.locks import (
    POSSIBLE_MATCH,
    AlertRule,
    Evidence,
    Lock,
    NoMatch,
    PossibleMatch,
    Scored,
    decide,
)

# Sums of these are exact in binary, so that the boundaries below are exact.
RULE = AlertRule(threshold=0.5, min_agreeing_shots=2, lone_shot_surcharge=0.125, min_margin=0.0625)
JUST_UNDER = 2**-30


def scored(name, similarity, kin=None):
    return Scored(EntryId(name), similarity, None if kin is None else KinGroup(kin))


A, B = scored("a", 0.75), scored("b", 0.25)


def evidence(candidates=(A, B), leaders=(A, A), weights=None):
    weights = [1.0] * len(leaders) if weights is None else weights
    return Evidence(candidates, leaders, weights)


def test_three_open_locks_are_a_possible_match():
    assert decide(evidence(), RULE) == PossibleMatch(EntryId("a"), 0.75, 0.5, 2)
    assert POSSIBLE_MATCH == "possible match"


def test_nobody_to_compare_with_is_no_match():
    assert decide(evidence(candidates=()), RULE) == NoMatch(Lock.NOBODY)


@pytest.mark.parametrize(
    ("similarity", "opens"), [(0.5, True), (0.5 - JUST_UNDER, False), (1.0, True), (-1.0, False)]
)
def test_the_threshold_belongs_to_the_match(similarity, opens):
    verdict = decide(evidence([scored("a", similarity)]), RULE)
    assert isinstance(verdict, PossibleMatch) == opens
    assert opens or verdict == NoMatch(Lock.THRESHOLD)


@pytest.mark.parametrize(
    ("similarity", "opens"), [(0.625, True), (0.625 - JUST_UNDER, False), (0.5, False)]
)
def test_one_shot_must_exceed_the_threshold_by_the_surcharge(similarity, opens):
    verdict = decide(evidence([scored("a", similarity)], leaders=[A]), RULE)
    assert isinstance(verdict, PossibleMatch) == opens
    assert opens or verdict == NoMatch(Lock.MORE_SHOTS)


def test_only_a_missing_shot_asks_for_one_more():
    assert [lock for lock in Lock if NoMatch(lock).wants_confirmation] == [Lock.MORE_SHOTS]


@pytest.mark.parametrize("asked", [1, 2, 3])
def test_as_many_shots_must_agree_as_the_rule_asks(asked):
    rule = replace(RULE, min_agreeing_shots=asked)
    low = [scored("a", 0.5)]
    opened = [
        isinstance(decide(evidence(low, leaders=[A] * n), rule), PossibleMatch) for n in (1, 2, 3)
    ]
    assert opened == [n >= asked for n in (1, 2, 3)]


@pytest.mark.parametrize(
    ("leaders", "weights", "opens"),
    [
        ([A, A, B], [1, 1, 1], True),
        ([A, B, B], [1, 1, 1], False),
        ([A, B], [1, 1], False),  # half is no majority
        ([A, B], [1, 0.5], True),  # a poor shot has no veto
        ([A, B], [0.5, 1], False),
        ([A, B, B], [4, 1, 2], True),
        ([], [], False),
    ],
)
def test_the_shots_agree_by_weight(leaders, weights, opens):
    verdict = decide(evidence(leaders=leaders, weights=weights), RULE)
    assert isinstance(verdict, PossibleMatch) == opens
    assert opens or verdict == NoMatch(Lock.AGREEMENT)


def test_a_disagreeing_shot_does_not_count_as_one_that_agrees():
    low = [scored("a", 0.5)]
    verdict = decide(evidence(low, leaders=[A, B], weights=[2, 1]), RULE)
    assert verdict == NoMatch(Lock.MORE_SHOTS)
    high = decide(evidence([scored("a", 0.7)], leaders=[A, B], weights=[2, 1]), RULE)
    assert high == PossibleMatch(EntryId("a"), 0.7, None, 1)


@pytest.mark.parametrize(
    ("second", "opens"), [(0.6875, True), (0.6875 + JUST_UNDER, False), (0.75, False)]
)
def test_the_next_person_must_be_clearly_less_similar(second, opens):
    verdict = decide(evidence([A, scored("b", second)]), RULE)
    assert isinstance(verdict, PossibleMatch) == opens
    assert opens or verdict == NoMatch(Lock.MARGIN)


def test_kin_are_not_different_people():
    first, kin = scored("a", 0.75, "k"), scored("b", 0.74, "k")
    stranger = scored("c", 0.25)
    assert decide(evidence([first, kin, stranger], [first, kin]), RULE) == PossibleMatch(
        EntryId("a"), 0.75, 0.5, 2
    )
    assert decide(evidence([first, kin], [first, first]), RULE) == PossibleMatch(
        EntryId("a"), 0.75, None, 2
    )


def test_kin_of_another_group_are_different_people():
    first, other = scored("a", 0.75, "k"), scored("b", 0.74, "l")
    assert decide(evidence([first, other], [first, first]), RULE) == NoMatch(Lock.MARGIN)


def test_two_without_kin_are_not_kin_of_each_other():
    assert decide(evidence([A, scored("b", 0.74)]), RULE) == NoMatch(Lock.MARGIN)


def test_a_stranger_behind_kin_still_holds_the_margin():
    first, kin, near = scored("a", 0.75, "k"), scored("b", 0.74, "k"), scored("c", 0.73)
    assert decide(evidence([first, kin, near], [first, first]), RULE) == NoMatch(Lock.MARGIN)


def test_a_number_that_is_none_opens_nothing():
    nan = math.nan
    assert decide(evidence([scored("a", nan)]), RULE) == NoMatch(Lock.THRESHOLD)
    assert decide(evidence([A, scored("b", nan)]), RULE) == NoMatch(Lock.MARGIN)
    assert decide(evidence(weights=[nan, 1]), RULE) == NoMatch(Lock.AGREEMENT)
    assert decide(evidence(leaders=[A, B], weights=[1, nan]), RULE) == NoMatch(Lock.AGREEMENT)


def test_each_shot_has_its_weight():
    with pytest.raises(ValueError):
        decide(evidence(leaders=[A, A], weights=[1]), RULE)


@pytest.mark.parametrize(
    "change",
    [
        {"threshold": 0},
        {"threshold": 1},
        {"threshold": -0.5},
        {"threshold": math.nan},
        {"min_agreeing_shots": 0},
        {"min_agreeing_shots": 4},
        {"lone_shot_surcharge": -0.01},
        {"lone_shot_surcharge": math.nan},
        {"min_margin": -0.01},
        {"min_margin": math.nan},
        {"repeat_within_s": -1},
        {"repeat_within_s": math.nan},
    ],
    ids=str,
)
def test_a_rule_that_makes_no_sense_is_refused(change):
    with pytest.raises(ValueError):
        replace(RULE, **change)


def test_every_lock_speaks_in_plain_words():
    assert all(lock.value.islower() and " " in lock.value for lock in Lock)

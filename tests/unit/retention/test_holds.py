"""Holds as rules: how long, by whom, and when they are over."""

from datetime import UTC, datetime, timedelta

import pytest

from overt.core.errors import InputError, PolicyError, StateError
from overt.core.ids import DeploymentId, PersonId, WatchlistId
from overt.policy.pack_data import DataKind
from overt.policy.roles import Grant, Person, Role
from overt.retention import holds
from overt.retention.holds import Decision, Hold, HoldEvent, HoldGround
from overt.retention.schedule import Owner, OwnerKind

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
ALERT = Owner(OwnerKind.ALERT, "alert-1")
DIGEST = "a" * 64


def officer(**limits):
    grant = Grant(Role.AUTHORISING_OFFICER, **limits)
    return Person(PersonId("ao-1"), "superintendent", "E", (grant,), bytes(32))


def decision(days=10, at=NOON, ground=HoldGround.COMPLAINT, since=None):
    until = (since or at) + timedelta(days=days)
    return Decision(ground, until, DIGEST, officer(), at)


def placed(**changes):
    values = {"owner": ALERT, "data": [DataKind.PICTURE], "decision": decision(), "max_days": 90}
    return holds.place("hold-1", **(values | changes))


def test_a_hold_holds_until_its_end_and_not_a_second_longer():
    hold = placed()
    end = NOON + timedelta(days=10)
    assert hold.holds_at(end - timedelta(milliseconds=1))
    assert not hold.holds_at(end)
    assert hold.state_at(NOON) == "held"
    assert hold.state_at(end) == "expired"
    assert holds.latest_end([hold], DataKind.PICTURE, NOON) == end
    assert holds.latest_end([hold], DataKind.PICTURE, end) is None
    assert holds.latest_end([hold], DataKind.ALERT, NOON) is None


def test_of_several_the_last_to_end_counts():
    other = placed(decision=decision(days=20))
    assert holds.latest_end([placed(), other], "picture", NOON) == NOON + timedelta(days=20)


@pytest.mark.parametrize("days", [0, -1, 91])
def test_one_decision_holds_as_long_as_the_policy_says(days):
    with pytest.raises(PolicyError):
        placed(decision=decision(days))
    assert placed(decision=decision(90)).until_utc == NOON + timedelta(days=90)


def test_extending_counts_from_the_new_decision():
    later = NOON + timedelta(days=9)
    longer = holds.extend(placed(), decision(90, at=later), 90)
    assert longer.until_utc == later + timedelta(days=90)
    assert [step.event for step in longer.steps] == [HoldEvent.PLACED, HoldEvent.EXTENDED]
    with pytest.raises(PolicyError):
        holds.extend(placed(), decision(91, at=later), 90)
    with pytest.raises(StateError, match="as long without it"):
        holds.extend(longer, decision(90, at=later), 90)


def test_what_is_over_goes_on_no_more():
    end = NOON + timedelta(days=10)
    released = holds.release(placed(), PersonId("ao-1"), NOON, DIGEST)
    for over, at in ((placed(), end), (released, NOON), (holds.expire(placed(), end), end)):
        with pytest.raises(StateError, match="over since"):
            holds.extend(over, decision(at=at), 90)
        with pytest.raises(StateError, match="over since"):
            holds.release(over, PersonId("ao-1"), at, DIGEST)
    assert not released.holds_at(NOON)


def test_only_what_came_to_its_end_expires_once():
    end = NOON + timedelta(days=10)
    with pytest.raises(StateError):
        holds.expire(placed(), NOON)
    expired = holds.expire(placed(), end)
    assert expired.steps[-1].by is None
    with pytest.raises(StateError):
        holds.expire(expired, end)


def test_a_clock_that_went_back_is_told():
    longer = holds.extend(placed(), decision(40, at=NOON + timedelta(days=5)), 90)
    with pytest.raises(StateError, match="clock"):
        holds.release(longer, PersonId("ao-1"), NOON, DIGEST)


@pytest.mark.parametrize(
    ("owner", "data"),
    [
        (ALERT, [DataKind.ACCOUNT]),
        (ALERT, []),
        (Owner(OwnerKind.PERSON, "op-1"), [DataKind.PICTURE]),
        (Owner(OwnerKind.MANIFEST, "a" * 64), [DataKind.MEMBERSHIP]),
        (Owner(OwnerKind.DEPLOYMENT, "d-1"), [DataKind.NON_ALERT]),
    ],
)
def test_there_are_data_that_cannot_be_held(owner, data):
    with pytest.raises(InputError, match="can be held is"):
        placed(owner=owner, data=data)


def test_the_right_has_to_reach_what_is_held():
    scope = holds.scope_of(ALERT, DeploymentId("d-1"))
    holds.check_may_decide(officer(), ALERT, scope)
    elsewhere = officer(deployments=frozenset({DeploymentId("d-2")}))
    with pytest.raises(PolicyError):
        holds.check_may_decide(elsewhere, ALERT, scope)
    listed = Owner(OwnerKind.WATCHLIST, "list")
    other = officer(watchlists=frozenset({WatchlistId("another")}))
    with pytest.raises(PolicyError):
        holds.check_may_decide(other, listed, holds.scope_of(listed))
    auditor = Person(PersonId("au-1"), "superintendent", "E", (Grant(Role.AUDITOR),), bytes(32))
    with pytest.raises(PolicyError):
        holds.check_may_decide(auditor, ALERT, scope)


def test_nobody_decides_on_their_own_account():
    own = Owner(OwnerKind.PERSON, "ao-1")
    with pytest.raises(PolicyError, match="own account"):
        holds.check_may_decide(officer(), own, holds.scope_of(own))


def test_counts_name_every_ground_and_nobody():
    longer = holds.extend(placed(), decision(40, ground=HoldGround.COURT_ORDER), 90)
    counted = holds.counts([longer, placed()], NOON + timedelta(days=15))
    assert set(counted) == set(HoldGround)
    assert counted["complaint"] == {"n_placed": 2, "n_held": 0, "n_extended": 0}
    assert counted["court-order"] == {"n_placed": 0, "n_held": 1, "n_extended": 1}


def test_a_hold_is_read_back():
    hold = holds.extend(placed(), decision(40), 90)
    assert Hold.parse(hold.to_bytes()) == hold


def test_without_a_pack_nobody_says_how_long():
    with pytest.raises(PolicyError):
        holds.max_days_of([])

"""An urgent authority that is ratified goes on; nothing else can take an authority's place."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from overt.core.clock import ManualClock
from overt.core.errors import AuthorityError
from overt.deployment.authority import MAY_DIFFER, Authority
from overt.deployment.capability import Capability
from overt.policy.facts import Route
from overt.policy.locks import AlertRule

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


class SetClock(ManualClock):
    """A monotonic clock, and a wall clock that somebody sets."""

    set_by = timedelta(0)

    def now_utc(self):
        return super().now_utc() + self.set_by


@pytest.fixture
def clock():
    return SetClock(NOON)


@pytest.fixture
def urgent(capability_of):
    return capability_of(route=Route.URGENT, rank="inspector", not_after_utc=NOON + HOUR)


@pytest.fixture
def ratified(urgent):
    return replace(
        urgent,
        route=Route.ORDINARY,
        authoriser="ao-east-2",
        rank="superintendent",
        not_before_utc=NOON + timedelta(minutes=30),
        not_after_utc=NOON + 6 * HOUR,
        issued_utc=NOON + timedelta(minutes=30),
    )


def test_the_ratified_one_lasts_as_long_as_it_says(urgent, ratified, clock):
    authority = Authority(urgent, clock)
    clock.advance(1800)
    authority.succeed(ratified)
    assert authority.capability == ratified
    assert authority.remaining_s == pytest.approx(5.5 * 3600)
    clock.advance(5.5 * 3600 - 1)
    assert authority.in_force
    clock.advance(1)
    assert not authority.in_force


def test_a_clock_set_back_before_it_is_ratified_adds_nothing(urgent, ratified, clock):
    authority = Authority(urgent, clock)
    clock.advance(1800)
    clock.set_by = -timedelta(minutes=20)
    authority.succeed(ratified)
    assert authority.remaining_s == pytest.approx(5.5 * 3600)


def test_the_one_who_ratifies_may_have_a_clock_that_is_ahead(urgent, ratified, clock):
    authority = Authority(urgent, clock)
    clock.advance(1790)
    authority.succeed(ratified)
    assert authority.in_force


def test_once_the_urgent_one_is_over_it_is_too_late(urgent, ratified, clock):
    authority = Authority(urgent, clock)
    clock.advance(3600)
    with pytest.raises(AuthorityError, match="over"):
        authority.succeed(ratified)


OTHERS = {
    "deployment": "d-2",
    "cameras": ("gate", "north"),
    "watchlist_sha256": "0" * 64,
    "detector_sha256": "0" * 64,
    "contract": "another",
    "rule": AlertRule(0.3),
    "application_sha256": "0" * 64,
    "policy_sha256": "0" * 64,
    "presence_within_s": 3000.0,
    "calibration": None,
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_bound_cannot_change_with_it(urgent, ratified, clock, name):
    authority = Authority(urgent, clock)
    with pytest.raises(AuthorityError, match=f"something else: {name} differ"):
        authority.succeed(replace(ratified, **{name: OTHERS[name]}))
    assert authority.capability == urgent


def test_every_member_is_either_bound_or_may_differ():
    assert set(OTHERS) | MAY_DIFFER == set(Capability.__dataclass_fields__)
    assert not set(OTHERS) & MAY_DIFFER


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (Route.ORDINARY, Route.ORDINARY),
        (Route.URGENT, Route.URGENT),
        (Route.ORDINARY, Route.URGENT),
    ],
)
def test_only_an_urgent_one_is_succeeded_by_an_ordinary_one(urgent, ratified, clock, before, after):
    authority = Authority(replace(urgent, route=before), clock)
    with pytest.raises(AuthorityError, match="Only an urgent"):
        authority.succeed(replace(ratified, route=after))
    clock.advance(3600)
    assert not authority.in_force

"""The window by two clocks, and the bindings."""

from datetime import UTC, datetime, timedelta

import pytest

from overt.core.clock import ManualClock
from overt.core.errors import AuthorityError
from overt.deployment.authority import Authority

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
HOUR_S = 3600.0


class TwoClocks:
    """A wall clock that somebody sets, and a monotonic one that nobody can."""

    def __init__(self):
        self.wall = NOON
        self.elapsed_s = 0.0

    def now_utc(self):
        return self.wall

    def monotonic_s(self):
        return self.elapsed_s

    def advance(self, seconds):
        self.wall += timedelta(seconds=seconds)
        self.elapsed_s += seconds


@pytest.fixture
def clocks():
    return TwoClocks()


@pytest.fixture
def authority(capability_of, clocks):
    return Authority(capability_of(), clocks)


def test_it_is_in_force_from_its_beginning_until_just_before_its_end(authority, clocks):
    assert authority.in_force
    assert authority.remaining_s == HOUR_S
    clocks.advance(HOUR_S - 0.001)
    assert authority.in_force
    clocks.advance(0.001)
    assert not authority.in_force
    assert authority.remaining_s == 0


@pytest.mark.parametrize(("late_s", "says"), [(-0.001, "not yet valid"), (HOUR_S, "expired")])
def test_outside_its_window_there_is_none(capability_of, late_s, says):
    with pytest.raises(AuthorityError, match=says):
        Authority(capability_of(), ManualClock(NOON + timedelta(seconds=late_s)))


def test_a_clock_set_back_within_the_window_does_not_stretch_it(authority, clocks):
    clocks.advance(HOUR_S / 2)
    clocks.wall = NOON
    assert authority.remaining_s == HOUR_S / 2
    clocks.advance(HOUR_S / 2)
    assert not authority.in_force


def test_a_clock_set_back_before_the_window_ends_it(authority, clocks):
    clocks.wall = NOON - timedelta(days=1)
    assert authority.remaining_s == 0
    assert not authority.in_force


def test_a_clock_set_on_ends_it(authority, clocks):
    clocks.wall = NOON + timedelta(hours=1)
    assert not authority.in_force


def test_a_machine_that_slept_through_the_end_finds_it_over(authority, clocks):
    clocks.wall += timedelta(hours=2)  # the monotonic clock stands still while it sleeps
    assert not authority.in_force


def test_a_clock_that_was_wrong_at_the_start_cannot_add_to_the_window(capability_of, clocks):
    authority = Authority(capability_of(), clocks)
    clocks.wall = NOON + timedelta(minutes=1)
    clocks.elapsed_s = HOUR_S
    assert not authority.in_force


def test_only_its_cameras_are_allowed(authority):
    authority.check_camera("gate")
    with pytest.raises(AuthorityError, match="does not name the camera"):
        authority.check_camera("another")


def test_list_and_models_must_be_those_that_were_authorised(authority):
    bound = {"watchlist": "a" * 64, "detector": "d" * 64, "contract": "contract"}
    authority.check_bindings(**bound)
    for name in bound:
        with pytest.raises(AuthorityError, match="not the one that was authorised"):
            authority.check_bindings(**(bound | {name: "another"}))

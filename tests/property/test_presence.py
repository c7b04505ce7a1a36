"""Whatever beats come and whatever is done to clocks: nobody is taken for present who is not."""

from dataclasses import dataclass, replace
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overt.core.clock import ManualClock
from overt.core.ids import PersonId
from overt.deployment.authority import Authority
from overt.deployment.capability import Capability
from overt.deployment.guard import Go, Guard, Standing
from overt.deployment.presence import Presence
from overt.live.leave import Leave
from overt.policy.pack import PolicyPack
from overt.store.store import Store


class TwoClocks(ManualClock):
    """A monotonic clock, and a wall clock that anybody may set."""

    def __init__(self, start_utc):
        super().__init__(start_utc)
        self.set_by = timedelta(0)

    def now_utc(self):
        return super().now_utc() + self.set_by


@dataclass
class Case:
    """A live deployment, as the store had it."""

    standing: Standing
    capability: Capability
    pack: PolicyPack

    @property
    def officers(self):
        return sorted(self.standing.life.present())

    def guard(self, clock):
        authority = Authority(self.capability, clock)
        reader = Reader(self.standing)
        guard = Guard(
            authority=authority,
            capability_file=self.standing.capability_file,
            pack=self.pack,
            reader=reader,
            key_of=lambda person: None,
            clock=clock,
        )
        return guard, reader, Leave(authority, clock)


class Reader:
    """A store that holds what the test puts into it."""

    def __init__(self, standing):
        self.counts = dict(standing.beats)
        self._standing = standing

    def standing(self, deployment):
        return replace(self._standing, beats=dict(self.counts))


@pytest.fixture(scope="session")
def case(tmp_path_factory, authorised, watchlist):
    clock = ManualClock()
    with Store.open(tmp_path_factory.mktemp("presence") / "home", clock) as store:
        found = authorised(store, clock, watchlist, lasts=timedelta(hours=6))
        found.go_live()
        found.beat()
        return Case(store.lives.standing(found.id), found.capability, found.force.pack)


seconds = st.floats(0, 60, allow_nan=False)
happenings = st.one_of(
    st.tuples(st.just("beat"), st.integers(0, 1)),
    st.tuples(st.just("wait"), seconds),
    st.tuples(st.just("wait"), st.floats(0, 0.3)),
    st.tuples(st.just("wait and look"), seconds),
    st.tuples(st.just("set the wall clock"), st.floats(-7200, 3600)),
    st.tuples(st.just("count back"), st.integers(0, 1)),
    st.tuples(st.just("look"), st.none()),
)


class Story:
    """What happens to a node and its officers, and what must hold all the while."""

    def __init__(self, case):
        self.clock = TwoClocks(case.capability.not_before_utc + timedelta(hours=2))
        self.guard, self.reader, self.leave = case.guard(self.clock)
        self.officers = case.officers
        self.limit_s = case.capability.presence_within_s + 1.0
        self.last_sign = {}
        self.has_looked = False

    def sign(self, officer, by):
        """One more, or one fewer: whoever sets a count back is at the store, and says so."""
        self.reader.counts[officer] = max(0, self.reader.counts.get(officer, 0) + by)
        self.last_sign[officer] = self.clock.monotonic_s()

    def wait(self, seconds):
        """Time passes, also for a node that does not ask."""
        for _ in range(4):
            self.clock.advance(seconds / 4)
            self.check()

    def wait_and_look(self, seconds):
        """Time passes for a node that asks now and then."""
        for _ in range(round(seconds / 0.4)):
            self.wait(0.4)
            self.look()
            self.check()

    def look(self):
        answer = self.guard.look()
        if isinstance(answer, Go):
            self.leave.grant(answer.until_s)
        else:
            self.leave.revoke()

    def check(self):
        if not self.leave.granted:
            return
        self.has_looked = True
        for officer in self.officers:
            assert officer in self.last_sign, "nobody is there before they said so"
            assert self.clock.monotonic_s() - self.last_sign[officer] <= self.limit_s

    def happens(self, what, how):
        if what == "wait":
            self.wait(how)
        elif what == "wait and look":
            self.wait_and_look(how)
        elif what == "set the wall clock":
            self.clock.set_by += timedelta(seconds=how)
        elif what == "look":
            self.look()
        else:
            self.sign(self.officers[how], 1 if what == "beat" else -1)
        self.check()


@settings(max_examples=300, deadline=None)
@given(st.booleans(), st.lists(happenings, max_size=40))
def test_leave_never_outlasts_the_officers_signs(case, present, happened):
    story = Story(case)
    begins = [("look", None), ("beat", 0), ("beat", 1), ("look", None)] if present else []
    for what, how in begins + happened:
        story.happens(what, how)


def test_officers_who_say_so_are_looked_for_and_with_whom_it_ends(case):
    """What the test above holds is not held by never looking."""
    story = Story(case)
    told = [("look", None), ("beat", 0), ("beat", 1), ("wait", 0.1), ("look", None)]
    for what, how in told:
        story.happens(what, how)
    assert story.has_looked
    for _ in range(310):
        story.happens("wait", 0.1)
        story.happens("look", None)
    assert not story.leave.granted


@settings(max_examples=100, deadline=None)
@given(st.floats(0, 1e6), st.integers(0, 10**9))
def test_signs_given_before_the_node_began_count_for_nothing(began_s, n_beats):
    clock = ManualClock(elapsed_s=began_s)
    presence = Presence(30.0, clock)
    presence.look({PersonId("op-1"): n_beats}, clock.monotonic_s())
    assert not presence.is_present(PersonId("op-1"))
    clock.advance(0.1)
    presence.look({PersonId("op-1"): n_beats}, clock.monotonic_s())
    assert not presence.is_present(PersonId("op-1"))


@settings(max_examples=100, deadline=None)
@given(st.lists(st.floats(0.01, 9.9), min_size=1, max_size=30))
def test_whoever_beats_at_a_third_of_the_time_stays_present(gaps):
    """However the looks fall, one lost beat in between included."""
    clock, who = ManualClock(), PersonId("op-1")
    presence = Presence(30.0, clock)
    n_beats, beat_s = 0, 0.0
    presence.look({who: n_beats}, clock.monotonic_s())
    has_been = False
    for gap_s in gaps:
        clock.advance(gap_s)
        if clock.monotonic_s() >= beat_s + 10.0 or not has_been:
            n_beats += 1
            beat_s = clock.monotonic_s()
        presence.look({who: n_beats}, clock.monotonic_s())
        has_been = has_been or presence.is_present(who)
        assert presence.is_present(who)

"""Random people, events and times find no route around the reviews, the order or the clock."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from overt.alerts.lifecycle import (
    ADJUDICATIONS,
    ENGAGEMENTS,
    FINAL,
    OUTCOMES,
    RESULTS,
    VIEWS,
    AlertEvent,
    AlertState,
)
from overt.alerts.steps import (
    AlertSoFar,
    StepRequest,
    StepRules,
    follow_each_other,
    take_step,
    visible_steps,
)
from overt.core.errors import InputError, PolicyError, StateError
from overt.core.ids import CameraId, DeploymentId, PersonId
from overt.policy.roles import Grant, Person, Role
from overt.policy.verdict import ALLOWED

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
DEPLOYMENTS = (None, frozenset({DeploymentId("d-1")}), frozenset({DeploymentId("d-2")}))
GRANTS = st.builds(Grant, st.sampled_from(Role), st.sampled_from(DEPLOYMENTS))


@st.composite
def registers(draw):
    """Return some people, some of them struck off, with any roles."""
    return [
        Person(
            PersonId(f"p-{n}"),
            "rank",
            "East",
            tuple(draw(st.lists(GRANTS, min_size=1, max_size=3))),
            bytes([n]) * 32,
            struck_off=draw(st.integers(0, 9)) == 0,
        )
        for n in range(5)
    ] + [
        Person(PersonId(f"eo-{n}"), "rank", "East", (Grant(Role.ENGAGEMENT_OFFICER),), b"%032d" % n)
        for n in range(3)
    ]


class AlertLife(RuleBasedStateMachine):
    """Everybody tries everything at any time."""

    @initialize(people=registers(), n_reviews=st.integers(1, 3), for_safeguarding=st.booleans())
    def raise_alert(self, people, n_reviews, for_safeguarding):
        self.people = people
        self.rules = StepRules(n_reviews, 20, lambda facts: ALLOWED)
        self.alert = AlertSoFar(
            DeploymentId("d-1"), CameraId("gate"), NOON, for_safeguarding=for_safeguarding
        )
        self.now = NOON

    @rule(seconds=st.floats(-100, 100))
    def move_the_clock(self, seconds):
        self.now += timedelta(seconds=seconds)

    @rule(
        who=st.integers(0, 7),
        event=st.sampled_from(AlertEvent),
        note=st.none() | st.text(max_size=25),
    )
    def try_something(self, who, event, note):
        before, actor = self.alert.state, self.people[who]
        try:
            step = take_step(self.alert, StepRequest(event, note), actor, self.rules, self.now)
        except (PolicyError, StateError, InputError):
            return
        assert before not in FINAL
        assert not actor.struck_off
        assert any(
            grant.deployments is None or "d-1" in grant.deployments for grant in actor.grants
        )
        if step.state is AlertState.AWAITING_SECOND_REVIEW:
            for other in self.people:
                seen = visible_steps((*self.alert.steps, step), other.id)
                assert all(each.person == other.id for each in seen)
        self.alert = replace(self.alert, steps=(*self.alert.steps, step))

    @rule(event=st.sampled_from(AlertEvent), where=st.integers(0, 2))
    def try_as_those_who_may(self, event, where):
        self.try_something(5 + where, event, None)

    @invariant()
    def nobody_is_engaged_without_the_reviews(self):
        events = [step.event for step in self.alert.steps]
        if not ENGAGEMENTS & set(events):
            return
        first = min(events.index(event) for event in ENGAGEMENTS if event in events)
        reviews = self.alert.steps[:first]
        assert {step.event for step in reviews} == {AlertEvent.TRUE}
        assert len({step.person for step in reviews}) == len(reviews) == self.rules.n_reviews

    @invariant()
    def each_thing_happens_once_and_in_order(self):
        kinds = [
            next(n for n, kind in enumerate(KINDS) if step.event in kind)
            for step in self.alert.steps
        ]
        assert kinds == sorted(kinds)
        assert all(kinds.count(kind) <= 1 for kind in (1, 2, 3))
        if OUTCOMES & {step.event for step in self.alert.steps}:
            assert AlertEvent.CONFIRMED_TRUE in {step.event for step in self.alert.steps}
        if AlertState.SAFEGUARDED is self.alert.state:
            assert self.alert.for_safeguarding

    @invariant()
    def time_never_goes_back(self):
        times = [self.alert.raised_utc, *(step.at_utc for step in self.alert.steps)]
        assert times == sorted(times)

    @invariant()
    def what_was_taken_reads_as_a_life(self):
        assert follow_each_other(self.alert.steps, self.alert.state)
        views = [step for step in self.alert.steps if step.event in VIEWS]
        assert len({step.person for step in views}) == len(views)


KINDS = (ADJUDICATIONS, ENGAGEMENTS, OUTCOMES, RESULTS)

TestAlertLife = AlertLife.TestCase
TestAlertLife.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)

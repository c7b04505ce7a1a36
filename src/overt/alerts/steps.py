"""The next step of an alert's life: who may take it, when, and with which note.

:func:`take_step` is the only maker of an :class:`AlertStep`. It is a pure function, so that the
same people, times and policy always give the same answer.

Invariants: no engagement without as many people's agreeing adjudications as the policy asks for,
each by a different person who was not shown the others'; time never goes back within an alert.
Must not: keep anything, or look up who somebody is.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import Final

from overt.alerts.lifecycle import (
    ADJUDICATIONS,
    ENGAGEMENTS,
    OUTCOMES,
    RESULTS,
    TRANSITIONS,
    VIEWS,
    AlertEvent,
    AlertState,
    Review,
    next_state,
)
from overt.core.errors import InputError, PolicyError, StateError
from overt.core.ids import CameraId, DeploymentId, PersonId
from overt.policy.facts import ReviewFacts
from overt.policy.roles import Person, Right, Scope, check_right
from overt.policy.verdict import Verdict

RULE_SAFEGUARDED: Final = "safeguarded-category"
RULE_SECOND_PERSON: Final = "second-person"

RIGHT_FOR: Final[Mapping[AlertEvent, Right]] = MappingProxyType(
    dict.fromkeys(ADJUDICATIONS, Right.ADJUDICATE)
    | dict.fromkeys(ENGAGEMENTS | OUTCOMES, Right.ENGAGE)
    | dict.fromkeys(RESULTS, Right.RECORD_RESULT)
)
"""Which right each event takes. What is not here nobody records by hand."""


@dataclass(frozen=True, slots=True)
class AlertStep:
    """One step that somebody took.

    Attributes:
        number: counts up from 1 within the alert.
        event: what was recorded.
        state: where that left the alert.
        person: who recorded it.
        at_utc: when, timezone-aware, to the millisecond.
        note: for the officer who comes next; may say anything, so it is in no repr, error or log.
    """

    number: int
    event: AlertEvent
    state: AlertState
    person: PersonId
    at_utc: datetime
    note: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class StepRequest:
    """What somebody wants to record, in their words."""

    event: AlertEvent
    note: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class StepRules:
    """What the policy pack says of steps.

    Attributes:
        n_reviews: how many people must see the same before an engagement; 1 or more.
        note_limit_chars: how long a note may be.
        check_review: whether somebody may give an adjudication.
    """

    n_reviews: int
    note_limit_chars: int
    check_review: Callable[[ReviewFacts], Verdict]

    def __post_init__(self) -> None:
        """Refuse rules that would let an alert through unseen."""
        if self.n_reviews < 1 or self.note_limit_chars < 0:
            raise ValueError("an alert is reviewed at least once, and a note has a length")


@dataclass(frozen=True, slots=True)
class AlertSoFar:
    """What a step is taken from.

    Attributes:
        deployment, camera: where the alert was raised.
        raised_utc: when it was recorded.
        steps: every step so far, in order, none hidden.
        for_safeguarding: whether the person is looked for as missing or vulnerable, by the category
            of the list.
    """

    deployment: DeploymentId
    camera: CameraId
    raised_utc: datetime
    steps: Sequence[AlertStep] = ()
    for_safeguarding: bool = False

    @property
    def state(self) -> AlertState:
        """Where the alert is."""
        return self.steps[-1].state if self.steps else AlertState.RAISED

    @property
    def views(self) -> tuple[AlertStep, ...]:
        """The steps that say what somebody saw."""
        return tuple(step for step in self.steps if step.event in VIEWS)


def take_step(
    alert: AlertSoFar, asked: StepRequest, actor: Person, rules: StepRules, now_utc: datetime
) -> AlertStep:
    """Return the step that somebody takes now.

    Args:
        alert: the alert and its life so far.
        asked: what they want to record.
        actor: who they are, as the register has them now.
        rules: what the policy says.
        now_utc: timezone-aware.

    Raises:
        PolicyError: they may not do this, or the policy does not allow it.
        StateError: nothing of that kind can follow where the alert is, or the clock went back.
        InputError: the note cannot be kept, or it is no step that people take.
    """
    right = RIGHT_FOR.get(asked.event)
    if right is None:
        raise InputError("That is no step that people record.")
    check_right(actor, right, Scope(alert.deployment, camera=alert.camera)).require()
    at_utc = _not_before_the_last(alert, now_utc)
    review = _review(alert, asked.event, rules) if asked.event in VIEWS else None
    state = next_state(alert.state, asked.event, review)
    if asked.event in VIEWS:
        _check_reviewer(alert, actor, rules)
    if asked.event is AlertEvent.SAFEGUARDED and not alert.for_safeguarding:
        raise PolicyError(
            "Only somebody who is looked for as missing or vulnerable can be safeguarded.",
            (RULE_SAFEGUARDED,),
        )
    note = _checked_note(asked.note, rules.note_limit_chars)
    return AlertStep(len(alert.steps) + 1, asked.event, state, actor.id, at_utc, note)


def visible_steps(steps: Sequence[AlertStep], reader: PersonId | None) -> tuple[AlertStep, ...]:
    """Return what somebody may see of an alert's steps, so that a second review is a blind one.

    While the alert waits for another review, everybody sees only the views that they gave
    themselves. Who it is makes no difference: whoever does not review today may tell who does.

    Args:
        steps: every step so far, in order.
        reader: who reads; None for somebody unknown.
    """
    if not steps or steps[-1].state is not AlertState.AWAITING_SECOND_REVIEW:
        return tuple(steps)
    return tuple(step for step in steps if step.event not in VIEWS or step.person == reader)


def follow_each_other(steps: Sequence[AlertStep], state: AlertState) -> bool:
    """Return whether steps that were kept are a life by the table that ends in ``state``.

    How many reviews were asked for is not known here; a number, a state, a time or a second view of
    one person that cannot be is found all the same.
    """
    before, last_utc, reviewers = AlertState.RAISED, None, []
    for number, step in enumerate(steps, start=1):
        possible = {TRANSITIONS.get((before, step.event, review)) for review in (None, *Review)}
        if step.number != number or step.event not in RIGHT_FOR or step.state not in possible:
            return False
        if last_utc is not None and step.at_utc < last_utc:
            return False
        if step.event in VIEWS:
            reviewers.append(step.person)
        before, last_utc = step.state, step.at_utc
    return before is state and len(set(reviewers)) == len(reviewers)


def _review(alert: AlertSoFar, view: AlertEvent, rules: StepRules) -> Review:
    if any(earlier.event is not view for earlier in alert.views):
        return Review.DIFFERS
    return Review.SETTLES if len(alert.views) + 1 >= rules.n_reviews else Review.WAITS


def _check_reviewer(alert: AlertSoFar, actor: Person, rules: StepRules) -> None:
    earlier = tuple(step.person for step in alert.views)
    # Whatever a pack says: two views of one person are one view.
    if actor.id in earlier:
        raise PolicyError(
            f"{actor.id} has adjudicated this alert; the second review is another person's.",
            (RULE_SECOND_PERSON,),
        )
    # visible_steps shows nobody an earlier view while there is a review to come.
    rules.check_review(ReviewFacts(actor.id, earlier, seen_earlier=False)).require()


def _not_before_the_last(alert: AlertSoFar, now_utc: datetime) -> datetime:
    """Return the time as records keep it; a clock that went back is somebody's to put right."""
    at_utc = now_utc.replace(microsecond=now_utc.microsecond // 1000 * 1000)
    last = alert.steps[-1].at_utc if alert.steps else alert.raised_utc
    if at_utc < last:
        raise StateError(
            "This machine's clock is behind the alert's last step; nothing is recorded until it is "
            "right."
        )
    return at_utc


def _checked_note(note: str | None, limit_chars: int) -> str | None:
    if note is None:
        return None
    text = note.strip()
    if not text:
        raise InputError("The note is empty.")
    if len(text) > limit_chars:
        raise InputError(f"The note is longer than the {limit_chars} characters of the policy.")
    if not all(each.isprintable() or each == "\n" for each in text):
        raise InputError("The note holds characters that cannot be shown.")
    return text

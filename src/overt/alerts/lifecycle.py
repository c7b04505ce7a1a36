"""The life of an alert: one table of states, events and what follows.

    (nothing) ── raise ──▶ raised
                              │
                 true | false ├───────────────────────────▶ awaiting-second-review
                              │                                │          │
                              │◀── true | false, as before ────┘          ├──▶ disputed
                              │◀── not-adjudicated ───────────────────────┘  otherwise
                              │
            ┌─────────────────┼────────────────┐
            ▼                 ▼                ▼
          false        not-adjudicated       true
                                               │
            ┌──────────────────────────────────┤
            ▼                                  ▼
      confirmed-true              confirmed-false, true-unconfirmed, not-located,
            │                     stood-down, watchlist-error
            ▼
      arrest, other-disposal ────▶ charged-or-cautioned, no-further-action
      no-action, safeguarded

Every event is called what it ends in, but for a view that waits for another or differs from one.

Three groups stand for people who decide: an *adjudication* says what an officer sees in the two
pictures; an *engagement* what came of looking for the person; an *outcome* what was done with the
person who was found. A *later result* follows from another authority's decision.

Why so, and no wider:

- An engagement follows only from ``true``: an alert by itself moves nobody. Two reviewers who see
  different things (``disputed``) have no more than the alert they began with.
- ``not-adjudicated`` says that no review, or no second one, was made. It is no view of a face, so
  nobody has to second it, and it ends the alert.
- An outcome follows only from ``confirmed-true``. Whatever was done with somebody who turned out to
  be another person, or should not have been on the list, or was never stopped, is no success of
  this alert and must not be counted as one.
- A later result follows only from an arrest or another disposal, since nothing else is sent on.
- Nothing is taken back. A slip stays in the record with who made it.

A repeat is folded into an alert in every state that is not final, and changes none: the same
passage may go on while officers decide. Once the alert is at its end the next passage is a new
alert, decided anew.

Invariants: what is not in the table does not happen; that somebody covered their face, turned away
or would not stop for a camera is no event, here or anywhere.
Must not: know who is asking or when; preconditions of people and time stand in
:mod:`overt.alerts.steps`.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType
from typing import Final, TypeAlias

from overt.core.errors import StateError


class AlertState(StrEnum):
    """Where an alert is in its life."""

    RAISED = "raised"
    AWAITING_SECOND_REVIEW = "awaiting-second-review"
    DISPUTED = "disputed"

    TRUE = "true"
    FALSE = "false"
    NOT_ADJUDICATED = "not-adjudicated"

    CONFIRMED_TRUE = "confirmed-true"
    CONFIRMED_FALSE = "confirmed-false"
    TRUE_UNCONFIRMED = "true-unconfirmed"
    NOT_LOCATED = "not-located"
    STOOD_DOWN = "stood-down"
    WATCHLIST_ERROR = "watchlist-error"

    ARREST = "arrest"
    OTHER_DISPOSAL = "other-disposal"
    NO_ACTION = "no-action"
    SAFEGUARDED = "safeguarded"

    CHARGED_OR_CAUTIONED = "charged-or-cautioned"
    NO_FURTHER_ACTION = "no-further-action"


class AlertEvent(StrEnum):
    """What can happen to an alert."""

    RAISE = "raise"
    REPEAT = "repeat"

    TRUE = "true"
    """The officer takes the two pictures for the same person's."""
    FALSE = "false"
    """The officer does not."""
    NOT_ADJUDICATED = "not-adjudicated"
    """Nobody judged it in time, or nobody a second time."""

    CONFIRMED_TRUE = "confirmed-true"
    """The person was found and is who the list says, by other means than the face."""
    CONFIRMED_FALSE = "confirmed-false"
    """The person was found and is somebody else."""
    TRUE_UNCONFIRMED = "true-unconfirmed"
    """Who it was stayed open: the person was gone, or there was no need to engage."""
    NOT_LOCATED = "not-located"
    """Officers looked for the person and did not find them."""
    STOOD_DOWN = "stood-down"
    """Officers were called off before they found anybody."""
    WATCHLIST_ERROR = "watchlist-error"
    """It is the person on the list, who should no longer, or never, have been on it."""

    ARREST = "arrest"
    OTHER_DISPOSAL = "other-disposal"
    NO_ACTION = "no-action"
    SAFEGUARDED = "safeguarded"
    """Somebody missing or vulnerable was found and is looked after."""

    CHARGED_OR_CAUTIONED = "charged-or-cautioned"
    NO_FURTHER_ACTION = "no-further-action"


class Review(StrEnum):
    """How a view of an alert stands among those that the policy asks for."""

    WAITS = "waits"
    """Nobody has said otherwise, and another person is still to look."""
    SETTLES = "settles"
    """It is the last that is asked for, and nobody has said otherwise."""
    DIFFERS = "differs"
    """Somebody has said otherwise before."""


VIEWS: Final = frozenset({AlertEvent.TRUE, AlertEvent.FALSE})
"""Adjudications that say what somebody saw."""
ADJUDICATIONS: Final = VIEWS | {AlertEvent.NOT_ADJUDICATED}
ENGAGEMENTS: Final = frozenset(
    {
        AlertEvent.CONFIRMED_TRUE,
        AlertEvent.CONFIRMED_FALSE,
        AlertEvent.TRUE_UNCONFIRMED,
        AlertEvent.NOT_LOCATED,
        AlertEvent.STOOD_DOWN,
        AlertEvent.WATCHLIST_ERROR,
    }
)
OUTCOMES: Final = frozenset(
    {
        AlertEvent.ARREST,
        AlertEvent.OTHER_DISPOSAL,
        AlertEvent.NO_ACTION,
        AlertEvent.SAFEGUARDED,
    }
)
RESULTS: Final = frozenset({AlertEvent.CHARGED_OR_CAUTIONED, AlertEvent.NO_FURTHER_ACTION})

Step: TypeAlias = tuple[AlertState | None, AlertEvent, Review | None]
"""From where (None: from nothing), what, and for a view how it stands among the reviews."""

_UNDECIDED: Final = (AlertState.RAISED, AlertState.AWAITING_SECOND_REVIEW)
_SENT_ON: Final = (AlertState.ARREST, AlertState.OTHER_DISPOSAL)

_DECIDING: Final[dict[Step, AlertState]] = {
    (None, AlertEvent.RAISE, None): AlertState.RAISED,
    # Adjudication
    **{
        (state, view, Review.WAITS): AlertState.AWAITING_SECOND_REVIEW
        for state in _UNDECIDED
        for view in VIEWS
    },
    **{(state, view, Review.SETTLES): AlertState(view) for state in _UNDECIDED for view in VIEWS},
    **{
        (AlertState.AWAITING_SECOND_REVIEW, view, Review.DIFFERS): AlertState.DISPUTED
        for view in VIEWS
    },
    **{
        (state, AlertEvent.NOT_ADJUDICATED, None): AlertState.NOT_ADJUDICATED
        for state in _UNDECIDED
    },
    # Engagement, outcome, later result: each event names the state that it ends in
    **{(AlertState.TRUE, event, None): AlertState(event) for event in ENGAGEMENTS},
    **{(AlertState.CONFIRMED_TRUE, event, None): AlertState(event) for event in OUTCOMES},
    **{(state, event, None): AlertState(event) for state in _SENT_ON for event in RESULTS},
}

FINAL: Final = frozenset(AlertState) - {state for state, _, _ in _DECIDING if state is not None}
"""States from which nothing follows."""

TRANSITIONS: Final[Mapping[Step, AlertState]] = MappingProxyType(
    _DECIDING
    | {(state, AlertEvent.REPEAT, None): state for state in AlertState if state not in FINAL}
)
"""The whole table."""

OPEN: Final = frozenset(
    {*_UNDECIDED, AlertState.TRUE, AlertState.CONFIRMED_TRUE},
)
"""States in which somebody at the deployment still has to decide; a later result is not theirs."""


def next_state(
    state: AlertState | None, event: AlertEvent, review: Review | None = None
) -> AlertState:
    """Return the state after ``event``.

    Args:
        state: where the alert is; None if it is not yet raised.
        event: what happens.
        review: for a view how it stands among the reviews; None for everything else.

    Raises:
        StateError: the table has no such step.
    """
    following = TRANSITIONS.get((state, event, review))
    if following is None:
        raise StateError(
            f"The alert is {words(state) if state else 'not raised'}, so {words(event)} cannot be "
            f"recorded; {_possible(state)}."
        )
    return following


def words(name: str) -> str:
    """Return a state or an event as people say it."""
    return name.replace("-", " ")


def _possible(state: AlertState | None) -> str:
    """Say what can follow; repeats are no business of whoever is told this."""
    events = {
        event for before, event, _ in TRANSITIONS if before == state and event != AlertEvent.REPEAT
    }
    if not events:
        return "nothing more can"
    return f"possible is {', '.join(words(event) for event in AlertEvent if event in events)}"

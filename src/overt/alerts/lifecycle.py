"""The life of an alert: one table of states, events and what follows.

    (nothing) ── raise ──▶ raised ─┐
                             ▲     │ repeat
                             └─────┘

A later issue adds adjudication, engagement and outcome as rows of the same table.

Invariants: what is not in the table does not happen.
Must not: know who is asking or when; preconditions of people and time stand beside the table.
"""

from collections.abc import Mapping
from enum import StrEnum
from types import MappingProxyType

from overt.core.errors import InputError


class AlertState(StrEnum):
    """Where an alert is in its life."""

    RAISED = "raised"


class AlertEvent(StrEnum):
    """What can happen to an alert."""

    RAISE = "raise"
    REPEAT = "repeat"


TRANSITIONS: Mapping[tuple[AlertState | None, AlertEvent], AlertState] = MappingProxyType(
    {
        (None, AlertEvent.RAISE): AlertState.RAISED,
        (AlertState.RAISED, AlertEvent.REPEAT): AlertState.RAISED,
    }
)


def next_state(state: AlertState | None, event: AlertEvent) -> AlertState:
    """Return the state after ``event``; ``state`` is None for an alert that is not yet raised.

    Raises:
        InputError: the table has no such step.
    """
    following = TRANSITIONS.get((state, event))
    if following is None:
        raise InputError(f"An alert that is {state or 'not raised'} cannot take the step {event}.")
    return following

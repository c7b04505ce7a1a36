import itertools

import pytest

from overt.alerts.lifecycle import TRANSITIONS, AlertEvent, AlertState, next_state
from overt.core.errors import InputError


@pytest.mark.parametrize(("step", "following"), TRANSITIONS.items())
def test_every_step_of_the_table_is_taken(step, following):
    assert next_state(*step) is following


@pytest.mark.parametrize(
    "step",
    [
        step
        for step in itertools.product([None, *AlertState], AlertEvent)
        if step not in TRANSITIONS
    ],
)
def test_every_other_step_is_refused(step):
    with pytest.raises(InputError):
        next_state(*step)


def test_every_state_can_be_reached():
    reached = {None}
    while True:
        further = {after for (before, _), after in TRANSITIONS.items() if before in reached}
        if further <= reached:
            break
        reached |= further
    assert reached == {None, *AlertState}

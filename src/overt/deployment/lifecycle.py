"""The one table of a deployment's life, and the one way along it.

Invariants: what is not in the table does not happen; every act takes its right; no act is taken at
a time before the last one, except those that stop something; an authority that is over allows
nothing but ending, reporting and closing.
Must not: read a clock or a store; what is asked comes in the situation.
"""

from collections.abc import Mapping
from datetime import datetime
from types import MappingProxyType
from typing import Final

from pydantic import ValidationError

from overt.core.clock import format_utc
from overt.core.errors import InputError, PolicyError, StateError
from overt.deployment.acts import Apply, DeploymentAct, GoLive, Lapse, Pause
from overt.deployment.effects import changes_of
from overt.deployment.faults import first_fault
from overt.deployment.life import Life, LifeEvent, LifeState, Step
from overt.deployment.situation import Situation
from overt.deployment.verdicts import officers_missing
from overt.policy.roles import Right, Scope, check_right

_S, _E = LifeState, LifeEvent
_AUTHORISED: Final = (_S.AUTHORISED, _S.READY, _S.LIVE, _S.PAUSED)


_Rows = dict[tuple[LifeState | None, LifeEvent], LifeState]


def _staying(event: LifeEvent, *states: LifeState) -> _Rows:
    return {(state, event): state for state in states}


def _to(after: LifeState, event: LifeEvent, *states: LifeState) -> _Rows:
    return {(state, event): after for state in states}


TRANSITIONS: Mapping[tuple[LifeState | None, LifeEvent], LifeState] = MappingProxyType(
    {
        (None, _E.APPLY): _S.DRAFT,
        (_S.DRAFT, _E.APPLY): _S.DRAFT,
        (_S.DRAFT, _E.SUBMIT): _S.SUBMITTED,
        (_S.SUBMITTED, _E.WITHDRAW): _S.DRAFT,
        (_S.SUBMITTED, _E.COSIGN): _S.SUBMITTED,
        (_S.SUBMITTED, _E.AUTHORISE): _S.AUTHORISED,
        (_S.SUBMITTED, _E.REFUSE): _S.REFUSED,
        **_staying(_E.COSIGN, *_AUTHORISED),
        **_staying(_E.RATIFY, *_AUTHORISED),
        **_to(_S.ENDED, _E.REFUSE_RATIFICATION, *_AUTHORISED),
        **_staying(_E.CHECK_IN, *_AUTHORISED),
        **_staying(_E.CHECK_OUT, *_AUTHORISED, _S.ENDED),
        **_staying(_E.CONFIRM_SIGNS, *_AUTHORISED),
        (_S.AUTHORISED, _E.MAKE_READY): _S.READY,
        (_S.READY, _E.MAKE_READY): _S.READY,
        (_S.READY, _E.GO_LIVE): _S.LIVE,
        (_S.LIVE, _E.PAUSE): _S.PAUSED,
        (_S.PAUSED, _E.RESUME): _S.LIVE,
        **_to(_S.ENDED, _E.END, *_AUTHORISED),
        **_to(_S.ENDED, _E.LAPSE, *_AUTHORISED),
        (_S.ENDED, _E.REPORT): _S.ENDED,
        (_S.ENDED, _E.CLOSE): _S.CLOSED,
    }
)
"""From which state which event leads to which state."""

RIGHT_FOR: Mapping[LifeEvent, Right | None] = MappingProxyType(
    {
        _E.APPLY: Right.APPLY,
        _E.SUBMIT: Right.APPLY,
        _E.WITHDRAW: Right.APPLY,
        _E.COSIGN: Right.COSIGN,
        _E.AUTHORISE: Right.AUTHORISE,
        _E.REFUSE: Right.AUTHORISE,
        _E.RATIFY: Right.AUTHORISE,
        _E.REFUSE_RATIFICATION: Right.AUTHORISE,
        _E.CHECK_IN: Right.CHECK_IN,
        _E.CHECK_OUT: Right.CHECK_IN,
        _E.CONFIRM_SIGNS: Right.CONFIRM_SIGNS,
        _E.MAKE_READY: Right.RUN,
        _E.GO_LIVE: Right.RUN,
        _E.PAUSE: Right.RUN,
        _E.RESUME: Right.RUN,
        _E.END: Right.END,
        _E.LAPSE: None,
        _E.REPORT: Right.REPORT,
        _E.CLOSE: Right.CLOSE,
    }
)
"""What it takes to take each step; None for what nobody takes."""

OF_ITSELF: Final = frozenset({_E.PAUSE, _E.RESUME, _E.LAPSE})
"""Steps that the node or the clock may take, without a person."""

STOPPING: Final = frozenset({_E.PAUSE, _E.END, _E.LAPSE, _E.REFUSE_RATIFICATION})
"""Steps that are never refused for the sake of a clock."""

AFTER_LAPSE: Final = frozenset({_E.END, _E.LAPSE, _E.PAUSE, _E.REFUSE_RATIFICATION})


def advance(life: Life | None, act: DeploymentAct, situation: Situation) -> Life:
    """Return the life after an act.

    Args:
        life: as it stands; None before the application.
        act: what is tried.
        situation: what holds now.

    Raises:
        StateError: the table has no such step from here, or the clock was set back.
        PolicyError: whoever acts has not the right, or the policy pack does not allow it.
        AuthorityError: a capability that is not what it must be.
        InputError: a reason or a signature that cannot be recorded as it is.
    """
    state = _next_state(life, act.event)
    at_utc = _time_of(life, act.event, situation)
    _check_right(life, act, situation)
    if life is not None and life.lapsed(at_utc) and act.event not in AFTER_LAPSE:
        raise StateError("The authority is over: nothing but ending is left to do.")
    number = 1 if life is None else life.version + 1
    try:
        changes = changes_of(act, life, situation)
        step = Step(
            number=number,
            event=act.event,
            state=state,
            by=None if situation.by is None else situation.by.id,
            at_utc=at_utc,
            reason=getattr(act, "reason", ""),
        )
        steps = (*(() if life is None else life.steps), step)
        if life is None:
            return Life(state=state, version=number, steps=steps, **changes)
        return life.replaced(state=state, version=number, steps=steps, **changes)
    except ValidationError as error:
        raise InputError(f"The step cannot be recorded: {first_fault(error)}.") from error


def follows(life: Life, situation: Situation) -> DeploymentAct | None:
    """Return what happens of itself as things stand, or None: nobody has to see to it."""
    if life.lapsed(situation.now_utc):
        return Lapse()
    if life.state is _S.LIVE and officers_missing(life, situation):
        return Pause("Too few officers are checked in.")
    return None


def _next_state(life: Life | None, event: LifeEvent) -> LifeState:
    before = None if life is None else life.state
    after = TRANSITIONS.get((before, event))
    if after is None:
        where = before or "not applied for"
        possible = ", ".join(each for at, each in TRANSITIONS if at is before and RIGHT_FOR[each])
        raise StateError(
            f"A deployment that is {where} cannot take the step: {event}; possible is "
            f"{possible or 'nothing more'}."
        )
    return after


def _time_of(life: Life | None, event: LifeEvent, situation: Situation) -> datetime:
    known = [situation.recorded_utc, None if life is None else life.last_step_utc]
    latest = max((moment for moment in known if moment is not None), default=situation.now_utc)
    if situation.now_utc >= latest:
        return situation.now_utc
    if event in STOPPING:
        return latest
    raise StateError(
        "The clock of this machine stands before what was last recorded "
        f"({format_utc(latest)}): set it right."
    )


def _check_right(life: Life | None, act: DeploymentAct, situation: Situation) -> None:
    right, by = RIGHT_FOR[act.event], situation.by
    if by is None:
        if act.event not in OF_ITSELF:
            raise PolicyError(f"Somebody must answer for this step: {act.event}.", ("roles",))
        return
    if right is None:
        raise PolicyError(f"Nobody takes this step: {act.event}.", ("roles",))
    application = act.application if isinstance(act, Apply) else life and life.application
    if not application:
        raise StateError("There is no application.")
    cameras = act.cameras if isinstance(act, GoLive) else (None,)
    for camera in cameras:
        where = Scope(application.id, application.watchlist_id, camera)
        check_right(by, right, where).require()

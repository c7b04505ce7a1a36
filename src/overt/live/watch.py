"""Keeps the node under its deployment's life: asks the guard, gives leave, writes the steps.

    go        leave is renewed
    paused    leave is taken back, the cameras are let go, the life says paused and why
    over      leave is taken back for good

What a person paused only a person resumes; when presence lapsed and came back, the node resumes.

Invariants: leave is taken back before anything is written or said; a pause that cannot be written
ends the run.
Must not: decide; that is :mod:`overt.deployment.guard`.
"""

from collections.abc import Callable
from enum import Enum
from typing import Final, Protocol

from overt.alerts.ports import StopReason
from overt.core.clock import Clock
from overt.core.errors import PolicyError, StateError
from overt.core.ids import DeploymentId, PersonId
from overt.deployment.acts import DeploymentAct, Lapse, Pause, Resume
from overt.deployment.guard import Go, Guard, Over, PauseCause, Paused
from overt.deployment.life import Life, LifeState
from overt.live.leave import Leave

ASK_TO_RESUME_EVERY_S: Final = 30.0
"""How often the node asks to resume again after that was refused: each refusal is recorded."""

TOO_LATE: Final = "The node could not ask in time whether it may look."

_STOPPED: Final = {
    StopReason.FINISHED: "every source came to its end",
    StopReason.INTERRUPTED: "it was interrupted",
    StopReason.AUTHORITY_ENDED: "by its own clock the authority has ended",
    StopReason.FAILED: "something failed",
}


class LifeSteps(Protocol):
    """Where steps in a deployment's life are taken; see :class:`overt.store.lives.LifeArchive`."""

    def act(self, deployment: DeploymentId, act: DeploymentAct, by: PersonId | None) -> Life:
        """Take a step.

        Raises:
            StateError: the life is not where this step can be taken.
            PolicyError: it is not allowed.
            StorageError: it could not be kept.
        """
        ...


class PauseObserver(Protocol):
    """Who is told of pauses."""

    def paused(self, reason: str, cause: PauseCause) -> None:
        """Nothing is looked at, for this reason: not yet, not now, or now for another reason."""
        ...

    def resumed(self) -> None:
        """Frames are looked at again, or for the first time."""
        ...


class Watch:
    """Asked by the supervisor ten times a second. Not thread-safe.

    Args:
        guard: decides.
        leave: what camera threads ask.
        steps: where the life's steps are taken.
        observer: told of pauses.
        let_go: tells the cameras to let go; called after leave was taken back.
        clock: the node's clock.

    Attributes:
        n_pauses: how often looking stopped and could have gone on.
        over: why there is no looking any more, once there is not.
    """

    def __init__(
        self,
        *,
        guard: Guard,
        leave: Leave,
        steps: LifeSteps,
        observer: PauseObserver,
        let_go: Callable[[], None],
        clock: Clock,
    ) -> None:
        self.n_pauses = 0
        self.over: Over | None = None
        self._guard = guard
        self._leave = leave
        self._steps = steps
        self._observer = observer
        self._let_go = let_go
        self._clock = clock
        self._phase = _Phase.WAITING
        self._since_s = clock.monotonic_s()
        self._seconds = dict.fromkeys(_Phase, 0.0)
        self._until_s = 0.0
        self._reason = ""
        self._refused_s: float | None = None

    @property
    def looked_s(self) -> float:
        """How long frames were looked at, in seconds."""
        return self._in(_Phase.LOOKING)

    @property
    def paused_s(self) -> float:
        """How long looking was paused, in seconds; the wait before it began is not counted."""
        return self._in(_Phase.PAUSED)

    def ask(self) -> Over | None:
        """Ask the guard and do what follows; return why it is over, if it is.

        Raises:
            StorageError, IntegrityError: it cannot be found out or not be written; leave is taken
                back.
        """
        try:
            answer = self._guard.look()
            if isinstance(answer, Go):
                self._go(answer.until_s)
            elif isinstance(answer, Paused):
                self._pause(answer)
            else:
                self._enter(_Phase.DONE)
                self.over = answer
        except BaseException:
            self._enter(_Phase.DONE)
            raise
        return self.over

    def end(self, reason: StopReason) -> None:
        """Write into the life what the run's end means for it, unless somebody ended it before.

        Raises:
            StorageError: it could not be kept.
        """
        self._enter(_Phase.DONE)
        if reason is StopReason.AUTHORITY_ENDED and self._take(Lapse()):
            return
        words = _STOPPED.get(reason, "") if self.over is None else self.over.reason
        self._take(Pause(f"The node stopped: {words.rstrip('.')}."))

    def _go(self, until_s: float) -> None:
        now_s = self._clock.monotonic_s()
        if self._phase is _Phase.LOOKING and now_s >= self._until_s:
            self._enter(_Phase.PAUSED)
            self._observer.paused(TOO_LATE, PauseCause.STORE)
        if now_s >= until_s:  # the answer took longer than it holds
            return
        began = self._phase is not _Phase.LOOKING
        self._enter(_Phase.LOOKING)
        self._until_s, self._reason = until_s, ""
        self._leave.grant(until_s)
        if began:
            self._observer.resumed()

    def _pause(self, answer: Paused) -> None:
        if self._phase is _Phase.LOOKING:
            self._enter(_Phase.PAUSED)
        reason, cause = answer.reason, answer.cause
        if answer.state is LifeState.LIVE and self._phase is _Phase.PAUSED:
            self._take(Pause(reason))
        if answer.may_resume:
            reason, cause = self._resume(), PauseCause.POLICY
        if reason and reason != self._reason:
            self._reason = reason
            self._observer.paused(reason, cause)

    def _resume(self) -> str:
        """Resume; return why that is refused, if it is."""
        now_s = self._clock.monotonic_s()
        if self._refused_s is not None and now_s - self._refused_s < ASK_TO_RESUME_EVERY_S:
            return self._reason
        self._refused_s = None
        try:
            self._take(Resume())
        except PolicyError as refused:
            self._refused_s = now_s
            return str(refused)
        return ""

    def _take(self, act: Pause | Resume | Lapse) -> bool:
        """Take a step of itself; return whether it was taken. Somebody may have been faster."""
        try:
            self._steps.act(self._guard.deployment, act, None)
        except StateError:
            return False
        return True

    def _enter(self, phase: "_Phase") -> None:
        """Change phase; whoever leaves off looking takes leave back before anything else."""
        if phase is not _Phase.LOOKING:
            self._leave.revoke()
        before, now_s = self._phase, self._clock.monotonic_s()
        if phase is before:
            return
        self._seconds[before] += now_s - self._since_s
        self._phase, self._since_s = phase, now_s
        if before is _Phase.LOOKING:
            self._let_go()
            self.n_pauses += phase is _Phase.PAUSED

    def _in(self, phase: "_Phase") -> float:
        now_s = self._clock.monotonic_s() - self._since_s if phase is self._phase else 0.0
        return self._seconds[phase] + now_s


class _Phase(Enum):
    """What the node does; waiting is before it first looked."""

    WAITING = "waiting"
    LOOKING = "looking"
    PAUSED = "paused"
    DONE = "done"

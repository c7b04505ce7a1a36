"""Legal holds: data that is kept beyond its period, by somebody's decision, until a named time.

    placed ──▶ extended (again and again) ──▶ released, by a decision
                                          └─▶ expired, of itself

Invariants: a hold has a ground of a closed list, a reason, somebody who answers for it and an end;
each decision reaches at most as far as the policy pack says; from the second of its end a hold
holds nothing, whether or not anybody has said so; a step follows the one before it, in time too.
Must not: hold a reason, a name or any free text (the store seals those), or bring back what is
gone.
"""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import pairwise
from types import MappingProxyType
from typing import Annotated, Final, Self

from pydantic import (
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from overt.core.clock import format_utc
from overt.core.errors import InputError, PolicyError, StateError
from overt.core.ids import DeploymentId, PersonId, WatchlistId
from overt.policy.pack import PolicyPack
from overt.policy.pack_data import DataKind, RetentionRule
from overt.policy.roles import Person, Right, Scope, check_right
from overt.retention.schedule import Owner, OwnerKind

RULE: Final = RetentionRule.id
MAX_STEPS: Final = 10_000
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]


class HoldGround(StrEnum):
    """Why data can be held; the reason of the single case is written, and sealed."""

    COMPLAINT = "complaint"
    EVIDENCE = "evidence"
    COURT_ORDER = "court-order"
    DATA_SUBJECT_REQUEST = "data-subject-request"
    OVERSIGHT = "oversight"


class HoldEvent(StrEnum):
    """What can happen to a hold."""

    PLACED = "placed"
    EXTENDED = "extended"
    RELEASED = "released"
    EXPIRED = "expired"


HOLDABLE: Final[Mapping[OwnerKind, tuple[DataKind, ...]]] = MappingProxyType(
    {
        OwnerKind.ALERT: (DataKind.ALERT, DataKind.PICTURE),
        OwnerKind.DEPLOYMENT: (DataKind.ALERT, DataKind.PICTURE),
        OwnerKind.WATCHLIST: (DataKind.TEMPLATE, DataKind.WATCHLIST),
        OwnerKind.PERSON: (DataKind.ACCOUNT,),
    }
)
"""What of each owner can be held; of a single entry of a list nothing: one key seals the list."""

_OVER: Final = frozenset({HoldEvent.RELEASED, HoldEvent.EXPIRED})


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class HoldStep(_Frozen):
    """One step; ``by`` is None when a hold ended of itself."""

    number: int = Field(ge=1)
    event: HoldEvent
    ground: HoldGround
    by: Name | None
    at_utc: AwareDatetime
    until_utc: AwareDatetime
    reason_sha256: Digest | None


class Hold(_Frozen):
    """A hold with its whole life; free text is not in it, only the digests of its ciphertexts."""

    id: Name
    owner_kind: OwnerKind
    owner: Name
    data: Annotated[tuple[DataKind, ...], Field(min_length=1)]
    steps: Annotated[tuple[HoldStep, ...], Field(min_length=1, max_length=MAX_STEPS)]

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        first, *later = self.steps
        if tuple(sorted(set(self.data))) != self.data:
            raise ValueError("kinds of data stand once, in order")
        if not set(self.data) <= set(HOLDABLE.get(self.owner_kind, ())):
            raise ValueError("an owner of this kind has no such data")
        if [step.number for step in self.steps] != list(range(1, len(self.steps) + 1)):
            raise ValueError("steps are numbered without a gap")
        if first.event is not HoldEvent.PLACED or HoldEvent.PLACED in {s.event for s in later}:
            raise ValueError("a hold is placed once, first")
        if any(before.event in _OVER for before in self.steps[:-1]):
            raise ValueError("a hold that ended goes on no more")
        if any(after.at_utc < before.at_utc for before, after in pairwise(self.steps)):
            raise ValueError("time does not go back")
        if any((step.by is None) != (step.event is HoldEvent.EXPIRED) for step in self.steps):
            raise ValueError("somebody answers for every step but the last that comes of itself")
        return self

    @property
    def held(self) -> Owner:
        """Whose data it holds."""
        return Owner(self.owner_kind, self.owner)

    @property
    def ground(self) -> HoldGround:
        """Why it is held, by the last decision."""
        return self.steps[-1].ground

    @property
    def until_utc(self) -> datetime:
        """From when it holds nothing any more."""
        return self.steps[-1].until_utc

    @property
    def is_over(self) -> bool:
        """Whether somebody, or the sweeper, has said that it ended."""
        return self.steps[-1].event in _OVER

    def holds_at(self, moment: datetime) -> bool:
        """Return whether it holds its data at a moment; at its end it does not."""
        return not self.is_over and moment < self.until_utc

    def state_at(self, moment: datetime) -> str:
        """Return ``held``, ``released`` or ``expired``."""
        if self.steps[-1].event is HoldEvent.RELEASED:
            return str(HoldEvent.RELEASED)
        return "held" if self.holds_at(moment) else str(HoldEvent.EXPIRED)

    def to_bytes(self) -> bytes:
        """Return the bytes that are kept."""
        return self.model_dump_json().encode()

    @classmethod
    def parse(cls, data: bytes) -> "Hold":
        """Read what :meth:`to_bytes` writes.

        Raises:
            InputError: it is something else.
        """
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            raise InputError("The document is not a hold.") from error


@dataclass(frozen=True, slots=True)
class Decision:
    """What somebody decides about a hold.

    Attributes:
        ground: why, of the closed list.
        until_utc: how long, timezone-aware; the policy limits it.
        reason_sha256: of the written reason's ciphertext.
        by: who decides.
        at_utc: when.
    """

    ground: HoldGround
    until_utc: datetime
    reason_sha256: str
    by: Person
    at_utc: datetime


def scope_of(owner: Owner, deployment: DeploymentId | None = None) -> Scope:
    """Return what a decision on an owner's data is on; of an alert, its deployment decides."""
    match owner.kind:
        case OwnerKind.ALERT:
            return Scope(deployment=deployment)
        case OwnerKind.DEPLOYMENT:
            return Scope(deployment=DeploymentId(owner.id))
        case OwnerKind.WATCHLIST:
            return Scope(watchlist=WatchlistId(owner.id))
        case _:
            return Scope()


def check_may_decide(by: Person, owner: Owner, scope: Scope) -> None:
    """Raise unless somebody may decide on holds there.

    Raises:
        PolicyError: they have not the right there, or it is about their own account.
    """
    check_right(by, Right.PLACE_HOLD, scope).require()
    if owner == Owner(OwnerKind.PERSON, by.id):
        raise PolicyError("Nobody decides on a hold of their own account's data.", (RULE,))


def place(
    id_: str, owner: Owner, data: Collection[DataKind], decision: Decision, max_days: int
) -> Hold:
    """Return a new hold.

    Args:
        id_: not used before.
        owner: whose data.
        data: of :data:`HOLDABLE`; that it is still there is for the caller to have made sure.
        decision: who decides what; that they may is for the caller to have made sure.
        max_days: the longest that the policy allows.

    Raises:
        InputError: an owner of that kind has no such data.
        PolicyError: it would hold longer than the policy allows, or ends before it begins.
    """
    if not data or not set(data) <= set(HOLDABLE.get(owner.kind, ())):
        kinds = ", ".join(HOLDABLE.get(owner.kind, ())) or "nothing"
        raise InputError(f"Of this, what can be held is: {kinds}.")
    step = _decided(1, HoldEvent.PLACED, decision, max_days)
    return Hold(
        id=id_,
        owner_kind=owner.kind,
        owner=owner.id,
        data=tuple(sorted(set(data))),
        steps=(step,),
    )


def extend(hold: Hold, decision: Decision, max_days: int) -> Hold:
    """Return a hold that ends later, by a new decision.

    Raises:
        StateError: it is over: what it held may be gone, and is held again only by a new hold; or
            it would not end later.
        PolicyError: as :func:`place`.
    """
    _require_held(hold, decision.at_utc)
    if decision.until_utc <= hold.until_utc:
        raise StateError("The hold lasts as long without it: name a later end, or release it.")
    return _with(hold, _decided(len(hold.steps) + 1, HoldEvent.EXTENDED, decision, max_days))


def release(hold: Hold, by: PersonId, at_utc: datetime, reason_sha256: str) -> Hold:
    """Return a hold that somebody ended.

    Raises:
        StateError: it is over already.
    """
    _require_held(hold, at_utc)
    step = HoldStep(
        number=len(hold.steps) + 1,
        event=HoldEvent.RELEASED,
        ground=hold.ground,
        by=by,
        at_utc=_milliseconds(at_utc),
        until_utc=_milliseconds(at_utc),
        reason_sha256=reason_sha256,
    )
    return _with(hold, step)


def expire(hold: Hold, at_utc: datetime) -> Hold:
    """Return a hold whose end, which has passed, is put on record.

    Raises:
        StateError: it has not passed, or was put on record.
    """
    if hold.is_over or hold.holds_at(at_utc):
        raise StateError("The hold has not come to its end, or that was recorded.")
    step = HoldStep(
        number=len(hold.steps) + 1,
        event=HoldEvent.EXPIRED,
        ground=hold.ground,
        by=None,
        at_utc=_milliseconds(max(at_utc, hold.steps[-1].at_utc)),
        until_utc=hold.until_utc,
        reason_sha256=None,
    )
    return _with(hold, step)


def latest_end(holds: Iterable[Hold], data: str, moment: datetime) -> datetime | None:
    """Return the latest end among the holds that hold a kind of data now, or None."""
    ends = (each.until_utc for each in holds if data in each.data and each.holds_at(moment))
    return max(ends, default=None)


def counts(holds: Sequence[Hold], moment: datetime) -> dict[str, dict[str, int]]:
    """Return how many holds there are by ground, and in each how many hold now; for the public."""
    placed = Counter(str(each.steps[0].ground) for each in holds)
    held = Counter(str(each.ground) for each in holds if each.holds_at(moment))
    extended = Counter(
        str(step.ground)
        for each in holds
        for step in each.steps
        if step.event is HoldEvent.EXTENDED
    )
    return {
        str(ground): {
            "n_placed": placed[ground],
            "n_held": held[ground],
            "n_extended": extended[ground],
        }
        for ground in HoldGround
    }


def max_days_of(packs: Iterable[PolicyPack]) -> int:
    """Return how long one decision can hold, by the strictest of the packs that apply.

    Raises:
        PolicyError: no pack applies, so that nothing says how long.
    """
    limits = [pack.rules.retention.hold_max_days for pack in packs]
    if not limits:
        raise PolicyError("No policy pack says how long this can be held.", (RULE,))
    return min(limits)


def _decided(number: int, event: HoldEvent, decision: Decision, max_days: int) -> HoldStep:
    latest_utc = decision.at_utc + timedelta(days=max_days)
    if decision.until_utc <= decision.at_utc:
        raise PolicyError("A hold ends after it begins.", (RULE,))
    if decision.until_utc > latest_utc:
        raise PolicyError(
            f"One decision holds data for at most {max_days} days, until "
            f"{format_utc(latest_utc)}; it can be extended by a new one.",
            (RULE,),
        )
    return HoldStep(
        number=number,
        event=event,
        ground=decision.ground,
        by=decision.by.id,
        at_utc=_milliseconds(decision.at_utc),
        until_utc=_milliseconds(decision.until_utc),
        reason_sha256=decision.reason_sha256,
    )


def _require_held(hold: Hold, at_utc: datetime) -> None:
    if not hold.holds_at(at_utc):
        raise StateError(
            f"The hold is over since {format_utc(hold.until_utc)}. If what it held is still there, "
            "place a new one."
        )
    if _milliseconds(at_utc) < hold.steps[-1].at_utc:
        raise StateError("This machine's clock is behind the hold's last step: put it right.")


def _with(hold: Hold, step: HoldStep) -> Hold:
    # Checked anew, which model_copy would not do.
    return Hold.model_validate({**dict(hold), "steps": (*hold.steps, step)})


def _milliseconds(moment: datetime) -> datetime:
    """Return a time as records keep it."""
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)

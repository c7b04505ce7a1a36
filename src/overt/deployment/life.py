"""A deployment's life as it is kept: where it stands, and everything that led there.

    draft ──▶ submitted ──▶ authorised ──▶ ready ──▶ live ⇄ paused ──▶ ended ──▶ closed
                   └──────▶ refused

Invariants: frozen; a life only changes by :func:`overt.deployment.lifecycle.advance`; every step
has a number, who took it and when, none is before the one before it, and the last one led to where
it stands.
Must not: hold anything about a listed person; people here are those who answer for the deployment.
"""

import hashlib
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from itertools import pairwise
from typing import Annotated, Any, Final, Self

from pydantic import AwareDatetime, Field, StringConstraints, ValidationError, model_validator

from overt.core.errors import IntegrityError
from overt.core.ids import ContractId, DeploymentId, PersonId, Sha256
from overt.deployment.application import Application, CameraName, Digest, Frozen, Name, Text
from overt.policy.facts import ForgetFacts, ListFacts, ReadinessFacts, Route
from overt.policy.roles import Role

FORMAT: Final = "overt-deployment/1"
Signature = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]{86}==$")]


class LifeState(StrEnum):
    """Where a deployment is in its life."""

    DRAFT = "draft"
    SUBMITTED = "submitted"
    REFUSED = "refused"
    AUTHORISED = "authorised"
    READY = "ready"
    LIVE = "live"
    PAUSED = "paused"
    ENDED = "ended"
    CLOSED = "closed"


class LifeEvent(StrEnum):
    """What can happen to a deployment."""

    APPLY = "apply"
    SUBMIT = "submit"
    WITHDRAW = "withdraw"
    COSIGN = "cosign"
    AUTHORISE = "authorise"
    REFUSE = "refuse"
    RATIFY = "ratify"
    REFUSE_RATIFICATION = "refuse ratification"
    CHECK_IN = "check in"
    CHECK_OUT = "check out"
    CONFIRM_SIGNS = "confirm signs"
    MAKE_READY = "make ready"
    GO_LIVE = "go live"
    PAUSE = "pause"
    RESUME = "resume"
    END = "end"
    LAPSE = "lapse"
    REPORT = "report"
    CLOSE = "close"


class Step(Frozen):
    """One step; ``by`` is None for what happens of itself."""

    number: int = Field(ge=1)
    """Counted from 1, without a gap."""
    event: LifeEvent
    """What happened."""
    state: LifeState
    """Where it led."""
    by: Name | None
    """Who did it; null for what happens of itself."""
    at_utc: AwareDatetime
    """When; never before the step before."""
    reason: Text = ""
    """Why, where a reason is given."""


class Cosignature(Frozen):
    """An independent person's signature under the application."""

    person: Name
    """Who, by their id in the register."""
    rank: str
    """Theirs when they signed."""
    organisation: str
    """Whom they worked for when they signed."""
    at_utc: AwareDatetime
    """When."""
    application_sha256: Digest
    """What they signed."""
    signature: Signature
    """Ed25519, in base64."""


class ListCounts(Frozen):
    """How many people were on the list, and in which category, when it was authorised."""

    n_entries: int = Field(ge=0)
    """People."""
    categories: Mapping[str, int]
    """People in each category of the policy pack."""


class AuthorityRecord(Frozen):
    """An authority as it was given."""

    route: Route
    """Ordinary or urgent."""
    authoriser: Name
    """Who signed, by their id in the register."""
    rank: str
    """Theirs when they signed."""
    issued_utc: AwareDatetime
    """When they signed."""
    starts_utc: AwareDatetime
    """From when it holds."""
    ends_utc: AwareDatetime
    """Until when it holds."""
    cameras: tuple[CameraName, ...] = Field(min_length=1)
    """The cameras that were authorised."""
    watchlist: ListCounts
    """What was on the list; still known when the list is gone."""
    capability_sha256: Digest
    """SHA-256 of the signed capability file."""
    urgency_reason: Text = ""
    """Why the urgent route."""
    ratified_by: Name | None = None
    """Who ratified an urgent authority; null for an ordinary or unratified one."""
    urgent_authoriser: Name | None = None
    """For a ratified one, who had given the urgent authority; otherwise null."""

    @property
    def awaits_ratification(self) -> bool:
        """Whether it ends by itself unless somebody of full rank ratifies it."""
        return self.route is Route.URGENT and self.ratified_by is None


class CheckIn(Frozen):
    """An officer on the spot, from when until when."""

    person: Name
    """Who, by their id in the register."""
    role: Role
    """As what."""
    at_utc: AwareDatetime
    """From when."""
    left_utc: AwareDatetime | None = None
    """Until when; null while they are there."""


class CancellationReport(Frozen):
    """What came of it, written before the deployment can be closed."""

    reason_for_ending: Text = ""
    """Why it ended."""
    result: Text = ""
    """What it brought."""
    public_reaction: Text = ""
    """How the public took it."""
    incidents: Text = ""
    """What went wrong."""
    lessons: Text = ""
    """What was learnt."""


class Life(Frozen):
    """A deployment's whole life; ``version`` counts its steps."""

    format: str = Field(default=FORMAT, pattern=f"^{FORMAT}$")
    state: LifeState
    version: int = Field(ge=1)
    application: Application
    steps: tuple[Step, ...] = Field(min_length=1)
    cosignature: Cosignature | None = None
    authority: AuthorityRecord | None = None
    check_ins: tuple[CheckIn, ...] = ()
    signs_confirmed_utc: AwareDatetime | None = None
    report: CancellationReport | None = None
    delete_by: Mapping[str, AwareDatetime] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if [step.number for step in self.steps] != list(range(1, self.version + 1)):
            raise ValueError("steps are numbered without a gap")
        if any(after.at_utc < before.at_utc for before, after in pairwise(self.steps)):
            raise ValueError("time does not go back")
        if self.steps[-1].state is not self.state:
            raise ValueError("a life stands where its last step led")
        return self

    @property
    def deployment(self) -> DeploymentId:
        """The deployment's id."""
        return self.application.id

    @property
    def last_step_utc(self) -> datetime:
        """When the last step was taken; none can be taken before it."""
        return self.steps[-1].at_utc

    @property
    def ended_utc(self) -> datetime | None:
        """When it ended, or None if it has not."""
        ends = [step.at_utc for step in self.steps if step.state is LifeState.ENDED]
        return ends[0] if ends else None

    def taken_by(self, event: LifeEvent) -> frozenset[PersonId]:
        """Return everybody who took such a step."""
        return frozenset(PersonId(s.by) for s in self.steps if s.event is event and s.by)

    def present(self) -> dict[PersonId, Role]:
        """Return who is checked in, and as what."""
        return {PersonId(c.person): c.role for c in self.check_ins if c.left_utc is None}

    def lapsed(self, now_utc: datetime) -> bool:
        """Whether its authority is over, though nobody has said so yet."""
        has_authority = self.state in {
            LifeState.AUTHORISED,
            LifeState.READY,
            LifeState.LIVE,
            LifeState.PAUSED,
        }
        return has_authority and (self.authority is None or now_utc >= self.authority.ends_utc)

    def to_bytes(self) -> bytes:
        """Return the bytes that are kept, and whose digest the ledger holds."""
        return self.model_dump_json().encode()

    @property
    def sha256(self) -> Sha256:
        """The digest of :meth:`to_bytes`."""
        return Sha256(hashlib.sha256(self.to_bytes()).hexdigest())

    @classmethod
    def parse(cls, data: bytes) -> "Life":
        """Read back what was kept.

        Raises:
            IntegrityError: it is not what :meth:`to_bytes` gave.
        """
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            raise IntegrityError("A deployment that the store keeps was altered.") from error

    def replaced(self, **changes: Any) -> "Life":
        """Return a copy with changes, checked anew."""
        return Life.model_validate(dict(self) | changes)

    def readiness(
        self,
        now_utc: datetime,
        watchlist: ListFacts,
        present: Mapping[PersonId, Role],
        forgetting: ForgetFacts | None = None,
    ) -> ReadinessFacts:
        """Return what the rules look at before going live.

        Args:
            now_utc: when the question is asked.
            watchlist: the list as it stands now.
            present: who counts as there, of those in :meth:`present`.
            forgetting: the last test of forgetting on this machine.
        """
        bound, given = self.application.bindings, self.authority
        return ReadinessFacts(
            now_utc=now_utc,
            starts_utc=given.starts_utc if given else self.application.starts_utc,
            ends_utc=given.ends_utc if given else self.application.ends_utc,
            present=Counter(present.values()),
            signs_confirmed_utc=self.signs_confirmed_utc,
            watchlist=watchlist,
            evaluation=bound.evidence.facts() if bound.evidence else None,
            contract=ContractId(bound.contract),
            threshold=bound.threshold,
            forgetting=forgetting,
        )

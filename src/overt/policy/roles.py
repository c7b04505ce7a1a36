"""Who may do what: roles, acts, and grants that multiply.

A right is the product of role, deployment, list and camera: somebody may do an act if one of their
grants is for a role that may do it *and* covers the deployment, the list and the camera that the
act is on. No role contains another; a person with two roles holds two grants.

Invariants: what is not in :data:`RIGHTS` nobody may do. Whoever decides about listed people cannot
manage the register, and whoever manages the register sees no biometrics; an auditor decides
nothing.
Must not: know of ranks (the policy pack's business) or of two people's separation (``checks.py``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import TypeVar

from overt.core.ids import CameraId, DeploymentId, PersonId, WatchlistId
from overt.policy.verdict import ALLOWED, Finding, Verdict

RULE = "roles"
SOURCE = "Overt's design: rights multiply"


class Role(StrEnum):
    """What somebody does in Overt; see ``docs/guides/roles.md``."""

    REQUESTER = "requester"
    AUTHORISING_OFFICER = "authorising-officer"
    WATCHLIST_MANAGER = "watchlist-manager"
    OPERATOR = "operator"
    ENGAGEMENT_OFFICER = "engagement-officer"
    ANALYST = "analyst"
    AUDITOR = "auditor"
    ADMINISTRATOR = "administrator"


class Right(StrEnum):
    """Everything that somebody can ask to do."""

    MANAGE_PEOPLE = "manage people"
    MANAGE_KEYS = "manage keys"
    SIGN_POLICY = "sign the policy"
    READ_RECORD = "read the record"
    READ_STATISTICS = "read statistics"
    EXPORT_RECORD = "take the record out as files"
    TRUST_WITNESS = "take in a witness's key"
    TEST_FORGETTING = "test that strangers are forgotten"

    IMPORT_WATCHLIST = "import a watchlist"
    DECIDE_WATCHLIST = "decide on a watchlist's rows"
    FREEZE_WATCHLIST = "freeze a watchlist"
    CONFIRM_WATCHLIST = "confirm that people are still wanted"
    APPROVE_ENTRY = "authorise an entry by name"
    SEE_WATCHLIST_FACES = "see the pictures of a watchlist"
    READ_WATCHLIST = "read a watchlist without pictures"

    APPLY = "apply for a deployment"
    AUTHORISE = "authorise or refuse a deployment"
    COSIGN = "co-sign an authority"
    CHECK_IN = "check in and be present"
    CONFIRM_SIGNS = "confirm that the signs stand"
    RUN = "start, pause and resume a deployment"
    END = "end a deployment"
    REPORT = "write the cancellation report"
    CLOSE = "close a deployment"
    READ_DEPLOYMENT = "read a deployment"

    SEE_ALERT_FACES = "see an alert's pictures"
    ADJUDICATE = "adjudicate an alert"
    ENGAGE = "record an engagement and its outcome"
    RECORD_RESULT = "record a later result"
    READ_ALERT = "read an alert without pictures"

    PLACE_HOLD = "hold data beyond its period, or release it"
    READ_RETENTION = "read what is kept until when, and receipts"
    CONFIRM_MEDIUM = "confirm that an import medium was destroyed"
    ASK_MEMBERSHIP = "ask whether somebody was on a list"


_READING = {
    Right.READ_DEPLOYMENT,
    Right.READ_ALERT,
    Right.READ_WATCHLIST,
    Right.READ_RETENTION,
}

RIGHTS: Mapping[Role, frozenset[Right]] = MappingProxyType(
    {
        Role.REQUESTER: frozenset(
            {Right.APPLY, Right.REPORT, Right.END, Right.READ_DEPLOYMENT, Right.READ_WATCHLIST}
        ),
        Role.AUTHORISING_OFFICER: frozenset(
            {
                Right.AUTHORISE,
                Right.COSIGN,
                Right.APPROVE_ENTRY,
                Right.SIGN_POLICY,
                Right.END,
                Right.CLOSE,
                Right.SEE_WATCHLIST_FACES,
                Right.READ_STATISTICS,
                Right.PLACE_HOLD,
                *_READING,
            }
        ),
        Role.WATCHLIST_MANAGER: frozenset(
            {
                Right.IMPORT_WATCHLIST,
                Right.DECIDE_WATCHLIST,
                Right.FREEZE_WATCHLIST,
                Right.CONFIRM_WATCHLIST,
                Right.SEE_WATCHLIST_FACES,
                Right.READ_WATCHLIST,
                Right.CONFIRM_MEDIUM,
                Right.READ_RETENTION,
            }
        ),
        Role.OPERATOR: frozenset(
            {
                Right.CHECK_IN,
                Right.CONFIRM_SIGNS,
                Right.RUN,
                Right.END,
                Right.REPORT,
                Right.ADJUDICATE,
                Right.SEE_ALERT_FACES,
                Right.TEST_FORGETTING,
                *_READING,
            }
        ),
        Role.ENGAGEMENT_OFFICER: frozenset(
            {
                Right.CHECK_IN,
                Right.CONFIRM_SIGNS,
                Right.ADJUDICATE,
                Right.ENGAGE,
                Right.SEE_ALERT_FACES,
                Right.READ_ALERT,
                Right.READ_DEPLOYMENT,
            }
        ),
        Role.ANALYST: frozenset(
            {Right.RECORD_RESULT, Right.READ_STATISTICS, Right.READ_ALERT, Right.READ_DEPLOYMENT}
        ),
        Role.AUDITOR: frozenset(
            {
                Right.READ_RECORD,
                Right.READ_STATISTICS,
                Right.EXPORT_RECORD,
                Right.TEST_FORGETTING,
                Right.ASK_MEMBERSHIP,
                Right.SEE_ALERT_FACES,
                *_READING,
            }
        ),
        Role.ADMINISTRATOR: frozenset(
            {
                Right.MANAGE_PEOPLE,
                Right.MANAGE_KEYS,
                Right.TRUST_WITNESS,
                Right.TEST_FORGETTING,
                Right.READ_RECORD,
                Right.EXPORT_RECORD,
                Right.READ_STATISTICS,
                Right.READ_RETENTION,
            }
        ),
    }
)
"""Which role may do what. The only table of rights."""

_Id = TypeVar("_Id", DeploymentId, WatchlistId, CameraId)


@dataclass(frozen=True, slots=True)
class Scope:
    """What an act is on; None where it is on none of that kind."""

    deployment: DeploymentId | None = None
    watchlist: WatchlistId | None = None
    camera: CameraId | None = None


@dataclass(frozen=True, slots=True)
class Grant:
    """A role, and where it holds.

    Attributes:
        role: which.
        deployments, watchlists, cameras: for which of them; None for all.
    """

    role: Role
    deployments: frozenset[DeploymentId] | None = None
    watchlists: frozenset[WatchlistId] | None = None
    cameras: frozenset[CameraId] | None = None

    def covers(self, scope: Scope) -> bool:
        """Whether the grant reaches everything that the act is on."""
        return (
            _within(self.deployments, scope.deployment)
            and _within(self.watchlists, scope.watchlist)
            and _within(self.cameras, scope.camera)
        )


def _within(granted: "frozenset[_Id] | None", asked: "_Id | None") -> bool:
    return granted is None or asked is None or asked in granted


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody of the force, or an independent person, as the register holds them.

    Attributes:
        id: how records name them.
        rank: word of the policy pack.
        organisation: whom they work for.
        independent: whether they are independent of the force, for co-signatures.
        grants: what they may do, and where.
        public_key: their Ed25519 key, 32 raw bytes: who holds its private half is this person.
        struck_off: whether they may do nothing any more.
    """

    id: PersonId
    rank: str
    organisation: str
    grants: tuple[Grant, ...]
    public_key: bytes
    independent: bool = False
    struck_off: bool = False

    def roles_for(self, right: Right, scope: Scope) -> frozenset[Role]:
        """Return the roles in which they may do it there."""
        if self.struck_off:
            return frozenset()
        return frozenset(
            grant.role
            for grant in self.grants
            if right in RIGHTS[grant.role] and grant.covers(scope)
        )


def check_right(person: Person, right: Right, scope: Scope | None = None) -> Verdict:
    """Return whether somebody may do something there, and if not, why."""
    where = scope or Scope()
    if person.roles_for(right, where):
        return ALLOWED
    able = sorted(role for role, rights in RIGHTS.items() if right in rights)
    if person.struck_off:
        reason = f"{person.id} was struck off the register and may do nothing"
    elif any(right in RIGHTS[grant.role] for grant in person.grants):
        reason = f"{person.id} may {right}, but not for this deployment, list or camera"
    else:
        reason = f"{person.id} may not {right}; this takes the role {' or '.join(able)}"
    return Verdict((Finding(RULE, SOURCE, reason),))

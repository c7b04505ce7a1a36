"""Whether the node may look now: authority, the deployment's life and the officers' presence.

    live, in its window, officers present      go, for less than a second
    presence lapsed, or somebody paused it     paused, and why
    ended, refused, lapsed, other rules        over, and why

The running node asks ten times a second and acts on the answer; leave that is not renewed is no
leave, so that a node that cannot ask does not look.

Invariants: nobody is present before they said so after the guard was made; what a person paused
only a person resumes; an urgent authority that was ratified goes on under the new capability only
if that is for the very same thing; what cannot be read raises, and is never leave.
Must not: write, read a wall clock beyond the authority's two, or hold anything about a listed
person.
"""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, Protocol

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from overt.core.clock import Clock
from overt.core.errors import AuthorityError
from overt.core.ids import DeploymentId, PersonId, Sha256
from overt.deployment.authorising import capability_sha256
from overt.deployment.authority import Authority
from overt.deployment.capability import verify
from overt.deployment.life import Life, LifeEvent, LifeState, Step
from overt.deployment.presence import Presence
from overt.policy.checks import check_presence
from overt.policy.pack import PolicyPack

LEAVE_S: Final = 0.8
"""How long leave lasts unless it is renewed: with the time of one look, under the second within
which matching must stop."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How a deployment stands in the store, all of one moment.

    Attributes:
        life: its life.
        capability_file: the signed capability in force, byte for byte; None if there is none.
        beats: how often each officer has said to be present.
        policy_sha256: the version of its policy pack that is in force; None if there is none.
    """

    life: Life
    capability_file: bytes | None
    beats: Mapping[PersonId, int]
    policy_sha256: Sha256 | None


class LifeReader(Protocol):
    """Where deployments stand."""

    def standing(self, deployment: DeploymentId) -> Standing | None:
        """Return how a deployment stands now, or None if there is none.

        Raises:
            IntegrityError: it was altered.
            StorageError: it cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True)
class Go:
    """The node may look until a monotonic time, and must have asked again by then."""

    until_s: float


class PauseCause(StrEnum):
    """Why the node may not look for now, and so what it takes to go on."""

    PRESENCE = "presence"
    """Officers are silent: they say that they are there."""
    PERSON = "person"
    """Somebody paused it: somebody resumes it."""
    POLICY = "policy"
    """The policy does not allow it to resume: what its reason names is put right."""
    STORE = "store"
    """The store did not answer in time: it goes on by itself."""


@dataclass(frozen=True, slots=True)
class Paused:
    """The node may not look for now.

    Attributes:
        reason: in words, for people.
        state: where the deployment's life stands.
        cause: what it takes to go on.
        may_resume: whether the life says paused though nothing stands in the way any more.
    """

    reason: str
    state: LifeState
    cause: PauseCause = PauseCause.PRESENCE
    may_resume: bool = False


@dataclass(frozen=True, slots=True)
class Over:
    """The node may not look again.

    Attributes:
        reason: in words, for people.
        by_time: whether the window has closed; otherwise somebody ended it, or changed what it
            rests on.
    """

    reason: str
    by_time: bool = False


class Guard:
    """Says whether the node may look. Asked from one thread.

    Args:
        authority: in force, bound to list and models by the caller.
        capability_file: the authority's capability as it was signed.
        pack: the policy pack that the capability names.
        reader: where the deployment's life stands.
        key_of: the registered key of somebody, to verify a capability that ratifies this one.
        clock: the node's clock.

    Raises:
        AuthorityError: the pack is not the one that the capability names.
    """

    def __init__(
        self,
        *,
        authority: Authority,
        capability_file: bytes,
        pack: PolicyPack,
        reader: LifeReader,
        key_of: Callable[[PersonId], Ed25519PublicKey | None],
        clock: Clock,
    ) -> None:
        allowed = authority.capability
        if pack.sha256 != allowed.policy_sha256:
            raise AuthorityError("The policy pack is not the one under which it was authorised.")
        self.deployment = allowed.deployment
        self._authority = authority
        self._capability_sha256: Sha256 = capability_sha256(capability_file)
        self._pack = pack
        self._reader = reader
        self._key_of = key_of
        self._clock = clock
        self._presence = Presence(allowed.presence_within_s, clock)

    def look(self) -> Go | Paused | Over:
        """Return whether the node may look now.

        Raises:
            StorageError, IntegrityError: it cannot be found out; the node may not.
        """
        now_s = self._clock.monotonic_s()
        standing = self._reader.standing(self.deployment)
        if standing is None:
            return Over("The deployment is not in the store any more.")
        self._presence.look(standing.beats, now_s)
        return self._over(standing) or self._paused(standing.life) or Go(now_s + LEAVE_S)

    def _over(self, standing: Standing) -> Over | None:
        life = standing.life
        if life.state not in {LifeState.LIVE, LifeState.PAUSED}:
            last = life.steps[-1]
            return Over(_ending(last), by_time=last.event is LifeEvent.LAPSE)
        if standing.policy_sha256 != self._pack.sha256:
            return Over("Another version of the policy was put into force.")
        try:
            self._follow(standing)
        except AuthorityError as changed:
            return Over(str(changed))
        if not self._authority.in_force:
            return Over("The authority has ended.", by_time=True)
        return None

    def _follow(self, standing: Standing) -> None:
        """Go on under the capability that ratified this one, if there is one.

        Raises:
            AuthorityError: the one in force is not for the very same thing.
        """
        allowed, given = self._authority.capability, standing.life.authority
        if given is None or standing.life.application.sha256 != allowed.application_sha256:
            raise AuthorityError("The deployment is not the one that was authorised.")
        if given.capability_sha256 == self._capability_sha256:
            return
        file, key = standing.capability_file, self._key_of(PersonId(given.authoriser))
        if file is None or key is None or capability_sha256(file) != given.capability_sha256:
            raise AuthorityError("The deployment's capability was changed.")
        self._authority.succeed(verify(file, [key]))
        self._capability_sha256 = capability_sha256(file)

    def _paused(self, life: Life) -> Paused | None:
        step = _last_pause(life) if life.state is LifeState.PAUSED else None
        if step is not None and step.by is not None:
            reason = f": {step.reason}" if step.reason else "."
            return Paused(f"{step.by} has paused it{reason}", life.state, PauseCause.PERSON)
        missing = self._missing(life)
        if missing:
            return Paused(missing, life.state)
        if step is not None:
            return Paused("The officers are present again.", life.state, may_resume=True)
        return None

    def _missing(self, life: Life) -> str:
        """Say who is missing; empty if nobody is."""
        checked_in = life.present()
        there = {who: role for who, role in checked_in.items() if self._presence.is_present(who)}
        verdict = check_presence(self._pack, Counter(there.values()))
        if verdict.allowed:
            return ""
        silent = sorted(checked_in.keys() - there.keys())
        not_heard = f" Not heard of: {', '.join(silent)}." if silent else ""
        return " ".join(each.reason for each in verdict.refusals) + not_heard


def _last_pause(life: Life) -> Step:
    return next(step for step in reversed(life.steps) if step.event is LifeEvent.PAUSE)


def _ending(step: Step) -> str:
    """Say what ended a deployment, by the step that did."""
    words = {
        LifeEvent.END: "The deployment was ended",
        LifeEvent.REFUSE_RATIFICATION: "The urgent authority was refused afterwards",
        LifeEvent.LAPSE: "The authority has ended",
    }
    said = words.get(step.event, f"The deployment is {step.state}")
    by = f" by {step.by}" if step.by else ""
    return f"{said}{by}: {step.reason}" if step.reason else f"{said}{by}."

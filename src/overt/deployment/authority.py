"""A capability in force: what the running node asks before every frame.

The end is held against two clocks at once. A wall clock set back cannot extend it, since the
monotonic deadline fixed at the start still falls; a machine that slept through the end cannot
either, since the wall clock has moved on.

An urgent authority that is ratified is succeeded by the ratified one in mid-run. The end then moves
by as much as the two signed ends lie apart, from where it was fixed at the start: what anybody did
to a clock since then adds nothing.
"""

from dataclasses import dataclass, fields
from datetime import datetime
from typing import Final

from overt.core.clock import Clock, format_utc
from overt.core.errors import AuthorityError
from overt.core.ids import CameraId, ContractId, Sha256
from overt.deployment.capability import Capability
from overt.policy.facts import Route

MAY_DIFFER: Final = frozenset(
    {"not_before_utc", "not_after_utc", "authoriser", "rank", "route", "cosigner", "issued_utc"}
)
"""In what a capability that succeeds another may differ from it: who signed, when, until when."""


@dataclass(frozen=True, slots=True)
class _Held:
    """What is in force, replaced as one, since camera threads ask while it is."""

    capability: Capability
    begins_utc: datetime
    deadline_s: float


class Authority:
    """Says whether the node may work, and why not. Safe to ask from any thread.

    Args:
        capability: verified, see :func:`overt.deployment.capability.verify`.
        clock: the node's clock, read at construction and at every question.

    Raises:
        AuthorityError: the window has not begun or is over.
    """

    def __init__(self, capability: Capability, clock: Clock) -> None:
        self._clock = clock
        now = clock.now_utc()
        if now < capability.not_before_utc:
            begins = format_utc(capability.not_before_utc)
            raise AuthorityError(f"The capability is not yet valid: it begins at {begins}.")
        if now >= capability.not_after_utc:
            ended = format_utc(capability.not_after_utc)
            raise AuthorityError(f"The capability has expired: it ended at {ended}.")
        left_s = (capability.not_after_utc - now).total_seconds()
        deadline_s = clock.monotonic_s() + left_s
        self._held = _Held(capability, capability.not_before_utc, deadline_s)

    @property
    def capability(self) -> Capability:
        """What is allowed."""
        return self._held.capability

    @property
    def in_force(self) -> bool:
        """Whether the window is open now, by both clocks."""
        return self.remaining_s > 0

    @property
    def remaining_s(self) -> float:
        """Seconds until the end, by whichever clock ends sooner; never above the window."""
        held, now = self._held, self._clock.now_utc()
        if now < held.begins_utc:
            return 0.0
        by_wall = (held.capability.not_after_utc - now).total_seconds()
        return min(by_wall, held.deadline_s - self._clock.monotonic_s())

    def succeed(self, capability: Capability) -> None:
        """Go on under the ordinary capability by which an urgent one was ratified.

        Args:
            capability: verified.

        Raises:
            AuthorityError: the one in force is over or is not urgent, or the other is for something
                else.
        """
        held = self._held
        if not self.in_force:
            raise AuthorityError("The capability is over: nothing can succeed it.")
        if (held.capability.route, capability.route) != (Route.URGENT, Route.ORDINARY):
            raise AuthorityError("Only an urgent capability is succeeded, by an ordinary one.")
        differing = [
            each.name
            for each in fields(Capability)
            if each.name not in MAY_DIFFER
            and getattr(capability, each.name) != getattr(held.capability, each.name)
        ]
        if differing:
            raise AuthorityError(
                f"The new capability is for something else: {', '.join(differing)} differ."
            )
        longer = capability.not_after_utc - held.capability.not_after_utc
        self._held = _Held(
            capability,
            min(held.begins_utc, capability.not_before_utc),
            held.deadline_s + longer.total_seconds(),
        )

    def check_camera(self, camera: CameraId) -> None:
        """Raise AuthorityError unless the capability names ``camera``."""
        if camera not in self.capability.cameras:
            raise AuthorityError(f"The capability does not name the camera {camera}.")

    def check_bindings(self, *, watchlist: Sha256, detector: Sha256, contract: ContractId) -> None:
        """Raise AuthorityError unless list and models are exactly those that were authorised."""
        if watchlist != self.capability.watchlist_sha256:
            raise AuthorityError("The watchlist is not the one that was authorised.")
        if detector != self.capability.detector_sha256:
            raise AuthorityError("The face detector is not the one that was authorised.")
        if contract != self.capability.contract:
            raise AuthorityError("The face embedder is not the one that was authorised.")

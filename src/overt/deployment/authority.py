"""A capability in force: what the running node asks before every frame.

The end is held against two clocks at once. A wall clock set back cannot extend it, since the
monotonic deadline fixed at the start still falls; a machine that slept through the end cannot
either, since the wall clock has moved on.
"""

from overt.core.clock import Clock, format_utc
from overt.core.errors import AuthorityError
from overt.core.ids import CameraId, ContractId, Sha256
from overt.deployment.capability import Capability


class Authority:
    """Says whether the node may work, and why not.

    Args:
        capability: verified, see :func:`overt.deployment.capability.verify`.
        clock: the node's clock, read at construction and at every question.

    Raises:
        AuthorityError: the window has not begun or is over.
    """

    def __init__(self, capability: Capability, clock: Clock) -> None:
        self.capability = capability
        self._clock = clock
        now = clock.now_utc()
        if now < capability.not_before_utc:
            begins = format_utc(capability.not_before_utc)
            raise AuthorityError(f"The capability is not yet valid: it begins at {begins}.")
        if now >= capability.not_after_utc:
            ended = format_utc(capability.not_after_utc)
            raise AuthorityError(f"The capability has expired: it ended at {ended}.")
        left_s = (capability.not_after_utc - now).total_seconds()
        self._deadline_s = clock.monotonic_s() + left_s

    @property
    def in_force(self) -> bool:
        """Whether the window is open now, by both clocks."""
        return self.remaining_s > 0

    @property
    def remaining_s(self) -> float:
        """Seconds until the end, by whichever clock ends sooner; never above the window."""
        now = self._clock.now_utc()
        if now < self.capability.not_before_utc:
            return 0.0
        by_wall = (self.capability.not_after_utc - now).total_seconds()
        return min(by_wall, self._deadline_s - self._clock.monotonic_s())

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

"""Leave to look, given for less than a second at a time.

The supervisor renews it; camera threads ask it before every frame. When the supervisor cannot ask
the guard any more, whatever the reason, leave runs out by itself.

Invariants: there is none before it was first given, and none outside the authority's window.
"""

from overt.core.clock import Clock
from overt.deployment.authority import Authority


class Leave:
    """Whether frames may be looked at now. Safe to ask from any thread; given by one.

    Args:
        authority: in force.
        clock: the node's clock; its monotonic side alone is read.
    """

    def __init__(self, authority: Authority, clock: Clock) -> None:
        self._authority = authority
        self._clock = clock
        self._until_s: float | None = None

    @property
    def granted(self) -> bool:
        """Whether it holds now."""
        until_s = self._until_s
        return (
            until_s is not None and self._clock.monotonic_s() < until_s and self._authority.in_force
        )

    @property
    def is_over(self) -> bool:
        """Whether there can be none any more, since the window has closed."""
        return not self._authority.in_force

    def grant(self, until_s: float) -> None:
        """Give it until a monotonic time."""
        self._until_s = until_s

    def revoke(self) -> None:
        """Take it back."""
        self._until_s = None

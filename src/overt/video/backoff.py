"""How long to wait before the next attempt to reach a camera."""

import random
from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Backoff:
    """Exponential waits with jitter, so that many cameras do not come back in step.

    Attributes:
        first_s: the longest first wait.
        longest_s: no wait is longer.
        unit_random: draws from 0 to 1; injected so that tests can fix it.
    """

    first_s: float = 0.5
    longest_s: float = 30.0
    unit_random: Callable[[], float] = random.random

    def wait_s(self, n_failures: int) -> float:
        """Return the wait after so many failures in a row (1 or more): half fixed, half drawn."""
        ceiling = min(self.first_s * 2.0 ** min(n_failures - 1, 30), self.longest_s)
        return ceiling * (0.5 + 0.5 * self.unit_random())

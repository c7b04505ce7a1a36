"""Who has lately said that they are there, by the node's own clock.

The store counts how often each officer said so. The node trusts only that a count has *changed*,
and only its own monotonic clock for when: a wall clock that is set back or on changes nothing, and
neither does whatever time the store wrote beside the count.

Invariants: nobody is present before their count was seen to change; a sign is as old as the look
before the one that found it, so it is never taken for younger than it is.
Must not: read a wall clock.
"""

from collections.abc import Mapping

from overt.core.clock import Clock
from overt.core.ids import PersonId


class Presence:
    """Remembers when each officer's count last changed. Not thread-safe.

    Args:
        within_s: how old a sign may be.
        clock: the node's clock; its monotonic side alone is read.
    """

    def __init__(self, within_s: float, clock: Clock) -> None:
        self._within_s = within_s
        self._clock = clock
        self._counts: dict[PersonId, int] | None = None
        self._seen_s: dict[PersonId, float] = {}
        self._looked_s = 0.0

    def look(self, counts: Mapping[PersonId, int], now_s: float) -> None:
        """Take the counts as they are.

        Args:
            counts: how often each officer has said to be present.
            now_s: monotonic time at which they were asked for, before they were read.
        """
        if self._counts is not None:
            changed = (who for who, n in counts.items() if n != self._counts.get(who, 0))
            self._seen_s.update(dict.fromkeys(changed, self._looked_s))
        self._counts = dict(counts)
        self._looked_s = now_s

    def is_present(self, person: PersonId) -> bool:
        """Whether somebody gave a sign within the time allowed."""
        seen_s = self._seen_s.get(person)
        return seen_s is not None and self._clock.monotonic_s() - seen_s < self._within_s

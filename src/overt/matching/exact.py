"""The fast exact search: one matrix product, then the best few again in double precision.

The float32 product decides only who could be among the best: its error is bounded, and every entry
within that bound of the last place is scored again by the oracle's own comparison, so the answer
is the oracle's, bit for bit.
"""

from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from overt.core.arrays import Vector
from overt.matching.gallery import Candidate, Gallery
from overt.matching.reference import compare

ROUNDING = 1e-5
"""Bound on the error of a float32 dot product of unit vectors: about d · 2⁻²⁴ for d ≤ 128 is
8e-6 in the worst order of summation."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NEVER_US = np.iinfo(np.int64).max


def _since_epoch_us(moment: datetime) -> int:
    """Return whole microseconds: float seconds could not tell two moments apart in any year."""
    return (moment - _EPOCH) // timedelta(microseconds=1)


class ExactSearch:
    """See :class:`overt.matching.gallery.Search`. Thread-safe: it holds no state of a search."""

    def __init__(self, gallery: Gallery) -> None:
        self._gallery = gallery
        self._rows = np.ascontiguousarray(
            np.concatenate([each.templates for each in gallery.entries]), np.float32
        )
        sizes = [len(each.templates) for each in gallery.entries]
        self._starts = np.concatenate([[0], np.cumsum(sizes)[:-1]]).astype(np.intp)
        self._one_each = len(self._rows) == len(sizes)
        self._rounding = max(ROUNDING, self._rows.shape[1] * 2.0**-23)
        self._expires_us = np.array(
            [
                _since_epoch_us(each.expires_utc) if each.expires_utc else _NEVER_US
                for each in gallery.entries
            ],
            np.int64,
        )

    def search(self, probe: Vector, n_candidates: int, now_utc: datetime) -> list[Candidate]:
        """See :meth:`overt.matching.gallery.Search.search`."""
        n = min(n_candidates, len(self._starts))
        if n <= 0:
            return []
        found = [self._rescore(int(index), probe) for index in self._possible(probe, n, now_utc)]
        found.sort(key=lambda candidate: (-candidate.similarity, candidate.entry))
        return found[:n]

    def _possible(self, probe: Vector, n: int, now_utc: datetime) -> NDArray[np.intp]:
        """Return the entries that could be among the ``n`` most similar.

        How alike a probe is to everybody says as much as the probe itself: it is overwritten.
        """
        by_row = self._rows @ probe
        scores = by_row if self._one_each else np.maximum.reduceat(by_row, self._starts)
        scores[self._expires_us <= _since_epoch_us(now_utc)] = -np.inf
        ranked = np.partition(scores, -n)
        last_place = ranked[-n]
        least = -np.inf if np.isneginf(last_place) else last_place - 2 * self._rounding
        chosen = scores > least if np.isneginf(least) else scores >= least
        for each in (by_row, scores, ranked):
            each.fill(0)
        return np.flatnonzero(chosen)

    def _rescore(self, index: int, probe: Vector) -> Candidate:
        each = self._gallery.entries[index]
        scores = [compare(probe, template) for template in each.templates]
        best = int(np.argmax(scores))
        return Candidate(each.entry, scores[best], best, each.kin)

"""The oracle: every comparison one by one in double precision, in the order a person would do it.

It exists to be read and to hold the fast search to account; nothing runs on it.
"""

from datetime import datetime
from math import fsum

import numpy as np

from overt.core.arrays import Vector
from overt.matching.gallery import Candidate, Gallery, GalleryEntry


class ReferenceSearch:
    """See :class:`overt.matching.gallery.Search`."""

    def __init__(self, gallery: Gallery) -> None:
        self._gallery = gallery

    def search(self, probe: Vector, n_candidates: int, now_utc: datetime) -> list[Candidate]:
        """See :meth:`overt.matching.gallery.Search.search`."""
        candidates = [
            _closest(each, probe)
            for each in self._gallery.entries
            if each.expires_utc is None or now_utc < each.expires_utc
        ]
        candidates.sort(key=lambda candidate: (-candidate.similarity, candidate.entry))
        return candidates[: max(n_candidates, 0)]


def _closest(entry: GalleryEntry, probe: Vector) -> Candidate:
    best, best_reference = -np.inf, 0
    for index, template in enumerate(entry.templates):
        similarity = compare(probe, template)
        if similarity > best:
            best, best_reference = similarity, index
    return Candidate(entry.entry, float(best), best_reference, entry.kin)


def compare(probe: Vector, reference: Vector) -> float:
    """Return the cosine similarity of two unit-length templates, −1 to 1.

    Products are exact in double precision and are summed without rounding error
    (:func:`math.fsum`), so that the score does not depend on the order of summation.
    """
    return fsum(float(a) * float(b) for a, b in zip(probe, reference, strict=True))

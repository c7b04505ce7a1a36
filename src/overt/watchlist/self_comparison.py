"""A list compared with itself: who may stand on it twice, and who looks like whom.

Every reference is compared with every other; what comes out is for a person to decide. The float32
product of blocks decides only which pairs could count; those are scored again by the oracle's own
comparison, so that the answer does not depend on the order of summation or the size of a block.

Invariants: exact and deterministic. Memory is bounded by the block and the number of pairs asked
for, unless more pairs than that are equally similar to within rounding.
Must not: decide that two entries are one person, or know a name.
"""

import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from overt.core.arrays import Scores, Vector, Vectors
from overt.core.errors import IntegrityError
from overt.core.ids import EntryId
from overt.matching.exact import ROUNDING
from overt.matching.reference import compare
from overt.watchlist.stored import StoredEntry

Indices: TypeAlias = NDArray[np.int64]
Pair: TypeAlias = tuple[int, int]

BLOCK_CELLS = 4_000_000
"""Similarities computed at a time: 16 MB, and up to ten times that if all of them count."""

PRUNE_AT = 1_000_000
"""Possible pairs gathered before they are cut down to those that can still be among the first."""

UNIT_TOLERANCE = 1e-3
"""A template's length is 1 to within this, or it is damaged."""


class Alike(StrEnum):
    """What a pair is shown as."""

    DUPLICATE = "likely the same person"
    KIN = "likely kin or alike"


@dataclass(frozen=True, slots=True)
class AlikePair:
    """Two entries that look alike.

    Attributes:
        a: the entry whose id comes first.
        b: the other.
        similarity: cosine similarity of their two closest references, at most 1; 1 where both hold
            the same picture, byte for byte.
        kind: which limit it reaches.
    """

    a: EntryId
    b: EntryId
    similarity: float
    kind: Alike


def find_alike(
    entries: Sequence[StoredEntry], *, duplicate_at: float, kin_at: float, max_pairs: int
) -> tuple[AlikePair, ...]:
    """Return the pairs of different entries that are alike, most similar first.

    Pairs of one kin group are left out: that decision was taken. (Freezing a list makes kin of
    people with the same picture, so compare before it.)

    Args:
        entries: in any order; of several with one id the last counts.
        duplicate_at: similarity from which a pair is likely one person.
        kin_at: similarity from which a pair is returned, at most ``duplicate_at``.
        max_pairs: how many to return at most. Of equal similarities, those with the same picture
            come first, then those with the lower ids.

    Raises:
        IntegrityError: a template is missing, damaged or of another length than the rest.
        ValueError: the limits are no limits.
    """
    if not -1 <= kin_at <= duplicate_at <= 1 or max_pairs < 0:
        raise ValueError("expected −1 ≤ kin_at ≤ duplicate_at ≤ 1 and max_pairs ≥ 0")
    listed = _Listed(entries)
    same = listed.same_picture(max_pairs)
    scored = {
        pair: listed.similarity(*pair)
        for pair in ([] if len(same) == max_pairs else _possible(listed, kin_at, max_pairs))
    }
    scored |= dict.fromkeys(same, 1.0)
    alike = [pair for pair, similarity in scored.items() if similarity >= kin_at]
    pictured = set(same)
    alike.sort(key=lambda pair: (-scored[pair], pair not in pictured, pair))
    return tuple(
        AlikePair(
            listed.entries[first].entry,
            listed.entries[second].entry,
            similarity := scored[first, second],
            Alike.DUPLICATE if similarity >= duplicate_at else Alike.KIN,
        )
        for first, second in alike[:max_pairs]
    )


class _Listed:
    """The entries as arrays; whoever comes later in the order of ids has the higher index.

    Attributes:
        entries: n, sorted by id.
        templates: every reference of every entry, m × d.
        owner: whose reference it is, m, never falling.
        kin: n numbers, equal where two entries are of one kin group.
    """

    def __init__(self, entries: Sequence[StoredEntry]) -> None:
        by_id = {each.entry: each for each in entries}
        self.entries = tuple(by_id[entry] for entry in sorted(by_id))
        references = [each.references for each in self.entries]
        self.templates = _stacked([ref.template for own in references for ref in own])
        sizes = [len(own) for own in references]
        if 0 in sizes:
            raise IntegrityError("a watchlist entry has no template")
        self.owner: Indices = np.repeat(np.arange(len(sizes)), sizes)
        self._starts: Indices = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
        groups: dict[str, int] = {}
        self.kin: Indices = np.array(
            [
                groups.setdefault(each.kin_group, len(groups)) if each.kin_group else -1 - index
                for index, each in enumerate(self.entries)
            ],
            np.int64,
        )

    def same_picture(self, n_pairs: int) -> list[Pair]:
        """Return the first pairs, in order, that hold a picture in common and are not yet kin."""
        holders: defaultdict[bytes, list[int]] = defaultdict(list)
        for index, each in enumerate(self.entries):
            for digest in {hashlib.sha256(ref.picture_jpeg).digest() for ref in each.references}:
                holders[digest].append(index)
        shared: defaultdict[int, list[Indices]] = defaultdict(list)
        for held in holders.values():
            if len(held) > 1:
                group = np.array(held)
                for index in held:
                    shared[index].append(group)
        found: list[Pair] = []
        for index in sorted(shared):
            others = np.unique(np.concatenate(shared[index]))
            others = others[(others > index) & (self.kin[others] != self.kin[index])]
            found += [(index, int(other)) for other in others[: n_pairs - len(found)]]
            if len(found) == n_pairs:
                break
        return found

    def similarity(self, first: int, second: int) -> float:
        """Return the oracle's similarity of two entries' closest references, at most 1."""
        return min(1.0, max(compare(a, b) for a in self._own(first) for b in self._own(second)))

    def _own(self, index: int) -> Vectors:
        return self.templates[self._starts[index] : self._starts[index + 1]]


def _stacked(templates: list[Vector]) -> Vectors:
    if not templates:
        return np.zeros((0, 0), np.float32)
    if len({template.shape for template in templates}) != 1:
        raise IntegrityError("the list's templates have different lengths")
    stacked = np.stack(templates)
    lengths = np.linalg.norm(stacked.astype(np.float64), axis=1)
    if not np.all(np.abs(lengths - 1) < UNIT_TOLERANCE):
        raise IntegrityError("a watchlist entry's templates are damaged")
    return stacked


def _possible(listed: _Listed, kin_at: float, max_pairs: int) -> list[Pair]:
    """Return every pair that can be among the ``max_pairs`` most similar from ``kin_at`` on."""
    best = _Best(kin_at, max_pairs, listed.templates.shape[1])
    n_rows = max(1, BLOCK_CELLS // max(1, len(listed.templates)))
    for start in range(0, len(listed.templates), n_rows):
        product = listed.templates[start : start + n_rows] @ listed.templates[start:].T
        row, column = np.nonzero(product >= best.floor)
        first, second = listed.owner[start + row], listed.owner[start + column]
        other = (first < second) & (listed.kin[first] != listed.kin[second])
        best.add(
            first[other] * len(listed.entries) + second[other], product[row[other], column[other]]
        )
    best.prune()
    return [divmod(int(key), len(listed.entries)) for key in best.keys]


class _Best:
    """Gathers pairs and forgets those that can no longer be among the first.

    Attributes:
        keys: the pairs, first × n + second.
        floor: float32 similarity below which a pair need not be added.
    """

    def __init__(self, kin_at: float, max_pairs: int, n_dims: int) -> None:
        self._rounding = max(ROUNDING, n_dims * 2.0**-23)
        self._max_pairs = max_pairs
        self.floor = kin_at - self._rounding
        self.keys: Indices = np.zeros(0, np.int64)
        self._scores: Scores = np.zeros(0, np.float32)

    def add(self, keys: Indices, scores: Scores) -> None:
        """Take pairs; one may come several times, once for each two of its references."""
        self.keys = np.concatenate([self.keys, keys])
        self._scores = np.concatenate([self._scores, scores])
        if len(self.keys) > PRUNE_AT:
            self.prune()

    def prune(self) -> None:
        """Keep each pair once, at its best, and none that the first ``max_pairs`` surely precede.

        The score of the last of these is wrong by ``rounding`` at most, and so is any other's.
        """
        order = np.lexsort((-self._scores, self.keys))
        keys, scores = self.keys[order], self._scores[order]
        best_of_pair = np.flatnonzero(np.diff(keys, prepend=-1))
        keys, scores = keys[best_of_pair], scores[best_of_pair]
        if len(keys) > self._max_pairs:
            last_place = min(1.0, float(np.partition(scores, -self._max_pairs)[-self._max_pairs]))
            self.floor = max(self.floor, last_place - 2 * self._rounding)
            possible = scores >= self.floor
            keys, scores = keys[possible], scores[possible]
        self.keys, self._scores = keys, scores

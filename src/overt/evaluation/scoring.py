"""Comparison scores of probes with a list: cosine similarity, or normalised by a cohort.

Invariant: in double precision, so that the answer does not depend on the size of a block.
Must not: know who anybody is, or which group they belong to.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from overt.core.arrays import Vectors
from overt.evaluation.curves import Ranks, ScoreArray

BLOCK_ROWS = 1024


class Scoring(Protocol):
    """How a probe is compared with a reference."""

    @property
    def name(self) -> str:
        """What names it in records, parameters included."""
        ...

    def scores(self, probes: Vectors, references: Vectors) -> ScoreArray:
        """Return the score of every probe with every reference, n × m; higher is more alike."""
        ...


@dataclass(frozen=True, slots=True)
class Cosine:
    """Plain cosine similarity."""

    name: str = "cosine"

    def scores(self, probes: Vectors, references: Vectors) -> ScoreArray:
        """See :meth:`Scoring.scores`."""
        return probes.astype(np.float64) @ references.astype(np.float64).T


@dataclass(frozen=True, slots=True, eq=False)
class Gallery:
    """The enrolled references of one list.

    Attributes:
        references: m × d, in the order of their owners.
        owner: m, whose each is: 0 to the number of listed people, never falling; whoever failed
            to enrol owns none.
    """

    references: Vectors = field(repr=False)
    owner: Ranks = field(repr=False)

    def by_person(self, scoring: Scoring, probes: Vectors) -> Iterator[tuple[slice, ScoreArray]]:
        """Yield blocks of probes, and their score with each enrolled person's closest reference.

        Columns are the enrolled people in order, see :attr:`enrolled`.
        """
        starts = np.flatnonzero(np.diff(self.owner, prepend=-1))
        for begin in range(0, len(probes), BLOCK_ROWS):
            rows = slice(begin, min(begin + BLOCK_ROWS, len(probes)))
            by_reference = scoring.scores(probes[rows], self.references)
            yield rows, np.maximum.reduceat(by_reference, starts, axis=1)

    @property
    def enrolled(self) -> Ranks:
        """Who has a reference, in order."""
        return np.unique(self.owner)

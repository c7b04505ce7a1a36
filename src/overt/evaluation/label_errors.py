"""Pairs of people who are most likely one person under two names.

Labels of collections of pictures are wrong now and then, and one wrong pair can decide a rate of 1
in 1,000. What comes out is for a person to look at; nothing is left out by itself.
"""

from dataclasses import dataclass, field
from typing import Final

import numpy as np

from overt.core.errors import InputError
from overt.evaluation.protocol import Pool
from overt.evaluation.scoring import BLOCK_ROWS

LIKELY_ONE_PERSON: Final = 0.60
"""As measured for the default models; see ``models/calibration``."""

MAX_PAIRS: Final = 100_000


@dataclass(frozen=True, slots=True)
class LikelyError:
    """Two pictures of different people, by their labels, that look like one.

    Attributes:
        similarity: cosine, of the two people's most similar pictures.
        first: index of the picture in the pool.
        second: index of the other.
    """

    similarity: float
    first: int = field(repr=False)
    second: int = field(repr=False)


def likely_errors(pool: Pool, at_least: float = LIKELY_ONE_PERSON) -> tuple[LikelyError, ...]:
    """Return the pairs of different people from a similarity on, most similar first.

    Each two people come once, with their most similar pictures.

    Raises:
        InputError: there are more than 100,000 such pairs.
    """
    kept = pool.kept[pool.templates.acquired[pool.kept]]
    vectors = pool.templates.vectors[kept].astype(np.float64)
    person = pool.person[kept]
    best: dict[tuple[int, int], LikelyError] = {}
    for begin in range(0, len(kept), BLOCK_ROWS):
        rows = vectors[begin : begin + BLOCK_ROWS]
        scores = rows @ vectors[begin:].T
        first, second = np.nonzero(scores >= at_least)
        later = (second > first) & (person[begin + first] != person[begin + second])
        for i, j in zip(first[later], second[later], strict=True):
            a, b = int(begin + i), int(begin + j)
            pair = (int(min(person[a], person[b])), int(max(person[a], person[b])))
            similarity = min(1.0, float(scores[i, j]))
            if pair not in best or similarity > best[pair].similarity:
                best[pair] = LikelyError(similarity, int(kept[a]), int(kept[b]))
            if len(best) > MAX_PAIRS:
                raise InputError("More than 100,000 pairs look alike: ask for a higher similarity.")
    return tuple(sorted(best.values(), key=lambda e: (-e.similarity, e.first, e.second)))

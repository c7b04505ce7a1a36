"""Scores normalised by a cohort: the same threshold means the same for more people.

A cohort is a set of faces of nobody who is looked for. How alike a probe, or a reference, is to
them says how crowded its corner of the space is; taking that into account narrows the spread of
FPIR between groups without anybody's group being known. Symmetric score normalisation: Shum et al.,
*Score normalization in speaker verification* (2010); its adaptive form: Cumani et al. (2011).

Invariant: a cohort's digest and every parameter stand in the scoring's name, which is part of the
contract under which a threshold holds.
"""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

import numpy as np

from overt.core.arrays import Vectors
from overt.core.errors import InputError
from overt.evaluation.curves import ScoreArray
from overt.evaluation.scoring import Cosine, Scoring

Kind: TypeAlias = Literal["cosine", "centred", "t-shift", "s-norm", "as-norm"]

KINDS: Final[tuple[Kind, ...]] = ("cosine", "centred", "t-shift", "s-norm", "as-norm")
MIN_COHORT: Final = 100
TOP: Final = 200
"""Of the cohort, the most similar, for the adaptive form."""

NEIGHBOURS: Final = 10
"""Of the cohort, those whose likeness to a probe says how crowded its corner is."""


@dataclass(frozen=True, slots=True, eq=False)
class Centred:
    """Cosine similarity after the cohort's mean is taken away.

    Attributes:
        mean: d.
        name: with the cohort's digest.
    """

    mean: ScoreArray = field(repr=False)
    name: str

    def moved(self, vectors: Vectors) -> ScoreArray:
        """Return the vectors about the cohort's mean, of unit length."""
        about = vectors.astype(np.float64) - self.mean
        return np.asarray(about / np.maximum(np.linalg.norm(about, axis=1, keepdims=True), 1e-12))

    def scores(self, probes: Vectors, references: Vectors) -> ScoreArray:
        """See :meth:`overt.evaluation.scoring.Scoring.scores`."""
        return np.asarray(self.moved(probes) @ self.moved(references).T)


@dataclass(frozen=True, slots=True, eq=False)
class Shifted:
    """Centred similarity above that of the probe to the cohort's faces most like it.

    Only a mean is taken away. Dividing by how widely a few neighbours are spread, as the adaptive
    forms do, adds more noise than it takes away: measured, see the guide.

    Attributes:
        centred: about the cohort's mean.
        cohort: c × d, moved by it.
        neighbours: how many.
        name: with the cohort's digest.
    """

    centred: Centred = field(repr=False)
    cohort: ScoreArray = field(repr=False)
    neighbours: int
    name: str

    def scores(self, probes: Vectors, references: Vectors) -> ScoreArray:
        """See :meth:`overt.evaluation.scoring.Scoring.scores`."""
        moved = self.centred.moved(probes)
        strangers = moved @ self.cohort.T
        nearest = np.partition(strangers, -self.neighbours, axis=1)[:, -self.neighbours :]
        plain = moved @ self.centred.moved(references).T
        return np.asarray(plain - nearest.mean(axis=1, keepdims=True))


@dataclass(frozen=True, slots=True, eq=False)
class Symmetric:
    """Each score in standard deviations above what strangers score, mean of both sides.

    Attributes:
        cohort: c × d, unit length.
        top: only so many of the cohort, the most similar; all if None.
        name: with the cohort's digest.
    """

    cohort: Vectors = field(repr=False)
    top: int | None
    name: str

    def scores(self, probes: Vectors, references: Vectors) -> ScoreArray:
        """See :meth:`overt.evaluation.scoring.Scoring.scores`."""
        plain = probes.astype(np.float64) @ references.astype(np.float64).T
        probe_mean, probe_spread = self._of_strangers(probes)
        reference_mean, reference_spread = self._of_strangers(references)
        by_probe = (plain - probe_mean[:, np.newaxis]) / probe_spread[:, np.newaxis]
        by_reference = (plain - reference_mean) / reference_spread
        return np.asarray((by_probe + by_reference) / 2)

    def _of_strangers(self, vectors: Vectors) -> tuple[ScoreArray, ScoreArray]:
        """Return mean and standard deviation of each vector's similarity to the cohort."""
        scores = vectors.astype(np.float64) @ self.cohort.astype(np.float64).T
        if self.top is not None:
            scores = np.partition(scores, -self.top, axis=1)[:, -self.top :]
        return scores.mean(axis=1), np.maximum(scores.std(axis=1), 1e-9)


def fitting(kind: Kind) -> Callable[[Vectors], Scoring]:
    """Return how a cohort's templates become a scoring of a kind."""

    def fit(cohort: Vectors) -> Scoring:
        if kind == "cosine":
            return Cosine()
        if len(cohort) < MIN_COHORT:
            raise InputError(
                f"Normalised scores need a cohort of at least {MIN_COHORT} faces; "
                f"there are {len(cohort)}."
            )
        digest = hashlib.sha256(np.ascontiguousarray(cohort).tobytes()).hexdigest()[:16]
        centred = Centred(cohort.astype(np.float64).mean(axis=0), f"centred/1:{digest}")
        if kind == "centred":
            return centred
        if kind == "t-shift":
            name = f"t-shift-{NEIGHBOURS}/1:{digest}"
            return Shifted(centred, centred.moved(cohort), NEIGHBOURS, name)
        if kind == "s-norm":
            return Symmetric(cohort, None, f"s-norm/1:{digest}")
        return Symmetric(cohort, min(TOP, len(cohort)), f"as-norm-{TOP}/1:{digest}")

    return fit

"""One evaluation, from templates to figures.

Invariants: every rate stands beside its counts; the interval of a rate at an FPIR holds both what
is uncertain about the threshold and about the people searched for.
"""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from overt.core.arrays import Vectors
from overt.evaluation.curves import (
    FAILED,
    Ranks,
    ScoreArray,
    allowed,
    bootstrap_rates,
    bootstrap_thresholds,
    cmc,
    det_curve,
    det_rates,
    histogram,
    rate_at,
    threshold_at,
)
from overt.evaluation.figures import (
    Evaluation,
    Failures,
    GroupsAt,
    Histograms,
    KinPoint,
    OperatingPoint,
    Stratum,
)
from overt.evaluation.groups import ErrorKind, compare_groups
from overt.evaluation.intervals import (
    Interval,
    Weights,
    clopper_pearson,
    percentile_interval,
    resampled_people,
)
from overt.evaluation.protocol import Draw, Plan, Pool, Searches, draw_lists, search
from overt.evaluation.scoring import Scoring
from overt.evaluation.templates import MEASURES
from overt.vision.quality import QualityGate

DEFAULT_RATES: Final = (0.01, 0.003, 0.001)
N_BOOTSTRAP: Final = 1_000
N_RANKS: Final = 20
N_BINS: Final = 50
N_STRATA: Final = 4
STRATIFIED_BY: Final = ("eye_distance_px", "yaw_deg", "sharpness", "brightness")

FitScoring: TypeAlias = Callable[[Vectors], Scoring]
"""From a cohort's templates to how scores are made; the cohort is empty if none was asked for."""


@dataclass(frozen=True, slots=True, eq=False)
class _Owned:
    """Searches with whose they are, and the bootstrap samples of these people."""

    found: Searches = field(repr=False)
    mated_owner: Ranks = field(repr=False)
    nonmated_owner: Ranks = field(repr=False)
    mated_weights: Weights = field(repr=False)
    nonmated_weights: Weights = field(repr=False)


def evaluate(
    pool: Pool,
    others: Pool | None,
    plan: Plan,
    *,
    fit: FitScoring,
    rates: Sequence[float] = DEFAULT_RATES,
    gate: QualityGate | None = None,
    kin: Sequence[tuple[Ranks, Ranks]] = (),
) -> Evaluation:
    """Measure open-set identification.

    Args:
        pool: who is listed and searched for.
        others: a second set that is searched and never listed.
        plan: what to draw.
        fit: how scores are made, from the cohort of each draw.
        rates: targets of FPIR.
        gate: what a reference must keep to be enrolled; everything with a face if None.
        kin: pictures of the pool, of two who are kin each, for a row of their own.

    Raises:
        InputError: there are too few people for the plan.
    """
    draws = draw_lists(pool, others, plan, gate)
    templates = (pool if others is None else others).templates
    scorings = [fit(templates.vectors[draw.cohort]) for draw in draws]
    owned = _own(search(pool, others, draws, scorings), pool, plan.seed)
    points = tuple(_point(owned, rate) for rate in rates)
    found = owned.found
    return Evaluation(
        plan=plan,
        scoring=scorings[0].name,
        points=points,
        n_mated_people=len(np.unique(owned.mated_owner)),
        n_nonmated_people=len(np.unique(owned.nonmated_owner)),
        failures=_failures(draws, owned.found, pool, others),
        det=det_curve(found.mated, found.nonmated, det_rates(len(found.nonmated))),
        cmc=tuple(cmc(found.mated_rank, N_RANKS)),
        histograms=_histograms(found),
        strata=tuple(_strata(owned, pool, others, points[-1])) if points else (),
        groups=tuple(each for point in points for each in _groups(owned, pool, others, point)),
        kin=_kin(pool, kin, points, scorings[0]),
    )


def _own(found: Searches, pool: Pool, seed: int) -> _Owned:
    """Number the people of both pools on, and draw them."""
    mated_people, mated_owner = np.unique(pool.person[found.mated_picture], return_inverse=True)
    nonmated = np.where(
        found.nonmated_is_other,
        pool.n_people + found.nonmated_person,
        found.nonmated_person,
    )
    nonmated_people, nonmated_owner = np.unique(nonmated, return_inverse=True)
    rng = np.random.default_rng([seed, 1])
    return _Owned(
        found,
        mated_owner.astype(np.int64),
        nonmated_owner.astype(np.int64),
        resampled_people(len(mated_people), N_BOOTSTRAP, rng),
        resampled_people(len(nonmated_people), N_BOOTSTRAP, rng),
    )


def _point(owned: _Owned, rate: float) -> OperatingPoint:
    mated, nonmated = owned.found.mated, owned.found.nonmated
    threshold = threshold_at(nonmated, rate) if len(nonmated) else FAILED
    n_false = int(np.count_nonzero(nonmated >= threshold)) if threshold > FAILED else 0
    n_found = int(np.count_nonzero(mated >= threshold)) if threshold > FAILED else 0
    first = (mated >= threshold) & (owned.found.mated_rank == 1)
    thresholds = bootstrap_thresholds(nonmated, owned.nonmated_owner, owned.nonmated_weights, rate)
    drawn = bootstrap_rates(mated, owned.mated_owner, owned.mated_weights, thresholds)
    has_mated = bool(len(mated)) and threshold > FAILED
    return OperatingPoint(
        fpir=rate,
        threshold=threshold if threshold > FAILED else None,
        fpir_measured=n_false / len(nonmated) if len(nonmated) else math.nan,
        n_false=n_false,
        fpir_interval=_fpir_interval(owned, threshold, n_false),
        tpir=rate_at(mated, threshold) if has_mated else None,
        n_found=n_found,
        tpir_interval=percentile_interval(drawn) if has_mated else None,
        tpir_first=float(np.mean(first)) if has_mated else None,
        n_mated=len(mated),
        n_nonmated=len(nonmated),
        enough=allowed(len(nonmated), rate) >= 1,
    )


def _fpir_interval(owned: _Owned, threshold: float, n_false: int) -> Interval:
    if n_false == 0:
        return clopper_pearson(0, owned.nonmated_weights.shape[1])
    return percentile_interval(
        bootstrap_rates(
            owned.found.nonmated,
            owned.nonmated_owner,
            owned.nonmated_weights,
            np.array([threshold]),
        )
    )


def _failures(draws: Sequence[Draw], found: Searches, pool: Pool, others: Pool | None) -> Failures:
    seen = _of_nonmated(found, pool.templates.acquired, _acquired(others))
    return Failures(
        n_listed=sum(len(draw.listed) for draw in draws),
        n_unenrolled=sum(draw.n_unenrolled for draw in draws),
        n_mated=len(found.mated),
        n_mated_unacquired=int(np.count_nonzero(~pool.templates.acquired[found.mated_picture])),
        n_nonmated=len(found.nonmated),
        n_nonmated_unacquired=int(np.count_nonzero(~seen)),
    )


def _acquired(others: Pool | None) -> NDArray[np.bool_]:
    return np.zeros(0, np.bool_) if others is None else others.templates.acquired


def _of_nonmated(found: Searches, own: NDArray[np.generic], other: NDArray[np.generic]) -> Any:
    """Return a value of each non-mated search's picture, from the pool that it is of."""
    values = np.concatenate([own, other])
    return values[found.nonmated_picture + np.where(found.nonmated_is_other, len(own), 0)]


def _histograms(found: Searches) -> Histograms | None:
    real = np.concatenate([found.mated, found.nonmated])
    real = real[real > FAILED]
    if not len(real) or real.min() == real.max():
        return None
    edges = np.linspace(real.min(), real.max(), N_BINS + 1)
    return Histograms(
        float(edges[0]),
        float(edges[-1]),
        tuple(histogram(found.mated, edges)),
        tuple(histogram(found.nonmated, edges)),
    )


def _strata(
    owned: _Owned, pool: Pool, others: Pool | None, point: OperatingPoint
) -> Iterator[Stratum]:
    """Yield the searches by quarters of each measure: of mated probes, if there are any.

    The outer quarters have no end, so that every other probe is in one of them too.
    """
    if point.threshold is None:
        return
    found = owned.found
    other = np.zeros((0, len(MEASURES))) if others is None else others.templates.measures
    of_mated = pool.templates.measures[found.mated_picture]
    of_nonmated = _of_nonmated(found, pool.templates.measures, other)
    hit, wrong = found.mated >= point.threshold, found.nonmated >= point.threshold
    for measure in STRATIFIED_BY:
        column = MEASURES.index(measure)
        mated, nonmated = np.abs(of_mated[:, column]), np.abs(of_nonmated[:, column])
        divided = mated if np.isfinite(mated).any() else nonmated
        if not np.isfinite(divided).any():
            continue
        edges = np.nanquantile(divided, np.linspace(0, 1, N_STRATA + 1))
        edges[0], edges[-1] = -np.inf, np.inf
        for index in range(N_STRATA):
            in_mated, in_nonmated = (_within(v, edges, index) for v in (mated, nonmated))
            yield Stratum(
                measure,
                _end(edges[index]),
                _end(edges[index + 1]),
                int(np.count_nonzero(in_mated)),
                int(np.count_nonzero(hit & in_mated)),
                int(np.count_nonzero(in_nonmated)),
                int(np.count_nonzero(wrong & in_nonmated)),
                _tpir_interval(owned, in_mated, point.threshold),
            )


def _end(edge: np.float64) -> float | None:
    return float(edge) if np.isfinite(edge) else None


def _within(values: ScoreArray, edges: ScoreArray, index: int) -> NDArray[np.bool_]:
    """Return which values lie in one quarter; the last holds its upper end."""
    below = values <= edges[index + 1] if index == N_STRATA - 1 else values < edges[index + 1]
    return np.asarray((values >= edges[index]) & below)


def _tpir_interval(owned: _Owned, chosen: NDArray[np.bool_], threshold: float) -> Interval | None:
    if not chosen.any():
        return None
    scores, owner = owned.found.mated[chosen], owned.mated_owner[chosen]
    return percentile_interval(
        bootstrap_rates(scores, owner, owned.mated_weights, np.array([threshold]))
    )


def _groups(
    owned: _Owned, pool: Pool, others: Pool | None, point: OperatingPoint
) -> Iterator[GroupsAt]:
    """Yield every column's groups: false positives among the non-mated, misses among the mated."""
    if point.threshold is None:
        return
    found = owned.found
    columns = dict.fromkeys([*pool.labels, *({} if others is None else others.labels)])
    for column in columns:
        own = _labels(pool, column)
        of_mated = own[found.mated_picture]
        other = np.zeros(0, np.str_) if others is None else _labels(others, column)
        of_nonmated = _of_nonmated(found, own, other)
        cases: list[tuple[ErrorKind, NDArray[np.bool_], Ranks, NDArray[np.str_]]] = [
            (
                "false_positive",
                found.nonmated >= point.threshold,
                owned.nonmated_owner,
                of_nonmated,
            ),
            ("false_negative", found.mated < point.threshold, owned.mated_owner, of_mated),
        ]
        for kind, errors, owner, values in cases:
            if np.any(values != ""):
                yield GroupsAt(point.fpir, compare_groups(column, kind, errors, owner, values))


def _labels(pool: Pool, column: str) -> NDArray[np.str_]:
    return pool.labels.get(column, np.full(len(pool.person), "", np.str_))


def _kin(
    pool: Pool,
    kin: Sequence[tuple[Ranks, Ranks]],
    points: Sequence[OperatingPoint],
    scoring: Scoring,
) -> tuple[KinPoint, ...]:
    """Compare every picture of one with the first of the other, both ways."""
    seen, vectors = pool.templates.acquired, pool.templates.vectors
    best = [
        scoring.scores(vectors[probes[seen[probes]]], vectors[references[:1]])[:, 0]
        for a, b in kin
        for probes, references in ((a, b), (b, a))
        if len(references) and seen[references[0]]
    ]
    scores = np.concatenate(best) if best else np.zeros(0)
    if not len(scores):
        return ()
    return tuple(
        KinPoint(p.fpir, len(scores), int(np.count_nonzero(scores >= p.threshold)))
        for p in points
        if p.threshold is not None
    )

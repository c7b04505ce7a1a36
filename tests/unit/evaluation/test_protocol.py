"""The protocol beside a slow second implementation: plain loops over people and pictures."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overt.core.errors import InputError
from overt.evaluation.curves import FAILED, threshold_at
from overt.evaluation.evaluate import evaluate
from overt.evaluation.normalisation import KINDS, fitting
from overt.evaluation.protocol import Plan, Pool, draw_lists, search
from overt.evaluation.scoring import Cosine
from overt.evaluation.templates import MEASURES, TemplateSet
from overt.vision.quality import QualityGate

DIMS = 8


def templates(n, rng, missing=()):
    vectors = rng.standard_normal((n, DIMS)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    acquired = np.ones(n, bool)
    acquired[list(missing)] = False
    vectors[~acquired] = 0
    measures = rng.uniform(0.4, 0.9, (n, len(MEASURES)))
    measures[~acquired] = np.nan
    return TemplateSet(vectors, acquired, acquired.astype(np.int64), measures)


def pool_of(sizes, seed, missing_share=0.1, labels=None):
    """Return people with so many pictures each, some of them without a face."""
    rng = np.random.default_rng(seed)
    person = np.repeat(np.arange(len(sizes)), sizes)
    missing = np.flatnonzero(rng.uniform(size=len(person)) < missing_share)
    return Pool(templates(len(person), rng, missing), person, labels or {}, len(sizes))


def slow_search(pool, others, draw):
    """Return mates' scores and ranks, and best scores of the rest, one comparison at a time."""
    vectors = pool.templates.vectors.astype(np.float64)
    seen = pool.templates.acquired
    listed = {}
    for picture, owner in zip(draw.references, draw.reference_owner, strict=True):
        listed.setdefault(int(owner), []).append(vectors[picture])

    def score(probe, owner):
        return max(math.fsum(a * b for a, b in zip(probe, r, strict=True)) for r in listed[owner])

    mated, ranks = [], []
    for picture, owner in zip(draw.mated, draw.mated_owner, strict=True):
        if not seen[picture] or int(owner) not in listed:
            mated.append(FAILED)
            ranks.append(0)
            continue
        own = score(vectors[picture], int(owner))
        mated.append(own)
        ranks.append(1 + sum(score(vectors[picture], each) > own for each in listed))
    best = []
    for source, pictures in ((pool, draw.nonmated), (others, draw.others)):
        for picture in pictures if source else ():
            probe = source.templates.vectors[picture].astype(np.float64)
            able = source.templates.acquired[picture] and listed
            best.append(max(score(probe, each) for each in listed) if able else FAILED)
    return mated, ranks, best


SIZES = st.lists(st.integers(1, 4), min_size=4, max_size=9)


@settings(max_examples=30, deadline=None)
@given(SIZES, st.integers(1, 3), st.integers(0, 1000), st.integers(1, 4))
def test_every_score_is_that_of_the_second_implementation(sizes, n_references, seed, list_size):
    pool, others = pool_of(sizes, seed), pool_of([1] * 5, seed + 1)
    plan = Plan(list_size, n_references, n_draws=2, seed=seed)
    draws = draw_lists(pool, others, plan, None)
    found = search(pool, others, draws, [Cosine()] * 2)
    mated, ranks, best = [], [], []
    for draw in draws:
        each = slow_search(pool, others, draw)
        mated += each[0]
        ranks += each[1]
        best += each[2]
    assert found.mated == pytest.approx(mated, abs=1e-9)
    assert found.nonmated == pytest.approx(best, abs=1e-9)
    assert found.mated_rank.tolist() == ranks


@settings(max_examples=20, deadline=None)
@given(SIZES, st.integers(0, 1000))
def test_the_figures_are_those_of_the_second_implementation(sizes, seed):
    pool, others = pool_of(sizes, seed), pool_of([1] * 12, seed + 1)
    plan = Plan(2, 1, n_draws=3, seed=seed)
    found = evaluate(pool, others, plan, fit=fitting("cosine"), rates=(0.1, 0.3))
    mated, best = [], []
    for draw in draw_lists(pool, others, plan, None):
        own, _, rest = slow_search(pool, others, draw)
        mated += own
        best += rest
    for point in found.points:
        assert (point.n_mated, point.n_nonmated) == (len(mated), len(best))
        if point.threshold is None:
            continue
        assert point.threshold == pytest.approx(threshold_at(np.array(best), point.fpir), abs=2e-6)
        reached = [score >= point.threshold for score in best]
        assert point.fpir_measured == pytest.approx(sum(reached) / len(best), abs=1e-9)
        assert point.fpir_measured <= point.fpir
        if mated:
            hits = [score >= point.threshold for score in mated]
            assert point.tpir == pytest.approx(sum(hits) / len(mated), abs=1e-9)
            assert point.tpir_interval.low <= point.tpir_interval.high
        else:
            assert point.tpir is None


@given(SIZES, st.integers(0, 1000), st.integers(1, 3))
def test_nobody_listed_is_a_non_mated_probe_and_nobody_is_lost(sizes, seed, n_references):
    pool = pool_of(sizes, seed)
    for draw in draw_lists(pool, None, Plan(3, n_references, seed=seed), None):
        listed = set(draw.listed.tolist())
        assert not listed & set(pool.person[draw.nonmated].tolist())
        assert set(pool.person[draw.mated].tolist()) <= listed
        assert not set(draw.references.tolist()) & set(draw.mated.tolist())
        n_first = sum(min(n_references, sizes[each]) for each in listed)
        assert len(draw.mated) + len(draw.nonmated) + n_first == len(pool.person)


def test_the_same_seed_draws_the_same_list_and_another_seed_another():
    pool = pool_of([2] * 40, 1)
    one, again, other = (draw_lists(pool, None, Plan(10, seed=s), None) for s in (1, 1, 2))
    assert [d.listed.tolist() for d in one] == [d.listed.tolist() for d in again]
    assert [d.listed.tolist() for d in one] != [d.listed.tolist() for d in other]


def test_a_cohort_leaves_the_lists_as_they_are():
    pool, others = pool_of([2] * 40, 1), pool_of([1] * 30, 2)
    plain, apart = (draw_lists(pool, others, Plan(9, cohort_size=n), None) for n in (0, 10))
    assert [d.listed.tolist() for d in plain] == [d.listed.tolist() for d in apart]


def test_every_probe_with_a_face_is_in_one_quarter_of_each_measure():
    pool, others = pool_of([3] * 20, 4), pool_of([1] * 50, 5)
    found = evaluate(pool, others, Plan(10), fit=fitting("cosine"), rates=(0.1,))
    failures = found.failures
    for measure in {each.measure for each in found.strata}:
        quarters = [each for each in found.strata if each.measure == measure]
        assert len(quarters) == 4
        assert (quarters[0].low, quarters[-1].high) == (None, None)
        n_mated = sum(each.n_mated for each in quarters)
        assert n_mated == failures.n_mated - failures.n_mated_unacquired
        n_nonmated = sum(each.n_nonmated for each in quarters)
        assert n_nonmated == failures.n_nonmated - failures.n_nonmated_unacquired


def test_a_person_who_cannot_be_enrolled_is_missed_every_time():
    pool = pool_of([3, 3], 1, missing_share=0)
    gate = QualityGate(min_eye_distance_px=1e9)
    found = evaluate(
        pool, pool_of([1] * 9, 2, 0), Plan(2, n_draws=1), fit=fitting("cosine"), gate=gate
    )
    assert found.failures.n_unenrolled == 2
    assert found.points[0].n_mated == 4
    assert found.cmc[0] == 0
    assert found.points[0].threshold is None, "nobody can be flagged by an empty list"


def test_who_is_left_out_is_neither_listed_nor_searched():
    pool = pool_of([2] * 10, 3)
    pool.person[:6] = -1
    for draw in draw_lists(pool, None, Plan(4), None):
        used = np.concatenate([draw.references, draw.mated, draw.nonmated])
        assert used.min() >= 6


def test_too_few_people_are_refused():
    pool = pool_of([1] * 3, 1)
    with pytest.raises(InputError, match="cannot be drawn from 3 people"):
        draw_lists(pool, None, Plan(4), None)
    with pytest.raises(InputError, match="leaves nobody"):
        draw_lists(pool, pool_of([1] * 5, 1), Plan(2, cohort_size=5), None)


def test_the_cohort_is_never_searched():
    pool, others = pool_of([1] * 4, 1), pool_of([1] * 30, 2)
    for draw in draw_lists(pool, others, Plan(2, cohort_size=10), None):
        assert not set(draw.cohort.tolist()) & set(draw.others.tolist())
        assert len(draw.others) == 20


def test_without_a_second_set_the_cohort_is_of_those_who_are_not_listed():
    pool = pool_of([2] * 30, 1, missing_share=0)
    for draw in draw_lists(pool, None, Plan(5, cohort_size=10), None):
        cohort = set(pool.person[draw.cohort].tolist())
        assert len(cohort) == 10
        assert not cohort & set(draw.listed.tolist())
        assert not cohort & set(pool.person[draw.nonmated].tolist())
        assert len(draw.nonmated) == 2 * (30 - 5 - 10)


@pytest.mark.parametrize("kind", KINDS)
def test_a_scoring_names_its_cohort_and_scores_alike_in_any_block(kind):
    rng = np.random.default_rng(5)
    cohort, probes, references = (templates(n, rng).vectors for n in (150, 7, 5))
    scoring = fitting(kind)(cohort)
    assert kind in scoring.name
    whole = scoring.scores(probes, references)
    parts = np.concatenate([scoring.scores(probes[i : i + 1], references) for i in range(7)])
    assert whole == pytest.approx(parts, abs=1e-12)
    if kind != "cosine":
        assert scoring.name != fitting(kind)(cohort[::-1]).name
        with pytest.raises(InputError, match="at least 100 faces"):
            fitting(kind)(cohort[:99])


def test_symmetric_normalisation_is_its_definition():
    rng = np.random.default_rng(6)
    cohort, probes, references = (templates(n, rng).vectors.astype(np.float64) for n in (120, 4, 3))
    scores = fitting("s-norm")(cohort).scores(probes, references)
    for i, probe in enumerate(probes):
        own = [float(probe @ c) for c in cohort]
        for j, reference in enumerate(references):
            other = [float(reference @ c) for c in cohort]
            plain = float(probe @ reference)
            expected = (
                (plain - np.mean(own)) / np.std(own) + (plain - np.mean(other)) / np.std(other)
            ) / 2
            assert scores[i, j] == pytest.approx(expected, abs=1e-9)


def test_a_shifted_score_is_its_definition():
    rng = np.random.default_rng(7)
    cohort, probes, references = (templates(n, rng).vectors for n in (110, 4, 3))
    mean = [math.fsum(float(c[i]) for c in cohort) / len(cohort) for i in range(DIMS)]

    def moved(vector):
        about = [float(v) - m for v, m in zip(vector, mean, strict=True)]
        length = math.sqrt(math.fsum(v * v for v in about))
        return [v / length for v in about]

    def likeness(one, other):
        return math.fsum(a * b for a, b in zip(moved(one), moved(other), strict=True))

    scores = fitting("t-shift")(cohort).scores(probes, references)
    for i, probe in enumerate(probes):
        nearest = sorted((likeness(probe, c) for c in cohort), reverse=True)[:10]
        for j, reference in enumerate(references):
            expected = likeness(probe, reference) - math.fsum(nearest) / 10
            assert scores[i, j] == pytest.approx(expected, abs=1e-9)

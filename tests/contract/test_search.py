"""Every implementation of the Search port passes this suite, and gives the oracle's answers."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overt.core.ids import ContractId, EntryId, KinGroup
from overt.matching.exact import ExactSearch
from overt.matching.gallery import Gallery, GalleryEntry
from overt.matching.reference import ReferenceSearch

IMPLEMENTATIONS = (ReferenceSearch, ExactSearch)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
TICK = timedelta(microseconds=1)


def unit(*rows):
    rows = np.asarray(rows, np.float64)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


def entry(name, *rows, expires=None, kin=None):
    return GalleryEntry(EntryId(name), unit(*rows), expires, None if kin is None else KinGroup(kin))


def random_gallery(seed, n, *, dims=128, most=3):
    rng = np.random.default_rng(seed)
    return [
        entry(f"e{i:05}", *rng.normal(size=(rng.integers(1, most + 1), dims))) for i in range(n)
    ]


@pytest.fixture(params=IMPLEMENTATIONS, ids=lambda kind: kind.__name__)
def search(request):
    def run(entries, probe, n_candidates=8, now=NOON):
        gallery = Gallery(ContractId("c"), entries)
        return request.param(gallery).search(unit(probe)[0], n_candidates, now)

    return run


def names(candidates):
    return [each.entry for each in candidates]


def test_the_most_similar_comes_first(search):
    found = search([entry("far", [1, 3]), entry("near", [3, 1]), entry("off", [-1, 0])], [1, 0])
    assert names(found) == ["near", "far", "off"]
    assert [each.similarity for each in found] == pytest.approx(
        [3 / 10**0.5, 1 / 10**0.5, -1], abs=1e-7
    )


def test_a_person_counts_once_with_the_closest_reference(search):
    one = entry("one", [0, 1], [4, 1], [1, 4], kin="k")
    found = search([entry("two", [2, 1], [2, 1.1]), one], [1, 0])
    assert [(each.entry, each.reference, each.kin) for each in found] == [
        ("one", 1, "k"),
        ("two", 0, None),
    ]


def test_of_identical_references_the_first_is_named(search):
    assert search([entry("a", [0, 1], [1, 0], [1, 0])], [1, 0])[0].reference == 1


def test_expiry_is_exact_to_the_microsecond(search):
    entries = [entry("b", [1, 1], expires=NOON), entry("a", [0, 1], expires=NOON + TICK)]
    assert names(search(entries, [1, 0], now=NOON - TICK)) == ["b", "a"]
    assert names(search(entries, [1, 0], now=NOON)) == ["a"]
    assert search(entries, [1, 0], now=NOON + TICK) == []


@pytest.mark.parametrize("year", [1971, 2026, 2250, 9999])
def test_expiry_is_as_exact_in_any_year(search, year):
    moment = datetime(year, 12, 31, 23, 59, 59, 999_998, tzinfo=UTC)
    entries = [entry("a", [1, 0], expires=moment)]
    assert names(search(entries, [1, 0], now=moment - TICK)) == ["a"]
    assert search(entries, [1, 0], now=moment) == []


def test_an_entry_without_expiry_never_expires(search):
    assert names(search([entry("a", [1, 0])], [1, 0], now=datetime.max.replace(tzinfo=UTC))) == [
        "a"
    ]


def test_expiry_does_not_depend_on_the_time_zone(search):
    cairo = NOON.astimezone(tz=datetime.strptime("+0200", "%z").tzinfo)
    assert search([entry("a", [1, 0], expires=cairo)], [1, 0], now=NOON) == []


def test_a_time_without_offset_is_refused_rather_than_guessed(search):
    with pytest.raises(TypeError, match="naive"):
        search([entry("a", [1, 0], expires=NOON)], [1, 0], now=NOON.replace(tzinfo=None))
    with pytest.raises(TypeError, match="naive"):
        search([entry("a", [1, 0], expires=NOON.replace(tzinfo=None))], [1, 0], now=NOON)


def test_an_expired_entry_does_not_take_a_place(search):
    entries = [entry("gone", [1, 0], expires=NOON), entry("a", [1, 1]), entry("b", [0, 1])]
    assert names(search(entries, [1, 0], n_candidates=2)) == ["a", "b"]


def test_ties_are_broken_by_entry_id(search):
    entries = [entry(name, [1, 2]) for name in ("c", "a", "d", "b")]
    assert names(search(entries, [1, 1])) == ["a", "b", "c", "d"]
    assert names(search(entries, [1, 1], n_candidates=2)) == ["a", "b"]


@pytest.mark.parametrize(("n", "found"), [(-1, 0), (0, 0), (1, 1), (3, 3), (4, 3), (10**9, 3)])
def test_at_most_so_many_candidates(search, n, found):
    entries = [entry("a", [1, 0]), entry("b", [1, 1]), entry("c", [0, 1])]
    assert names(search(entries, [1, 0], n_candidates=n)) == ["a", "b", "c"][:found]


def test_a_template_of_another_length_is_refused(search):
    with pytest.raises(ValueError):
        search([entry("a", [1, 0])], [1, 0, 0])


def test_a_search_leaves_nothing_behind(search):
    entries = [entry("a", [1, 0], expires=NOON), entry("b", [0, 1])]
    before = [each.templates.copy() for each in entries]
    search(entries, [1, 0])
    for each, was in zip(entries, before, strict=True):
        np.testing.assert_array_equal(each.templates, was)


def test_one_search_can_be_used_again_at_another_time():
    for kind in IMPLEMENTATIONS:
        searcher = kind(Gallery(ContractId("c"), [entry("a", [1, 0], expires=NOON)]))
        probe = unit([1, 0])[0]
        answers = [len(searcher.search(probe, 8, NOON + k * TICK)) for k in (-1, 0, -1)]
        assert answers == [1, 0, 1]


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("n_candidates", [1, 8, 300])
def test_both_give_the_same_answers_on_a_list_of_usual_size(seed, n_candidates):
    gallery = Gallery(ContractId("c"), random_gallery(seed, 300))
    rng = np.random.default_rng(100 + seed)
    probe = unit(rng.normal(size=128))[0]
    oracle, fast = (kind(gallery).search(probe, n_candidates, NOON) for kind in IMPLEMENTATIONS)
    assert fast == oracle


directions = st.lists(st.integers(-3, 3), min_size=4, max_size=4).filter(any)
nudges = st.lists(st.sampled_from([0.0, 1e-8, -1e-8, 6e-8, 1e-7]), min_size=4, max_size=4)
moments = st.sampled_from([None, NOON - TICK, NOON, NOON + TICK])
crowded = st.lists(
    st.tuples(
        st.lists(st.tuples(directions, nudges), min_size=1, max_size=3),
        moments,
        st.sampled_from([None, "k"]),
    ),
    min_size=1,
    max_size=12,
)


@settings(max_examples=100, deadline=None)
@given(crowded, directions, nudges, st.integers(0, 14))
def test_both_give_the_same_answers_among_near_duplicates(people, towards, nudge, n_candidates):
    entries = [
        entry(f"e{i:02}", *(np.add(d, e) for d, e in rows), expires=expires, kin=kin)
        for i, (rows, expires, kin) in enumerate(people)
    ]
    gallery = Gallery(ContractId("c"), entries)
    probe = unit(np.add(towards, nudge))[0]
    oracle, fast = (kind(gallery).search(probe, n_candidates, NOON) for kind in IMPLEMENTATIONS)
    assert fast == oracle


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0, 1e-7), st.integers(1, 9))
def test_both_give_the_same_answers_for_templates_that_float32_cannot_order(seed, spread, n):
    rng = np.random.default_rng(seed)
    centre = rng.normal(size=128)
    centre /= np.linalg.norm(centre)
    crowd = unit(*(centre + spread * rng.normal(size=(40, 128))))
    entries = [GalleryEntry(EntryId(f"e{i:02}"), crowd[i : i + 1]) for i in rng.permutation(40)]
    gallery = Gallery(ContractId("c"), entries)
    probe = unit(centre + 0.5 * rng.normal(size=128))[0]
    oracle, fast = (kind(gallery).search(probe, n, NOON) for kind in IMPLEMENTATIONS)
    assert fast == oracle


def test_a_damaged_probe_is_like_nobody():
    entries = [entry("a", [1, 0]), entry("b", [0, 1])]
    damaged = np.array([np.nan, 1], np.float32)
    found = [
        kind(Gallery(ContractId("c"), entries)).search(damaged, 8, NOON) for kind in IMPLEMENTATIONS
    ]
    assert all(each.similarity == -np.inf for candidates in found for each in candidates)

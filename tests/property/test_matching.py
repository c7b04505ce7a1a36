"""What is true of every comparison and every search, whatever the vectors."""

from datetime import UTC, datetime

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from overt.core.ids import ContractId, EntryId
from overt.matching.exact import ExactSearch
from overt.matching.gallery import Gallery, GalleryEntry
from overt.matching.reference import compare

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
seeds = st.integers(0, 2**32 - 1)


def units(seed, n, dims=128):
    rows = np.random.default_rng(seed).normal(size=(n, dims))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@given(seeds)
def test_a_comparison_has_no_direction_and_no_order_of_summation(seed):
    one, other = units(seed, 2)
    order = np.random.default_rng(seed).permutation(len(one))
    assert compare(one, other) == compare(other, one) == compare(one[order], other[order])


@given(seeds)
def test_a_comparison_lies_between_minus_one_and_one(seed):
    one, other = units(seed, 2)
    assert abs(compare(one, one) - 1) < 1e-6
    assert abs(compare(one, -one) + 1) < 1e-6
    assert -1 <= compare(one, other) <= 1


@given(seeds, st.integers(1, 60), st.integers(0, 70))
def test_a_search_is_sorted_and_names_nobody_twice(seed, n_entries, n_candidates):
    entries = [
        GalleryEntry(EntryId(f"e{i:03}"), units(seed + i, 1 + i % 3, 16)) for i in range(n_entries)
    ]
    search = ExactSearch(Gallery(ContractId("c"), entries))
    found = search.search(units(seed - 1 if seed else 2**32, 1, 16)[0], n_candidates, NOON)
    assert len(found) == min(n_candidates, n_entries)
    assert len({each.entry for each in found}) == len(found)
    assert found == sorted(found, key=lambda each: (-each.similarity, each.entry))


@given(seeds, st.integers(1, 20), st.integers(1, 20))
def test_fewer_candidates_are_the_first_of_more(seed, n, more):
    entries = [GalleryEntry(EntryId(f"e{i:03}"), units(seed + i, 2, 16)) for i in range(30)]
    search = ExactSearch(Gallery(ContractId("c"), entries))
    probe = units(seed + 99, 1, 16)[0]
    assert search.search(probe, n + more, NOON)[:n] == search.search(probe, n, NOON)

import itertools
import tracemalloc

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.core.errors import IntegrityError
from overt.core.ids import EntryId, KinGroup
from overt.matching.reference import compare
from overt.watchlist import self_comparison
from overt.watchlist.self_comparison import Alike, AlikePair, find_alike
from overt.watchlist.stored import StoredEntry, StoredReference

SECRET = "Jane Doe"


def unit(*numbers):
    vector = np.asarray(numbers, np.float64)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


def entry(name, *templates, kin=None, pictures=None):
    pictures = pictures or [f"{name}-{index}".encode() for index in range(len(templates))]
    references = tuple(map(StoredReference, templates, pictures))
    return StoredEntry(EntryId(name), SECRET, references, kin_group=kin and KinGroup(kin))


def oracle(entries, *, duplicate_at, kin_at, max_pairs):
    """What the docstring promises, pair by pair."""
    found = []
    for one, other in itertools.combinations(sorted(entries, key=lambda e: e.entry), 2):
        if one.kin_group is not None and one.kin_group == other.kin_group:
            continue
        pictures = [{ref.picture_jpeg for ref in each.references} for each in (one, other)]
        pictured = bool(pictures[0] & pictures[1])
        similarity = 1.0 if pictured else min(1.0, max(
            compare(a.template, b.template) for a in one.references for b in other.references
        ))  # fmt: skip
        if similarity >= kin_at:
            kind = Alike.DUPLICATE if similarity >= duplicate_at else Alike.KIN
            found.append((not pictured, AlikePair(one.entry, other.entry, similarity, kind)))
    found.sort(key=lambda each: (-each[1].similarity, each[0], each[1].a, each[1].b))
    return tuple(pair for _, pair in found[:max_pairs])


@pytest.fixture(params=["whole", "tiny"])
def blocks(request, monkeypatch):
    """The answer does not depend on how much is compared at a time."""
    if request.param == "tiny":
        monkeypatch.setattr(self_comparison, "BLOCK_CELLS", 7)
        monkeypatch.setattr(self_comparison, "PRUNE_AT", 5)


def test_alike_people_are_found_and_named_by_the_limit_they_reach():
    people = [entry("c", unit(1, 0)), entry("a", unit(1, 0.1)), entry("b", unit(1, 0.9))]
    pairs = find_alike(people, duplicate_at=0.95, kin_at=0.7, max_pairs=9)
    assert [(p.a, p.b, p.kind) for p in pairs] == [
        ("a", "c", Alike.DUPLICATE),
        ("a", "b", Alike.KIN),
        ("b", "c", Alike.KIN),
    ]
    assert pairs[0].similarity == pytest.approx(1 / np.sqrt(1.01))


def test_the_closest_two_references_count():
    people = [entry("a", unit(1, 0), unit(0, 1)), entry("b", unit(-1, 0), unit(0.1, 1))]
    (pair,) = find_alike(people, duplicate_at=0.99, kin_at=0.9, max_pairs=9)
    assert pair.similarity == compare(unit(0, 1), unit(0.1, 1))


def test_references_of_one_person_are_no_pair():
    assert not find_alike([entry("a", unit(1, 0), unit(1, 0))] * 2, **LOOSE)


def test_one_kin_group_is_left_out_and_two_are_not():
    alike = [entry("a", unit(1, 0), kin="k"), entry("b", unit(1, 0), kin="k")]
    assert not find_alike(alike, **LOOSE)
    assert find_alike([alike[0], entry("b", unit(1, 0), kin="l")], **LOOSE)
    same_picture = [entry(n, unit(1, 0), kin="k", pictures=[b"x"]) for n in ("a", "b")]
    assert not find_alike(same_picture, **LOOSE)


def test_the_same_picture_is_a_duplicate_whatever_the_templates_say():
    people = [entry("a", unit(1, 0), pictures=[b"x"]), entry("b", unit(0, 1), pictures=[b"x"])]
    (pair,) = find_alike(people, duplicate_at=1, kin_at=1, max_pairs=9)
    assert (pair.similarity, pair.kind) == (1.0, Alike.DUPLICATE)


def test_the_same_picture_comes_before_the_same_template(blocks):
    people = [entry("a", unit(1, 0)), entry("b", unit(1, 0))]
    people += [entry(name, unit(0, 1), pictures=[b"x"]) for name in ("c", "d")]
    pairs = find_alike(people, duplicate_at=0.9, kin_at=0.9, max_pairs=9)
    assert [(p.a, p.b) for p in pairs] == [("c", "d"), ("a", "b")]


LOOSE = {"duplicate_at": 1.0, "kin_at": -1.0, "max_pairs": 100}


@pytest.mark.parametrize("n", [0, 1])
def test_fewer_than_two_people_are_not_alike(n):
    assert find_alike([entry("a", unit(1, 0))][:n], **LOOSE) == ()


def test_no_pair_is_returned_if_none_is_asked_for():
    assert find_alike([entry(n, unit(1, 0)) for n in "ab"], **{**LOOSE, "max_pairs": 0}) == ()


@pytest.mark.parametrize(
    "limits",
    [
        {"duplicate_at": 0.5, "kin_at": 0.6},
        {"duplicate_at": 1.1, "kin_at": 0.6},
        {"duplicate_at": 0.5, "kin_at": -1.1},
        {"duplicate_at": float("nan"), "kin_at": 0.6},
        {"max_pairs": -1},
    ],
    ids=str,
)
def test_limits_that_are_none_are_refused(limits):
    with pytest.raises(ValueError, match="expected"):
        find_alike([], **{**LOOSE, **limits})


@pytest.mark.parametrize(
    "damaged",
    [
        entry("b"),
        entry("b", unit(1, 0, 0)),
        entry("b", np.array([1, 1], np.float32)),
        entry("b", np.array([np.nan, 0], np.float32)),
    ],
    ids=["none", "longer", "not-unit", "nan"],
)
def test_a_damaged_template_is_an_integrity_error_without_a_name(damaged):
    with pytest.raises(IntegrityError) as caught:
        find_alike([entry("a", unit(1, 0)), damaged], **LOOSE)
    assert SECRET not in str(caught.value)


_templates = st.lists(
    st.sampled_from([unit(*v) for v in itertools.product((-1, 0.5, 1), repeat=3)]),
    min_size=1,
    max_size=3,
)
_people = st.lists(
    st.tuples(_templates, st.sampled_from([None, "k", "l"]), st.sampled_from([b"x", b"y", None])),
    max_size=9,
)
_limits = st.sampled_from([-1.0, -0.3, 0.0, 0.6, 0.9, 1.0])


@given(_people, _limits, _limits, st.integers(0, 12))
@pytest.mark.usefixtures("blocks")
def test_it_answers_as_the_oracle_does(people, one, other, max_pairs):
    entries = [
        entry(f"e-{index}", *templates, kin=kin, pictures=[picture] * len(templates))
        if picture
        else entry(f"e-{index}", *templates, kin=kin)
        for index, (templates, kin, picture) in enumerate(people)
    ]
    limits = {"duplicate_at": max(one, other), "kin_at": min(one, other), "max_pairs": max_pairs}
    assert find_alike(entries[::-1], **limits) == oracle(entries, **limits)


@pytest.mark.parametrize("kin_at", [-1.0, 0.3])
def test_it_answers_as_the_oracle_does_for_many(kin_at, blocks, monkeypatch):
    monkeypatch.setattr(self_comparison, "BLOCK_CELLS", 1000)
    rng = np.random.default_rng(3)
    people = [
        entry(f"e-{index:03}", *(unit(*v) for v in rng.standard_normal((rng.integers(1, 4), 16))))
        for index in range(60)
    ]
    limits = {"duplicate_at": 0.6, "kin_at": kin_at, "max_pairs": 40}
    assert find_alike(people, **limits) == oracle(people, **limits)


def test_memory_stays_small_where_everybody_is_alike(monkeypatch):
    monkeypatch.setattr(self_comparison, "BLOCK_CELLS", 100_000)
    monkeypatch.setattr(self_comparison, "PRUNE_AT", 100_000)
    vectors = np.random.default_rng(1).standard_normal((2_000, 16))
    people = [entry(f"e-{i:04}", unit(*vector)) for i, vector in enumerate(vectors)]
    tracemalloc.start()
    pairs = find_alike(people, duplicate_at=0.99, kin_at=-1, max_pairs=10)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(pairs) == 10
    assert peak < 30e6


def test_a_placeholder_that_everybody_shares_is_answered_at_once():
    people = [entry(f"e-{i:04}", unit(1, 0), pictures=[b"no photo"]) for i in range(3_000)]
    pairs = find_alike(people, duplicate_at=0.9, kin_at=0.8, max_pairs=5)
    assert [(p.a, p.b) for p in pairs] == [("e-0000", f"e-{i:04}") for i in range(1, 6)]

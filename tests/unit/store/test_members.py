"""How alike two lists are, by their sketches."""

import random
import sqlite3
from contextlib import closing

import pytest

from overt.core.errors import IntegrityError
from overt.core.ids import Sha256
from overt.store.members import (
    SKETCH_TAGS,
    TAG_BYTES,
    InCommon,
    Sketch,
    keep_members,
    share_between,
)


def manifest(letter):
    return Sha256(letter * 64)


@pytest.fixture
def keep(store, clock):
    def do(**lists):
        with store._database.write() as session:
            for letter, references in lists.items():
                people = [("records", f"r-{n}") for n in references]
                keep_members(session, store._machine_key, manifest(letter), people, clock.now_utc())

    return do


def test_small_lists_are_compared_exactly(store, keep):
    keep(a=range(4), b=range(3), c=[9])
    assert store.members.in_common(manifest("b"), manifest("a")) == InCommon(1, 0, 3)
    assert store.members.in_common(manifest("a"), manifest("b")) == InCommon(0.75, 0, 4)
    assert store.members.in_common(manifest("a"), manifest("c")) == InCommon(0, 0, 4)


def test_a_list_that_is_not_kept_has_nothing_in_common(store, keep):
    keep(a=range(4))
    for pair in (("a", "d"), ("d", "a"), ("d", "d")):
        assert store.members.in_common(*map(manifest, pair)).share == 0


def test_case_and_spaces_make_no_other_person(store, clock):
    spellings = {"a": ("PNC", "12/34 X"), "b": ("pnc", " 12/34x")}
    with store._database.write() as session:
        for letter, person in spellings.items():
            keep_members(session, store._machine_key, manifest(letter), [person], clock.now_utc())
    assert store.members.in_common(manifest("a"), manifest("b")).share == 1


@pytest.mark.parametrize("share", [0.0, 0.1, 0.5, 0.9, 1.0])
def test_large_lists_are_compared_within_the_error_that_is_stated(store, keep, share):
    n_people = 4000
    keep(a=range(n_people), b=range(round(n_people * (1 - share)), 2 * n_people))
    found = store.members.in_common(manifest("a"), manifest("b"))
    assert 0 < found.standard_error < 0.05
    assert abs(found.share - share) < 4 * found.standard_error
    with store._database.read() as session:
        assert share_between(session, manifest("a"), manifest("b")) == found.share


def test_a_small_list_within_a_large_one_is_found(store, keep):
    keep(a=range(100), b=range(5000))
    found = store.members.in_common(manifest("a"), manifest("b"))
    assert found.share == 1
    assert found.n_compared < 100
    assert found.standard_error > 0


def test_of_a_large_list_most_people_leave_no_trace(store, keep, home):
    keep(a=range(5000))
    with closing(sqlite3.connect(home / "overt.sqlite3")) as database:
        ((tags,),) = database.execute("select tags from list_members")
    assert len(tags) == 5 + SKETCH_TAGS * TAG_BYTES


def test_a_list_that_is_kept_stays_as_it_is(store, keep):
    keep(a=range(4))
    keep(a=range(50, 60), b=range(4))
    assert store.members.in_common(manifest("a"), manifest("b")).share == 1


@pytest.mark.parametrize(
    "data",
    [b"", b"kmv1", b"kmv1\2", b"kmv1\1ab", b"kmv1\1bbbaaa", b"kmv1\1aaaaaa", bytes(32)],
)
def test_what_is_no_sketch_is_told(data):
    with pytest.raises(IntegrityError):
        Sketch.parse(data)


def test_a_sketch_is_read_back():
    tags = [random.Random(7).randbytes(TAG_BYTES) for _ in range(10)]
    sketch = Sketch.of(tags)
    assert Sketch.parse(sketch.to_bytes()) == sketch
    assert Sketch.parse(Sketch.of([]).to_bytes()).in_common(sketch) == InCommon(0, 0, 0)

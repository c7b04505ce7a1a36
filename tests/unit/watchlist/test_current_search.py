"""Who may be compared is asked again while a node looks."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from overt.core.errors import InputError, StorageError
from overt.core.ids import ContractId, EntryId, Sha256, WatchlistId
from overt.matching.exact import ExactSearch
from overt.watchlist.current_search import ASK_EVERY, CurrentSearch
from overt.watchlist.stored import StoredEntry, StoredReference, StoredWatchlist

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
LATER = NOON + ASK_EVERY
PROBE = np.eye(4, dtype=np.float32)[0]


def entry(number):
    template = np.eye(4, dtype=np.float32)[number] * 0.6 + PROBE * 0.8
    template /= np.linalg.norm(template)
    return StoredEntry(EntryId(f"e-{number}"), "name", (StoredReference(template, b"jpeg"),))


WATCHLIST = StoredWatchlist(
    WatchlistId("w"), "w", ContractId("c"), Sha256("a" * 64), (entry(1), entry(2), entry(3))
)


class Who:
    """An answer that a test changes."""

    def __init__(self, *numbers):
        self.says(*numbers)
        self.n_asked = 0

    def says(self, *numbers):
        self.answer = frozenset(EntryId(f"e-{n}") for n in numbers)

    def __call__(self, now_utc):
        self.n_asked += 1
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer


@pytest.fixture
def who():
    return Who(1, 2)


@pytest.fixture
def search(who):
    return CurrentSearch(WATCHLIST, who, ExactSearch, NOON)


def found(search, now_utc):
    return {each.entry for each in search.search(PROBE, 9, now_utc)}


def test_only_those_who_may_be_are_compared(search):
    assert found(search, NOON) == {"e-1", "e-2"}


def test_whoever_is_withdrawn_is_not_compared_half_a_second_later(search, who):
    who.says(1)
    assert found(search, LATER) == {"e-1"}


def test_whoever_is_confirmed_is_compared_from_then_on(search, who):
    who.says(1, 2, 3)
    assert found(search, LATER) == {"e-1", "e-2", "e-3"}


def test_an_answer_holds_for_half_a_second(search, who):
    for _ in range(9):
        search.search(PROBE, 9, NOON + ASK_EVERY / 2)
    assert who.n_asked == 1
    search.search(PROBE, 9, LATER)
    assert who.n_asked == 2


def test_a_clock_that_was_set_back_makes_no_answer_hold_longer(search, who):
    who.says(1)
    assert found(search, NOON - timedelta(hours=1)) == {"e-1"}


def test_nobody_is_compared_when_nobody_may_be(search, who):
    who.says()
    assert found(search, LATER) == set()
    who.says(2)
    assert found(search, LATER + ASK_EVERY) == {"e-2"}


def test_nobody_is_compared_while_it_cannot_be_told(search, who):
    who.answer = StorageError("The disk failed.")
    assert found(search, LATER) == set()
    who.says(1, 2)
    assert found(search, LATER) == {"e-1", "e-2"}


def test_somebody_who_is_not_on_the_list_counts_for_nothing(search, who):
    who.says(9)
    assert found(search, LATER) == set()


def test_a_search_does_not_begin_with_nobody():
    with pytest.raises(InputError, match="confirm who is still wanted"):
        CurrentSearch(WATCHLIST, Who(), ExactSearch, NOON)
    with pytest.raises(InputError, match="empty"):
        CurrentSearch(replace(WATCHLIST, entries=()), Who(), ExactSearch, NOON)

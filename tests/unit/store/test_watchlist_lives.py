"""A list's steps in the store: each with its record, one winner, nothing half done."""

from dataclasses import replace
from datetime import date

import pytest

from overt.core.errors import IntegrityError, StateError
from overt.core.ids import PersonId, Sha256, WatchlistId
from overt.ledger.kinds import RecordKind
from overt.ledger.records import LedgerRecord
from overt.policy.roles import Grant, Person, Role
from overt.store.models import WatchlistLifeRow, WatchlistRow
from overt.watchlist.decisions import ImportRecord
from overt.watchlist.grounds import Grounds
from overt.watchlist.life import WatchlistLife
from overt.watchlist.lifecycle import (
    Actor,
    Imported,
    confirm,
    freeze,
    joined,
    purge,
    reopen,
    take_import,
)
from overt.watchlist.manifest import card_of
from overt.watchlist.stored import CardIndex, StoredWatchlist

MANAGER = Person(
    PersonId("wm-1"), "constable", "force", (Grant(Role.WATCHLIST_MANAGER),), bytes(32)
)
LIST = WatchlistId("wanted")


def grounds(number):
    return Grounds(
        category="wanted-on-warrant",
        lawful_basis="Warrant",
        source_system="records",
        source_reference=f"ref-{number}",
        reason_here="Seen here",
        requester="dc-7",
        image_source="custody",
        image_date=date(2025, 12, 1),
        held_until=date(2027, 1, 1),
    )


@pytest.fixture
def pack(pack_toml):
    from overt.policy.pack import load_pack

    return load_pack(pack_toml)


@pytest.fixture
def actor(clock):
    return lambda: Actor(MANAGER, clock.now_utc())


@pytest.fixture
def draft(store, examples, clock, actor, pack):
    """A list of three, kept as an import leaves it."""
    entries = tuple(
        replace(examples.entry(f"e-{n}"), grounds=grounds(n), expires_utc=clock.now_utc())
        for n in range(3)
    )
    entries = tuple(replace(each, expires_utc=examples.noon.replace(year=2027)) for each in entries)
    unnamed = CardIndex(LIST, LIST, "contract", Sha256(""), tuple(map(card_of, entries)))
    cards = joined(unnamed, None)
    store.watchlists.save(StoredWatchlist(LIST, LIST, "contract", cards.manifest_sha256, entries))
    record = ImportRecord(sha256="b" * 64, policy_sha256=pack.sha256, n_accepted=3, n_refused=0)
    life = take_import(None, Imported(record, cards, clock.now_utc(), (), True), actor())
    store.watchlist_lives.take(life)
    return life


def steps(store):
    records = map(LedgerRecord.parse, store.ledger.records())
    return [each.body for each in records if each.kind is RecordKind.WATCHLIST_STEP]


def test_a_step_stands_with_its_record(store, draft):
    (body,) = steps(store)
    assert body["event"] == "imported"
    assert body["version"] == 1
    assert body["document_sha256"] == draft.sha256
    assert body["by"] == "wm-1"
    assert store.watchlist_lives.find(LIST) == draft
    assert store.watchlist_lives.find_by_manifest(draft.manifest_sha256) == draft
    assert store.watchlist_lives.find(WatchlistId("another")) is None
    store.verify()


def test_freezing_writes_manifest_and_members(store, draft, actor, pack):
    cards = store.watchlists.cards(LIST)
    life, final = freeze(draft, cards, pack, actor())
    store.watchlist_lives.take_freezing(life, final)
    assert store.watchlists.load(LIST).manifest_sha256 == life.manifest_sha256
    assert store.members.in_common(life.manifest_sha256, life.manifest_sha256).share == 1
    store.verify()


def test_of_two_who_take_a_step_from_the_same_point_one_wins(store, draft, actor, pack):
    cards = store.watchlists.cards(LIST)
    one, final = freeze(draft, cards, pack, actor())
    other = purge(draft, actor())
    store.watchlist_lives.take_freezing(one, final)
    with pytest.raises(StateError, match="faster"):
        store.watchlist_lives.take_purge(other)
    assert store.watchlists.load(LIST) is not None
    assert store.watchlist_lives.find(LIST) == one
    store.verify()


def test_two_processes_race_and_one_wins(store, draft, actor, home, clock):
    from overt.store.store import Store

    with Store.open(home, clock) as second:
        first_purge, second_purge = purge(draft, actor()), purge(draft, actor())
        store.watchlist_lives.take_purge(first_purge)
        with pytest.raises(StateError, match="faster"):
            second.watchlist_lives.take_purge(second_purge)
    assert len(steps(store)) == 2


def test_a_purge_destroys_the_key_with_its_record_and_the_rows(store, draft, actor):
    store.watchlist_lives.take_purge(purge(draft, actor()))
    assert store.watchlists.load(LIST) is None
    assert store.watchlists.list() == ()
    *_, destroyed, begun, receipt = map(LedgerRecord.parse, store.ledger.records())
    assert destroyed.kind is RecordKind.KEY_DESTROYED
    assert begun.kind is RecordKind.DELETION_BEGUN
    assert receipt.kind is RecordKind.DELETION_RECEIPT
    assert destroyed.body["owner"] == begun.body["owner"] == receipt.body["owner"] == LIST
    with store._database.read() as session:
        assert session.get(WatchlistRow, LIST) is None
    store.verify()


def test_a_list_with_a_life_is_not_replaced_behind_its_back(store, draft, examples):
    with pytest.raises(StateError, match="changes only by an import"):
        store.watchlists.save(StoredWatchlist(LIST, LIST, "contract", "c" * 64, ()))


def test_an_altered_life_is_found(store, draft, actor, pack):
    cards = store.watchlists.cards(LIST)
    life, final = freeze(draft, cards, pack, actor())
    store.watchlist_lives.take_freezing(life, final)
    altered = life.replaced(made_utc=life.made_utc.replace(year=2020))
    with store._database.write() as session:
        session.get(WatchlistLifeRow, LIST).document = altered.to_bytes()
    with pytest.raises(IntegrityError, match="does not match the ledger"):
        store.verify()
    with store._database.write() as session:
        session.get(WatchlistLifeRow, LIST).document = b"{}"
    with pytest.raises(IntegrityError, match="was altered"):
        store.watchlist_lives.find(LIST)


@pytest.mark.parametrize("column", ["state", "version", "watchlist_id"])
def test_a_life_in_anothers_place_is_found(store, draft, column):
    values = {"state": "frozen", "version": 7, "watchlist_id": "another"}
    with store._database.write() as session:
        setattr(session.get(WatchlistLifeRow, LIST), column, values[column])
    with pytest.raises(IntegrityError, match="another's place"):
        store.watchlist_lives.list()


def test_a_life_without_its_record_is_found(store, draft, examples):
    with store._database.write() as session:
        session.delete(session.get(WatchlistLifeRow, LIST))
    with pytest.raises(IntegrityError, match="does not match the ledger"):
        store.verify()


def test_confirmations_and_reopenings_are_kept(store, draft, actor, pack, clock):
    cards = store.watchlists.cards(LIST)
    life, final = freeze(draft, cards, pack, actor())
    store.watchlist_lives.take_freezing(life, final)
    clock.advance(60)
    life = confirm(life, None, actor())
    store.watchlist_lives.take(life)
    clock.advance(60)
    store.watchlist_lives.take(reopen(life, actor()))
    assert [body["event"] for body in steps(store)] == [
        "imported", "frozen", "confirmed", "reopened",
    ]  # fmt: skip
    kept = store.watchlist_lives.find(LIST)
    assert isinstance(kept, WatchlistLife)
    assert kept.frozen_utc is None
    store.verify()


def test_the_sketch_of_a_list_outlives_it_and_a_rotation(store, draft, actor, pack, home, clock):
    from overt.store.store import Store

    cards = store.watchlists.cards(LIST)
    life, final = freeze(draft, cards, pack, actor())
    store.watchlist_lives.take_freezing(life, final)
    store.watchlist_lives.take_purge(purge(life, actor()))
    store.keys.rotate_machine_key()
    store.close()
    with Store.open(home, clock) as again:
        found = again.members.in_common(life.manifest_sha256, life.manifest_sha256)
        assert (found.share, found.standard_error, found.n_compared) == (1, 0, len(cards.entries))


def test_a_running_search_follows_the_life(store, draft, actor, pack, clock):
    from overt.core.ids import EntryId
    from overt.watchlist.current_search import CurrentlyComparable
    from overt.watchlist.decisions import WithdrawalReason
    from overt.watchlist.lifecycle import withdraw

    who = CurrentlyComparable(store.watchlist_lives, LIST, pack)
    assert who(clock.now_utc()) == frozenset()
    life, final = freeze(draft, store.watchlists.cards(LIST), pack, actor())
    store.watchlist_lives.take_freezing(life, final)
    life = confirm(life, None, actor())
    store.watchlist_lives.take(life)
    assert who(clock.now_utc()) == {"e-0", "e-1", "e-2"}
    life = withdraw(life, EntryId("e-1"), WithdrawalReason.ARRESTED, actor())
    store.watchlist_lives.take(life)
    assert who(clock.now_utc()) == {"e-0", "e-2"}
    # What was confirmed grows too old while nothing happens.
    clock.advance(pack.rules.list_freshness.within_h * 3600 + 11)
    assert who(clock.now_utc()) == frozenset()
    store.watchlist_lives.take(confirm(life, None, actor()))
    assert who(clock.now_utc()) == {"e-0", "e-2"}
    store.watchlist_lives.take_purge(purge(store.watchlist_lives.find(LIST), actor()))
    assert who(clock.now_utc()) == frozenset()
    nowhere = CurrentlyComparable(store.watchlist_lives, WatchlistId("nowhere"), pack)
    assert nowhere(clock.now_utc()) == frozenset()

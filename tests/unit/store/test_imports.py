"""What an import has done is kept aside, and becomes the list at once or not at all."""

from dataclasses import replace
from datetime import date

import pytest
from sqlalchemy import func, select

from overt.core.errors import IntegrityError, StateError, StorageError
from overt.core.ids import PersonId, Sha256, WatchlistId
from overt.policy.roles import Grant, Person, Role
from overt.store import imports
from overt.store.imports import Made
from overt.store.models import ImportedRowRow, WatchlistEntryRow, WatchlistImportRow
from overt.store.store import Store
from overt.watchlist.decisions import ImportRecord
from overt.watchlist.grounds import Grounds
from overt.watchlist.lifecycle import Actor, Imported, joined, purge, take_import
from overt.watchlist.manifest import card_of
from overt.watchlist.staging import NotEnrolled
from overt.watchlist.stored import CardIndex, Enrolment, QualityFinding, StoredEntry

LIST = WatchlistId("wanted")
MANAGER = Person(
    PersonId("wm-1"), "constable", "force", (Grant(Role.WATCHLIST_MANAGER),), bytes(32)
)


def key_of(number):
    return Sha256(f"{number:064x}")


@pytest.fixture
def person(examples):
    """Return somebody as the import made them, the same in every call."""

    def do(number, reason="Seen here") -> StoredEntry:
        return replace(
            examples.entry(f"e-{number}"),
            expires_utc=examples.noon,
            grounds=Grounds(
                category="wanted-on-warrant",
                lawful_basis="Warrant",
                source_system="records",
                source_reference=f"ref-{number}",
                reason_here=reason,
                held_until=date(2027, 1, 1),
            ),
            enrolment=Enrolment(
                key_of(number),
                ("A poor picture.",),
                ((QualityFinding("sharpness", 125, "poor"),),),
                "family",
            ),
        )

    return do


@pytest.fixture
def finish(store, clock):
    """Keep people aside, then finish the import into the list."""

    def do(*people, stays=(), before=None, store=store):
        with store.imports.importing(LIST) as staging:
            staging.keep([(each.enrolment.row_key, each) for each in people])
            cards = (*map(card_of, people), *stays)
            unnamed = CardIndex(
                LIST, LIST, "contract", Sha256(""), tuple(sorted(cards, key=lambda c: c.entry))
            )
            index = joined(unnamed, before)
            record = ImportRecord(
                sha256="b" * 64, policy_sha256="c" * 64, n_accepted=len(cards), n_refused=0
            )
            found = Imported(record, index, clock.now_utc(), (), True)
            life = take_import(before, found, Actor(MANAGER, clock.now_utc()))
            fresh = {each.entry: each.enrolment.row_key for each in people}
            made = Made(fresh, frozenset(card.entry for card in stays))
            store.imports.finish(staging, life, index, made)
        return life

    return do


def n_rows(store, table):
    with store._database.read() as session:
        return session.scalar(select(func.count()).select_from(table))


def test_a_verdict_comes_back_as_it_was_kept(store, person, home, clock):
    with store.imports.importing(LIST) as staging:
        started_utc = staging.started_utc
        staging.keep([(key_of(1), person(1)), (key_of(2), NotEnrolled("There is no face."))])
        staging.keep([(key_of(1), person(1))])
    clock.advance(60)
    with Store.open(home, clock) as again, again.imports.importing(LIST) as staging:
        assert staging.started_utc == started_utc
        found = staging.find(key_of(1))
        wanted = person(1)
        assert found.grounds == wanted.grounds
        assert found.enrolment == wanted.enrolment
        assert found.expires_utc == wanted.expires_utc
        assert card_of(found) == card_of(replace(wanted, references=found.references))
        assert staging.find(key_of(2)) == NotEnrolled("There is no face.")
        assert staging.find(key_of(3)) is None
        assert again.imports.unfinished() == ((LIST, started_utc),)


def test_one_process_at_a_time_imports(store, home, clock):
    with (
        store.imports.importing(LIST),
        Store.open(home, clock) as second,
        pytest.raises(StorageError, match="Another process is importing"),
        second.imports.importing(LIST),
    ):
        pass
    with store.imports.importing(LIST):
        pass


def test_what_is_given_up_cannot_be_added_to(store, person):
    with store.imports.importing(LIST) as staging:
        staging.keep([(key_of(1), person(1))])
        assert store.imports.discard(LIST)
        with pytest.raises(StateError, match="given up"):
            staging.keep([(key_of(2), person(2))])
    assert not store.imports.discard(LIST)
    assert n_rows(store, ImportedRowRow) == n_rows(store, WatchlistImportRow) == 0


def test_an_altered_row_is_found(store, person):
    with store.imports.importing(LIST) as staging:
        staging.keep([(key_of(1), person(1))])
        with store._database.write() as session:
            row = session.scalars(select(ImportedRowRow)).one()
            row.ciphertext = row.ciphertext[:-1] + bytes([row.ciphertext[-1] ^ 1])
        with pytest.raises(IntegrityError):
            staging.find(key_of(1))


def test_a_finished_import_is_the_list_and_nothing_else(store, person, finish):
    life = finish(person(1), person(2))
    kept = store.watchlists.load(LIST)
    assert kept.manifest_sha256 == life.manifest_sha256
    assert [each.label for each in kept.entries] == ["label of e-1", "label of e-2"]
    assert len({each.kin_group for each in kept.entries}) == 1  # the source says so
    assert "family" not in str(kept.entries[0].kin_group)
    assert n_rows(store, ImportedRowRow) == n_rows(store, WatchlistImportRow) == 0
    assert store.watchlist_lives.find(LIST) == life
    store.verify()


def test_a_finish_that_fails_midway_shows_no_list_and_can_be_done_again(
    store, person, finish, monkeypatch
):
    monkeypatch.setattr(imports, "BATCH", 1)
    really, calls = imports.insert_entries, []

    def fail(*arguments):
        calls.append(1)
        if len(calls) == 2:
            raise StorageError("The disk is full.")
        really(*arguments)

    monkeypatch.setattr(imports, "insert_entries", fail)
    with pytest.raises(StorageError):
        finish(person(1), person(2), person(3))
    assert store.watchlists.list() == ()
    assert store.watchlists.load(LIST) is None
    assert store.watchlist_lives.find(LIST) is None
    assert n_rows(store, ImportedRowRow) == 3
    store.verify()
    finish(person(1), person(2), person(3))
    assert len(store.watchlists.load(LIST).entries) == 3
    store.verify()


def test_only_what_changed_is_written_again(store, person, finish):
    before = finish(person(1), person(2))
    with store._database.read() as session:
        kept = session.get(WatchlistEntryRow, (LIST, "e-1")).ciphertext
    stays = [card for card in store.watchlists.cards(LIST).entries if card.entry == "e-1"]
    finish(person(3), stays=stays, before=before)
    with store._database.read() as session:
        assert session.get(WatchlistEntryRow, (LIST, "e-1")).ciphertext == kept
    assert [each.entry for each in store.watchlists.load(LIST).entries] == ["e-1", "e-3"]
    assert store.watchlists.list()[0].n_entries == 2
    store.verify()


def test_an_entry_whose_grounds_changed_is_replaced(store, person, finish):
    before = finish(person(1), person(2))
    stays = [card for card in store.watchlists.cards(LIST).entries if card.entry == "e-2"]
    finish(person(1, "Another reason"), stays=stays, before=before)
    first = store.watchlists.load(LIST).entries[0]
    assert first.grounds.reason_here == "Another reason"
    store.verify()


def test_a_list_of_which_nothing_stays_is_replaced_with_its_key(store, person, finish):
    before = finish(person(1))
    finish(person(2), before=before)
    assert [each.entry for each in store.watchlists.load(LIST).entries] == ["e-2"]
    assert n_rows(store, WatchlistEntryRow) == 1
    store.verify()


def test_whoever_comes_too_late_changes_nothing(store, person, finish, clock):
    before = finish(person(1))
    store.watchlist_lives.take_purge(purge(before, Actor(MANAGER, clock.now_utc())))
    with pytest.raises(StateError, match="faster"):
        finish(person(2), before=before)
    assert store.watchlists.list() == ()
    store.verify()


def test_what_is_on_the_list_is_known_by_its_row(store, person, finish):
    finish(person(1), person(2))
    known = store.imports.known(store.watchlists.cards(LIST))
    assert known.find(key_of(2)).entry == "e-2"
    assert known.find(key_of(3)) is None


def test_what_a_killed_import_left_of_a_whole_list_is_noise_and_is_tidied(
    store, person, finish, monkeypatch
):
    monkeypatch.setattr(imports.ImportDesk, "_clear", lambda *_: None)
    life = finish(person(1))
    assert store.watchlist_lives.find(LIST) == life
    assert n_rows(store, ImportedRowRow) == 1
    with store.imports.importing(LIST) as staging:
        assert staging.find(key_of(1)) is None
    monkeypatch.undo()
    with store.imports.importing(LIST) as staging:
        assert staging.find(key_of(1)) is None
        assert n_rows(store, ImportedRowRow) == 0
    store.imports.tidy(LIST)
    assert n_rows(store, ImportedRowRow) == n_rows(store, WatchlistImportRow) == 0
    assert store.imports.unfinished() == ()

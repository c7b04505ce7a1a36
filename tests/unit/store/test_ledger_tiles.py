"""The ledger's tiles in the database: proofs from them, a quick check at opening, old stores."""

import hashlib
import sqlite3
from pathlib import Path

import pytest
from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine, insert, select

from overt.core.errors import InputError, IntegrityError
from overt.ledger.kinds import RecordKind
from overt.ledger.merkle import CompactTree, leaf_hash, verify_consistency, verify_inclusion
from overt.ledger.notes import Checkpoint, NoteVerifier, open_checkpoint
from overt.ledger.records import LedgerRecord
from overt.ledger.tiles import MemoryTiles, tiles_of
from overt.store import migrations
from overt.store.ledger_tiles import DatabaseTiles, TileCheck, build_tiles, tree_at, write_tiles
from overt.store.models_ledger import LedgerRecordRow, LedgerTileRow
from overt.store.store import Store

SIZES = (0, 1, 2, 255, 256, 257, 511, 512, 700, 1025)
HUGE = 256 * 256 + 700


def append(store, clock, n):
    with store.ledger.transaction() as work:
        for number in range(n):
            body = {"deployment": None, "rule": f"rule-{number}", "run": None}
            work.append(LedgerRecord(RecordKind.REFUSAL, clock.now_utc(), body))


def leaves_of(n):
    return [hashlib.sha256(number.to_bytes(4)).digest() for number in range(n)]


@pytest.fixture
def tampered(home):
    """Change a closed store's rows behind its back."""

    def do(statement, *parameters):
        raw = sqlite3.connect(home / "overt.sqlite3")
        with raw:
            assert raw.execute(statement, parameters).rowcount > 0
        raw.close()

    return do


# Growing


@pytest.mark.parametrize("steps", [(1,) * 520, (255, 1, 1), (256, 256), (1000, 25), (3, 600, 3)])
def test_tiles_and_tree_are_those_of_the_records_however_they_came(store, clock, steps):
    for n in steps:
        append(store, clock, n)
    leaves = [leaf_hash(record) for record in store.ledger.records()]
    assert len(leaves) == sum(steps)
    with store._database.read() as session:
        kept = {(row.level, row.number) for row in session.scalars(select(LedgerTileRow))}
        expected = {(t.level, t.index) for t in tiles_of(len(leaves)) if t.level or t.width == 256}
        assert kept == expected
        tree = tree_at(DatabaseTiles(session, len(leaves)), len(leaves))
    assert tree == CompactTree().extend(leaves)
    assert store.verify().root == tree.root


@pytest.mark.slow
def test_three_levels_of_tiles_are_those_of_a_tree_in_memory(store):
    leaves = leaves_of(HUGE)
    memory = MemoryTiles(leaves)
    with store._database.write() as session:
        for first in range(0, HUGE, 5_000):
            batch = leaves[first : first + 5_000]
            write_tiles(session, first, batch)
            rows = [
                {"seq": seq, "leaf_hash": leaf, "record": b""}
                for seq, leaf in enumerate(batch, first)
            ]
            session.execute(insert(LedgerRecordRow), rows)
        reader = DatabaseTiles(session, HUGE)
        for tile in tiles_of(HUGE):
            name = (tile.level, tile.index, tile.width)
            assert reader.tile(*name) == memory.tile(*name)
        assert tree_at(reader, HUGE) == CompactTree().extend(leaves)
        check = TileCheck(session)
        check.extend(leaves)
        check.finish()


def test_records_of_others_are_taken_in(store, home, clock):
    with Store.open(home, clock) as other:
        for n in (300, 1, 700, 2):
            append(other, clock, n)
            append(store, clock, n)
        assert store.verify() == other.verify()
        assert store.verify().n_records == 2 * 1003


def test_a_record_is_in_the_database_before_anything_is_read_or_refers_to_it(store, clock):
    with store.ledger.transaction() as work:
        body = {"deployment": None, "rule": "rule", "run": None}
        seq = work.append(LedgerRecord(RecordKind.REFUSAL, clock.now_utc(), body))
        assert work.session.get_one(LedgerRecordRow, seq).record


def test_a_record_too_large_for_a_bundle_is_refused(store, clock):
    body = {"deployment": None, "rule": "x" * 70_000, "run": None}
    with pytest.raises(InputError, match="larger"), store.ledger.transaction() as work:
        work.append(LedgerRecord(RecordKind.REFUSAL, clock.now_utc(), body))
    assert store.verify().n_records == 0


@pytest.mark.parametrize("seq", [0, 9])
def test_a_ledger_that_was_cut_short_under_a_process_takes_nothing_more(
    store, clock, tampered, seq
):
    append(store, clock, 10)
    tampered("DELETE FROM ledger_records WHERE seq >= ?", seq)
    with pytest.raises(IntegrityError, match="missing"):
        append(store, clock, 1)


# Proving


@pytest.mark.parametrize("size", [n for n in SIZES if n])
def test_every_kind_of_place_is_proved(store, clock, size):
    append(store, clock, size)
    log = NoteVerifier.parse(store.ledger.verifier_key)
    head = open_checkpoint(store.ledger.sign_now(), log)
    assert head.size == size
    for index in {0, size // 2, size - 1}:
        proved = store.ledger.prove(index)
        assert proved.record == next(iter(store.ledger.records(index)))
        verify_inclusion(leaf_hash(proved.record), index, size, proved.proof, head.root)
        assert len(proved.to_bytes()) - len(proved.record) * 4 // 3 < 2048


def test_old_trees_are_proved_to_be_in_new_ones(store, clock):
    log, heads = NoteVerifier.parse(store.ledger.verifier_key), {0: Checkpoint("", 0, b"")}
    for n in (1, 254, 1, 1, 243, 12, 513):
        append(store, clock, n)
        head = open_checkpoint(store.ledger.sign_now(), log)
        heads[head.size] = head
    sizes = sorted(heads)
    for old in sizes[1:]:
        for new in (n for n in sizes if n >= old):
            proof = store.ledger.consistency_proof(old, new)
            verify_consistency(old, heads[old].root, new, heads[new].root, proof)
    assert store.ledger.consistency_proof(0) == ()


def test_what_is_not_there_cannot_be_proved(store, clock):
    with pytest.raises(InputError, match="no checkpoint"):
        store.ledger.checkpoint()
    append(store, clock, 5)
    with pytest.raises(InputError):
        store.ledger.prove(5)
    with pytest.raises(InputError, match="first 4 records"):
        store.ledger.prove(0, 4)
    with pytest.raises(InputError):
        store.ledger.consistency_proof(6)


def test_records_are_handed_out_from_a_number_on(store, clock):
    append(store, clock, 300)
    every = list(store.ledger.records())
    assert list(store.ledger.records(257)) == every[257:]
    assert list(store.ledger.records(300)) == []


# Altered


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_tiles SET hashes = zeroblob(8192) WHERE level = 0 AND number = 0",
        "UPDATE ledger_tiles SET hashes = substr(hashes, 1, 8191) WHERE level = 0",
        "UPDATE ledger_tiles SET hashes = zeroblob(length(hashes)) WHERE level = 1",
        "UPDATE ledger_tiles SET level = 3 WHERE level = 1",
        "DELETE FROM ledger_tiles WHERE number = 1",
        "DELETE FROM ledger_tiles WHERE level = 1",
        "INSERT INTO ledger_tiles VALUES (0, 2, zeroblob(8192))",
        "INSERT INTO ledger_tiles VALUES (2, 0, zeroblob(32))",
        "UPDATE ledger_records SET leaf_hash = zeroblob(32) WHERE seq = 3",
        "UPDATE ledger_records SET leaf_hash = zeroblob(32) WHERE seq = 599",
        "DELETE FROM ledger_records WHERE seq = 599",
        "DELETE FROM ledger_records WHERE seq = 0",
    ],
)
def test_altered_tiles_are_found(store, clock, tampered, statement):
    append(store, clock, 600)
    store.verify()
    tampered(statement)
    with pytest.raises(IntegrityError):
        store.verify()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE ledger_tiles SET hashes = zeroblob(length(hashes)) WHERE level = 1",
        "DELETE FROM ledger_tiles WHERE level = 1",
        "DELETE FROM ledger_tiles WHERE level = 0 AND number = 1",
        "INSERT INTO ledger_tiles VALUES (0, 2, zeroblob(8192))",
        "DELETE FROM ledger_records WHERE seq = 599",
        "DELETE FROM ledger_records WHERE seq >= 550",
        "UPDATE ledger_records SET leaf_hash = zeroblob(32) WHERE seq = 520",
        "UPDATE ledger_records SET leaf_hash = zeroblob(32) WHERE seq = 599",
    ],
)
def test_an_altered_right_edge_is_found_when_the_store_is_opened(
    store, home, clock, tampered, statement
):
    append(store, clock, 590)
    store.ledger.sign_now()
    append(store, clock, 10)
    store.ledger.sign_now()
    store.close()
    tampered(statement)
    with pytest.raises(IntegrityError):
        Store.open(home, clock)


def test_what_was_appended_since_the_checkpoint_is_compared_with_the_tiles(
    store, home, clock, tampered
):
    append(store, clock, 250)  # signed, as the first record is
    append(store, clock, 20)
    store.close()
    tampered("UPDATE ledger_records SET leaf_hash = zeroblob(32) WHERE seq = 252")
    with pytest.raises(IntegrityError, match="tiles"):
        Store.open(home, clock)


# What version 0002 kept


def as_version_0002(home, n_records):
    """Put the ledger of a closed store into a database of version 0002."""
    path, old = home / "overt.sqlite3", home / "old.sqlite3"
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    engine = create_engine(f"sqlite:///{old}")
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, "0002")
    engine.dispose()
    raw = sqlite3.connect(old)
    raw.execute("ATTACH ? AS new", (str(path),))
    with raw:
        for table, columns in (
            ("store_facts", "name, value"),
            ("ledger_records", "seq, leaf_hash, record"),
            ("ledger_checkpoints", "size, note"),
        ):
            raw.execute(f"INSERT INTO {table} SELECT {columns} FROM new.{table}")
        count = raw.execute("SELECT count(*) FROM ledger_records").fetchone()
    raw.close()
    assert count == (n_records,)
    for each in home.glob("overt.sqlite3*"):
        each.unlink()
    old.rename(path)


@pytest.mark.parametrize("n", [0, 1, 256, 1000])
def test_a_store_of_version_0002_gets_its_tiles_when_it_is_opened(store, home, clock, n):
    append(store, clock, n)
    if n:
        store.ledger.sign_now()
    before = store.verify()
    store.close()
    as_version_0002(home, n)
    with Store.open(home, clock) as again:
        assert again.verify() == before
        append(again, clock, 300)
        assert again.verify().n_records == n + 300
        again.ledger.sign_now()
        again.ledger.prove(0)


def test_an_altered_store_of_version_0002_is_refused(store, home, clock, tampered):
    append(store, clock, 1000)
    store.ledger.sign_now()
    store.close()
    as_version_0002(home, 1000)
    tampered("UPDATE ledger_records SET leaf_hash = zeroblob(32) WHERE seq = 4")
    with pytest.raises(IntegrityError):
        Store.open(home, clock)


def test_records_missing_from_an_old_store_are_found_while_tiles_are_built(store, clock, tampered):
    append(store, clock, 300)
    tampered("DELETE FROM ledger_tiles WHERE level >= 0")
    tampered("DELETE FROM ledger_records WHERE seq = 7")
    with pytest.raises(IntegrityError, match="missing"), store._database.write() as session:
        build_tiles(session, 300)

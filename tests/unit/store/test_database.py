import contextlib
import sqlite3
import stat

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import create_engine, text

from overt.core.errors import StorageError
from overt.store.base import Base
from overt.store.sqlite import SqliteDatabase


@pytest.fixture
def path(tmp_path):
    return tmp_path / "overt.sqlite3"


@pytest.fixture
def database(path):
    opened = SqliteDatabase.open(path)
    yield opened
    opened.close()


def test_migrations_make_the_tables_that_the_models_name(database, path):
    engine = create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), Base.metadata) == []
    engine.dispose()


@pytest.mark.parametrize(
    ("pragma", "value"),
    [
        ("journal_mode", "wal"),
        ("synchronous", 2),
        ("foreign_keys", 1),
        ("secure_delete", 1),
        ("busy_timeout", 5000),
    ],
)
def test_a_connection_is_prepared(database, pragma, value):
    with database.read() as session:
        assert session.execute(text(f"PRAGMA {pragma}")).scalar_one() == value


def test_every_file_is_its_owners_alone(database, path):
    with database.write() as session:
        session.execute(text("CREATE TABLE anything (a)"))
    files = list(path.parent.iterdir())
    assert len(files) == 3
    assert {stat.S_IMODE(file.stat().st_mode) for file in files} == {0o600}


def test_what_a_failing_transaction_wrote_is_gone(database):
    with database.write() as session:
        session.execute(text("CREATE TABLE anything (a)"))
    with contextlib.suppress(KeyboardInterrupt), database.write() as session:
        session.execute(text("INSERT INTO anything VALUES (1)"))
        raise KeyboardInterrupt
    with database.read() as session:
        assert session.execute(text("SELECT count(*) FROM anything")).scalar_one() == 0


def test_a_store_of_a_newer_version_is_left_alone(database, path):
    database.close()
    with sqlite3.connect(path) as raw:
        raw.execute("UPDATE alembic_version SET version_num = 'from the future'")
    raw.close()
    with pytest.raises(StorageError, match="newer version"):
        SqliteDatabase.open(path)


def test_opening_again_keeps_what_was_there(database, path):
    with database.write() as session:
        session.execute(
            text("INSERT INTO ledger_records (seq, leaf_hash, record) VALUES (0, x'00', x'00')")
        )
    database.close()
    again = SqliteDatabase.open(path)
    with again.read() as session:
        assert session.execute(text("SELECT count(*) FROM ledger_records")).scalar_one() == 1
    again.close()


def test_deleted_bytes_are_in_no_file_once_history_is_forgotten(database, path):
    secret = b"bytes that must not stay"
    with database.write() as session:
        session.execute(
            text("INSERT INTO ledger_checkpoints (size, note) VALUES (1, :note)"), {"note": secret}
        )
    assert any(secret in file.read_bytes() for file in path.parent.iterdir())
    with database.write() as session:
        session.execute(text("DELETE FROM ledger_checkpoints"))
    database.forget_history()
    assert not any(secret in file.read_bytes() for file in path.parent.iterdir())


def test_forgetting_says_so_when_a_reader_holds_on_to_the_past(database, path):
    with database.write() as session:
        session.execute(text("PRAGMA busy_timeout = 50"))
        session.execute(text("CREATE TABLE anything (a)"))
    reader = sqlite3.connect(path, isolation_level=None)
    reader.execute("BEGIN")
    reader.execute("SELECT count(*) FROM anything").fetchone()
    with database.write() as session:
        session.execute(text("INSERT INTO anything VALUES (1)"))
    with pytest.raises(StorageError, match="not yet overwritten"):
        database.forget_history()
    reader.close()
    database.forget_history()


def test_an_error_quotes_no_parameter(database):
    with pytest.raises(StorageError) as raised, database.write() as session:
        session.execute(text("INSERT INTO nowhere VALUES (:label)"), {"label": "a person's name"})
    chain, error = "", raised.value
    while error is not None:
        chain += str(error)
        error = error.__cause__
    assert "a person's name" not in chain

"""PostgreSQL as the store's database: what it is asked for, and what it is refused for."""

import re
import shutil
import subprocess
import sys
import textwrap
import threading
from contextlib import closing

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import text
from sqlalchemy.orm import Session

from fixtures.postgresql import ROLE, SHARED
from overt.core.errors import IntegrityError, StorageError, UnavailableError, UsageError
from overt.store import models_retention
from overt.store.models import StoreFactRow
from overt.store.postgresql import PostgresqlDatabase
from overt.store.store import DATABASE_NAME, Store

SECRET = "s3cr3t-p4ssw0rd"


@pytest.fixture
def database(postgresql_url):
    with closing(PostgresqlDatabase.open(postgresql_url)) as opened:
        yield opened


@pytest.fixture
def open_there(home, clock, postgresql_url):
    return lambda: Store.open(home, clock, None, postgresql_url)


def everything_said(error):
    """Return what an error and all that led to it say."""
    said = ""
    while error is not None:
        said += f"{error} {error.args!r} "
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return said


# The tables


def test_migrations_make_the_tables_that_the_models_name(database):
    metadata = models_retention.Base.metadata
    with database._reading.connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


def test_text_sorts_by_its_bytes_and_numbers_have_64_bits(database):
    wrong = text(
        "SELECT table_name, column_name, data_type, collation_name"
        "  FROM information_schema.columns"
        " WHERE table_schema = current_schema() AND table_name <> 'alembic_version'"
        "   AND (data_type = 'text' AND collation_name IS DISTINCT FROM 'C'"
        "    OR data_type NOT IN ('text', 'bytea', 'bigint', 'double precision'))"
    )
    with database.read() as session:
        assert session.execute(wrong).all() == []


def test_the_planner_takes_no_samples_of_what_is_kept(database, postgresql_server):
    with database.write() as session:
        session.execute(text("INSERT INTO store_facts VALUES ('name', 'value')"))
        session.execute(text("INSERT INTO ledger_records VALUES (0, '\\x00', '\\x00')"))
    postgresql_server.ask("ANALYZE", SHARED)
    sampled = text("SELECT DISTINCT tablename FROM pg_stats WHERE schemaname = current_schema()")
    with database.read() as session:
        assert set(session.scalars(sampled)) == {"alembic_version", "ledger_records"}


def test_a_store_of_a_newer_version_is_left_alone(own_postgresql_url):
    PostgresqlDatabase.open(own_postgresql_url).close()
    with psycopg.connect(own_postgresql_url) as raw:
        raw.execute("UPDATE alembic_version SET version_num = 'from the future'")
    with pytest.raises(StorageError, match="newer version"):
        PostgresqlDatabase.open(own_postgresql_url)


# Transactions


def test_a_reader_sees_one_state(database):
    with database.read() as reader:
        before = reader.scalar(text("SELECT count(*) FROM store_facts"))
        with database.write() as writer:
            writer.add(StoreFactRow(name="name", value="value"))
        assert reader.scalar(text("SELECT count(*) FROM store_facts")) == before
    with database.read() as reader:
        assert reader.scalar(text("SELECT count(*) FROM store_facts")) == before + 1


def test_a_reader_writes_nothing(database):
    with pytest.raises(StorageError, match="read-only"), database.read() as session:
        session.execute(text("INSERT INTO store_facts VALUES ('name', 'value')"))


def test_writers_come_one_after_the_other(postgresql_url):
    """Each of two reads what it adds to; without turns, one would be lost."""
    n_each = 20

    def add():
        with closing(PostgresqlDatabase.open(postgresql_url)) as database:
            for _ in range(n_each):
                with database.write() as session:
                    row = session.get(StoreFactRow, "n")
                    if row is None:
                        session.add(StoreFactRow(name="n", value="1"))
                    else:
                        row.value = str(int(row.value) + 1)

    threads = [threading.Thread(target=add) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with closing(PostgresqlDatabase.open(postgresql_url)) as database, database.read() as session:
        assert session.get(StoreFactRow, "n").value == str(2 * n_each)


def test_who_waits_too_long_for_a_turn_is_told(database, postgresql_url, monkeypatch):
    from overt.store import postgresql_connection

    settings = postgresql_connection._SETTINGS | {"lock_timeout": 50}
    monkeypatch.setattr(postgresql_connection, "_SETTINGS", settings)
    with closing(PostgresqlDatabase.open(postgresql_url)) as other, database.write():
        with pytest.raises(StorageError, match="locked by another process"), other.write():
            pass
        with other.read() as session:  # who only reads does not wait
            assert isinstance(session, Session)


@pytest.mark.parametrize(
    ("setting", "value"),
    [("synchronous_commit", "on"), ("lock_timeout", "5s"), ("statement_timeout", "1min")],
)
def test_a_connection_is_prepared_whatever_the_role_is_set_to(
    postgresql_server, postgresql_url, setting, value
):
    postgresql_server.ask(f"ALTER ROLE {ROLE} SET synchronous_commit = off")
    try:
        with (
            closing(PostgresqlDatabase.open(postgresql_url)) as database,
            database.read() as session,
        ):
            assert session.scalar(text(f"SHOW {setting}")) == value
    finally:
        postgresql_server.ask(f"ALTER ROLE {ROLE} RESET synchronous_commit")


@pytest.mark.parametrize("setting", ["fsync", "full_page_writes"])
def test_a_server_that_does_not_keep_what_it_says_is_refused(
    postgresql_server, postgresql_url, setting
):
    postgresql_server.ask(f"ALTER SYSTEM SET {setting} = off")
    postgresql_server.ask("SELECT pg_reload_conf()")
    try:
        postgresql_server.until(f"SHOW {setting}", "off")
        with pytest.raises(StorageError, match=f"its {setting} is off"):
            PostgresqlDatabase.open(postgresql_url)
    finally:
        postgresql_server.ask(f"ALTER SYSTEM RESET {setting}")
        postgresql_server.ask("SELECT pg_reload_conf()")
        postgresql_server.until(f"SHOW {setting}", "on")


def test_stores_in_two_schemas_do_not_wait_for_each_other(own_postgresql_url):
    with psycopg.connect(own_postgresql_url, autocommit=True) as raw:
        raw.execute("CREATE SCHEMA second")
    second = f"{own_postgresql_url}&options=-csearch_path%3Dsecond"
    with (
        closing(PostgresqlDatabase.open(own_postgresql_url)) as here,
        closing(PostgresqlDatabase.open(second)) as there,
    ):
        with here.write() as session, there.write() as other:
            session.add(StoreFactRow(name="name", value="here"))
            other.add(StoreFactRow(name="name", value="there"))
        assert here.lock("run").acquire()
        assert there.lock("run").acquire()
        with here.read() as session:
            assert session.get(StoreFactRow, "name").value == "here"


# The URL


@pytest.mark.parametrize(
    "url",
    [
        "overt",
        "mysql://host/overt",
        f"postgresql://u:{SECRET}@[/overt",
        f"postgresql:///overt?pasword={SECRET}",
        f"postgresql:///overt?{SECRET}",
    ],
)
def test_what_is_no_url_is_refused_without_being_shown(url):
    with pytest.raises(UsageError) as raised:
        PostgresqlDatabase.open(url)
    assert SECRET not in everything_said(raised.value)


@pytest.mark.parametrize(
    ("before", "after"),
    [(f"/{SHARED}?", "/nothing?"), ("user=overt", "user=nobody"), ("host=/", "host=/nowhere/")],
)
def test_who_is_not_let_in_is_told_without_the_password(postgresql_url, before, after):
    url = f"{postgresql_url.replace(before, after)}&password={SECRET}"
    with pytest.raises(StorageError, match="cannot be reached, or does not let") as raised:
        PostgresqlDatabase.open(url)
    assert SECRET not in everything_said(raised.value)


def test_an_open_store_shows_no_password(home, clock, postgresql_url):
    url = f"{postgresql_url}&password={SECRET}"
    with Store.open(home, clock, None, url) as store:
        engine = store._database._reading
        assert SECRET not in f"{engine!r} {engine.url!r} {engine.pool.status()} {vars(store)}"
        assert not any(SECRET.encode() in path.read_bytes() for path in home.rglob("*.*"))


def test_without_the_driver_it_says_what_to_install(postgresql_url, monkeypatch):
    monkeypatch.delitem(sys.modules, "overt.store.postgresql_connection", raising=False)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(UnavailableError, match=re.escape("overt[postgresql]")):
        PostgresqlDatabase.open(postgresql_url)


@pytest.mark.slow
def test_a_store_in_a_file_does_without_the_driver(tmp_path):
    script = """
        import sys
        from pathlib import Path
        from overt.core.clock import SystemClock
        from overt.store.store import Store
        with Store.open(Path(sys.argv[1]), SystemClock()):
            sys.exit("psycopg" in sys.modules)
    """
    command = [sys.executable, "-c", textwrap.dedent(script), str(tmp_path / "home")]
    assert subprocess.run(command, check=False).returncode == 0


# Keys and database belong together


def test_a_home_keeps_to_its_database(home, clock, open_there, postgresql_server):
    with open_there() as store:
        assert store.verify().n_records == 0
    assert (home / "store.id").stat().st_mode & 0o777 == 0o600
    with pytest.raises(UsageError, match="on a server"):
        Store.open(home, clock)
    other = postgresql_server.new_database()
    with pytest.raises(IntegrityError, match="another database"):
        Store.open(home, clock, None, postgresql_server.url(other))
    postgresql_server.drop_database(other)
    assert not (home / DATABASE_NAME).exists()
    open_there().close()


def test_a_home_with_a_file_stays_with_it(home, clock, open_there):
    Store.open(home, clock).close()
    with pytest.raises(UsageError, match="another OVERT_HOME"):
        open_there()


def test_a_second_machine_needs_the_keys(tmp_path, clock, open_there, postgresql_url):
    open_there().close()
    with pytest.raises(IntegrityError, match=r"machine\.key of this store is missing"):
        Store.open(tmp_path / "second", clock, None, postgresql_url)


def test_a_second_machine_with_the_keys_is_let_in(
    home, tmp_path, clock, open_there, postgresql_url
):
    open_there().close()
    second = tmp_path / "second"
    shutil.copytree(home / "keys", second / "keys")
    for _ in range(2):
        Store.open(second, clock, None, postgresql_url).close()
    open_there().close()


@pytest.mark.parametrize("name", ["machine.key", "ledger.key"])
def test_another_key_is_refused(home, open_there, name):
    open_there().close()
    (home / "keys" / name).write_bytes(bytes(32))
    with pytest.raises(IntegrityError, match="another"):
        open_there()


# Faults


def test_an_error_quotes_no_row(database):
    both = text("INSERT INTO store_facts VALUES (:name, 'value'), (:name, 'value')")
    with pytest.raises(StorageError) as raised, database.write() as session:
        session.execute(both, {"name": "a person's name"})
    assert "a person's name" not in everything_said(raised.value)
    assert "INSERT" not in everything_said(raised.value)
    assert "SQLSTATE 23505" in str(raised.value)


def test_a_damaged_page_stops_a_run_before_it_starts(own_postgresql_server, home, clock, examples):
    server = own_postgresql_server
    url = server.url(SHARED)
    with Store.open(home, clock, None, url) as store:
        store.watchlists.save(examples.watchlist(n_entries=50))
    (path,) = server.ask("SELECT pg_relation_filepath('watchlist_entries')", SHARED)[0]
    server.stop()
    with (server.data / path).open("r+b") as file:
        file.seek(5000)
        file.write(b"\xa5" * 100)
    server.start()
    with (
        Store.open(home, clock, None, url) as store,
        pytest.raises(StorageError, match="database is damaged"),
    ):
        store.run()


def test_a_role_that_may_not_write_is_told(own_postgresql_url, home, clock, examples):
    Store.open(home, clock, None, own_postgresql_url).close()
    with psycopg.connect(own_postgresql_url) as raw:
        raw.execute(f"REVOKE INSERT ON watchlists FROM {ROLE}")
    with (
        Store.open(home, clock, None, own_postgresql_url) as store,
        pytest.raises(StorageError, match="permission was refused"),
    ):
        store.watchlists.save(examples.watchlist())


def test_two_readers_who_stop_early_leave_no_warning(database):
    with database.write() as session:
        for n in range(5):
            session.add(StoreFactRow(name=f"n-{n}", value="value"))
    many = text("SELECT name FROM store_facts").execution_options(yield_per=1)
    for _ in range(2):
        with database.read() as session:
            next(iter(session.scalars(many)))

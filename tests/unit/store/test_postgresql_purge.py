"""What leaves a server's files when something is deleted, and whether the receipt says just that.

The real server's folder is searched, byte by byte, for what was planted.
"""

import secrets
from contextlib import closing

import psycopg
import pytest
from sqlalchemy import text

from fixtures.postgresql import ROLE, SHARED
from overt.core.errors import StorageError
from overt.core.ids import DeploymentId, WatchlistId
from overt.retention.receipts import Promise, Remainder
from overt.store.postgresql import PostgresqlDatabase
from overt.store.store import Store

RIGHTS = (
    f"GRANT pg_monitor, pg_checkpoint TO {ROLE}; "
    f"GRANT EXECUTE ON FUNCTION pg_switch_wal() TO {ROLE}"
)


@pytest.fixture
def server(own_postgresql_server):
    return own_postgresql_server


@pytest.fixture
def found(server):
    """Return in which parts of the server's folder some bytes are: ``base``, ``pg_wal``, …"""

    def search(secret):
        files = [path for path in server.data.rglob("*") if path.is_file()]
        assert sum(path.stat().st_size for path in files) > 2**20
        holding = [path for path in files if secret in path.read_bytes()]
        return {path.relative_to(server.data).parts[0] for path in holding}

    return search


@pytest.fixture
def database(server):
    with closing(PostgresqlDatabase.open(server.url(SHARED))) as opened:
        yield opened


@pytest.fixture
def planted(server, database):
    """A wrapped key, and a ciphertext so large that the server keeps it apart; both deleted."""
    key, ciphertext = secrets.token_bytes(60), secrets.token_bytes(40_000)
    with database.write() as session:
        for statement in (
            "INSERT INTO deployments VALUES ('d', 'x', 'x', :key, 'x')",
            "INSERT INTO watchlists VALUES ('w', 'x', 'x', 'x', :key, 'x', 1)",
            "INSERT INTO watchlist_entries VALUES ('w', 'e', NULL, NULL, :key, :ciphertext)",
        ):
            session.execute(text(statement), {"key": key, "ciphertext": ciphertext})
    server.ask("ANALYZE", SHARED)
    server.ask("CHECKPOINT")
    with database.write() as session:
        session.execute(text("UPDATE deployments SET wrapped_key = NULL"))
        session.execute(text("DELETE FROM watchlist_entries"))
        session.execute(text("DELETE FROM watchlists"))
    server.ask("CHECKPOINT")
    return key, ciphertext[1000:1060]


def test_what_is_deleted_stays_in_the_files_until_it_is_purged(planted, found):
    for secret in planted:
        assert found(secret) == {"base", "pg_wal"}


def test_a_role_without_more_rights_says_that_the_log_still_holds_it(database, planted, found):
    purged = database.purge_deleted()
    assert purged.promises == (Promise.TABLES_REWRITTEN,)
    assert purged.exceptions == {Remainder.DATABASE_LOG: None, Remainder.FREED_BLOCKS: None}
    assert purged.database.startswith("PostgreSQL 1")
    for secret in planted:
        assert found(secret) == {"pg_wal"}


def test_a_role_that_may_switch_the_log_has_it_overwritten(server, database, planted, found):
    server.ask(RIGHTS, SHARED)
    purged = database.purge_deleted()
    assert purged.promises == (Promise.TABLES_REWRITTEN, Promise.LOG_OVERWRITTEN)
    assert purged.exceptions == {Remainder.FREED_BLOCKS: None}
    for secret in planted:
        assert found(secret) == set()


def test_keys_leave_the_files_when_they_are_destroyed(server, database, planted, found):
    server.ask(RIGHTS, SHARED)
    database.forget_history()
    key, _ = planted
    # The ciphertext's own row carries the planted bytes as its nonce, and waits for the purge.
    assert found(key) == {"base"}
    server.ask("VACUUM FULL watchlist_entries", SHARED)
    assert found(key) == {"pg_wal"}


@pytest.mark.slow
@pytest.mark.parametrize("how", ["a replication slot", "settings"])
def test_a_log_that_is_held_back_is_not_promised(server, database, planted, found, how):
    server.ask(RIGHTS, SHARED)
    if how == "settings":
        server.ask("ALTER SYSTEM SET wal_keep_size = '1GB'")
        server.ask("SELECT pg_reload_conf()")
        server.until("SHOW wal_keep_size", "1GB")
    else:
        server.ask("SELECT pg_create_physical_replication_slot('standby', true)")
    purged = database.purge_deleted()
    assert Promise.LOG_OVERWRITTEN not in purged.promises
    expected = {Remainder.DATABASE_LOG: None, Remainder.FREED_BLOCKS: None}
    if how != "settings":
        expected[Remainder.REPLICA] = None
    assert purged.exceptions == expected
    assert found(planted[0]) == {"pg_wal"}


@pytest.mark.slow
def test_archives_and_their_copies_are_said(server, database, planted, found):
    server.ask(RIGHTS, SHARED)
    server.ask("ALTER SYSTEM SET archive_mode = on")
    server.ask("ALTER SYSTEM SET archive_command = 'true'")
    server.stop()
    server.start()
    purged = database.purge_deleted()
    assert purged.exceptions.keys() == {
        Remainder.DATABASE_LOG,
        Remainder.FREED_BLOCKS,
        Remainder.LOG_ARCHIVE,
    }
    assert "base" not in found(planted[0])


def test_a_purge_says_so_when_a_reader_holds_on_to_the_past(server, database, found):
    secret = secrets.token_bytes(60)
    with database.write() as session:
        session.execute(
            text("INSERT INTO deployments VALUES ('d', 'x', 'x', :key, 'x')"), {"key": secret}
        )
    with psycopg.connect(server.url(SHARED)) as reader:
        reader.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        reader.execute("SELECT count(*) FROM runs")  # a state in which the key is still there
        with database.write() as session:
            session.execute(text("UPDATE deployments SET wrapped_key = NULL"))
        for forget in (database.forget_history, database.purge_deleted):
            with pytest.raises(StorageError, match="being read"):
                forget()
        assert "base" in found(secret)
        (told,) = reader.execute("SELECT wrapped_key FROM deployments").fetchone()
        assert told == secret
    database.purge_deleted()
    assert "base" not in found(secret)


@pytest.mark.slow
def test_a_purge_gives_way_to_who_writes(database):
    for _ in range(2):
        database.purge_deleted()
        with database.write() as session:
            session.execute(text("INSERT INTO store_facts VALUES (gen_random_uuid()::text, 'x')"))


@pytest.mark.slow
def test_a_deployments_key_and_a_lists_leave_the_servers_files(
    server, home, clock, examples, found
):
    with Store.open(home, clock, None, server.url(SHARED)) as store:
        store.watchlists.save(examples.watchlist())
        run = store.run()
        run.start(examples.run())
        alert = examples.alert()
        run.raise_alert(alert, examples.pictures())
        both = "SELECT wrapped_key FROM deployments UNION SELECT wrapped_key FROM watchlists"
        keys = [wrapped for (wrapped,) in server.ask(both, SHARED)]
        assert len(keys) == 2
        server.ask("CHECKPOINT")
        assert all("base" in found(key) for key in keys)
        assert store.destroy_deployment_key(DeploymentId("d-1"))
        assert store.watchlists.destroy_key(WatchlistId("list"))
        assert not any("base" in found(key) for key in keys)
        assert store.alerts.pictures(alert.id) is None
        store.verify()

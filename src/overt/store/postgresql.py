"""The store's database on a server: PostgreSQL, asked for by URL.

What SQLite's one write lock does, an advisory lock does here: each writing transaction takes it
first, so that they come one after the other. Locks that last longer are held by a connection of
their own; when a process or its machine dies, the server ends the connection and frees them.

Invariants: a commit that returned has reached the server's disk, or the server is refused; a
reading transaction sees one state; nothing is written by who lost a lock that they took.
Must not: know what the tables mean.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from enum import IntEnum
from typing import Final

from sqlalchemy import (
    Connection,
    Engine,
    LargeBinary,
    MetaData,
    Table,
    Text,
    func,
    select,
    text,
)

from overt.core.errors import StorageError, UnavailableError
from overt.retention.receipts import PurgeResult
from overt.store import models, models_ledger, models_retention
from overt.store.database import Database
from overt.store.faults import storage_faults
from overt.store.postgresql_locks import ServerLock
from overt.store.postgresql_purge import APPEND_ONLY, KEY_TABLES, Purge

OLDEST_VERSION: Final = 140000
_METADATA: Final[set[MetaData]] = {
    each.Base.metadata for each in (models, models_ledger, models_retention)
}
"""One, which those declare the tables in."""
_MUST_BE_ON: Final = ("fsync", "full_page_writes", "synchronous_commit")
_READING: Final = {"isolation_level": "REPEATABLE READ", "postgresql_readonly": True}
_WRITING: Final = {"isolation_level": "READ COMMITTED"}
_ALONE: Final = {"isolation_level": "AUTOCOMMIT"}


class _Lock(IntEnum):
    """What advisory locks are taken on, in the upper half of their keys."""

    WRITE = 0x0E570000
    RUN = 0x0E570001
    IMPORT = 0x0E570002
    SWEEP = 0x0E570003


_BY_NAME: Final = {"run": _Lock.RUN, "import": _Lock.IMPORT, "sweep": _Lock.SWEEP}


@dataclass(frozen=True, slots=True)
class _Server:
    version: str
    schema_oid: int


class PostgresqlDatabase(Database):
    """A database on a server; a store has a schema to itself."""

    def __init__(self, engine: Engine, server: _Server) -> None:
        super().__init__(engine.execution_options(**_READING), engine.execution_options(**_WRITING))
        self._alone = engine.execution_options(**_ALONE)
        self._server = server
        self._write_key = self._key(_Lock.WRITE)
        self._locks = {
            name: ServerLock(self._alone, self._key(lock)) for name, lock in _BY_NAME.items()
        }

    @classmethod
    def open(cls, url: str) -> "PostgresqlDatabase":
        """Connect, and bring the tables up to date.

        Args:
            url: as libpq reads it, ``postgresql://…``.

        Raises:
            UsageError: it is no such URL.
            UnavailableError: the driver is not installed.
            StorageError: the server cannot be reached, does not let us in, does not keep what it
                says it keeps, or holds a store made by a newer version.
        """
        with storage_faults():
            engine = _engine_for(url)
            try:
                database = cls(engine, _look(engine))
                database._migrate()
            except BaseException:
                engine.dispose()
                raise
        return database

    def check(self) -> None:
        """Read every row of every table, so that the server finds pages that are damaged."""
        with storage_faults(), self._reading.begin() as connection:
            connection.execute(text("SET LOCAL statement_timeout = 0"))
            for table in _tables():
                large = [c for c in table.columns if isinstance(c.type, LargeBinary | Text)]
                read = [func.count(func.md5(column)) for column in large]
                connection.execute(select(func.count(), *read).select_from(table))

    def n_bytes(self) -> int:
        """See :meth:`Database.n_bytes`."""
        names = [table.name for table in _tables()]
        size = text(
            "SELECT sum(pg_total_relation_size(to_regclass(name)))"
            " FROM unnest(CAST(:names AS text[])) AS name"
        )
        with self.read() as session:
            return int(session.execute(size, {"names": names}).scalar_one())

    def forget_history(self) -> None:
        """Write the tables of keys anew, and the log over where the role may.

        What a destroyed key sealed is noise, and stays until it is purged.
        """
        with self._purging() as purge:
            purge.rewrite(each for each in _kept_tables() if each.name in KEY_TABLES)
            purge.overwrite_log()

    def purge_deleted(self) -> PurgeResult:
        """See :meth:`Database.purge_deleted`."""
        with self._purging() as purge:
            purge.rewrite(_kept_tables())
            log_overwritten = purge.overwrite_log()
            return purge.result(self._server.version, log_overwritten=log_overwritten)

    def lock(self, name: str) -> ServerLock:
        """See :meth:`Database.lock`."""
        return self._locks[name]

    def close(self) -> None:
        """See :meth:`Database.close`."""
        for lock in self._locks.values():
            lock.release()
        super().close()

    def _take_turn(self, connection: Connection) -> None:
        wanted = text("SELECT pg_advisory_xact_lock(:key)")
        connection.execute(wanted, {"key": self._write_key})
        # By now nobody else can write, so that who took a lock over has not used it yet.
        for lock in self._locks.values():
            lock.check()

    def _after_migration(self, connection: Connection) -> None:
        """Keep the planner from copying samples of what is kept into the server's catalogue."""
        for table in _kept_tables():
            for column in table.columns:
                connection.exec_driver_sql(
                    f'ALTER TABLE "{table.name}" ALTER COLUMN "{column.name}" SET STATISTICS 0'
                )

    @contextmanager
    def _purging(self) -> Iterator[Purge]:
        with storage_faults(), self._alone.connect() as connection:
            try:
                yield Purge(connection, self._write_key)
            finally:
                connection.invalidate()  # its settings are its own

    def _key(self, lock: _Lock) -> int:
        # Within the schema, so that two stores in one database do not wait for each other.
        return lock << 32 | self._server.schema_oid


def _tables() -> list[Table]:
    (metadata,) = _METADATA
    return list(metadata.sorted_tables)


def _kept_tables() -> list[Table]:
    """Return the tables from which something is deleted at some time."""
    return [each for each in _tables() if each.name not in APPEND_ONLY]


def _engine_for(url: str) -> Engine:
    try:
        from overt.store.postgresql_connection import engine_for  # noqa: PLC0415  needs an extra
    except ImportError as error:
        raise UnavailableError(
            "PostgreSQL needs a package that is not here: pip install 'overt[postgresql]'."
        ) from error
    return engine_for(url)


def _look(engine: Engine) -> _Server:
    """Return what is to be known of the server, if it keeps what it says it keeps."""
    with engine.connect() as connection:
        version, number, schema_oid = connection.execute(
            text(
                "SELECT current_setting('server_version'), "
                "current_setting('server_version_num')::int, "
                "(SELECT oid::bigint FROM pg_namespace WHERE nspname = current_schema())"
            )
        ).one()
        if number < OLDEST_VERSION:
            raise StorageError("PostgreSQL must be of version 14 or later.")
        if schema_oid is None:
            raise StorageError("The role has no schema of its own in the database.")
        promised = text("SELECT name, setting FROM pg_settings WHERE name = ANY(:names)")
        for name, setting in connection.execute(promised, {"names": list(_MUST_BE_ON)}):
            if setting not in {"on", "remote_apply"}:
                raise StorageError(f"The server loses what it said is kept: its {name} is off.")
    return _Server(version.split()[0], schema_oid)

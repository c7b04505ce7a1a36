"""Makes deleted bytes go on a server, and says how far that went.

    tables     VACUUM FULL writes a table, its indexes and its large values into new files; the old
               ones are removed. Rows that somebody's older state still needs are copied with them:
               its index then has more rows than there are to be seen, and that is an error.
    log        old segments hold the bytes until they are used again. A role that may checkpoint and
               switch segments has all of them used again at once, and overwritten to their ends.

Invariants: a promise is made of what was done and checked; what the role may not see or do is an
exception in the receipt.
Must not: fail for a right that is lacking.
"""

import re
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy import REAL, BigInteger, Connection, Table, TextClause, func, select, text

from overt.core.errors import StorageError
from overt.retention.receipts import Promise, PurgeResult, Remainder
from overt.store.database import BEING_READ

APPEND_ONLY: Final = frozenset(
    {
        "ledger_records",
        "ledger_tiles",
        "ledger_checkpoints",
        "ledger_witnesses",
        "ledger_cosignatures",
    }
)
"""Tables from which nothing is ever deleted."""

KEY_TABLES: Final = frozenset(
    {"deployments", "watchlists", "watchlist_imports", "store_facts", "import_media"}
)
"""Tables that hold wrapped keys, or what is sealed under the machine key itself; all are small."""

LOCK_TIMEOUT_S: Final = 2.0
"""How long rewriting waits for a reader; shorter than who waits behind it does."""

ATTEMPTS: Final = 10
PAUSE_S: Final = 0.1
"""Between attempts to write a table anew without rows that an older state still needs."""

RETRIED_BYTES: Final = 16 * 2**20
"""A larger table is tried once: whoever writes waits meanwhile."""

MAX_SEGMENTS: Final = 128
"""More of the log than this is not overwritten, but left to the server."""

_SEGMENT: Final = re.compile(r"[0-9A-F]{24}")
_MAY_OVERWRITE_LOG: Final = text(
    """
    SELECT current_setting('archive_mode') = 'off'
       AND has_function_privilege('pg_switch_wal()', 'execute')
       AND has_function_privilege('pg_ls_waldir()', 'execute')
       AND EXISTS (
               SELECT FROM pg_roles
                WHERE (rolsuper AND rolname = current_user)
                   OR (rolname = 'pg_checkpoint' AND pg_has_role(current_user, oid, 'usage')))
    """
)
_SWITCH: Final = text("SELECT pg_walfile_name(pg_switch_wal())")
_ALL_SEGMENTS: Final = text("SELECT name FROM pg_ls_waldir()")
_SOMETHING: Final = text("SELECT pg_logical_emit_message(false, 'overt', '')")
_SIZE: Final = text("SELECT pg_total_relation_size(to_regclass(:name))")
# How many rows were copied, as the server counted them when it built the primary key.
_N_INDEXED: Final = text(
    "SELECT greatest(built.reltuples, 0)::bigint"  # it is -1 where there was never a row
    "  FROM pg_index JOIN pg_class AS built ON built.oid = indexrelid"
    " WHERE indrelid = to_regclass(:name) AND indisprimary"
)
_IS_REPLICATED: Final = text(
    "SELECT EXISTS (SELECT FROM pg_stat_replication) OR EXISTS (SELECT FROM pg_replication_slots)"
)
_IS_ARCHIVED: Final = text("SELECT current_setting('archive_mode') <> 'off'")


class Purge:
    """One purge, on a connection to itself that begins no transactions and is thrown away after.

    Args:
        connection: in autocommit mode.
        write_key: of the lock that whoever writes takes.
    """

    def __init__(self, connection: Connection, write_key: int) -> None:
        self._connection = connection
        self._write_key = write_key
        connection.exec_driver_sql("SET statement_timeout = 0")

    def rewrite(self, tables: Iterable[Table]) -> None:
        """Write tables anew, with only what is kept; nobody writes meanwhile.

        Raises:
            StorageError: somebody reads an older state, or is in the way.
        """
        with self._nobody_writing():
            for table in tables:
                self._rewrite(table)

    def overwrite_log(self) -> bool:
        """Have every segment of the log used again and overwritten, if the role may.

        Returns:
            Whether no segment holds anything from before.
        """
        if not self._connection.scalar(_MAY_OVERWRITE_LOG):
            return False
        last_before = self._switch()
        self._switch()  # so that the checkpoint begins after that
        segments = self._checkpoint()
        if len(segments) > MAX_SEGMENTS or any(each <= last_before for each in segments):
            return False  # a replica, an archive or a setting keeps old ones
        # Whatever has a name by now was written before, but for what was switched since.
        last_named = max(segments)
        for _ in range(MAX_SEGMENTS):
            if self._switch() >= last_named:
                self._checkpoint()
                return True
        return False

    def result(self, version: str, *, log_overwritten: bool) -> PurgeResult:
        """Return what was done, and where bytes may remain."""
        promises, exceptions = [Promise.TABLES_REWRITTEN], {Remainder.FREED_BLOCKS}
        if log_overwritten:
            promises.append(Promise.LOG_OVERWRITTEN)
        else:
            exceptions.add(Remainder.DATABASE_LOG)
        if self._connection.scalar(_IS_ARCHIVED):
            exceptions.add(Remainder.LOG_ARCHIVE)
        if self._connection.scalar(_IS_REPLICATED):
            exceptions.add(Remainder.REPLICA)
        # When the server uses a segment again, or who deletes an archive, it does not say.
        return PurgeResult(
            tuple(promises), dict.fromkeys(sorted(exceptions)), f"PostgreSQL {version}"
        )

    def _rewrite(self, table: Table) -> None:
        for attempt in range(ATTEMPTS):
            self._connection.exec_driver_sql(f'VACUUM (FULL) "{table.name}"')
            if self._ask(_N_INDEXED, table) == self._n_kept(table):
                return
            if attempt == 0 and self._ask(_SIZE, table) > RETRIED_BYTES:
                break
            time.sleep(PAUSE_S)
        raise StorageError(BEING_READ)

    def _ask(self, question: TextClause, table: Table) -> int:
        return int(self._connection.execute(question, {"name": f'"{table.name}"'}).scalar_one())

    def _n_kept(self, table: Table) -> int:
        counted = select(func.count().cast(REAL).cast(BigInteger)).select_from(table)
        return int(self._connection.execute(counted).scalar_one())

    def _switch(self) -> str:
        """Fill the current segment with zeros to its end and begin the next; return its place."""
        self._connection.execute(_SOMETHING)  # an empty segment is not switched
        return _place(self._connection.execute(_SWITCH).scalar_one())

    def _checkpoint(self) -> list[str]:
        """Let go of segments that are not needed any more; return the places of all there are."""
        self._connection.exec_driver_sql("CHECKPOINT")
        names = self._connection.scalars(_ALL_SEGMENTS)
        return [_place(name) for name in names if _SEGMENT.fullmatch(name)]

    @contextmanager
    def _nobody_writing(self) -> Iterator[None]:
        key = {"key": self._write_key}
        self._connection.execute(text("SELECT pg_advisory_lock(:key)"), key)
        self._connection.exec_driver_sql(f"SET lock_timeout = {int(LOCK_TIMEOUT_S * 1000)}")
        try:
            yield
        finally:
            self._connection.execute(text("SELECT pg_advisory_unlock(:key)"), key)


def _place(name: str) -> str:
    """Return where a segment stands in the log, whatever its timeline; sorts in their order."""
    return name[8:]

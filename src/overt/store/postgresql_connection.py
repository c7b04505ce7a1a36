"""Connects to PostgreSQL: what a URL may say, and what every connection is set to.

Invariants: a commit waits for the server's disk; nobody waits for ever; who is gone is noticed, on
either side; nothing passes over a network in the clear unless the URL says so.
Must not: be imported where PostgreSQL is not asked for, since its driver is an extra; show a URL,
which may hold a password.
"""

from collections.abc import Mapping
from typing import Any, Final

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from sqlalchemy import Engine, create_engine

from overt.core.errors import StorageError, UsageError
from overt.store.database import BUSY_TIMEOUT_S

STATEMENT_TIMEOUT_S: Final = 60.0
"""How long one statement of a transaction may take; longer may what reads or rewrites it all."""

_GONE_AFTER_S: Final = 15
"""After how long a machine that does not answer any more is taken to be gone."""
_CONNECTION: Final[Mapping[str, str | int]] = {
    "application_name": "overt",
    "client_encoding": "utf-8",
    "connect_timeout": 10,
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": _GONE_AFTER_S * 1000,
}
_SETTINGS: Final[Mapping[str, str | int]] = {
    "synchronous_commit": "on",
    "lock_timeout": int(BUSY_TIMEOUT_S * 1000),
    "statement_timeout": int(STATEMENT_TIMEOUT_S * 1000),
    "client_connection_check_interval": 2000,
    "tcp_keepalives_idle": 5,
    "tcp_keepalives_interval": 5,
    "tcp_keepalives_count": 2,
    "tcp_user_timeout": _GONE_AFTER_S * 1000,
    "jit": "off",
}
_SCHEMES: Final = ("postgresql://", "postgres://")


class _Cursor(psycopg.ServerCursor[Any]):
    """A cursor that may be left open: the end of its transaction closes it."""

    def __del__(self, _warn: object = None) -> None:
        """Do without the warning, which a reader that stops early would give."""


def engine_for(url: str) -> Engine:
    """Return what connects to a database; nothing is connected yet.

    Args:
        url: as libpq reads it; what it leaves open comes from libpq's service and password files
            and from its own variables.

    Raises:
        UsageError: it is no such URL.
    """
    if not url.startswith(_SCHEMES):
        raise UsageError("The URL of a database begins with postgresql://.")
    try:
        given = conninfo_to_dict(url)
    except psycopg.Error:
        # Without what it says, which may hold a part of a password.
        raise UsageError("The URL of the database cannot be read.") from None
    settings = " ".join(f"-c {name}={value}" for name, value in _SETTINGS.items())
    options = f"{given.get('options') or ''} {settings}".strip()
    parameters: dict[str, Any] = {**_CONNECTION, **given, "options": options}
    wanted = make_conninfo(**parameters)

    def connect() -> psycopg.Connection:
        connection = psycopg.connect(wanted)
        connection.server_cursor_factory = _Cursor
        _require_encryption(connection)
        return connection

    return create_engine(
        "postgresql+psycopg://",
        creator=connect,
        hide_parameters=True,
        pool_pre_ping=True,
        use_native_hstore=False,
    )


def _require_encryption(connection: psycopg.Connection) -> None:
    """Close a connection that is in the clear over a network if nobody said so, and raise."""
    info = connection.info
    is_local = info.host.startswith(("/", "@")) or info.hostaddr in {"127.0.0.1", "::1"}
    if is_local or connection.pgconn.ssl_in_use or "sslmode" in info.get_parameters():
        return
    connection.close()
    raise StorageError(
        "The connection to the database is not encrypted: add sslmode=verify-full to its URL."
    )

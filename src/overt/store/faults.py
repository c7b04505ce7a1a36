"""Turns what a database or a disk can do to us into one plain sentence.

Invariants: nothing of SQLAlchemy, a database or the operating system leaks out of the store; what a
server says is not even kept as the cause, since it quotes rows.
Must not: quote a statement or its parameters, which may hold what must not be shown.
"""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from overt.core.errors import StorageError

_FULL: Final = "The disk is full: nothing more can be kept."
_READ_ONLY: Final = "The store is read-only: nothing can be kept."
_DAMAGED: Final = "The store's database is damaged."
_LOCKED: Final = "The store is locked by another process, which did not let go in time."
_SENTENCES: Final = {
    sqlite3.SQLITE_FULL: _FULL,
    sqlite3.SQLITE_READONLY: _READ_ONLY,
    sqlite3.SQLITE_CORRUPT: _DAMAGED,
    sqlite3.SQLITE_NOTADB: "The store's database is damaged: the file is not a database.",
    sqlite3.SQLITE_BUSY: _LOCKED,
    sqlite3.SQLITE_LOCKED: _LOCKED,
    sqlite3.SQLITE_CANTOPEN: "The store's database cannot be opened.",
    sqlite3.SQLITE_PERM: "The store's database cannot be opened: permission was refused.",
    sqlite3.SQLITE_IOERR: "The disk failed while the store was using it.",
}
_OS_SENTENCES: Final = {
    errno.ENOSPC: _SENTENCES[sqlite3.SQLITE_FULL],
    errno.EDQUOT: _SENTENCES[sqlite3.SQLITE_FULL],
    errno.EROFS: _SENTENCES[sqlite3.SQLITE_READONLY],
    errno.EACCES: _SENTENCES[sqlite3.SQLITE_PERM],
    errno.EPERM: _SENTENCES[sqlite3.SQLITE_PERM],
}
_PRIMARY_CODE: Final = 0xFF
# What a full disk looks like when it is the log's shared memory that does not fit.
_ALSO_FULL: Final = frozenset({sqlite3.SQLITE_IOERR_SHMSIZE, sqlite3.SQLITE_IOERR_SHMMAP})
# The driver does not say which of the two it is.
_UNREACHABLE: Final = "The store's database cannot be reached, or does not let this role in."
_LOST: Final = "The connection to the store's database was lost: nothing more can be kept."
_OF_STATE: Final = {
    "08": _LOST,
    "25006": _READ_ONLY,
    "40": _LOCKED,
    "42501": "The role may not do in the store's database what it has to: permission was refused.",
    "53100": _FULL,
    "53300": "The store's database has no connection free.",
    "53": "The store's database has no memory or room left for what it was asked to do.",
    "55P03": _LOCKED,
    "57014": "The store's database took too long.",
    "57P03": _UNREACHABLE,
    "57P": _LOST,
    "58": "The disk failed while the store's database was using it.",
    "XX001": _DAMAGED,
    "XX002": _DAMAGED,
}
"""By SQLSTATE, by its subclass or by its class (PostgreSQL, appendix A)."""
_OTHER: Final = "The store's database refused what it was asked to do."


@contextmanager
def storage_faults() -> Iterator[None]:
    """Raise :class:`StorageError` for whatever the database or the disk raises within."""
    try:
        yield
    except SQLAlchemyError as error:
        cause = error if _is_sqlite(error) else None
        raise StorageError(_database_sentence(error)) from cause
    except sqlite3.Error as error:
        raise StorageError(_sqlite_sentence(error)) from error
    except UnicodeDecodeError:
        # SQLite's own message quotes a damaged schema. Without its cause, which holds those bytes.
        raise StorageError(_DAMAGED) from None
    except OSError as error:
        sentence = _OS_SENTENCES.get(error.errno or 0, "The disk failed while the store used it.")
        raise StorageError(sentence) from error


def _is_sqlite(error: SQLAlchemyError) -> bool:
    return isinstance(error, DBAPIError) and isinstance(error.orig, sqlite3.Error)


def _database_sentence(error: SQLAlchemyError) -> str:
    if not isinstance(error, DBAPIError):
        return _OTHER
    if isinstance(error.orig, sqlite3.Error):
        return _sqlite_sentence(error.orig)
    return _server_sentence(error)


def _server_sentence(error: DBAPIError) -> str:
    state: str | None = getattr(error.orig, "sqlstate", None)
    if state is None and error.statement is None:
        return _UNREACHABLE
    if state is None:
        return _LOST if isinstance(error, OperationalError) else _OTHER
    for length in (5, 3, 2):
        if state[:length] in _OF_STATE:
            return _OF_STATE[state[:length]]
    return f"{_OTHER[:-1]} (SQLSTATE {state})."


def _sqlite_sentence(error: sqlite3.Error) -> str:
    # Absent on errors that the driver raises itself, such as the use of a closed connection.
    code: int = getattr(error, "sqlite_errorcode", 0)
    primary = sqlite3.SQLITE_FULL if code in _ALSO_FULL else code & _PRIMARY_CODE
    return _SENTENCES.get(primary, _OTHER)

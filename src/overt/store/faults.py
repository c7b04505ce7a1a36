"""Turns what a database or a disk can do to us into one plain sentence.

Invariants: nothing of SQLAlchemy, SQLite or the operating system leaks out of the store.
Must not: quote a statement or its parameters, which may hold what must not be shown.
"""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from sqlalchemy.exc import DBAPIError, SQLAlchemyError

from overt.core.errors import StorageError

_SENTENCES: Final = {
    sqlite3.SQLITE_FULL: "The disk is full: nothing more can be kept.",
    sqlite3.SQLITE_READONLY: "The store is read-only: nothing can be kept.",
    sqlite3.SQLITE_CORRUPT: "The store's database is damaged.",
    sqlite3.SQLITE_NOTADB: "The store's database is damaged: the file is not a database.",
    sqlite3.SQLITE_BUSY: "The store is locked by another process, which did not let go in time.",
    sqlite3.SQLITE_LOCKED: "The store is locked by another process, which did not let go in time.",
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
_OTHER: Final = "The store's database refused what it was asked to do."


@contextmanager
def storage_faults() -> Iterator[None]:
    """Raise :class:`StorageError` for whatever the database or the disk raises within."""
    try:
        yield
    except SQLAlchemyError as error:
        raise StorageError(_database_sentence(error)) from error
    except sqlite3.Error as error:
        raise StorageError(_sqlite_sentence(error)) from error
    except OSError as error:
        sentence = _OS_SENTENCES.get(error.errno or 0, "The disk failed while the store used it.")
        raise StorageError(sentence) from error


def _database_sentence(error: SQLAlchemyError) -> str:
    if isinstance(error, DBAPIError) and isinstance(error.orig, sqlite3.Error):
        return _sqlite_sentence(error.orig)
    return _OTHER


def _sqlite_sentence(error: sqlite3.Error) -> str:
    # Absent on errors that the driver raises itself, such as the use of a closed connection.
    code: int = getattr(error, "sqlite_errorcode", 0)
    primary = sqlite3.SQLITE_FULL if code in _ALSO_FULL else code & _PRIMARY_CODE
    return _SENTENCES.get(primary, _OTHER)

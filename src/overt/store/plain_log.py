"""What the ledger is measured beside: bytes appended to SQLite, and nothing made of them.

Must not: be used for anything but measuring; nobody could check what it holds.
"""

import hashlib
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from overt.store.faults import storage_faults


class PlainLog:
    """Records in a table of their own, kept as safely on the disk as the ledger's.

    Args:
        path: of a file that is not there yet.
        chained: keep beside each record the SHA-256 of it and of the hash before it.

    Raises:
        StorageError: it cannot be made.
    """

    def __init__(self, path: Path, *, chained: bool = False) -> None:
        self._chained = chained
        self._last = bytes(32)
        self._size = 0
        with storage_faults():
            self._file = sqlite3.connect(path, isolation_level=None)
            self._file.execute("PRAGMA journal_mode = WAL")
            self._file.execute("PRAGMA synchronous = FULL")
            self._file.execute(
                "CREATE TABLE log (seq INTEGER PRIMARY KEY, hash BLOB, record BLOB NOT NULL) STRICT"
            )

    def append(self, records: Sequence[bytes]) -> None:
        """Keep records in one transaction.

        Raises:
            StorageError: they could not be kept.
        """
        rows = [(seq, self._hash(data), data) for seq, data in enumerate(records, self._size)]
        with storage_faults():
            self._file.execute("BEGIN IMMEDIATE")
            self._file.executemany("INSERT INTO log VALUES (?, ?, ?)", rows)
            self._file.execute("COMMIT")
        self._size += len(rows)

    def close(self) -> None:
        """Let go of the file."""
        self._file.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _hash(self, record: bytes) -> bytes | None:
        if not self._chained:
            return None
        self._last = hashlib.sha256(self._last + record).digest()
        return self._last

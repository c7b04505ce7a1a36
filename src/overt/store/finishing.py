"""Ends deletions: what is left of rows and files goes, bytes leave the database, receipts follow.

    unfinished ─▶ rows that are noise, a few at a time ─▶ files ─▶ bytes ─▶ receipts, checkpoint

Each step can be broken off anywhere and taken again. While a run is open, a large database is not
written anew, since alerts would have to wait for it: rows and keys are gone and overwritten by
then, and the receipt follows when the run is over.

Invariants: a receipt is written after everything that it says; one process at a time ends
deletions.
Must not: decide that something is deleted.
"""

import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from overt.core.clock import Clock
from overt.core.errors import StorageError
from overt.core.ids import WatchlistId
from overt.retention.receipts import Begun, Promise, PurgeResult, Receipt, Remainder
from overt.retention.schedule import Subject
from overt.store import deletions
from overt.store.database import Database
from overt.store.erasing import drop_import_rows, drop_list_rows, list_rows_are_left
from overt.store.ledger import StoredLedger
from overt.store.media import MediaRegister
from overt.store.medium_files import FileEnd
from overt.store.models import RunRow, WatchlistImportRow
from overt.store.run_lock import HeldElsewhereError, RunLock

BESIDE_RUN_BYTES: Final = 32 * 2**20
"""Up to which size a database is written anew beside a run: that takes a fraction of a second."""

WORTH_TELLING_BYTES: Final = 128 * 2**20
"""From which size on it takes seconds, so that whoever waits is told."""

LOCK_ATTEMPTS: Final = 100
LOCK_PAUSE_S: Final = 0.05
_BUSY: Final = "Another process is overwriting what was deleted; it will be done by that one."
_UNREACHED: Final[Mapping[str, Remainder]] = {
    FileEnd.NOT_THERE: Remainder.MEDIUM_UNREACHABLE,
    FileEnd.NOT_WRITABLE: Remainder.MEDIUM_UNREACHABLE,
    FileEnd.CHANGED: Remainder.MEDIUM_CHANGED,
    FileEnd.LINKED: Remainder.MEDIUM_CHANGED,
}

Telling = Callable[[str], None]
"""Is told, in words, what takes long."""


@dataclass(frozen=True, slots=True)
class Locks:
    """What keeps processes out of each other's way."""

    runs: RunLock
    imports: RunLock
    sweeps: RunLock


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of ending deletions.

    Attributes:
        receipts: of those that are done.
        n_waiting: those that wait for the end of a run or an import.
    """

    receipts: tuple[Receipt, ...] = ()
    n_waiting: int = 0


@dataclass(frozen=True, slots=True)
class _Emptied:
    begun: Begun
    files: Mapping[str, int] = field(default_factory=dict)


class Finisher:
    """Ends deletions. Safe to use from any thread.

    Args:
        database: of the store.
        ledger: of the store.
        media: the files of lists' media.
        locks: of the store.
        clock: what time it is.
        backup_days: how long backups of the database are kept; None if nobody said.
    """

    def __init__(
        self,
        database: Database,
        ledger: StoredLedger,
        media: MediaRegister,
        locks: Locks,
        *,
        clock: Clock,
        backup_days: int | None,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._media = media
        self._locks = locks
        self._clock = clock
        self._backup_days = backup_days

    def finish(self, tell: Telling | None = None) -> Ended:
        """End every deletion that is unfinished and can be ended now.

        Raises:
            StorageError: it could not be done, or another process does it; nothing is lost, and it
                is taken up again at the next call.
            IntegrityError: what is kept of a deletion was altered.
        """
        if not self._unfinished():
            return Ended()
        with self._alone():
            waiting = self._unfinished()
            emptied = [done for each in waiting if (done := self._emptied(each)) is not None]
            if not emptied:
                return Ended((), len(waiting))
            if self._must_wait_for_run():
                with suppress(StorageError):  # the run reads; it is done again when that is over
                    self._database.forget_history()
                return Ended((), len(waiting))
            if tell is not None and self._database.n_bytes() > WORTH_TELLING_BYTES:
                tell("Overwriting what was deleted")
            purged = self._database.purge_deleted()
            return Ended(self._receipts(emptied, purged), len(waiting) - len(emptied))

    def _unfinished(self) -> list[Begun]:
        with self._database.read() as session:
            return deletions.unfinished(session)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the right to end deletions; waits for who has it, a few seconds at most."""
        for _ in range(LOCK_ATTEMPTS):
            try:
                newly_taken = self._locks.sweeps.acquire(_BUSY)
            except HeldElsewhereError:
                newly_taken = False
            if newly_taken:
                try:
                    yield
                finally:
                    self._locks.sweeps.release()
                return
            time.sleep(LOCK_PAUSE_S)
        raise StorageError(_BUSY)

    def _emptied(self, begun: Begun) -> _Emptied | None:
        """Delete what is left of rows and files; None if somebody works with it just now."""
        watchlist = WatchlistId(begun.owner.id)
        match begun.what:
            case Subject.LIST:
                return _Emptied(begun) if self._drop_list(watchlist) else None
            case Subject.IMPORT:
                return _Emptied(begun) if self._drop_import(watchlist) else None
            case Subject.MEDIUM:
                return _Emptied(begun, self._media.destroy(watchlist))
            case _:
                return _Emptied(begun)

    def _drop_list(self, watchlist: WatchlistId) -> bool:
        self._while_left(lambda session: drop_list_rows(session, watchlist))
        with self._database.read() as session:
            return not list_rows_are_left(session, watchlist)

    def _drop_import(self, watchlist: WatchlistId) -> bool:
        with self._database.read() as session:
            if session.get(WatchlistImportRow, watchlist) is None:
                return True
        try:
            newly_taken = self._locks.imports.acquire()
        except HeldElsewhereError:
            return False
        try:
            if newly_taken:
                self._while_left(lambda session: drop_import_rows(session, watchlist))
        finally:
            if newly_taken:
                self._locks.imports.release()
        return newly_taken

    def _while_left(self, drop_some: Callable[[Session], bool]) -> None:
        is_left = True
        while is_left:
            with self._database.write() as session:
                is_left = drop_some(session)

    def _must_wait_for_run(self) -> bool:
        return self._database.n_bytes() > BESIDE_RUN_BYTES and self._is_run_open()

    def _is_run_open(self) -> bool:
        """Whether a run is open: not one that a process left behind, which holds no lock."""
        with self._database.read() as session:
            if not session.scalar(select(func.count()).where(RunRow.stopped_utc.is_(None))):
                return False
        try:
            newly_taken = self._locks.runs.acquire()
        except HeldElsewhereError:
            return True
        if newly_taken:
            self._locks.runs.release()
        return not newly_taken

    def _receipts(self, emptied: Sequence[_Emptied], purged: PurgeResult) -> tuple[Receipt, ...]:
        with self._ledger.transaction() as work:
            finished_utc = deletions.deletion_time(work.session, self._clock.now_utc())
            receipts = [self._receipt(each, purged, finished_utc) for each in emptied]
            kept = tuple(each for each in receipts if deletions.end(work, each))
            for each in emptied:
                if each.begun.what is Subject.MEDIUM:
                    watchlist = WatchlistId(each.begun.owner.id)
                    self._media.forget(work.session, watchlist, FileEnd.OVERWRITTEN)
            self._ledger.sign_checkpoint(work)
        return kept

    def _receipt(self, each: _Emptied, purged: PurgeResult, finished_utc: datetime) -> Receipt:
        begun = each.begun
        promises = [Promise.ROWS_DELETED] if any(begun.rows.values()) else []
        promises += [Promise.KEY_DESTROYED] if begun.n_keys else []
        promises += [Promise.FILES_OVERWRITTEN] if each.files.get(FileEnd.OVERWRITTEN) else []
        exceptions = dict(purged.exceptions)
        exceptions[Remainder.BACKUP] = self._backups_until(begun.begun_utc)
        exceptions[Remainder.SNAPSHOT] = None
        exceptions[Remainder.STORAGE_REMAPPING] = None
        if begun.n_keys:
            exceptions[Remainder.MACHINE_KEY_COPIES] = None
        exceptions |= dict.fromkeys(
            (_UNREACHED[end] for end in each.files if end in _UNREACHED), None
        )
        if begun.what is Subject.MEDIUM:
            exceptions[Remainder.MEDIUM_COPIES] = None
        return Receipt(
            begun=begun,
            finished_utc=finished_utc,
            database=purged.database,
            files=dict(Counter(each.files)),
            promises=(*promises, *purged.promises),
            exceptions=exceptions,
        )

    def _backups_until(self, begun_utc: datetime) -> datetime | None:
        if self._backup_days is None:
            return None
        return begun_utc + timedelta(days=self._backup_days)

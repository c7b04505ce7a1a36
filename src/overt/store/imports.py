"""Imports under way: verdicts kept aside under a key of their own, until the list is whole.

    watchlist_imports ── wraps the key of ──▶ imported_rows ── when whole ──▶ watchlist_entries

Finishing a new list writes its rows in small transactions under a key that nobody can find yet, and
shows the list by one last transaction with its life and its ledger record. A list that is already
there is changed in one transaction, and only where it differs.

Invariants: what is kept aside is encrypted, and noise once the import is over; a row is found by a
keyed digest, so that nobody can try whether a person is being imported; one process at a time
imports into a store. A list that is given up for another is given up only when all of that is kept
aside, so that whatever happens then the import can be started anew.
Must not: show half a list.
"""

import itertools
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session

from overt.core.clock import Clock
from overt.core.errors import StateError, StorageError
from overt.core.ids import EntryId, Sha256, WatchlistId
from overt.retention.receipts import Cause
from overt.retention.schedule import OwnerKind, Subject
from overt.store import deletions, erasing
from overt.store.database import Database
from overt.store.deletions import Gone, Order
from overt.store.erasing import import_key_place
from overt.store.finishing import Finisher
from overt.store.keys import DataKey
from overt.store.ledger import StoredLedger, UnitOfWork
from overt.store.media import remember_files
from overt.store.medium_files import MediumFile
from overt.store.models import (
    WatchlistEntryRow,
    WatchlistImportRow,
    WatchlistLifeRow,
    WatchlistRow,
)
from overt.store.open_import import KnownList, OpenImport
from overt.store.run_lock import HeldElsewhereError, RunLock
from overt.store.watchlist_lives import keep_kin, keep_step
from overt.store.watchlist_rows import (
    BATCH,
    delete_entries,
    drop_entries,
    insert_entries,
    key_of,
    key_place,
)
from overt.watchlist.life import WatchlistLife
from overt.watchlist.stored import CardIndex, EntryCard

_BUSY: Final = "Another process is importing a watchlist into this store: wait for its end."


class ImportDesk:
    """Begins, resumes and finishes imports."""

    def __init__(
        self,
        database: Database,
        ledger: StoredLedger,
        machine_key: DataKey,
        lock: RunLock,
        clock: Clock,
        *,
        finisher: Finisher,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._machine_key = machine_key
        self._lock = lock
        self._clock = clock
        self._finisher = finisher

    @contextmanager
    def importing(self, watchlist: WatchlistId) -> Iterator[OpenImport]:
        """Hand out the import into a list, where an earlier one was interrupted that one.

        Raises:
            StorageError: another process imports; or nothing can be kept.
            IntegrityError: what is kept was altered.
        """
        try:
            self._lock.acquire()
        except HeldElsewhereError as error:
            raise StorageError(_BUSY) from error
        try:
            with self._database.read() as session:
                is_noise = _is_noise(session, watchlist)
            if is_noise:
                self._clear(watchlist)
            with self._database.write() as session:
                row = session.get(WatchlistImportRow, watchlist)
                if row is None:
                    key, started_utc = DataKey.generate(), self._clock.now_utc()
                    wrapped = self._machine_key.wrap(key, import_key_place(watchlist))
                    session.add(
                        WatchlistImportRow(
                            watchlist_id=watchlist, wrapped_key=wrapped, started_utc=started_utc
                        )
                    )
                else:
                    key = self._machine_key.unwrap(row.wrapped_key, import_key_place(watchlist))
                    started_utc = row.started_utc
            yield OpenImport(self._database, watchlist, key, started_utc)
        finally:
            self._lock.release()

    def finish(
        self, open_import: OpenImport, life: WatchlistLife, cards: CardIndex, made: "Made"
    ) -> None:
        """Keep the list that an import came to, with its life and record, and forget the import.

        The files that it came from are remembered, so that they are destroyed when it is time.

        Args:
            open_import: the import.
            life: one step on.
            cards: everybody who is to be on the list.
            made: who has to be taken over, and who stays; and the files.

        Raises:
            StateError: another process took a step in the meantime.
            StorageError: it could not be kept; what was there before still is. Or it was, and what
                was kept aside is not yet overwritten in every file.
        """
        watchlist = open_import.watchlist
        if self._is_readable(watchlist) and made.stays:
            self._change(open_import, life, cards, made)
        else:
            self._make(open_import, life, cards, made)
        self._clear(watchlist)

    def known(self, cards: CardIndex) -> KnownList:
        """Return a list as it was, to be asked for what need not be enrolled again."""
        return KnownList(self._database, self._machine_key, cards)

    def remember(self, watchlist: WatchlistId, files: Iterable[MediumFile]) -> None:
        """Keep from which files a list was imported once more, so that they go in time, too.

        Raises:
            StorageError: it could not be kept.
        """
        with self._database.write() as session:
            now_utc = self._clock.now_utc()
            remember_files(session, self._machine_key, watchlist, files, now_utc)

    def unfinished(self) -> tuple[tuple[WatchlistId, datetime], ...]:
        """Return the lists into which an import was begun and not finished, and since when."""
        every = select(WatchlistImportRow).order_by(WatchlistImportRow.watchlist_id)
        with self._database.read() as session:
            return tuple(
                (WatchlistId(row.watchlist_id), row.started_utc) for row in session.scalars(every)
            )

    def discard(self, watchlist: WatchlistId) -> bool:
        """Destroy what is kept aside for a list; return whether there was anything.

        Raises:
            StorageError: it could not be done, or not yet in every file.
        """
        with self._ledger.transaction() as work:
            is_noise = _is_noise(work.session, watchlist)
            was_there = is_noise or self._destroy_key(work, watchlist)
        if was_there:
            self._clear(watchlist)
        return was_there

    def tidy(self, watchlist: WatchlistId) -> None:
        """Discard what an import left that was killed once its list was whole.

        Raises:
            StorageError: as :meth:`discard`.
        """
        try:
            self._lock.acquire()
        except HeldElsewhereError:
            return  # Somebody imports just now: what is kept aside may be theirs.
        try:
            self.discard(watchlist)
        finally:
            self._lock.release()

    def _destroy_key(self, work: UnitOfWork, watchlist: WatchlistId) -> bool:
        """Make what is kept aside noise, on record; return whether there is any."""
        gone = erasing.destroy_import(work.session, watchlist, self._machine_key)
        if gone:
            order = Order(Subject.IMPORT, erasing.list_owner(watchlist), Cause.IMPORT_OVER)
            deletions.begin(work, order, gone, self._clock.now_utc())
        return bool(gone)

    def _clear(self, watchlist: WatchlistId) -> None:
        """Drop rows that are noise, and see to it that their bytes go."""
        is_left = True
        while is_left:
            with self._database.write() as session:
                is_left = erasing.drop_import_rows(session, watchlist)
        self._finisher.finish()

    def _is_readable(self, watchlist: WatchlistId) -> bool:
        with self._database.read() as session:
            row = session.get(WatchlistRow, watchlist)
            return row is not None and row.wrapped_key is not None

    def _make(
        self, open_import: OpenImport, life: WatchlistLife, cards: CardIndex, made: "Made"
    ) -> None:
        """Write every entry under a new key, then show the list."""
        watchlist, key = open_import.watchlist, DataKey.generate()
        self._hide(life, cards)
        delete_entries(self._database, watchlist)
        for batch in _batched(cards.entries, BATCH):
            entries = [open_import.entry(made.fresh[card.entry], card.kin_group) for card in batch]
            with self._database.write() as session:
                insert_entries(session, watchlist, entries, key)
        with self._ledger.transaction() as work:
            keep_step(work, life)
            row = work.session.get_one(WatchlistRow, watchlist)
            row.wrapped_key = self._machine_key.wrap(key, key_place(watchlist))
            self._end(work, cards, made)

    def _end(self, work: UnitOfWork, cards: CardIndex, made: "Made") -> None:
        now_utc = self._clock.now_utc()
        _describe(work.session.get_one(WatchlistRow, cards.id), cards, now_utc)
        remember_files(work.session, self._machine_key, cards.id, made.files, now_utc)
        self._destroy_key(work, cards.id)

    def _hide(self, life: WatchlistLife, cards: CardIndex) -> None:
        """Make room for a list that nobody can read yet; one of before is given up for it."""
        with self._ledger.transaction() as work:
            _require_next(work.session, life)
            now_utc = self._clock.now_utc()
            row = work.session.get(WatchlistRow, cards.id)
            if row is None:
                row = WatchlistRow(id=cards.id)
                work.session.add(row)
            elif row.wrapped_key is not None:
                gone = erasing.destroy_list(work, cards.id, None, now_utc)
                self._record_replaced(work, Subject.LIST, cards.id, gone)
            _describe(row, cards, now_utc)

    def _record_replaced(
        self, work: UnitOfWork, what: Subject, watchlist: WatchlistId, gone: Gone
    ) -> None:
        order = Order(what, erasing.list_owner(watchlist), Cause.REPLACED)
        deletions.begin(work, order, gone, self._clock.now_utc())

    def _change(
        self, open_import: OpenImport, life: WatchlistLife, cards: CardIndex, made: "Made"
    ) -> None:
        """Change the list where it differs, in one transaction."""
        with self._ledger.transaction() as work:
            keep_step(work, life)
            row = work.session.get_one(WatchlistRow, cards.id)
            key = key_of(row, self._machine_key)
            if key is None:
                raise StateError("The list is not there any more.")
            kept = work.session.scalars(
                select(WatchlistEntryRow.entry).where(WatchlistEntryRow.watchlist_id == cards.id)
            ).all()
            left_out = [each for each in kept if each not in made.stays]
            drop_entries(work.session, cards.id, left_out)
            if left_out:
                gone = Gone({"watchlist_entries": len(left_out)})
                self._record_replaced(work, Subject.ENTRIES, cards.id, gone)
            for batch in _batched((c for c in cards.entries if c.entry not in made.stays), BATCH):
                entries = [
                    open_import.entry(made.fresh[card.entry], card.kin_group) for card in batch
                ]
                insert_entries(work.session, cards.id, entries, key)
            keep_kin(work.session, cards)
            self._end(work, cards, made)


@dataclass(frozen=True, slots=True)
class Made:
    """What an import has to write.

    Attributes:
        fresh: entries that were kept aside, with the key of their row.
        stays: entries that stay as they are.
        files: what it was imported from.
    """

    fresh: Mapping[EntryId, Sha256]
    stays: frozenset[EntryId]
    files: tuple[MediumFile, ...] = ()


def _require_next(session: Session, life: WatchlistLife) -> None:
    row = session.get(WatchlistLifeRow, life.watchlist)
    if (0 if row is None else row.version) != life.version - 1:
        raise StateError("Somebody else was faster with this list: look at it again.")


def _describe(row: WatchlistRow, cards: CardIndex, now_utc: datetime) -> None:
    row.name, row.contract_id = cards.name, cards.contract
    row.manifest_sha256, row.n_entries = cards.manifest_sha256, len(cards.entries)
    row.created_utc = now_utc


def _batched(cards: Iterable[EntryCard], size: int) -> Iterator[tuple[EntryCard, ...]]:
    rest = iter(cards)
    while batch := tuple(itertools.islice(rest, size)):
        yield batch


def _is_noise(session: Session, watchlist: WatchlistId) -> bool:
    """Whether what is kept aside is left of an import whose key was destroyed."""
    row = session.get(WatchlistImportRow, watchlist)
    return row is not None and any(
        each.what is Subject.IMPORT
        and each.owner.id == watchlist
        and each.begun_utc >= row.started_utc
        for each in deletions.unfinished(session, OwnerKind.WATCHLIST)
    )

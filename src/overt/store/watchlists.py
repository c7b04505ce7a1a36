"""Watchlists, encrypted: implements :class:`overt.watchlist.stored.WatchlistRepository`.

Invariants: each list has a key of its own; replacing a list destroys the old one's key with it.
Must not: write a label, a template or a picture in the clear.
"""

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from overt.core.clock import Clock
from overt.core.errors import IntegrityError, StateError
from overt.core.ids import ContractId, EntryId, Sha256, WatchlistId
from overt.retention.receipts import Cause
from overt.retention.schedule import Subject
from overt.store import deletions, erasing
from overt.store.database import Database
from overt.store.deletions import Order
from overt.store.finishing import Finisher
from overt.store.keys import DataKey, Sealed
from overt.store.ledger import StoredLedger, UnitOfWork
from overt.store.models import WatchlistEntryRow, WatchlistLifeRow, WatchlistRow
from overt.store.watchlist_rows import (
    entry_place,
    insert_entries,
    key_of,
    key_place,
    read_entries,
)
from overt.watchlist.manifest import card_of
from overt.watchlist.stored import CardIndex, StoredWatchlist, WatchlistSummary


class WatchlistArchive:
    """Keeps lists. Safe to use from any thread."""

    def __init__(
        self,
        database: Database,
        ledger: StoredLedger,
        machine_key: DataKey,
        clock: Clock,
        finisher: Finisher,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._machine_key = machine_key
        self._clock = clock
        self._finisher = finisher

    def save(self, watchlist: StoredWatchlist) -> None:
        """See :meth:`overt.watchlist.stored.WatchlistRepository.save`."""
        with self._ledger.transaction() as work:
            row = work.session.get(WatchlistRow, watchlist.id)
            if row is not None:
                if _is_kept(row, watchlist):
                    return
                _require_no_life(work.session, watchlist.id)
                self._destroy(work, watchlist.id, Cause.REPLACED)
                _delete(work.session, watchlist.id)
            self._insert(work.session, watchlist)
        self._finisher.finish()

    def load(self, watchlist_id: WatchlistId) -> StoredWatchlist | None:
        """See :meth:`overt.watchlist.stored.WatchlistRepository.load`."""
        with self._database.read() as session:
            row = session.get(WatchlistRow, watchlist_id)
            key = None if row is None else key_of(row, self._machine_key)
            if row is None or key is None:
                return None
            entries = tuple(read_entries(session, watchlist_id, key))
            _check_number(row, len(entries))
            return StoredWatchlist(
                id=watchlist_id,
                name=row.name,
                contract=ContractId(row.contract_id),
                manifest_sha256=Sha256(row.manifest_sha256),
                entries=entries,
            )

    def cards(self, watchlist_id: WatchlistId) -> CardIndex | None:
        """See :meth:`overt.watchlist.stored.WatchlistRepository.cards`."""
        with self._database.read() as session:
            row = session.get(WatchlistRow, watchlist_id)
            key = None if row is None else key_of(row, self._machine_key)
            if row is None or key is None:
                return None
            entries = tuple(card_of(each) for each in read_entries(session, watchlist_id, key))
            _check_number(row, len(entries))
            return CardIndex(
                watchlist_id,
                row.name,
                ContractId(row.contract_id),
                Sha256(row.manifest_sha256),
                entries,
            )

    def pictures(self, watchlist_id: WatchlistId, entry: EntryId) -> tuple[bytes, ...] | None:
        """Return an entry's reference pictures as JPEG, or None if there is none that can be read.

        Raises:
            IntegrityError: what is kept was altered.
            StorageError: it could not be read.
        """
        with self._database.read() as session:
            row = session.get(WatchlistRow, watchlist_id)
            key = None if row is None else key_of(row, self._machine_key)
            if key is None:
                return None
            found = next(read_entries(session, watchlist_id, key, entry), None)
            return None if found is None else tuple(r.picture_jpeg for r in found.references)

    def find(self, manifest_sha256: Sha256) -> StoredWatchlist | None:
        """Return the list with this manifest, or None if none that is kept has it.

        Raises:
            IntegrityError: what is kept was altered.
            StorageError: it could not be read.
        """
        fitting = [each for each in self.list() if each.manifest_sha256 == manifest_sha256]
        return self.load(fitting[0].id) if fitting else None

    def list(self) -> tuple[WatchlistSummary, ...]:
        """Return every list that can still be read, by id; nothing is decrypted."""
        readable = (
            select(WatchlistRow)
            .where(WatchlistRow.wrapped_key.is_not(None))
            .order_by(WatchlistRow.id)
        )
        with self._database.read() as session:
            return tuple(_summary(row) for row in session.scalars(readable))

    def destroy_key(self, watchlist_id: WatchlistId) -> bool:
        """Destroy a list's key, so that nobody can read it again; return whether there was one.

        Raises:
            StorageError: it could not be done, or not yet in every file.
        """
        with self._ledger.transaction() as work:
            had_key = self._destroy(work, watchlist_id, Cause.PURGE)
        self._finisher.finish()
        return had_key

    def _destroy(self, work: UnitOfWork, watchlist: WatchlistId, cause: Cause) -> bool:
        now_utc = self._clock.now_utc()
        gone = erasing.destroy_list(work, watchlist, None, now_utc)
        if gone.n_keys:
            order = Order(Subject.LIST, erasing.list_owner(watchlist), cause)
            deletions.begin(work, order, gone, now_utc)
        return gone.n_keys > 0

    def _insert(self, session: Session, watchlist: StoredWatchlist) -> None:
        key = DataKey.generate()
        session.add(
            WatchlistRow(
                id=watchlist.id,
                name=watchlist.name,
                contract_id=watchlist.contract,
                manifest_sha256=watchlist.manifest_sha256,
                wrapped_key=self._machine_key.wrap(key, key_place(watchlist.id)),
                created_utc=self._clock.now_utc(),
                n_entries=len(watchlist.entries),
            )
        )
        session.flush()
        insert_entries(session, watchlist.id, watchlist.entries, key)


def reseal(session: Session, watchlist_id: WatchlistId, machine_key: DataKey) -> DataKey | None:
    """Re-encrypt a list under a fresh key, which is returned; the former is destroyed with it.

    None if there is no such list, or no key of it any more.

    Raises:
        IntegrityError: what is kept was altered.
    """
    row = session.get(WatchlistRow, watchlist_id)
    if row is None or row.wrapped_key is None:
        return None
    former = machine_key.unwrap(row.wrapped_key, key_place(watchlist_id))
    fresh = DataKey.generate()
    ids = select(WatchlistEntryRow.entry).where(WatchlistEntryRow.watchlist_id == watchlist_id)
    for entry_id in session.scalars(ids).all():
        entry = session.get_one(WatchlistEntryRow, (watchlist_id, entry_id))
        place = entry_place(watchlist_id, EntryId(entry_id))
        sealed = fresh.seal(former.open(Sealed(entry.nonce, entry.ciphertext), place), place)
        entry.nonce, entry.ciphertext = sealed.nonce, sealed.ciphertext
        # Written one at a time: a list may hold more pictures than there is memory.
        session.flush()
        session.expunge(entry)
    row.wrapped_key = machine_key.wrap(fresh, key_place(watchlist_id))
    return fresh


def _summary(row: WatchlistRow) -> WatchlistSummary:
    return WatchlistSummary(
        id=WatchlistId(row.id),
        name=row.name,
        contract=ContractId(row.contract_id),
        manifest_sha256=Sha256(row.manifest_sha256),
        created_utc=row.created_utc,
        n_entries=row.n_entries,
    )


def _is_kept(row: WatchlistRow, watchlist: StoredWatchlist) -> bool:
    return row.wrapped_key is not None and row.manifest_sha256 == watchlist.manifest_sha256


def _delete(session: Session, watchlist_id: WatchlistId) -> None:
    entries = WatchlistEntryRow.watchlist_id == watchlist_id
    session.execute(delete(WatchlistEntryRow).where(entries))
    session.execute(delete(WatchlistRow).where(WatchlistRow.id == watchlist_id))
    session.expire_all()


def _check_number(row: WatchlistRow, n_entries: int) -> None:
    if n_entries != row.n_entries:
        raise IntegrityError("A watchlist that the store keeps lost or gained entries.")


def _require_no_life(session: Session, watchlist_id: WatchlistId) -> None:
    if session.get(WatchlistLifeRow, watchlist_id) is not None:
        raise StateError("The list was imported and decided on: it changes only by an import.")

"""Watchlists, encrypted: implements :class:`overt.watchlist.stored.WatchlistRepository`.

Invariants: each list has a key of its own; replacing a list destroys the old one's key with it.
Must not: write a label, a template or a picture in the clear.
"""

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from overt.core.clock import Clock
from overt.core.errors import IntegrityError
from overt.core.ids import ContractId, EntryId, KinGroup, Sha256, WatchlistId
from overt.store.database import Database
from overt.store.entry_blob import decode_entry, encode_entry
from overt.store.keys import DataKey, Sealed, place_of
from overt.store.models import WatchlistEntryRow, WatchlistRow
from overt.watchlist.stored import StoredEntry, StoredWatchlist, WatchlistSummary


class WatchlistArchive:
    """Keeps lists. Safe to use from any thread."""

    def __init__(self, database: Database, machine_key: DataKey, clock: Clock) -> None:
        self._database = database
        self._machine_key = machine_key
        self._clock = clock

    def save(self, watchlist: StoredWatchlist) -> None:
        """See :meth:`overt.watchlist.stored.WatchlistRepository.save`."""
        with self._database.write() as session:
            row = session.get(WatchlistRow, watchlist.id)
            replaces = row is not None
            if row is not None:
                if _is_kept(row, watchlist):
                    return
                _delete(session, watchlist.id)
            self._insert(session, watchlist)
        if replaces:
            self._database.forget_history()

    def load(self, watchlist_id: WatchlistId) -> StoredWatchlist | None:
        """See :meth:`overt.watchlist.stored.WatchlistRepository.load`."""
        with self._database.read() as session:
            row = session.get(WatchlistRow, watchlist_id)
            if row is None or row.wrapped_key is None:
                return None
            key = self._machine_key.unwrap(row.wrapped_key, _key_place(watchlist_id))
            ordered = (
                select(WatchlistEntryRow)
                .where(WatchlistEntryRow.watchlist_id == watchlist_id)
                .order_by(WatchlistEntryRow.entry)
                .execution_options(yield_per=100)
            )
            entries = tuple(_opened(entry, key) for entry in session.scalars(ordered))
            if len(entries) != row.n_entries:
                raise IntegrityError("A watchlist that the store keeps lost or gained entries.")
            return StoredWatchlist(
                id=watchlist_id,
                name=row.name,
                contract=ContractId(row.contract_id),
                manifest_sha256=Sha256(row.manifest_sha256),
                entries=entries,
            )

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
        with self._database.write() as session:
            row = session.get(WatchlistRow, watchlist_id)
            had_key = row is not None and row.wrapped_key is not None
            if row is not None:
                row.wrapped_key = None
        self._database.forget_history()
        return had_key

    def _insert(self, session: Session, watchlist: StoredWatchlist) -> None:
        key = DataKey.generate()
        session.add(
            WatchlistRow(
                id=watchlist.id,
                name=watchlist.name,
                contract_id=watchlist.contract,
                manifest_sha256=watchlist.manifest_sha256,
                wrapped_key=self._machine_key.wrap(key, _key_place(watchlist.id)),
                created_utc=self._clock.now_utc(),
                n_entries=len(watchlist.entries),
            )
        )
        session.flush()
        rows = [_sealed(watchlist.id, entry, key) for entry in watchlist.entries]
        if rows:
            session.execute(insert(WatchlistEntryRow), rows)


def reseal(session: Session, watchlist_id: WatchlistId, machine_key: DataKey) -> DataKey | None:
    """Re-encrypt a list under a fresh key, which is returned; the former is destroyed with it.

    None if there is no such list, or no key of it any more.

    Raises:
        IntegrityError: what is kept was altered.
    """
    row = session.get(WatchlistRow, watchlist_id)
    if row is None or row.wrapped_key is None:
        return None
    former = machine_key.unwrap(row.wrapped_key, _key_place(watchlist_id))
    fresh = DataKey.generate()
    ids = select(WatchlistEntryRow.entry).where(WatchlistEntryRow.watchlist_id == watchlist_id)
    for entry_id in session.scalars(ids).all():
        entry = session.get_one(WatchlistEntryRow, (watchlist_id, entry_id))
        place = _entry_place(watchlist_id, EntryId(entry_id))
        sealed = fresh.seal(former.open(Sealed(entry.nonce, entry.ciphertext), place), place)
        entry.nonce, entry.ciphertext = sealed.nonce, sealed.ciphertext
        # Written one at a time: a list may hold more pictures than there is memory.
        session.flush()
        session.expunge(entry)
    row.wrapped_key = machine_key.wrap(fresh, _key_place(watchlist_id))
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


def _sealed(watchlist_id: WatchlistId, entry: StoredEntry, key: DataKey) -> dict[str, object]:
    plaintext = encode_entry(entry.label, entry.references)
    sealed = key.seal(plaintext, _entry_place(watchlist_id, entry.entry))
    return {
        "watchlist_id": watchlist_id,
        "entry": entry.entry,
        "expires_utc": entry.expires_utc,
        "kin_group": entry.kin_group,
        "nonce": sealed.nonce,
        "ciphertext": sealed.ciphertext,
    }


def _opened(row: WatchlistEntryRow, key: DataKey) -> StoredEntry:
    place = _entry_place(WatchlistId(row.watchlist_id), EntryId(row.entry))
    label, references = decode_entry(key.open(Sealed(row.nonce, row.ciphertext), place))
    return StoredEntry(
        entry=EntryId(row.entry),
        label=label,
        references=references,
        expires_utc=row.expires_utc,
        kin_group=None if row.kin_group is None else KinGroup(row.kin_group),
    )


def _key_place(watchlist_id: WatchlistId) -> str:
    return place_of("watchlists", watchlist_id, "wrapped_key")


def _entry_place(watchlist_id: WatchlistId, entry: EntryId) -> str:
    return place_of("watchlist_entries", f"{watchlist_id}/{entry}", "ciphertext")

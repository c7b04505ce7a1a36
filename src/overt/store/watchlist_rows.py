"""A list's rows, sealed and opened: what keeping, importing and purging a list have in common.

Invariants: an entry's ciphertext is bound to its list and its id; a list whose ``wrapped_key`` is
null is no list yet or none any more, and its rows are noise.
Must not: write a label, grounds, a template or a picture in the clear.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from overt.core.ids import EntryId, KinGroup, WatchlistId
from overt.store.database import Database
from overt.store.entry_blob import decode_entry, encode_entry
from overt.store.keys import DataKey, Sealed, place_of
from overt.store.models import WatchlistEntryRow, WatchlistRow
from overt.watchlist.stored import StoredEntry

BATCH: Final = 200
"""Rows written or deleted in one transaction, so that nobody waits long for the write lock."""


def key_place(watchlist: WatchlistId) -> str:
    """Return the place that a list's key is wrapped for."""
    return place_of("watchlists", watchlist, "wrapped_key")


def entry_place(watchlist: WatchlistId, entry: EntryId) -> str:
    """Return the place that an entry is sealed for."""
    return place_of("watchlist_entries", f"{watchlist}/{entry}", "ciphertext")


def key_of(row: WatchlistRow, machine_key: DataKey) -> DataKey | None:
    """Return a list's key, or None if it was destroyed or is not there yet.

    Raises:
        IntegrityError: the wrapped key was altered.
    """
    if row.wrapped_key is None:
        return None
    return machine_key.unwrap(row.wrapped_key, key_place(WatchlistId(row.id)))


def insert_entries(
    session: Session, watchlist: WatchlistId, entries: Sequence[StoredEntry], key: DataKey
) -> None:
    """Write entries under a list's key."""
    rows = [_sealed(watchlist, entry, key) for entry in entries]
    if rows:
        session.execute(insert(WatchlistEntryRow), rows)


def read_entries(
    session: Session, watchlist: WatchlistId, key: DataKey, only: EntryId | None = None
) -> Iterator[StoredEntry]:
    """Yield a list's entries by id, one at a time: a list may hold more than there is memory.

    Args:
        session: of a transaction.
        watchlist: which list.
        key: the list's.
        only: one entry alone; all if None.

    Raises:
        IntegrityError: what is kept was altered.
    """
    ordered = (
        select(WatchlistEntryRow)
        .where(WatchlistEntryRow.watchlist_id == watchlist)
        .order_by(WatchlistEntryRow.entry)
        .execution_options(yield_per=BATCH)
    )
    if only is not None:
        ordered = ordered.where(WatchlistEntryRow.entry == only)
    for row in session.scalars(ordered):
        yield _opened(row, key)
        session.expunge(row)


def delete_entries(database: Database, watchlist: WatchlistId) -> None:
    """Delete every row of a list whose key is gone, a few at a time."""
    ids = (
        select(WatchlistEntryRow.entry)
        .where(WatchlistEntryRow.watchlist_id == watchlist)
        .limit(BATCH)
    )
    while True:
        with database.write() as session:
            found = session.scalars(ids).all()
            if not found:
                return
            drop_entries(session, watchlist, found)


def drop_entries(session: Session, watchlist: WatchlistId, entries: Sequence[str]) -> None:
    """Delete some of a list's rows."""
    for start in range(0, len(entries), BATCH):
        session.execute(
            delete(WatchlistEntryRow).where(
                WatchlistEntryRow.watchlist_id == watchlist,
                WatchlistEntryRow.entry.in_(entries[start : start + BATCH]),
            )
        )


def _sealed(watchlist: WatchlistId, entry: StoredEntry, key: DataKey) -> dict[str, object]:
    plaintext = encode_entry(entry.label, entry.references, entry.grounds, entry.enrolment)
    sealed = key.seal(plaintext, entry_place(watchlist, entry.entry))
    return {
        "watchlist_id": watchlist,
        "entry": entry.entry,
        "expires_utc": entry.expires_utc,
        "kin_group": entry.kin_group,
        "nonce": sealed.nonce,
        "ciphertext": sealed.ciphertext,
    }


def _opened(row: WatchlistEntryRow, key: DataKey) -> StoredEntry:
    place = entry_place(WatchlistId(row.watchlist_id), EntryId(row.entry))
    blob = decode_entry(key.open(Sealed(row.nonce, row.ciphertext), place))
    return StoredEntry(
        entry=EntryId(row.entry),
        label=blob.label,
        references=blob.references,
        expires_utc=row.expires_utc,
        kin_group=None if row.kin_group is None else KinGroup(row.kin_group),
        grounds=blob.grounds,
        enrolment=blob.enrolment,
    )

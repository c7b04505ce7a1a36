"""What deletes rows and destroys keys, within a transaction; each says what it deleted.

Big things go in two parts. Within the transaction their key is destroyed, which makes their rows
noise; the rows follow, a few at a time (:func:`drop_what_is_left`), before there is a receipt.

Invariants: whoever calls one of these puts on record what it says
(:func:`overt.store.deletions.begin`), in the same transaction; a destroyed key has its own record
too.
Must not: decide whether something is due, or commit.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any, Final

from sqlalchemy import CursorResult, delete, func, select, update
from sqlalchemy.orm import InstrumentedAttribute, Session

from overt.core.ids import DeploymentId, PersonId, Sha256, WatchlistId
from overt.ledger.acts import KeyDestroyed
from overt.ledger.records import LedgerRecord
from overt.retention.schedule import Owner, OwnerKind
from overt.store import deployments
from overt.store.base import Base
from overt.store.deletions import Gone
from overt.store.keys import DataKey, place_of
from overt.store.ledger import UnitOfWork
from overt.store.models import (
    AlertPictureRow,
    AlertRow,
    AlertStepRow,
    ImportedRowRow,
    ListMembersRow,
    PersonRow,
    PresenceBeatRow,
    StoreFactRow,
    WatchlistEntryRow,
    WatchlistImportRow,
    WatchlistRow,
)
from overt.store.models_retention import MembershipRow
from overt.store.people import struck_off_fact
from overt.store.watchlist_rows import BATCH

NOTES: Final = "alert_steps.ciphertext"
"""How notes are counted, whose steps stay."""


def erase_alert(session: Session, alert: str) -> Gone:
    """Delete an alert with its steps, and its pictures if they are still there."""
    return Gone(
        {
            "alert_pictures": _delete(session, AlertPictureRow, AlertPictureRow.alert_id == alert),
            "alert_steps": _delete(session, AlertStepRow, AlertStepRow.alert_id == alert),
            "alerts": _delete(session, AlertRow, AlertRow.id == alert),
        }
    )


def erase_pictures(
    work: UnitOfWork,
    deployment: DeploymentId,
    spared: Collection[str],
    by: PersonId | None,
    at_utc: datetime,
) -> Gone:
    """Delete the pictures and notes of a deployment's alerts, and destroy their key.

    Args:
        work: the transaction.
        deployment: whose.
        spared: alerts that keep theirs; for them the key stays too.
        by: who; None for what happens of itself.
        at_utc: when.
    """
    session = work.session
    alerts = select(AlertRow.id).where(
        AlertRow.deployment_id == deployment, AlertRow.id.not_in(spared)
    )
    notes = session.execute(
        update(AlertStepRow)
        .where(AlertStepRow.alert_id.in_(alerts), AlertStepRow.ciphertext.is_not(None))
        .values(nonce=None, ciphertext=None)
        .execution_options(synchronize_session=False)
    )
    rows = {
        "alert_pictures": _delete(session, AlertPictureRow, AlertPictureRow.alert_id.in_(alerts)),
        NOTES: _n_rows(notes),
        "presence_beats": _delete(
            session, PresenceBeatRow, PresenceBeatRow.deployment_id == deployment
        ),
    }
    session.expire_all()
    had_key = not spared and deployments.destroy_key(session, deployment)
    if had_key:
        _record_key(work, "deployment", deployment, by, at_utc)
    return Gone(rows, int(had_key))


def destroy_list(
    work: UnitOfWork, watchlist: WatchlistId, by: PersonId | None, at_utc: datetime
) -> Gone:
    """Destroy a list's key; its entries are noise from now on, and counted as gone."""
    row = work.session.get(WatchlistRow, watchlist)
    if row is None:
        return Gone()
    had_key = row.wrapped_key is not None
    row.wrapped_key = None
    if had_key:
        _record_key(work, "watchlist", watchlist, by, at_utc)
    entries = _count(work.session, WatchlistEntryRow.watchlist_id, watchlist)
    return Gone({"watchlist_entries": entries, "watchlists": 1}, int(had_key))


def destroy_import(session: Session, watchlist: WatchlistId, machine_key: DataKey) -> Gone:
    """Destroy the key of what an import kept aside; its rows are noise, and counted as gone."""
    row = session.get(WatchlistImportRow, watchlist)
    if row is None:
        return Gone()
    # A key that nobody ever held, since the column cannot be empty.
    row.wrapped_key = machine_key.wrap(DataKey.generate(), import_key_place(watchlist))
    staged = _count(session, ImportedRowRow.watchlist_id, watchlist)
    return Gone({"imported_rows": staged, "watchlist_imports": 1}, 1)


def erase_members(session: Session, manifest: Sha256) -> Gone:
    """Delete the digests of who was on a list."""
    found = ListMembersRow.manifest_sha256 == manifest
    return Gone({"list_members": _delete(session, ListMembersRow, found)})


def erase_membership(session: Session, deployment: DeploymentId) -> Gone:
    """Delete the digests of who was on a deployment's list."""
    found = MembershipRow.deployment_id == deployment
    return Gone({"memberships": _delete(session, MembershipRow, found)})


def erase_account(session: Session, person: PersonId) -> Gone:
    """Delete the entry of somebody of the force."""
    _delete(session, StoreFactRow, StoreFactRow.name == struck_off_fact(person))
    return Gone({"people": _delete(session, PersonRow, PersonRow.id == person)})


def drop_list_rows(session: Session, watchlist: WatchlistId) -> bool:
    """Delete some rows of a list whose key is destroyed; return whether any may be left.

    A list that an import is making has no key yet either: nothing of it is touched.
    """
    row = session.get(WatchlistRow, watchlist)
    if row is not None and row.wrapped_key is not None:
        return False
    if session.get(WatchlistImportRow, watchlist) is not None:
        return False
    some = (
        select(WatchlistEntryRow.entry)
        .where(WatchlistEntryRow.watchlist_id == watchlist)
        .limit(BATCH)
    )
    found = session.scalars(some).all()
    _delete(
        session,
        WatchlistEntryRow,
        WatchlistEntryRow.watchlist_id == watchlist,
        WatchlistEntryRow.entry.in_(found),
    )
    if len(found) == BATCH:
        return True
    _delete(session, WatchlistRow, WatchlistRow.id == watchlist)
    return False


def drop_import_rows(session: Session, watchlist: WatchlistId) -> bool:
    """Delete some rows that an import kept aside; return whether any may be left.

    The caller holds the lock on imports, and has destroyed the key.
    """
    some = (
        select(ImportedRowRow.row_sha256)
        .where(ImportedRowRow.watchlist_id == watchlist)
        .limit(BATCH)
    )
    found = session.scalars(some).all()
    _delete(
        session,
        ImportedRowRow,
        ImportedRowRow.watchlist_id == watchlist,
        ImportedRowRow.row_sha256.in_(found),
    )
    if len(found) == BATCH:
        return True
    _delete(session, WatchlistImportRow, WatchlistImportRow.watchlist_id == watchlist)
    return False


def list_rows_are_left(session: Session, watchlist: WatchlistId) -> bool:
    """Whether rows of a list whose key is destroyed are still there, or may be."""
    row = session.get(WatchlistRow, watchlist)
    return row is not None and row.wrapped_key is None


def list_owner(watchlist: WatchlistId) -> Owner:
    """Return a list as the owner of what goes."""
    return Owner(OwnerKind.WATCHLIST, watchlist)


def import_key_place(watchlist: WatchlistId) -> str:
    """Return the place that an import's key is wrapped for."""
    return place_of("watchlist_imports", watchlist, "wrapped_key")


def _record_key(
    work: UnitOfWork, scope: str, owner: str, by: PersonId | None, at_utc: datetime
) -> None:
    work.append(LedgerRecord.of(KeyDestroyed(scope, owner, by), at_utc))


def _delete(session: Session, table: type[Base], *which: Any) -> int:
    done = session.execute(delete(table).where(*which).execution_options(synchronize_session=False))
    session.expire_all()
    return _n_rows(done)


def _n_rows(done: Any) -> int:
    return done.rowcount if isinstance(done, CursorResult) else 0


def _count(session: Session, column: InstrumentedAttribute[str], value: str) -> int:
    return session.scalar(select(func.count()).where(column == value)) or 0

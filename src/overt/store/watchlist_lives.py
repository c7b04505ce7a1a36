"""The lives of lists, each step with its ledger record.

Invariants: a life, its record and what the step changes in the list are one transaction; of two
processes that take a step from the same point one wins, and the other is told so; what policy or a
person's role refuses is recorded by its rule; no list is purged or reopened while a deployment
whose authority runs stands on it.
Must not: decide whether a step may be taken (:mod:`overt.watchlist.lifecycle` does).
"""

import hashlib
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from overt.core.clock import Clock
from overt.core.errors import IntegrityError, PolicyError, StateError
from overt.core.ids import PersonId, Sha256, WatchlistId
from overt.deployment.life import Life, LifeState
from overt.ledger.acts import Refusal, WatchlistStep
from overt.ledger.kinds import RecordKind
from overt.ledger.records import LedgerRecord
from overt.retention.receipts import Cause
from overt.retention.schedule import OwnerKind, Subject
from overt.store import deletions, erasing
from overt.store.database import Database
from overt.store.deletions import Order
from overt.store.finishing import Finisher
from overt.store.holds import standing_holds
from overt.store.keys import DataKey
from overt.store.ledger import StoredLedger, UnitOfWork
from overt.store.ledger_records import records_of
from overt.store.members import keep_members
from overt.store.models import DeploymentLifeRow, WatchlistEntryRow, WatchlistLifeRow, WatchlistRow
from overt.store.people import registered_person
from overt.watchlist.decisions import ListEvent, ListState
from overt.watchlist.life import WatchlistLife
from overt.watchlist.lifecycle import Actor, purge_at_closing, purge_when_due
from overt.watchlist.stored import CardIndex


class WatchlistLives:
    """Reads lives and takes their steps. Safe to use from any thread."""

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

    def find(self, watchlist: WatchlistId) -> WatchlistLife | None:
        """Return a list's life, or None if there is no such list, or one from before lives.

        Raises:
            IntegrityError: what is kept was altered.
            StorageError: it could not be read.
        """
        with self._database.read() as session:
            row = session.get(WatchlistLifeRow, watchlist)
            return None if row is None else _life(row)

    def version(self, watchlist: WatchlistId) -> int | None:
        """Return how many steps a list has taken, or None; raises StorageError as :meth:`find`."""
        wanted = select(WatchlistLifeRow.version).where(WatchlistLifeRow.watchlist_id == watchlist)
        with self._database.read() as session:
            return session.scalar(wanted)

    def find_by_manifest(self, manifest_sha256: Sha256) -> WatchlistLife | None:
        """Return the life of the list that is, or last was, this one; raises as :meth:`find`."""
        return next((e for e in self.list() if e.manifest_sha256 == manifest_sha256), None)

    def list(self) -> tuple[WatchlistLife, ...]:
        """Return every life, also those of purged lists, by id; raises as :meth:`find`."""
        with self._database.read() as session:
            rows = session.scalars(select(WatchlistLifeRow).order_by(WatchlistLifeRow.watchlist_id))
            return tuple(_life(row) for row in rows)

    def take(self, life: WatchlistLife) -> None:
        """Keep a life that is one step on, with the step's record.

        Raises:
            StateError: another process took a step from the same point; or the list is to be
                reopened, and an authority that runs stands on it.
            StorageError: it could not be kept; nothing of it was.
        """
        step = life.steps[-1]
        with self._ledger.transaction() as work:
            if step.event is ListEvent.REOPENED:
                _require_nothing_stands_on(work.session, life.watchlist, step.at_utc)
            keep_step(work, life)

    def take_freezing(self, life: WatchlistLife, cards: CardIndex) -> None:
        """Keep a list in the form that is signed: its kin groups, its manifest, who is on it.

        Raises:
            StateError, StorageError: as :meth:`take`; or the list cannot be read any more.
        """
        with self._ledger.transaction() as work:
            keep_step(work, life)
            row = work.session.get(WatchlistRow, life.watchlist)
            if row is None or row.wrapped_key is None or row.n_entries != len(cards.entries):
                raise StateError("The list is not there any more as it was decided on.")
            row.manifest_sha256 = cards.manifest_sha256
            keep_kin(work.session, cards)
            people = [
                (card.grounds.source_system, card.grounds.source_reference)
                for card in cards.entries
                if card.grounds is not None
            ]
            now_utc = life.steps[-1].at_utc
            keep_members(work.session, self._machine_key, cards.manifest_sha256, people, now_utc)

    def take_purge(self, life: WatchlistLife) -> None:
        """Destroy a list's key with its record, then its rows.

        Raises:
            StateError: as :meth:`take`; or an authority that runs stands on the list.
            StorageError: as :meth:`take`; or it was done, and the key is not yet overwritten in
                every file.
        """
        step = life.steps[-1]
        watchlist = WatchlistId(life.watchlist)
        with self._ledger.transaction() as work:
            _require_nothing_stands_on(work.session, watchlist, step.at_utc)
            _require_not_held(work.session, watchlist, step.at_utc)
            keep_step(work, life)
            by = None if step.by is None else PersonId(step.by)
            _delete_list(work, watchlist, by, step.at_utc)
        self._finisher.finish()

    def forget_without_life(self, watchlist: WatchlistId, by: PersonId) -> bool:
        """Purge a list from before lives; return whether there was one.

        Raises:
            StateError: the list has a life, which must say so, or an authority stands on it.
            StorageError: as :meth:`take_purge`.
        """
        with self._ledger.transaction() as work:
            if work.session.get(WatchlistLifeRow, watchlist) is not None:
                raise StateError("The list has a life: purge it by a step.")
            row = work.session.get(WatchlistRow, watchlist)
            if row is None:
                return False
            now_utc = self._clock.now_utc()
            _require_nothing_stands_on(work.session, watchlist, now_utc)
            _require_not_held(work.session, watchlist, now_utc)
            _delete_list(work, watchlist, by, now_utc)
        self._finisher.finish()
        return True

    @contextmanager
    def recording_refusals(self) -> Iterator[None]:
        """Record which rules refused what is tried within, and let the refusal go on.

        Raises:
            PolicyError: as it was raised.
            StorageError: it could not be recorded.
        """
        try:
            yield
        except PolicyError as refused:
            with self._ledger.transaction() as work:
                for rule in dict.fromkeys(refused.rules):
                    act = Refusal(run=None, deployment=None, rule=rule)
                    work.append(LedgerRecord.of(act, self._clock.now_utc()))
            raise


def keep_step(work: UnitOfWork, life: WatchlistLife) -> None:
    """Write a life that is one step on, and the step's record, within a transaction.

    Raises:
        StateError: another process took a step from the same point.
    """
    step = life.steps[-1]
    row = work.session.get(WatchlistLifeRow, life.watchlist)
    if (0 if row is None else row.version) != life.version - 1:
        raise StateError("Somebody else was faster with this list: look at it again.")
    if row is None:
        row = WatchlistLifeRow(watchlist_id=life.watchlist)
        work.session.add(row)
    row.state, row.version = str(life.state), life.version
    row.document, row.updated_utc = life.to_bytes(), step.at_utc
    act = WatchlistStep(
        watchlist=WatchlistId(life.watchlist),
        event=str(step.event),
        state=str(step.state),
        version=life.version,
        manifest_sha256=Sha256(life.manifest_sha256),
        document_sha256=life.sha256,
        by=None if step.by is None else PersonId(step.by),
    )
    work.append(LedgerRecord.of(act, step.at_utc))


def purge_life(
    work: UnitOfWork, watchlist: WatchlistId, by: PersonId | None, at_utc: datetime
) -> None:
    """Take a list's life to its end, if it has one: by somebody's act elsewhere, or of itself."""
    row = work.session.get(WatchlistLifeRow, watchlist)
    life = None if row is None else WatchlistLife.parse(row.document)
    if life is None or life.state is ListState.PURGED:
        return
    person = None if by is None else registered_person(work.session, by)
    at_utc = max(at_utc, life.steps[-1].at_utc)
    if person is None:
        keep_step(work, purge_when_due(life, at_utc))
    else:
        keep_step(work, purge_at_closing(life, Actor(person, at_utc)))


def keep_kin(session: Session, cards: CardIndex) -> None:
    """Write the kin groups of a list where they changed."""
    wanted = select(WatchlistEntryRow.entry, WatchlistEntryRow.kin_group).where(
        WatchlistEntryRow.watchlist_id == cards.id
    )
    kept = {row.entry: row.kin_group for row in session.execute(wanted)}
    changed = (card for card in cards.entries if kept.get(card.entry) != card.kin_group)
    for card in changed:
        session.execute(
            update(WatchlistEntryRow)
            .where(
                WatchlistEntryRow.watchlist_id == cards.id, WatchlistEntryRow.entry == card.entry
            )
            .values(kin_group=card.kin_group)
        )


def check_lists_against_ledger(session: Session) -> None:
    """Check that every life is the one that its last record commits to, and that none is missing.

    Raises:
        IntegrityError: a life without its record, a record without its life, a version left out, or
            one that differs from the other.
    """
    recorded: dict[str, tuple[int, object]] = {}
    for seq, record in records_of(session, RecordKind.WATCHLIST_STEP):
        watchlist, version = str(record.body["watchlist"]), record.body["version"]
        expected = recorded.get(watchlist, (0, None))[0] + 1
        if version != expected:
            raise IntegrityError(f"Ledger record {seq} leaves out a step of a watchlist.")
        recorded[watchlist] = expected, record.body["document_sha256"]
    kept = {
        row.watchlist_id: (row.version, hashlib.sha256(row.document).hexdigest())
        for row in session.scalars(select(WatchlistLifeRow))
    }
    if kept != recorded:
        raise IntegrityError("The life of a watchlist does not match the ledger.")


def _require_nothing_stands_on(session: Session, watchlist: str, now_utc: datetime) -> None:
    """Raise if a deployment with an authority that runs names a list.

    Raises:
        StateError: which one does.
    """
    has_authority = (LifeState.AUTHORISED, LifeState.READY, LifeState.LIVE, LifeState.PAUSED)
    documents = session.scalars(
        select(DeploymentLifeRow.document)
        .where(DeploymentLifeRow.state.in_(has_authority))
        .order_by(DeploymentLifeRow.id)
    )
    for life in map(Life.parse, documents):
        if life.application.watchlist_id == watchlist and not life.lapsed(now_utc):
            raise StateError(
                f"The deployment {life.deployment} is {life.state} and stands on this list: "
                "end it first."
            )


def _require_not_held(session: Session, watchlist: str, now_utc: datetime) -> None:
    """Raise if a legal hold keeps a list."""
    holds = standing_holds(session, now_utc)
    if any(holds.until(OwnerKind.WATCHLIST, watchlist, kind) for kind in Subject.LIST.data):
        raise StateError("The list is held: it can be purged when the hold is over.")


def _delete_list(
    work: UnitOfWork, watchlist: WatchlistId, by: PersonId | None, at_utc: datetime
) -> None:
    gone = erasing.destroy_list(work, watchlist, by, at_utc)
    if gone:
        order = Order(Subject.LIST, erasing.list_owner(watchlist), Cause.PURGE, by)
        deletions.begin(work, order, gone, at_utc)


def _life(row: WatchlistLifeRow) -> WatchlistLife:
    life = WatchlistLife.parse(row.document)
    if (life.watchlist, life.version, ListState(row.state)) != (
        row.watchlist_id,
        row.version,
        life.state,
    ):
        raise IntegrityError("The life of a watchlist stands in another's place.")
    return life

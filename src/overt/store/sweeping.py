"""The sweeper: finds what is due, deletes it on record, and sees to it that the bytes go.

    all that is kept ─▶ due, and not held ─▶ deleted, on record, some at a time ─▶ receipts

Invariants: what is due is found out in the transaction that deletes it, so that a hold or a step
that came first counts, and of two sweepers one deletes; the clock is held against the latest time
of any record, so that setting it back keeps nothing; what was begun before is ended.
Must not: decide how long anything is kept (:mod:`overt.retention.schedule` and the pack do).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from overt.core.clock import Clock
from overt.core.ids import DeploymentId, PersonId, Sha256, WatchlistId
from overt.policy.pack_data import DataKind
from overt.retention.receipts import Begun, Cause, Receipt
from overt.retention.schedule import Subject
from overt.retention.sweeper import Standing, standing, to_delete
from overt.store import deletions, erasing
from overt.store.database import Database
from overt.store.deletions import Gone, Order
from overt.store.finishing import Finisher, Telling
from overt.store.holds import record_expired, standing_holds
from overt.store.inventory import audit_since_utc, inventory
from overt.store.keys import DataKey
from overt.store.ledger import StoredLedger, UnitOfWork
from overt.store.media import MediaRegister
from overt.store.surroundings import look_around
from overt.store.watchlist_lives import purge_life

AT_ONCE: Final = 100
"""Deleted in one transaction, so that nobody waits long for the write lock."""

_ROUNDS: Final = 4
"""What one round ends can leave something for the next, such as an import its list."""


@dataclass(frozen=True, slots=True)
class Swept:
    """What a sweep did.

    Attributes:
        begun: what it deleted.
        receipts: of these, and of what was begun before.
        n_waiting: deletions whose bytes go when a run or an import is over.
    """

    begun: tuple[Begun, ...]
    receipts: tuple[Receipt, ...]
    n_waiting: int


@dataclass(frozen=True, slots=True)
class RetentionStatus:
    """What is kept, until when, and what is unfinished.

    Attributes:
        now_utc: what time it is for deletions.
        standings: everything with a deadline.
        unfinished: deletions whose bytes are not gone.
        media: by list, how many files of its medium stand where.
        audit_since_utc: when the ledger begins; None if it is empty.
        audit_until_utc: when its first record's period is over.
        has_policy: whether any pack says how long.
    """

    now_utc: datetime
    standings: tuple[Standing, ...]
    unfinished: tuple[Begun, ...]
    media: Mapping[WatchlistId, Mapping[str, int]]
    audit_since_utc: datetime | None
    audit_until_utc: datetime | None
    has_policy: bool


class Sweeper:
    """Sweeps. Safe to use from any thread and process."""

    def __init__(
        self,
        database: Database,
        ledger: StoredLedger,
        machine_key: DataKey,
        *,
        media: MediaRegister,
        finisher: Finisher,
        clock: Clock,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._machine_key = machine_key
        self._media = media
        self._finisher = finisher
        self._clock = clock

    def sweep(self, tell: Telling | None = None) -> Swept:
        """Delete everything that is due, and end what was begun before.

        Args:
            tell: is told what takes long.

        Raises:
            StorageError: not all of it could be done; call it again.
            IntegrityError: what is kept was altered, so that nobody can say what is due.
        """
        begun: list[Begun] = []
        receipts: list[Receipt] = []
        n_waiting = 0
        for _ in range(_ROUNDS):
            now_begun = self._begin_all()
            ended = self._finisher.finish(tell)
            begun += now_begun
            receipts += ended.receipts
            n_waiting = ended.n_waiting
            if not now_begun:
                break
        return Swept(tuple(begun), tuple(receipts), n_waiting)

    def plan(self) -> tuple[Standing, ...]:
        """Return what a sweep would delete now; nothing is.

        Raises:
            IntegrityError, StorageError: as :meth:`sweep`.
        """
        status = self.status()
        return tuple(each for each in status.standings if each.is_to_go(status.now_utc))

    def status(self) -> RetentionStatus:
        """Return what is kept, and until when.

        Raises:
            IntegrityError, StorageError: as :meth:`sweep`.
        """
        returned, media = self._media.returned(), self._media.states()
        with self._database.read() as session:
            now_utc = deletions.deletion_time(session, self._clock.now_utc())
            around = look_around(session, now_utc, returned)
            holds = standing_holds(session, now_utc)
            everything = inventory(session, around)
            standings = tuple(standing(each, around.packs, holds, now_utc) for each in everything)
            since_utc, newest = audit_since_utc(session), around.packs.newest
            until_utc = None
            if since_utc is not None and newest is not None:
                until_utc = newest.rules.retention.of(DataKind.AUDIT).due_utc(since_utc)
            waiting = tuple(deletions.unfinished(session))
        return RetentionStatus(
            now_utc, standings, waiting, media, since_utc, until_utc, newest is not None
        )

    def confirm_medium(self, watchlist: WatchlistId, by: PersonId) -> Receipt | None:
        """Put on record that somebody confirms that what is left of a medium is destroyed.

        Returns:
            The receipt; None if nothing is left to confirm.

        Raises:
            StorageError: it could not be kept, or what is deleted not yet overwritten.
        """
        with self._ledger.transaction() as work:
            now_utc = deletions.deletion_time(work.session, self._clock.now_utc())
            n_files = self._media.forget_unreached(work.session, watchlist)
            if not n_files:
                return None
            order = Order(Subject.MEDIUM, erasing.list_owner(watchlist), Cause.CONFIRMED, by)
            begun = deletions.begin(work, order, Gone({"import_media": n_files}), now_utc)
        receipts = self._finisher.finish().receipts
        return next((each for each in receipts if each.begun.id == begun.id), None)

    def _begin_all(self) -> list[Begun]:
        returned = self._media.returned()
        begun: list[Begun] = []
        while True:
            with self._ledger.transaction() as work:
                now_utc = deletions.deletion_time(work.session, self._clock.now_utc())
                record_expired(work, now_utc)
                around = look_around(work.session, now_utc, returned)
                holds = standing_holds(work.session, now_utc)
                due = to_delete(inventory(work.session, around), around.packs, holds, now_utc)
                some = [self._begin(work, each, now_utc) for each in due[:AT_ONCE]]
            begun += some
            returned = frozenset()
            if len(due) <= AT_ONCE:
                return begun

    def _begin(self, work: UnitOfWork, found: Standing, now_utc: datetime) -> Begun:
        kept = found.kept
        spared = tuple(sorted(part.id for part in found.held_parts))
        order = Order(
            kept.what,
            kept.owner,
            Cause.DUE,
            due_utc=found.due_utc,
            policy_sha256=kept.policy_sha256,
            spared=spared,
        )
        return deletions.begin(work, order, self._erase(work, found, spared, now_utc), now_utc)

    def _erase(
        self, work: UnitOfWork, found: Standing, spared: tuple[str, ...], now_utc: datetime
    ) -> Gone:
        session, owner = work.session, found.kept.owner.id
        watchlist, deployment = WatchlistId(owner), DeploymentId(owner)
        erase: Mapping[Subject, Callable[[], Gone]] = {
            Subject.ALERT: lambda: erasing.erase_alert(session, owner),
            Subject.PICTURES: lambda: erasing.erase_pictures(
                work, deployment, spared, None, now_utc
            ),
            Subject.LIST: lambda: _end_list(work, watchlist, now_utc),
            Subject.IMPORT: lambda: erasing.destroy_import(session, watchlist, self._machine_key),
            Subject.MEDIUM: Gone,  # files are destroyed outside of a transaction
            Subject.MEMBERS: lambda: erasing.erase_members(session, Sha256(owner)),
            Subject.MEMBERSHIP: lambda: erasing.erase_membership(session, deployment),
            Subject.ACCOUNT: lambda: erasing.erase_account(session, PersonId(owner)),
        }
        return erase[found.kept.what]()


def _end_list(work: UnitOfWork, watchlist: WatchlistId, now_utc: datetime) -> Gone:
    purge_life(work, watchlist, None, now_utc)
    return erasing.destroy_list(work, watchlist, None, now_utc)

"""What is kept of lists, and since when each is over: lists, imports, media, who was on them.

A list is over with the last deployment that it was frozen for. One that no deployment names is over
when it is too old for any that could still come: the policy pack says how long before a start a
list may be made.

Invariants: a list that a deployment can still need is not over; what an import is working on is its
own business until the import is too old.
Must not: decide what is due.
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from overt.core.ids import Sha256
from overt.deployment.life import Life, LifeState
from overt.policy.pack_data import DataKind, Moment
from overt.retention.schedule import Kept, Owner, OwnerKind, Subject, latest, unused_since_utc
from overt.store import deletions
from overt.store.models import (
    ImportedRowRow,
    ListMembersRow,
    WatchlistImportRow,
    WatchlistLifeRow,
    WatchlistRow,
)
from overt.store.models_retention import DeletionRow, ImportMediumRow
from overt.store.surroundings import Surroundings
from overt.watchlist.decisions import ListState
from overt.watchlist.life import WatchlistLife

_WITHOUT_AUTHORITY: Final = frozenset({LifeState.DRAFT, LifeState.SUBMITTED})


def kept_of_lists(session: Session, around: Surroundings) -> list[Kept]:
    """Return everything that is kept of lists.

    Raises:
        IntegrityError: what is kept was altered.
    """
    waiting = deletions.unfinished(session, OwnerKind.WATCHLIST)
    being_deleted = {(each.what, each.owner.id) for each in waiting}
    lists, imports = (
        [each for each in found if (each.what, each.owner.id) not in being_deleted]
        for found in (_lists(session, around), _imports(session, around))
    )
    standing = {each.owner.id: each for each in (*lists, *imports)}
    media = _media(session, around, standing)
    return [*lists, *imports, *media, *_members(session, around)]


def _lists(session: Session, around: Surroundings) -> Iterator[Kept]:
    under_way = frozenset(session.scalars(select(WatchlistImportRow.watchlist_id)))
    for row in session.scalars(select(WatchlistRow).order_by(WatchlistRow.id)):
        owner = Owner(OwnerKind.WATCHLIST, row.id)
        if row.wrapped_key is None:
            if row.id not in under_way:  # noise that nobody took away
                yield Kept(Subject.LIST, owner, row.n_entries, {}, fixed_utc=row.created_utc)
            continue
        life = _list_life(session, row.id)
        made_utc = row.created_utc if life is None else life.made_utc
        adopted = None if life is None else life.policy_sha256
        users = _users(around, row.manifest_sha256, made_utc, adopted)
        since = (
            latest(around.moments_of(life.deployment) for life in users)
            if users
            else _never_used(around, made_utc, adopted)
        )
        yield Kept(
            Subject.LIST,
            owner,
            row.n_entries,
            since,
            within=tuple(Owner(OwnerKind.DEPLOYMENT, life.deployment) for life in users),
            policy_sha256=_policy_of(users) or adopted,
        )


def _imports(session: Session, around: Surroundings) -> Iterator[Kept]:
    for row in session.scalars(select(WatchlistImportRow)):
        staged = select(func.count()).where(ImportedRowRow.watchlist_id == row.watchlist_id)
        yield Kept(
            Subject.IMPORT,
            Owner(OwnerKind.WATCHLIST, row.watchlist_id),
            session.scalar(staged) or 0,
            _never_used(around, row.started_utc, None),
        )


def _media(session: Session, around: Surroundings, standing: Mapping[str, Kept]) -> Iterator[Kept]:
    wanted = select(
        ImportMediumRow.watchlist_id, func.count(), func.max(ImportMediumRow.imported_utc)
    ).group_by(ImportMediumRow.watchlist_id)
    for watchlist, n_files, imported_utc in session.execute(wanted).all():
        if _was_tried(session, around, watchlist, imported_utc):
            continue  # what is left of it is for a person to confirm
        kept = standing.get(watchlist)
        if kept is not None:
            since, policy = kept.since, kept.policy_sha256
        else:
            since, policy = _of_gone_list(session, around, watchlist, imported_utc)
        owner = Owner(OwnerKind.WATCHLIST, watchlist)
        yield Kept(Subject.MEDIUM, owner, n_files, since, policy_sha256=policy)


def _was_tried(
    session: Session, around: Surroundings, watchlist: str, imported_utc: datetime
) -> bool:
    """Whether all that Overt reaches of a medium was destroyed, or is being."""
    tries = (
        select(DeletionRow.receipt_seq)
        .where(
            DeletionRow.data == DataKind.IMPORT_MEDIUM,
            DeletionRow.owner == watchlist,
            DeletionRow.begun_utc >= imported_utc,
        )
        .order_by(DeletionRow.begun_seq.desc())
        .limit(1)
    )
    last = session.execute(tries).first()
    return last is not None and (last.receipt_seq is None or watchlist not in around.returned)


def _of_gone_list(
    session: Session, around: Surroundings, watchlist: str, imported_utc: datetime
) -> tuple[Mapping[Moment, datetime], Sha256 | None]:
    """Return since when the medium of a list that is gone is not needed, and under which pack."""
    life = _list_life(session, watchlist)
    users = [each for each in around.lives.values() if each.application.watchlist_id == watchlist]
    over = [moments for each in users if (moments := around.moments_of(each.deployment))]
    adopted = _policy_of(users) or (None if life is None else life.policy_sha256)
    if over:
        return latest(over), adopted
    ended_utc = imported_utc
    if life is not None and life.state is ListState.PURGED:
        ended_utc = life.steps[-1].at_utc
    return _ended(ended_utc), adopted


def _members(session: Session, around: Surroundings) -> Iterator[Kept]:
    wanted = select(ListMembersRow.manifest_sha256, ListMembersRow.created_utc)
    for manifest, created_utc in session.execute(wanted.order_by(ListMembersRow.manifest_sha256)):
        users = _users(around, manifest, created_utc, None)
        yield Kept(
            Subject.MEMBERS,
            Owner(OwnerKind.MANIFEST, manifest),
            1,
            latest(around.moments_of(life.deployment) for life in users)
            if users
            else _never_used(around, created_utc, None),
            policy_sha256=_policy_of(users),
        )


def _users(
    around: Surroundings, manifest: str, made_utc: datetime, adopted: Sha256 | None
) -> list[Life]:
    """Return the deployments that a list was made for: not one for which it will be too old."""
    pack = around.packs.find(adopted)
    too_old_utc = None if pack is None else unused_since_utc(made_utc, pack)
    return [
        life
        for life in around.lives.values()
        if life.application.bindings.watchlist_sha256 == manifest
        and not (
            life.state in _WITHOUT_AUTHORITY
            and too_old_utc is not None
            and life.application.starts_utc > too_old_utc
        )
    ]


def _never_used(
    around: Surroundings, made_utc: datetime, adopted: Sha256 | None
) -> Mapping[Moment, datetime]:
    pack = around.packs.find(adopted)
    return {} if pack is None else _ended(unused_since_utc(made_utc, pack))


def _ended(ended_utc: datetime) -> Mapping[Moment, datetime]:
    return {"deployment-end": ended_utc, "deployment-closed": ended_utc}


def _policy_of(users: Sequence[Life]) -> Sha256 | None:
    if not users:
        return None
    last = max(users, key=lambda life: life.application.ends_utc)
    return Sha256(last.application.bindings.policy_sha256)


def _list_life(session: Session, watchlist: str) -> WatchlistLife | None:
    row = session.get(WatchlistLifeRow, watchlist)
    return None if row is None else WatchlistLife.parse(row.document)

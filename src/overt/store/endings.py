"""What the end of a deployment destroys, within the transaction that records the end.

    closed                      the list's key, unless another deployment still needs the list;
                                the deployment's key, if the pack keeps no picture beyond now
    ratification refused        the deployment's key, if the pack says so

Invariants: a destroyed key has its record; what only needs to be gone later is not touched here.
Must not: decide how long anything is kept; the policy pack does.
"""

from datetime import datetime

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from overt.core.ids import DeploymentId, PersonId, WatchlistId
from overt.deployment.life import Life, LifeEvent, LifeState
from overt.ledger.acts import KeyDestroyed
from overt.ledger.records import LedgerRecord
from overt.policy.pack import PolicyPack
from overt.policy.pack_data import DataKind
from overt.store import deployments
from overt.store.database import Database
from overt.store.ledger import UnitOfWork
from overt.store.models import DeploymentLifeRow, WatchlistLifeRow, WatchlistRow
from overt.store.people import registered_person
from overt.store.watchlist_lives import keep_step
from overt.store.watchlist_rows import delete_entries
from overt.watchlist.life import WatchlistLife
from overt.watchlist.lifecycle import Actor, purge_at_closing


def destroy_what_ends(work: UnitOfWork, life: Life, pack: PolicyPack) -> bool:
    """Destroy the keys that must not outlive the step that a life took last.

    Returns:
        Whether there was one, so that its bytes must leave the files too.
    """
    step = life.steps[-1]
    by = None if step.by is None else PersonId(step.by)
    if step.event is LifeEvent.REFUSE_RATIFICATION:
        deletes = pack.rules.urgent_authority.refusal_deletes
        return deletes and _destroy_pictures(work, life.deployment, by, step.at_utc)
    if step.event is not LifeEvent.CLOSE:
        return False
    is_due = life.delete_by[DataKind.PICTURE] <= step.at_utc
    pictures = is_due and _destroy_pictures(work, life.deployment, by, step.at_utc)
    return _destroy_list(work, life, by, step.at_utc) or pictures


def is_needed(
    session: Session, watchlist: WatchlistId, besides: DeploymentId, now_utc: datetime
) -> bool:
    """Whether another deployment that can still come about, or is under way, names a list."""
    documents = session.scalars(
        select(DeploymentLifeRow.document).where(
            DeploymentLifeRow.id != besides,
            DeploymentLifeRow.state.not_in([LifeState.CLOSED, LifeState.REFUSED]),
        )
    )
    return any(
        life.application.watchlist_id == watchlist and not _came_too_late(life, now_utc)
        for life in map(Life.parse, documents)
    )


def forget_list(database: Database, watchlist: WatchlistId) -> None:
    """Delete what is left of a list whose key was destroyed, if it was."""
    with database.read() as session:
        row = session.get(WatchlistRow, watchlist)
        if row is None or row.wrapped_key is not None:
            return
    delete_entries(database, watchlist)
    with database.write() as session:
        session.execute(
            delete(WatchlistRow).where(
                WatchlistRow.id == watchlist, WatchlistRow.wrapped_key.is_(None)
            )
        )


def _came_too_late(life: Life, now_utc: datetime) -> bool:
    is_application = life.state in {LifeState.DRAFT, LifeState.SUBMITTED}
    return is_application and life.application.ends_utc <= now_utc


def _destroy_pictures(
    work: UnitOfWork, deployment: DeploymentId, by: PersonId | None, at_utc: datetime
) -> bool:
    if not deployments.destroy_key(work.session, deployment):
        return False
    work.append(LedgerRecord.of(KeyDestroyed("deployment", deployment, by), at_utc))
    return True


def _destroy_list(work: UnitOfWork, life: Life, by: PersonId | None, at_utc: datetime) -> bool:
    watchlist = life.application.watchlist_id
    row = work.session.get(WatchlistRow, watchlist)
    if row is None or row.wrapped_key is None:
        return False
    if row.manifest_sha256 != life.application.bindings.watchlist_sha256:
        return False  # another list took the name: it is not this deployment's
    if is_needed(work.session, watchlist, life.deployment, at_utc):
        return False
    _purge_life(work, watchlist, by, at_utc)
    row.wrapped_key = None
    work.append(LedgerRecord.of(KeyDestroyed("watchlist", watchlist, by), at_utc))
    return True


def _purge_life(
    work: UnitOfWork, watchlist: WatchlistId, by: PersonId | None, at_utc: datetime
) -> None:
    row = work.session.get(WatchlistLifeRow, watchlist)
    person = None if by is None else registered_person(work.session, by)
    if row is None or person is None:
        return
    life = WatchlistLife.parse(row.document)
    actor = Actor(person, max(at_utc, life.steps[-1].at_utc))
    keep_step(work, purge_at_closing(life, actor))

"""What the end of a deployment destroys, within the transaction that records the end.

    closed                      the list and its key, unless another deployment still needs it;
                                pictures, notes and their key, if the pack keeps none beyond now
    ratification refused        pictures, notes and their key, if the pack says so

The sweeper takes the rest when its time has come (:mod:`overt.store.sweeping`).

Invariants: what is deleted is on record as a deletion, like everything that is; what is held stays,
and is the sweeper's when the hold is over.
Must not: decide how long anything is kept; the policy pack does.
"""

from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from overt.core.ids import DeploymentId, PersonId, Sha256, WatchlistId
from overt.deployment.life import Life, LifeEvent, LifeState
from overt.policy.pack import PolicyPack
from overt.policy.pack_data import DataKind
from overt.retention.receipts import Cause
from overt.retention.schedule import Owner, OwnerKind, Subject
from overt.store import deletions, erasing
from overt.store.deletions import Order
from overt.store.holds import standing_holds
from overt.store.ledger import UnitOfWork
from overt.store.models import AlertRow, DeploymentLifeRow, WatchlistRow
from overt.store.watchlist_lives import purge_life


def destroy_what_ends(work: UnitOfWork, life: Life, pack: PolicyPack) -> bool:
    """Delete what must not outlive the step that a life took last.

    Returns:
        Whether there was anything, so that its bytes must leave the files too.
    """
    step = life.steps[-1]
    if step.event is LifeEvent.REFUSE_RATIFICATION:
        deletes = pack.rules.urgent_authority.refusal_deletes
        return deletes and _destroy_pictures(work, life, Cause.REFUSAL)
    if step.event is not LifeEvent.CLOSE:
        return False
    is_due = life.delete_by[DataKind.PICTURE] <= step.at_utc
    pictures = is_due and _destroy_pictures(work, life, Cause.CLOSING)
    return _destroy_list(work, life) or pictures


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


def _came_too_late(life: Life, now_utc: datetime) -> bool:
    is_application = life.state in {LifeState.DRAFT, LifeState.SUBMITTED}
    return is_application and life.application.ends_utc <= now_utc


def _destroy_pictures(work: UnitOfWork, life: Life, cause: Cause) -> bool:
    step, deployment = life.steps[-1], life.deployment
    by = None if step.by is None else PersonId(step.by)
    owner = Owner(OwnerKind.DEPLOYMENT, deployment)
    holds = standing_holds(work.session, step.at_utc)
    if holds.until(owner.kind, owner.id, DataKind.PICTURE) is not None:
        return False
    alerts = work.session.scalars(select(AlertRow.id).where(AlertRow.deployment_id == deployment))
    spared = tuple(
        sorted(
            alert
            for alert in alerts.all()
            if holds.until(OwnerKind.ALERT, alert, DataKind.PICTURE) is not None
        )
    )
    gone = erasing.erase_pictures(work, deployment, spared, by, step.at_utc)
    if gone:
        order = Order(Subject.PICTURES, owner, cause, by, spared=spared, policy_sha256=_pack(life))
        deletions.begin(work, order, gone, step.at_utc)
    return bool(gone)


def _destroy_list(work: UnitOfWork, life: Life) -> bool:
    step, watchlist = life.steps[-1], life.application.watchlist_id
    by = None if step.by is None else PersonId(step.by)
    row = work.session.get(WatchlistRow, watchlist)
    if row is None or row.wrapped_key is None:
        return False
    if row.manifest_sha256 != life.application.bindings.watchlist_sha256:
        return False  # another list took the name: it is not this deployment's
    if is_needed(work.session, watchlist, life.deployment, step.at_utc):
        return False
    owner = erasing.list_owner(watchlist)
    holds = standing_holds(work.session, step.at_utc)
    if any(holds.until(owner.kind, owner.id, kind) for kind in Subject.LIST.data):
        return False
    purge_life(work, watchlist, by, step.at_utc)
    gone = erasing.destroy_list(work, watchlist, by, step.at_utc)
    order = Order(Subject.LIST, owner, Cause.CLOSING, by, policy_sha256=_pack(life))
    deletions.begin(work, order, gone, step.at_utc)
    return True


def _pack(life: Life) -> Sha256:
    return Sha256(life.application.bindings.policy_sha256)

"""What is still there of an owner's data, so that it can be held, and whose rules it is under.

Invariant: what has no row, or whose key was destroyed, is gone.
Must not: decrypt anything, or change anything.
"""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from overt.core.errors import InputError, StateError
from overt.core.ids import DeploymentId, Sha256
from overt.deployment.life import Life, LifeState
from overt.policy.pack import PolicyPack
from overt.policy.pack_data import DataKind
from overt.policy.roles import Scope
from overt.retention.holds import scope_of
from overt.retention.schedule import Owner, OwnerKind
from overt.store.models import (
    AlertPictureRow,
    AlertRow,
    DeploymentLifeRow,
    DeploymentRow,
    PersonRow,
    PolicyPackRow,
    WatchlistLifeRow,
    WatchlistRow,
)
from overt.store.models_retention import DeletionRow
from overt.store.policies import adopted_pack, pack_in_force
from overt.watchlist.life import WatchlistLife


def still_there(session: Session, owner: Owner) -> frozenset[DataKind]:
    """Return which kinds of an owner's data are still there.

    Raises:
        InputError: there never was such an owner here.
        StateError: there was, and nothing is left of it.
    """
    match owner.kind:
        case OwnerKind.ALERT:
            found = _of_alert(session, session.get(AlertRow, owner.id))
        case OwnerKind.DEPLOYMENT:
            found = _of_deployment(session, owner.id)
        case OwnerKind.WATCHLIST:
            found = _of_list(session, owner.id)
        case OwnerKind.PERSON:
            is_there = session.get(PersonRow, owner.id) is not None
            found = frozenset({DataKind.ACCOUNT}) if is_there else frozenset()
        case _:
            raise InputError("Nothing of this kind can be held.")
    if not found:
        raise _nothing(session, owner)
    return found


def scope_over(session: Session, owner: Owner) -> Scope:
    """Return where somebody must have the right to decide on what is held of an owner."""
    return scope_of(owner, _deployment_of(session, owner))


def packs_over(session: Session, owner: Owner) -> tuple[PolicyPack, ...]:
    """Return the policy packs that say how long an owner's data may be held.

    It is the pack that the deployment or the list stands under; every pack in force otherwise.
    """
    named: str | None = None
    deployment = _deployment_of(session, owner)
    if deployment is not None:
        row = session.get(DeploymentLifeRow, deployment)
        named = None if row is None else Life.parse(row.document).application.bindings.policy_sha256
    elif owner.kind is OwnerKind.WATCHLIST:
        life = session.get(WatchlistLifeRow, owner.id)
        named = None if life is None else WatchlistLife.parse(life.document).policy_sha256
    adopted = None if named is None else adopted_pack(session, Sha256(named))
    return _in_force(session) if adopted is None else (adopted.pack,)


def _in_force(session: Session) -> tuple[PolicyPack, ...]:
    ids = session.scalars(select(PolicyPackRow.pack_id).distinct()).all()
    return tuple(found.pack for each in ids if (found := pack_in_force(session, each)))


def _deployment_of(session: Session, owner: Owner) -> DeploymentId | None:
    if owner.kind is OwnerKind.DEPLOYMENT:
        return DeploymentId(owner.id)
    row = session.get(AlertRow, owner.id) if owner.kind is OwnerKind.ALERT else None
    return None if row is None else DeploymentId(row.deployment_id)


def _of_alert(session: Session, row: AlertRow | None) -> frozenset[DataKind]:
    if row is None:
        return frozenset()
    pictures = select(func.count()).where(AlertPictureRow.alert_id == row.id)
    is_readable = session.get_one(DeploymentRow, row.deployment_id).wrapped_key is not None
    if is_readable and session.scalar(pictures):
        return frozenset({DataKind.ALERT, DataKind.PICTURE})
    return frozenset({DataKind.ALERT})


def _of_deployment(session: Session, deployment: str) -> frozenset[DataKind]:
    life, row = session.get(DeploymentLifeRow, deployment), session.get(DeploymentRow, deployment)
    over = {LifeState.ENDED, LifeState.CLOSED, LifeState.REFUSED}
    if life is not None and life.state not in over and (row is None or row.wrapped_key):
        return frozenset({DataKind.ALERT, DataKind.PICTURE})  # more may come
    wanted = select(AlertRow).where(AlertRow.deployment_id == deployment)
    kinds = (_of_alert(session, alert) for alert in session.scalars(wanted))
    return frozenset[DataKind]().union(*kinds)


def _of_list(session: Session, watchlist: str) -> frozenset[DataKind]:
    row = session.get(WatchlistRow, watchlist)
    if row is None or row.wrapped_key is None:
        return frozenset()
    return frozenset({DataKind.TEMPLATE, DataKind.WATCHLIST})


def _nothing(session: Session, owner: Owner) -> InputError | StateError:
    was_deleted = select(DeletionRow.id).where(
        DeletionRow.owner_kind == str(owner.kind), DeletionRow.owner == owner.id
    )
    lives = {
        OwnerKind.DEPLOYMENT: DeploymentLifeRow,
        OwnerKind.WATCHLIST: WatchlistLifeRow,
    }
    life = lives.get(owner.kind)
    was_here = life is not None and session.get(life, owner.id) is not None
    if was_here or session.scalars(was_deleted.limit(1)).first() is not None:
        return StateError(
            f"Nothing is left to hold of this {owner.kind}: its rows were deleted or its key was "
            "destroyed, and a hold brings nothing back."
        )
    return InputError(f"There is no {owner.kind} of that id here.")

"""Deployments and their keys.

Invariants: a deployment with a life runs under the capability that this says is in force, and under
no other; its key is made when it is first used, wrapped, and once destroyed never comes back.
Must not: judge whether a capability is valid.
"""

import hashlib
from datetime import datetime

from sqlalchemy.orm import Session

from overt.alerts.ports import RunStart
from overt.core.errors import IntegrityError
from overt.core.ids import DeploymentId
from overt.store.keys import DataKey, place_of
from overt.store.models import DeploymentLifeRow, DeploymentRow


def register(session: Session, run: RunStart, machine_key: DataKey, now_utc: datetime) -> DataKey:
    """Return the key of the run's deployment, which is kept if it is new.

    Raises:
        IntegrityError: the capability is not the one in force, or the deployment's key was
            destroyed.
    """
    row = session.get(DeploymentRow, run.deployment)
    _require_in_force(session, run, row)
    if row is None:
        key = DataKey.generate()
        row = DeploymentRow(
            id=run.deployment,
            capability_json=run.capability_json,
            capability_sha256=run.capability_sha256,
            wrapped_key=machine_key.wrap(key, _place(run.deployment)),
            created_utc=now_utc,
        )
        session.add(row)
        session.flush()
        return key
    row.capability_json, row.capability_sha256 = run.capability_json, run.capability_sha256
    found = _unwrapped(row, machine_key)
    if found is None:
        raise IntegrityError("The deployment's key was destroyed: it cannot run again.")
    return found


def key_of(session: Session, deployment: DeploymentId, machine_key: DataKey) -> DataKey | None:
    """Return a deployment's key, or None if there is no such deployment or no key any more.

    Raises:
        IntegrityError: the wrapped key was altered.
    """
    row = session.get(DeploymentRow, deployment)
    return None if row is None else _unwrapped(row, machine_key)


def destroy_key(session: Session, deployment: DeploymentId) -> bool:
    """Destroy a deployment's key; return whether there was one."""
    row = session.get(DeploymentRow, deployment)
    had_key = row is not None and row.wrapped_key is not None
    if row is not None:
        row.wrapped_key = None
    return had_key


def _unwrapped(row: DeploymentRow, machine_key: DataKey) -> DataKey | None:
    if row.wrapped_key is None:
        return None
    return machine_key.unwrap(row.wrapped_key, _place(DeploymentId(row.id)))


def _require_in_force(session: Session, run: RunStart, row: DeploymentRow | None) -> None:
    """Raise unless the deployment's life says that it runs under this capability.

    Where there is no life (in a store from before lives), the first capability stays for good.
    """
    life = session.get(DeploymentLifeRow, run.deployment)
    if life is None:
        if row is not None and row.capability_sha256 != run.capability_sha256:
            raise IntegrityError("The deployment already ran under another capability.")
        return
    is_same = life.capability_json == run.capability_json
    if not is_same or _sha256(run.capability_json) != run.capability_sha256:
        raise IntegrityError("The capability is not the one in force for the deployment.")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _place(deployment: DeploymentId) -> str:
    return place_of("deployments", deployment, "wrapped_key")

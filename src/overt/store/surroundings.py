"""What it takes besides a row to say since when it is kept: deployments, packs, and the time.

Invariants: a deployment without a life, of a store from before lives, is over when its last run is,
and stands under the newest pack.
Must not: decide what is due.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import Final

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from overt.core.ids import DeploymentId, Sha256, WatchlistId
from overt.deployment.life import Life
from overt.policy.pack_data import Moment
from overt.retention.schedule import deployment_moments
from overt.retention.sweeper import Packs
from overt.store.models import DeploymentLifeRow, DeploymentRow, PolicyPackRow, RunRow
from overt.store.policies import adopted_pack

_PARSED_LIVES: Final = 1024


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Deployments, packs and the time, as one transaction has them.

    Attributes:
        packs: the policy packs that were adopted here.
        now_utc: what time it is for deletions.
        lives: every deployment that has one, by id.
        moments: what a period can run from, by deployment; empty while it goes on.
        returned: lists of whose medium a file is there again that was not.
    """

    packs: Packs
    now_utc: datetime
    lives: Mapping[str, Life] = field(repr=False)
    moments: Mapping[str, Mapping[Moment, datetime]] = field(repr=False)
    returned: Collection[WatchlistId] = ()

    def moments_of(self, deployment: str) -> Mapping[Moment, datetime]:
        """Return what a period can run from that belongs to a deployment."""
        return self.moments.get(deployment, {})

    def policy_of(self, deployment: str) -> Sha256 | None:
        """Return the digest of the pack that a deployment stands under; None for the newest."""
        life = self.lives.get(deployment)
        return None if life is None else Sha256(life.application.bindings.policy_sha256)


def look_around(
    session: Session, now_utc: datetime, returned: Collection[WatchlistId] = ()
) -> Surroundings:
    """Return deployments, packs and the time.

    Raises:
        IntegrityError: what is kept was altered.
    """
    documents = select(DeploymentLifeRow.document).order_by(DeploymentLifeRow.id)
    parsed = map(_parsed, session.scalars(documents))
    lives = {str(life.deployment): life for life in parsed}
    moments = {id_: deployment_moments(life, now_utc) for id_, life in lives.items()}
    for deployment, over_utc in _over_without_life(session, moments).items():
        moments[deployment] = {"deployment-end": over_utc, "deployment-closed": over_utc}
    return Surroundings(packs_of(session), now_utc, lives, moments, returned)


def packs_of(session: Session) -> Packs:
    """Return the packs that were adopted here, with the newest.

    Raises:
        IntegrityError: one was altered, or its signature does not fit.
    """
    digests = session.scalars(select(PolicyPackRow.sha256).order_by(PolicyPackRow.adopted_utc))
    adopted = [
        found.pack
        for each in digests.all()
        if (found := adopted_pack(session, Sha256(each))) is not None
    ]
    return Packs({each.sha256: each for each in adopted}, adopted[-1] if adopted else None)


def _over_without_life(session: Session, known: Collection[str]) -> dict[DeploymentId, datetime]:
    over: dict[DeploymentId, datetime] = {}
    for deployment in session.scalars(select(DeploymentRow.id)).all():
        if deployment in known:
            continue
        runs = select(
            func.count(), func.count(RunRow.stopped_utc), func.max(RunRow.stopped_utc)
        ).where(RunRow.deployment_id == deployment)
        n_runs, n_stopped, last_utc = session.execute(runs).one()
        if last_utc is not None and n_runs == n_stopped:
            over[DeploymentId(deployment)] = last_utc
    return over


@lru_cache(maxsize=_PARSED_LIVES)
def _parsed(document: bytes) -> Life:
    """Return a life; kept for who sweeps every minute, and frozen."""
    return Life.parse(document)

"""What holds for a deployment now, found out within the transaction of the act.

Invariants: nothing is decrypted; a policy pack that was not signed for use here is none; a list
that is not there, not frozen or destroyed is one with nobody on it.
Must not: decide what is allowed.
"""

from collections.abc import Iterator
from datetime import datetime
from functools import partial

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from overt.alerts.lifecycle import OPEN
from overt.core.errors import PolicyError
from overt.core.ids import ContractId, DeploymentId, EntryId, PersonId, Sha256, WatchlistId
from overt.deployment.application import Application
from overt.deployment.life import Life
from overt.deployment.situation import Situation
from overt.policy.facts import ListFacts
from overt.policy.pack import PolicyPack
from overt.policy.roles import RULE, Person
from overt.store.forget_tests import newest_forget_test
from overt.store.ledger import latest_recorded_utc
from overt.store.members import share_between
from overt.store.models import (
    AlertRow,
    DeploymentLifeRow,
    RunRow,
    WatchlistEntryRow,
    WatchlistLifeRow,
    WatchlistRow,
)
from overt.store.people import registered_person
from overt.store.policies import adopted_pack, pack_in_force
from overt.watchlist.frozen_facts import frozen_list_facts
from overt.watchlist.life import WatchlistLife


def gather(
    session: Session, application: Application, by: PersonId | None, now_utc: datetime
) -> Situation:
    """Return what holds for an application now.

    Args:
        session: the transaction of the act.
        application: of which deployment.
        by: who acts; None for what happens of itself.
        now_utc: by the clock of this machine.

    Raises:
        PolicyError: nobody adopted the policy pack here, or whoever acts is not registered.
        IntegrityError: what is kept was altered.
    """
    pack = _pack(session, application)
    in_force = pack_in_force(session, pack.id)
    life = _list_life(session, application.watchlist_id)
    facts = None if life is None else _list_facts(session, life, pack, now_utc)
    return Situation(
        now_utc=now_utc,
        recorded_utc=latest_recorded_utc(session),
        pack=pack,
        is_pack_in_force=in_force is not None and in_force.pack.sha256 == pack.sha256,
        by=None if by is None else _person(session, by),
        watchlist=facts or _no_list(application, now_utc),
        list_manifest_sha256=None if facts is None or life is None else life.manifest_sha256,
        list_policy_sha256=None if life is None or not life.frozen else life.frozen.policy_sha256,
        reused_share=partial(_reused_share, session, application),
        find=partial(registered_person, session),
        n_open_alerts=_n_open_alerts(session, application.id),
        n_open_runs=_n_open_runs(session, application.id),
        forgetting=newest_forget_test(
            session,
            Sha256(application.bindings.detector_sha256),
            ContractId(application.bindings.contract),
        ),
    )


def _pack(session: Session, application: Application) -> PolicyPack:
    adopted = adopted_pack(session, Sha256(application.bindings.policy_sha256))
    if adopted is None:
        raise PolicyError(
            "The policy pack that the application names was not signed for use here.",
            ("policy-in-force",),
        )
    return adopted.pack


def _person(session: Session, by: PersonId) -> Person:
    person = registered_person(session, by)
    if person is None:
        raise PolicyError(f"{by} is not in the register of people.", (RULE,))
    return person


def _list_life(session: Session, watchlist: WatchlistId) -> WatchlistLife | None:
    """Return the life of a list whose key is there, or None."""
    row, kept = session.get(WatchlistLifeRow, watchlist), session.get(WatchlistRow, watchlist)
    if row is None or kept is None or kept.wrapped_key is None:
        return None
    life = WatchlistLife.parse(row.document)
    return life if life.manifest_sha256 == kept.manifest_sha256 else None


def _list_facts(
    session: Session, life: WatchlistLife, pack: PolicyPack, now_utc: datetime
) -> ListFacts | None:
    over = select(WatchlistEntryRow.entry).where(
        WatchlistEntryRow.watchlist_id == life.watchlist, WatchlistEntryRow.expires_utc <= now_utc
    )
    expired = frozenset(map(EntryId, session.scalars(over)))
    return frozen_list_facts(life, expired, pack, now_utc)


def _no_list(application: Application, now_utc: datetime) -> ListFacts:
    return ListFacts(application.watchlist_id, 0, {}, now_utc)


def _reused_share(session: Session, application: Application) -> float:
    """Return the largest share of the list that one used at another place has too."""
    manifest = Sha256(application.bindings.watchlist_sha256)
    others = {
        Sha256(other.bindings.watchlist_sha256)
        for other in _authorised(session)
        if _is_elsewhere(other, application)
    }
    return max((share_between(session, manifest, other) for other in others), default=0.0)


def _authorised(session: Session) -> Iterator[Application]:
    for document in session.scalars(select(DeploymentLifeRow.document)):
        life = Life.parse(document)
        if life.authority is not None:
            yield life.application


def _is_elsewhere(other: Application, application: Application) -> bool:
    return (
        other.id != application.id
        and other.place.name != application.place.name
        and other.place.area != application.place.area
    )


def _n_open_alerts(session: Session, deployment: DeploymentId) -> int:
    waiting = select(func.count()).where(
        AlertRow.deployment_id == deployment, AlertRow.state.in_([str(each) for each in OPEN])
    )
    return session.scalar(waiting) or 0


def _n_open_runs(session: Session, deployment: DeploymentId) -> int:
    running = select(func.count()).where(
        RunRow.deployment_id == deployment, RunRow.stopped_utc.is_(None)
    )
    return session.scalar(running) or 0

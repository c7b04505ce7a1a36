"""What each act asks for and what it changes in a deployment's life.

Each function checks what stands beside the table of :mod:`overt.deployment.lifecycle` (the policy
pack, separation of people, signatures) and returns the members of the life that change.

Invariants: a function that returns has been allowed everything that it changes.
"""

from datetime import datetime
from functools import singledispatch
from typing import Any, NoReturn

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from overt.core.errors import AuthorityError, InputError, PolicyError, StateError
from overt.core.ids import PersonId
from overt.deployment import acts
from overt.deployment.authorising import capability_sha256, check_fits
from overt.deployment.capability import Capability, verify
from overt.deployment.closing import deletion_times
from overt.deployment.cosignature import verify_cosignature
from overt.deployment.life import (
    AuthorityRecord,
    CheckIn,
    Cosignature,
    Life,
    LifeEvent,
    LifeState,
    ListCounts,
)
from overt.deployment.situation import Situation, signer
from overt.deployment.verdicts import (
    SOURCE,
    application_verdict,
    closing_verdict,
    readiness_verdict,
    still_holds,
)
from overt.policy.checks import check_authority, check_ratification
from overt.policy.facts import AuthorityFacts, Route, SignerFacts
from overt.policy.roles import Person
from overt.policy.verdict import Finding

Changes = dict[str, Any]


def changes_of(act: acts.DeploymentAct, life: Life | None, situation: Situation) -> Changes:
    """Return what an act changes.

    Raises:
        OvertError: it is not allowed; see :func:`overt.deployment.lifecycle.advance`.
    """
    if isinstance(act, acts.Apply):
        return _applied(act, life, situation)
    if life is None:
        raise StateError("There is no application.")
    return _changes(act, life, situation)


def _applied(act: acts.Apply, life: Life | None, situation: Situation) -> Changes:
    application = act.application
    if application.requester != _actor(situation).id:
        raise PolicyError("Whoever applies is the requester of the application.", ("separation",))
    if life is not None:
        if life.application.id != application.id:
            raise StateError("The application is for another deployment.")
        _only_requester(life, situation)
    return {"application": application, "cosignature": None}


@singledispatch
def _changes(act: Any, life: Life, situation: Situation) -> Changes:
    del life, situation
    raise TypeError(f"{type(act).__name__} is no act")


@_changes.register
def _(_: acts.Submit, life: Life, situation: Situation) -> Changes:
    _only_requester(life, situation)
    application_verdict(life, situation).require()
    return {}


@_changes.register
def _(_: acts.Withdraw, life: Life, situation: Situation) -> Changes:
    _only_requester(life, situation)
    return {"cosignature": None}


@_changes.register
def _(act: acts.Cosign, life: Life, situation: Situation) -> Changes:
    by = _actor(situation)
    if life.state is not LifeState.SUBMITTED:
        _urgent(life)
    if by.id == life.application.requester:
        raise PolicyError("Whoever applies cannot co-sign.", ("separation",))
    digest = life.application.sha256
    verify_cosignature(digest, act.signature, Ed25519PublicKey.from_public_bytes(by.public_key))
    return {
        "cosignature": Cosignature(
            person=by.id,
            rank=by.rank,
            organisation=by.organisation,
            at_utc=situation.now_utc,
            application_sha256=digest,
            signature=act.signature,
        )
    }


@_changes.register
def _(act: acts.Authorise, life: Life, situation: Situation) -> Changes:
    capability = _signed_by_actor(act.capability_file, situation)
    verdict = application_verdict(life, situation)
    asked = _authority_facts(life, situation, act.route, capability, act.urgency_reason)
    (verdict & check_authority(situation.pack, asked)).require()
    check_fits(capability, life, situation.pack, act.route, _actor(situation))
    urgency = {"urgency_reason": act.urgency_reason}
    return {"authority": _record(act.capability_file, capability, situation, urgency)}


@_changes.register
def _(act: acts.Refuse, life: Life, situation: Situation) -> Changes:
    del life, situation
    _require_reason(act.reason)
    return {}


@_changes.register
def _(act: acts.Ratify, life: Life, situation: Situation) -> Changes:
    given = _urgent(life)
    capability = _signed_by_actor(act.capability_file, situation)
    verdict = application_verdict(life, situation)
    asked = _authority_facts(life, situation, Route.ORDINARY, capability, "")
    urgent_signer = PersonId(given.authoriser)
    (verdict & check_ratification(situation.pack, asked, urgent_signer)).require()
    check_fits(capability, life, situation.pack, Route.ORDINARY, _actor(situation))
    ratified = {"ratified_by": _actor(situation).id, "urgent_authoriser": given.authoriser}
    return {"authority": _record(act.capability_file, capability, situation, ratified)}


@_changes.register
def _(act: acts.RefuseRatification, life: Life, situation: Situation) -> Changes:
    del situation
    _urgent(life)
    _require_reason(act.reason)
    return {}


@_changes.register
def _(_: acts.CheckInOfficer, life: Life, situation: Situation) -> Changes:
    by = _actor(situation)
    role = life.application.role_of(by.id)
    if role is None:
        _refuse("officers", f"{by.id} is not among the officers of the application")
    if not still_holds(by, role):
        _refuse("officers", f"{by.id} does not hold the role {role} that the application names")
    if by.id in life.present():
        raise StateError(f"{by.id} is checked in already.")
    entered = CheckIn(person=by.id, role=role, at_utc=situation.now_utc)
    return {"check_ins": (*life.check_ins, entered)}


@_changes.register
def _(_: acts.CheckOutOfficer, life: Life, situation: Situation) -> Changes:
    by = _actor(situation)
    if by.id not in life.present():
        raise StateError(f"{by.id} is not checked in.")
    return {
        "check_ins": tuple(
            each.model_copy(update={"left_utc": situation.now_utc})
            if each.person == by.id and each.left_utc is None
            else each
            for each in life.check_ins
        )
    }


@_changes.register
def _(_: acts.ConfirmSigns, life: Life, situation: Situation) -> Changes:
    if _actor(situation).id not in life.present():
        _refuse("signs-confirmed", "Whoever confirms the signs is on the spot, and checked in")
    return {"signs_confirmed_utc": situation.now_utc}


@_changes.register
def _(_: acts.MakeReady, life: Life, situation: Situation) -> Changes:
    readiness_verdict(life, situation).require()
    return {}


@_changes.register
def _(act: acts.GoLive, life: Life, situation: Situation) -> Changes:
    authorised = () if life.authority is None else life.authority.cameras
    if not act.cameras or not set(act.cameras) <= set(authorised):
        _refuse("location", "A camera is not one of those authorised")
    readiness_verdict(life, situation).require()
    return {}


@_changes.register
def _(act: acts.Pause, life: Life, situation: Situation) -> Changes:
    del life, situation
    _require_reason(act.reason)
    return {}


@_changes.register
def _(_: acts.Resume, life: Life, situation: Situation) -> Changes:
    paused_by = next(s.by for s in reversed(life.steps) if s.event is LifeEvent.PAUSE)
    if situation.by is None and paused_by is not None:
        _refuse("presence", "What a person paused does not resume of itself")
    readiness_verdict(life, situation).require()
    return {}


@_changes.register
def _(act: acts.End, life: Life, situation: Situation) -> Changes:
    del life, situation
    _require_reason(act.reason)
    return {}


@_changes.register
def _(_: acts.Lapse, life: Life, situation: Situation) -> Changes:
    if not life.lapsed(situation.now_utc):
        raise StateError("The authority is not over.")
    return {}


@_changes.register
def _(act: acts.WriteReport, life: Life, situation: Situation) -> Changes:
    del life, situation
    return {"report": act.report}


@_changes.register
def _(_: acts.Close, life: Life, situation: Situation) -> Changes:
    closing_verdict(life, situation).require()
    ended_utc = life.ended_utc or situation.now_utc
    return {"delete_by": deletion_times(situation.pack, ended_utc, situation.now_utc)}


def _actor(situation: Situation) -> Person:
    if situation.by is None:
        raise PolicyError("Somebody must answer for this step.", ("roles",))
    return situation.by


def _only_requester(life: Life, situation: Situation) -> None:
    if _actor(situation).id != life.application.requester:
        _refuse("separation", f"Only the requester, {life.application.requester}, may do this")


def _urgent(life: Life) -> AuthorityRecord:
    if life.authority is None or not life.authority.awaits_ratification:
        raise StateError("There is no urgent authority that waits to be ratified.")
    return life.authority


def _require_reason(reason: str) -> None:
    if not reason.strip():
        raise InputError("This step needs a reason.")


def _signed_by_actor(capability_file: bytes, situation: Situation) -> Capability:
    key = Ed25519PublicKey.from_public_bytes(_actor(situation).public_key)
    return verify(capability_file, [key])


def _authority_facts(
    life: Life, situation: Situation, route: Route, capability: Capability, urgency_reason: str
) -> AuthorityFacts:
    return AuthorityFacts(
        route=route,
        requester=_registered(PersonId(life.application.requester), situation),
        signer=signer(_actor(situation)),
        cosigner=_cosigner(life, situation),
        is_protest=life.application.is_protest,
        issued_utc=_not_later(capability.issued_utc, situation.now_utc),
        starts_utc=capability.not_before_utc,
        ends_utc=capability.not_after_utc,
        urgency_reason=bool(urgency_reason.strip()),
    )


def _cosigner(life: Life, situation: Situation) -> SignerFacts | None:
    cosigned = life.cosignature
    if cosigned is None or cosigned.application_sha256 != life.application.sha256:
        return None
    return _registered(PersonId(cosigned.person), situation)


def _registered(person: PersonId, situation: Situation) -> SignerFacts:
    found = situation.find(person)
    if found is None or found.struck_off:
        raise PolicyError(f"{person} is not in the register any more.", ("roles",))
    return signer(found)


def _not_later(issued_utc: datetime, now_utc: datetime) -> datetime:
    if issued_utc > now_utc:
        raise AuthorityError("The capability says that it was signed in the future.")
    return issued_utc


def _record(
    capability_file: bytes, capability: Capability, situation: Situation, said: Changes
) -> AuthorityRecord:
    by, listed = _actor(situation), situation.watchlist
    return AuthorityRecord(
        route=capability.route,
        authoriser=by.id,
        rank=by.rank,
        issued_utc=capability.issued_utc,
        starts_utc=capability.not_before_utc,
        ends_utc=capability.not_after_utc,
        cameras=capability.cameras,
        watchlist=ListCounts(n_entries=listed.n_entries, categories=dict(listed.categories)),
        capability_sha256=capability_sha256(capability_file),
        **said,
    )


def _refuse(rule: str, reason: str) -> NoReturn:
    raise PolicyError(str(Finding(rule, SOURCE, reason)), (rule,))

"""From an application to the capability that is signed for it, and back to whether they fit."""

import hashlib
from datetime import datetime
from typing import NoReturn

from overt.core.clock import format_utc, parse_utc
from overt.core.errors import AuthorityError, PolicyError
from overt.core.ids import ContractId, PersonId, Sha256
from overt.deployment.application import Application
from overt.deployment.capability import Calibration, Capability
from overt.deployment.life import Life, LifeEvent
from overt.policy.checks import presence_within_s, urgent_end_utc
from overt.policy.facts import Route
from overt.policy.locks import AlertRule
from overt.policy.pack import PolicyPack
from overt.policy.roles import Person


def capability_sha256(capability_file: bytes) -> Sha256:
    """Return the digest by which records name a capability file."""
    return Sha256(hashlib.sha256(capability_file).hexdigest())


def capability_for(
    life: Life, pack: PolicyPack, route: Route, by: Person, now_utc: datetime
) -> Capability:
    """Return the capability that an application asks for, ready to be signed by ``by``.

    An urgent one ends when the pack says that it must have been ratified by.

    Raises:
        PolicyError: it would be over before it begins.
    """
    application = life.application
    begins = max(application.starts_utc, now_utc)
    ends = application.ends_utc
    if route is Route.URGENT:
        ends = min(ends, urgent_end_utc(pack, now_utc, ends))
    if ends <= begins:
        _refuse_what_is_over(pack, route)
    cosigner = life.cosignature
    return Capability(
        deployment=application.id,
        cameras=application.camera_ids,
        not_before_utc=begins,
        not_after_utc=ends,
        watchlist_sha256=Sha256(application.bindings.watchlist_sha256),
        detector_sha256=Sha256(application.bindings.detector_sha256),
        contract=ContractId(application.bindings.contract),
        rule=_rule(application),
        authoriser=by.id,
        rank=by.rank,
        route=route,
        cosigner=None if cosigner is None else PersonId(cosigner.person),
        application_sha256=application.sha256,
        policy_sha256=pack.sha256,
        presence_within_s=presence_within_s(pack),
        issued_utc=now_utc,
        calibration=_calibration(application),
    )


def _refuse_what_is_over(pack: PolicyPack, route: Route) -> NoReturn:
    rules = pack.rules
    if route is Route.URGENT:
        reason = "An urgent authority given now would be over before the deployment begins."
        finding = pack.finding(rules.urgent_authority, reason)
    else:
        finding = pack.finding(rules.duration, "The deployment is over before it is authorised.")
    raise PolicyError(str(finding), (finding.rule,))


def _rule(application: Application) -> AlertRule:
    bound = application.bindings
    # The capability file counts in millionths.
    return AlertRule(round(bound.threshold, 6), repeat_within_s=float(bound.repeat_within_s))


def _calibration(application: Application) -> Calibration | None:
    evidence = application.bindings.evidence
    if evidence is None:
        return None
    return Calibration(evidence.false_alert_one_in, evidence.source)


def check_fits(
    capability: Capability, life: Life, pack: PolicyPack, route: Route, by: Person
) -> None:
    """Check that a capability allows what was applied for, and nothing more.

    Raises:
        AuthorityError: it names something else.
        PolicyError: nothing could be signed any more.
    """
    application = life.application
    expected = capability_for(life, pack, route, by, capability.issued_utc)
    for name in (
        "deployment",
        "watchlist_sha256",
        "detector_sha256",
        "contract",
        "rule",
        "authoriser",
        "rank",
        "route",
        "cosigner",
        "application_sha256",
        "policy_sha256",
        "presence_within_s",
        "calibration",
    ):
        if getattr(capability, name) != getattr(expected, name):
            raise AuthorityError(f"The capability does not fit the application: {name} differs.")
    submitted_utc = max(s.at_utc for s in life.steps if s.event is LifeEvent.SUBMIT)
    if capability.issued_utc < _exact(submitted_utc):
        raise AuthorityError("The capability was signed before the application was submitted.")
    if not set(capability.cameras) <= set(application.camera_ids):
        raise AuthorityError("The capability names a camera that was not applied for.")
    if (
        capability.not_before_utc < application.starts_utc
        or capability.not_after_utc > expected.not_after_utc
    ):
        raise AuthorityError("The capability's window reaches beyond what was applied for.")


def _exact(moment: datetime) -> datetime:
    """Return a time as the capability file carries it, to the millisecond."""
    return parse_utc(format_utc(moment))

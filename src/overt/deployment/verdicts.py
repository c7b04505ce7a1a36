"""What stands in the way of a deployment as things stand, all of it at once, with rule and source.

Invariant: a question changes nothing; the acts in :mod:`overt.deployment.effects` ask the same.
"""

from collections import Counter
from typing import Final

from overt.core.ids import PersonId
from overt.deployment.life import Life, LifeState
from overt.deployment.situation import Situation
from overt.policy.checks import (
    check_application,
    check_closing,
    check_presence,
    check_readiness,
)
from overt.policy.facts import ClosingFacts
from overt.policy.roles import Person, Role
from overt.policy.verdict import ALLOWED, Finding, Verdict

SOURCE: Final = "Overt's design"


def verdict_now(life: Life, situation: Situation) -> Verdict:
    """Return what stands in the way of the next step towards the deployment and its closing."""
    if life.state in {LifeState.DRAFT, LifeState.SUBMITTED}:
        return application_verdict(life, situation)
    if life.state is LifeState.ENDED:
        return closing_verdict(life, situation)
    if life.state in {LifeState.REFUSED, LifeState.CLOSED}:
        return ALLOWED
    return readiness_verdict(life, situation)


def application_verdict(life: Life, situation: Situation) -> Verdict:
    """Return what the pack says of the application as things stand."""
    facts = life.application.facts(situation.watchlist, situation.reused_share())
    bound = _bindings_verdict(life, situation)
    asked = check_application(situation.pack, facts, situation.now_utc)
    return bound & asked & _officers_verdict(life, situation)


def _officers_verdict(life: Life, situation: Situation) -> Verdict:
    """Point out who could not check in on the day; until then they can still be registered."""
    reasons = (
        f"{each.person} does not hold the role {each.role} in the register of people, and cannot "
        "check in."
        for each in life.application.officers
        if not still_holds(situation.find(each.person_id), each.role)
    )
    return Verdict((), tuple(Finding("officers", SOURCE, reason) for reason in reasons))


def _bindings_verdict(life: Life, situation: Situation) -> Verdict:
    """Return whether list and policy are still what the application is bound to."""
    faults = []
    if situation.list_manifest_sha256 != life.application.bindings.watchlist_sha256:
        reason = "The watchlist is not frozen, or not the one that was applied for."
        faults.append(("watchlist-frozen", reason))
    elif situation.list_policy_sha256 != situation.pack.sha256:
        faults.append(("watchlist-frozen", "The watchlist was frozen under another policy."))
    if not situation.is_pack_in_force:
        reason = "Another version of the policy was put into force since the application."
        faults.append(("policy-in-force", reason))
    return Verdict(tuple(Finding(rule, SOURCE, reason) for rule, reason in faults))


def closing_verdict(life: Life, situation: Situation) -> Verdict:
    """Return what the pack says of closing as things stand; never without a report."""
    missing = Finding("closing", SOURCE, "There is no cancellation report.")
    report = {} if life.report is None else life.report.model_dump()
    facts = ClosingFacts(
        n_chars={name: len(text) for name, text in report.items()},
        ended_utc=life.ended_utc,
        now_utc=situation.now_utc,
        n_open_alerts=situation.n_open_alerts,
        n_open_runs=situation.n_open_runs,
    )
    reported = Verdict((missing,)) if life.report is None else ALLOWED
    return reported & check_closing(situation.pack, facts)


def readiness_verdict(life: Life, situation: Situation) -> Verdict:
    """Return what the pack says of going live as things stand."""
    facts = life.readiness(
        situation.now_utc,
        situation.watchlist,
        _there(life, situation),
        situation.forgetting,
    )
    return _bindings_verdict(life, situation) & check_readiness(situation.pack, facts)


def officers_missing(life: Life, situation: Situation) -> bool:
    """Whether fewer officers are checked in than the pack asks for; who was struck off is not."""
    there = Counter(_there(life, situation).values())
    return not check_presence(situation.pack, there).allowed


def _there(life: Life, situation: Situation) -> dict[PersonId, Role]:
    return {
        person: role
        for person, role in life.present().items()
        if still_holds(situation.find(person), role)
    }


def still_holds(person: Person | None, role: Role) -> bool:
    """Whether somebody is in the register, not struck off, and has a role."""
    return (
        person is not None
        and not person.struck_off
        and role in {grant.role for grant in person.grants}
    )

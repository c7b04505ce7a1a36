"""What the pack says of those who sign: the ordinary route, the urgent one, and the policy itself.

Every question is asked so that what is not known refuses: an unknown rank reaches no rank.
"""

from datetime import datetime, timedelta

from overt.core.ids import PersonId
from overt.policy.facts import AuthorityFacts, Route, SignerFacts
from overt.policy.pack import PolicyPack
from overt.policy.pack_base import Rule
from overt.policy.phrases import a, counted, sentence
from overt.policy.verdict import Finding, Verdict


def rank_at_least(pack: PolicyPack, rank: str, minimum: str) -> bool:
    """Whether a rank is ``minimum`` or above; False if either is not on the pack's ladder."""
    ladder = pack.rules.ranks.ladder
    if rank not in ladder or minimum not in ladder:
        return False
    return ladder.index(rank) >= ladder.index(minimum)


def check_authority(pack: PolicyPack, facts: AuthorityFacts) -> Verdict:
    """Return whether the signer may give this authority by this route."""
    findings = [*_signer_rank(pack, facts), *_separation(pack, facts), *_window(pack, facts)]
    if facts.route is Route.URGENT:
        findings += _urgent(pack, facts)
    if facts.route is not Route.URGENT or pack.rules.co_signature.on_urgent:
        findings += _required_cosigner(pack, facts)
    return Verdict(tuple(findings))


def check_ratification(pack: PolicyPack, facts: AuthorityFacts, urgent_signer: PersonId) -> Verdict:
    """Return whether ``facts.signer`` may ratify what ``urgent_signer`` authorised.

    The ordinary rules hold whatever ``facts.route`` says; ``facts.issued_utc`` is the time of the
    ratification.
    """
    rules = pack.rules
    findings = [
        *_rank(pack, rules.authorising_rank, facts.signer, rules.authorising_rank.minimum),
        *_protest_rank(pack, facts),
        *_separation(pack, facts),
        *_window(pack, facts),
        *_required_cosigner(pack, facts),
    ]
    if facts.signer.person == urgent_signer:
        reason = f"{urgent_signer} gave the urgent authority, so somebody else ratifies it."
        findings.append(pack.finding(rules.separation, reason))
    if facts.cosigner is not None and facts.cosigner.person == urgent_signer:
        reason = f"{urgent_signer} gave the urgent authority, so somebody else co-signs."
        findings.append(pack.finding(rules.separation, reason))
    return Verdict(tuple(findings))


def urgent_end_utc(pack: PolicyPack, issued_utc: datetime, ends_utc: datetime) -> datetime:
    """Return when an urgent authority ends unless it is ratified: the window's end at the latest.

    An authority that is issued at or after the window's end ends with the window.
    """
    lasts = timedelta(hours=pack.rules.urgent_authority.lasts_h)
    return ends_utc if ends_utc - issued_utc <= lasts else issued_utc + lasts


def check_policy_signer(pack: PolicyPack, signer: SignerFacts) -> Verdict:
    """Return whether somebody may sign this pack into force."""
    rule = pack.rules.policy_signer
    if rank_at_least(pack, signer.rank, rule.minimum_rank):
        return Verdict()
    reason = (
        f"{sentence(a(rule.minimum_rank) + ' or above signs the policy').rstrip('.')}; "
        f"{a(signer.rank)} does not."
    )
    return Verdict((*_known_rank(pack, signer), pack.finding(rule, reason)))


def _signer_rank(pack: PolicyPack, facts: AuthorityFacts) -> list[Finding]:
    rules = pack.rules
    if facts.route is Route.URGENT:
        minimum = rules.urgent_authority.minimum_rank
        return _rank(pack, rules.urgent_authority, facts.signer, minimum, "gives urgent authority")
    ordinary = _rank(pack, rules.authorising_rank, facts.signer, rules.authorising_rank.minimum)
    return ordinary + _protest_rank(pack, facts)


def _protest_rank(pack: PolicyPack, facts: AuthorityFacts) -> list[Finding]:
    rule = pack.rules.protest
    if not facts.is_protest:
        return []
    if not rule.allowed:
        return [pack.finding(rule, "A protest may not be a deployment's place.")]
    return _rank(pack, rule, facts.signer, rule.minimum_rank, "authorises at a protest")


def _rank(
    pack: PolicyPack, rule: Rule, signer: SignerFacts, minimum: str, does: str = "authorises"
) -> list[Finding]:
    if rank_at_least(pack, signer.rank, minimum):
        return []
    reason = f"{sentence(f'{a(minimum)} or above {does}').rstrip('.')}; {a(signer.rank)} does not."
    return [*_known_rank(pack, signer), pack.finding(rule, reason)]


def _known_rank(pack: PolicyPack, signer: SignerFacts) -> list[Finding]:
    rule = pack.rules.ranks
    if signer.rank in (*rule.ladder, *rule.outside):
        return []
    reason = f"The policy knows no rank {signer.rank}, so {signer.person} can sign nothing."
    return [pack.finding(rule, reason)]


def _separation(pack: PolicyPack, facts: AuthorityFacts) -> list[Finding]:
    rule, findings = pack.rules.separation, []
    if facts.signer.person == facts.requester.person:
        reason = f"{facts.signer.person} applied for the deployment, so somebody else authorises it"
        findings.append(pack.finding(rule, f"{reason}."))
    if facts.cosigner is not None:
        if facts.cosigner.person == facts.requester.person:
            reason = f"{facts.cosigner.person} applied for the deployment and cannot co-sign it."
            findings.append(pack.finding(rule, reason))
        if facts.cosigner.person == facts.signer.person:
            reason = f"{facts.cosigner.person} authorises the deployment and cannot co-sign it too."
            findings.append(pack.finding(rule, reason))
        findings += _known_rank(pack, facts.cosigner)
    return findings


def _required_cosigner(pack: PolicyPack, facts: AuthorityFacts) -> list[Finding]:
    rule = pack.rules.co_signature
    is_required = rule.required == "always" or (rule.required == "protest" and facts.is_protest)
    if not is_required:
        return []
    if facts.cosigner is None:
        where = "at a protest " if rule.required == "protest" else ""
        who = "an independent person" if rule.independent else "a second person"
        reason = f"A deployment {where}is co-signed by {who}; nobody has co-signed."
        return [pack.finding(rule, reason)]
    if not rule.independent:
        return []
    cosigner, parties = facts.cosigner, (facts.requester, facts.signer)
    if not cosigner.independent:
        reason = f"The register does not say that {cosigner.person} is independent of the force."
        return [pack.finding(rule, reason)]
    if any(cosigner.organisation == party.organisation for party in parties):
        reason = f"{cosigner.person} works for the organisation of those whom they would check."
        return [pack.finding(rule, reason)]
    return []


def _window(pack: PolicyPack, facts: AuthorityFacts) -> list[Finding]:
    findings = window(pack, facts.starts_utc, facts.ends_utc)
    if facts.issued_utc >= facts.ends_utc:
        findings.append(
            pack.finding(pack.rules.duration, "The window is over before the authority is given.")
        )
    return findings


def window(pack: PolicyPack, starts_utc: datetime, ends_utc: datetime) -> list[Finding]:
    """Return what is wrong with a start and an end."""
    rule = pack.rules.duration
    if ends_utc <= starts_utc:
        return [pack.finding(rule, "The deployment ends before it begins.")]
    if ends_utc - starts_utc > timedelta(hours=rule.max_h):
        reason = f"A deployment lasts at most {counted(rule.max_h, 'hour')}; this one is longer."
        return [pack.finding(rule, reason)]
    return []


def _urgent(pack: PolicyPack, facts: AuthorityFacts) -> list[Finding]:
    rule, findings = pack.rules.urgent_authority, []
    if not rule.allowed:
        findings.append(pack.finding(rule, "There is no urgent route under this policy."))
    if rule.reason_required and not facts.urgency_reason:
        reason = "An urgent authority says why the ordinary route would come too late."
        findings.append(pack.finding(rule, reason))
    if facts.ends_utc - facts.issued_utc > timedelta(hours=rule.lasts_h):
        reason = (
            f"An urgent authority ends {counted(rule.lasts_h, 'hour')} after it was given; this "
            "one would last longer."
        )
        findings.append(pack.finding(rule, reason))
    protest = pack.rules.protest
    if facts.is_protest and not (protest.allowed and protest.urgent_allowed):
        findings.append(pack.finding(protest, "At a protest the urgent route is closed."))
    return findings

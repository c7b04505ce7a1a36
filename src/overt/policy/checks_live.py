"""What the pack says of going live, of looking at alerts, and of closing."""

from collections.abc import Mapping
from datetime import timedelta

from overt.policy.checks_application import evaluation, missing_texts
from overt.policy.checks_list import check_list, held_until, still_wanted
from overt.policy.facts import ClosingFacts, ReadinessFacts, ReviewFacts
from overt.policy.pack import PolicyPack
from overt.policy.pack_data import Retention
from overt.policy.phrases import counted, named
from overt.policy.roles import Role
from overt.policy.verdict import Finding, Verdict


def check_readiness(pack: PolicyPack, facts: ReadinessFacts) -> Verdict:
    """Return whether a deployment may go live now."""
    refusals = [
        *_window(pack, facts),
        *_officers(pack, facts),
        *_signs(pack, facts),
        *still_wanted(pack, facts.watchlist),
        *held_until(pack, facts.watchlist, facts.ends_utc),
        *evaluation(pack, facts, facts.now_utc),
        *_forgetting(pack, facts),
    ]
    return Verdict(tuple(refusals)) & check_list(pack, facts.watchlist, None, None)


def check_presence(pack: PolicyPack, present: Mapping[Role, int]) -> Verdict:
    """Return whether enough of those who must be there have lately said that they are.

    Args:
        pack: the rules.
        present: by role, how many officers gave a sign of presence in time.
    """
    limit = counted(pack.rules.presence.within_s, "second")
    reasons = [
        f"{counted(each.at_least, named(each.role))} must be present, and {n or 'none'} said so "
        f"within the last {limit}."
        for each in pack.rules.officers.present
        if (n := present.get(each.role, 0)) < each.at_least
    ]
    return Verdict(tuple(pack.finding(pack.rules.presence, reason) for reason in reasons))


def presence_within_s(pack: PolicyPack) -> float:
    """Return how old an officer's last sign of presence may be, in seconds."""
    return pack.rules.presence.within_s


def n_reviews(pack: PolicyPack) -> int:
    """Return how many different people adjudicate an alert before an engagement."""
    return pack.rules.review.n_reviewers


def check_review(pack: PolicyPack, facts: ReviewFacts) -> Verdict:
    """Return whether somebody may give this adjudication."""
    rule, reasons = pack.rules.review, []
    if facts.reviewer in facts.earlier:
        reasons.append(f"{facts.reviewer} has adjudicated this alert; somebody else has to.")
    if rule.blind and facts.earlier and facts.seen_earlier:
        reasons.append(
            f"{facts.reviewer} was shown what an earlier reviewer said, and a later one decides "
            "without."
        )
    return Verdict(tuple(pack.finding(rule, reason) for reason in reasons))


def note_limit_chars(pack: PolicyPack) -> int:
    """Return how many characters a note on an alert may have."""
    return pack.rules.notes.max_chars


def can_be_safeguarded(pack: PolicyPack, category: str) -> bool:
    """Return whether somebody of this category may be missing or vulnerable, to be looked after."""
    found = pack.rules.list_categories.find(category)
    return found is not None and found.for_safeguarding


def check_closing(pack: PolicyPack, facts: ClosingFacts) -> Verdict:
    """Return whether a deployment may be closed; closing late is pointed out, not refused."""
    rule = pack.rules.closing
    reasons = missing_texts(rule.report, dict(facts.n_chars))
    if facts.ended_utc is None:
        reasons.append("The deployment has not ended.")
    if facts.n_open_runs:
        reasons.append(f"{facts.n_open_runs:,} of its runs are still open.")
    if facts.n_open_alerts:
        reasons.append(f"{facts.n_open_alerts:,} of its alerts have no final state.")
    refusals = tuple(pack.finding(rule, reason) for reason in reasons)
    return Verdict(refusals, tuple(_late(pack, facts)))


def retention_of(pack: PolicyPack, kind: str) -> Retention:
    """Return how long a kind of data is kept (:class:`~overt.policy.pack_data.DataKind`).

    Raises:
        InputError: there is no such kind.
    """
    return pack.rules.retention.of(kind)


def _window(pack: PolicyPack, facts: ReadinessFacts) -> list[Finding]:
    if facts.starts_utc <= facts.now_utc < facts.ends_utc:
        return []
    return [pack.finding(pack.rules.duration, "It is not within the authorised window.")]


def _officers(pack: PolicyPack, facts: ReadinessFacts) -> list[Finding]:
    rule = pack.rules.officers
    findings = []
    for each in rule.present:
        n = facts.present.get(each.role, 0)
        if n < each.at_least:
            verb = "is" if each.at_least == 1 else "are"
            reason = (
                f"At least {counted(each.at_least, named(each.role))} {verb} there; {n} checked in."
            )
            findings.append(pack.finding(rule, reason))
    return findings


def _signs(pack: PolicyPack, facts: ReadinessFacts) -> list[Finding]:
    rule = pack.rules.signs_confirmed
    confirmed = facts.signs_confirmed_utc
    if confirmed is None:
        reason = "Nobody has confirmed that the signs stand."
        return [pack.finding(rule, reason)] if rule.required else []
    if confirmed > facts.now_utc:
        return [pack.finding(rule, "The signs were confirmed in the future.")]
    if facts.now_utc - confirmed > timedelta(hours=rule.within_h):
        limit = counted(rule.within_h, "hour")
        reason = f"The signs were confirmed more than {limit} before going live."
        return [pack.finding(rule, reason)]
    return []


def _forgetting(pack: PolicyPack, facts: ReadinessFacts) -> list[Finding]:
    """A test that failed stands in the way even where none is required."""
    rule, test = pack.rules.forgetting, facts.forgetting
    if test is not None and test.n_found:
        reason = f"The last test of forgetting found something {counted(test.n_found, 'time')}."
    elif test is not None and test.n_planted_found < max(test.n_planted, 1):
        reason = "The last test of forgetting missed what it had planted itself."
    elif not rule.required:
        return []
    elif test is None:
        reason = "It was never tested on this machine whether strangers are forgotten."
    elif not test.is_same_software:
        reason = "The last test of forgetting was of other models or settings."
    elif not timedelta(0) <= facts.now_utc - test.tested_utc <= timedelta(hours=rule.within_h):
        limit = counted(rule.within_h, "hour")
        reason = f"The last test of forgetting was more than {limit} before going live."
    elif test.n_runs < rule.min_runs:
        reason = f"The last test of forgetting had {test.n_runs:,} of {rule.min_runs:,} runs."
    else:
        return []
    return [pack.finding(rule, reason)]


def _late(pack: PolicyPack, facts: ClosingFacts) -> list[Finding]:
    rule = pack.rules.closing
    if facts.ended_utc is None or facts.now_utc is None:
        return []
    if facts.now_utc - facts.ended_utc <= timedelta(hours=rule.within_h):
        return []
    reason = (
        f"A deployment is closed within {counted(rule.within_h, 'hour')} of its end; this is later."
    )
    return [pack.finding(rule, reason)]

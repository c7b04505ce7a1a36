"""What the pack says of an application, and of the evidence for a threshold."""

import math
from datetime import datetime, timedelta

from overt.policy.checks_authority import window
from overt.policy.checks_list import check_list, day, held_until
from overt.policy.facts import ApplicationFacts, DocumentFacts, ReadinessFacts
from overt.policy.pack import PolicyPack
from overt.policy.pack_base import RequiredText
from overt.policy.pack_place import RequiredDocument
from overt.policy.phrases import counted, named, within_sentence, words
from overt.policy.verdict import Finding, Verdict

_MICRO = 1_000_000


def check_application(pack: PolicyPack, facts: ApplicationFacts, now_utc: datetime) -> Verdict:
    """Return whether an application may be submitted, and what whoever decides has to see."""
    refusals = [
        *_use_case(pack, facts),
        *_window(pack, facts, now_utc),
        *_location(pack, facts),
        *_statements(pack, facts),
        *_documents(pack, facts, now_utc),
        *_notice(pack, facts),
        *_signage(pack, facts),
        *_protest(pack, facts),
        *_officers(pack, facts),
        *_budget(pack, facts),
        *evaluation(pack, facts, now_utc),
    ]
    the_list = check_list(
        pack, facts.watchlist, facts.use_case, facts.starts_utc, is_protest=facts.is_protest
    )
    if not held_until(pack, facts.watchlist, facts.starts_utc):
        refusals += held_until(pack, facts.watchlist, facts.ends_utc)
    return Verdict(tuple(refusals), tuple(_reuse(pack, facts))) & the_list


def evaluation(
    pack: PolicyPack, facts: ApplicationFacts | ReadinessFacts, now_utc: datetime
) -> list[Finding]:
    """Return what is wrong with a threshold and the evidence for it."""
    rule = pack.rules.evaluation
    evidence, threshold, n_entries = facts.evaluation, facts.threshold, facts.watchlist.n_entries
    findings = []
    is_similarity = math.isfinite(threshold) and 0 < threshold < 1
    if not is_similarity:
        findings.append("The threshold is no similarity between 0 and 1.")
    if evidence is None:
        if rule.required:
            findings.append("There is no evaluation to which the threshold could be compared.")
        return [pack.finding(rule, reason) for reason in findings]
    if rule.same_contract and evidence.contract != facts.contract:
        findings.append("The evaluation is of another model than the one to be used.")
    if rule.covers_list and evidence.n_entries < n_entries:
        findings.append(
            f"The evaluation covers lists of up to {evidence.n_entries:,} people; this one has "
            f"{n_entries:,}."
        )
    if evidence.false_alert_one_in < rule.false_alert_one_in:
        findings.append(
            f"At most one false alert in {rule.false_alert_one_in:,} strangers is allowed; the "
            f"evaluation is for one in {evidence.false_alert_one_in:,}."
        )
    if is_similarity and not _reaches(threshold, evidence.threshold):
        findings.append("The threshold is below the one that the evaluation supports.")
    if evidence.measured > day(now_utc):
        findings.append("The evaluation is dated in the future.")
    elif (day(facts.ends_utc) - evidence.measured).days > rule.max_age_days:
        findings.append(
            f"The evaluation is more than {counted(rule.max_age_days, 'day')} old when the "
            "deployment ends."
        )
    return [pack.finding(rule, reason) for reason in findings]


def missing_texts(required: tuple[RequiredText, ...], n_chars: "dict[str, int]") -> list[str]:
    """Return a reason for each required text that is missing or too short."""
    return [
        f"The statement on {within_sentence(text.title)} has at least {text.min_chars} characters; "
        f"this one has {n_chars.get(text.field, 0)}."
        for text in required
        if n_chars.get(text.field, 0) < text.min_chars
    ]


def _reaches(threshold: float, supported: float) -> bool:
    """Whether a threshold is as high as supported, in millionths as authorities carry it."""
    if not math.isfinite(supported):
        return False
    return round(threshold * _MICRO) >= round(supported * _MICRO)


def _use_case(pack: PolicyPack, facts: ApplicationFacts) -> list[Finding]:
    rule = pack.rules.use_cases
    case = rule.find(facts.use_case)
    if case is None or facts.rationale.intersection(case.evidence):
        return []  # an unknown use case is refused with the list
    reason = (
        f"The use case {named(case.id)} needs evidence for the place: {words(case.evidence, 'or')}."
    )
    return [pack.finding(rule, reason)]


def _window(pack: PolicyPack, facts: ApplicationFacts, now_utc: datetime) -> list[Finding]:
    findings = window(pack, facts.starts_utc, facts.ends_utc)
    if not findings and facts.ends_utc <= now_utc:
        findings.append(pack.finding(pack.rules.duration, "The window is over already."))
    return findings


def _location(pack: PolicyPack, facts: ApplicationFacts) -> list[Finding]:
    rule, reasons = pack.rules.location, []
    has_area = math.isfinite(facts.area_km2) and facts.area_km2 > 0
    if rule.polygon_required and not has_area:
        reasons.append("The place is drawn as a polygon; this one has no area.")
    elif not facts.area_km2 <= rule.max_area_km2:
        reasons.append(
            f"The place has at most {counted(rule.max_area_km2, 'km²')}; this one is larger."
        )
    if not facts.cameras:
        reasons.append("No camera is named.")
    if rule.cameras_inside and facts.cameras_outside:
        outside = ", ".join(facts.cameras_outside)
        reasons.append(f"Every camera stands inside the place; outside it: {outside}.")
    return [pack.finding(rule, reason) for reason in reasons]


def _statements(pack: PolicyPack, facts: ApplicationFacts) -> list[Finding]:
    rule = pack.rules.statements
    reasons = missing_texts(rule.required, dict(facts.n_chars))
    return [pack.finding(rule, reason) for reason in reasons]


def _documents(pack: PolicyPack, facts: ApplicationFacts, now_utc: datetime) -> list[Finding]:
    rule = pack.rules.documents
    reasons = (_document(each, facts, now_utc) for each in rule.required)
    return [pack.finding(rule, reason) for reason in reasons if reason is not None]


def _document(required: RequiredDocument, facts: ApplicationFacts, now_utc: datetime) -> str | None:
    """Return why no document of a kind will do; None if one does."""
    of_kind = [each for each in facts.documents if each.kind == required.kind]
    if not of_kind:
        return f"There is no {within_sentence(required.title)}."
    faults = [_fault(required, each, facts, now_utc) for each in of_kind]
    return None if None in faults else faults[-1]


def _fault(
    required: RequiredDocument, document: DocumentFacts, facts: ApplicationFacts, now_utc: datetime
) -> str | None:
    ends = day(facts.ends_utc)
    if document.issued > day(now_utc):
        return f"The {within_sentence(required.title)} is dated in the future."
    if document.valid_until is not None and document.valid_until < ends:
        return f"The {within_sentence(required.title)} is not valid until the deployment ends."
    if (ends - document.issued).days > required.max_age_days:
        return (
            f"The {within_sentence(required.title)} is more than "
            f"{counted(required.max_age_days, 'day')} old when the deployment ends."
        )
    return None


def _notice(pack: PolicyPack, facts: ApplicationFacts) -> list[Finding]:
    rule = pack.rules.notice
    if facts.notice_utc is not None:
        ahead = facts.starts_utc - facts.notice_utc
        if ahead >= timedelta(hours=rule.hours_before):
            return []
    if facts.notice_exception and rule.exception_with_reason:
        return []
    instead = " or a reason is given why not" if rule.exception_with_reason else ""
    reason = f"The public is told at least {counted(rule.hours_before, 'hour')} before{instead}."
    return [pack.finding(rule, reason)]


def _signage(pack: PolicyPack, facts: ApplicationFacts) -> list[Finding]:
    rule = pack.rules.signage
    if facts.has_signage_plan or not rule.required:
        return []
    return [pack.finding(rule, "The application says where signs will stand; this one does not.")]


def _protest(pack: PolicyPack, facts: ApplicationFacts) -> list[Finding]:
    rule = pack.rules.protest
    if not facts.is_protest:
        return []
    if not rule.allowed:
        return [pack.finding(rule, "A protest may not be a deployment's place.")]
    n_chars = facts.n_chars.get(rule.statement_field, 0)
    if n_chars >= rule.statement_min_chars:
        return []
    reason = (
        "At a protest the application says in at least "
        f"{counted(rule.statement_min_chars, 'character')} why it is necessary there; this one has "
        f"{n_chars}."
    )
    return [pack.finding(rule, reason)]


def _officers(pack: PolicyPack, facts: ApplicationFacts) -> list[Finding]:
    rule = pack.rules.officers
    return [
        pack.finding(
            rule,
            f"At least {counted(each.at_least, named(each.role))} "
            f"{'is' if each.at_least == 1 else 'are'} named; there "
            f"{'is' if facts.officers.get(each.role, 0) == 1 else 'are'} "
            f"{facts.officers.get(each.role, 0)}.",
        )
        for each in rule.present
        if facts.officers.get(each.role, 0) < each.at_least
    ]


def _budget(pack: PolicyPack, facts: ApplicationFacts) -> list[Finding]:
    rule = pack.rules.evaluation
    asked = facts.false_alert_one_in
    if asked is None or asked >= rule.false_alert_one_in:
        return []
    reason = (
        f"At most one false alert in {rule.false_alert_one_in:,} strangers is allowed; the "
        f"application asks for one in {asked:,}."
    )
    return [pack.finding(rule, reason)]


def _reuse(pack: PolicyPack, facts: ApplicationFacts) -> list[Finding]:
    rule = pack.rules.list_reuse
    if facts.reused_share < rule.warn_share:  # what is not a number is pointed out too
        return []
    reason = (
        f"{facts.reused_share * 100:.0f} % of the list was on another place's list; from "
        f"{rule.warn_share * 100:g} % on, whoever authorises is told so."
    )
    return [pack.finding(rule, reason)]

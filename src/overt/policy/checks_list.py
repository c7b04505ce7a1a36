"""What the pack says of a list and of each entry on it. No reason names or describes a person."""

from datetime import UTC, date, datetime, timedelta

from overt.policy.checks_authority import rank_at_least
from overt.policy.facts import EntryFacts, ListFacts, SignerFacts
from overt.policy.pack import PolicyPack
from overt.policy.phrases import a, counted, named, sentence, words
from overt.policy.verdict import Finding, Verdict


def check_entry(pack: PolicyPack, entry: EntryFacts) -> Verdict:
    """Return whether an entry may be on a list, apart from the authority by name it may need.

    That authority comes after the import, so its absence is a warning here and a refusal in
    :func:`check_list`; one that was given by too low a rank is a refusal here too.
    """
    refusals = [
        *_category(pack, entry),
        *_sensitivities(pack, entry),
        *_child(pack, entry),
        *_image_source(pack, entry),
        *_held_lawfully(pack, entry),
        *_expiry(pack, entry),
    ]
    warnings: list[Finding] = []
    if needs_named_authority(pack, entry):
        rule = pack.rules.named_authority
        minimum = _minimum_rank(pack, entry)
        if entry.named_authority is None:
            reason = f"This person needs authority by name of {a(minimum)} or above."
            warnings.append(pack.finding(rule, reason))
        else:
            refusals.append(pack.finding(rule, _too_low(minimum, entry.named_authority)))
    image_refusals, image_warnings = _image_date(pack, entry)
    return Verdict((*refusals, *image_refusals), (*warnings, *image_warnings))


def needs_named_authority(pack: PolicyPack, entry: EntryFacts) -> bool:
    """Whether the entry still needs authority by name: the pack asks for it, and nobody gave it.

    An authority by somebody of too low a rank counts as none.
    """
    if not _asks_for_authority(pack, entry):
        return False
    given = entry.named_authority
    return given is None or not rank_at_least(pack, given, _minimum_rank(pack, entry))


def check_named_authority(pack: PolicyPack, entry: EntryFacts, signer: SignerFacts) -> Verdict:
    """Return whether somebody may authorise this person by name."""
    refusals = [*_category(pack, entry), *_sensitivities(pack, entry), *_child(pack, entry)]
    minimum = _minimum_rank(pack, entry)
    if not rank_at_least(pack, signer.rank, minimum):
        rule = pack.rules.named_authority
        tier = pack.rules.children.tier_of(entry.age_years, entry.sensitivities)
        reason = _too_low(minimum, signer.rank)
        refusals.append(pack.finding(rule if tier is None else pack.rules.children, reason))
    return Verdict(tuple(refusals))


def check_list(
    pack: PolicyPack,
    facts: ListFacts,
    use_case: str | None,
    starts_utc: datetime | None,
    *,
    is_protest: bool = False,
) -> Verdict:
    """Return whether a list may be used, or frozen if it is for no use case and start yet.

    That everybody on it is still wanted is asked when going live, by ``check_readiness``.
    """
    refusals = [
        *_size(pack, facts),
        *_list_categories(pack, facts),
        *_undecided(pack, facts),
        *_without_authority(pack, facts),
    ]
    if use_case is not None:
        refusals += _use_case(pack, facts, use_case)
    if is_protest:
        refusals += _protest(pack, facts)
    if starts_utc is not None:
        refusals += _list_age(pack, facts, starts_utc)
        refusals += held_until(pack, facts, starts_utc)
    return Verdict(tuple(refusals))


def confirmed_since_utc(pack: PolicyPack, at_utc: datetime) -> datetime:
    """Return from when on a confirmation that somebody is still wanted counts at ``at_utc``."""
    return at_utc - timedelta(hours=pack.rules.list_freshness.within_h)


def held_until(pack: PolicyPack, facts: ListFacts, until_utc: datetime) -> list[Finding]:
    """Return what is wrong if a picture may not be held until then."""
    if facts.earliest_held_until is None or facts.earliest_held_until >= day(until_utc):
        return []
    reason = "A picture on the list may not be held any more when the deployment takes place."
    return [pack.finding(pack.rules.image_held_lawfully, reason)]


def still_wanted(pack: PolicyPack, facts: ListFacts) -> list[Finding]:
    """Return what is wrong if somebody on the list was not confirmed as still wanted."""
    rule = pack.rules.list_freshness
    if facts.n_unconfirmed == 0:
        return []
    reason = (
        "Everybody on the list is confirmed as still wanted within "
        f"{counted(rule.within_h, 'hour')} before going live; "
        f"{_entries_are(facts.n_unconfirmed)} not."
    )
    return [pack.finding(rule, reason)]


def day(moment: datetime) -> date:
    """Return the day of a time, in UTC."""
    return moment.astimezone(UTC).date()


def _entries_are(n: int) -> str:
    return "one entry is" if n == 1 else f"{n:,} entries are"


def _category(pack: PolicyPack, entry: EntryFacts) -> list[Finding]:
    rule = pack.rules.list_categories
    category = rule.find(entry.category)
    if category is None:
        return [pack.finding(rule, f"The policy knows no category {entry.category or '(blank)'}.")]
    missing = [name for name in category.required_fields if name not in entry.filled]
    if not missing:
        return []
    reason = f"The category {named(category.id)} requires {', '.join(missing)}."
    return [pack.finding(rule, reason)]


def _sensitivities(pack: PolicyPack, entry: EntryFacts) -> list[Finding]:
    rule = pack.rules.named_authority
    unknown = [each for each in entry.sensitivities if each not in rule.sensitivities]
    if not unknown:
        return []
    return [pack.finding(rule, f"The policy knows no sensitivity {words(unknown, 'or')}.")]


def _child(pack: PolicyPack, entry: EntryFacts) -> list[Finding]:
    rule = pack.rules.children
    tier = rule.tier_of(entry.age_years, entry.sensitivities)
    if tier is None:
        return []
    findings = []
    if entry.category not in tier.categories:
        reason = (
            f"A child under {tier.under} may be looked for only as {words(tier.categories, 'or')}."
        )
        findings.append(pack.finding(rule, reason))
    missing = [name for name in tier.required_fields if name not in entry.filled]
    if missing:
        reason = f"A child under {tier.under} requires {', '.join(missing)}."
        findings.append(pack.finding(rule, reason))
    return findings


def _asks_for_authority(pack: PolicyPack, entry: EntryFacts) -> bool:
    rule = pack.rules.named_authority
    return (
        rule.every_entry
        or bool(entry.sensitivities)
        or entry.category in rule.categories
        or pack.rules.children.tier_of(entry.age_years, entry.sensitivities) is not None
    )


def _minimum_rank(pack: PolicyPack, entry: EntryFacts) -> str:
    """Return the highest of the ranks that the rules ask for."""
    minimum = pack.rules.named_authority.minimum_rank
    tier = pack.rules.children.tier_of(entry.age_years, entry.sensitivities)
    if tier is not None and rank_at_least(pack, tier.minimum_rank, minimum):
        return tier.minimum_rank
    return minimum


def _too_low(minimum: str, rank: str) -> str:
    allowed = sentence(f"{a(minimum)} or above authorises this person by name").rstrip(".")
    return f"{allowed}; {a(rank)} does not."


def _image_source(pack: PolicyPack, entry: EntryFacts) -> list[Finding]:
    rule = pack.rules.image_sources
    if rule.is_allowed(entry.image_source):
        return []
    if entry.image_source in rule.never:
        reason = f"Pictures from {a(entry.image_source)} are never used."
    elif not entry.image_source:
        reason = "The entry does not say where its picture comes from."
    else:
        reason = f"The policy knows no source of pictures {named(entry.image_source)}."
    return [pack.finding(rule, reason)]


def _held_lawfully(pack: PolicyPack, entry: EntryFacts) -> list[Finding]:
    rule = pack.rules.image_held_lawfully
    if entry.held_until is None:
        reason = "The entry does not say until when its picture may be held."
        return [pack.finding(rule, reason)] if rule.date_required else []
    if entry.held_until < entry.today:
        return [pack.finding(rule, "The picture may not be held any more.")]
    return []


def _image_date(pack: PolicyPack, entry: EntryFacts) -> tuple[list[Finding], list[Finding]]:
    """Return refusals and warnings."""
    rule = pack.rules.image_age
    if entry.image_date is None:
        return [], [pack.finding(rule, "It is not known when the picture was taken.")]
    if entry.image_date > entry.today:
        return [pack.finding(rule, "The picture is dated in the future.")], []
    if _years_between(entry.image_date, entry.today) >= rule.warn_years:
        reason = f"The picture is {counted(rule.warn_years, 'year')} old or older."
        return [], [pack.finding(rule, reason)]
    return [], []


def _years_between(earlier: date, later: date) -> int:
    not_yet = (later.month, later.day) < (earlier.month, earlier.day)
    return later.year - earlier.year - not_yet


def _expiry(pack: PolicyPack, entry: EntryFacts) -> list[Finding]:
    rule = pack.rules.entry_expiry
    if entry.expires_utc is None:
        return [pack.finding(rule, "The entry has no expiry.")] if rule.required else []
    if day(entry.expires_utc) < entry.today:
        return [pack.finding(rule, "The entry has expired.")]
    return []


def _size(pack: PolicyPack, facts: ListFacts) -> list[Finding]:
    rule = pack.rules.list_size
    if facts.n_entries < 1:
        return [pack.finding(rule, "The list is empty.")]
    if facts.n_entries > rule.max_entries:
        reason = (
            f"A list holds at most {rule.max_entries:,} people; this one has {facts.n_entries:,}."
        )
        return [pack.finding(rule, reason)]
    return []


def _list_categories(pack: PolicyPack, facts: ListFacts) -> list[Finding]:
    rule = pack.rules.list_categories
    unknown = sorted(each for each in facts.categories if rule.find(each) is None)
    if unknown:
        return [pack.finding(rule, f"The policy knows no category {words(unknown, 'or')}.")]
    if sum(facts.categories.values()) != facts.n_entries:
        return [pack.finding(rule, "Not everybody on the list has exactly one category.")]
    return []


def _use_case(pack: PolicyPack, facts: ListFacts, use_case: str) -> list[Finding]:
    rule = pack.rules.use_cases
    case = rule.find(use_case)
    if case is None:
        return [pack.finding(rule, f"The policy knows no use case {use_case or '(blank)'}.")]
    wrong = sorted(
        each for each, n in facts.categories.items() if n and each not in case.categories
    )
    if not wrong:
        return []
    reason = f"The use case {named(case.id)} does not allow the category {words(wrong, 'or')}."
    return [pack.finding(rule, reason)]


def _protest(pack: PolicyPack, facts: ListFacts) -> list[Finding]:
    rule = pack.rules.protest
    wrong = [each for each in rule.excluded_categories if facts.categories.get(each)]
    if not wrong:
        return []
    reason = f"At a protest nobody is looked for as {words(wrong, 'or')}."
    return [pack.finding(rule, reason)]


def _undecided(pack: PolicyPack, facts: ListFacts) -> list[Finding]:
    rule = pack.rules.duplicates
    if not rule.decided_before_freezing or facts.n_undecided_pairs == 0:
        return []
    n = facts.n_undecided_pairs
    pairs = (
        "one likely duplicate or pair of kin is"
        if n == 1
        else f"{n:,} likely duplicates or pairs of kin are"
    )
    return [pack.finding(rule, f"{sentence(pairs).rstrip('.')} undecided.")]


def _without_authority(pack: PolicyPack, facts: ListFacts) -> list[Finding]:
    if facts.n_without_named_authority == 0:
        return []
    n = facts.n_without_named_authority
    who = "One entry needs" if n == 1 else f"{n:,} entries need"
    reason = f"{who} authority by name and {'has' if n == 1 else 'have'} none."
    return [pack.finding(pack.rules.named_authority, reason)]


def _list_age(pack: PolicyPack, facts: ListFacts, starts_utc: datetime) -> list[Finding]:
    rule = pack.rules.list_age
    if starts_utc - facts.made_utc <= timedelta(hours=rule.max_h_before_start):
        return []
    reason = (
        f"A list is made at most {counted(rule.max_h_before_start, 'hour')} before the start; this "
        "one is older."
    )
    return [pack.finding(rule, reason)]

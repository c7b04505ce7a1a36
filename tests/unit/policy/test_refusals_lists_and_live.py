"""Every rule of the UK pack on lists, live deployments and data refuses in words, or need not."""

from dataclasses import replace
from datetime import timedelta

import pytest

from overt.core.errors import PolicyError
from overt.core.ids import PersonId
from overt.policy import checks
from overt.policy.facts import ForgetFacts, ReviewFacts
from overt.policy.render import AREAS
from overt.policy.roles import Role


def applied(facts):
    return lambda uk, lawful: checks.check_application(uk, facts(lawful), lawful.now)


def listed(facts):
    return lambda uk, lawful: checks.check_list(
        uk, facts(lawful), "crime-hotspot", lawful.start, is_protest=False
    )


def entered(facts):
    return lambda uk, lawful: checks.check_entry(uk, facts(lawful))


def ready(facts):
    return lambda uk, lawful: checks.check_readiness(uk, facts(lawful))


def requiring(uk):
    """Return the pack with a test of forgetting as a condition."""
    rule = uk.rules.forgetting.model_copy(update={"required": True})
    return uk.model_copy(update={"rules": uk.rules.model_copy(update={"forgetting": rule})})


def after(age_h=1, **changes):
    def ask(uk, lawful):
        facts = lawful.readiness()
        when = facts.now_utc - timedelta(hours=age_h)
        test = replace(ForgetFacts(when, 3, 0, 3, 3), **changes)
        return checks.check_readiness(requiring(uk), replace(facts, forgetting=test))

    return ask


REFUSED = [
    (
        "list-size",
        listed(lambda f: f.watchlist(n_entries=20_001, categories={"wanted-on-warrant": 20_001})),
        "A list holds at most 20,000 people; this one has 20,001.",
    ),
    (
        "list-size",
        listed(lambda f: f.watchlist(n_entries=0, categories={})),
        "The list is empty.",
    ),
    (
        "list-age",
        listed(lambda f: f.watchlist(made_utc=f.start - timedelta(hours=25))),
        "A list is made at most 24 hours before the start; this one is older.",
    ),
    (
        "list-freshness",
        ready(lambda f: f.readiness(watchlist=f.watchlist(n_unconfirmed=2))),
        (
            "Everybody on the list is confirmed as still wanted within 24 hours before going live; "
            "2 entries are not."
        ),
    ),
    (
        "list-categories",
        entered(lambda f: f.entry(category="anybody")),
        "The policy knows no category anybody.",
    ),
    (
        "list-categories",
        entered(lambda f: f.entry(filled=frozenset({"lawful_basis", "source_system"}))),
        "The category wanted on warrant requires source_reference, reason_here.",
    ),
    (
        "list-categories",
        listed(lambda f: f.watchlist(categories={"anybody": 3})),
        "The policy knows no category anybody.",
    ),
    (
        "list-categories",
        listed(lambda f: f.watchlist(n_entries=4)),
        "Not everybody on the list has exactly one category.",
    ),
    (
        "entry-expiry",
        entered(lambda f: f.entry(expires_utc=f.now - timedelta(days=1))),
        "The entry has expired.",
    ),
    (
        "named-authority",
        listed(lambda f: f.watchlist(n_without_named_authority=1)),
        "One entry needs authority by name and has none.",
    ),
    (
        "named-authority",
        entered(lambda f: f.entry(sensitivities=("left-handed",))),
        "The policy knows no sensitivity left handed.",
    ),
    (
        "named-authority",
        lambda uk, f: checks.check_named_authority(
            uk, f.entry(sensitivities=("pregnant",)), f.signer("inspector")
        ),
        "A superintendent or above authorises this person by name; an inspector does not.",
    ),
    (
        "children",
        lambda uk, f: checks.check_named_authority(uk, f.child(16), f.signer("superintendent")),
        (
            "A chief superintendent or above authorises this person by name; a superintendent does "
            "not."
        ),
    ),
    (
        "children",
        entered(lambda f: f.child(12)),
        "A child under 13 may be looked for only as missing at risk or victim.",
    ),
    (
        "children",
        entered(lambda f: f.entry(age_years=17)),
        "A child under 18 requires instructions, requester.",
    ),
    (
        "duplicates",
        listed(lambda f: f.watchlist(n_undecided_pairs=1)),
        "One likely duplicate or pair of kin is undecided.",
    ),
    (
        "image-sources",
        entered(lambda f: f.entry(image_source="passport")),
        "Pictures from a passport are never used.",
    ),
    (
        "image-sources",
        entered(lambda f: f.entry(image_source="driving-licence")),
        "Pictures from a driving licence are never used.",
    ),
    (
        "image-sources",
        entered(lambda f: f.entry(image_source="webcam")),
        "The policy knows no source of pictures webcam.",
    ),
    (
        "image-held-lawfully",
        entered(lambda f: f.entry(held_until=None)),
        "The entry does not say until when its picture may be held.",
    ),
    (
        "image-held-lawfully",
        entered(lambda f: f.entry(held_until=f.today - timedelta(days=1))),
        "The picture may not be held any more.",
    ),
    (
        "image-held-lawfully",
        applied(lambda f: f.application(watchlist=f.watchlist(earliest_held_until=f.today))),
        "A picture on the list may not be held any more when the deployment takes place.",
    ),
    (
        "image-age",
        entered(lambda f: f.entry(image_date=f.today + timedelta(days=1))),
        "The picture is dated in the future.",
    ),
    (
        "officers",
        applied(lambda f: f.application(officers={Role.OPERATOR: 1})),
        "At least 1 engagement officer is named; there are 0.",
    ),
    (
        "officers",
        ready(lambda f: f.readiness(present={Role.ENGAGEMENT_OFFICER: 2})),
        "At least 1 operator is there; 0 checked in.",
    ),
    (
        "presence",
        lambda uk, _: checks.check_presence(uk, {Role.OPERATOR: 1}),
        "1 engagement officer must be present, and none said so within the last 30 seconds.",
    ),
    (
        "forgetting",
        after(n_found=1),
        "The last test of forgetting found something 1 time.",
    ),
    (
        "forgetting",
        after(n_planted_found=2),
        "The last test of forgetting missed what it had planted itself.",
    ),
    (
        "forgetting",
        after(n_planted=0, n_planted_found=0),
        "The last test of forgetting missed what it had planted itself.",
    ),
    (
        "forgetting",
        lambda uk, f: checks.check_readiness(requiring(uk), f.readiness()),
        "It was never tested on this machine whether strangers are forgotten.",
    ),
    (
        "forgetting",
        after(is_same_software=False),
        "The last test of forgetting was of other models or settings.",
    ),
    (
        "forgetting",
        after(age_h=169),
        "The last test of forgetting was more than 168 hours before going live.",
    ),
    (
        "forgetting",
        after(n_runs=2),
        "The last test of forgetting had 2 of 3 runs.",
    ),
    (
        "review",
        lambda uk, _: checks.check_review(uk, ReviewFacts(PersonId("op-1"), (PersonId("op-1"),))),
        "op-1 has adjudicated this alert; somebody else has to.",
    ),
    (
        "review",
        lambda uk, _: checks.check_review(
            uk, ReviewFacts(PersonId("op-2"), (PersonId("op-1"),), seen_earlier=True)
        ),
        "op-2 was shown what an earlier reviewer said, and a later one decides without.",
    ),
    (
        "closing",
        lambda uk, f: checks.check_closing(uk, f.closing(n_chars={})),
        "The statement on what was learnt has at least 20 characters; this one has 0.",
    ),
    (
        "closing",
        lambda uk, f: checks.check_closing(uk, f.closing(n_open_alerts=2)),
        "2 of its alerts have no final state.",
    ),
]

REFUSE_NOTHING = {
    "list-reuse": "points a list out to whoever authorises, who may still authorise it",
    "notes": "a length that alerts/steps.py holds notes to; see note_limit_chars",
    "engagement": "the lifecycle table of alerts has no engagement before an adjudication",
    "retention": "periods that deletion obeys; see retention_of",
    "publication": "what the public record contains",
}
"""Rules that no check of the policy refuses under, each with the reason."""


@pytest.mark.parametrize(
    ("rule", "ask", "reason"), REFUSED, ids=[f"{n}-{case[0]}" for n, case in enumerate(REFUSED)]
)
def test_a_rule_refuses_in_words(uk, lawful, rule, ask, reason):
    verdict = ask(uk, lawful)
    assert (rule, reason) in [(each.rule, each.reason) for each in verdict.refusals]
    with pytest.raises(PolicyError) as refused:
        verdict.require()
    assert rule in refused.value.rules
    assert reason.rstrip(".") in str(refused.value)


def test_every_rule_of_these_areas_refuses_or_says_why_it_does_not():
    refuse = {rule for rule, _, _ in REFUSED}
    assert refuse.isdisjoint(REFUSE_NOTHING)
    areas = ("The watchlist", "Live", "Data")
    assert refuse | set(REFUSE_NOTHING) == {rule for area in areas for rule in AREAS[area]}


def test_what_the_rules_allow_is_allowed(uk, lawful):
    independent = lawful.independent()
    chief = lawful.signer("assistant-chief-constable")
    protest = lawful.authority(is_protest=True, signer=chief, cosigner=independent)
    for verdict in (
        checks.check_application(uk, lawful.application(), lawful.now),
        checks.check_authority(uk, lawful.authority()),
        checks.check_authority(uk, lawful.urgent()),
        checks.check_authority(uk, protest),
        checks.check_ratification(uk, lawful.authority(), PersonId("insp-1")),
        checks.check_policy_signer(uk, chief),
        checks.check_entry(uk, lawful.entry()),
        checks.check_list(uk, lawful.watchlist(), "crime-hotspot", lawful.start),
        checks.check_list(uk, lawful.watchlist(), None, None),
        checks.check_readiness(uk, lawful.readiness()),
        checks.check_presence(uk, {Role.OPERATOR: 1, Role.ENGAGEMENT_OFFICER: 1}),
        checks.check_review(uk, ReviewFacts(PersonId("op-1"))),
        checks.check_review(uk, ReviewFacts(PersonId("op-2"), (PersonId("op-1"),))),
        checks.check_closing(uk, lawful.closing()),
    ):
        assert verdict.refusals == ()


def test_a_test_of_forgetting_in_time_is_enough(uk, lawful):
    assert after()(uk, lawful).refusals == ()


def test_a_failed_test_of_forgetting_stands_in_the_way_where_none_is_required(uk, lawful):
    facts = lawful.readiness()
    failed = ForgetFacts(facts.now_utc, 3, 1, 3, 3)
    refusals = checks.check_readiness(uk, replace(facts, forgetting=failed)).refusals
    assert [each.rule for each in refusals] == ["forgetting"]

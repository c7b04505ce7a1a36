"""Who may sign: ranks, the urgent window, and what does not matter."""

from datetime import UTC, datetime, timedelta

import pytest

from overt.core.ids import PersonId
from overt.policy.checks import (
    check_authority,
    check_policy_signer,
    check_ratification,
    rank_at_least,
    urgent_end_utc,
)


@pytest.mark.parametrize(
    ("rank", "minimum", "reaches"),
    [
        ("superintendent", "superintendent", True),
        ("chief-constable", "superintendent", True),
        ("inspector", "superintendent", False),
        ("independent-member", "civilian", False),
        ("colonel", "civilian", False),
        ("superintendent", "colonel", False),
        ("colonel", "colonel", False),
        ("Superintendent", "superintendent", False),
        ("", "", False),
    ],
)
def test_a_rank_that_is_not_known_reaches_none(uk, rank, minimum, reaches):
    assert rank_at_least(uk, rank, minimum) is reaches


def test_the_urgent_window_is_the_shorter_one(uk, lawful):
    day = timedelta(days=1)
    assert urgent_end_utc(uk, lawful.start, lawful.end) == lawful.start + timedelta(hours=4)
    assert urgent_end_utc(uk, lawful.end - timedelta(hours=1), lawful.end) == lawful.end
    assert urgent_end_utc(uk, lawful.end + day, lawful.end) == lawful.end
    last = datetime.max.replace(tzinfo=UTC)
    assert urgent_end_utc(uk, last - timedelta(hours=1), last) == last


def test_an_urgent_authority_needs_no_superintendent_and_no_cosigner_yet(uk, lawful):
    assert check_authority(uk, lawful.urgent()).allowed
    assert not check_authority(uk, lawful.authority(signer=lawful.signer("inspector"))).allowed


def test_ratifying_is_an_ordinary_authority_whatever_the_facts_call_it(uk, lawful):
    inspector = PersonId("insp-1")
    late = lawful.urgent(signer=lawful.signer(), urgency_reason=False, ends_utc=lawful.end)
    assert check_ratification(uk, late, inspector).allowed
    assert not check_ratification(uk, lawful.urgent(), inspector).allowed


def test_whoever_gave_the_urgent_authority_does_not_cosign_either(uk, lawful):
    cosigned = lawful.authority(cosigner=lawful.independent())
    assert check_ratification(uk, cosigned, PersonId("insp-1")).allowed
    (finding,) = check_ratification(uk, cosigned, PersonId("ind-1")).refusals
    assert finding.reason == "ind-1 gave the urgent authority, so somebody else co-signs."


def test_a_cosigner_of_unknown_rank_counts_for_nothing(uk, lawful):
    unknown = lawful.independent(rank="archbishop")
    (finding,) = check_authority(uk, lawful.authority(cosigner=unknown)).refusals
    assert finding.rule == "ranks"


def test_under_the_ai_act_no_police_officer_authorises(eu, lawful):
    requester = lawful.signer("officer", "req-1")
    for rank in ("officer", "senior-officer", "head-of-unit"):
        facts = lawful.authority(requester=requester, signer=lawful.signer(rank))
        (finding,) = check_authority(eu, facts).refusals
        assert finding.rule == "authorising-rank"
        assert finding.reason.startswith("An independent authority or above authorises; a")
        assert "Article 5(1)(h)" in finding.source
    judge = lawful.signer("judge", organisation="Regional Court")
    assert check_authority(eu, lawful.authority(requester=requester, signer=judge)).allowed


def test_under_the_ai_act_urgency_lasts_a_day_and_a_head_of_unit_may_begin(eu, lawful):
    requester, head = lawful.signer("officer", "req-1"), lawful.signer("head-of-unit")
    urgent = lawful.urgent(requester=requester, signer=head)
    assert check_authority(eu, urgent).allowed
    assert eu.rules.urgent_authority.refusal_deletes
    far = lawful.start + timedelta(days=3)
    assert urgent_end_utc(eu, lawful.start, far) == lawful.start + timedelta(hours=24)
    (finding,) = check_ratification(eu, urgent, PersonId("other-1")).refusals
    assert finding.rule == "authorising-rank"


def test_each_pack_has_its_own_signer(uk, eu, lawful):
    assert not check_policy_signer(eu, lawful.signer("superintendent")).allowed
    assert check_policy_signer(eu, lawful.signer("head-of-unit")).allowed
    assert not check_policy_signer(uk, lawful.signer("head-of-unit")).allowed
    (rank, minimum) = check_policy_signer(uk, lawful.signer("head-of-unit")).refusals
    assert (rank.rule, minimum.rule) == ("ranks", "policy-signer")

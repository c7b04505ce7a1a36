"""What is pointed out and not refused, authority by name, and what only the Act asks for."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from overt.core.errors import InputError
from overt.policy import checks
from overt.policy.facts import DocumentFacts
from overt.policy.pack_data import DataKind
from overt.policy.roles import Role


def reasons(findings):
    return [(each.rule, each.reason) for each in findings]


def test_what_needs_authority_by_name(uk, lawful):
    assert not checks.needs_named_authority(uk, lawful.entry())
    assert checks.needs_named_authority(uk, lawful.entry(category="victim"))
    assert checks.needs_named_authority(uk, lawful.entry(sensitivities=("pregnant",)))
    assert checks.needs_named_authority(uk, lawful.entry(sensitivities=("unheard-of",)))
    assert checks.needs_named_authority(uk, lawful.child(17))
    assert not checks.needs_named_authority(uk, lawful.entry(age_years=18))
    assert not checks.needs_named_authority(uk, lawful.entry(age_years=None))


def test_authority_by_name_is_needed_until_somebody_of_the_rank_gave_it(uk, lawful):
    child = lawful.child(16)
    assert checks.needs_named_authority(uk, replace(child, named_authority="superintendent"))
    assert checks.needs_named_authority(uk, replace(child, named_authority="colonel"))
    given = replace(child, named_authority="chief-superintendent")
    assert not checks.needs_named_authority(uk, given)
    assert checks.check_entry(uk, given).allowed
    refused = checks.check_entry(uk, replace(child, named_authority="superintendent"))
    assert [each.rule for each in refused.refusals] == ["named-authority"]


def test_that_authority_is_missing_is_pointed_out_at_the_import(uk, lawful):
    verdict = checks.check_entry(uk, lawful.child(16))
    assert verdict.allowed
    reason = "This person needs authority by name of a chief superintendent or above."
    assert reasons(verdict.warnings) == [("named-authority", reason)]


def test_a_child_of_unknown_age_is_of_the_youngest_tier(uk, lawful):
    unknown = lawful.child(None, category="suspected-offence", sensitivities=("child",))
    assert "children" in [each.rule for each in checks.check_entry(uk, unknown).refusals]
    sought = replace(unknown, category="missing-at-risk")
    assert checks.check_entry(uk, sought).allowed
    chief = lawful.signer("chief-superintendent")
    assert not checks.check_named_authority(uk, sought, chief).allowed
    above = lawful.signer("assistant-chief-constable")
    assert checks.check_named_authority(uk, sought, above).allowed


@pytest.mark.parametrize(
    ("image_date", "reason"),
    [
        (None, "It is not known when the picture was taken."),
        (date(2021, 6, 30), "The picture is 5 years old or older."),
        (date(2020, 2, 29), "The picture is 5 years old or older."),
        (date(2021, 7, 1), None),
    ],
)
def test_old_pictures_are_pointed_out(uk, lawful, image_date, reason):
    verdict = checks.check_entry(uk, lawful.entry(image_date=image_date))
    assert verdict.allowed
    assert [each.reason for each in verdict.warnings] == ([] if reason is None else [reason])


def test_a_list_used_elsewhere_is_pointed_out(uk, lawful):
    for share, told in ((0.79, 0), (0.8, 1), (1.0, 1), (float("nan"), 1)):
        facts = lawful.application(reused_share=share)
        verdict = checks.check_application(uk, facts, lawful.now)
        assert verdict.allowed
        assert [each.rule for each in verdict.warnings] == ["list-reuse"] * told


def test_a_late_closing_is_pointed_out_since_closing_deletes(uk, lawful):
    late = lawful.closing(now_utc=lawful.end + timedelta(hours=25))
    verdict = checks.check_closing(uk, late)
    assert verdict.allowed
    assert [each.rule for each in verdict.warnings] == ["closing"]
    assert not checks.check_closing(uk, lawful.closing(ended_utc=None)).allowed
    assert not checks.check_closing(uk, lawful.closing(n_open_runs=1)).allowed


def test_an_exception_from_notice_needs_its_reason(uk, lawful):
    unannounced = lawful.application(notice_utc=None)
    assert not checks.check_application(uk, unannounced, lawful.now).allowed
    excused = lawful.application(notice_utc=None, notice_exception=True)
    assert checks.check_application(uk, excused, lawful.now).allowed


def test_of_several_documents_of_a_kind_one_is_enough(uk, lawful):
    old = DocumentFacts("dpia", date(2020, 1, 1))
    documents = [old, *lawful.application().documents]
    assert checks.check_application(uk, lawful.application(documents=documents), lawful.now).allowed
    ahead = [DocumentFacts("dpia", lawful.today + timedelta(days=1)), *documents[2:]]
    refused = checks.check_application(uk, lawful.application(documents=ahead), lawful.now)
    assert [each.reason for each in refused.refusals] == [
        "The DPIA (data protection impact assessment) is dated in the future."
    ]


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -0.1, 0.0, 1.0, 2.0])
def test_a_threshold_that_is_none_is_refused(uk, lawful, value):
    for facts in (
        lawful.application(threshold=value),
        lawful.application(evaluation=lawful.evaluation(threshold=value), threshold=value),
    ):
        refused = checks.check_application(uk, facts, lawful.now).refusals
        assert "evaluation" in [each.rule for each in refused]
    refused = checks.check_readiness(uk, lawful.readiness(threshold=value)).refusals
    assert "evaluation" in [each.rule for each in refused]


@pytest.mark.parametrize("area", [float("nan"), float("inf"), -1.0, 0.0])
def test_an_area_that_is_none_is_refused(uk, lawful, area):
    refused = checks.check_application(uk, lawful.application(area_km2=area), lawful.now).refusals
    assert [each.rule for each in refused] == ["location"]


def test_an_evaluation_that_supports_no_number_supports_nothing(uk, lawful):
    for supported in (float("nan"), float("inf"), float("-inf")):
        facts = lawful.application(evaluation=lawful.evaluation(threshold=supported))
        assert not checks.check_application(uk, facts, lawful.now).allowed


def test_a_threshold_is_compared_in_the_millionths_that_authorities_carry(uk, lawful):
    facts = lawful.application(threshold=0.4499999, evaluation=lawful.evaluation(threshold=0.45))
    assert checks.check_application(uk, facts, lawful.now).allowed


def test_signs_that_were_confirmed_in_the_future_were_not(uk, lawful):
    ahead = lawful.readiness(signs_confirmed_utc=lawful.start + timedelta(hours=2))
    assert [each.rule for each in checks.check_readiness(uk, ahead).refusals] == ["signs-confirmed"]


def test_what_the_rest_of_overt_asks_for_by_number(uk, lawful):
    assert checks.presence_within_s(uk) == 30
    assert checks.n_reviews(uk) == 2
    assert checks.note_limit_chars(uk) == 280
    assert checks.confirmed_since_utc(uk, lawful.start) == lawful.start - timedelta(hours=24)
    assert checks.retention_of(uk, DataKind.PICTURE).due_utc(lawful.end) == (
        lawful.end + timedelta(hours=24)
    )
    assert checks.retention_of(uk, "watchlist").counted_from == "deployment-end"
    with pytest.raises(InputError, match="no such kind"):
        checks.retention_of(uk, "gossip")


def eu_application(lawful, **changes):
    texts = dict.fromkeys(lawful.application().n_chars, 300)
    facts = lawful.application(
        use_case="serious-offence",
        rationale=frozenset({"intelligence"}),
        documents=[
            DocumentFacts("fria", date(2026, 3, 1)),
            DocumentFacts("eu-registration", date(2026, 3, 1)),
            DocumentFacts("dpia", date(2026, 3, 1)),
        ],
        officers={Role.OPERATOR: 2, Role.ENGAGEMENT_OFFICER: 1},
        n_chars=texts,
        watchlist=lawful.watchlist(categories={"annex-ii-murder": 3}),
    )
    return replace(facts, **changes)


def test_the_ai_act_allows_what_it_excepts(eu, lawful):
    verdict = checks.check_application(eu, eu_application(lawful), lawful.now)
    assert reasons(verdict.refusals) == []


@pytest.mark.parametrize(
    ("changes", "rule", "reason"),
    [
        (
            {"use_case": "crime-hotspot"},
            "use-cases",
            "The policy knows no use case crime-hotspot.",
        ),
        (
            {"rationale": frozenset({"hotspot"})},
            "use-cases",
            "The use case serious offence needs evidence for the place: intelligence.",
        ),
        (
            {"use_case": "search-for-victims"},
            "use-cases",
            "The use case search for victims does not allow the category annex ii murder.",
        ),
        (
            {"documents": []},
            "documents",
            "There is no FRIA (fundamental rights impact assessment).",
        ),
        ({"documents": []}, "documents", "There is no EU registration of the system."),
        (
            {"officers": {Role.OPERATOR: 1, Role.ENGAGEMENT_OFFICER: 1}},
            "officers",
            "At least 2 operators are named; there is 1.",
        ),
    ],
)
def test_the_ai_act_refuses_what_it_forbids(eu, lawful, changes, rule, reason):
    facts = eu_application(lawful, **changes)
    refusals = checks.check_application(eu, facts, lawful.now).refusals
    assert (rule, reason) in reasons(refusals)


def test_under_the_ai_act_a_list_in_the_hundreds_is_no_targeted_search(eu, lawful):
    many = lawful.watchlist(n_entries=101, categories={"missing-person": 101})
    (finding,) = checks.check_list(eu, many, "search-for-victims", lawful.start).refusals
    assert finding.reason == "A list holds at most 100 people; this one has 101."


def test_under_the_ai_act_everybody_is_authorised_by_name_and_for_a_time(eu, lawful):
    entry = lawful.entry(category="annex-ii-murder", expires_utc=lawful.end)
    entry = replace(entry, filled=entry.filled | {"requester"})
    assert checks.needs_named_authority(eu, entry)
    assert checks.check_named_authority(eu, entry, lawful.signer("judge")).allowed
    assert not checks.check_named_authority(eu, entry, lawful.signer("head-of-unit")).allowed
    assert checks.check_entry(eu, entry).allowed
    endless = checks.check_entry(eu, replace(entry, expires_utc=None))
    assert reasons(endless.refusals) == [("entry-expiry", "The entry has no expiry.")]
    minor_theft = checks.check_entry(eu, replace(entry, category="suspected-offence"))
    assert [each.rule for each in minor_theft.refusals] == ["list-categories"]
    scraped = checks.check_entry(eu, replace(entry, image_source="internet"))
    assert [each.rule for each in scraped.refusals] == ["image-sources"]


def test_under_the_ai_act_two_people_verify_apart_and_authorities_are_told(eu):
    assert checks.n_reviews(eu) == 2
    assert eu.rules.review.blind
    assert len(eu.rules.publication.notify) == 2
    assert eu.rules.publication.annual_report
    assert eu.rules.engagement.never_on_score_alone

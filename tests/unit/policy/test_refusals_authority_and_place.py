"""Every rule of the UK pack on authority, purpose, place and the public refuses in words."""

from datetime import date, timedelta

import pytest

from overt.core.errors import PolicyError
from overt.core.ids import CameraId, ContractId, PersonId
from overt.policy import checks
from overt.policy.facts import DocumentFacts
from overt.policy.render import AREAS


def applied(facts):
    return lambda uk, lawful: checks.check_application(uk, facts(lawful), lawful.now)


def authorised(facts):
    return lambda uk, lawful: checks.check_authority(uk, facts(lawful))


def listed(facts):
    return lambda uk, lawful: checks.check_list(
        uk, facts(lawful), "crime-hotspot", lawful.start, is_protest=False
    )


def ready(facts):
    return lambda uk, lawful: checks.check_readiness(uk, facts(lawful))


def without(lawful, field):
    return {name: n for name, n in lawful.application().n_chars.items() if name != field}


def at_protest(lawful, **changes):
    signer = lawful.signer("assistant-chief-constable")
    facts = {"is_protest": True, "signer": signer, "cosigner": lawful.independent()}
    return lawful.authority(**{**facts, **changes})


REFUSED = [
    (
        "ranks",
        authorised(lambda f: f.authority(signer=f.signer("colonel"))),
        "The policy knows no rank colonel, so ao-1 can sign nothing.",
    ),
    (
        "authorising-rank",
        authorised(lambda f: f.authority(signer=f.signer("inspector"))),
        "A superintendent or above authorises; an inspector does not.",
    ),
    (
        "separation",
        authorised(lambda f: f.authority(signer=f.signer(person="req-1"))),
        "req-1 applied for the deployment, so somebody else authorises it.",
    ),
    (
        "separation",
        authorised(lambda f: f.authority(cosigner=f.independent(person=PersonId("req-1")))),
        "req-1 applied for the deployment and cannot co-sign it.",
    ),
    (
        "separation",
        authorised(lambda f: f.authority(cosigner=f.independent(person=PersonId("ao-1")))),
        "ao-1 authorises the deployment and cannot co-sign it too.",
    ),
    (
        "separation",
        lambda uk, f: checks.check_ratification(uk, f.authority(), PersonId("ao-1")),
        "ao-1 gave the urgent authority, so somebody else ratifies it.",
    ),
    (
        "separation",
        lambda uk, f: checks.check_ratification(
            uk, f.authority(signer=f.signer(person="req-1")), PersonId("insp-1")
        ),
        "req-1 applied for the deployment, so somebody else authorises it.",
    ),
    (
        "authorising-rank",
        lambda uk, f: checks.check_ratification(
            uk, f.authority(signer=f.signer("chief-inspector")), PersonId("insp-1")
        ),
        "A superintendent or above authorises; a chief inspector does not.",
    ),
    (
        "urgent-authority",
        authorised(lambda f: f.urgent(signer=f.signer("sergeant"))),
        "An inspector or above gives urgent authority; a sergeant does not.",
    ),
    (
        "urgent-authority",
        authorised(lambda f: f.urgent(urgency_reason=False)),
        "An urgent authority says why the ordinary route would come too late.",
    ),
    (
        "urgent-authority",
        authorised(lambda f: f.urgent(ends_utc=f.start + timedelta(hours=4, seconds=1))),
        "An urgent authority ends 4 hours after it was given; this one would last longer.",
    ),
    (
        "co-signature",
        authorised(lambda f: at_protest(f, cosigner=None)),
        "A deployment at a protest is co-signed by an independent person; nobody has co-signed.",
    ),
    (
        "co-signature",
        authorised(lambda f: at_protest(f, cosigner=f.independent(independent=False))),
        "The register does not say that ind-1 is independent of the force.",
    ),
    (
        "co-signature",
        authorised(lambda f: at_protest(f, cosigner=f.independent(organisation="Avon"))),
        "ind-1 works for the organisation of those whom they would check.",
    ),
    (
        "policy-signer",
        lambda uk, f: checks.check_policy_signer(uk, f.signer("superintendent")),
        "An assistant chief constable or above signs the policy; a superintendent does not.",
    ),
    (
        "duration",
        authorised(lambda f: f.authority(ends_utc=f.start + timedelta(hours=13))),
        "A deployment lasts at most 12 hours; this one is longer.",
    ),
    (
        "duration",
        authorised(lambda f: f.authority(ends_utc=f.start - timedelta(hours=1))),
        "The deployment ends before it begins.",
    ),
    (
        "duration",
        authorised(lambda f: f.authority(issued_utc=f.end)),
        "The window is over before the authority is given.",
    ),
    (
        "duration",
        lambda uk, f: checks.check_application(uk, f.application(), f.end),
        "The window is over already.",
    ),
    (
        "duration",
        ready(lambda f: f.readiness(now_utc=f.end)),
        "It is not within the authorised window.",
    ),
    (
        "use-cases",
        applied(lambda f: f.application(use_case="fishing")),
        "The policy knows no use case fishing.",
    ),
    (
        "use-cases",
        applied(lambda f: f.application(rationale=frozenset({"intelligence"}))),
        "The use case crime hotspot needs evidence for the place: hotspot.",
    ),
    (
        "use-cases",
        listed(lambda f: f.watchlist(categories={"wanted-on-warrant": 2, "victim": 1})),
        "The use case crime hotspot does not allow the category victim.",
    ),
    (
        "location",
        applied(lambda f: f.application(area_km2=0.0)),
        "The place is drawn as a polygon; this one has no area.",
    ),
    (
        "location",
        applied(lambda f: f.application(area_km2=1.01)),
        "The place has at most 1 km²; this one is larger.",
    ),
    (
        "location",
        applied(lambda f: f.application(cameras_outside=(CameraId("gate-9"),))),
        "Every camera stands inside the place; outside it: gate-9.",
    ),
    (
        "location",
        applied(lambda f: f.application(cameras=())),
        "No camera is named.",
    ),
    (
        "statements",
        applied(lambda f: f.application(n_chars=without(f, "necessity"))),
        "The statement on necessity has at least 80 characters; this one has 0.",
    ),
    (
        "documents",
        applied(lambda f: f.application(documents=f.application().documents[1:])),
        "There is no DPIA (data protection impact assessment).",
    ),
    (
        "documents",
        applied(
            lambda f: f.application(
                documents=[
                    *f.application().documents[:2],
                    DocumentFacts("appropriate-policy", date(2024, 6, 30)),
                ]
            )
        ),
        "The appropriate policy document is more than 730 days old when the deployment ends.",
    ),
    (
        "documents",
        applied(
            lambda f: f.application(
                documents=[
                    *f.application().documents[1:],
                    DocumentFacts("dpia", date(2026, 3, 1), date(2026, 6, 30)),
                ]
            )
        ),
        "The DPIA (data protection impact assessment) is not valid until the deployment ends.",
    ),
    (
        "protest",
        applied(lambda f: f.application(is_protest=True)),
        (
            "At a protest the application says in at least 120 characters why it is necessary "
            "there; this one has 0."
        ),
    ),
    (
        "protest",
        lambda uk, f: checks.check_list(
            uk,
            f.watchlist(categories={"associate": 3}),
            "specific-intelligence",
            f.start,
            is_protest=True,
        ),
        "At a protest nobody is looked for as associate.",
    ),
    (
        "protest",
        authorised(lambda f: at_protest(f, signer=f.signer("superintendent"))),
        "An assistant chief constable or above authorises at a protest; a superintendent does not.",
    ),
    (
        "protest",
        authorised(lambda f: f.urgent(is_protest=True)),
        "At a protest the urgent route is closed.",
    ),
    (
        "notice",
        applied(lambda f: f.application(notice_utc=f.start - timedelta(hours=23))),
        "The public is told at least 24 hours before or a reason is given why not.",
    ),
    (
        "signage",
        applied(lambda f: f.application(has_signage_plan=False)),
        "The application says where signs will stand; this one does not.",
    ),
    (
        "signs-confirmed",
        ready(lambda f: f.readiness(signs_confirmed_utc=None)),
        "Nobody has confirmed that the signs stand.",
    ),
    (
        "signs-confirmed",
        ready(lambda f: f.readiness(signs_confirmed_utc=f.start - timedelta(hours=1, seconds=1))),
        "The signs were confirmed more than 2 hours before going live.",
    ),
    (
        "evaluation",
        applied(lambda f: f.application(evaluation=None)),
        "There is no evaluation to which the threshold could be compared.",
    ),
    (
        "evaluation",
        applied(lambda f: f.application(threshold=0.449998)),
        "The threshold is below the one that the evaluation supports.",
    ),
    (
        "evaluation",
        ready(lambda f: f.readiness(threshold=float("nan"))),
        "The threshold is no similarity between 0 and 1.",
    ),
    (
        "evaluation",
        applied(lambda f: f.application(contract=ContractId("another"))),
        "The evaluation is of another model than the one to be used.",
    ),
    (
        "evaluation",
        applied(lambda f: f.application(evaluation=f.evaluation(n_entries=2))),
        "The evaluation covers lists of up to 2 people; this one has 3.",
    ),
    (
        "evaluation",
        applied(lambda f: f.application(evaluation=f.evaluation(false_alert_one_in=500))),
        "At most one false alert in 1,000 strangers is allowed; the evaluation is for one in 500.",
    ),
    (
        "evaluation",
        applied(lambda f: f.application(false_alert_one_in=500)),
        (
            "At most one false alert in 1,000 strangers is allowed; the application asks for "
            "one in 500."
        ),
    ),
    (
        "evaluation",
        applied(lambda f: f.application(evaluation=f.evaluation(measured=date(2025, 6, 30)))),
        "The evaluation is more than 365 days old when the deployment ends.",
    ),
]


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


def test_every_rule_of_these_areas_refuses():
    areas = ("Authority", "Purpose and place", "The public")
    assert {rule for rule, _, _ in REFUSED} == {rule for area in areas for rule in AREAS[area]}


def test_every_refusal_names_where_the_rule_comes_from(uk, lawful):
    facts = lawful.authority(signer=lawful.signer("inspector"))
    (finding,) = checks.check_authority(uk, facts).refusals
    assert "Sussex Police" in finding.source
    assert "Authorisation and deployment [recalled]" in finding.source
    assert str(finding).endswith(").")

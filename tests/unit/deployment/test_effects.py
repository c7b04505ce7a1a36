"""What each act asks for: every precondition refuses, with a reason that a person can act on."""

from dataclasses import replace
from datetime import timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from fixtures.attempts import Attempts, allowed, at, refused
from overt.core.errors import AuthorityError, InputError, PolicyError, StateError
from overt.core.ids import CameraId, Sha256
from overt.deployment import acts
from overt.deployment.authorising import capability_for
from overt.deployment.capability import sign
from overt.deployment.cosignature import cosign
from overt.deployment.life import LifeState
from overt.deployment.lifecycle import advance
from overt.policy.facts import Route

S = LifeState
EAST = (CameraId("east"),)


# the application


def test_nobody_applies_in_anothers_name():
    so = Attempts()
    act = acts.Apply(so.application("requester"))
    assert refused(so, act, "spare", "is the requester") == ("separation",)


def test_a_draft_is_rewritten_by_its_requester_alone():
    so = at(S.DRAFT)
    act = acts.Apply(so.application("spare"))
    assert refused(so, act, "spare", "Only the requester, requester") == ("separation",)
    allowed(so, acts.Apply(so.application("requester", title="Another title")), "requester")
    assert so.life.application.title == "Another title"


def test_a_draft_is_not_rewritten_as_another_deployment():
    so = at(S.DRAFT)
    act = acts.Apply(so.application("requester", deployment="d-2"))
    refused(so, act, "requester", "another deployment", StateError)


@pytest.mark.parametrize("act", [acts.Submit(), acts.Withdraw()])
def test_an_application_is_its_requesters_to_submit_and_withdraw(act):
    so = at(S.DRAFT if isinstance(act, acts.Submit) else S.SUBMITTED)
    assert refused(so, act, "spare", "Only the requester") == ("separation",)


def no_list(so):
    so.list_is_there = False


def another_list(so):
    so.list_sha256 = "b" * 64


def another_pack(so):
    so.in_force = False


CHANGED = {
    no_list: "watchlist-frozen",
    another_list: "watchlist-frozen",
    another_pack: "policy-in-force",
}


@pytest.mark.parametrize("change", CHANGED)
@pytest.mark.parametrize("state", [S.DRAFT, S.SUBMITTED, S.AUTHORISED, S.READY, S.PAUSED])
def test_a_changed_list_or_policy_voids_what_was_applied_for(state, change):
    so = at(state)
    act, by = {
        S.DRAFT: lambda: (acts.Submit(), "requester"),
        S.SUBMITTED: lambda: (so.authority("second", Route.ORDINARY), "second"),
        S.AUTHORISED: lambda: (acts.MakeReady(), "operator"),
        S.READY: lambda: (acts.GoLive(EAST), "operator"),
        S.PAUSED: lambda: (acts.Resume(), "operator"),
    }[state]()
    change(so)
    assert CHANGED[change] in refused(so, act, by, "watchlist|policy")


def test_a_list_that_was_frozen_under_another_policy_is_refused():
    so = at(S.DRAFT)
    situation = replace(so.situation("requester"), list_policy_sha256="b" * 64)
    with pytest.raises(PolicyError, match="frozen under another policy"):
        advance(so.life, acts.Submit(), situation)


def test_every_reason_is_given_at_once():
    so = at(S.DRAFT)
    blank = so.application("requester", documents=(), officers=(), is_protest=True)
    allowed(so, acts.Apply(blank), "requester")
    rules = refused(so, acts.Submit(), "requester", "DPIA")
    assert {"documents", "officers"} <= set(rules)


# who signs


def test_a_cosignature_is_made_under_this_application_by_whoever_gives_it():
    so = at(S.SUBMITTED)
    digest, judge = so.life.application.sha256, so.people["judge"].key
    other = acts.Cosign(cosign(Sha256("b" * 64), judge))
    refused(so, other, "judge", "does not fit", AuthorityError)
    by_another = acts.Cosign(cosign(digest, so.people["lay"].key))
    refused(so, by_another, "judge", "does not fit", AuthorityError)
    refused(so, acts.Cosign("no signature"), "judge", "does not fit", AuthorityError)
    allowed(so, acts.Cosign(cosign(digest, judge)), "judge")
    assert so.life.cosignature.person == "judge"


def test_whoever_applies_cannot_cosign():
    so = Attempts()
    so.attempt(acts.Apply(so.application("both")), "both")
    so.attempt(acts.Submit(), "both")
    assert refused(so, so.cosignature("both"), "both", "cannot co-sign") == ("separation",)


def test_an_application_that_is_written_anew_has_no_cosignature():
    so = at(S.SUBMITTED)
    allowed(so, so.cosignature("judge"), "judge")
    allowed(so, acts.Withdraw(), "requester")
    assert so.life.cosignature is None


def test_after_authority_only_an_urgent_one_is_cosigned():
    so = at(S.AUTHORISED)
    refused(so, so.cosignature("judge"), "judge", "no urgent authority", StateError)


@pytest.mark.parametrize(
    ("by", "rule"),
    [
        ("low", "authorising-rank"),
        ("junior", "authorising-rank"),
        ("rankless", "ranks"),
        ("lay", "ranks"),
        ("judge", "authorising-rank"),
    ],
)
def test_whoever_is_of_too_low_a_rank_gives_no_authority(by, rule):
    so = at(S.SUBMITTED)
    act = so.authority(by, Route.ORDINARY)
    assert rule in refused(so, act, by, "or above|knows no rank")


def test_nobody_authorises_what_they_applied_for():
    so = Attempts()
    so.attempt(acts.Apply(so.application("both")), "both")
    so.attempt(acts.Submit(), "both")
    act = so.authority("both", Route.ORDINARY)
    assert refused(so, act, "both", "somebody else authorises it") == ("separation",)


def test_nobody_authorises_what_a_struck_off_person_applied_for():
    so = at(S.SUBMITTED)
    act = so.authority("second", Route.ORDINARY)
    gone = so.people["requester"]
    so.people["requester"] = replace(gone, person=replace(gone.person, struck_off=True))
    assert refused(so, act, "second", "not in the register any more") == ("roles",)


def test_at_a_protest_an_independent_person_cosigns():
    so = at(S.SUBMITTED, protest=True)
    act = so.authority("second", Route.ORDINARY)
    assert refused(so, act, "second", "nobody has co-signed") == ("co-signature",)
    so.attempt(so.cosignature("first"), "first")
    act = so.authority("second", Route.ORDINARY)
    assert "co-signature" in refused(so, act, "second", "independent of the force")
    so.attempt(so.cosignature("judge"), "judge")
    allowed(so, so.authority("second", Route.ORDINARY), "second")


def test_the_urgent_route_takes_a_reason_and_ends_by_itself():
    so = at(S.SUBMITTED)
    given = so.authority("junior", Route.URGENT)
    blank = replace(given, urgency_reason=" ")
    assert refused(so, blank, "junior", "why the ordinary route") == ("urgent-authority",)
    allowed(so, given, "junior")
    hours = so.pack.rules.urgent_authority.lasts_h
    assert so.life.authority.ends_utc == so.now + timedelta(hours=hours)
    so.now = so.life.authority.ends_utc
    refused(so, so.ratification("second"), "second", "authority is over", StateError)
    so.follow()
    assert so.life.state is S.ENDED


def urgent():
    so = at(S.SUBMITTED)
    allowed(so, so.authority("junior", Route.URGENT), "junior")
    return so


def test_nobody_ratifies_their_own():
    so = at(S.SUBMITTED)
    file = so.authority("first", Route.URGENT)
    allowed(so, file, "first")
    assert refused(so, so.ratification("first"), "first", "somebody else ratifies") == (
        "separation",
    )
    assert "authorising-rank" in refused(so, so.ratification("junior"), "junior", "or above")
    life = allowed(so, so.ratification("second"), "second")
    assert life.authority.ratified_by == "second"
    assert life.authority.urgent_authoriser == "first"
    assert life.authority.ends_utc == life.application.ends_utc
    refused(so, so.ratification("second"), "second", "no urgent authority", StateError)


def test_an_urgent_authority_can_be_cosigned_before_it_is_ratified():
    so = urgent()
    allowed(so, so.cosignature("judge"), "judge")
    assert allowed(so, so.ratification("second"), "second").cosignature.person == "judge"


@pytest.mark.parametrize("change", CHANGED)
def test_what_changed_is_not_ratified(change):
    so = urgent()
    act = so.ratification("second")
    change(so)
    assert CHANGED[change] in refused(so, act, "second", "watchlist|policy")


def test_a_refused_ratification_ends_it():
    so = urgent()
    refused(so, acts.RefuseRatification(" "), "second", "needs a reason", InputError)
    assert allowed(so, acts.RefuseRatification("No."), "second").state is S.ENDED
    so = at(S.AUTHORISED)
    refused(so, acts.RefuseRatification("No."), "second", "no urgent authority", StateError)


# the file that is signed


HOUR = timedelta(hours=1)
FORGED = {
    "deployment": "d-2",
    "cameras": ("east", "north"),
    "not_after_utc": None,
    "not_before_utc": None,
    "watchlist_sha256": "b" * 64,
    "detector_sha256": "b" * 64,
    "contract": "another",
    "rule": None,
    "authoriser": "first",
    "rank": "king",
    "route": Route.URGENT,
    "cosigner": "judge",
    "application_sha256": "b" * 64,
    "policy_sha256": "b" * 64,
    "presence_within_s": 3000.0,
    "calibration": None,
    "issued_utc": None,
}


def forged(so, field):
    honest = capability_for(so.life, so.pack, Route.ORDINARY, so.people["second"].person, so.now)
    value = {
        "not_after_utc": honest.not_after_utc + HOUR,
        "not_before_utc": honest.not_before_utc - HOUR,
        "rule": replace(honest.rule, threshold=honest.rule.threshold - 0.1),
        "issued_utc": honest.issued_utc - HOUR,
    }.get(field, FORGED[field])
    file = sign(replace(honest, **{field: value}), so.people["second"].key)
    return acts.Authorise(Route.ORDINARY, file)


@pytest.mark.parametrize("field", FORGED)
def test_a_capability_allows_what_was_applied_for_and_nothing_else(field):
    so = at(S.SUBMITTED)
    refused(so, forged(so, field), "second", "capability", AuthorityError)


def test_every_field_of_a_capability_is_tried_above():
    so = at(S.SUBMITTED)
    honest = capability_for(so.life, so.pack, Route.ORDINARY, so.people["second"].person, so.now)
    assert set(honest.__slots__) == set(FORGED)


def test_fewer_cameras_may_be_authorised_and_no_other_goes_live():
    so = at(S.SUBMITTED)
    honest = capability_for(so.life, so.pack, Route.ORDINARY, so.people["second"].person, so.now)
    file = sign(replace(honest, cameras=(CameraId("west"),)), so.people["second"].key)
    so.honest.add(file)
    allowed(so, acts.Authorise(Route.ORDINARY, file), "second")
    so.one_step_on(urgent=False)
    assert refused(so, acts.GoLive(EAST), "operator", "those authorised") == ("location",)
    assert refused(so, acts.GoLive(()), "operator", "those authorised") == ("location",)
    allowed(so, acts.GoLive((CameraId("west"),)), "operator")


def test_only_whoever_acts_can_have_signed():
    so = at(S.SUBMITTED)
    act = so.authority("second", Route.ORDINARY)
    refused(so, act, "first", "not trusted", AuthorityError)
    outsider = Ed25519PrivateKey.generate()
    honest = capability_for(so.life, so.pack, Route.ORDINARY, so.people["second"].person, so.now)
    file = sign(honest, outsider)
    refused(so, acts.Authorise(Route.ORDINARY, file), "second", "not trusted", AuthorityError)


def test_nothing_is_signed_in_the_future():
    so = at(S.SUBMITTED)
    so.now += HOUR
    act = so.authority("second", Route.ORDINARY)
    so.now -= HOUR
    refused(so, act, "second", "in the future", AuthorityError)

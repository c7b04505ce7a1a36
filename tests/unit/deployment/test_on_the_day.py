"""What the acts of the day and of closing ask for, and what of them is kept."""

from dataclasses import replace
from datetime import timedelta

import pytest

from fixtures.attempts import LONG, allowed, at, refused
from overt.core.errors import InputError, PolicyError, StateError
from overt.core.ids import CameraId
from overt.deployment import acts
from overt.deployment.application import Application
from overt.deployment.life import AuthorityRecord, CancellationReport, Life, LifeState
from overt.deployment.lifecycle import advance, follows
from overt.policy.facts import Route
from overt.policy.roles import Grant, Role

S = LifeState
EAST = (CameraId("east"),)
HOUR = timedelta(hours=1)


# on the day


def test_whoever_is_not_of_the_application_does_not_check_in():
    so = at(S.AUTHORISED)
    other = replace(so.people["operator"].person, id="stranger")
    so.people["stranger"] = replace(so.people["operator"], person=other)
    assert refused(so, acts.CheckInOfficer(), "stranger", "not among the officers") == ("officers",)


def test_an_officer_checks_in_in_the_role_that_they_have():
    so = at(S.AUTHORISED)
    spare = so.people["spare"]
    grants = (Grant(Role.OPERATOR),)
    so.people["spare"] = replace(spare, person=replace(spare.person, grants=grants))
    assert refused(so, acts.CheckInOfficer(), "spare", "does not hold the role") == ("officers",)


def test_an_officer_checks_in_once_and_out_once():
    so = at(S.READY)
    refused(so, acts.CheckInOfficer(), "operator", "checked in already", StateError)
    allowed(so, acts.CheckOutOfficer(), "operator")
    refused(so, acts.CheckOutOfficer(), "operator", "not checked in", StateError)
    refused(so, acts.GoLive(EAST), "operator", "operator is there")
    assert [each.person for each in so.life.check_ins if each.left_utc] == ["operator"]


def test_whoever_confirms_the_signs_is_on_the_spot():
    so = at(S.AUTHORISED)
    assert refused(so, acts.ConfirmSigns(), "spare", "on the spot") == ("signs-confirmed",)


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        (lambda so: setattr(so, "confirmed", False), "list-freshness"),
        (lambda so: setattr(so, "now", so.now + timedelta(hours=30)), None),
        (lambda so: strike_off(so, "operator"), "roles"),
        (lambda so: strike_off(so, "officer"), "officers"),
    ],
)
@pytest.mark.parametrize("state", [S.READY, S.PAUSED])
def test_what_must_be_so_to_look_is_asked_each_time(state, change, rule):
    so = at(state)
    act = acts.GoLive(EAST) if state is S.READY else acts.Resume()
    change(so)
    if rule is None:
        refused(so, act, "operator", "authority is over", StateError)
    else:
        assert rule in refused(so, act, "operator", None)


def strike_off(so, who):
    found = so.people[who]
    so.people[who] = replace(found, person=replace(found.person, struck_off=True))


def test_before_the_window_nothing_is_ready():
    so = at(S.AUTHORISED)
    for officer in ("operator", "officer"):
        allowed(so, acts.CheckInOfficer(), officer)
    allowed(so, acts.ConfirmSigns(), "operator")
    assert refused(so, acts.MakeReady(), "operator", "authorised window") == ("duration",)


@pytest.mark.parametrize("how", ["left", "struck off"])
def test_without_its_officers_a_live_deployment_pauses_of_itself(how):
    so = at(S.LIVE)
    if how == "left":
        so.attempt(acts.CheckOutOfficer(), "officer")
    else:
        strike_off(so, "officer")
        so.follow()
    assert so.life.state is S.PAUSED
    assert so.life.steps[-1].by is None
    assert follows(so.life, so.situation(None)) is None


def test_what_a_person_paused_does_not_resume_of_itself():
    so = at(S.LIVE)
    allowed(so, acts.Pause("A break."), "operator")
    assert refused(so, acts.Resume(), None, "not resume of itself") == ("presence",)
    allowed(so, acts.Resume(), "operator")
    allowed(so, acts.Pause("Nobody said so."), None)
    allowed(so, acts.Resume(), None)


@pytest.mark.parametrize(
    ("state", "act", "by"),
    [
        (S.SUBMITTED, acts.Refuse, "first"),
        (S.LIVE, acts.Pause, "operator"),
        (S.LIVE, acts.End, "operator"),
    ],
)
@pytest.mark.parametrize(
    ("reason", "says"),
    [
        (" \n", "needs a reason"),
        ("x" * 5000, "more than 4,000 characters"),
        ("\x1b[2J", "cannot be seen"),
        ("\u202egnp.exe", "cannot be seen"),
        ("\ud800", "not proper text"),
    ],
)
def test_a_reason_is_one_that_can_be_kept_and_shown(state, act, by, reason, says):
    so = at(state)
    refused(so, act(reason), by, says, InputError)


def test_a_reason_for_urgency_is_one_too():
    so = at(S.SUBMITTED)
    act = replace(so.authority("junior", Route.URGENT), urgency_reason="x" * 5000)
    refused(so, act, "junior", "more than 4,000", InputError)


# closing


def test_nothing_is_closed_without_its_report():
    so = at(S.ENDED)
    so.life = so.life.replaced(report=None)
    assert "closing" in refused(so, acts.Close(), "first", "no cancellation report")
    short = CancellationReport(result="Nothing.")
    allowed(so, acts.WriteReport(short), "requester")
    assert "closing" in refused(so, acts.Close(), "first", "characters")


def test_nothing_is_closed_while_alerts_or_runs_are_open():
    so = at(S.ENDED)
    so.life = so.life.replaced(report=report())
    so.open_alerts = 2
    assert refused(so, acts.Close(), "first", "2 of its alerts") == ("closing",)
    situation = replace(so.situation("first"), n_open_alerts=0, n_open_runs=1)
    with pytest.raises(PolicyError, match="runs are still open"):
        advance(so.life, acts.Close(), situation)


def test_closing_says_until_when_everything_must_be_gone():
    so = at(S.ENDED)
    so.life = so.life.replaced(report=report())
    so.now += HOUR
    life = allowed(so, acts.Close(), "first")
    pictures = so.pack.rules.retention.of("picture")
    assert life.delete_by["picture"] == pictures.due_utc(life.ended_utc)
    assert all(when >= life.ended_utc for when in life.delete_by.values())
    assert "non-alert" not in life.delete_by


def report():
    return CancellationReport(**dict.fromkeys(CancellationReport.model_fields, LONG))


# what is kept


@pytest.mark.parametrize("state", LifeState)
def test_what_is_kept_is_read_back_to_the_byte(state):
    life = at(state).life
    again = Life.parse(life.to_bytes())
    assert again == life
    assert again.to_bytes() == life.to_bytes()
    assert again.application.sha256 == life.application.sha256
    kept = Application.model_validate_json(life.application.model_dump_json())
    assert kept.sha256 == life.application.sha256


def test_an_authority_is_checked_when_it_is_made():
    so = at(S.AUTHORISED)
    given = so.life.authority
    assert AuthorityRecord.model_validate(given.model_dump()) == given

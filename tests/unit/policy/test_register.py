"""Who may change the register of people, and what it may hold."""

from dataclasses import replace

import pytest

from overt.core.errors import PolicyError
from overt.core.ids import CameraId, DeploymentId, PersonId, WatchlistId
from overt.policy.register import check_change, check_entry
from overt.policy.roles import Grant, Person, Role


def person(name, *roles, **changes):
    key = name.encode().ljust(32, b".")
    grants = tuple(Grant(role) for role in roles)
    return replace(Person(PersonId(name), "sergeant", "East", grants, key), **changes)


ADMIN, SECOND = person("ad-1", Role.ADMINISTRATOR), person("ad-2", Role.ADMINISTRATOR)
OFFICER = person("eo-1", Role.ENGAGEMENT_OFFICER)
EVERYBODY = (ADMIN, SECOND, OFFICER)


def refusal(verdict):
    with pytest.raises(PolicyError) as refused:
        verdict.require()
    return str(refused.value)


def test_the_first_person_is_an_administrator_registered_by_nobody():
    assert check_change((), None, ADMIN, None).allowed
    assert "must be an administrator" in refusal(check_change((), None, OFFICER, None))


def test_nobody_is_registered_by_nobody_after_that():
    assert "Only the first" in refusal(check_change((ADMIN,), None, SECOND, None))


@pytest.mark.parametrize("role", [role for role in Role if role is not Role.ADMINISTRATOR])
def test_only_an_administrator_registers(role):
    asking = person("x-1", role)
    refused = refusal(check_change((ADMIN, asking), None, person("new", Role.ANALYST), asking))
    assert "x-1 may not manage people; this takes the role administrator" in refused


def test_an_administrator_registers_changes_and_strikes_off():
    assert check_change((ADMIN,), None, OFFICER, ADMIN).allowed
    promoted = replace(OFFICER, rank="inspector")
    assert check_change(EVERYBODY, OFFICER, promoted, ADMIN).allowed
    assert check_change(EVERYBODY, OFFICER, replace(OFFICER, struck_off=True), ADMIN).allowed
    assert check_change(EVERYBODY, SECOND, replace(SECOND, struck_off=True), ADMIN).allowed


def test_nobody_changes_their_own_entry():
    grown = replace(ADMIN, rank="superintendent")
    assert "ad-1 cannot change their own entry" in refusal(
        check_change(EVERYBODY, ADMIN, grown, ADMIN)
    )


def test_who_was_struck_off_does_nothing_and_does_not_come_back():
    gone = replace(SECOND, struck_off=True)
    everybody = (ADMIN, gone, OFFICER)
    assert "struck off" in refusal(check_change(everybody, None, person("x", Role.ANALYST), gone))
    assert "which is for good" in refusal(check_change(everybody, gone, SECOND, ADMIN))


def test_there_is_always_an_administrator_left():
    gone = replace(SECOND, struck_off=True)
    for after in (replace(ADMIN, struck_off=True), person("ad-1", Role.ANALYST)):
        refused = refusal(check_change((ADMIN, gone, OFFICER), ADMIN, after, OFFICER))
        assert "last administrator" in refused


def test_a_key_is_not_replaced():
    other = replace(OFFICER, public_key=b"k" * 32)
    assert "cannot be replaced" in refusal(check_change(EVERYBODY, OFFICER, other, ADMIN))


@pytest.mark.parametrize("apart", [Role.ADMINISTRATOR, Role.AUDITOR])
@pytest.mark.parametrize("other", Role)
def test_who_manages_people_or_audits_does_nothing_else(apart, other):
    verdict = check_entry(person("p-1", apart, other))
    assert not verdict.allowed
    assert check_entry(person("p-1", apart)).allowed


def test_other_roles_can_be_combined():
    roles = (Role.OPERATOR, Role.ENGAGEMENT_OFFICER, Role.REQUESTER)
    assert check_entry(person("p-1", *roles)).allowed
    here, there = (frozenset({DeploymentId(name)}) for name in ("d-1", "d-2"))
    grants = (Grant(Role.OPERATOR, here), Grant(Role.OPERATOR, there))
    assert check_entry(replace(OFFICER, grants=grants)).allowed


@pytest.mark.parametrize(
    ("grants", "reason"),
    [
        ((), "no role"),
        ((Grant(Role.ANALYST), Grant(Role.ANALYST)), "twice"),
        ((Grant(Role.ADMINISTRATOR, frozenset({DeploymentId("d")})),), "cannot be limited"),
        ((Grant(Role.ADMINISTRATOR, None, frozenset({WatchlistId("w")})),), "cannot be limited"),
        ((Grant(Role.ADMINISTRATOR, None, None, frozenset({CameraId("c")})),), "cannot be limited"),
    ],
)
def test_an_entry_that_says_nothing_or_too_much_is_refused(grants, reason):
    assert reason in refusal(check_entry(replace(OFFICER, grants=grants)))

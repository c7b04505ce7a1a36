"""Whether somebody was on a deployment's list: who may ask, what is answered, until when."""

import json
import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest

from overt.core.errors import InputError, IntegrityError, PolicyError
from overt.core.ids import DeploymentId
from overt.deployment.acts import Close, End, WriteReport
from overt.deployment.life import CancellationReport
from overt.ledger.kinds import RecordKind
from overt.ledger.records import LedgerRecord
from overt.policy.roles import Grant, Person, Role
from overt.store.memberships import (
    Membership,
    MembershipGround,
    tags_of,
)
from overt.store.models_retention import MembershipRow

GROUND = MembershipGround.DATA_SUBJECT_REQUEST
LONG = "A text that is long enough for every rule, since it says again and again what it says. " * 2


@pytest.fixture
def deployed(store, clock, authorised, examples):
    return authorised(store, clock, examples.watchlist())


@pytest.fixture
def auditor(deployed, store, clock):
    return register(store, clock, deployed, "au-1", Role.AUDITOR)


@pytest.fixture
def listed(deployed, store):
    """Somebody on the list, by source system and reference."""
    grounds = store.watchlists.load(deployed.watchlist.id).entries[0].grounds
    return grounds.source_system, grounds.source_reference


@pytest.fixture
def ask(store, deployed, auditor):
    def do(person, by=auditor, deployment=None):
        return store.memberships.ask(deployment or deployed.id, *person, GROUND, by)

    return do


def register(store, clock, deployed, name, role, **limits):
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    public = Ed25519PrivateKey.generate().public_key().public_bytes_raw()
    person = Person(name, "superintendent", "the force", (Grant(role, **limits),), public)
    by = next(p.id for p in store.people.list() if p.grants[0].role is Role.ADMINISTRATOR)
    store.people.save(person, by, clock.now_utc())
    return name


def records(store, kind):
    every = map(LedgerRecord.parse, store.ledger.records())
    return [dict(each.body) for each in every if each.kind is kind]


def end_and_close(deployed):
    deployed.act(End("Over."), deployed.force.operator)
    report = CancellationReport(
        reason_for_ending=LONG, result=LONG, public_reaction=LONG, incidents=LONG, lessons=LONG
    )
    deployed.act(WriteReport(report), deployed.force.operator)
    closer = next(
        p for p in deployed.store.people.list() if p.grants[0].role is Role.AUTHORISING_OFFICER
    )
    deployed.act(Close(), closer)


def test_before_it_goes_live_there_is_no_register(ask, listed):
    assert ask(listed) is Membership.NEVER


def test_who_is_on_the_list_is_registered_when_it_goes_live(ask, listed, deployed):
    deployed.go_live()
    assert ask(listed) is Membership.ON_IT
    system, reference = listed
    assert ask((system.upper(), f" {reference.upper()}")) is Membership.ON_IT
    assert ask((system, f"{reference}0")) is Membership.NOT_ON_IT
    assert ask((f"{system}x", reference)) is Membership.NOT_ON_IT


def test_whoever_was_withdrawn_was_on_it(ask, listed, deployed, store, clock):
    from overt.watchlist.decisions import WithdrawalReason
    from overt.watchlist.lifecycle import Actor, withdraw

    life = store.watchlist_lives.find(deployed.watchlist.id)
    manager = next(p for p in store.people.list() if p.grants[0].role is Role.WATCHLIST_MANAGER)
    reason = next(iter(WithdrawalReason))
    actor = Actor(manager, clock.now_utc())
    store.watchlist_lives.take(withdraw(life, deployed.watchlist.entries[0].entry, reason, actor))
    deployed.go_live()
    assert ask(listed) is Membership.ON_IT


def test_the_list_may_be_gone(ask, listed, deployed, store):
    deployed.go_live()
    end_and_close(deployed)
    assert store.watchlists.load(deployed.watchlist.id) is None
    assert ask(listed) is Membership.ON_IT
    assert ask(("records", "nobody-of-that-number")) is Membership.NOT_ON_IT
    store.verify()


def test_it_ends_when_the_pack_says(ask, listed, deployed, store, clock, pack_toml):
    deployed.go_live()
    end_and_close(deployed)
    year_s = timedelta(days=365).total_seconds()
    clock.advance(year_s - 1)
    assert ask(listed) is Membership.ON_IT
    clock.advance(1)
    assert ask(listed) is Membership.EXPIRED
    store.sweeper.sweep()
    with store._database.read() as session:
        assert session.get(MembershipRow, deployed.id) is None
    assert ask(listed) is Membership.EXPIRED


def test_a_clock_that_was_set_back_does_not_make_it_answer_again(
    ask, listed, deployed, store, clock
):
    deployed.go_live()
    end_and_close(deployed)
    clock.advance(timedelta(days=366).total_seconds())
    assert ask(listed) is Membership.EXPIRED
    clock.elapsed_s = 0
    assert ask(listed) is Membership.EXPIRED


def test_it_ends_even_if_nobody_says_that_the_deployment_ended(ask, listed, deployed, store, clock):
    deployed.go_live()
    clock.advance(timedelta(days=370).total_seconds())
    assert ask(listed) is Membership.EXPIRED


def test_each_question_is_on_record_and_says_neither_whom_nor_what(ask, listed, deployed, store):
    deployed.go_live()
    for person in (listed, (listed[0], "somebody-else")):
        ask(person)
    said = {"deployment": deployed.id, "ground": str(GROUND), "by": "au-1"}
    assert records(store, RecordKind.MEMBERSHIP_ASKED) == [said, said]
    everything = b"".join(store.ledger.records())
    assert listed[1].encode() not in everything
    assert b"somebody-else" not in everything


def test_who_may_not_ask_is_refused_and_that_is_on_record(ask, listed, deployed, store, clock):
    deployed.go_live()
    limited = register(
        store, clock, deployed, "au-2", Role.AUDITOR, deployments=frozenset({DeploymentId("other")})
    )
    for person in (deployed.force.operator.id, limited):
        with pytest.raises(PolicyError):
            ask(listed, by=person)
    assert not records(store, RecordKind.MEMBERSHIP_ASKED)
    refused = records(store, RecordKind.ACT_DENIED)
    assert [each["by"] for each in refused] == [deployed.force.operator.id, limited]
    assert {each["act"] for each in refused} == {"ask whether somebody was on a list"}
    assert {each["deployment"] for each in refused} == {deployed.id}


@pytest.mark.parametrize("person", [("", "1"), ("records", " "), ("records", "9" * 5000)])
def test_somebody_has_to_be_named(ask, person):
    with pytest.raises(InputError) as told:
        ask(person)
    assert "9" not in str(told.value)


def test_a_deployment_that_never_was_is_told_and_not_recorded(ask, listed, store):
    with pytest.raises(InputError, match="no deployment"):
        ask(listed, deployment=DeploymentId("a-name-typed-in-the-wrong-place"))
    assert not records(store, RecordKind.MEMBERSHIP_ASKED)


def test_a_register_that_was_altered_is_told(ask, listed, deployed, store):
    deployed.go_live()
    with store._database.write() as session:
        session.get(MembershipRow, deployed.id).n_people += 1
    with pytest.raises(IntegrityError):
        ask(listed)


def test_the_same_person_has_another_tag_at_another_deployment_and_store():
    people, key = [("records", "r-1")], bytes(32)
    tags = {
        tags_of(key, bytes(16), people),
        tags_of(key, bytes(15) + b"\1", people),
        tags_of(bytes(31) + b"\1", bytes(16), people),
    }
    assert len(tags) == 3


def test_nothing_of_who_is_listed_is_in_the_register(ask, listed, deployed, home):
    deployed.go_live()
    with closing(sqlite3.connect(home / "overt.sqlite3")) as database:
        ((*row,),) = database.execute("select * from memberships")
    assert listed[1].encode() not in json.dumps([str(each) for each in row]).encode()


def test_it_still_answers_after_a_rotation(listed, deployed, store, auditor, home, clock):
    from overt.store.store import Store

    deployed.go_live()
    store.keys.rotate_machine_key()
    store.close()
    with Store.open(home, clock) as again:
        found = again.memberships.ask(deployed.id, *listed, GROUND, auditor)
        assert found is Membership.ON_IT


def test_an_urgent_authority_is_on_record_as_an_override(store, clock, authorised, examples):
    found = authorised(store, clock, examples.watchlist(), urgency_reason=LONG)
    (override,) = records(store, RecordKind.OVERRIDE_USED)
    assert override["rule"] == "urgent-authority"
    assert override["deployment"] == found.id
    assert override["by"] == found.life.authority.authoriser
    store.verify()

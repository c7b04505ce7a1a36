"""Deployments in the store: what is asked in the act's own transaction, and what is kept of it."""

import copy
import re
import shutil
import sqlite3
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from fixtures.clocks import NOON
from fixtures.deployments import Deployed
from overt.core.clock import ManualClock
from overt.core.errors import IntegrityError, PolicyError, StateError
from overt.core.ids import ContractId, DeploymentId, EntryId, PersonId, Sha256, WatchlistId
from overt.deployment import acts
from overt.deployment.life import CancellationReport, LifeEvent, LifeState
from overt.ledger.kinds import RecordKind
from overt.ledger.records import LedgerRecord
from overt.policy.facts import Route
from overt.policy.roles import Grant, Role
from overt.policy.signing import sign_pack
from overt.store.store import DATABASE_NAME, Store
from overt.store.watchlist_lives import keep_step
from overt.watchlist.decisions import WithdrawalReason
from overt.watchlist.lifecycle import Actor, purge, reopen, withdraw
from overt.watchlist.stored import StoredEntry, StoredReference, StoredWatchlist

REPORT = CancellationReport(
    **dict.fromkeys(CancellationReport.model_fields, "Said in a few words, for the test.")
)


def a_list():
    """Return a list of three people whom no model has seen."""
    entries = []
    for number in range(3):
        template = np.zeros(128, np.float32)
        template[number] = 1
        reference = StoredReference(template, b"a picture")
        entries.append(StoredEntry(EntryId(f"e-{number}"), f"label {number}", (reference,)))
    return StoredWatchlist(
        WatchlistId("list"), "the list", ContractId("contract"), Sha256("a" * 64), tuple(entries)
    )


@pytest.fixture(scope="module")
def made(tmp_path_factory, authorised, pack_toml):
    """A home in which a deployment is ready, made once: each test has a copy."""
    home, clock = tmp_path_factory.mktemp("made") / "home", ManualClock(NOON)
    # Confirmations that hold for an hour, so that one can grow old within a deployment.
    head, rule, rest = pack_toml.partition(b"[rules.list-freshness]")
    pack = head + rule + re.sub(rb"within_h = \d+", b"within_h = 1", rest, count=1)
    with Store.open(home, clock) as store:
        found = authorised(store, clock, a_list(), pack=pack, lasts=timedelta(hours=2))
    return home, found, pack


@pytest.fixture
def home(tmp_path, made):
    return shutil.copytree(made[0], tmp_path / "home")


@pytest.fixture
def found(made, store, clock):
    """The deployment that is ready, in this test's own store."""
    _, there, _ = made
    force = copy.copy(there.force)
    force._store, force._clock = store, clock
    return Deployed(store, force, there.watchlist, there.id)


def records(store, kind):
    found = map(LedgerRecord.parse, store.ledger.records())
    return [record.body for record in found if record.kind is kind]


def tamper(home, statement, *values):
    with sqlite3.connect(home / DATABASE_NAME) as connection:
        connection.execute(statement, values)
        connection.commit()


def close(found):
    found.act(acts.End("Because."), found.force.operator)
    found.act(acts.WriteReport(REPORT), found.force.requester)
    return found.act(acts.Close(), found.force.authoriser)


# steps and records


def test_every_step_has_its_record(found, store):
    found.go_live()
    close(found)
    kept = [(s.number, s.event, s.state, s.by) for s in found.life.steps]
    recorded = [
        (body["version"], body["event"], body["state"], body["by"])
        for body in records(store, RecordKind.DEPLOYMENT_STEP)
    ]
    assert kept == recorded
    assert store.lives.list() == (found.life,)
    assert store.verify().n_records > len(kept)


ANOTHER_SEA = "CAST(replace(CAST(document AS TEXT), 'the open sea', 'the other sea') AS BLOB)"
LATEST = "UPDATE store_facts SET value = '{}' WHERE name = 'ledger.latest_utc'"


@pytest.mark.parametrize(
    "statement",
    [
        f"UPDATE deployment_lives SET document = {ANOTHER_SEA}",
        "UPDATE deployment_lives SET state = 'live'",
        "UPDATE deployment_lives SET version = version - 1",
        "UPDATE deployment_lives SET capability_json = CAST('{}' AS BLOB)",
        "UPDATE deployment_lives SET capability_json = NULL",
        "UPDATE deployment_lives SET id = 'd-2'",
        "DELETE FROM deployment_lives",
        LATEST.format("2000-01-01T00:00:00.000Z"),
        LATEST.format("once"),
    ],
)
def test_what_was_altered_is_found(home, clock, found, store, statement):
    assert found.life.state is LifeState.READY
    store.close()
    tamper(home, statement)
    with Store.open(home, clock) as again, pytest.raises(IntegrityError):
        again.verify()


def test_a_step_that_was_put_back_is_found(home, clock, found, store):
    with sqlite3.connect(home / DATABASE_NAME) as connection:
        before = connection.execute("SELECT * FROM deployment_lives").fetchone()
    found.go_live()
    store.close()
    with sqlite3.connect(home / DATABASE_NAME) as connection:
        marks = ", ".join("?" * len(before))
        connection.execute("DELETE FROM deployment_lives")
        connection.execute(f"INSERT INTO deployment_lives VALUES ({marks})", before)
        connection.commit()
    with Store.open(home, clock) as again, pytest.raises(IntegrityError, match="match the ledger"):
        again.verify()


def test_what_the_policy_refuses_is_recorded_as_refused(found, store):
    found.act(acts.CheckOutOfficer(), found.force.operator)
    with pytest.raises(PolicyError):
        found.go_live()
    rules = {body["rule"] for body in records(store, RecordKind.REFUSAL)}
    assert rules == {"officers"}
    assert {body["deployment"] for body in records(store, RecordKind.REFUSAL)} == {"d-1"}


def test_there_is_no_deployment_of_another_name(store):
    with pytest.raises(StateError, match="no deployment of that name"):
        store.lives.act(DeploymentId("d-9"), acts.Submit(), None)
    with pytest.raises(StateError, match="no deployment of that name"):
        store.lives.ask(DeploymentId("d-9"), lambda life, situation: life)
    assert store.lives.get(DeploymentId("d-9")) is None
    assert store.lives.standing(DeploymentId("d-9")) is None


def test_who_is_not_registered_does_nothing(found):
    with pytest.raises(PolicyError, match="not in the register"):
        found.store.lives.act(found.id, acts.End("Because."), PersonId("nobody"))


# time


def test_an_authority_that_is_over_is_recorded_as_over_before_anything_else(found, clock):
    clock.advance(7200)
    with pytest.raises(StateError, match="ended cannot take the step"):
        found.go_live()
    assert found.life.state is LifeState.ENDED
    assert found.life.steps[-1].event is LifeEvent.LAPSE
    assert found.life.steps[-1].by is None


def test_a_clock_set_back_does_not_extend_an_authority_at_rest(found, clock, store):
    clock.advance(7200)
    # Something else is recorded: that is enough to know that the end has passed.
    auditor = replace(
        found.force.operator, id=PersonId("auditor"), public_key=b"k" * 32,
        grants=(Grant(Role.AUDITOR),),
    )  # fmt: skip
    store.people.save(auditor, PersonId("demo-administrator"), clock.now_utc())
    clock.start_utc -= timedelta(hours=3)
    with pytest.raises(StateError, match="set it right"):
        found.go_live()
    assert found.act(acts.End("Because."), found.force.operator).state is LifeState.ENDED


def test_a_later_record_of_an_earlier_time_does_not_hide_it(found, clock, store):
    clock.start_utc -= timedelta(hours=2)
    auditor = replace(
        found.force.operator, id=PersonId("auditor"), public_key=b"k" * 32,
        grants=(Grant(Role.AUDITOR),),
    )  # fmt: skip
    store.people.save(auditor, PersonId("demo-administrator"), clock.now_utc())
    with pytest.raises(StateError, match="set it right"):
        found.go_live()


def test_a_store_of_before_knows_its_latest_time_from_its_records(home, found, store):
    store.close()
    tamper(home, "DELETE FROM store_facts WHERE name = 'ledger.latest_utc'")
    early = ManualClock(found.life.last_step_utc - timedelta(hours=1))
    with Store.open(home, early) as again:
        again.verify()
        with pytest.raises(StateError, match="set it right"):
            again.lives.act(found.id, acts.GoLive(("gate",)), found.force.operator.id)


# list and policy


def manager(found, clock):
    return Actor(found.force.list_manager, clock.now_utc())


@pytest.mark.parametrize("how", ["reopened", "destroyed", "purged"])
def test_a_list_that_is_not_there_as_it_was_voids_the_authority(found, store, clock, how):
    watchlist = found.watchlist.id
    if how == "destroyed":
        store.watchlists.destroy_key(watchlist)
    else:
        step = {"reopened": reopen, "purged": purge}[how]
        life = store.watchlist_lives.find(watchlist)
        with store.ledger.transaction() as work:  # past the refusal to take it now
            keep_step(work, step(life, manager(found, clock)))
    with pytest.raises(PolicyError, match="not frozen, or not the one") as refused:
        found.go_live()
    assert "watchlist-frozen" in refused.value.rules


def test_what_was_confirmed_too_long_ago_is_asked_for_again(found, store, clock):
    clock.advance(3601)
    with pytest.raises(PolicyError, match="still wanted") as refused:
        found.go_live()
    assert refused.value.rules == ("list-freshness",)


def test_who_was_withdrawn_or_expired_needs_no_confirmation(found, store, clock):
    life = store.watchlist_lives.find(found.watchlist.id)
    entry = found.watchlist.entries[0].entry
    gone = withdraw(life, entry, WithdrawalReason.ARRESTED, manager(found, clock))
    store.watchlist_lives.take(gone)
    facts = store.lives.ask(found.id, lambda _, situation: situation.watchlist)
    assert facts.n_unconfirmed == 0
    assert facts.n_entries == len(found.watchlist.entries)
    assert sum(facts.categories.values()) == facts.n_entries


def test_another_version_of_the_policy_voids_the_authority(found, store, clock, made):
    pack_toml = made[2]
    newer = pack_toml.replace(b'version = "', b'version = "9.', 1)
    chief = PersonId("demo-chief")
    signature = sign_pack(newer, found.force.key_of(chief))
    store.policies.adopt(newer, signature, chief, clock.now_utc())
    with pytest.raises(PolicyError, match="Another version of the policy"):
        found.go_live()
    # and comes into force again with the pack that was applied under
    signature = sign_pack(pack_toml, found.force.key_of(chief))
    store.policies.adopt(pack_toml, signature, chief, clock.now_utc())
    assert found.go_live().state is LifeState.LIVE


def test_a_pack_that_nobody_signed_here_is_none(found, store):
    asked = found.life.application
    bindings = asked.bindings.model_copy(update={"policy_sha256": "e" * 64})
    other = asked.model_copy(update={"deployment": "d-2", "bindings": bindings})
    with pytest.raises(PolicyError, match="not signed for use here"):
        store.lives.act(DeploymentId("d-2"), acts.Apply(other), found.force.requester.id)


def test_the_same_people_at_another_place_are_pointed_out(found, store):
    asked = found.life.application
    here = asked.model_copy(update={"deployment": "d-2"})
    corners = tuple((x + 0.1, y) for x, y in asked.place.area.coordinates[0])
    area = asked.place.area.model_copy(update={"coordinates": (corners,)})
    place = asked.place.model_copy(update={"name": "another sea", "area": area})
    there = asked.model_copy(update={"deployment": "d-3", "place": place})
    shares = {}
    for application in (here, there):
        who = found.force.requester.id
        store.lives.act(application.id, acts.Apply(application), who)
        shares[application.id] = store.lives.ask(
            application.id, lambda _, situation: situation.reused_share()
        )
    assert shares == {"d-2": 0.0, "d-3": 1.0}


# the end


def test_closing_destroys_the_list_and_says_so(found, store):
    life = close(found)
    assert store.watchlists.list() == ()
    assert store.watchlist_lives.find(found.watchlist.id).state == "purged"
    (destroyed,) = records(store, RecordKind.KEY_DESTROYED)
    assert (destroyed["scope"], destroyed["owner"]) == ("watchlist", found.watchlist.id)
    assert destroyed["by"] == found.force.authoriser.id
    assert life.authority.watchlist.n_entries == len(found.watchlist.entries)
    store.verify()


def test_a_list_that_another_deployment_needs_stays(found, store, authorised, clock):
    other = authorised(
        store, clock, found.watchlist, force=found.force, deployment="d-2", ready=False
    )
    close(found)
    assert [each.id for each in store.watchlists.list()] == [WatchlistId(found.watchlist.id)]
    other.act(acts.End("Because."), other.force.operator)
    other.act(acts.WriteReport(REPORT), other.force.requester)
    other.act(acts.Close(), other.force.authoriser)
    assert store.watchlists.list() == ()


def test_an_application_that_came_too_late_keeps_no_list(found, store, clock):
    draft = found.life.application.model_copy(update={"deployment": "d-2"})
    store.lives.act(DeploymentId("d-2"), acts.Apply(draft), found.force.requester.id)
    clock.advance(7200)
    with pytest.raises(StateError):
        found.act(acts.End("Because."), found.force.operator)  # it is over already
    found.act(acts.WriteReport(REPORT), found.force.requester)
    found.act(acts.Close(), found.force.authoriser)
    assert store.watchlists.list() == ()


def test_a_list_of_the_same_name_that_is_another_is_left_alone(found, store, home, clock):
    found.act(acts.End("Because."), found.force.operator)
    tamper(home, "UPDATE watchlists SET manifest_sha256 = ?", "f" * 64)
    found.act(acts.WriteReport(REPORT), found.force.requester)
    found.act(acts.Close(), found.force.authoriser)
    assert len(store.watchlists.list()) == 1


# presence


def test_only_who_is_checked_in_and_registered_is_present(found, store, clock):
    officer = found.force.operator
    assert store.lives.beat(found.id, officer.id) == 1
    assert store.lives.beat(found.id, officer.id) == 2
    with pytest.raises(StateError, match="not checked in"):
        store.lives.beat(found.id, found.force.requester.id)
    entry = store.people.entry(officer.id)
    gone = replace(entry.person, struck_off=True)
    by = PersonId("demo-administrator")
    store.people.save(gone, by, clock.now_utc(), replaces=entry.version)
    with pytest.raises(StateError, match="struck off"):
        store.lives.beat(found.id, officer.id)


def test_an_urgent_authority_that_is_refused_takes_its_pictures_with_it(
    tmp_path, clock, authorised, examples
):
    with Store.open(tmp_path / "urgent", clock) as store:
        found = authorised(store, clock, examples.watchlist(), urgency_reason="There is no time.")
        refuse_what_was_urgent(found, store, examples)


def refuse_what_was_urgent(found, store, examples):
    found.go_live()
    run = store.run()
    run.start(
        examples.run(
            capability_json=found.file, capability_sha256=found.life.authority.capability_sha256
        )
    )
    run.raise_alert(examples.alert(), examples.pictures())
    assert store.has_deployment_key(found.id)
    second = found.force.authoriser
    after = found.act(acts.RefuseRatification("No."), second)
    assert after.state is LifeState.ENDED
    assert found.life.authority.route is Route.URGENT
    assert found.force.pack.rules.urgent_authority.refusal_deletes
    assert not store.has_deployment_key(found.id)
    assert {body["scope"] for body in records(store, RecordKind.KEY_DESTROYED)} == {"deployment"}

"""``overt holds`` and ``overt watchlist was-on``: what is asked, shown, and put on record."""

import io
import json
import sys
from typing import get_args

import numpy as np
import pytest

from overt.cli import holds as cli_holds
from overt.cli import membership as cli_membership
from overt.core.clock import SystemClock
from overt.core.ids import ContractId, EntryId, PersonId, Sha256, WatchlistId
from overt.deployment.acts import GoLive
from overt.ledger.kinds import RecordKind
from overt.ledger.records import LedgerRecord
from overt.policy.roles import Role
from overt.retention.holds import HOLDABLE, HoldGround
from overt.store.memberships import MembershipGround
from overt.store.store import Store
from overt.watchlist.stored import StoredEntry, StoredReference, StoredWatchlist

REASON = "Ms Doe of 3 Mill Lane complains"


def test_the_words_of_the_command_line_are_those_of_the_rules():
    assert set(get_args(cli_holds.Ground)) == set(HoldGround)
    assert set(get_args(cli_holds.Kind)) == set(HOLDABLE)
    assert set(get_args(cli_membership.Ground)) == set(MembershipGround)


@pytest.fixture
def records(home):
    def do(kind):
        with Store.open(home, SystemClock()) as store:
            every = map(LedgerRecord.parse, store.ledger.records())
            return [dict(each.body) for each in every if each.kind is kind]

    return do


@pytest.fixture
def typed(monkeypatch):
    def do(text):
        data = text if isinstance(text, bytes) else text.encode()
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(data)))

    return do


@pytest.fixture
def deployed(home, authorised):
    template = np.eye(1, 128, dtype=np.float32)[0]
    references = (StoredReference(template, b"a picture"),)
    entries = tuple(StoredEntry(EntryId(f"e-{n}"), "Somebody", references) for n in range(3))
    listed = StoredWatchlist(
        WatchlistId("list"), "the list", ContractId("contract"), Sha256("a" * 64), entries
    )
    clock = SystemClock()
    with Store.open(home, clock) as store:
        yield authorised(store, clock, listed)


@pytest.fixture
def officer(deployed, tmp_path):
    """The signing key of an authorising officer, who may place holds."""
    people = deployed.store.people.list()
    found = next(p for p in people if p.grants[0].role is Role.AUTHORISING_OFFICER)
    return deployed.key_file(found, tmp_path)


@pytest.fixture
def operator(deployed, tmp_path):
    return deployed.key_file(deployed.force.operator, tmp_path)


@pytest.fixture
def auditor(deployed, tmp_path):
    from overt.deployment.keys import create_key
    from overt.policy.roles import Grant, Person

    path = tmp_path / "auditor.key"
    public = create_key(path).public_key().public_bytes_raw()
    admin = next(p for p in deployed.store.people.list() if p.grants[0].role is Role.ADMINISTRATOR)
    person = Person(PersonId("au-1"), "superintendent", "E", (Grant(Role.AUDITOR),), public)
    deployed.store.people.save(person, admin.id, SystemClock().now_utc())
    return path


@pytest.fixture
def placed(command, deployed, officer, typed):
    typed(REASON)
    return command(
        "holds", "place", "deployment", deployed.id, "--ground", "complaint", "--reason", "-",
        "--days", "30", "--as", officer, "--json",
    ).json  # fmt: skip


def test_a_hold_is_placed_and_listed(command, placed, deployed, records):
    assert placed["state"] == "held"
    assert placed["data"] == ["alert", "picture"]
    listed = command("holds", "list", "--json").json
    assert listed["holds"] == [placed]
    assert listed["counts"]["complaint"] == {"n_placed": 1, "n_held": 1, "n_extended": 0}
    assert placed["id"] in command("holds", "list").stdout
    (record,) = records(RecordKind.HOLD_STEP)
    assert record["event"] == "placed"
    assert record["owner"] == deployed.id


def test_a_hold_is_extended_and_released(command, placed, officer):
    longer = command(
        "holds", "extend", placed["id"], "--ground", "court-order", "--reason", "An order",
        "--days", "60", "--as", officer, "--json",
    ).json  # fmt: skip
    assert longer["until_utc"] > placed["until_utc"]
    told = command("holds", "release", placed["id"], "--reason", "Settled", "--as", officer)
    assert "holds nothing" in told.stderr
    assert command("holds", "list", "--json").json["holds"] == []
    (one,) = command("holds", "list", "--all", "--json").json["holds"]
    assert one["state"] == "released"
    again = command("holds", "release", placed["id"], "--reason", "Again", "--as", officer)
    assert again.failed_plainly(10, "over since")


def test_reasons_are_for_those_who_decide_and_audit(command, placed, officer, auditor, operator):
    for key in (officer, auditor):
        shown = command("holds", "show", placed["id"], "--as", key, "--json").json
        assert [step["reason"] for step in shown["steps"]] == [REASON]
    assert REASON in command("holds", "show", placed["id"], "--as", officer).stdout
    refused = command("holds", "show", placed["id"], "--as", operator)
    assert refused.failed_plainly(9, "may not")


def test_a_reason_is_nowhere_in_clear(command, placed, home, deployed):
    words = [REASON.encode(), b"Mill Lane"]
    for path in home.rglob("*"):
        if path.is_file():
            assert not any(word in path.read_bytes() for word in words)
    assert REASON not in command("holds", "list", "--all").stdout


def test_who_may_not_is_refused_on_record(command, deployed, operator, records):
    refused = command(
        "holds", "place", "deployment", deployed.id, "--ground", "evidence", "--reason", REASON,
        "--days", "3", "--as", operator,
    )  # fmt: skip
    assert refused.failed_plainly(9, "may not hold data")
    assert "Mill" not in refused.stderr
    (record,) = records(RecordKind.ACT_DENIED)
    assert record["by"] == deployed.force.operator.id
    assert record["deployment"] == deployed.id


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (("alert", "no-such-alert", "--days", "3"), 3, "no alert of that id"),
        (("watchlist", "no-such-list", "--days", "3"), 3, "no watchlist of that id"),
        (("person", "nobody", "--days", "3"), 3, "no person of that id"),
        (("person", "demo-operator-1", "--days", "91"), 9, "at most 90 days"),
        (("person", "demo-operator-1", "--days", "3", "--data", "alert"), 3, "can be held"),
        (("person", "demo-operator-1", "--days", "9" * 12), 3, "no such day"),
    ],
)
def test_what_cannot_be_held_is_refused(command, officer, arguments, code, says):
    told = command(
        "holds", "place", *arguments, "--ground", "evidence", "--reason", "A reason", "--as",
        officer,
    )  # fmt: skip
    assert told.failed_plainly(code, says)


def was_on(command, deployed, key, *more):
    return command(
        "watchlist", "was-on", deployed.id, "--source-system", "records", "--ground",
        "data-subject-request", "--as", key, "--reference-stdin", *more,
    )  # fmt: skip


def test_whether_somebody_was_on_a_list(command, deployed, auditor, typed, records, home):
    grounds = deployed.store.watchlists.load(deployed.watchlist.id).entries[0].grounds
    deployed.beat()
    deployed.act(GoLive(deployed.capability.cameras), deployed.force.operator)
    for reference, answer in ((grounds.source_reference, "on-it"), ("XYZZY-1", "not-on-it")):
        typed(f"{reference}\n")
        told = command(
            "watchlist", "was-on", deployed.id, "--source-system", grounds.source_system,
            "--ground", "complaint", "--as", auditor, "--reference-stdin", "--json",
        )  # fmt: skip
        assert told.json == {"deployment": deployed.id, "answer": answer}
        assert reference not in told.stdout + told.stderr
    typed("XYZZY-1")
    assert "was not on the list" in was_on(command, deployed, auditor).stdout
    assert len(records(RecordKind.MEMBERSHIP_ASKED)) == 3
    for path in home.rglob("*"):
        if path.is_file():
            assert b"XYZZY-1" not in path.read_bytes()


def test_before_it_went_live_there_never_was_a_register(command, deployed, auditor, typed):
    typed("ref-1")
    assert "never was" in was_on(command, deployed, auditor).stdout


def test_who_may_not_ask(command, deployed, operator, typed, records):
    typed("ref-1")
    assert was_on(command, deployed, operator).failed_plainly(9, "may not ask whether")
    (record,) = records(RecordKind.ACT_DENIED)
    assert record["act"] == "ask whether somebody was on a list"
    assert "ref-1" not in json.dumps(record)


@pytest.mark.parametrize(
    ("given", "code"), [(b"", 3), (b"\n", 3), (b"\xff\xfe", 3), (b"9" * 5000, 3)]
)
def test_what_is_no_reference(command, deployed, auditor, typed, given, code):
    typed(given)
    told = was_on(command, deployed, auditor)
    assert told.returncode == code
    assert "999" not in told.stderr


def test_without_a_terminal_the_reference_comes_from_standard_input(
    command, deployed, auditor, typed
):
    typed("ref-1")
    told = command(
        "watchlist", "was-on", deployed.id, "--source-system", "records", "--ground", "oversight",
        "--as", auditor,
    )  # fmt: skip
    assert told.failed_plainly(2, "--reference-stdin")

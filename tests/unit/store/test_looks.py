"""What leaves no other trace is on record before anything is shown."""

import pytest

from overt.core.errors import PolicyError, StorageError
from overt.core.ids import AlertId, DeploymentId, EntryId, PersonId, Sha256, WatchlistId
from overt.ledger.kinds import RecordKind
from overt.ledger.records import LedgerRecord
from overt.policy.roles import Grant, Person, Right, Role, Scope
from overt.store.looks import RecordedRefusalError, look_at_alert, look_at_list

BY = PersonId("op-1")


@pytest.fixture
def said(store):
    def do(kind):
        every = map(LedgerRecord.parse, store.ledger.records())
        return [dict(each.body) for each in every if each.kind is kind]

    return do


def test_looks_are_on_record_by_id(store, said):
    store.looks.take(
        look_at_alert(AlertId("alert-1"), "pictures", BY),
        look_at_list(WatchlistId("list"), EntryId("e-1"), "pictures", BY),
        look_at_list(WatchlistId("list"), None, "facts", BY),
    )
    found = said(RecordKind.LOOK_TAKEN)
    assert [(each["subject"], each["owner"], each["entry"]) for each in found] == [
        ("alert", "alert-1", None),
        ("watchlist", "list", "e-1"),
        ("watchlist", "list", None),
    ]
    assert {each["by"] for each in found} == {BY}


def test_nothing_to_look_at_leaves_nothing(store, said):
    store.looks.take()
    assert said(RecordKind.LOOK_TAKEN) == []


def test_an_export_is_on_record_with_its_digest(store, said):
    store.looks.export("alert-sheet", "alert-1", Sha256("a" * 64), BY)
    (found,) = said(RecordKind.EXPORT_MADE)
    assert found == {"what": "alert-sheet", "subject": "alert-1", "sha256": "a" * 64, "by": BY}


def test_a_refusal_is_on_record_once_however_deep_it_was_found(store, said):
    scope = Scope(DeploymentId("d-1"), WatchlistId("list"))
    with (
        pytest.raises(PolicyError, match="no") as refused,
        store.looks.recording_refusals("more", BY),
        store.looks.recording_refusals(Right.APPLY, BY, scope),
    ):
        raise PolicyError("no", ("first", "second", "first"))
    assert isinstance(refused.value, RecordedRefusalError)
    assert refused.value.rules == ("first", "second", "first")
    found = said(RecordKind.ACT_DENIED)
    assert [each["rule"] for each in found] == ["first", "second"]
    assert {(each["act"], each["deployment"], each["watchlist"]) for each in found} == {
        (str(Right.APPLY), "d-1", "list")
    }


def test_what_is_no_refusal_goes_on_as_it_is(store, said):
    with pytest.raises(KeyError), store.looks.recording_refusals(Right.APPLY, BY):
        raise KeyError
    assert said(RecordKind.ACT_DENIED) == []


def test_where_it_cannot_be_recorded_nothing_is_shown(store, monkeypatch):
    store._database.close()

    def fail(*_):
        raise StorageError("The disk is full.")

    monkeypatch.setattr(store._database, "write", fail)
    with pytest.raises(StorageError):
        store.looks.take(look_at_alert(AlertId("alert-1"), "facts", BY))
    with pytest.raises(StorageError), store.looks.recording_refusals(Right.APPLY, BY):
        raise PolicyError("no")


def test_whoever_may_not_change_the_register_is_refused_on_record(store, said, clock):
    somebody = Person(BY, "constable", "E", (Grant(Role.OPERATOR),), bytes(32))
    with pytest.raises(PolicyError):
        store.people.save(somebody, None, clock.now_utc())
    (found,) = said(RecordKind.ACT_DENIED)
    assert (found["act"], found["rule"], found["by"]) == (
        str(Right.MANAGE_PEOPLE),
        "register",
        None,
    )

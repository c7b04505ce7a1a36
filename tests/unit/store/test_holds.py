"""Holds in the store: with their records, on what is still there, under a key that rotates."""

from datetime import timedelta

import pytest

from overt.alerts.ports import StopReason
from overt.core.counts import FaceCounts
from overt.core.errors import InputError, IntegrityError, PolicyError, StateError
from overt.core.ids import DeploymentId
from overt.ledger.kinds import RecordKind
from overt.ledger.records import LedgerRecord
from overt.policy.pack_data import DataKind
from overt.policy.roles import Role
from overt.retention.holds import HoldGround
from overt.retention.schedule import Owner, OwnerKind
from overt.store.holds import Asked, record_expired, standing_holds
from overt.store.models import AlertPictureRow
from overt.store.models_retention import HoldRow
from overt.store.store import Store

REASON = "Ms Doe complains\nabout how she was stopped."
DEPLOYMENT = Owner(OwnerKind.DEPLOYMENT, "d-1")


@pytest.fixture
def deployed(store, clock, authorised, examples):
    return authorised(store, clock, examples.watchlist())


@pytest.fixture
def officer(deployed, store):
    every = store.people.list()
    return next(p.id for p in every if p.grants[0].role is Role.AUTHORISING_OFFICER)


@pytest.fixture
def alert(deployed, store, examples):
    """An alert of the deployment, whose run is over."""
    deployed.go_live()
    run = store.run()
    capability = deployed.capability
    run.start(
        examples.run(
            capability_json=deployed.file,
            capability_sha256=deployed.life.authority.capability_sha256,
            watchlist_sha256=capability.watchlist_sha256,
        )
    )
    raised = examples.alert(entry=deployed.watchlist.entries[0].entry)
    run.raise_alert(raised, examples.pictures())
    run.stop(FaceCounts(), StopReason.FINISHED, examples.noon)
    store._run_lock.release()
    return raised


def asked(clock, days=30, reason=REASON, ground=HoldGround.COMPLAINT):
    return Asked(ground, reason, clock.now_utc() + timedelta(days=days))


@pytest.fixture
def place(store, clock, officer):
    def do(owner=DEPLOYMENT, data=(), by=officer, **changes):
        return store.holds.place(owner, asked(clock, **changes), by, data)

    return do


def steps(store):
    every = map(LedgerRecord.parse, store.ledger.records())
    return [dict(each.body) for each in every if each.kind is RecordKind.HOLD_STEP]


def test_a_hold_stands_with_its_record(store, clock, place, officer):
    hold = place()
    (record,) = steps(store)
    assert record == {
        "hold": hold.id,
        "event": "placed",
        "ground": "complaint",
        "owner_kind": "deployment",
        "owner": "d-1",
        "data": ["alert", "picture"],
        "until_utc": "2026-01-31T12:00:00.000Z",
        "reason_sha256": hold.steps[0].reason_sha256,
        "by": officer,
    }
    assert store.holds.get(hold.id) == hold
    assert store.holds.list() == (hold,)
    store.verify()


def test_it_says_until_when(store, clock, place):
    place()
    place(days=40, data=[DataKind.PICTURE])
    assert store.holds.until("deployment", "d-1", "alert") == clock.now_utc() + timedelta(days=30)
    assert store.holds.until("deployment", "d-1", "picture") == clock.now_utc() + timedelta(days=40)
    assert store.holds.until("deployment", "d-2", "picture") is None
    assert store.holds.until("alert", "d-1", "picture") is None
    assert store.holds.until("deployment", "d-1", "account") is None
    clock.advance(timedelta(days=30).total_seconds())
    assert store.holds.until("deployment", "d-1", "alert") is None
    assert store.holds.until("deployment", "d-1", "picture") is not None


def test_extending_and_releasing_are_recorded_with_reasons_of_their_own(
    store, clock, place, officer
):
    hold = place()
    clock.advance(60)
    store.holds.extend(hold.id, asked(clock, 60, "A second reason"), officer)
    clock.advance(60)
    store.holds.release(hold.id, "It is settled", officer)
    recorded = steps(store)
    assert [each["event"] for each in recorded] == ["placed", "extended", "released"]
    assert len({each["reason_sha256"] for each in recorded}) == 3
    assert store.holds.reasons(hold.id, officer) == (REASON, "A second reason", "It is settled")
    assert store.holds.until("deployment", "d-1", "alert") is None
    store.verify()


def test_its_end_is_put_on_record_once(store, clock, place):
    hold = place()
    with store.ledger.transaction() as work:
        assert record_expired(work, clock.now_utc()) == 0
    clock.advance(timedelta(days=30).total_seconds())
    for n_expected in (1, 0):
        with store.ledger.transaction() as work:
            assert record_expired(work, clock.now_utc()) == n_expected
    assert [each["event"] for each in steps(store)] == ["placed", "expired"]
    assert steps(store)[-1]["by"] is None
    assert store.holds.get(hold.id).is_over
    store.verify()


def test_an_alert_is_held_where_it_is_still_there(store, place, alert):
    hold = place(Owner(OwnerKind.ALERT, alert.id))
    assert hold.data == (DataKind.ALERT, DataKind.PICTURE)
    with pytest.raises(InputError, match="no alert"):
        place(Owner(OwnerKind.ALERT, "another"))


def test_what_is_gone_is_not_held(store, place, alert, officer, clock):
    earlier = place(Owner(OwnerKind.ALERT, alert.id))
    store.destroy_deployment_key(DeploymentId("d-1"))
    with pytest.raises(StateError, match="brings nothing back"):
        place(Owner(OwnerKind.ALERT, alert.id), [DataKind.PICTURE])
    assert place(Owner(OwnerKind.ALERT, alert.id)).data == (DataKind.ALERT,)
    with pytest.raises(StateError, match="brings nothing back"):
        store.holds.extend(earlier.id, asked(clock, 50), officer)


def test_pictures_whose_rows_are_gone_are_not_held(store, place, alert):
    with store._database.write() as session:
        for row in session.query(AlertPictureRow):
            session.delete(row)
    with pytest.raises(StateError):
        place(Owner(OwnerKind.ALERT, alert.id), [DataKind.PICTURE])


def test_a_list_is_held_until_it_is_purged(store, place, deployed):
    listed = Owner(OwnerKind.WATCHLIST, deployed.watchlist.id)
    assert place(listed).data == (DataKind.TEMPLATE, DataKind.WATCHLIST)
    store.watchlists.destroy_key(deployed.watchlist.id)
    with pytest.raises(StateError, match="Nothing is left"):
        place(listed)


def test_an_account_is_held_by_somebody_else(place, deployed, officer):
    held = place(Owner(OwnerKind.PERSON, deployed.force.operator.id))
    assert held.data == (DataKind.ACCOUNT,)
    with pytest.raises(PolicyError, match="own account"):
        place(Owner(OwnerKind.PERSON, officer))


def test_refusals_are_on_record(store, place, deployed):
    for changes in ({"by": deployed.force.operator.id}, {"days": 91}, {"by": "nobody"}):
        with pytest.raises(PolicyError):
            place(**changes)
    every = map(LedgerRecord.parse, store.ledger.records())
    refused = [each.body for each in every if each.kind is RecordKind.ACT_DENIED]
    assert [each["rule"] for each in refused] == ["roles", "retention", "roles"]
    assert not steps(store)


@pytest.mark.parametrize("reason", ["", "  \n", "x" * 100_000, "a\x1b[2Jb"])
def test_a_reason_is_text_of_the_policys_length(place, reason):
    with pytest.raises(InputError) as told:
        place(reason=reason)
    assert "xx" not in str(told.value)


def test_reasons_are_sealed_and_for_those_who_decide(store, place, home, deployed):
    hold = place()
    for path in home.rglob("*"):
        if path.is_file():
            assert b"Ms Doe" not in path.read_bytes()
    assert "Ms Doe" not in repr(hold)
    with pytest.raises(PolicyError):
        store.holds.reasons(hold.id, deployed.force.operator.id)


def test_reading_reasons_is_a_look(store, place, officer):
    hold = place()
    store.holds.reasons(hold.id, officer)
    last = LedgerRecord.parse(list(store.ledger.records())[-1])
    assert last.kind is RecordKind.LOOK_TAKEN
    assert last.body["by"] == officer


def test_reasons_outlive_a_rotation_with_their_digests(store, place, home, clock, officer):
    hold = place()
    store.keys.rotate_machine_key()
    store.close()
    with Store.open(home, clock) as again:
        assert again.holds.reasons(hold.id, officer) == (REASON,)
        again.verify()


@pytest.mark.parametrize("change", ["until", "document", "ciphertext", "nonce", "gone", "owner"])
def test_what_was_altered_is_found(store, place, change):
    hold = place()
    with store._database.write() as session:
        row = session.get(HoldRow, hold.id)
        if change == "gone":
            session.delete(row)
        elif change == "until":
            row.until_utc += timedelta(days=1)
        elif change == "document":
            row.document = row.document.replace(b"complaint", b"oversight")
        elif change == "owner":
            row.owner = "d-2"
        elif change == "nonce":
            row.nonce += b"\0"
        else:
            row.ciphertext = row.ciphertext[:-1] + bytes([row.ciphertext[-1] ^ 1])
    with pytest.raises(IntegrityError):
        store.verify()


def test_what_stands_is_read_once(store, clock, place):
    place()
    with store._database.read() as session:
        standing = standing_holds(session, clock.now_utc())
    assert standing.until("deployment", "d-1", "alert") is not None
    assert standing.until("deployment", "d-9", "alert") is None

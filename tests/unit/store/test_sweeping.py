"""What is due goes, on record, bytes and all; what is not due stays."""

import threading
from datetime import timedelta

import pytest

from overt.alerts.lifecycle import AlertEvent
from overt.alerts.ports import StopReason
from overt.alerts.steps import StepRequest, StepRules
from overt.core.clock import ManualClock
from overt.core.counts import FaceCounts
from overt.core.errors import IntegrityError, StateError, StorageError
from overt.core.ids import AlertId, DeploymentId, PersonId
from overt.ledger.kinds import RecordKind
from overt.ledger.records import LedgerRecord
from overt.policy.pack import load_pack
from overt.policy.roles import Role
from overt.policy.signing import sign_pack
from overt.policy.verdict import ALLOWED
from overt.retention.holds import HoldGround
from overt.retention.receipts import Cause, Promise, Receipt, Remainder
from overt.retention.schedule import Owner, OwnerKind, Subject
from overt.store import finishing
from overt.store.base import Base
from overt.store.holds import Asked
from overt.store.inventory import RULE_OF
from overt.store.models import AlertPictureRow, AlertRow, AlertStepRow, PersonRow, WatchlistRow
from overt.store.models_retention import DeletionRow
from overt.store.store import Store

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
NOTE = "said that she is Josephine"
RULES = StepRules(n_reviews=1, note_limit_chars=200, check_review=lambda facts: ALLOWED)
DEPLOYMENT = Owner(OwnerKind.DEPLOYMENT, "d-1")
LIST = Owner(OwnerKind.WATCHLIST, "list")


@pytest.fixture
def deployed(store, clock, authorised, examples):
    return authorised(store, clock, examples.watchlist())


@pytest.fixture
def alerts(deployed, store, examples, clock):
    """Two alerts of the deployment, the first with a note; its run is over, it is not ended."""
    deployed.go_live()
    run = store.run()
    run.start(
        examples.run(
            capability_json=deployed.file,
            capability_sha256=deployed.life.authority.capability_sha256,
            watchlist_sha256=deployed.capability.watchlist_sha256,
        )
    )
    raised = [examples.alert(entry=deployed.watchlist.entries[0].entry) for _ in range(2)]
    for alert in raised:
        run.raise_alert(alert, examples.pictures())
    run.stop(FaceCounts(), StopReason.FINISHED, examples.noon)
    store._run_lock.release()
    officer = next(
        each.id
        for each in store.people.list()
        if each.grants[0].role is Role.ENGAGEMENT_OFFICER
    )
    store.alert_steps.take(raised[0].id, StepRequest(AlertEvent.TRUE, NOTE), officer, RULES)
    return raised


def whats(found):
    return [(each.what, each.owner.id) for each in found]


def n_rows(store, table):
    with store._database.read() as session:
        return session.query(table).count()


def test_nothing_goes_before_its_time_and_everything_after_it(store, clock, alerts):
    assert store.sweeper.sweep().begun == ()
    clock.advance(25 * HOUR_S - 1)  # an hour of authority, 24 hours of pictures and list
    assert store.sweeper.sweep().begun == ()
    clock.advance(1)
    swept = store.sweeper.sweep()
    assert whats(swept.begun) == [(Subject.PICTURES, "d-1"), (Subject.LIST, "list")]
    assert [each.begun for each in swept.receipts] == list(swept.begun)
    assert not store.has_deployment_key(DeploymentId("d-1"))
    assert store.watchlists.list() == ()
    assert store.alerts.pictures(alerts[0].id) is None
    assert store.alert_steps.steps_for(alerts[0].id, None)[-1].note is None
    assert len(store.alerts.list()) == 2
    store.verify()
    clock.advance(30 * DAY_S - HOUR_S - 1)
    assert store.sweeper.sweep().begun == ()
    clock.advance(1)
    swept = store.sweeper.sweep()
    assert sorted(whats(swept.begun)) == [(Subject.ALERT, each.id) for each in alerts]
    assert store.alerts.list() == ()
    assert n_rows(store, AlertStepRow) == 0
    store.verify()
    clock.advance(366 * DAY_S)
    gone = {each.what for each in store.sweeper.sweep().begun}
    assert gone == {Subject.MEMBERS, Subject.MEMBERSHIP}
    assert store.sweeper.sweep() == type(swept)((), (), 0)
    store.verify()


def test_a_receipt_says_what_was_done_and_what_nobody_can_promise(store, clock, alerts):
    clock.advance(26 * HOUR_S)
    swept = store.sweeper.sweep()
    pictures, of_list = swept.receipts
    assert pictures.begun.rows["alert_pictures"] == 4
    assert pictures.begun.rows["alert_steps.ciphertext"] == 1
    assert of_list.begun.rows["watchlist_entries"] == 3
    for receipt in swept.receipts:
        assert receipt.begun.cause is Cause.DUE
        assert receipt.begun.n_keys == 1
        assert {Promise.ROWS_DELETED, Promise.KEY_DESTROYED} <= set(receipt.promises)
        assert receipt.exceptions[Remainder.BACKUP] is None
        assert receipt.exceptions[Remainder.MACHINE_KEY_COPIES] is None
        assert Receipt.parse(receipt.to_bytes()) == receipt
        assert store.deletions.get(receipt.begun.id).receipt == receipt
    records = [LedgerRecord.parse(each) for each in store.ledger.records()]
    kinds = [each.kind for each in records[-4:]]
    assert kinds.count(RecordKind.DELETION_RECEIPT) == 2
    assert records[-1].body["receipt_sha256"] == of_list.sha256
    assert store.verify().n_checkpointed == len(records)


def test_the_life_of_a_list_ends_of_itself(store, clock, alerts):
    clock.advance(26 * HOUR_S)
    store.sweeper.sweep()
    life = store.watchlist_lives.find("list")
    assert (str(life.state), life.steps[-1].by) == ("purged", None)


def test_backups_are_in_the_receipt_with_their_end(home, store, clock, alerts):
    store.close()
    clock.advance(26 * HOUR_S)
    with Store.open(home, clock, backup_days=14) as second:
        receipts = second.sweeper.sweep().receipts
    for receipt in receipts:
        assert receipt.exceptions[Remainder.BACKUP] == receipt.begun.begun_utc + timedelta(days=14)


def test_deadlines_that_passed_while_it_was_off_count(home, store, clock, alerts):
    store.close()
    clock.advance(500 * DAY_S)
    with Store.open(home, clock) as second:
        swept = second.sweeper.sweep()
        assert {each.what for each in swept.begun} == {
            Subject.ALERT,
            Subject.PICTURES,
            Subject.LIST,
            Subject.MEMBERS,
            Subject.MEMBERSHIP,
        }
        assert len(swept.receipts) == len(swept.begun)
        second.verify()



"""What is due goes, on record, bytes and all; what is not due stays."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import delete, insert, literal, null, select, update

from overt.cli import wiring
from overt.cli.demo_force import DemoForce
from overt.core.errors import IntegrityError, StateError
from overt.core.ids import DeploymentId, PersonId
from overt.ledger.acts import Refusal
from overt.ledger.kinds import RecordKind
from overt.ledger.records import LedgerRecord
from overt.policy.pack_data import DataKind
from overt.policy.roles import Role
from overt.policy.signing import sign_pack
from overt.retention.holds import HoldGround
from overt.retention.receipts import Cause, Promise, Receipt, Remainder
from overt.retention.schedule import Owner, OwnerKind, Subject
from overt.store.base import Base
from overt.store.holds import Asked
from overt.store.inventory import RULE_OF
from overt.store.models import (
    AlertPictureRow,
    AlertRow,
    AlertStepRow,
    ImportedRowRow,
    PersonRow,
    WatchlistImportRow,
)
from overt.store.models_retention import DeletionRow
from overt.store.store import Store
from overt.store.sweeping import Swept
from overt.watchlist.lifecycle import Actor, purge

HOUR_S = 3600.0
DAY_S = 24 * HOUR_S
DEPLOYMENT = Owner(OwnerKind.DEPLOYMENT, "d-1")
LIST = Owner(OwnerKind.WATCHLIST, "list")


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


def test_a_clock_that_was_set_back_keeps_nothing(store, clock, alerts):
    clock.advance(26 * HOUR_S)
    with store.ledger.transaction() as work:  # anything on record since then
        work.append(LedgerRecord.of(Refusal(None, None, "a-rule"), clock.now_utc()))
    clock.elapsed_s = 0.0
    assert len(store.sweeper.sweep().begun) == 2
    store.verify()


def test_a_second_sweep_finds_nothing(store, clock, alerts):
    clock.advance(500 * DAY_S)
    store.sweeper.sweep()
    before = store.verify()
    assert store.sweeper.sweep() == Swept((), (), 0)
    assert store.verify() == before


def test_two_sweepers_at_once_delete_each_thing_once(home, store, clock, alerts):
    clock.advance(500 * DAY_S)
    with Store.open(home, clock) as second:
        done = []
        threads = [
            threading.Thread(target=lambda each=each: done.append(each.sweeper.sweep()))
            for each in (store, second)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    begun = [each.id for swept in done for each in swept.begun]
    receipts = [each.begun.id for swept in done for each in swept.receipts]
    assert len(done) == 2
    assert len(set(begun)) == len(begun) == len(set(receipts)) == len(receipts) == 6
    store.verify()


def test_a_list_is_kept_for_what_is_still_to_come(store, clock, authorised, examples):
    hours = timedelta(hours=1)
    authorised(store, clock, examples.watchlist(), starts=10 * hours, lasts=12 * hours, ready=False)
    clock.advance(46 * HOUR_S - 1)
    assert store.sweeper.sweep().begun == ()
    clock.advance(1)
    assert whats(store.sweeper.sweep().begun) == [(Subject.LIST, "list")]


def test_a_list_that_nobody_used_goes_when_it_is_too_old(store, clock, authorised, examples):
    force = DemoForce(store, clock, (wiring.policy_folder() / "uk-police.toml").read_bytes())
    force.list_people(examples.watchlist())
    clock.advance(48 * HOUR_S - 1)
    assert store.sweeper.sweep().begun == ()
    clock.advance(1)
    assert whats(store.sweeper.sweep().begun) == [(Subject.LIST, "list")]
    store.verify()


def test_an_import_that_nobody_finished_goes_too(store, clock, alerts, examples):
    with store.imports.importing("half") as staging:
        staging.keep([("a" * 64, examples.entry("e-9"))])
    clock.advance(48 * HOUR_S)
    assert (Subject.IMPORT, "half") in whats(store.sweeper.sweep().begun)
    assert n_rows(store, ImportedRowRow) == n_rows(store, WatchlistImportRow) == 0
    assert store.sweeper.sweep() == Swept((), (), 0)
    store.verify()


def test_without_a_policy_nothing_is_due_and_that_is_said(store, clock, running, examples):
    running.raise_alert(examples.alert(), examples.pictures())
    clock.advance(5000 * DAY_S)
    assert store.sweeper.sweep() == Swept((), (), 0)
    status = store.sweeper.status()
    assert not status.has_policy
    assert {each.due_utc for each in status.standings} == {None}


def test_a_hold_on_one_alert_keeps_its_picture_and_nothing_else(store, clock, alerts, examples):
    held, other = (each.id for each in alerts)
    hold = hold_on(store, clock, Owner(OwnerKind.ALERT, held), days=60)
    clock.advance(26 * HOUR_S)
    swept = store.sweeper.sweep()
    pictures = next(each for each in swept.receipts if each.begun.what is Subject.PICTURES)
    assert pictures.begun.spared == (held,)
    assert (pictures.begun.n_keys, pictures.begun.rows["alert_pictures"]) == (0, 2)
    assert store.alerts.pictures(held) is not None
    assert store.alerts.pictures(other) is None
    assert store.alert_steps.steps_for(held, None)[-1].note == examples.note
    store.verify()
    clock.advance(31 * DAY_S)
    assert whats(store.sweeper.sweep().begun) == [(Subject.ALERT, other)]
    assert store.sweeper.sweep() == Swept((), (), 0)
    store.holds.release(hold.id, "settled", manager_of_holds(store))
    assert set(whats(store.sweeper.sweep().begun)) == {
        (Subject.ALERT, held),
        (Subject.PICTURES, "d-1"),
    }
    assert not store.has_deployment_key(DeploymentId("d-1"))
    store.verify()


def test_a_hold_that_expires_holds_no_longer(store, clock, alerts):
    hold_on(store, clock, DEPLOYMENT, days=2)
    hold_on(store, clock, LIST, days=3)
    clock.advance(26 * HOUR_S)
    assert store.sweeper.sweep().begun == ()
    standing = {each.kept.what: each for each in store.sweeper.status().standings}
    assert standing[Subject.LIST].held_until_utc == clock.start_utc + timedelta(days=3)
    clock.advance(22 * HOUR_S)
    assert whats(store.sweeper.sweep().begun) == [(Subject.PICTURES, "d-1")]
    clock.advance(DAY_S)
    assert whats(store.sweeper.sweep().begun) == [(Subject.LIST, "list")]
    kinds = [LedgerRecord.parse(each).body for each in store.ledger.records()]
    assert [each["event"] for each in kinds if "ground" in each].count("expired") == 2
    store.verify()


def test_a_held_list_is_not_purged_by_anybody(store, clock, alerts, deployed):
    hold_on(store, clock, LIST, days=3)
    clock.advance(2 * HOUR_S)
    life = store.watchlist_lives.find("list")
    with pytest.raises(StateError, match="held"):
        store.watchlist_lives.take_purge(
            purge(life, Actor(deployed.force.list_manager, clock.now_utc()))
        )


def test_what_stands_under_no_deployment_takes_the_newest_pack(store, clock, alerts, deployed):
    """What was authorised keeps the periods that it was authorised under."""
    force = deployed.force
    pack = (wiring.policy_folder() / "uk-police.toml").read_bytes()
    shorter = pack.replace(b"amount = 24, unit", b"amount = 1, unit").replace(
        b"max_h_before_start = 24", b"max_h_before_start = 1"
    )
    chief = force.chief.id
    signature = sign_pack(shorter, force.key_of(chief))
    store.policies.adopt(shorter, signature, chief, clock.now_utc())
    with store.imports.importing("half"):
        pass
    clock.advance(2 * HOUR_S)
    assert whats(store.sweeper.sweep().begun) == [(Subject.IMPORT, "half")]
    clock.advance(23 * HOUR_S)
    assert len(store.sweeper.sweep().begun) == 2


def test_an_account_goes_a_year_after_it_was_struck_off(store, clock, alerts, deployed):
    people, officer = store.people, deployed.force.officers[0].id
    administrator = PersonId("demo-administrator")
    entry = people.entry(officer)
    gone = replace(entry.person, struck_off=True)
    people.save(gone, administrator, clock.now_utc(), replaces=entry.version)
    clock.advance(364 * DAY_S)
    assert Subject.ACCOUNT not in {each.what for each in store.sweeper.sweep().begun}
    clock.advance(2 * DAY_S)
    swept = store.sweeper.sweep()
    assert (Subject.ACCOUNT, officer) in whats(swept.begun)
    assert people.get(officer) is None
    store.verify()
    with pytest.raises(StateError, match="had the id"):
        people.save(entry.person, administrator, clock.now_utc())


def test_who_signed_a_pack_that_is_kept_stays_in_the_register(store, clock, deployed):
    chief, administrator = deployed.force.chief.id, PersonId("demo-administrator")
    entry = store.people.entry(chief)
    store.people.save(
        replace(entry.person, struck_off=True),
        administrator,
        clock.now_utc(),
        replaces=entry.version,
    )
    clock.advance(4000 * DAY_S)
    store.sweeper.sweep()
    assert store.people.get(chief) is not None
    store.verify()


def test_every_table_has_a_rule():
    assert set(RULE_OF) == set(Base.metadata.tables)


def test_of_every_table_with_a_deadline_nothing_is_left(store, clock, alerts, deployed, examples):
    with store.imports.importing("half") as staging:
        staging.keep([("a" * 64, examples.entry("e-9"))])
    clock.advance(5000 * DAY_S)
    store.sweeper.sweep()
    left = set()
    with store._database.read() as session:
        for name, rule in RULE_OF.items():
            table = Base.metadata.tables[name]
            if rule in set(DataKind) - {DataKind.AUDIT} and session.query(table).count():
                left.add(name)
    assert left == {"deployments", "people"}  # the record of a key, and who is not struck off
    assert not store.has_deployment_key(DeploymentId("d-1"))


def alter_receipt(row):
    row.receipt = row.receipt.replace(b'"database":"', b'"database":"X')


TAMPERING = {
    "a deletion without its record": lambda s: s.execute(
        insert(DeletionRow).from_select(
            [c.name for c in DeletionRow.__table__.columns],
            select(
                *[
                    literal("another")
                    if c.name == "id"
                    else literal(0)
                    if c.name == "begun_seq"
                    else c
                    if c.name not in {"receipt", "receipt_seq"}
                    else null()
                    for c in DeletionRow.__table__.columns
                ]
            ).limit(1),
        )
    ),
    "a deletion that is gone": lambda s: s.execute(delete(DeletionRow)),
    "an altered receipt": lambda s: alter_receipt(s.scalars(select(DeletionRow)).first()),
    "a receipt taken away": lambda s: s.execute(
        update(DeletionRow).values(receipt=null(), receipt_seq=null())
    ),
    "another owner": lambda s: s.execute(update(DeletionRow).values(owner="d-2")),
    "an alert that is gone": lambda s: (
        s.execute(delete(AlertStepRow)),
        s.execute(delete(AlertPictureRow)),
        s.execute(delete(AlertRow)),
    ),
    "a step that is gone": lambda s: s.execute(delete(AlertStepRow)),
    "a person who is gone": lambda s: s.execute(
        delete(PersonRow).where(PersonRow.id == "demo-authoriser")
    ),
}


@pytest.mark.parametrize("what", TAMPERING)
def test_what_is_gone_without_a_record_is_found(store, clock, alerts, what):
    clock.advance(26 * HOUR_S)
    store.sweeper.sweep()
    store.verify()
    with store._database.write() as session:
        TAMPERING[what](session)
    with pytest.raises(IntegrityError):
        store.verify()


def test_a_picture_that_is_gone_without_a_record_is_found(store, clock, alerts):
    hold_on(store, clock, Owner(OwnerKind.ALERT, alerts[0].id), days=60)
    clock.advance(26 * HOUR_S)
    store.sweeper.sweep()
    with store._database.write() as session:
        session.execute(delete(AlertPictureRow))  # of the one that is held
    with pytest.raises(IntegrityError, match="alert"):
        store.verify()


def manager_of_holds(store):
    every = store.people.list()
    return next(p.id for p in every if p.grants[0].role is Role.AUTHORISING_OFFICER)


def hold_on(store, clock, owner, days):
    until = clock.now_utc() + timedelta(days=days)
    return store.holds.place(
        owner, Asked(HoldGround.COMPLAINT, "somebody complains", until), manager_of_holds(store)
    )

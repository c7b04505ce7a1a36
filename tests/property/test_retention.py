"""Deadlines and holds: nothing past its time survives a sweep, nothing goes before it."""

import contextlib
import shutil
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from overt.alerts.alert import Alert, AlertPictures
from overt.alerts.ports import RunStart, StopReason
from overt.cli import wiring
from overt.cli.demo_force import DemoForce
from overt.core.clock import ManualClock
from overt.core.counts import FaceCounts
from overt.core.errors import InputError, StorageError
from overt.policy.pack import load_pack
from overt.policy.pack_data import DataKind
from overt.retention.holds import HoldGround
from overt.retention.receipts import Begun, Receipt
from overt.retention.schedule import Kept, Owner, OwnerKind, Subject
from overt.retention.sweeper import Packs, to_delete
from overt.store.holds import Asked
from overt.store.store import Store

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
PACK_TOML = (wiring.policy_folder() / "uk-police.toml").read_bytes()
PACK = load_pack(PACK_TOML)
MOMENTS = ("capture", "alert", "deployment-end", "deployment-closed", "account-closed", "recorded")
times = st.integers(-500, 500).map(lambda hours: NOON + timedelta(hours=hours))
owners = st.builds(Owner, st.sampled_from(OwnerKind), st.sampled_from("abc"))


@st.composite
def everything(draw):
    return [
        Kept(
            what=draw(st.sampled_from(Subject)),
            owner=draw(owners),
            n_items=1,
            since=draw(st.dictionaries(st.sampled_from(MOMENTS), times)),
            parts=tuple(draw(st.lists(owners, max_size=3, unique=True))),
            within=tuple(draw(st.lists(owners, max_size=2))),
            goes_with=tuple(draw(st.lists(st.sampled_from(DataKind), max_size=1))),
            fixed_utc=draw(st.none() | times),
        )
        for _ in range(draw(st.integers(0, 8)))
    ]


class SomeHolds:
    def __init__(self, held):
        self.held = held

    def until(self, owner_kind, owner, data):
        return self.held.get((owner_kind, owner, data))


@given(
    everything(),
    st.dictionaries(
        st.tuples(st.sampled_from(OwnerKind), st.sampled_from("abc"), st.sampled_from(DataKind)),
        times,
        max_size=12,
    ),
    times,
)
def test_what_goes_is_exactly_what_is_due_and_not_held(kept, held, now):
    def is_held(owners, each):
        data = (*each.what.data, *each.goes_with)
        return any(held.get((o.kind, o.id, kind), now) > now for o in owners for kind in data)

    def due(each):
        if each.fixed_utc is not None:
            return each.fixed_utc
        periods = [PACK.rules.retention.of(kind) for kind in each.what.data]
        found = [
            p.due_utc(each.since[p.counted_from]) for p in periods if p.counted_from in each.since
        ]
        return min(found, default=None)

    expected = [
        each
        for each in kept
        if due(each) is not None
        and due(each) <= now
        and not is_held((each.owner, *each.within), each)
        and not (each.parts and all(is_held([part], each) for part in each.parts))
    ]
    found = to_delete(kept, Packs({}, PACK), SomeHolds(held), now)
    assert sorted(map(repr, expected)) == sorted(repr(each.kept) for each in found)
    for each in found:
        assert set(each.held_parts) == {p for p in each.kept.parts if is_held([p], each.kept)}


@given(st.binary(max_size=400))
def test_any_bytes_are_a_deletion_or_an_input_error(data):
    for kind in (Begun, Receipt):
        with contextlib.suppress(InputError):
            assert kind.parse(data).to_bytes() == data


class Keeping(RuleBasedStateMachine):
    """Runs with alerts, time, holds, crashes and sweeps, beside an account of its own."""

    @initialize()
    def open(self):
        self.home = Path(tempfile.mkdtemp())
        self.clock = ManualClock(NOON)
        self.store = Store.open(self.home, self.clock)
        self.force = DemoForce(self.store, self.clock, PACK_TOML)
        self.n = 0
        self.alerts = {}  # id → captured, end of its deployment, whether pictured
        self.holds = {}  # alert → until, kinds
        self.placed = {}

    @rule(n_alerts=st.integers(1, 3))
    def ingest(self, n_alerts):
        self.n += 1
        deployment, now = f"d-{self.n}", self.clock.now_utc()
        run = self.store.run()
        run.start(
            RunStart(deployment, b"{}", "c" * 64, "a" * 64, "contract", 0.5, ("gate",), now, {})
        )
        picture = np.zeros((8, 8, 3), np.uint8)
        for number in range(n_alerts):
            name = f"{deployment}-{number}"
            numbers = (number, now, 0.0, 0, 0.6, 0.5, None, 1, None, 0.0, (0, 0, 4, 4))
            alert = Alert(name, deployment, "gate", "e-1", *numbers)
            run.raise_alert(alert, AlertPictures(picture, picture))
            self.alerts[name] = [now, now, True]
        run.stop(FaceCounts(), StopReason.FINISHED, now)
        self.store._run_lock.release()

    @rule(hours=st.sampled_from([1, 23, 24, 25, 24 * 7, 24 * 30, 24 * 31]))
    def advance(self, hours):
        self.clock.advance(hours * 3600.0)

    @precondition(lambda self: self.alerts)
    @rule(days=st.integers(1, 60), data=st.data())
    def hold(self, days, data):
        name = data.draw(st.sampled_from(sorted(self.alerts)))
        until = self.clock.now_utc() + timedelta(days=days)
        if name in self.holds and self.holds[name][0] > self.clock.now_utc():
            return
        asked = Asked(HoldGround.EVIDENCE, "needed", until)
        owner = Owner(OwnerKind.ALERT, name)
        hold = self.store.holds.place(owner, asked, self.force.authoriser.id)
        self.holds[name] = (until, set(hold.data))
        self.placed[name] = hold.id

    @precondition(lambda self: self.placed)
    @rule(data=st.data())
    def release(self, data):
        name = data.draw(st.sampled_from(sorted(self.placed)))
        if self.holds[name][0] > self.clock.now_utc():
            self.store.holds.release(self.placed[name], "settled", self.force.authoriser.id)
        del self.placed[name], self.holds[name]

    @rule()
    def crash_within_a_sweep(self):
        finish, self.store.sweeper._finisher.finish = self.store.sweeper._finisher.finish, broken
        with contextlib.suppress(StorageError):
            self.store.sweeper.sweep()
        self.store.sweeper._finisher.finish = finish
        self.store.close()
        self.store = Store.open(self.home, self.clock)
        self._account()

    @rule()
    def sweep(self):
        self.store.sweeper.sweep()
        self._account()
        assert all(each.receipt for each in self.store.deletions.list())
        self.store.verify()

    def _account(self):
        now = self.clock.now_utc()
        for name, (captured, ended, _) in list(self.alerts.items()):
            until, kinds = self.holds.get(name, (now, set()))
            held = kinds if until > now else set()
            pictured = self.alerts[name][2]
            if pictured and now >= ended + timedelta(hours=24) and DataKind.PICTURE not in held:
                self.alerts[name][2] = pictured = False
            is_held = DataKind.ALERT in held or (pictured and DataKind.PICTURE in held)
            if now >= captured + timedelta(days=31) and not is_held:
                del self.alerts[name]
        assert {each.id for each in self.store.alerts.list()} == set(self.alerts)
        for name, (_, _, pictured) in self.alerts.items():
            assert (self.store.alerts.pictures(name) is not None) == pictured

    def teardown(self):
        if hasattr(self, "store"):
            self.store.close()
            shutil.rmtree(self.home)


def broken(*_arguments):
    raise StorageError("the disk is full")


TestKeeping = pytest.mark.slow(Keeping.TestCase)
TestKeeping.settings = settings(
    max_examples=8,
    stateful_step_count=14,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)

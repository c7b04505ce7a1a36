"""Random people, acts, clocks and files look for a way around authority, separation and time.

:class:`fixtures.attempts.Attempts` keeps its own account of what is so (who is registered, what the
list is, what the time was at each step) and compares every step that was taken with it.
"""

from dataclasses import replace
from datetime import timedelta

import hypothesis.strategies as st
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import HealthCheck, settings
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    initialize,
    invariant,
    multiple,
    precondition,
    rule,
    run_state_machine_as_test,
)

from fixtures.attempts import LONG, PACKS, START, Attempts
from fixtures.force import everybody
from overt.core.errors import InputError, PolicyError
from overt.core.ids import CameraId, Sha256
from overt.deployment import acts
from overt.deployment.authorising import capability_for
from overt.deployment.capability import sign
from overt.deployment.cosignature import cosign
from overt.deployment.life import CancellationReport, LifeEvent, LifeState
from overt.deployment.lifecycle import TRANSITIONS
from overt.policy.facts import Route

SAID = st.sampled_from(["Because.", "", "x" * 5000, "\x1b[2J"])
NAMES = [each.person.id for each in everybody(PACKS["uk-police"])]
WHO = st.sampled_from(NAMES)
SIGNERS = st.sampled_from(["second", "second", "first", "junior", "both", "low", "lay", "outsider"])
MINUTES = st.sampled_from([0, 0, 0, -10, 10])
FORGERIES = st.sampled_from([
    *["honest"] * 6, "signed by another", "another list", "lower threshold", "more cameras",
    "longer", "earlier", "issued before", "issued later", "another application", "another pack",
    "another model", "other evidence", "another deployment", "longer presence", "nobody else's",
    "garbage",
])  # fmt: skip

PROPERLY = {
    LifeEvent.WITHDRAW: ("requester", lambda _: acts.Withdraw()),
    LifeEvent.COSIGN: ("judge", lambda so: so.cosignature("judge")),
    LifeEvent.REFUSE: ("first", lambda _: acts.Refuse("Because.")),
    LifeEvent.RATIFY: ("second", lambda so: so.ratification("second")),
    LifeEvent.REFUSE_RATIFICATION: ("second", lambda _: acts.RefuseRatification("Because.")),
    LifeEvent.CHECK_IN: ("spare", lambda _: acts.CheckInOfficer()),
    LifeEvent.CHECK_OUT: ("operator", lambda _: acts.CheckOutOfficer()),
    LifeEvent.CONFIRM_SIGNS: ("operator", lambda _: acts.ConfirmSigns()),
    LifeEvent.MAKE_READY: ("operator", lambda _: acts.MakeReady()),
    LifeEvent.PAUSE: ("operator", lambda _: acts.Pause("Because.")),
    LifeEvent.RESUME: ("operator", lambda _: acts.Resume()),
    LifeEvent.END: ("operator", lambda _: acts.End("Because.")),
    LifeEvent.CLOSE: ("first", lambda _: acts.Close()),
}
"""Who does what, where it is done as it should be."""


class Deployments(RuleBasedStateMachine):
    """One deployment, and everybody who tries something on it."""

    files = Bundle("files")

    @initialize(
        pack=st.sampled_from(sorted(PACKS)),
        protest=st.sampled_from([False, False, True]),
        urgent=st.booleans(),
        n=st.integers(0, 6),
        prompt=st.booleans(),
        open_alerts=st.sampled_from([0, 0, 2]),
    )
    def begin(self, pack, protest, urgent, n, prompt, open_alerts):
        self.so = Attempts(pack, protest=protest, open_alerts=open_alerts, prompt=prompt)
        for _ in range(n):
            self.so.one_step_on(urgent=urgent)

    # what people try

    @rule(by=WHO, requester=WHO, hours=st.sampled_from([-30, 1, 6, 6, 6, 40]))
    def apply(self, by, requester, hours):
        ends = START + timedelta(hours=max(1, hours))
        starts = START if hours > 0 else START - timedelta(hours=30)
        changes = {"starts_utc": starts, "ends_utc": ends}
        self.so.attempt(acts.Apply(self.so.application(requester, **changes)), by)

    @rule(
        by=st.one_of(st.none(), WHO),
        act=st.sampled_from([
            acts.Submit(), acts.Withdraw(), acts.CheckInOfficer(), acts.CheckOutOfficer(),
            acts.ConfirmSigns(), acts.MakeReady(), acts.Resume(), acts.Lapse(), acts.Close(),
            acts.GoLive((CameraId("east"),)), acts.GoLive((CameraId("north"),)), acts.GoLive(()),
        ]),
    )  # fmt: skip
    def try_step(self, by, act):
        self.so.attempt(act, by)

    @rule(
        by=st.one_of(st.none(), WHO),
        kind=st.sampled_from([acts.Refuse, acts.RefuseRatification, acts.Pause, acts.End]),
        reason=SAID,
    )
    def try_with_reason(self, by, kind, reason):
        self.so.attempt(kind(reason), by)

    @rule(by=WHO, text=st.sampled_from([LONG, ""]))
    def try_report(self, by, text):
        report = CancellationReport(**dict.fromkeys(CancellationReport.model_fields, text))
        self.so.attempt(acts.WriteReport(report), by)

    @precondition(lambda self: self.so.life is not None)
    @rule(by=SIGNERS, signer=SIGNERS, other=st.booleans())
    def try_cosign(self, by, signer, other):
        digest = Sha256("f" * 64) if other else self.so.life.application.sha256
        self.so.attempt(acts.Cosign(cosign(digest, self.so.people[signer].key)), by)

    @precondition(lambda self: self.so.life is not None)
    @rule(target=files, by=SIGNERS, route=st.sampled_from(Route), how=FORGERIES, late=MINUTES)
    def write_capability(self, by, route, how, late):
        """Write a file, use it at once or after a while, and leave it for others to use."""
        person = self.so.people[by].person
        try:
            honest = capability_for(self.so.life, self.so.pack, route, person, self.so.now)
        except PolicyError:  # it would be over before it begins
            return multiple()
        hour = timedelta(hours=1)
        changes = {
            "another list": {"watchlist_sha256": Sha256("b" * 64)},
            "lower threshold": {"rule": replace(honest.rule, threshold=0.1)},
            "more cameras": {"cameras": (*honest.cameras, CameraId("north"))},
            "longer": {"not_after_utc": honest.not_after_utc + hour},
            "earlier": {"not_before_utc": honest.not_before_utc - hour},
            "issued before": {"issued_utc": honest.issued_utc - 30 * hour},
            "issued later": {"issued_utc": honest.issued_utc + hour},
            "another application": {"application_sha256": Sha256("b" * 64)},
            "another pack": {"policy_sha256": Sha256("b" * 64)},
            "another model": {"detector_sha256": Sha256("b" * 64)},
            "other evidence": {"calibration": None},
            "another deployment": {"deployment": "d-2"},
            "longer presence": {"presence_within_s": 3000.0},
            "nobody else's": {"authoriser": "nobody"},
        }.get(how, {})
        key = Ed25519PrivateKey.generate() if how == "signed by another" else self.so.people[by].key
        try:
            file = sign(replace(honest, **changes), key)
        except InputError:  # a window that ends before it begins
            return multiple()
        if how == "honest":
            self.so.honest.add(file)
        file = b"{}" if how == "garbage" else file
        self.so.now += timedelta(minutes=late)
        ratify = self.so.life.authority is not None
        self.so.attempt(
            acts.Ratify(file) if ratify else acts.Authorise(route, file, "Because."), by
        )
        return file

    @rule(by=SIGNERS, file=files, route=st.sampled_from(Route), reason=SAID, ratify=st.booleans())
    def try_authorise(self, by, file, route, reason, ratify):
        self.so.attempt(acts.Ratify(file) if ratify else acts.Authorise(route, file, reason), by)

    # what is done properly, so that there is something to attack

    @rule(n=st.integers(1, 6), urgent=st.booleans(), put_right=st.booleans())
    def go_on(self, n, urgent, put_right):
        if put_right:
            self.the_list_is_as_it_was()
            self.so.in_force = True
            self.so.now = max(self.so.now, self.so.recorded or self.so.now)
        for _ in range(n):
            self.so.one_step_on(urgent=urgent)

    @precondition(lambda self: self.so.life is not None)
    @rule(data=st.data(), put_right=st.booleans())
    def do_properly(self, data, put_right):
        """Take a step that the table has from here, by somebody who may well do so."""
        if put_right:
            self.so.now = max(self.so.now, self.so.recorded or self.so.now)
        state = self.so.life.state
        possible = sorted({event for at, event in TRANSITIONS if at is state} & set(PROPERLY))
        if possible:
            by, make = PROPERLY[data.draw(st.sampled_from(possible))]
            self.so.attempt(make(self.so), by)

    # what happens meanwhile

    @rule(
        minutes=st.sampled_from(
            [1, 5, 20, 20, 30, 30, 60, 60, 200, 400, 2000, -1, -30, -400, -5000]
        )
    )
    def the_clock_moves(self, minutes):
        self.so.now += timedelta(minutes=minutes)

    @precondition(lambda self: self.so.life is not None and self.so.life.authority is not None)
    @rule(seconds=st.sampled_from([-1, 0, 1]))
    def the_end_is_near(self, seconds):
        self.so.now = self.so.life.authority.ends_utc + timedelta(seconds=seconds)

    @rule(who=WHO, chance=st.integers(0, 3))
    def somebody_is_struck_off(self, who, chance):
        if chance:
            return
        found = self.so.people[who]
        self.so.people[who] = replace(found, person=replace(found.person, struck_off=True))

    @rule(
        digest=st.sampled_from(["a" * 64, "b" * 64]),
        there=st.booleans(),
        confirmed=st.booleans(),
    )
    def the_list_changes(self, digest, there, confirmed):
        self.so.list_sha256, self.so.list_is_there, self.so.confirmed = digest, there, confirmed

    @rule()
    def the_list_is_as_it_was(self):
        self.so.list_sha256, self.so.list_is_there, self.so.confirmed = "a" * 64, True, True

    @rule(in_force=st.booleans())
    def the_policy_changes(self, in_force):
        self.so.in_force = in_force

    @rule()
    def something_else_is_recorded(self):
        self.so.recorded = max(self.so.now, self.so.recorded or self.so.now)

    @rule(n=st.integers(0, 2))
    def alerts_are_open(self, n):
        self.so.open_alerts = n

    @invariant()
    def nothing_is_live_without_authority(self):
        life = self.so.life if hasattr(self, "so") else None
        if life is None:
            return
        if life.state in {LifeState.READY, LifeState.LIVE, LifeState.PAUSED, LifeState.AUTHORISED}:
            assert life.authority is not None
        if life.state is LifeState.CLOSED:
            assert life.report is not None
        given = life.authority
        if given is not None:
            assert given.authoriser != life.application.requester
            assert given.authoriser != given.urgent_authoriser
            assert given.ends_utc <= life.application.ends_utc


@pytest.mark.parametrize(
    "examples",
    [pytest.param(60, id="fast"), pytest.param(2000, id="long", marks=pytest.mark.slow)],
)
def test_there_is_no_way_around(examples):
    run_state_machine_as_test(
        Deployments,
        settings=settings(
            max_examples=examples,
            stateful_step_count=40,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )

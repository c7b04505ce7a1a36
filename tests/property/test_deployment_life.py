"""Random people, acts, clocks and files look for a way around authority, separation and time.

The machine keeps its own account of what is so (who is registered, what the list is, what the time
was at each step) and compares every step that was taken with it, so that it does not take the
life's own word for anything.
"""

from collections import Counter
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta

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

from overt.cli.wiring import policy_folder
from overt.core.errors import AuthorityError, InputError, PolicyError, StateError
from overt.core.ids import CameraId, PersonId, Sha256, WatchlistId
from overt.deployment import acts
from overt.deployment.application import (
    Application,
    Bindings,
    Camera,
    Document,
    Evidence,
    Notice,
    Officer,
    Place,
    Reasons,
)
from overt.deployment.authorising import capability_for
from overt.deployment.capability import sign, verify
from overt.deployment.cosignature import cosign, verify_cosignature
from overt.deployment.life import CancellationReport, Life, LifeEvent, LifeState
from overt.deployment.lifecycle import TRANSITIONS, advance, follows
from overt.deployment.place import Area
from overt.deployment.situation import Situation
from overt.policy.facts import ListFacts, Route
from overt.policy.pack import load_pack
from overt.policy.roles import Grant, Person, Role

START = datetime(2027, 1, 4, 10, tzinfo=UTC)
LONG = "A text that is long enough for every rule, since it says again and again what it says. " * 2
PACKS = {
    name: load_pack((policy_folder() / f"{name}.toml").read_bytes())
    for name in ("uk-police", "eu-ai-act")
}
REFUSED = (StateError, PolicyError, AuthorityError, InputError)
LIVE_BY = {LifeEvent.GO_LIVE, LifeEvent.RESUME}
SAID = st.sampled_from(["Because.", "", "x" * 5000, "\x1b[2J"])


@dataclass(frozen=True)
class Somebody:
    """A person of the register, or an outsider who is not in it, with their key."""

    person: Person
    key: Ed25519PrivateKey


def somebody(name, rank, *roles, organisation="the force", independent=False):
    key = Ed25519PrivateKey.generate()
    return Somebody(
        Person(
            id=PersonId(name),
            rank=rank,
            organisation=organisation,
            grants=tuple(Grant(role) for role in roles),
            public_key=key.public_key().public_bytes_raw(),
            independent=independent,
        ),
        key,
    )


def everybody(pack):
    rules = pack.rules
    ladder = rules.ranks.ladder
    enough = rules.authorising_rank.minimum
    urgent = rules.urgent_authority.minimum_rank
    authorising = Role.AUTHORISING_OFFICER
    return [
        somebody("requester", ladder[0], Role.REQUESTER),
        somebody("both", ladder[-1], Role.REQUESTER, authorising),
        somebody("first", enough, authorising),
        somebody("second", ladder[-1], authorising),
        somebody("junior", urgent, authorising),
        somebody("low", ladder[0], authorising),
        somebody("rankless", "king", authorising),
        somebody("lay", "lay", authorising, organisation="the court", independent=True),
        somebody(
            "judge",
            rules.ranks.outside[0] if rules.ranks.outside else ladder[-1],
            authorising,
            organisation="the court",
            independent=True,
        ),
        somebody("operator", ladder[0], Role.OPERATOR),
        somebody("officer", ladder[0], Role.ENGAGEMENT_OFFICER),
        somebody("spare", ladder[0], Role.OPERATOR, Role.ENGAGEMENT_OFFICER, Role.REQUESTER),
        somebody("auditor", ladder[0], Role.AUDITOR),
        somebody("outsider", ladder[-1], authorising),
    ]


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
    LifeEvent.COSIGN: ("judge", lambda machine: machine.cosignature("judge")),
    LifeEvent.REFUSE: ("first", lambda _: acts.Refuse("Because.")),
    LifeEvent.RATIFY: ("second", lambda machine: machine.ratification("second")),
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
        self.pack = PACKS[pack]
        self.people = {each.person.id: each for each in everybody(self.pack)}
        self.protest = protest
        self.now = START - timedelta(hours=2)
        self.recorded = None
        self.in_force = True
        self.list_sha256, self.list_is_there, self.confirmed = "a" * 64, True, True
        self.open_alerts = open_alerts
        self.life = None
        self.honest = set()
        self.prompt = prompt
        for _ in range(n):
            self.one_step_on(urgent=urgent)

    # what is so

    def find(self, person):
        registered = self.people.get(person)
        return None if registered is None or person == "outsider" else registered.person

    def situation(self, by):
        case = self.pack.rules.use_cases.cases[0]
        return Situation(
            now_utc=self.now,
            recorded_utc=self.recorded,
            pack=self.pack,
            is_pack_in_force=self.in_force,
            by=None if by is None else self.people[by].person,
            watchlist=ListFacts(
                WatchlistId("the-list"),
                n_entries=10,
                categories={case.categories[0]: 10},
                made_utc=START - timedelta(hours=3),
                n_unconfirmed=0 if self.confirmed else 1,
            ),
            list_manifest_sha256=self.list_sha256 if self.list_is_there else None,
            list_policy_sha256=self.pack.sha256,
            find=self.find,
            reused_share=lambda: 0.0,
            n_open_alerts=self.open_alerts,
        )

    def application(self, requester, **changes):
        case = self.pack.rules.use_cases.cases[0]
        corners = ((0.0, 0.0), (0.001, 0.0), (0.001, 0.001), (0.0, 0.0))
        return Application(**{
            "deployment": "d-1",
            "title": "A deployment",
            "use_case": case.id,
            "place": Place(
                name="A place", area=Area(coordinates=(corners,)), rationale=LONG,
                hotspot_evidence="H-1", intelligence_reference="I-1",
            ),
            "starts_utc": START,
            "ends_utc": START + timedelta(hours=6),
            "cameras": tuple(
                Camera(name=name, longitude=0.0005, latitude=0.0002, zone_of_recognition=LONG)
                for name in ("east", "west")
            ),
            "reasons": Reasons(**dict.fromkeys(Reasons.model_fields, LONG)),
            "notice": Notice(
                published_utc=START - timedelta(days=30), where=LONG, signage=LONG
            ),
            "is_protest": self.protest,
            "officers": (
                Officer(person="operator", role=Role.OPERATOR),
                Officer(person="officer", role=Role.ENGAGEMENT_OFFICER),
                Officer(person="spare", role=Role.ENGAGEMENT_OFFICER),
                Officer(person="auditor", role=Role.OPERATOR),
            ),
            "documents": tuple(
                Document(kind=each.kind, title=each.kind, sha256="e" * 64, issued=START.date())
                for each in self.pack.rules.documents.required
            ),
            "watchlist": "the-list",
            "requester": requester,
            "bindings": Bindings(
                policy_sha256=self.pack.sha256,
                watchlist_sha256="a" * 64,
                contract="contract",
                detector_sha256="d" * 64,
                threshold=0.5,
                evidence=Evidence(
                    contract="contract", measured=date(2027, 1, 1), n_entries=1000,
                    false_alert_one_in=10**6, threshold=0.5, source="an evaluation",
                ),
            ),
        } | changes)  # fmt: skip

    # one step, as the store takes it

    def follow(self):
        """Take what happens of itself; the store is prompt, and the life must hold without."""
        while self.life is not None and self.prompt:
            situation = self.situation(None)
            act = follows(self.life, situation)
            if act is None:
                return
            self.keep(act, None, advance(self.life, act, situation))

    def keep(self, act, by, after):
        before, self.life = self.life, after
        step = after.steps[-1]
        key = (None if before is None else before.state, act.event)
        assert TRANSITIONS[key] is after.state is step.state
        assert step.by == by
        if before is not None:
            assert before.state not in {LifeState.REFUSED, LifeState.CLOSED}
            assert step.at_utc >= before.last_step_utc
            assert after.steps[:-1] == before.steps
        if self.recorded is not None:
            assert step.at_utc >= self.recorded
        self.recorded = max(step.at_utc, self.recorded or step.at_utc)
        if act.event is LifeEvent.SUBMIT:
            self.honest.clear()
        if by is not None:
            assert by != "outsider"
            assert not self.people[by].person.struck_off
        self.check_step(act, by, before, after)
        assert Life.parse(after.to_bytes()).to_bytes() == after.to_bytes()

    def attempt(self, act, by):
        """Try something; whatever is refused changes nothing."""
        if by is not None and self.find(by) is None:
            return False
        self.follow()
        before = self.life
        try:
            after = advance(self.life, act, self.situation(by))
        except REFUSED:
            assert self.life is before
            return False
        self.keep(act, by, after)
        self.follow()
        return True

    def check_step(self, act, by, before, after):
        rules = self.pack.rules
        ladder = rules.ranks.ladder
        if isinstance(act, acts.Authorise | acts.Ratify):
            who = self.people[by]
            assert act.capability_file in self.honest
            signed = verify(act.capability_file, [who.key.public_key()])
            assert signed.issued_utc <= self.now
            is_urgent = isinstance(act, acts.Authorise) and act.route is Route.URGENT
            least = rules.authorising_rank.minimum
            if is_urgent:
                least = rules.urgent_authority.minimum_rank
                hours = rules.urgent_authority.lasts_h
                assert rules.urgent_authority.allowed
                assert act.urgency_reason.strip() or not rules.urgent_authority.reason_required
                assert signed.not_after_utc <= self.now + timedelta(hours=hours)
            if self.protest:
                assert rules.protest.allowed
                least = max(least, rules.protest.minimum_rank, key=ladder.index)
                assert not is_urgent or rules.protest.urgent_allowed
            assert ladder.index(who.person.rank) >= ladder.index(least)
            assert by != after.application.requester
            assert signed.application_sha256 == after.application.sha256
            assert signed.watchlist_sha256 == self.list_sha256
            assert self.list_is_there
            assert self.in_force
            assert after.application.starts_utc <= signed.not_before_utc
            assert signed.not_after_utc <= after.application.ends_utc
            self.check_cosigned(after, by, is_urgent=is_urgent)
        if isinstance(act, acts.Cosign):
            key = self.people[by].key.public_key()
            verify_cosignature(after.application.sha256, act.signature, key)
            assert by != after.application.requester
        if isinstance(act, acts.Ratify):
            assert before.authority.route is Route.URGENT
            assert by != before.authority.authoriser
            assert after.authority.ratified_by == by
        if act.event in LIVE_BY:
            self.check_live(after)
        if act.event is LifeEvent.CLOSE:
            assert after.report is not None
            assert self.open_alerts == 0
            assert after.delete_by
        if by is None:
            assert act.event in {LifeEvent.PAUSE, LifeEvent.RESUME, LifeEvent.LAPSE}

    def check_cosigned(self, after, by, *, is_urgent):
        rule = self.pack.rules.co_signature
        required = rule.required == "always" or (rule.required == "protest" and self.protest)
        if not required or (is_urgent and not rule.on_urgent):
            return
        cosigned = after.cosignature
        assert cosigned is not None
        assert cosigned.application_sha256 == after.application.sha256
        assert cosigned.person not in {by, after.application.requester}
        person = self.people[cosigned.person].person
        assert not person.struck_off
        assert person.independent or not rule.independent

    def check_live(self, after):
        given, at = after.authority, after.last_step_utc
        assert given is not None
        assert given.starts_utc <= at < given.ends_utc
        assert self.now == at
        if given.awaits_ratification:
            hours = self.pack.rules.urgent_authority.lasts_h
            assert at < given.issued_utc + timedelta(hours=hours)
        assert self.list_is_there
        assert self.list_sha256 == after.application.bindings.watchlist_sha256
        assert self.in_force
        assert self.confirmed
        assert after.signs_confirmed_utc is not None
        self.check_present(after)

    def check_present(self, life):
        there = Counter(
            role
            for person, role in life.present().items()
            if not self.people[person].person.struck_off
            and role in {grant.role for grant in self.people[person].person.grants}
        )
        for each in self.pack.rules.officers.present:
            assert there[each.role] >= each.at_least

    # what people try

    @rule(by=WHO, requester=WHO, hours=st.sampled_from([-30, 1, 6, 6, 6, 40]))
    def apply(self, by, requester, hours):
        ends = START + timedelta(hours=max(1, hours))
        starts = START if hours > 0 else START - timedelta(hours=30)
        changes = {"starts_utc": starts, "ends_utc": ends}
        self.attempt(acts.Apply(self.application(requester, **changes)), by)

    @rule(
        by=st.one_of(st.none(), WHO),
        act=st.sampled_from([
            acts.Submit(), acts.Withdraw(), acts.CheckInOfficer(), acts.CheckOutOfficer(),
            acts.ConfirmSigns(), acts.MakeReady(), acts.Resume(), acts.Lapse(), acts.Close(),
            acts.GoLive((CameraId("east"),)), acts.GoLive((CameraId("north"),)), acts.GoLive(()),
        ]),
    )  # fmt: skip
    def try_step(self, by, act):
        self.attempt(act, by)

    @rule(
        by=st.one_of(st.none(), WHO),
        kind=st.sampled_from([acts.Refuse, acts.RefuseRatification, acts.Pause, acts.End]),
        reason=SAID,
    )
    def try_with_reason(self, by, kind, reason):
        self.attempt(kind(reason), by)

    @rule(by=WHO, text=st.sampled_from([LONG, ""]))
    def try_report(self, by, text):
        report = CancellationReport(**dict.fromkeys(CancellationReport.model_fields, text))
        self.attempt(acts.WriteReport(report), by)

    @precondition(lambda self: self.life is not None)
    @rule(by=SIGNERS, signer=SIGNERS, other=st.booleans())
    def try_cosign(self, by, signer, other):
        digest = Sha256("f" * 64) if other else self.life.application.sha256
        self.attempt(acts.Cosign(cosign(digest, self.people[signer].key)), by)

    @precondition(lambda self: self.life is not None)
    @rule(target=files, by=SIGNERS, route=st.sampled_from(Route), how=FORGERIES, late=MINUTES)
    def write_capability(self, by, route, how, late):
        """Write a file, use it at once or after a while, and leave it for others to use."""
        person = self.people[by].person
        honest = capability_for(self.life, self.pack, route, person, self.now)
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
            "nobody else's": {"authoriser": "second"},
        }.get(how, {})
        key = Ed25519PrivateKey.generate() if how == "signed by another" else self.people[by].key
        try:
            file = sign(replace(honest, **changes), key)
        except InputError:  # a window that ends before it begins
            return multiple()
        if how == "honest":
            self.honest.add(file)
        file = b"{}" if how == "garbage" else file
        self.now += timedelta(minutes=late)
        ratify = self.life.authority is not None
        self.attempt(acts.Ratify(file) if ratify else acts.Authorise(route, file, "Because."), by)
        return file

    @rule(by=SIGNERS, file=files, route=st.sampled_from(Route), reason=SAID, ratify=st.booleans())
    def try_authorise(self, by, file, route, reason, ratify):
        self.attempt(acts.Ratify(file) if ratify else acts.Authorise(route, file, reason), by)

    # what is done properly, so that there is something to attack

    @rule(n=st.integers(1, 6), urgent=st.booleans(), put_right=st.booleans())
    def go_on(self, n, urgent, put_right):
        if put_right:
            self.the_list_is_as_it_was()
            self.in_force = True
            self.now = max(self.now, self.recorded or self.now)
        for _ in range(n):
            self.one_step_on(urgent=urgent)

    @precondition(lambda self: self.life is not None)
    @rule(data=st.data(), put_right=st.booleans())
    def do_properly(self, data, put_right):
        """Take a step that the table has from here, by somebody who may well do so."""
        if put_right:
            self.now = max(self.now, self.recorded or self.now)
        state = self.life.state
        possible = sorted({event for at, event in TRANSITIONS if at is state} & set(PROPERLY))
        if possible:
            by, make = PROPERLY[data.draw(st.sampled_from(possible))]
            self.attempt(make(self), by)

    def ratification(self, by):
        return acts.Ratify(self.authority(by, Route.ORDINARY).capability_file)

    def cosignature(self, by):
        return acts.Cosign(cosign(self.life.application.sha256, self.people[by].key))

    def one_step_on(self, *, urgent):
        state = None if self.life is None else self.life.state
        if state in {None, LifeState.DRAFT}:
            self.attempt(acts.Apply(self.application("requester")), "requester")
            self.attempt(acts.Submit(), "requester")
        elif state is LifeState.SUBMITTED:
            if not urgent:
                self.attempt(self.cosignature("judge"), "judge")
            by, route = ("junior", Route.URGENT) if urgent else ("second", Route.ORDINARY)
            self.attempt(self.authority(by, route), by)
        elif state is LifeState.AUTHORISED:
            self.now = max(self.now, self.life.authority.starts_utc)
            for officer in ("operator", "officer"):
                self.attempt(acts.CheckInOfficer(), officer)
            self.attempt(acts.ConfirmSigns(), "operator")
            self.attempt(acts.MakeReady(), "operator")
        elif state is LifeState.READY:
            self.attempt(acts.GoLive((CameraId("east"),)), "operator")
        elif state is LifeState.PAUSED:
            for officer in ("operator", "officer"):
                self.attempt(acts.CheckInOfficer(), officer)
            self.attempt(acts.Resume(), "operator")
        elif state is LifeState.ENDED:
            report = CancellationReport(**dict.fromkeys(CancellationReport.model_fields, LONG))
            self.attempt(acts.WriteReport(report), "requester")

    def authority(self, by, route):
        person, key = self.people[by].person, self.people[by].key
        try:
            file = sign(capability_for(self.life, self.pack, route, person, self.now), key)
        except InputError:
            file = b""
        self.honest.add(file)
        return acts.Authorise(route, file, "Because." if route is Route.URGENT else "")

    # what happens meanwhile

    @rule(
        minutes=st.sampled_from(
            [1, 5, 20, 20, 30, 30, 60, 60, 200, 400, 2000, -1, -30, -400, -5000]
        )
    )
    def the_clock_moves(self, minutes):
        self.now += timedelta(minutes=minutes)

    @precondition(lambda self: self.life is not None and self.life.authority is not None)
    @rule(seconds=st.sampled_from([-1, 0, 1]))
    def the_end_is_near(self, seconds):
        self.now = self.life.authority.ends_utc + timedelta(seconds=seconds)

    @rule(who=WHO, chance=st.integers(0, 3))
    def somebody_is_struck_off(self, who, chance):
        if chance:
            return
        found = self.people[who]
        self.people[who] = replace(found, person=replace(found.person, struck_off=True))

    @rule(
        digest=st.sampled_from(["a" * 64, "b" * 64]),
        there=st.booleans(),
        confirmed=st.booleans(),
    )
    def the_list_changes(self, digest, there, confirmed):
        self.list_sha256, self.list_is_there, self.confirmed = digest, there, confirmed

    @rule()
    def the_list_is_as_it_was(self):
        self.list_sha256, self.list_is_there, self.confirmed = "a" * 64, True, True

    @rule(in_force=st.booleans())
    def the_policy_changes(self, in_force):
        self.in_force = in_force

    @rule()
    def something_else_is_recorded(self):
        self.recorded = max(self.now, self.recorded or self.now)

    @rule(n=st.integers(0, 2))
    def alerts_are_open(self, n):
        self.open_alerts = n

    @invariant()
    def nothing_is_live_without_authority(self):
        life = getattr(self, "life", None)
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

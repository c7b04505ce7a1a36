"""A demonstration force: people with keys made for one run, under a real policy pack.

It takes a deployment through the same acts as a real one, through the same store, so that a
demonstration cannot do what a deployment could not. None of it has legal authority, and every text
says so.

Must not: be used with a store that somebody else uses.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from pydantic import ValidationError

from overt.core.clock import Clock
from overt.core.errors import InputError
from overt.core.ids import CameraId, ContractId, DeploymentId, PersonId, Sha256
from overt.deployment.acts import (
    Apply,
    Authorise,
    CheckInOfficer,
    ConfirmSigns,
    DeploymentAct,
    MakeReady,
    Submit,
)
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
from overt.deployment.capability import sign
from overt.deployment.faults import first_fault
from overt.deployment.life import Life
from overt.deployment.place import Area
from overt.policy.facts import Route
from overt.policy.pack import PolicyPack, load_pack
from overt.policy.roles import Grant, Person, Role
from overt.policy.signing import sign_pack
from overt.store.store import Store
from overt.watchlist.decisions import ImportRecord
from overt.watchlist.enrol import freeze as named
from overt.watchlist.grounds import Grounds
from overt.watchlist.lifecycle import Actor, Imported, confirm, freeze, take_import
from overt.watchlist.manifest import card_of
from overt.watchlist.stored import CardIndex, StoredEntry, StoredWatchlist

SAID: Final = "demonstration without legal authority"
USE_CASE: Final = "missing-person-hotspot"
CATEGORY: Final = "missing-at-risk"
IMAGE_SOURCE: Final = "blue-list"
SQUARE: Final = (
    (-0.001, -0.001),
    (0.001, -0.001),
    (0.001, 0.001),
    (-0.001, 0.001),
    (-0.001, -0.001),
)
"""Two hundred metres of open sea, where the Greenwich meridian meets the equator."""

_TEXT: Final = (
    "This is a demonstration without legal authority: nobody on its list is looked for, and what "
    "it sees is deleted when it ends."
)


@dataclass(frozen=True, slots=True)
class Terms:
    """What a demonstration asks for.

    Attributes:
        deployment: its id.
        cameras: by name.
        starts_utc, ends_utc: the window.
        contract, detector_sha256: the models.
        threshold: cosine similarity.
        evidence: what it rests on, if anything.
        false_alert_one_in: the budget, if that chose the threshold.
        repeat_within_s: repeats within this are folded.
    """

    deployment: DeploymentId
    cameras: Sequence[CameraId]
    starts_utc: datetime
    ends_utc: datetime
    contract: ContractId
    detector_sha256: Sha256
    threshold: float
    evidence: Evidence | None
    false_alert_one_in: int | None = None
    repeat_within_s: int = 60


class DemoForce:
    """People, a pack in force, and what they do with a deployment.

    Args:
        store: a store of the demonstration's own, without people.
        clock: for every act.
        pack_toml: the policy pack that is put into force.

    Raises:
        InputError: the bytes are no policy pack.
        StorageError: something could not be kept.
    """

    def __init__(self, store: Store, clock: Clock, pack_toml: bytes) -> None:
        self._store = store
        self._clock = clock
        self._keys: dict[PersonId, Ed25519PrivateKey] = {}
        self.pack: PolicyPack = load_pack(pack_toml)
        rules = self.pack.rules
        staff = rules.ranks.ladder[0]
        administrator = self._register("demo-administrator", staff, Role.ADMINISTRATOR, None)
        by = administrator.id
        self.chief = self._register(
            "demo-chief", rules.policy_signer.minimum_rank, Role.AUTHORISING_OFFICER, by
        )
        self.requester = self._register("demo-requester", staff, Role.REQUESTER, by)
        self.authoriser = self._register(
            "demo-authoriser", rules.authorising_rank.minimum, Role.AUTHORISING_OFFICER, by
        )
        self.list_manager = self._register("demo-list", staff, Role.WATCHLIST_MANAGER, by)
        self.officers = tuple(
            self._register(f"demo-{each.role}-{number}", staff, each.role, by)
            for each in rules.officers.present
            for number in range(1, each.at_least + 1)
        )
        self.operator = next(each for each in self.officers if each.grants[0].role is Role.OPERATOR)
        signature = sign_pack(pack_toml, self._keys[self.chief.id])
        store.policies.adopt(pack_toml, signature, self.chief.id, clock.now_utc())

    def key_of(self, person: PersonId) -> Ed25519PrivateKey:
        """Return somebody's signing key."""
        return self._keys[person]

    def list_people(self, watchlist: StoredWatchlist) -> StoredWatchlist:
        """Keep a list with demonstration grounds, freeze it and confirm everybody on it.

        Raises:
            PolicyError: the pack does not allow such a list.
        """
        now_utc = self._clock.now_utc()
        entries = [
            replace(each, grounds=_grounds(each, now_utc.date())) for each in watchlist.entries
        ]
        listed = named(watchlist.id, watchlist.name, watchlist.contract, entries)
        self._store.watchlists.save(listed)
        cards = CardIndex(
            listed.id,
            listed.name,
            listed.contract,
            listed.manifest_sha256,
            tuple(card_of(each) for each in listed.entries),
        )
        record = ImportRecord(
            sha256=listed.manifest_sha256,
            policy_sha256=self.pack.sha256,
            n_accepted=len(listed.entries),
            n_refused=0,
        )
        # Who looks alike is nobody's to decide here: the very same picture makes kin, and no more.
        found = Imported(record, cards, now_utc, pairs=(), pairs_complete=True)
        actor = Actor(self.list_manager, now_utc)
        life = take_import(None, found, actor)
        self._store.watchlist_lives.take(life)
        life, final = freeze(life, cards, self.pack, actor)
        self._store.watchlist_lives.take_freezing(life, final)
        self._store.watchlist_lives.take(confirm(life, None, actor))
        kin = {card.entry: card.kin_group for card in final.entries}
        return StoredWatchlist(
            listed.id,
            listed.name,
            listed.contract,
            final.manifest_sha256,
            tuple(replace(each, kin_group=kin[each.entry]) for each in listed.entries),
        )

    def apply(self, terms: Terms, watchlist: StoredWatchlist) -> Life:
        """Apply for a deployment with a frozen list, and submit the application.

        Raises:
            PolicyError: the pack does not allow it; the message holds every reason.
            InputError: the terms are none that an application can have.
        """
        application = _application(self, terms, watchlist)
        self._act(terms.deployment, Apply(application), self.requester)
        return self._act(terms.deployment, Submit(), self.requester)

    def authorise(self, life: Life, urgency_reason: str = "") -> Life:
        """Sign the capability for a submitted application, as somebody who is not the requester.

        Args:
            life: submitted.
            urgency_reason: why by the urgent route; by the ordinary one if empty.

        Raises:
            PolicyError: the pack does not allow it.
        """
        route = Route.URGENT if urgency_reason else Route.ORDINARY
        file = self.signed(life, route, self.authoriser)
        return self._act(life.deployment, Authorise(route, file, urgency_reason), self.authoriser)

    def signed(self, life: Life, route: Route, by: Person) -> bytes:
        """Return the capability that an application asks for, as somebody signs it now."""
        capability = capability_for(life, self.pack, route, by, self._clock.now_utc())
        return sign(capability, self._keys[by.id])

    def make_ready(self, deployment: DeploymentId) -> Life:
        """Check every officer in, confirm the signs, and see that everything is in place.

        Raises:
            PolicyError: something is not.
        """
        for officer in self.officers:
            self._act(deployment, CheckInOfficer(), officer)
        self._act(deployment, ConfirmSigns(), self.operator)
        return self._act(deployment, MakeReady(), self.operator)

    def beat(self, deployment: DeploymentId) -> None:
        """Have every officer say that they are there."""
        for officer in self.officers:
            self._store.lives.beat(deployment, officer.id)

    def _register(self, name: str, rank: str, role: Role, by: PersonId | None) -> Person:
        key = Ed25519PrivateKey.generate()
        person = Person(
            id=PersonId(name),
            rank=rank,
            organisation=SAID,
            grants=(Grant(role),),
            public_key=key.public_key().public_bytes_raw(),
        )
        self._store.people.save(person, by, self._clock.now_utc())
        self._keys[person.id] = key
        return person

    def _act(self, deployment: DeploymentId, act: DeploymentAct, by: Person) -> Life:
        return self._store.lives.act(deployment, act, by.id)


def _grounds(each: StoredEntry, today: date) -> Grounds:
    return Grounds(
        category=CATEGORY,
        lawful_basis=SAID,
        source_system="demonstration",
        source_reference=each.entry,
        reason_here=_TEXT,
        image_source=IMAGE_SOURCE,
        image_date=today,
        held_until=today + timedelta(days=2),
        response_plan=SAID,
    )


def _application(force: DemoForce, terms: Terms, watchlist: StoredWatchlist) -> Application:
    today = terms.starts_utc.date()
    try:
        bindings = Bindings(
            policy_sha256=force.pack.sha256,
            watchlist_sha256=watchlist.manifest_sha256,
            contract=terms.contract,
            detector_sha256=terms.detector_sha256,
            threshold=terms.threshold,
            false_alert_one_in=terms.false_alert_one_in,
            repeat_within_s=terms.repeat_within_s,
            evidence=terms.evidence,
        )
    except ValidationError as error:
        raise InputError(f"It cannot be run like this: {first_fault(error)}.") from error
    return Application(
        deployment=terms.deployment,
        title="A demonstration",
        use_case=USE_CASE,
        place=Place(
            name="the open sea",
            area=Area(coordinates=(SQUARE,)),
            rationale=_TEXT,
            hotspot_evidence=SAID,
        ),
        starts_utc=terms.starts_utc,
        ends_utc=terms.ends_utc,
        cameras=tuple(
            Camera(name=name, longitude=0.0, latitude=0.0, zone_of_recognition=_TEXT)
            for name in terms.cameras
        ),
        reasons=Reasons(**dict.fromkeys(Reasons.model_fields, _TEXT)),
        notice=Notice(exception_reason=_TEXT, signage=_TEXT),
        is_protest=False,
        officers=tuple(
            Officer(person=each.id, role=each.grants[0].role) for each in force.officers
        ),
        documents=tuple(
            Document(
                kind=each.kind,
                title=SAID,
                sha256=hashlib.sha256(f"{SAID}: {each.kind}".encode()).hexdigest(),
                issued=today,
            )
            for each in force.pack.rules.documents.required
        ),
        watchlist=watchlist.id,
        requester=force.requester.id,
        bindings=bindings,
    )

"""The application: who asks for which deployment, where, when, for whom, and why.

Everything that the authorising officer must weigh stands here, and is bound by digest into what
they sign: the frozen list, the models, the threshold and its evidence, the policy pack, and every
document.

Invariants: frozen; what is signed is :meth:`Application.sha256`; words such as the use case mean
what the policy pack says, and are checked there; a text shows what it holds, without characters
that a terminal obeys or that turn the order of reading; a time is one of UTC in whole milliseconds,
as the capability carries it.
Must not: hold anything about a listed person.
"""

import hashlib
import unicodedata
from collections import Counter
from datetime import UTC, date, datetime
from typing import Annotated, Final, Self

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    model_validator,
)

from overt.core.ids import CameraId, ContractId, DeploymentId, PersonId, Sha256, WatchlistId
from overt.deployment.place import Area, Latitude, Longitude
from overt.policy.facts import ApplicationFacts, DocumentFacts, EvaluationFacts, ListFacts
from overt.policy.roles import Role

MAX_TEXT_CHARS: Final = 4000
_UNSEEN: Final = frozenset({"Cc", "Cf", "Cs", "Zl", "Zp"})
"""Categories of characters that are not seen: a terminal obeys some, others turn the order."""
_JOINERS: Final = frozenset({"\u200c", "\u200d"})
"""Unseen, but needed to write some languages."""


def _shown(text: str) -> str:
    for character in text:
        if unicodedata.category(character) in _UNSEEN and character not in _JOINERS:
            raise ValueError("it holds a character that cannot be seen")
    return text


def _shown_lines(text: str) -> str:
    _shown(text.replace("\n", "").replace("\t", ""))
    return text


def _exact_utc(moment: datetime) -> datetime:
    try:
        moment = moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("it lies outside the years 1 to 9999 in UTC") from error
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


Word = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")]
Name = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=200),
    AfterValidator(_shown),
]
Text = Annotated[
    str,
    StringConstraints(strip_whitespace=True, max_length=MAX_TEXT_CHARS),
    AfterValidator(_shown_lines),
]
Reference = Annotated[
    str, StringConstraints(strip_whitespace=True, max_length=200), AfterValidator(_shown)
]
Utc = Annotated[AwareDatetime, AfterValidator(_exact_utc)]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
DeploymentName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9.-]{0,63}$")]
CameraName = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]


class Frozen(BaseModel):
    """What every part of a kept document has in common.

    What stands below a member is its description in the published schema.
    """

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        ser_json_inf_nan="constants",
        use_attribute_docstrings=True,
    )


class Place(Frozen):
    """Where, and what speaks for this place."""

    name: Name
    """What the public calls it."""
    area: Area
    """The polygon beyond which no camera stands."""
    rationale: Text = ""
    """Why here."""
    hotspot_evidence: Reference = ""
    """Reference of the hotspot analysis, if that is the reason."""
    intelligence_reference: Reference = ""
    """Reference of the intelligence, if that is the reason."""


class Camera(Frozen):
    """One camera: where it stands, and the zone in which it recognises faces."""

    name: CameraName
    """By which capability and run name it."""
    longitude: Longitude
    """Degrees east, WGS 84."""
    latitude: Latitude
    """Degrees north, WGS 84."""
    zone_of_recognition: Text = ""
    """Where people are recognised, in words."""


class Reasons(Frozen):
    """The statements that an authorising officer weighs; which are required, the pack says."""

    legitimate_aim: Text = ""
    """What the deployment is for."""
    necessity: Text = ""
    """Why the aim cannot be reached without it."""
    proportionality: Text = ""
    """Why the aim outweighs what it does to everybody who passes."""
    less_intrusive: Text = ""
    """What else was considered, and why it is not enough."""
    community_impact: Text = ""
    """What it means for the people who live or work there."""
    vulnerable_people: Text = ""
    """What is done for children and vulnerable people who pass."""
    protest_necessity: Text = ""
    """At a protest: why it is necessary there."""


class Notice(Frozen):
    """How the public is told: in advance, or the reason why not; and by signs."""

    published_utc: Utc | None = None
    """When the public is told; null if it is not told in advance."""
    where: Text = ""
    """Where it is told."""
    exception_reason: Text = ""
    """Why it is not told in advance."""
    signage: Text = ""
    """Where signs stand."""


class Officer(Frozen):
    """Somebody who is deployed, and as what."""

    person: Name
    """Their id in the register."""
    role: Role
    """As what they are deployed."""

    @property
    def person_id(self) -> PersonId:
        """Who, as the register names them."""
        return PersonId(self.person)


class Document(Frozen):
    """A document that the application rests on, by digest."""

    kind: Word
    """Word of the policy pack, for example ``dpia``."""
    title: Name
    """What it is called."""
    sha256: Digest
    """SHA-256 of the file."""
    issued: date
    """The day from which it is."""
    valid_until: date | None = None
    """The last day on which it holds; null if it names none."""


class Evidence(Frozen):
    """The evaluation behind the threshold; see :class:`overt.policy.facts.EvaluationFacts`."""

    contract: Name
    """The vector space that was measured."""
    measured: date
    """When."""
    n_entries: int = Field(ge=1)
    """The largest list that it speaks for, in people."""
    false_alert_one_in: int = Field(ge=1)
    """One false alert in so many strangers at ``threshold``."""
    threshold: float = Field(gt=0, lt=1)
    """The least cosine similarity that it supports at that rate."""
    source: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=300),
        AfterValidator(_shown),
    ]
    """Which evaluation."""

    def facts(self) -> EvaluationFacts:
        """Return what the rules look at."""
        return EvaluationFacts(
            ContractId(self.contract),
            self.measured,
            self.n_entries,
            self.false_alert_one_in,
            self.threshold,
        )


class Bindings(Frozen):
    """What is fixed by digest when the application is submitted."""

    policy_sha256: Digest
    """SHA-256 of the policy pack, as it was adopted."""
    watchlist_sha256: Digest
    """SHA-256 of the manifest of the frozen list."""
    contract: Name
    """The vector space of the templates."""
    detector_sha256: Digest
    """SHA-256 of the face detector."""
    threshold: float = Field(gt=0, lt=1)
    """The least cosine similarity that can raise an alert."""
    false_alert_one_in: int | None = Field(default=None, ge=1)
    """The budget that was asked for; null if the threshold was named instead."""
    repeat_within_s: int = Field(default=60, ge=0, le=86_400)
    """Repeats of one person at one camera within so many seconds are folded into one alert."""
    evidence: Evidence | None = None
    """What the threshold rests on; null if nothing."""


class Application(Frozen):
    """A whole application; see the parts."""

    deployment: DeploymentName
    """The deployment's id."""
    title: Name
    """What it is called."""
    use_case: Word
    """What it is for: word of the policy pack."""
    place: Place
    """Where."""
    starts_utc: Utc
    """From when."""
    ends_utc: Utc
    """Until when."""
    cameras: tuple[Camera, ...] = Field(min_length=1, max_length=1000)
    """The only cameras that may be used."""
    reasons: Reasons
    """What whoever authorises weighs."""
    notice: Notice
    """How the public is told."""
    is_protest: bool
    """Whether people express political views there."""
    officers: tuple[Officer, ...] = Field(max_length=1000)
    """Who is deployed."""
    documents: tuple[Document, ...] = Field(max_length=100)
    """What it rests on."""
    watchlist: Name
    """The list's id."""
    requester: Name
    """Who applies, by their id in the register."""
    bindings: Bindings
    """What it is bound to by digest."""

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if self.starts_utc >= self.ends_utc:
            raise ValueError("it ends before it begins")
        for what, names in (
            ("camera", [camera.name for camera in self.cameras]),
            ("officer", [officer.person for officer in self.officers]),
        ):
            if len(set(names)) != len(names):
                raise ValueError(f"one {what} is named twice")
        return self

    @property
    def id(self) -> DeploymentId:
        """The deployment's id."""
        return DeploymentId(self.deployment)

    @property
    def sha256(self) -> Sha256:
        """The digest that whoever authorises signs."""
        return Sha256(hashlib.sha256(self.model_dump_json().encode()).hexdigest())

    @property
    def camera_ids(self) -> tuple[CameraId, ...]:
        """The cameras by name."""
        return tuple(CameraId(camera.name) for camera in self.cameras)

    @property
    def watchlist_id(self) -> WatchlistId:
        """The list by name."""
        return WatchlistId(self.watchlist)

    def role_of(self, person: PersonId) -> Role | None:
        """Return as what somebody is deployed, or None if they are not."""
        return next((each.role for each in self.officers if each.person == person), None)

    def facts(self, watchlist: ListFacts, reused_share: float) -> ApplicationFacts:
        """Return what the rules look at."""
        place, notice, bound = self.place, self.notice, self.bindings
        texts = {
            **self.reasons.model_dump(),
            "rationale": place.rationale,
            "signage": notice.signage,
            "zone_of_recognition": min(
                (camera.zone_of_recognition for camera in self.cameras), key=len
            ),
        }
        evidence = {
            "hotspot": place.hotspot_evidence,
            "intelligence": place.intelligence_reference,
        }
        return ApplicationFacts(
            deployment=self.id,
            use_case=self.use_case,
            starts_utc=self.starts_utc,
            ends_utc=self.ends_utc,
            area_km2=place.area.km2,
            cameras=self.camera_ids,
            cameras_outside=tuple(
                CameraId(camera.name)
                for camera in self.cameras
                if not place.area.covers(camera.longitude, camera.latitude)
            ),
            n_chars={name: len(text) for name, text in texts.items()},
            rationale=frozenset(kind for kind, reference in evidence.items() if reference.strip()),
            documents=[
                DocumentFacts(each.kind, each.issued, each.valid_until) for each in self.documents
            ],
            notice_utc=notice.published_utc,
            notice_exception=bool(notice.exception_reason),
            has_signage_plan=bool(notice.signage),
            is_protest=self.is_protest,
            officers=Counter(each.role for each in self.officers),
            watchlist=watchlist,
            evaluation=bound.evidence.facts() if bound.evidence else None,
            contract=ContractId(bound.contract),
            threshold=bound.threshold,
            requester=PersonId(self.requester),
            false_alert_one_in=bound.false_alert_one_in,
            reused_share=reused_share,
        )

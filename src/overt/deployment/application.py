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
    """What every part of a kept document has in common."""

    model_config = ConfigDict(frozen=True, extra="forbid", ser_json_inf_nan="constants")


class Place(Frozen):
    """Where, and what speaks for this place.

    Attributes:
        name: what the public calls it.
        area: the polygon beyond which no camera stands.
        rationale: why here.
        hotspot_evidence: reference of the hotspot analysis, if that is the reason.
        intelligence_reference: reference of the intelligence, if that is.
    """

    name: Name
    area: Area
    rationale: Text = ""
    hotspot_evidence: Reference = ""
    intelligence_reference: Reference = ""


class Camera(Frozen):
    """One camera: where it stands, and the zone in which it recognises faces."""

    name: CameraName
    longitude: Longitude
    latitude: Latitude
    zone_of_recognition: Text = ""


class Reasons(Frozen):
    """The statements that an authorising officer weighs; which are required, the pack says."""

    legitimate_aim: Text = ""
    necessity: Text = ""
    proportionality: Text = ""
    less_intrusive: Text = ""
    community_impact: Text = ""
    vulnerable_people: Text = ""
    protest_necessity: Text = ""


class Notice(Frozen):
    """How the public is told: in advance, or the reason why not; and by signs."""

    published_utc: Utc | None = None
    where: Text = ""
    exception_reason: Text = ""
    signage: Text = ""


class Officer(Frozen):
    """Somebody who is deployed, and as what."""

    person: Name
    role: Role

    @property
    def person_id(self) -> PersonId:
        """Who, as the register names them."""
        return PersonId(self.person)


class Document(Frozen):
    """A document that the application rests on, by digest."""

    kind: Word
    title: Name
    sha256: Digest
    issued: date
    valid_until: date | None = None


class Evidence(Frozen):
    """The evaluation behind the threshold; see :class:`overt.policy.facts.EvaluationFacts`."""

    contract: Name
    measured: date
    n_entries: int = Field(ge=1)
    false_alert_one_in: int = Field(ge=1)
    threshold: float = Field(gt=0, lt=1)
    source: Annotated[
        str,
        StringConstraints(strip_whitespace=True, min_length=1, max_length=300),
        AfterValidator(_shown),
    ]

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
    """What is fixed by digest when the application is submitted.

    Attributes:
        policy_sha256: the policy pack, as it was adopted.
        watchlist_sha256: the manifest of the frozen list.
        contract: the vector space.
        detector_sha256: the face detector.
        threshold: cosine similarity.
        false_alert_one_in: the budget that was asked for; None if the threshold was named instead.
        repeat_within_s: repeats of one person at one camera within this time are folded.
        evidence: what the threshold rests on, if anything.
    """

    policy_sha256: Digest
    watchlist_sha256: Digest
    contract: Name
    detector_sha256: Digest
    threshold: float = Field(gt=0, lt=1)
    false_alert_one_in: int | None = Field(default=None, ge=1)
    repeat_within_s: int = Field(default=60, ge=0, le=86_400)
    evidence: Evidence | None = None


class Application(Frozen):
    """A whole application; see the parts."""

    deployment: DeploymentName
    title: Name
    use_case: Word
    place: Place
    starts_utc: Utc
    ends_utc: Utc
    cameras: tuple[Camera, ...] = Field(min_length=1, max_length=1000)
    reasons: Reasons
    notice: Notice
    is_protest: bool
    officers: tuple[Officer, ...] = Field(max_length=1000)
    documents: tuple[Document, ...] = Field(max_length=100)
    watchlist: Name
    requester: Name
    bindings: Bindings

    @model_validator(mode="after")
    def _holds_together(self) -> Self:
        if self.starts_utc >= self.ends_utc:
            raise ValueError("it ends before it begins")
        for what, names in (
            ("camera", [camera.name for camera in self.cameras]),
            ("officer", [officer.person for officer in self.officers]),
        ):
            if len(set(names)) != len(names):
                raise ValueError(f"a {what} is named twice")
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

"""What the rules are asked about: plain facts, made by those who hold the things themselves.

Policy stands below deployments, watchlists and alerts and must not know them, so each hands over
what a rule may look at and nothing more.

Invariants: frozen; times are timezone-aware; no fact holds the name, the picture or the template of
a listed person.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from enum import StrEnum

from overt.core.ids import CameraId, ContractId, DeploymentId, PersonId, WatchlistId
from overt.policy.roles import Role


class Route(StrEnum):
    """By which route an authority is given."""

    ORDINARY = "ordinary"
    URGENT = "urgent"


@dataclass(frozen=True, slots=True)
class DocumentFacts:
    """A document that an application rests on; ``valid_until`` None if it names no end."""

    kind: str
    issued: date
    valid_until: date | None = None


@dataclass(frozen=True, slots=True)
class EvaluationFacts:
    """What the evidence for the threshold covers.

    Attributes:
        contract: the vector space that was measured.
        measured: when.
        n_entries: the largest list it speaks for.
        false_alert_one_in: how rare false alerts are at ``threshold``.
        threshold: cosine similarity, the least that the evidence supports at that rate.
    """

    contract: ContractId
    measured: date
    n_entries: int
    false_alert_one_in: int
    threshold: float


@dataclass(frozen=True, slots=True)
class ListFacts:
    """What the rules may know of a frozen list.

    Attributes:
        watchlist: its id.
        n_entries: people on it.
        categories: how many people in each category.
        made_utc: when its first row was imported.
        n_unconfirmed: entries not confirmed as still wanted within the window.
        n_undecided_pairs: likely duplicates or kin on which nobody has decided.
        n_without_named_authority: entries that need authority by name and have none.
        earliest_held_until: when the first picture may no longer be held; None if no row says.
    """

    watchlist: WatchlistId
    n_entries: int
    categories: Mapping[str, int]
    made_utc: datetime
    n_unconfirmed: int = 0
    n_undecided_pairs: int = 0
    n_without_named_authority: int = 0
    earliest_held_until: date | None = None


@dataclass(frozen=True, slots=True)
class EntryFacts:
    """What the rules may know of one entry; all from the row, nothing guessed.

    Attributes:
        category, image_source: words of the pack.
        filled: names of the row's fields that are not blank (see ``watchlist/grounds.py``).
        sensitivities: words such as ``victim``, ``pregnant``.
        image_date: of the newest picture.
        held_until: until when the picture may be held.
        expires_utc: from when the entry is no longer compared.
        age_years: at ``today``; None if no date of birth is known.
        named_authority: rank of whoever approved this person by name; None if nobody did.
        today: the day on which the question is asked.
    """

    category: str
    image_source: str
    filled: frozenset[str]
    today: date
    sensitivities: tuple[str, ...] = ()
    image_date: date | None = None
    held_until: date | None = None
    expires_utc: datetime | None = None
    age_years: int | None = None
    named_authority: str | None = None


@dataclass(frozen=True, slots=True)
class ApplicationFacts:
    """What the rules may know of an application.

    Attributes:
        use_case: word of the pack.
        starts_utc, ends_utc: the window.
        area_km2: of the polygon.
        cameras: by name.
        cameras_outside: cameras whose place lies outside the polygon.
        n_chars: length of each statement, by the field's name (``necessity``, ``legitimate_aim``,
            ``proportionality``, ``less_intrusive``, ``community_impact``, ``vulnerable_people``,
            ``protest_necessity``, …); 0 or absent if blank.
        rationale: kinds of evidence for the place: ``hotspot``, ``intelligence``.
        documents: what it rests on.
        notice_utc: when the public is told; None if it is not told in advance.
        notice_exception: whether a reason for telling nobody in advance is given.
        has_signage_plan: whether signs are planned.
        is_protest: whether a protest or event with political expression is under way there.
        officers: how many officers are named, by role.
        watchlist: the frozen list.
        evaluation: the evidence for the threshold, if there is any.
        contract: the vector space to be used.
        threshold: cosine similarity to be used.
        false_alert_one_in: the budget that was asked for; None if the threshold was named instead.
        requester: who applies.
    """

    deployment: DeploymentId
    use_case: str
    starts_utc: datetime
    ends_utc: datetime
    area_km2: float
    cameras: tuple[CameraId, ...]
    cameras_outside: tuple[CameraId, ...]
    n_chars: Mapping[str, int]
    rationale: frozenset[str]
    documents: Sequence[DocumentFacts]
    notice_utc: datetime | None
    notice_exception: bool
    has_signage_plan: bool
    is_protest: bool
    officers: Mapping[Role, int]
    watchlist: ListFacts
    evaluation: EvaluationFacts | None
    contract: ContractId
    threshold: float
    requester: PersonId
    reused_share: float = 0.0
    """Share of the list that another place's list has too, 0 to 1; see rule ``list-reuse``."""
    false_alert_one_in: int | None = None


@dataclass(frozen=True, slots=True)
class SignerFacts:
    """Somebody who signs.

    Attributes:
        person: who.
        rank: word of the pack.
        organisation: whom they work for.
        independent: whether the register says that they are independent of the force.
    """

    person: PersonId
    rank: str
    organisation: str
    independent: bool = False


@dataclass(frozen=True, slots=True)
class AuthorityFacts:
    """An authority that somebody is about to give, or has given.

    Attributes:
        route: ordinary or urgent.
        requester: who applied.
        signer: who signs.
        cosigner: who co-signs, if anybody.
        is_protest: as in the application.
        issued_utc: when it is signed.
        starts_utc, ends_utc: the window that is authorised.
        urgency_reason: whether a reason for the urgent route is given.
    """

    route: Route
    requester: SignerFacts
    signer: SignerFacts
    cosigner: SignerFacts | None
    is_protest: bool
    issued_utc: datetime
    starts_utc: datetime
    ends_utc: datetime
    urgency_reason: bool = False


@dataclass(frozen=True, slots=True)
class ForgetFacts:
    """When it was last searched on this machine for what should be forgotten, and what was found.

    Attributes:
        tested_utc: when.
        n_runs: strangers who passed.
        n_found: how often something of them was found.
        n_planted: copies that were planted, to try the search itself.
        n_planted_found: how many of those were found.
        is_same_software: whether the models and settings were those that are used now.
    """

    tested_utc: datetime
    n_runs: int
    n_found: int
    n_planted: int
    n_planted_found: int
    is_same_software: bool = True


@dataclass(frozen=True, slots=True)
class ReadinessFacts:
    """What must be so before a deployment goes live.

    Attributes:
        now_utc: when the question is asked.
        starts_utc, ends_utc: the authorised window.
        present: officers checked in, by role; each counted once, in one role.
        signs_confirmed_utc: when somebody said that the signs stand; None if nobody did.
        watchlist: the list as it stands now.
        evaluation: the evidence for the threshold.
        contract, threshold: as authorised.
        forgetting: the last test of forgetting; None if there was none.
    """

    now_utc: datetime
    starts_utc: datetime
    ends_utc: datetime
    present: Mapping[Role, int]
    signs_confirmed_utc: datetime | None
    watchlist: ListFacts
    evaluation: EvaluationFacts | None
    contract: ContractId
    threshold: float
    forgetting: ForgetFacts | None = None


@dataclass(frozen=True, slots=True)
class ReviewFacts:
    """An adjudication that somebody is about to give.

    Attributes:
        reviewer: who.
        earlier: who adjudicated before, in order; empty for the first.
        seen_earlier: whether the reviewer was shown an earlier adjudication.
    """

    reviewer: PersonId
    earlier: tuple[PersonId, ...] = ()
    seen_earlier: bool = False


@dataclass(frozen=True, slots=True)
class ClosingFacts:
    """What must be so before a deployment is closed.

    Attributes:
        n_chars: length of each statement of the cancellation report, by field.
        ended_utc: when it ended.
        now_utc: when the question is asked.
        n_open_alerts: alerts without a final state.
        n_open_runs: runs that are still open.
    """

    n_chars: Mapping[str, int] = field(default_factory=dict)
    ended_utc: datetime | None = None
    now_utc: datetime | None = None
    n_open_alerts: int = 0
    n_open_runs: int = 0

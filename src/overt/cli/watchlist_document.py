"""What ``overt watchlist show --json`` prints; ``docs/specs/watchlist.schema.json`` is made of it.

Invariants: no picture, template or similarity; what is said of a person stands in ``details``, and
that is there only for somebody who may read the list. The rest is what the manifest says too.
"""

from datetime import date, datetime
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field

from overt.watchlist.decisions import (
    Approval,
    Confirmation,
    EntryState,
    ImportRecord,
    LikelyPair,
    ListState,
    PairDecision,
    Step,
    Withdrawal,
)
from overt.watchlist.stored import EntryCard

Count: TypeAlias = Annotated[int, Field(ge=0)]
Digest: TypeAlias = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]


class _Shown(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class MeasuredQuality(_Shown):
    """What one measure found of one reference picture."""

    measure: str
    value: float
    verdict: Literal["good", "poor"]


class EntryDetails(_Shown):
    """What the list says of a person: names and grounds, and how good the pictures are.

    Attributes:
        warnings: what was told when the row was imported: of the pictures, and of the rules.
        quality: for each reference, what was measured.
    """

    name: str
    lawful_basis: str
    source_system: str
    source_reference: str
    reason_here: str
    requester: str
    image_source: str
    image_date: date | None
    held_until: date | None
    risk_markers: tuple[str, ...]
    officer_warnings: tuple[str, ...]
    instructions: str
    date_of_birth: date | None
    sensitivities: tuple[str, ...]
    response_plan: str
    warnings: tuple[str, ...]
    quality: tuple[tuple[MeasuredQuality, ...], ...]


class EntryDocument(_Shown):
    """One person of a list; ``details`` is null for whoever may not read the list."""

    entry_id: str
    state: EntryState
    category: str | None
    expires_utc: datetime | None
    kin_group: str | None
    n_references: Count
    n_warnings: Count
    needs_named_authority: bool
    grounds_sha256: Digest | None
    details: EntryDetails | None


class ListStanding(_Shown):
    """How a list stands, in counts."""

    n_by_category: dict[str, Count]
    n_by_state: dict[str, Count]
    n_with_warnings: Count
    n_undecided_pairs: Count
    n_without_named_authority: Count
    n_unconfirmed: Count
    earliest_held_until: date | None


class LifeDocument(_Shown):
    """Everything that was decided on a list, by whom and when."""

    state: ListState
    version: Count
    made_utc: datetime
    frozen_utc: datetime | None
    policy_sha256: Digest
    policy_id: str | None
    policy_version: str | None
    imported: ImportRecord
    pairs: tuple[LikelyPair, ...]
    pairs_complete: bool
    decisions: tuple[PairDecision, ...]
    approvals: tuple[Approval, ...]
    confirmations: tuple[Confirmation, ...]
    withdrawals: tuple[Withdrawal, ...]
    steps: tuple[Step, ...]


class ListDocument(_Shown):
    """One list.

    Attributes:
        name: under which it is kept.
        sha256: names its manifest.
        contract: the models of its templates; null once it was purged.
        life: null for a list from before lists had one.
        standing, entries: null unless the list was asked for by name and can be read.
    """

    name: str
    sha256: Digest
    contract: str | None
    n_entries: Count
    life: LifeDocument | None
    standing: ListStanding | None = None
    entries: tuple[EntryDocument, ...] | None = None


class UnfinishedImport(_Shown):
    """An import that was interrupted: start it again, or purge it."""

    name: str
    started_utc: datetime


class WatchlistsDocument(_Shown):
    """What ``overt watchlist show --json`` prints."""

    format: Literal["overt-watchlist-show/1"] = "overt-watchlist-show/1"
    watchlists: tuple[ListDocument, ...]
    unfinished_imports: tuple[UnfinishedImport, ...] = ()


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema that is published."""
    schema = WatchlistsDocument.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **schema}


def entry_document(
    card: EntryCard, state: EntryState, *, needs_named_authority: bool, with_details: bool
) -> EntryDocument:
    """Return one person of a list, as whoever asks may see them."""
    enrolment = card.enrolment
    return EntryDocument(
        entry_id=card.entry,
        state=state,
        category=None if card.grounds is None else card.grounds.category,
        expires_utc=card.expires_utc,
        kin_group=card.kin_group,
        n_references=len(card.references),
        n_warnings=0 if enrolment is None else len(enrolment.warnings),
        needs_named_authority=needs_named_authority,
        grounds_sha256=card.grounds_sha256,
        details=_details(card) if with_details else None,
    )


def _details(card: EntryCard) -> EntryDetails | None:
    if card.grounds is None:
        return None
    said = card.grounds.to_json()
    del said["category"]
    enrolment = card.enrolment
    quality = () if enrolment is None else enrolment.quality
    return EntryDetails.model_validate(
        {
            "name": card.label,
            **said,
            "warnings": () if enrolment is None else enrolment.warnings,
            "quality": [
                [
                    {"measure": f.measure, "value": f.value_milli / 1000, "verdict": f.verdict}
                    for f in findings
                ]
                for findings in quality
            ],
        }
    )

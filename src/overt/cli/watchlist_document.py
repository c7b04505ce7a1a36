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

    measure: str = Field(description="What was measured, and its unit.")
    value: float = Field(description="In that unit.")
    verdict: Literal["good", "poor"] = Field(description="What this measure makes of the picture.")


class EntryDetails(_Shown):
    """What the list says of a person: names and grounds, and how good the pictures are."""

    name: str = Field(description="What the officer sees.")
    lawful_basis: str = Field(description="The power or order.")
    source_system: str = Field(description="Where the record is kept.")
    source_reference: str = Field(description="The person's id there.")
    reason_here: str = Field(description="Why the person is looked for at this place.")
    requester: str = Field(description="Who asked for the entry.")
    image_source: str = Field(description="Word of the policy pack.")
    image_date: date | None = Field(description="When the newest picture was taken.")
    held_until: date | None = Field(description="The last day on which pictures may be held.")
    risk_markers: tuple[str, ...] = Field(description="To be known before an approach.")
    officer_warnings: tuple[str, ...] = Field(description="Further warnings for the officer.")
    instructions: str = Field(description="What the officer should do.")
    date_of_birth: date | None = Field(description="From the record, never guessed.")
    sensitivities: tuple[str, ...] = Field(description="Words of the policy pack.")
    response_plan: str = Field(description="The safeguarding response.")
    warnings: tuple[str, ...] = Field(
        description="What was told at the import, of the pictures and by the rules."
    )
    quality: tuple[tuple[MeasuredQuality, ...], ...] = Field(
        description="For each reference picture, what was measured."
    )


class EntryDocument(_Shown):
    """One person of a list."""

    entry_id: str = Field(description="Opaque; what alerts and the record carry.")
    state: EntryState = Field(description="Whether the person may be compared, or why not.")
    category: str | None = Field(description="Word of the policy pack.")
    expires_utc: datetime | None = Field(description="From then on the entry is not compared.")
    kin_group: str | None = Field(description="Shared by kin, and by entries of one person.")
    n_references: Count = Field(description="Reference pictures.")
    n_warnings: Count = Field(description="What those who decide should look at.")
    needs_named_authority: bool = Field(
        description="Whether the pack asks for authority by name, and nobody gave it."
    )
    grounds_sha256: Digest | None = Field(
        description="Commits to name and grounds, as the manifest does."
    )
    details: EntryDetails | None = Field(
        description="Null for whoever may not read the list, or did not say who they are."
    )


class ListStanding(_Shown):
    """How a list stands, in counts."""

    n_by_category: dict[str, Count] = Field(description="People in each category.")
    n_by_state: dict[str, Count] = Field(description="People in each state.")
    n_with_warnings: Count = Field(description="People of whom something was warned.")
    n_undecided_pairs: Count = Field(description="Pairs that look alike and are undecided.")
    n_without_named_authority: Count = Field(description="People who need it and have none.")
    n_unconfirmed: Count = Field(description="People not confirmed within the pack's window.")
    earliest_held_until: date | None = Field(description="When the first picture must be gone.")


class LifeDocument(_Shown):
    """Everything that was decided on a list, by whom and when."""

    state: ListState = Field(description="Where it stands.")
    version: Count = Field(description="How many steps were taken.")
    made_utc: datetime = Field(description="When the first row of what it holds was imported.")
    frozen_utc: datetime | None = Field(description="When it was frozen; null if it is not.")
    policy_sha256: Digest = Field(description="The pack that its rows were checked under.")
    policy_id: str | None = Field(description="Of that pack; null if it is not here.")
    policy_version: str | None = Field(description="Of that pack; null if it is not here.")
    imported: ImportRecord = Field(description="The last import.")
    pairs: tuple[LikelyPair, ...] = Field(description="Who looks alike, as that import found.")
    pairs_complete: bool = Field(description="Whether those are all.")
    decisions: tuple[PairDecision, ...] = Field(description="On pairs, in order.")
    approvals: tuple[Approval, ...] = Field(description="Authority by name, in order.")
    confirmations: tuple[Confirmation, ...] = Field(description="Answers of the source, in order.")
    withdrawals: tuple[Withdrawal, ...] = Field(description="Who is not looked for any more.")
    steps: tuple[Step, ...] = Field(description="Everything that happened, in order.")


class ListDocument(_Shown):
    """One list."""

    name: str = Field(description="Under which it is kept.")
    sha256: Digest = Field(description="Names its manifest.")
    contract: str | None = Field(
        description="The vector space of its templates; null once it was purged."
    )
    n_entries: Count = Field(description="People in the manifest.")
    life: LifeDocument | None = Field(description="Null for a list from before lists had one.")
    standing: ListStanding | None = Field(
        default=None, description="Null unless the list was asked for by name and can be read."
    )
    entries: tuple[EntryDocument, ...] | None = Field(
        default=None, description="Null unless the list was asked for by name and can be read."
    )


class UnfinishedImport(_Shown):
    """An import that was interrupted: start it again, or purge it."""

    name: str = Field(description="The list that it is for.")
    started_utc: datetime = Field(description="When it was first begun.")


class WatchlistsDocument(_Shown):
    """What ``overt watchlist show --json`` prints."""

    format: Literal["overt-watchlist-show/1"] = "overt-watchlist-show/1"
    watchlists: tuple[ListDocument, ...] = Field(description="Every list, or the one asked for.")
    unfinished_imports: tuple[UnfinishedImport, ...] = Field(
        default=(), description="Imports that were interrupted; told where no list is asked for."
    )


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

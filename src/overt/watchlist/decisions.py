"""What can happen to a list, and what people decide on it; the parts of its life.

Invariants: frozen; every decision says by whom and when.
Must not: hold a name, a picture, a template, a similarity or grounds: entry ids, ids of those who
acted, words and counts are all there is.
"""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, Final, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, StringConstraints, model_validator

MAX_PAIRS: Final = 20_000
"""Alike pairs that are kept for a decision; nobody decides on more, one by one."""

Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Entry = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,64}$")]


class Frozen(BaseModel):
    """What every part of a kept document has in common."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class ListState(StrEnum):
    """Where a list is in its life."""

    DRAFT = "draft"
    FROZEN = "frozen"
    PURGED = "purged"


class ListEvent(StrEnum):
    """What can happen to a list."""

    IMPORTED = "imported"
    PAIR_DECIDED = "pair-decided"
    ENTRY_APPROVED = "entry-approved"
    FROZEN = "frozen"
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"
    REOPENED = "reopened"
    PURGED = "purged"


class Relation(StrEnum):
    """What two people who look alike are to each other."""

    SAME_PERSON = "same"
    KIN = "kin"
    DIFFERENT = "different"


class WithdrawalReason(StrEnum):
    """Why somebody is not looked for any more; a closed list, so that no name can stand in it."""

    ARRESTED = "arrested"
    FOUND = "found"
    NO_LONGER_WANTED = "no-longer-wanted"
    NOT_CONFIRMED = "not-confirmed"
    ERROR = "error"


class EntryState(StrEnum):
    """Where one person of the list stands."""

    WAITING = "waiting"
    """The list is not frozen."""
    UNCONFIRMED = "unconfirmed"
    CONFIRMED = "confirmed"
    WITHDRAWN = "withdrawn"
    EXPIRED = "expired"


class Step(Frozen):
    """One step of the list's life."""

    number: int = Field(ge=1, description="Counts from 1, without a gap.")
    event: ListEvent = Field(description="What happened.")
    state: ListState = Field(description="Where the list stood then.")
    by: Name | None = Field(
        description="Id of the person who took the step; null when the list's period was over."
    )
    at_utc: AwareDatetime = Field(description="When; never before the step before.")


class ImportRecord(Frozen):
    """The import that the list came from."""

    sha256: Digest = Field(
        description="Over every row, its pictures, the models, the limits of quality and the "
        "policy pack: the same import again is known by it."
    )
    policy_sha256: Digest = Field(description="The pack that the rows were checked under.")
    n_accepted: int = Field(ge=0, description="Rows that were accepted.")
    n_refused: int = Field(ge=0, description="Rows that were refused.")


class LikelyPair(Frozen):
    """Two entries that look alike, for a person to decide on."""

    a: Entry = Field(description="The entry whose id comes first.")
    b: Entry = Field(description="The other.")
    likely: Relation = Field(description="What their likeness suggests.")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.a >= self.b:
            raise ValueError("a pair is named in the order of its ids")
        return self


class PairDecision(Frozen):
    """What somebody decided on a pair; the last decision on it counts."""

    a: Entry = Field(description="The entry whose id comes first.")
    b: Entry = Field(description="The other.")
    relation: Relation = Field(description="What they are to each other.")
    by: Name = Field(description="Id of the person who decided.")
    at_utc: AwareDatetime = Field(description="When.")


class Approval(Frozen):
    """Authority by name for one entry, on these grounds: it goes when they change."""

    entry: Entry = Field(description="For whom.")
    grounds_sha256: Digest = Field(description="Commits to name and grounds, as the manifest does.")
    by: Name = Field(description="Id of the person who gave it.")
    rank: Name = Field(description="Their rank then.")
    organisation: Name = Field(description="Whom they worked for then.")
    at_utc: AwareDatetime = Field(description="When.")


class Confirmation(Frozen):
    """The source's answer to "still wanted?"."""

    by: Name = Field(description="Id of the person who asked the source.")
    step: int = Field(
        ge=1, description="Number of the step; an answer is about the list as frozen before it."
    )
    at_utc: AwareDatetime = Field(description="When.")
    entries: tuple[Entry, ...] | None = Field(
        default=None, description="Who is; null for everybody but those absent."
    )
    absent: tuple[Entry, ...] = Field(
        default=(),
        description="Whom the source was asked about and did not name: no earlier answer counts.",
    )


class Withdrawal(Frozen):
    """Somebody is not looked for any more, for good."""

    entry: Entry = Field(description="Who.")
    reason: WithdrawalReason = Field(description="Why.")
    by: Name = Field(description="Id of the person who withdrew them.")
    at_utc: AwareDatetime = Field(description="When.")


class FrozenFacts(Frozen):
    """What the rules may know of everybody on a list, as it stood when it was frozen.

    Kept so that a deployment can be decided on without decrypting the list; the manifest does not
    change any more.

    Attributes:
        policy_sha256: the pack under which it was frozen.
        categories: how many people in each category.
        n_without_named_authority: who need authority by name and have none.
        earliest_held_until: when the first picture may no longer be held; None if no row says.
    """

    policy_sha256: Digest
    categories: Mapping[str, int]
    n_without_named_authority: int = Field(ge=0)
    earliest_held_until: date | None

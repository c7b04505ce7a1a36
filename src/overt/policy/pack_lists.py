"""Rules on the list as a whole, on who may be on it, and on whose authority."""

from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import Field, Strict

from overt.policy.pack_base import (
    Hours,
    Line,
    Part,
    Rule,
    Table,
    Word,
    Words,
)
from overt.policy.phrases import a, counted, either, listing, words

EntryField: TypeAlias = Literal[
    "category",
    "lawful_basis",
    "source_system",
    "source_reference",
    "reason_here",
    "requester",
    "image_source",
    "image_date",
    "held_until",
    "risk_markers",
    "officer_warnings",
    "instructions",
    "date_of_birth",
    "sensitivities",
    "response_plan",
]
"""The fields of an entry that a pack can require; a test keeps them those of the watchlist."""

EntryFields = Annotated[tuple[EntryField, ...], Strict(strict=False), Field(max_length=20)]


def _fields(names: EntryFields) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"


class ListSizeRule(Rule):
    """How many people a list may hold.

    Attributes:
        max_entries: at most.
    """

    id: ClassVar = "list-size"
    title: ClassVar = "Size of a list"
    max_entries: Annotated[int, Field(ge=1, le=1_000_000)]

    def statement(self) -> str:
        """See :meth:`Rule.statement`."""
        return f"A list holds at least one person and at most {self.max_entries:,}."


class ListAgeRule(Rule):
    """How old a list may be.

    Attributes:
        max_h_before_start: made at most so long before the start.
    """

    id: ClassVar = "list-age"
    title: ClassVar = "Age of a list"
    max_h_before_start: Hours

    def statement(self) -> str:
        """See :meth:`Rule.statement`."""
        return (
            "A list is made for its deployment, at most "
            f"{counted(self.max_h_before_start, 'hour')} before the start."
        )


class ListFreshnessRule(Rule):
    """Whether the people are still wanted.

    Attributes:
        within_h: confirmed for each entry within so long before going live.
    """

    id: ClassVar = "list-freshness"
    title: ClassVar = "Still wanted"
    within_h: Hours

    def statement(self) -> str:
        """See :meth:`Rule.statement`."""
        return (
            "For every entry it is confirmed against the source, within the "
            f"{counted(self.within_h, 'hour')} before going live, that the person is still looked "
            "for."
        )


class Category(Part):
    """Why somebody may be looked for.

    Attributes:
        id: the word that an entry carries.
        title: what it means.
        required_fields: what an entry of it never goes without.
        for_safeguarding: whether somebody of it can be found to be looked after, being missing or
            vulnerable, rather than to be held to account.
    """

    id: Word
    title: Line
    required_fields: EntryFields
    for_safeguarding: bool = False


class ListCategoriesRule(Rule):
    """The closed list of categories."""

    id: ClassVar = "list-categories"
    title: ClassVar = "Who may be on a list"
    categories: Annotated[
        tuple[Category, ...], Strict(strict=False), Field(min_length=1, max_length=50)
    ]

    def statement(self) -> str:
        """See :meth:`Rule.statement`."""
        n = len(self.categories)
        return (
            f"Everybody on a list belongs to one of {n:,} {'category' if n == 1 else 'categories'},"
            " and the entry has every field that its category requires."
        )

    def table(self) -> Table:
        """See :meth:`Rule.table`."""
        rows = tuple(
            (
                f"`{c.id}`",
                c.title,
                _fields(c.required_fields),
                "yes" if c.for_safeguarding else "no",
            )
            for c in self.categories
        )
        return Table(("Category", "Meaning", "Required fields", "Can be safeguarded"), rows)

    def find(self, category: str) -> Category | None:
        """Return the category of this id, or None if there is none."""
        return next((each for each in self.categories if each.id == category), None)


class ListReuseRule(Rule):
    """Lists that are used again elsewhere.

    Attributes:
        warn_share: from this share of people in common on, 0 to 1, whoever decides is told.
    """

    id: ClassVar = "list-reuse"
    title: ClassVar = "The same list elsewhere"
    warn_share: Annotated[float, Field(gt=0, le=1)]

    def statement(self) -> str:
        """See :meth:`Rule.statement`."""
        return (
            f"If {self.warn_share * 100:g} % or more of a list was on the list of another place, "
            "whoever authorises is told so: a list is made for its place."
        )


class EntryExpiryRule(Rule):
    """Whether entries end of themselves.

    Attributes:
        required: whether every entry names an end.
    """

    id: ClassVar = "entry-expiry"
    title: ClassVar = "Expiry of an entry"
    required: bool

    def statement(self) -> str:
        """See :meth:`Rule.statement`."""
        must = either(self.required, "has to name", "may name")
        return (
            f"An entry {must} the time from which its person is not looked for any more. An entry "
            "whose time has passed is refused."
        )


class NamedAuthorityRule(Rule):
    """Who is on a list only with authority by name.

    Attributes:
        minimum_rank: the lowest rank that gives it.
        every_entry: whether everybody needs it.
        categories: categories that need it.
        sensitivities: the closed list of sensitivities, each of which needs it.
    """

    id: ClassVar = "named-authority"
    title: ClassVar = "Authority by name"
    minimum_rank: Word
    every_entry: bool
    categories: Words
    sensitivities: Words

    def statement(self) -> str:
        """See :meth:`Rule.statement`."""
        who = either(
            self.every_entry,
            "Every person on a list",
            "A person of a category or sensitivity named here",
        )
        return (
            f"{who} needs authority by name, given by {a(self.minimum_rank)} or above. "
            f"Categories: {words(self.categories)}. Sensitivities: {words(self.sensitivities)}; "
            "no others are known."
        )


class AgeTier(Part):
    """What holds for people under an age.

    Attributes:
        under: years.
        minimum_rank: the lowest rank that authorises them by name.
        categories: the only ones in which they may be on a list.
        required_fields: what their entry never goes without.
    """

    under: Annotated[int, Field(ge=1, le=25)]
    minimum_rank: Word
    categories: Words
    required_fields: EntryFields


class ChildrenRule(Rule):
    """Children on a list.

    Attributes:
        sensitivity: the word that marks a child; one whose age is not known is treated as
            belonging to the youngest tier.
        tiers: youngest first.
    """

    id: ClassVar = "children"
    title: ClassVar = "Children"
    sensitivity: Word
    tiers: Annotated[tuple[AgeTier, ...], Strict(strict=False), Field(min_length=1, max_length=10)]

    def statement(self) -> str:
        """See :meth:`Rule.statement`."""
        ages = listing((f"under {tier.under}" for tier in self.tiers), "and")
        return (
            f"Children ({ages}) are on a list only with authority by name and within the limits "
            f"of their tier. An entry marked {self.sensitivity} without a date of birth is treated "
            "as of the youngest tier. Age comes from the record and is never guessed."
        )

    def table(self) -> Table:
        """See :meth:`Rule.table`."""
        rows = tuple(
            (
                f"under {tier.under}",
                f"{a(tier.minimum_rank)} or above",
                words(tier.categories, "or"),
                _fields(tier.required_fields),
            )
            for tier in self.tiers
        )
        return Table(("Age in years", "Authority by name", "Only as", "Required fields"), rows)

    def tier_of(self, age_years: int | None, sensitivities: tuple[str, ...]) -> AgeTier | None:
        """Return the tier of somebody of this age, or None if they are no child."""
        if age_years is None:
            return self.tiers[0] if self.sensitivity in sensitivities else None
        return next((tier for tier in self.tiers if age_years < tier.under), None)


class DuplicatesRule(Rule):
    """Likely duplicates and kin.

    Attributes:
        decided_before_freezing: whether each has to be decided on first.
    """

    id: ClassVar = "duplicates"
    title: ClassVar = "Duplicates and kin"
    decided_before_freezing: bool

    def statement(self) -> str:
        """See :meth:`Rule.statement`."""
        must = either(self.decided_before_freezing, "decides", "may decide")
        return (
            "The list is compared with itself. Somebody "
            f"{must} on every pair that is likely to be one person twice, or kin, before the list "
            "is frozen."
        )

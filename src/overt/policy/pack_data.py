"""Rules on how long data is kept and what is published."""

from datetime import datetime, timedelta
from enum import StrEnum
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import Field, Strict, field_validator

from overt.core.errors import InputError
from overt.policy.pack_base import Days, FieldName, Line, Part, Rule, Table
from overt.policy.phrases import counted, either


class DataKind(StrEnum):
    """Every kind of data for which a pack names a period."""

    NON_ALERT = "non-alert"
    ALERT = "alert"
    PICTURE = "picture"
    WATCHLIST = "watchlist"
    IMPORT_MEDIUM = "import-medium"
    TEMPLATE = "template"
    RECORDING = "recording"
    CASE = "case"
    ACCOUNT = "account"
    MEMBERSHIP = "membership"
    AUDIT = "audit"


Moment: TypeAlias = Literal[
    "capture",
    "alert",
    "deployment-end",
    "deployment-closed",
    "case-closed",
    "account-closed",
    "recorded",
]


class Retention(Part):
    """How long one kind of data is kept.

    Attributes:
        kind: of data.
        title: what it is.
        amount: of units; 0 for not at all.
        unit: of the amount.
        counted_from: since when.
    """

    kind: Annotated[DataKind, Strict(strict=False)]
    title: Line
    amount: Annotated[int, Field(ge=0, le=10_000)]
    unit: Literal["hours", "days", "years"]
    counted_from: Moment

    @property
    def is_immediate(self) -> bool:
        """Whether nothing is kept at all."""
        return self.amount == 0

    def due_utc(self, since_utc: datetime) -> datetime:
        """Return from when it must be gone, counted from ``since_utc``.

        A year ends on the same day of the calendar, or on 28 February; beyond the calendar's end
        it is that end.
        """
        try:
            if self.unit == "years":
                return _years_later(since_utc, self.amount)
            return since_utc + timedelta(**{self.unit: self.amount})
        except (OverflowError, ValueError):
            return datetime.max.replace(tzinfo=since_utc.tzinfo)

    def period(self) -> str:
        """Return the period as the document says it."""
        since = f"after {_MOMENTS[self.counted_from]}"
        if self.is_immediate:
            return f"at once (0 {self.unit}) {since}"
        return f"{counted(self.amount, self.unit.removesuffix('s'))} {since}"


_MOMENTS: dict[Moment, str] = {
    "capture": "capture",
    "alert": "the alert",
    "deployment-end": "the deployment's end",
    "deployment-closed": "the deployment was closed",
    "case-closed": "the case was closed",
    "account-closed": "the account was closed",
    "recorded": "it was recorded",
}


def _years_later(moment: datetime, n_years: int) -> datetime:
    year = moment.year + n_years
    if (moment.month, moment.day) == (2, 29):
        return moment.replace(year=year, day=28)
    return moment.replace(year=year)


class RetentionRule(Rule):
    """How long everything is kept.

    Attributes:
        periods: one for each kind of data.
        hold_max_days: how long evidence or a complaint can hold data beyond its period, each time.
    """

    id: ClassVar = "retention"
    title: ClassVar = "How long data is kept"
    periods: Annotated[tuple[Retention, ...], Strict(strict=False)]
    hold_max_days: Days

    @field_validator("periods")
    @classmethod
    def _every_kind_once(cls, periods: tuple[Retention, ...]) -> tuple[Retention, ...]:
        kinds = [each.kind for each in periods]
        missing = sorted(set(DataKind) - set(kinds))
        if missing:
            raise ValueError(f"there is no period for {', '.join(missing)}")
        if len(set(kinds)) != len(kinds):
            raise ValueError("a kind of data has two periods")
        return periods

    def statement(self) -> str:
        """See :meth:`Rule.statement`."""
        return (
            "Data is deleted when its period ends, by the machine, with a receipt. Evidence or a "
            "complaint can hold it longer, by a named decision that ends of itself after at most "
            f"{counted(self.hold_max_days, 'day')}."
        )

    def table(self) -> Table:
        """See :meth:`Rule.table`."""
        rows = tuple((each.title, f"`{each.kind}`", each.period()) for each in self.periods)
        return Table(("Data", "Kind", "Deleted"), rows)

    def of(self, kind: str) -> Retention:
        """Return the period for a kind of data.

        Raises:
            InputError: there is no such kind.
        """
        found = next((each for each in self.periods if each.kind == kind), None)
        if found is None:
            raise InputError("The policy knows no such kind of data.")
        return found


class PublishedField(Part):
    """One column of the public record."""

    id: FieldName
    title: Line


class Notification(Part):
    """An authority that is told of every use."""

    authority: Line
    within_days: Days


class PublicationRule(Rule):
    """What the public is told afterwards; beforehand is the rule ``notice``.

    Attributes:
        after_days: the result is published so long after the end.
        annual_report: whether there is one.
        suppress_below: counts of people below it are not published in a breakdown.
        columns: what is published of each deployment.
        notify: authorities that are told of every use.
    """

    id: ClassVar = "publication"
    title: ClassVar = "Publication"
    after_days: Days
    annual_report: bool
    suppress_below: Annotated[int, Field(ge=1, le=100)]
    columns: Annotated[
        tuple[PublishedField, ...], Strict(strict=False), Field(min_length=1, max_length=100)
    ]
    notify: Annotated[tuple[Notification, ...], Strict(strict=False), Field(max_length=20)]

    def statement(self) -> str:
        """See :meth:`Rule.statement`."""
        told = " ".join(
            f"{each.authority} is told of every use within {counted(each.within_days, 'day')}."
            for each in self.notify
        )
        annual = either(
            self.annual_report,
            "There is an annual report.",
            "An annual report is not required.",
        )
        return (
            f"The result is published within {counted(self.after_days, 'day')} of the end; what is "
            "published beforehand is the notice to the public. In a breakdown, a count of people "
            f"below {self.suppress_below} is not published. {annual} {told}"
        ).rstrip()

    def table(self) -> Table:
        """See :meth:`Rule.table`."""
        rows = tuple((each.title, f"`{each.id}`") for each in self.columns)
        return Table(("Published of each deployment", "Field"), rows)

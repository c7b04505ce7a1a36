"""Rules on what a deployment is for, where it is, what has to be said, and how the public knows."""

from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import Field, Strict

from overt.policy.pack_base import (
    Chars,
    Days,
    FieldName,
    Hours,
    Line,
    Part,
    Rule,
    SomeWords,
    Table,
    Texts,
    Word,
    Words,
    texts_table,
)
from overt.policy.phrases import a, counted, either, words

Evidence: TypeAlias = Literal["hotspot", "intelligence"]


class UseCase(Part):
    """One purpose for which a deployment may be authorised.

    Attributes:
        id: the word that an application carries.
        title: what it is called.
        evidence: of these, at least one must speak for the place.
        categories: who may be looked for.
    """

    id: Word
    title: Line
    evidence: Annotated[tuple[Evidence, ...], Strict(strict=False), Field(min_length=1)]
    categories: SomeWords


class UseCasesRule(Rule):
    """The closed list of purposes."""

    id: ClassVar = "use-cases"
    title: ClassVar = "Use cases"
    cases: Annotated[tuple[UseCase, ...], Strict(strict=False), Field(min_length=1, max_length=50)]

    def statement(self) -> str:
        """See :meth:`Rule.statement`."""
        return (
            f"A deployment serves one of {counted(len(self.cases), 'use case')}, and no other "
            "purpose. Each needs evidence for the place and allows its own categories of people."
        )

    def table(self) -> Table:
        """See :meth:`Rule.table`."""
        rows = tuple(
            (f"`{case.id}`", case.title, words(case.evidence, "or")) for case in self.cases
        )
        return Table(("Use case", "Meaning", "Evidence for the place"), rows)

    def find(self, use_case: str) -> UseCase | None:
        """Return the use case of this id, or None if there is none."""
        return next((case for case in self.cases if case.id == use_case), None)


class LocationRule(Rule):
    """Where.

    Attributes:
        polygon_required: whether the place is drawn.
        max_area_km2: the largest place.
        cameras_inside: whether every camera stands within it.
    """

    id: ClassVar = "location"
    title: ClassVar = "Place"
    polygon_required: bool
    max_area_km2: Annotated[float, Field(gt=0, le=10_000)]
    cameras_inside: bool

    def statement(self) -> str:
        """See :meth:`Rule.statement`."""
        drawn = either(
            self.polygon_required, "The place is drawn as a polygon", "The place may be drawn"
        )
        inside = either(
            self.cameras_inside,
            "Every camera stands inside it.",
            "A camera may stand outside it.",
        )
        return f"{drawn}, of at most {counted(self.max_area_km2, 'km²')}. {inside}"


class StatementsRule(Rule):
    """What an application has to say in words."""

    id: ClassVar = "statements"
    title: ClassVar = "What an application says"
    required: Texts

    def statement(self) -> str:
        """See :meth:`Rule.statement`."""
        return (
            f"Every application contains {counted(len(self.required), 'statement')} in words, "
            "written for this deployment."
        )

    def table(self) -> Table:
        """See :meth:`Rule.table`."""
        return texts_table(self.required)


class RequiredDocument(Part):
    """A document that an application rests on.

    Attributes:
        kind: the word that the application carries.
        title: what it is called.
        max_age_days: how old it may be at the end of the deployment.
    """

    kind: Word
    title: Line
    max_age_days: Days


class DocumentsRule(Rule):
    """What an application rests on."""

    id: ClassVar = "documents"
    title: ClassVar = "Documents"
    required: Annotated[tuple[RequiredDocument, ...], Strict(strict=False), Field(max_length=50)]

    def statement(self) -> str:
        """See :meth:`Rule.statement`."""
        return (
            f"Every application rests on {counted(len(self.required), 'document')}, each in date "
            "until the deployment ends and named by its digest."
        )

    def table(self) -> Table:
        """See :meth:`Rule.table`."""
        rows = tuple(
            (each.title, f"`{each.kind}`", counted(each.max_age_days, "day"))
            for each in self.required
        )
        return Table(("Document", "Kind", "At most this old"), rows)


class NoticeRule(Rule):
    """When the public is told.

    Attributes:
        hours_before: at least so long before the start.
        exception_with_reason: whether a recorded reason can take the place of notice.
    """

    id: ClassVar = "notice"
    title: ClassVar = "Notice to the public"
    hours_before: Hours
    exception_with_reason: bool

    def statement(self) -> str:
        """See :meth:`Rule.statement`."""
        exception = either(
            self.exception_with_reason,
            "Where a critical threat makes that impracticable, the reason is recorded instead.",
            "There is no exception.",
        )
        return (
            "The public is told the date and the place at least "
            f"{counted(self.hours_before, 'hour')} before the start. {exception}"
        )


class SignageRule(Rule):
    """Whether signs are planned.

    Attributes:
        required: whether an application has a plan for signs.
    """

    id: ClassVar = "signage"
    title: ClassVar = "Signs"
    required: bool

    def statement(self) -> str:
        """See :meth:`Rule.statement`."""
        return either(
            self.required,
            "Signs tell people of the cameras before they come into view, and the application "
            "says where they will stand.",
            "An application need not plan signs.",
        )


class SignsConfirmedRule(Rule):
    """Whether somebody has seen that the signs stand.

    Attributes:
        required: whether somebody has to.
        within_h: how long before going live that may have been.
    """

    id: ClassVar = "signs-confirmed"
    title: ClassVar = "Signs confirmed on the day"
    required: bool
    within_h: Hours

    def statement(self) -> str:
        """See :meth:`Rule.statement`."""
        must = either(self.required, "has to confirm", "may confirm")
        return (
            f"An officer {must} on the spot that the signs stand, not more than "
            f"{counted(self.within_h, 'hour')} before going live."
        )


class ProtestRule(Rule):
    """Deployments where people express political views.

    Attributes:
        allowed: whether there may be any.
        minimum_rank: the lowest rank that authorises one.
        urgent_allowed: whether the urgent route is open.
        statement_field: the further statement that is required.
        statement_min_chars: its least length.
        excluded_categories: who may not be looked for.
    """

    id: ClassVar = "protest"
    title: ClassVar = "Protests"
    allowed: bool
    minimum_rank: Word
    urgent_allowed: bool
    statement_field: FieldName
    statement_min_chars: Chars
    excluded_categories: Words

    def statement(self) -> str:
        """See :meth:`Rule.statement`."""
        return (
            f"{either(self.allowed, 'A protest may', 'No protest may')} be a deployment's place. "
            f"It is authorised by {a(self.minimum_rank)} or above; the urgent route is "
            f"{either(self.urgent_allowed, 'open', 'closed')}. The application says in at least "
            f"{counted(self.statement_min_chars, 'character')} why it is necessary there "
            f"(`{self.statement_field}`). Not looked for there: "
            f"{words(self.excluded_categories)}."
        )


class EvaluationRule(Rule):
    """What the threshold rests on.

    Attributes:
        required: whether an evaluation is attached.
        max_age_days: how old it may be at the end of the deployment.
        same_contract: whether it measured the very vector space that is used.
        covers_list: whether it speaks for a list as large as the one used.
        false_alert_one_in: one false alert in at least so many strangers.
    """

    id: ClassVar = "evaluation"
    title: ClassVar = "Evaluation and threshold"
    required: bool
    max_age_days: Days
    same_contract: bool
    covers_list: bool
    false_alert_one_in: Annotated[int, Field(ge=1, le=10**9)]

    def statement(self) -> str:
        """See :meth:`Rule.statement`."""
        must = either(self.required, "rests on an evaluation", "may rest on an evaluation")
        contract = either(
            self.same_contract, "of the very model that is used", "of the same or another model"
        )
        covers = either(self.covers_list, "for a list at least as large", "for a list of any size")
        return (
            f"The threshold {must} {contract}, {covers}, at most "
            f"{counted(self.max_age_days, 'day')} old when the deployment ends. It is not below "
            f"the one that the evaluation supports at one false alert in "
            f"{self.false_alert_one_in:,} strangers or rarer."
        )

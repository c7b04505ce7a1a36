"""Rules on a live deployment, its alerts, and its end."""

from typing import Annotated, ClassVar, Literal

from pydantic import Field, Strict

from overt.policy.pack_base import Chars, Hours, Part, Rule, Table, Texts, texts_table
from overt.policy.phrases import counted, either, named
from overt.policy.roles import Role


class RoleCount(Part):
    """How many officers of a role there must be."""

    role: Annotated[Role, Strict(strict=False)]
    at_least: Annotated[int, Field(ge=1, le=1000)]


class OfficersRule(Rule):
    """Who has to be there.

    Attributes:
        present: how many of which role, each person counted in one role.
    """

    id: ClassVar = "officers"
    title: ClassVar = "Officers present"
    present: Annotated[
        tuple[RoleCount, ...], Strict(strict=False), Field(min_length=1, max_length=10)
    ]

    def statement(self) -> str:
        """See :meth:`Rule.statement`."""
        return (
            "These officers are named in the application and checked in before going live, each "
            "counted once, in one role."
        )

    def table(self) -> Table:
        """See :meth:`Rule.table`."""
        rows = tuple((named(each.role), str(each.at_least)) for each in self.present)
        return Table(("Role", "At least"), rows)


class PresenceRule(Rule):
    """How presence is kept up.

    Attributes:
        within_s: how old an officer's last sign of presence may be.
    """

    id: ClassVar = "presence"
    title: ClassVar = "Presence"
    within_s: Annotated[float, Field(ge=1, le=3600)]

    def statement(self) -> str:
        """See :meth:`Rule.statement`."""
        return (
            "Every officer who has to be there says so at least every "
            f"{counted(self.within_s, 'second')}. If one does not, matching pauses within a "
            "second, and says so."
        )


class ForgettingRule(Rule):
    """Whether it is tried beforehand that strangers are forgotten.

    Attributes:
        required: whether a test is a condition of going live.
        within_h: how old it may be then.
        min_runs: how many strangers have passed in it at least.
    """

    id: ClassVar = "forgetting"
    title: ClassVar = "Test of forgetting"
    required: bool
    within_h: Hours
    min_runs: Annotated[int, Field(ge=1, le=1000)]

    def statement(self) -> str:
        """See :meth:`Rule.statement`."""
        must = either(
            self.required, "Nothing goes live without a test", "A test is no condition of it"
        )
        return (
            "Before going live it can be tried, on the machine itself, that nothing of a stranger "
            "is found in its memory, files or database after they have passed: at least "
            f"{counted(self.min_runs, 'drawn face')} pass, and every copy that was planted is "
            f"found. {must}; one counts for {counted(self.within_h, 'hour')}. Where the last test "
            "found something, or missed what was planted, nothing goes live."
        )


class ReviewRule(Rule):
    """How many people look at an alert.

    Attributes:
        n_reviewers: different people who adjudicate before an engagement.
        blind: whether a later one is not shown what an earlier one said.
    """

    id: ClassVar = "review"
    title: ClassVar = "Review of an alert"
    n_reviewers: Annotated[int, Field(ge=1, le=3)]
    blind: bool

    def statement(self) -> str:
        """See :meth:`Rule.statement`."""
        people = "person adjudicates" if self.n_reviewers == 1 else "different people adjudicate"
        blind = either(
            self.blind,
            "A later reviewer decides without having been shown what an earlier one said.",
            "A later reviewer may have been shown what an earlier one said.",
        )
        return f"{self.n_reviewers} {people} an alert before anybody is engaged. {blind}"


class NotesRule(Rule):
    """Free text about an alert.

    Attributes:
        max_chars: of a note.
    """

    id: ClassVar = "notes"
    title: ClassVar = "Notes"
    max_chars: Chars

    def statement(self) -> str:
        """See :meth:`Rule.statement`."""
        return (
            f"A note on an alert has at most {counted(self.max_chars, 'character')} and is deleted "
            "with the alert's pictures."
        )


class EngagementRule(Rule):
    """How people are engaged.

    Attributes:
        after_adjudication: always; written out, and never to be turned off.
        never_on_score_alone: always; likewise.
        longest_stop_minutes: advice to officers; longer stops are shown and counted.
        biometrics_on_alert_alone: whether an alert alone is enough to ask for fingerprints.
    """

    id: ClassVar = "engagement"
    title: ClassVar = "Engagement"
    after_adjudication: Literal[True]
    never_on_score_alone: Literal[True]
    longest_stop_minutes: Annotated[int, Field(ge=1, le=240)]
    biometrics_on_alert_alone: bool

    def statement(self) -> str:
        """See :meth:`Rule.statement`."""
        biometrics = either(
            self.biometrics_on_alert_alone,
            "Fingerprints may be asked for on an alert alone.",
            "Fingerprints are never asked for on an alert alone.",
        )
        return (
            "Nobody is engaged before an alert was adjudicated, and nobody is stopped or treated "
            "worse for a similarity alone: the officer finds out by ordinary means who it is. "
            f"{biometrics} A stop should not last longer than "
            f"{counted(self.longest_stop_minutes, 'minute')}; longer ones are pointed out and "
            "counted. Avoiding or covering one's face is no ground for anything."
        )


class ClosingRule(Rule):
    """How a deployment is closed.

    Attributes:
        report: the parts of the cancellation report.
        within_h: so long after the end it should be closed.
    """

    id: ClassVar = "closing"
    title: ClassVar = "Cancellation report and closing"
    report: Texts
    within_h: Hours

    def statement(self) -> str:
        """See :meth:`Rule.statement`."""
        return (
            f"A deployment is closed within {counted(self.within_h, 'hour')} of its end, with a "
            f"cancellation report of {counted(len(self.report), 'part')}, no open run and no alert "
            "without a final state. A late closing is pointed out and not refused, since closing "
            "is what deletes."
        )

    def table(self) -> Table:
        """See :meth:`Rule.table`."""
        return texts_table(self.report)

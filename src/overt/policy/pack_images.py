"""Rules on the pictures of listed people."""

from typing import Annotated, ClassVar

from pydantic import Field, Strict

from overt.policy.pack_base import Line, Part, Rule, Table, Word, Words
from overt.policy.phrases import counted, either, words


class ImageSource(Part):
    """Where a picture may come from."""

    id: Word
    title: Line


class ImageSourcesRule(Rule):
    """The closed list of where pictures come from.

    Attributes:
        allowed: the only ones.
        never: named so that the document says so; everything else is refused too.
    """

    id: ClassVar = "image-sources"
    title: ClassVar = "Where pictures come from"
    allowed: Annotated[
        tuple[ImageSource, ...], Strict(strict=False), Field(min_length=1, max_length=50)
    ]
    never: Words

    def statement(self) -> str:
        """See :meth:`Rule.statement`."""
        return (
            "Pictures come from the sources below and from no others. Never used: "
            f"{words(self.never)}."
        )

    def table(self) -> Table:
        """See :meth:`Rule.table`."""
        rows = tuple((f"`{each.id}`", each.title) for each in self.allowed)
        return Table(("Source of pictures", "Meaning"), rows)

    def is_allowed(self, image_source: str) -> bool:
        """Whether pictures may come from there."""
        return any(each.id == image_source for each in self.allowed)


class ImageHeldLawfullyRule(Rule):
    """That every picture is lawfully held.

    Attributes:
        date_required: whether every entry says until when.
    """

    id: ClassVar = "image-held-lawfully"
    title: ClassVar = "Pictures lawfully held"
    date_required: bool

    def statement(self) -> str:
        """See :meth:`Rule.statement`."""
        must = either(self.date_required, "has to say", "may say")
        return (
            f"An entry {must} until when its pictures may be held. A picture that may not be held "
            "until the deployment's last day is refused."
        )


class ImageAgeRule(Rule):
    """Old pictures.

    Attributes:
        warn_years: from this age on, whoever decides is told.
    """

    id: ClassVar = "image-age"
    title: ClassVar = "Age of pictures"
    warn_years: Annotated[int, Field(ge=1, le=100)]

    def statement(self) -> str:
        """See :meth:`Rule.statement`."""
        return (
            "The most up-to-date suitable picture is used. A picture older than "
            f"{counted(self.warn_years, 'year')}, or of unknown date, is pointed out; one dated in "
            "the future is refused."
        )

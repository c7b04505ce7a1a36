"""What all rules of a pack have in common, and the forms of their parameters.

Invariants: a rule is frozen, has exactly its own parameters, names its sources, and states itself
in sentences that are made from its parameters; a text of a pack is one line that Markdown and a
terminal show as it is.
Must not: hold a period, rank or limit of its own; what stands here only bounds what can be meant.
"""

from abc import abstractmethod
from dataclasses import dataclass
from typing import Annotated, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, Strict, StringConstraints

WORD_PATTERN = r"^[a-z0-9][a-z0-9-]{0,63}$"
FIELD_PATTERN = r"^[a-z][a-z0-9_]{0,63}$"
_LINE_PATTERN = r"^[^\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff<>|`\\]+$"

Word = Annotated[str, StringConstraints(pattern=WORD_PATTERN)]
FieldName = Annotated[str, StringConstraints(pattern=FIELD_PATTERN)]
Line = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=1000, pattern=_LINE_PATTERN),
]
Words = Annotated[tuple[Word, ...], Strict(strict=False), Field(max_length=100)]
SomeWords = Annotated[tuple[Word, ...], Strict(strict=False), Field(min_length=1, max_length=100)]
FieldNames = Annotated[tuple[FieldName, ...], Strict(strict=False), Field(max_length=100)]
Hours = Annotated[int, Field(ge=1, le=24 * 366)]
Days = Annotated[int, Field(ge=1, le=366 * 10)]
Chars = Annotated[int, Field(ge=1, le=100_000)]


class Part(BaseModel):
    """A table of the TOML: frozen, strict, and nothing in it that is not known."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Source(Part):
    """Where rules come from.

    Attributes:
        id: by which rules name it.
        citation: as a report or a judgment would cite it.
        standing: ``read`` in its own text; ``secondary``, as somebody else reports it;
            ``recalled``, to be checked before anybody relies on it as law; ``chosen``, because no
            source says, by those who wrote the pack.
        note: what of it was used, and what is doubtful.
    """

    id: Word
    citation: Line
    standing: Literal["read", "secondary", "recalled", "chosen"]
    note: Line | None = None

    @property
    def cited(self) -> str:
        """The citation, and its standing unless it was read."""
        return self.citation if self.standing == "read" else f"{self.citation} [{self.standing}]"


@dataclass(frozen=True, slots=True)
class Table:
    """A table of a rule's parameters, for the document."""

    header: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


class Rule(Part):
    """One rule.

    Attributes:
        id: the table's name under ``[rules]``.
        title: the heading in the document.
        source: ids of the sources.
        note: why it is so, or what a reader should know.
    """

    id: ClassVar[str]
    title: ClassVar[str]
    source: SomeWords
    note: Line | None = None

    @abstractmethod
    def statement(self) -> str:
        """Return the rule as sentences made from its parameters."""

    def table(self) -> Table | None:
        """Return those parameters that are easier to read as a table."""
        return None


class RequiredText(Part):
    """A text that somebody has to write.

    Attributes:
        field: the field's name.
        title: what it is called.
        min_chars: its least length.
    """

    field: FieldName
    title: Line
    min_chars: Chars


Texts = Annotated[tuple[RequiredText, ...], Strict(strict=False), Field(max_length=50)]


def texts_table(texts: tuple[RequiredText, ...]) -> Table:
    """Return required texts as a table."""
    rows = tuple((each.title, f"`{each.field}`", str(each.min_chars)) for each in texts)
    return Table(("Text", "Field", "Least characters"), rows)

"""Why a person is on the list, and what the officer must know: the form of it, not the rules.

Invariants: a :class:`Grounds` always says category, lawful basis, source and reason (DESIGN,
invariant 4); every text is in NFC, trimmed, within its length and free of characters that cannot be
seen; ``from_json(to_json(g)) == g``. :func:`repr` shows nothing about the person.
Must not: know which words, ranks or periods policy allows (the policy pack's business), guess
anything that the record does not say, or put a field's content into an error.
"""

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime
from typing import Final, Self

from overt.core.errors import InputError
from overt.ledger.canonical import JsonValue

MAX_SHORT_CHARS: Final = 300
MAX_LONG_CHARS: Final = 1000
MAX_WORD_CHARS: Final = 64
MAX_ITEMS: Final = 20

WORD_FIELDS: Final = ("category", "image_source")
SHORT_FIELDS: Final = ("lawful_basis", "source_system", "source_reference", "requester")
LONG_FIELDS: Final = ("reason_here", "instructions", "response_plan")
DATE_FIELDS: Final = ("image_date", "held_until", "date_of_birth")
TEXTS_FIELDS: Final = ("risk_markers", "officer_warnings")
WORDS_FIELDS: Final = ("sensitivities",)
REQUIRED_FIELDS: Final = (
    "category",
    "lawful_basis",
    "source_system",
    "source_reference",
    "reason_here",
)
"""What an entry never goes without, whatever the pack."""

_WORD = re.compile(rf"[a-z0-9-]{{1,{MAX_WORD_CHARS}}}")
_DATE = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_WHITE_SPACE = re.compile(r"[ \t\r\n]+")
_UNSEEN_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
_UNSEEN = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff\ufffd")
"""Signs that turn the direction of writing and so disguise a text, a stray byte order mark, and the
sign that an earlier program put where it lost a character."""


class FieldError(InputError):
    """One field cannot be used as it is; the message names the field, never what it holds.

    Attributes:
        field: the field's name, which is also the manifest's column.
        reason: why, in plain words.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.field = name
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Grounds:
    """Why a person is on the list and what the officer must know.

    Texts have at most 300 characters, ``reason_here``, ``instructions`` and ``response_plan`` at
    most 1,000; words have the form ``[a-z0-9-]{1,64}``; tuples hold at most 20 items. All but the
    first five may be empty here; the policy pack says which may be empty for whom.

    Attributes:
        category: a word such as ``wanted-on-warrant``; which words exist is in the policy pack.
        lawful_basis: the power or order under which the person is looked for.
        source_system: the system in which the record is kept.
        source_reference: the person's id in the source system.
        reason_here: why the person is looked for at this place.
        requester: who asked for the entry, a person's id or an office.
        image_source: a word such as ``custody``.
        image_date: when the newest picture was taken.
        held_until: the last day on which the pictures may lawfully be held.
        risk_markers: what the officer must know before an approach.
        officer_warnings: further warnings for the officer.
        instructions: what the officer should do.
        date_of_birth: of the listed person, from the record; never guessed.
        sensitivities: words such as ``victim`` or ``trans``, each of which asks for its authority.
        response_plan: the safeguarding response for victims, witnesses and missing people.

    Raises:
        FieldError: a field is blank, too long, or not of its form.
    """

    category: str = field(repr=False)
    lawful_basis: str = field(repr=False)
    source_system: str = field(repr=False)
    source_reference: str = field(repr=False)
    reason_here: str = field(repr=False)
    requester: str = field(default="", repr=False)
    image_source: str = field(default="", repr=False)
    image_date: date | None = field(default=None, repr=False)
    held_until: date | None = field(default=None, repr=False)
    risk_markers: tuple[str, ...] = field(default=(), repr=False)
    officer_warnings: tuple[str, ...] = field(default=(), repr=False)
    instructions: str = field(default="", repr=False)
    date_of_birth: date | None = field(default=None, repr=False)
    sensitivities: tuple[str, ...] = field(default=(), repr=False)
    response_plan: str = field(default="", repr=False)

    def __post_init__(self) -> None:
        """Check every field's form once, here."""
        for name in REQUIRED_FIELDS:
            require(name, getattr(self, name))
        for name in WORD_FIELDS:
            if getattr(self, name):
                check_word(name, getattr(self, name))
        for name in SHORT_FIELDS:
            check_text(name, getattr(self, name))
        for name in LONG_FIELDS:
            check_text(name, getattr(self, name), MAX_LONG_CHARS)
        for name in (*TEXTS_FIELDS, *WORDS_FIELDS):
            _check_items(name, getattr(self, name))
        for name in DATE_FIELDS:
            if isinstance(getattr(self, name), datetime):
                raise FieldError(name, "must be a day, without a time")

    def to_json(self) -> dict[str, JsonValue]:
        """Return every field by its name: dates as ISO 8601, tuples as lists."""
        return {each.name: _as_json(getattr(self, each.name)) for each in fields(self)}

    @classmethod
    def from_json(cls, members: Mapping[str, JsonValue]) -> Self:
        """Return what :meth:`to_json` wrote.

        Raises:
            FieldError: a field is not of its form.
            InputError: a field is missing, or there is one that is not known.
        """
        if set(members) != {each.name for each in fields(cls)}:
            raise InputError("The grounds of an entry lack a field, or have one that is not known.")
        return cls(
            category=_text(members, "category"),
            lawful_basis=_text(members, "lawful_basis"),
            source_system=_text(members, "source_system"),
            source_reference=_text(members, "source_reference"),
            reason_here=_text(members, "reason_here"),
            requester=_text(members, "requester"),
            image_source=_text(members, "image_source"),
            image_date=_day(members, "image_date"),
            held_until=_day(members, "held_until"),
            risk_markers=_texts(members, "risk_markers"),
            officer_warnings=_texts(members, "officer_warnings"),
            instructions=_text(members, "instructions"),
            date_of_birth=_day(members, "date_of_birth"),
            sensitivities=_texts(members, "sensitivities"),
            response_plan=_text(members, "response_plan"),
        )


def tidy(text: str) -> str:
    """Return a text as grounds hold it: NFC, each run of white space and line ends one space."""
    return _WHITE_SPACE.sub(" ", unicodedata.normalize("NFC", text)).strip(" ")


def require(name: str, text: str) -> None:
    """Refuse a text without a letter or digit, such as a dash.

    Raises:
        FieldError: it is blank.
    """
    if _is_blank(text):
        raise FieldError(name, "must not be blank")


def check_text(name: str, text: str, max_chars: int = MAX_SHORT_CHARS) -> None:
    """Refuse a text that is too long, not tidy, or holds what cannot be seen.

    Raises:
        FieldError: it is one of these.
    """
    if len(text) > max_chars:
        raise FieldError(name, f"must have at most {max_chars} characters")
    if any(each in _UNSEEN or unicodedata.category(each) in _UNSEEN_CATEGORIES for each in text):
        raise FieldError(name, "holds a character that cannot be shown")
    if text != tidy(text):
        raise FieldError(name, "must be in Unicode NFC, without needless white space")


def check_word(name: str, word: str) -> None:
    """Refuse what is not of a word's form.

    Raises:
        FieldError: it is not.
    """
    if not _WORD.fullmatch(word):
        raise FieldError(
            name, f"must be 1 to {MAX_WORD_CHARS} lower-case letters a to z, digits and hyphens"
        )


def parse_day(name: str, text: str) -> date:
    """Return the day that is written as YYYY-MM-DD.

    Raises:
        FieldError: it is written otherwise, or there is no such day.
    """
    if not _DATE.fullmatch(text):
        raise FieldError(name, "must be a date such as 2026-01-31")
    try:
        return date.fromisoformat(text)
    except ValueError:
        raise FieldError(name, "is not a day of the calendar") from None


def _is_blank(text: str) -> bool:
    return not any(each.isalnum() for each in text)


def _check_items(name: str, items: tuple[str, ...]) -> None:
    if len(items) > MAX_ITEMS:
        raise FieldError(name, f"must have at most {MAX_ITEMS} items")
    for item in items:
        if name in WORDS_FIELDS:
            check_word(name, item)
        else:
            check_text(name, item)
            if _is_blank(item):
                raise FieldError(name, "must not hold a blank item")


def _as_json(value: str | date | tuple[str, ...] | None) -> JsonValue:
    match value:
        case date():
            return value.isoformat()
        case tuple():
            return list(value)
        case _:
            return value


def _text(members: Mapping[str, JsonValue], name: str) -> str:
    value = members[name]
    if not isinstance(value, str):
        raise FieldError(name, "must be a text")
    return value


def _texts(members: Mapping[str, JsonValue], name: str) -> tuple[str, ...]:
    value = members[name]
    if not isinstance(value, list | tuple) or not all(isinstance(item, str) for item in value):
        raise FieldError(name, "must be a list of texts")
    return tuple(value)


def _day(members: Mapping[str, JsonValue], name: str) -> date | None:
    value = members[name]
    return None if value is None else parse_day(name, _text(members, name))

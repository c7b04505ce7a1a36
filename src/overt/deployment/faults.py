"""What is wrong with something that a person wrote: the place, and one plain reason.

Invariant: what was written is not repeated, since it may be about somebody.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from pydantic import ValidationError

_Context = Mapping[str, Any]


def _number(limit: float) -> str:
    return f"{int(limit):,}" if limit == int(limit) else f"{limit:g}"


_PLAIN: Final[Mapping[str, Callable[[_Context], str]]] = {
    "missing": lambda _: "it is missing",
    "extra_forbidden": lambda _: "there is no such field",
    "string_type": lambda _: "a text in quotes is needed",
    "string_too_short": lambda _: "it is blank",
    "string_too_long": lambda c: f"it has more than {c['max_length']:,} characters",
    "string_pattern_mismatch": lambda _: (
        "it holds a character that it may not: lower-case letters, digits and hyphens will do"
    ),
    "string_unicode": lambda _: "it is not proper text",
    "bool_type": lambda _: "true or false is needed",
    "int_type": lambda _: "a whole number is needed",
    "float_type": lambda _: "a number is needed",
    "finite_number": lambda _: "a finite number is needed",
    "date_type": lambda _: "a day such as 2026-05-01 is needed, without quotes",
    "datetime_type": lambda _: "a time such as 2026-05-01T10:00:00+01:00 is needed, without quotes",
    "timezone_aware": lambda _: "the time needs its offset, such as 2026-05-01T10:00:00+01:00",
    "greater_than": lambda c: f"it must be more than {_number(c['gt'])}",
    "greater_than_equal": lambda c: f"it must be {_number(c['ge'])} or more",
    "less_than": lambda c: f"it must be less than {_number(c['lt'])}",
    "less_than_equal": lambda c: f"it must be {_number(c['le'])} or less",
    "tuple_type": lambda _: "a list is needed",
    "too_short": lambda c: f"it has fewer than {c['min_length']}",
    "too_long": lambda c: f"it has more than {c['max_length']:,}",
    "enum": lambda c: f"it must be one of {c['expected']}",
    "model_type": lambda _: "a table is needed",
}


def first_fault(error: ValidationError) -> str:
    """Return the first fault: its path, with the parts of a list counted from 1, and the reason."""
    first = error.errors(include_url=False, include_input=False)[0]
    plain = _PLAIN.get(first["type"])
    said = first["msg"].removeprefix("Value error, ").rstrip(".")
    reason = said if plain is None else plain(first.get("ctx", {}))
    path = ""
    for part in first["loc"]:
        path += f"[{part + 1}]" if isinstance(part, int) else f".{part}"
    return f"{path.lstrip('.')}: {reason}" if path else reason

"""Label errors, and kin: who is left out of the main figures, by a file that is part of them.

One exclusion a line. A cell that is a person or a picture of the data is left out; a cell that is
one of the words of :class:`Relation` says why; anything else in a line is a remark. So a plain list
of names will do, and so will the table that the label-error report writes.

Invariants: whoever is left out is counted; the file's digest stands in the record.
"""

import csv
import hashlib
import io
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final

from overt.core.errors import InputError
from overt.core.ids import Sha256
from overt.evaluation.labelled import LabelledSet

MAX_BYTES: Final = 16 * 2**20


class Relation(StrEnum):
    """Why somebody is left out of the main figures."""

    SAME = "same"
    KIN = "kin"
    TWINS = "twins"
    ERROR = "error"


KINDRED: Final = frozenset({Relation.KIN, Relation.TWINS})


@dataclass(frozen=True, slots=True)
class Exclusions:
    """Who is left out.

    Attributes:
        people: left out of the main figures, all their pictures.
        pictures: left out, by their path; the person stays.
        kin: pairs of people who look alike because they are related, for a row of their own.
        sha256: of the file; None if there is none.
        n_lines_unused: lines that name nobody of the data.
    """

    people: frozenset[str] = field(default_factory=frozenset, repr=False)
    pictures: frozenset[str] = field(default_factory=frozenset, repr=False)
    kin: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    sha256: Sha256 | None = None
    n_lines_unused: int = 0


def read_exclusions(path: Path, sets: Iterable[LabelledSet]) -> Exclusions:
    """Read an exclusions file.

    Args:
        path: UTF-8 text, a name a line or a table with commas or tabs.
        sets: the data that it is about.

    Raises:
        InputError: it cannot be read.
    """
    try:
        data = path.read_bytes()
        if len(data) > MAX_BYTES:
            raise InputError("The exclusions file is larger than 16 MiB.")
        text = data.decode("utf-8-sig")
        lines = list(csv.reader(io.StringIO(text.replace("\t", ",")), strict=True))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError("The exclusions file cannot be read; it must be UTF-8 text.") from error
    return parse_exclusions(lines, sets, Sha256(hashlib.sha256(data).hexdigest()))


def parse_exclusions(
    lines: Iterable[list[str]], sets: Iterable[LabelledSet], sha256: Sha256
) -> Exclusions:
    """Return who the lines of an exclusions file leave out."""
    known = {p.person for each in sets for p in each.pictures}
    names = {p.name for each in sets for p in each.pictures}
    people: set[str] = set()
    pictures: set[str] = set()
    kin: list[tuple[str, str]] = []
    n_unused = 0
    for line in lines:
        cells = [cell.strip() for cell in line]
        if not any(cells) or cells[0].startswith("#"):
            continue
        found = [cell for cell in cells if cell in known]
        shown = [cell for cell in cells if cell in names]
        if len(found) >= 2 and any(cell in KINDRED for cell in cells):
            kin.append((found[0], found[1]))
        people.update(found)
        # A row of the report names people and, to find them, their pictures.
        pictures.update(shown if not found else ())
        n_unused += not found and not shown
    return Exclusions(
        frozenset(people), frozenset(pictures), tuple(dict.fromkeys(kin)), sha256, n_unused
    )

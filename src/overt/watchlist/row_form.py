"""An empty manifest to be filled in: one row a person of a folder or ZIP of pictures.

What is written will be opened in a spreadsheet, which takes a cell that begins with ``=``, ``+``,
``-`` or ``@`` for a formula and runs it. The usual leading apostrophe would become part of the path
when the file is read back. A path has a better guard: ``./=1.png`` names the same file and is no
formula. So every path that does not begin with a letter or digit gets ``./``.

Invariants: no cell begins a formula, whatever the separator that the spreadsheet assumes; what is
written names the same pictures when it is read.
Must not: fill in anything about a person: a file's name is no ground and may be no name.
"""

import csv
import re
from pathlib import Path
from typing import TextIO

from overt.core.errors import InputError
from overt.video.picture_sets import name_pictures
from overt.watchlist.grounds import FieldError, check_text, tidy
from overt.watchlist.row_sources import COLUMNS, SEPARATOR

_MAX_PATH_CHARS = 1000
_UNWRITABLE = re.compile(rf"[{SEPARATOR}\\\t\r\n]")
_FORMULA = re.compile(r"[,;][\s\"']*[=+\-@]")
"""Inside a path: what another program could take for the beginning of a cell."""


def write_template(images: Path, out: TextIO) -> int:
    """Write a CSV manifest with a header and one row a person, and return the number of rows.

    Only the column ``images`` is filled, with paths relative to ``images``.

    Args:
        images: a folder or ZIP, grouped as :mod:`overt.video.picture_sets` does.
        out: opened with ``newline=""``; with ``encoding="utf-8-sig"`` every spreadsheet reads it.

    Raises:
        InputError: there is no picture, or the path of one cannot stand in a manifest.
    """
    people = name_pictures(images)
    writer = csv.DictWriter(out, COLUMNS, restval="")
    writer.writeheader()
    for row, names in enumerate(people.values(), start=1):
        try:
            cell = SEPARATOR.join(map(_path, names))
        except FieldError as error:
            raise InputError(
                f"The path of a picture of person {row} {error.reason}; rename the file."
            ) from None
        writer.writerow({"images": cell})
    return len(people)


def _path(name: str) -> str:
    if _UNWRITABLE.search(name):
        raise FieldError("images", f"holds {SEPARATOR}, \\, a tab or a line end")
    if _FORMULA.search(name):
        raise FieldError("images", "could be taken for a formula by a spreadsheet")
    check_text("images", tidy(name), _MAX_PATH_CHARS)
    return name if name[0].isalnum() else f"./{name}"

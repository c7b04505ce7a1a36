"""The verdict on each row of an import: on the screen, as CSV and as JSON.

Must not: put a name anywhere but on the screen of whoever imports.
"""

import csv
import io
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from rich.console import Console
from rich.markup import escape
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from overt.core.errors import StorageError

if TYPE_CHECKING:
    from overt.watchlist.importing import RowReport

MAX_ROWS_TOLD: Final = 100
"""Refused rows, and rows with a warning, that the screen shows; the report has all of them."""

REPORT_COLUMNS: Final = ("row", "line", "outcome", "column", "reason", "entry")


def row_document(each: "RowReport") -> dict[str, Any]:
    """Return what can be shared of a row's verdict."""
    return {
        "row": each.row,
        "line": each.line,
        "outcome": str(each.outcome),
        "column": each.column,
        "reasons": list(each.reasons),
        "entry_id": each.entry,
    }


def as_csv(reports: "list[RowReport]") -> bytes:
    """Return every row's verdict as CSV, without names."""
    text = io.StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(REPORT_COLUMNS)
    for each in reports:
        reason = " ".join(each.reasons)
        writer.writerow(
            (each.row, each.line, each.outcome, each.column or "", reason, each.entry or "")
        )
    return text.getvalue().encode()


def write_report(path: Path, report: bytes) -> None:
    """Write what :func:`as_csv` gave.

    Raises:
        StorageError: it could not be written.
    """
    try:
        path.write_bytes(report)
    except OSError as error:
        raise StorageError("The report could not be written.") from error


def tell_rows(console: Console, reports: "list[RowReport]", report: Path | None) -> None:
    """Tell the one who imports of the rows that were refused or warned of, under their names."""
    for outcome in ("refused", "warned"):
        rows = [each for each in reports if each.outcome == outcome]
        for each in rows[:MAX_ROWS_TOLD]:
            column = f", {each.column}" if each.column else ""
            who = f", {escape(each.label)}" if each.label else ""
            console.print(
                f"[yellow]{outcome}[/] row {each.row} (line {each.line}{column}){who}: "
                f"{escape(' '.join(each.reasons))}",
                highlight=False,
                soft_wrap=True,
            )
        if len(rows) > MAX_ROWS_TOLD:
            console.print(f"… and {len(rows) - MAX_ROWS_TOLD:,} more {outcome}.")
    if report is not None:
        console.print(
            f"Every row, without names, so that it may be shared: {report}", soft_wrap=True
        )


class _Rate(ProgressColumn):
    """How many people a second."""

    def render(self, task: Task) -> Text:
        """Return the rate so far."""
        return Text(f"{task.finished_speed or task.speed or 0:.0f} a second")


def progress_of(console: Console) -> Progress:
    """Return a display with how many are done, the rate, and the time left."""
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
        console=console,
        transient=True,
    )

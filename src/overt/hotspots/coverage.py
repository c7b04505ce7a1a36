"""Which months a force supplied. A month that is not there is missing, and never zero.

Where nobody vouches for the months, the rows tell: a month without a row, where a usual month of
the force has many, was not supplied; a month with far fewer than usual, or with all its rows at one
place, is suspect. Both are left out of every rate. A rare offence can have a true zero, so a month
without a row is missing only where the usual month has at least :data:`USUAL_FOR_MISSING`.

Invariants: every force × month between the first and the last month of all forces has one state.
Must not: fill a gap with a guess.
"""

import calendar
from typing import Final

import numpy as np
import polars as pl

from overt.core.errors import InputError
from overt.hotspots.events import CoverageState, ForceMonth, month_index, month_name
from overt.hotspots.mapping import Covers

USUAL_FOR_MISSING: Final = 5.0
"""With a mean of 5 an empty month has a chance of 0.7 %."""
USUAL_FOR_SUSPECT: Final = 20.0
SUSPECT_SHARE: Final = 0.2
"""Nothing natural falls to a fifth: the emptiest month of 2020 kept over half."""
_N_AT_ONE_PLACE: Final = 10
MAX_FORCE_MONTHS: Final = 200_000
_EDGE_GAPS: Final = 10.0
_EDGE_MIN_DAYS: Final = 2.0


def find_coverage(frame: pl.DataFrame, covers: Covers | None) -> tuple[ForceMonth, ...]:
    """Return the state of every force × month, ordered by force, then month.

    Args:
        frame: events of all kinds, before any choice among them.
        covers: the months that are vouched for, if they are.

    Raises:
        InputError: far more forces and months than there can be.
    """
    if frame.is_empty():
        return ()
    months = frame.with_columns(
        month=pl.col("begins").dt.year() * 12 + pl.col("begins").dt.month().cast(pl.Int32) - 1
    )
    counts = months.group_by("force", "month").agg(
        n=pl.len(), n_places=pl.struct("longitude", "latitude").n_unique()
    )
    supplied = {
        (force, month): (n, n_places)
        for force, month, n, n_places in counts.select("force", "month", "n", "n_places").rows()
    }
    if covers is None:
        first, last = min(month for _, month in supplied), max(month for _, month in supplied)
    else:
        first, last = month_index(covers.first), month_index(covers.last)
    if frame["force"].n_unique() * (last - first + 1) > MAX_FORCE_MONTHS:
        raise InputError(
            f"There are {frame['force'].n_unique():,} forces over {last - first + 1:,} months; is "
            "the right column mapped as the force?"
        )
    edges = _cut_short(frame) if covers is None else {}
    rows = []
    for force in sorted(frame["force"].unique()):
        usual = _usual(months, force)
        for month in range(first, last + 1):
            n, n_places = supplied.get((force, month), (0, 0))
            if covers is not None:
                state, reason = _vouched(month_name(month), covers)
            elif (force, month) in edges:
                state, reason = "suspect", edges[force, month]
            else:
                state, reason = _judge(n, n_places, usual)
            rows.append(ForceMonth(force, month_name(month), n, state, reason))
    return tuple(rows)


def _usual(months: pl.DataFrame, force: str) -> float:
    counts = months.filter(pl.col("force") == force).group_by("month").len()["len"]
    return float(np.median(counts.to_numpy()))


def _vouched(month: str, covers: Covers) -> tuple[CoverageState, str]:
    if month in covers.except_months:
        return "missing", "The mapping says that it was not supplied."
    return "covered", ""


def _judge(n: int, n_places: int, usual: float) -> tuple[CoverageState, str]:
    if n == 0 and usual >= USUAL_FOR_MISSING:
        return "missing", f"There is no row; a usual month has {usual:,.0f}."
    if n >= _N_AT_ONE_PLACE and n_places == 1:
        return "suspect", f"All {n:,} rows are at one place."
    if usual >= USUAL_FOR_SUSPECT and n < SUSPECT_SHARE * usual:
        return "suspect", f"There are {n:,} rows; a usual month has {usual:,.0f}."
    return "covered", ""


def _cut_short(frame: pl.DataFrame) -> dict[tuple[str, int], str]:
    """Return the first and last months that begin late or end early, with the reason.

    Only where times are to the day: the gap to the month's edge is compared with the usual gap
    between offences.
    """
    timed = frame.filter(pl.col("time_precision") != "month")
    spans = timed.group_by("force").agg(
        first=pl.col("begins").min(), last=pl.col("begins").max(), n=pl.len()
    )
    found = {}
    for force, first, last, n in spans.select("force", "first", "last", "n").rows():
        usual_days = max((last - first).total_seconds() / 86_400 / n, _EDGE_MIN_DAYS / _EDGE_GAPS)
        begins = first.replace(day=1, hour=0, minute=0, second=0, microsecond=0)
        n_days = calendar.monthrange(last.year, last.month)[1]
        late_days = (first - begins).total_seconds() / 86_400
        early_days = n_days - (last.day - 1) - (last.hour + 1) / 24
        if late_days > _EDGE_GAPS * usual_days:
            found[force, first.year * 12 + first.month - 1] = (
                f"The first offence is on day {first.day}."
            )
        if early_days > _EDGE_GAPS * usual_days:
            found[force, last.year * 12 + last.month - 1] = (
                f"The last offence is on day {last.day}."
            )
    return found

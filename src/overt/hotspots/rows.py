"""One row at a time, in columns: why it is refused, whether it is a repeat, and the event it is.

Invariants: a row has at most one reason, the first in the order of :func:`refusals`; of repeats the
first in order of the sources stays.
Must not: repeat a value in a reason.
"""

from typing import Final

import polars as pl

from overt.hotspots.mapping import Mapping

_SNAP_SCALE: Final = 1e6
"""A snapped point is known by its degrees to the sixth decimal, as published."""


def refusals(mapping: Mapping) -> list[pl.Expr]:
    """Return ``column`` and ``reason`` of each row; both null where it is sound."""
    names = mapping.columns.named()
    x, y = ("longitude", "latitude") if "longitude" in names else ("easting", "northing")
    began = next(role for role in ("instant", "begins", "month", "date") if role in names)
    ended = "ends" if "ends" in names else began
    checks: list[tuple[pl.Expr, str, str]] = [
        (_blank(role), role, f"no {role} is given") for role in ("force", "kind") if role in names
    ]
    checks += [
        (pl.col("place_blank"), x, "no location is given"),
        (pl.col("x_wrong"), x, f"the {x} is not a number in its range"),
        (pl.col("y_wrong"), y, f"the {y} is not a number in its range"),
        (pl.col("longitude").is_null(), x, "the place is not on the grid"),
        (pl.col("begins").is_null(), began, "the time cannot be read"),
        (pl.col("ends").is_null(), ended, "the end of the interval cannot be read"),
        (pl.col("ends") < pl.col("begins"), ended, "the interval ends before it begins"),
    ]
    column, reason = pl.lit(None, pl.String), pl.lit(None, pl.String)
    for wrong, role, why in reversed(checks):
        column = pl.when(wrong).then(pl.lit(names[role])).otherwise(column)
        reason = pl.when(wrong).then(pl.lit(why)).otherwise(reason)
    return [column.alias("column"), reason.alias("reason")]


def without_duplicates(rows: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows that stay, and the repeats with the reason.

    A row is a repeat if its force had its id already. Without an id, it is one if everything that
    is read of it is the same and its time is known to the minute or second; two offences of the
    same kind, month and snapped point are not the same offence.
    """
    same = ["longitude", "latitude", "begins", "ends"]
    same += [role for role in ("force", "kind") if role in rows.columns]
    no_id = pl.lit(value=True)
    repeat = pl.lit(value=False)
    if "id" in rows.columns:
        no_id = _blank("id")
        whose = ["id", "force"] if "force" in rows.columns else ["id"]
        repeat = ~no_id & ~pl.struct(whose).is_first_distinct()
    exact = no_id & (pl.col("time_precision") == "instant")
    again = exact & ~pl.struct([*same, exact.alias("exact")]).is_first_distinct()
    reason = (
        pl.when(repeat)
        .then(pl.lit("a repeat: the id was there already"))
        .when(again)
        .then(pl.lit("a repeat: the same time, place and kind were there already"))
    )
    judged = rows.with_columns(column=pl.lit(None, pl.String), reason=reason)
    kept = judged.filter(pl.col("reason").is_null()).drop("column", "reason")
    repeats = judged.filter(pl.col("reason").is_not_null())
    return kept, repeats.select("file", "row", "column", "reason")


def event_rows(mapping: Mapping) -> list[pl.Expr]:
    """Return the columns of an events file from the mapped ones."""
    names = mapping.columns.named()
    force = pl.col("force").str.strip_chars() if "force" in names else pl.lit(mapping.force)
    kind = (
        pl.col("kind").str.strip_chars() if "kind" in names else pl.lit(mapping.kind or "offence")
    )
    by_police = kind.is_in(mapping.kinds.police_generated)
    return [
        (pl.col("id") if "id" in names else pl.lit(None, pl.String)).alias("event_id"),
        force.alias("force"),
        kind.alias("kind"),
        pl.when(by_police).then(pl.lit("police")).otherwise(pl.lit("victim")).alias("origin"),
        pl.col("longitude"),
        pl.col("latitude"),
        pl.col("begins"),
        pl.col("ends"),
        pl.col("time_precision"),
        _snap_point().alias("snap_point"),
    ]


def _snap_point() -> pl.Expr:
    """Return degrees to the sixth decimal as one whole number."""
    x = ((pl.col("longitude") + 180) * _SNAP_SCALE).round().cast(pl.UInt64)
    y = ((pl.col("latitude") + 90) * _SNAP_SCALE).round().cast(pl.UInt64)
    return x * pl.lit(1_000_000_000, pl.UInt64) + y


def _blank(column: str) -> pl.Expr:
    return pl.col(column).is_null() | (pl.col(column).str.strip_chars() == "")

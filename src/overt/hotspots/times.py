"""Text to times: local, naive, the earliest and the latest that an offence can have been.

Invariants: a time with an offset, or in UTC, becomes local time of the zone; without a format only
ISO 8601 is read; what cannot be read is null and never another time.
Must not: guess the order of day and month.
"""

from typing import Final

import polars as pl

from overt.hotspots.mapping import Mapping, Time

_OFFSET: Final = r"(Z|[+-]\d{2}:?\d{2})$"
_ISO: Final = ("%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d")
FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 2200


def with_times(frame: pl.DataFrame, mapping: Mapping) -> pl.DataFrame:
    """Return ``frame`` with ``begins``, ``ends`` and ``time_precision`` from its text columns.

    A time that cannot be read leaves ``begins`` or ``ends`` null; an interval without an end is an
    instant.
    """
    columns, time = mapping.columns, mapping.time
    if columns.month is not None:
        return _months(frame)
    if columns.instant is not None:
        began = _instant(pl.col("instant"), time)
        return _spans(frame, began, began, pl.lit("instant"))
    if columns.begins is not None:
        began, ended = _instant(pl.col("begins"), time), _instant(pl.col("ends"), time)
        ended = pl.when(_is_blank("ends")).then(began).otherwise(ended)
        precision = pl.when(began == ended).then(pl.lit("instant")).otherwise(pl.lit("interval"))
        return _spans(frame, began, ended, precision)
    if columns.time is None:
        return _days(frame, _date(pl.col("date"), time), pl.lit(value=True))
    padded = pl.col("time").str.strip_chars().str.replace(r"^(\d):", "0$1:")
    joined = pl.concat_str(pl.col("date").str.strip_chars(), padded, separator=" ")
    began = _instant(joined, time)
    day = _date(pl.col("date"), Time(format=_date_part(time.format)))
    no_time = _is_blank("time")
    return _days(frame, pl.when(no_time).then(day).otherwise(began), no_time)


def _months(frame: pl.DataFrame) -> pl.DataFrame:
    first = pl.col("month").str.strip_chars() + "-01"
    began = first.str.to_datetime("%Y-%m-%d", time_unit="us", strict=False)
    return _spans(frame, began, began.dt.offset_by("1mo"), pl.lit("month"))


def _days(frame: pl.DataFrame, began: pl.Expr, is_day: pl.Expr) -> pl.DataFrame:
    ended = pl.when(is_day).then(began.dt.offset_by("1d")).otherwise(began)
    precision = pl.when(is_day).then(pl.lit("day")).otherwise(pl.lit("instant"))
    return _spans(frame, began, ended, precision)


def _spans(frame: pl.DataFrame, began: pl.Expr, ended: pl.Expr, precision: pl.Expr) -> pl.DataFrame:
    frame = frame.with_columns(begins=began, ends=ended, time_precision=precision)
    possible = pl.col("begins").dt.year().is_between(FIRST_YEAR, LAST_YEAR)
    return frame.with_columns(
        begins=pl.when(possible).then(pl.col("begins")),
        ends=pl.when(possible).then(pl.col("ends")),
    )


def _is_blank(column: str) -> pl.Expr:
    return pl.col(column).is_null() | (pl.col(column).str.strip_chars() == "")


def _date(text: pl.Expr, time: Time) -> pl.Expr:
    layout = time.format or "%Y-%m-%d"
    return text.str.strip_chars().str.to_date(layout, strict=False).cast(pl.Datetime("us"))


def _date_part(layout: str | None) -> str | None:
    return None if layout is None else layout.split(" ")[0]


def _instant(text: pl.Expr, time: Time) -> pl.Expr:
    """Return local naive time of each text."""
    text = text.str.strip_chars()
    if time.format is not None:
        given = text.str.to_datetime(time.format, time_unit="us", strict=False)
        return _to_local(given, time) if time.given_in == "utc" else given
    offset = text.str.extract(_OFFSET, 1)
    bare = text.str.replace(_OFFSET, "").str.replace("T", " ").str.replace(r"[.,]\d{1,9}$", "")
    given = pl.coalesce(
        bare.str.to_datetime(layout, time_unit="us", strict=False) for layout in _ISO
    )
    if time.given_in == "utc":
        offset = offset.fill_null("Z")
    # A date alone looks as if it ended in an offset of -DD:MM; a time stands before a true one.
    has_offset = offset.is_not_null() & bare.str.contains(":")
    in_utc = given - pl.duration(minutes=_minutes(offset))
    return pl.when(has_offset).then(_to_local(in_utc, time)).otherwise(given)


def _minutes(offset: pl.Expr) -> pl.Expr:
    sign = pl.when(offset.str.starts_with("-")).then(-1).otherwise(1)
    digits = offset.str.replace_all(r"[^0-9]", "")
    hours = digits.str.slice(0, 2).cast(pl.Int32, strict=False).fill_null(0)
    minutes = digits.str.slice(2, 2).cast(pl.Int32, strict=False).fill_null(0)
    return sign * (hours * 60 + minutes)


def _to_local(utc: pl.Expr, time: Time) -> pl.Expr:
    return (
        utc.dt.replace_time_zone("UTC").dt.convert_time_zone(time.zone).dt.replace_time_zone(None)
    )

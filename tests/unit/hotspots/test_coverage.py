from datetime import datetime, timedelta

import polars as pl
import pytest

from overt.core.errors import InputError
from overt.hotspots.coverage import find_coverage
from overt.hotspots.mapping import Covers

NO_TIMES = {"time_precision": "month"}


def events(force, counts, year=2024, one_place=()):
    """Return ``counts`` events in each month from January, each at a place of its own."""
    rows = [
        {
            "force": force,
            "begins": datetime.fromisoformat(f"{year}-{month:02}-01"),
            "longitude": 0.0 if month in one_place else i / 1000,
            "latitude": 51.0,
            "time_precision": "month",
        }
        for month, n in enumerate(counts, start=1)
        for i in range(n)
    ]
    return pl.DataFrame(rows)


def states(coverage, force):
    return [each.state for each in coverage if each.force == force]


def test_a_month_without_a_row_is_missing_and_not_zero():
    frame = pl.concat([events("A", [100, 90, 0, 110]), events("B", [10, 12, 9, 11])])
    coverage = find_coverage(frame, None)
    assert states(coverage, "A") == ["covered", "covered", "missing", "covered"]
    assert states(coverage, "B") == ["covered"] * 4
    assert coverage[2].reason == "There is no row; a usual month has 100."


def test_a_force_that_begins_late_or_ends_early_is_missing_there():
    frame = pl.concat([events("A", [50] * 6), events("B", [0, 0, 50, 50, 0, 0])])
    assert states(find_coverage(frame, None), "B") == [
        "missing", "missing", "covered", "covered", "missing", "missing",
    ]  # fmt: skip


def test_a_rare_offence_may_have_a_true_zero():
    assert states(find_coverage(events("A", [1, 0, 2, 1]), None), "A") == ["covered"] * 4


def test_far_fewer_rows_than_usual_and_rows_all_at_one_place_are_suspect():
    coverage = find_coverage(events("A", [100, 15, 100, 13, 100], one_place={4}), None)
    assert states(coverage, "A") == ["covered", "suspect", "covered", "suspect", "covered"]
    assert coverage[3].reason == "All 13 rows are at one place."


def test_months_that_are_vouched_for_may_be_empty():
    frame = events("A", [100, 0, 100, 0])
    covers = Covers(first="2024-01", last="2024-04", except_months=("2024-04",))
    assert states(find_coverage(frame, covers), "A") == ["covered"] * 3 + ["missing"]


def test_a_first_and_a_last_month_cut_short_are_suspect():
    begins = [datetime.fromisoformat("2024-01-20") + timedelta(hours=6 * i) for i in range(4 * 60)]
    frame = pl.DataFrame({"begins": begins}).with_columns(
        force=pl.lit("A"),
        longitude=pl.int_range(pl.len()).cast(pl.Float64),
        latitude=pl.lit(51.0),
        time_precision=pl.lit("instant"),
    )
    coverage = find_coverage(frame, None)
    assert [each.state for each in coverage] == ["suspect", "covered", "suspect"]
    assert coverage[0].reason == "The first offence is on day 20."


def test_a_column_that_is_no_force_is_refused():
    frame = events("A", [1] * 12).with_columns(force=pl.lit("A"))
    many = pl.concat([frame] * 2_000).with_columns(
        force=pl.format("{}", pl.int_range(pl.len()) // 12)
    )
    wide = many.with_columns(begins=pl.col("begins").dt.offset_by("-20y"))
    with pytest.raises(InputError, match="is the right column mapped"):
        find_coverage(pl.concat([many, wide]), None)


def test_no_event_no_coverage():
    assert find_coverage(events("A", [1]).clear(), None) == ()

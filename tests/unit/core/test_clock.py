from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.core.clock import Clock, ManualClock, SystemClock, format_utc, parse_utc


def test_the_machines_clocks():
    clock: Clock = SystemClock()
    assert clock.now_utc().tzinfo is UTC
    assert clock.monotonic_s() <= clock.monotonic_s()


def test_a_manual_clock_stands_still_until_it_is_advanced():
    clock: Clock = ManualClock()
    start, began_s = clock.now_utc(), clock.monotonic_s()
    assert (clock.now_utc(), clock.monotonic_s()) == (start, began_s)
    clock.advance(1.5)
    clock.advance(0)
    assert clock.now_utc() - start == timedelta(seconds=1.5)
    assert clock.monotonic_s() - began_s == 1.5


def test_a_manual_clock_never_goes_back():
    with pytest.raises(ValueError):
        ManualClock().advance(-0.001)


@pytest.mark.parametrize(
    ("moment", "text"),
    [
        (datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC), "2026-01-02T03:04:05.000Z"),
        (datetime(2026, 1, 2, 3, 4, 5, 678_999, UTC), "2026-01-02T03:04:05.678Z"),
        (
            datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone(timedelta(hours=5, minutes=30))),
            "2026-01-01T21:34:05.000Z",
        ),
    ],
)
def test_the_form_of_every_record(moment, text):
    assert format_utc(moment) == text


@pytest.mark.parametrize("text", ["2026-01-02T03:04:05Z", "2026-01-02T05:04:05+02:00"])
def test_a_time_with_an_offset_is_read(text):
    assert parse_utc(text) == datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
    assert parse_utc(text).tzinfo is UTC


@pytest.mark.parametrize(
    "text",
    [
        "", "today", "2026-01-02", "2026-01-02T03:04:05", "2026-13-02T03:04:05Z",
        "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59",
    ],
)  # fmt: skip
def test_what_is_no_moment_is_refused(text):
    with pytest.raises(ValueError):
        parse_utc(text)


@given(st.text(max_size=40))
def test_any_text_is_a_moment_or_refused(text):
    with suppress(ValueError):
        assert parse_utc(text).tzinfo is UTC


@given(st.datetimes(timezones=st.just(UTC)))
def test_written_and_read_again_to_the_millisecond(moment):
    read = parse_utc(format_utc(moment))
    assert timedelta(0) <= moment - read < timedelta(milliseconds=1)
    assert format_utc(read) == format_utc(moment)

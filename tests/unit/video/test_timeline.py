from fractions import Fraction

import pytest

from overt.video.timeline import MediaTimeline

_BASE = Fraction(1, 1000)


def _place(timeline: MediaTimeline, *pts: int | None) -> list[float]:
    return [round(timeline.place(value, _BASE), 6) for value in pts]


def test_time_counts_from_the_first_frame():
    assert _place(MediaTimeline(), 5000, 5040, 5200) == [0.0, 0.04, 0.2]


def test_missing_times_follow_the_frame_rate():
    assert _place(MediaTimeline(0.1), None, None, None) == [0.0, 0.1, 0.2]
    assert _place(MediaTimeline(0.1), 0, None, 200) == [0.0, 0.1, 0.2]


def test_a_time_base_may_be_missing():
    timeline = MediaTimeline(0.1)
    assert [timeline.place(7, None), timeline.place(9, None)] == pytest.approx([0.0, 0.1])


def test_equal_times_stay_equal():
    assert _place(MediaTimeline(), 0, 40, 40, 80) == [0.0, 0.04, 0.04, 0.08]


def test_a_time_that_goes_back_continues_from_the_last_one():
    assert _place(MediaTimeline(0.04), 0, 9000, 0, 40) == [0.0, 9.0, 9.04, 9.08]


def test_another_file_continues_one_period_later():
    timeline = MediaTimeline(0.04)
    _place(timeline, 0, 40)
    timeline.continue_after(0.1, 0.1)
    assert _place(timeline, 777, 877) == [0.14, 0.24]


def test_a_reconnect_keeps_the_time_that_was_lost():
    timeline = MediaTimeline(0.04)
    _place(timeline, 0, 40)
    timeline.continue_after(3.0)
    assert _place(timeline, 0) == [3.04]


def test_a_gap_shorter_than_a_frame_does_not_go_back():
    timeline = MediaTimeline(0.04)
    _place(timeline, 0, 40)
    timeline.continue_after(0.0)
    assert _place(timeline, 0) == [0.08]


def test_beginning_is_always_zero():
    timeline = MediaTimeline()
    timeline.continue_after(5.0)
    assert timeline.next_s == 0.0
    assert _place(timeline, 123) == [0.0]

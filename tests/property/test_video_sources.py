"""Whatever an operator types, parsing ends in a source or an InputError, and shows no secret."""

import contextlib
from fractions import Fraction

from hypothesis import example, given
from hypothesis import strategies as st

from overt.core.errors import InputError
from overt.video.sources import parse_source
from overt.video.timeline import MediaTimeline

_SECRET = "s3cr3t-w0rd"


@given(st.text(max_size=60) | st.from_regex(r"(webcam:|rtsps?://|/dev/video|%0?\d*d).{0,20}"))
@example("rtsp://[")
@example("rtsp://\u2100/")
@example("\ud800")
def test_parsing_raises_nothing_else(text):
    with contextlib.suppress(InputError):
        spec = parse_source(text)
        if not spec.is_live:
            spec.files()


@given(
    before=st.text("abc@:/?#[]%. ", max_size=8),
    after=st.text("abc@:/?#[]%. 0123456789", max_size=12),
    scheme=st.sampled_from(["rtsp", "rtsps", "RTSP", "http", "ftp"]),
)
def test_a_password_is_shown_nowhere(before, after, scheme):
    text = f"{scheme}://{before}:{_SECRET}@{after}"
    try:
        spec = parse_source(text)
    except InputError as error:
        shown = f"{error!r}{error.__cause__!r}"
    else:
        shown = f"{spec!r}{spec}{spec.display}"
    assert _SECRET not in shown


@given(
    st.lists(st.none() | st.integers(-(2**40), 2**40) | st.sampled_from(["continue"]), max_size=40)
)
def test_media_time_never_goes_back(steps):
    timeline = MediaTimeline(0.04)
    times = []
    for step in steps:
        if step == "continue":
            timeline.continue_after(0.0)
        else:
            times.append(timeline.place(step, Fraction(1, 90_000)))
    assert times == sorted(times)
    assert not times or times[0] == 0.0

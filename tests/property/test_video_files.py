"""A damaged recording is read as far as it goes or refused; the counts reconcile either way."""

import tempfile
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overt.core.clock import ManualClock
from overt.core.errors import InputError
from overt.core.ids import CameraId
from overt.video import RecordedReader, parse_source

_CLOCK = ManualClock()


def _encode(kind: str, codec: str, pix_fmt: str) -> bytes:
    """Encode twelve small noisy frames."""
    rng = np.random.default_rng(2)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"clip.{kind}"
        options = {"movflags": "faststart"} if kind == "mp4" else {}
        with av.open(str(path), "w", options=options) as output:
            stream = output.add_stream(codec, rate=25)
            stream.width, stream.height, stream.pix_fmt = 64, 48, pix_fmt
            for index in range(12):
                pixels = rng.integers(0, 90, (48, 64, 3), np.uint8) + np.uint8(10 * index)
                frame = av.VideoFrame.from_ndarray(pixels, format="bgr24").reformat(format=pix_fmt)
                frame.pts, frame.time_base = index, Fraction(1, 25)
                output.mux(stream.encode(frame))
            output.mux(stream.encode(None))
        return path.read_bytes()


_SEEDS = {
    "mp4": _encode("mp4", "libx264", "yuv420p"),
    "mkv": _encode("mkv", "libx264", "yuv420p"),
    "ts": _encode("ts", "libx264", "yuv420p"),
    "avi": _encode("avi", "mjpeg", "yuvj420p"),
    "gif": _encode("gif", "gif", "rgb8"),
}


def _read(data: bytes, suffix: str) -> int:
    with tempfile.NamedTemporaryFile(suffix=f".{suffix}") as file:
        file.write(data)
        file.flush()
        spec = parse_source(file.name)
        reader = RecordedReader(spec, CameraId("c"), _CLOCK, _CLOCK.now_utc())
        frames, refusal = [], ""
        try:
            for frame in reader:
                frames.append(frame)
                picture = frame.picture
                assert picture.scaled(32, 24).shape == (24, 32, 3)
                assert picture.crop(0, 0, 9, 9).shape[2] == 3
        except InputError as error:
            refusal = str(error)
        stats = reader.stats()
    assert not (refusal and frames)
    assert "\n" not in refusal
    assert stats.n_decoded == stats.n_read == len(frames)
    assert stats.n_dropped == 0
    assert [frame.sequence for frame in frames] == list(range(len(frames)))
    assert all(a.media_time_s <= b.media_time_s for a, b in pairwise(frames))
    return len(frames)


@pytest.mark.parametrize("kind", sorted(_SEEDS))
@settings(max_examples=25, deadline=None)
@given(
    damage=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), max_size=20),
    kept=st.floats(0.1, 1),
)
def test_damaged_recordings(kind, damage, kept):
    data = bytearray(_SEEDS[kind])
    for where, value in damage:
        data[int(where * (len(data) - 1))] = value
    _read(bytes(data[: int(len(data) * kept)]), kind)


@settings(max_examples=40, deadline=None)
@given(st.binary(max_size=500), st.sampled_from(sorted(_SEEDS)))
def test_any_bytes(data, kind):
    _read(data, kind)


def test_the_seeds_are_sound():
    for kind, data in _SEEDS.items():
        assert _read(data, kind) == 12

"""Whatever bytes are sent as a picture, the outcome is a picture or an InputError."""

import io

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from overt.core.errors import InputError
from overt.video.image import decode_still

_MAX_PIXELS = 100_000


def _seed(kind: str, mode: str, **options) -> bytes:
    pixels = np.random.default_rng(5).integers(0, 255, (24, 32, 3), np.uint8)
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "words"
    data = io.BytesIO()
    Image.fromarray(pixels).convert(mode).save(data, kind, exif=exif, **options)
    return data.getvalue()


_SEEDS = [
    _seed("JPEG", "RGB"), _seed("JPEG", "CMYK"), _seed("JPEG", "L", progressive=True),
    _seed("PNG", "RGBA"), _seed("PNG", "P"), _seed("PNG", "1"),
    _seed("BMP", "RGB"),
    _seed("GIF", "P"), _seed("WEBP", "RGBA"),
]  # fmt: skip

_damage = st.lists(st.tuples(st.floats(0, 1), st.integers(0, 255)), min_size=1, max_size=12)


def _is_decoded_or_refused(data: bytes) -> None:
    try:
        picture = decode_still(data, max_pixels=_MAX_PIXELS)
    except InputError:
        return
    assert picture.bgr.dtype == np.uint8
    assert 0 < picture.width_px * picture.height_px <= _MAX_PIXELS


@given(st.binary(max_size=300))
def test_any_bytes(data):
    _is_decoded_or_refused(data)


@settings(max_examples=300)
@given(st.sampled_from(_SEEDS), _damage, st.floats(0.05, 1))
def test_damaged_pictures(seed, damage, kept):
    data = bytearray(seed)
    for where, value in damage:
        data[int(where * (len(data) - 1))] = value
    _is_decoded_or_refused(bytes(data[: int(len(data) * kept)]))


@settings(max_examples=300)
@given(st.sampled_from(_SEEDS), st.lists(st.tuples(st.integers(0, 200), st.integers(0, 255))))
def test_damaged_headers(seed, damage):
    data = bytearray(seed)
    for where, value in damage:
        data[min(where, len(data) - 1)] = value
    _is_decoded_or_refused(bytes(data))

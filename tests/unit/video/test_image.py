import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from overt.core.errors import InputError
from overt.video.image import decode_still

_HALVES = np.zeros((20, 30, 3), np.uint8)
_HALVES[:, :15] = (200, 40, 40)  # RGB: red at the left
_HALVES[:10, 15:] = (40, 200, 40)


def _encode(image: Image.Image, kind: str, **options) -> bytes:
    data = io.BytesIO()
    image.save(data, kind, **options)
    return data.getvalue()


def _corners(data: bytes) -> list[list[int]]:
    """Return the colour near each corner as RGB: top left, top right, bottom left, bottom right."""
    bgr = decode_still(data).bgr
    return [bgr[y, x, ::-1].tolist() for y in (3, -4) for x in (3, -4)]


_RED, _GREEN, _BLACK = [200, 40, 40], [40, 200, 40], [0, 0, 0]


@pytest.mark.parametrize("kind", ["PNG", "BMP", "GIF", "WEBP", "JPEG"])
def test_formats(kind):
    options = {"WEBP": {"lossless": True}, "JPEG": {"quality": 98}}.get(kind, {})
    picture = decode_still(_encode(Image.fromarray(_HALVES), kind, **options))
    assert (picture.width_px, picture.height_px) == (30, 20)
    assert picture.bgr.flags.c_contiguous
    difference = np.abs(picture.bgr[:, :, ::-1].astype(int) - _HALVES)
    assert difference.mean() < 6


@pytest.mark.parametrize(
    ("orientation", "corners"),
    [
        (1, [_RED, _GREEN, _RED, _BLACK]),
        (2, [_GREEN, _RED, _BLACK, _RED]),
        (3, [_BLACK, _RED, _GREEN, _RED]),
        (4, [_RED, _BLACK, _RED, _GREEN]),
        (5, [_RED, _RED, _GREEN, _BLACK]),
        (6, [_RED, _RED, _BLACK, _GREEN]),
        (7, [_BLACK, _GREEN, _RED, _RED]),
        (8, [_GREEN, _BLACK, _RED, _RED]),
        (0, [_RED, _GREEN, _RED, _BLACK]),
        (99, [_RED, _GREEN, _RED, _BLACK]),
    ],
)
def test_exif_orientation_is_applied(orientation, corners):
    exif = Image.Exif()
    exif[0x0112] = orientation
    assert _corners(_encode(Image.fromarray(_HALVES), "PNG", exif=exif)) == corners


def test_unreadable_exif_leaves_the_picture_as_it_is():
    exif = b"Exif\0\0" + b"\xff" * 40
    data = _encode(Image.fromarray(_HALVES), "JPEG", exif=exif)
    assert decode_still(data).width_px == 30


@pytest.mark.parametrize("mode", ["L", "1", "P", "LA", "RGBA", "CMYK", "YCbCr"])
def test_modes(mode):
    kind = "JPEG" if mode in {"CMYK", "YCbCr"} else "PNG"
    picture = decode_still(_encode(Image.fromarray(_HALVES).convert(mode), kind))
    assert picture.bgr.shape == (20, 30, 3)
    assert picture.bgr.dtype == np.uint8


def test_a_cmyk_jpeg_keeps_its_colours():
    data = _encode(Image.fromarray(_HALVES).convert("CMYK"), "JPEG", quality=98)
    np.testing.assert_allclose(_corners(data)[0], _RED, atol=12)


def test_sixteen_bits_become_eight():
    wide = np.linspace(0, 65535, 40 * 30).reshape(30, 40).astype(np.uint16)
    grey = decode_still(_encode(Image.fromarray(wide), "PNG")).bgr
    np.testing.assert_array_equal(grey, np.repeat((wide // 257)[:, :, None], 3, axis=2))


def test_what_is_transparent_becomes_white():
    clear = Image.new("RGBA", (4, 4), (255, 0, 0, 0))
    assert (decode_still(_encode(clear, "PNG")).bgr == 255).all()
    palette = Image.new("P", (4, 4), 0)
    palette.putpalette([255, 0, 0] * 256)
    assert (decode_still(_encode(palette, "PNG", transparency=0)).bgr == 255).all()


def test_of_an_animation_the_first_picture_is_taken():
    first, second = Image.new("RGB", (5, 4), "red"), Image.new("RGB", (5, 4), "blue")
    data = _encode(first, "GIF", save_all=True, append_images=[second])
    assert decode_still(data).bgr[0, 0].tolist() == [0, 0, 255]


def test_a_large_picture_is_refused_before_it_is_decoded():
    data = _encode(Image.new("1", (4000, 3000)), "PNG")
    with pytest.raises(InputError, match="too large: 4000 × 3000"):
        decode_still(data, max_pixels=11_999_999)
    assert decode_still(data, max_pixels=12_000_000).width_px == 4000


def test_a_bomb_is_refused():
    header = bytearray(_encode(Image.new("1", (8, 8)), "PNG"))
    header[16:24] = struct.pack(">II", 200_000, 200_000)
    header[29:33] = struct.pack(">I", zlib.crc32(header[12:29]))
    with pytest.raises(InputError):
        decode_still(bytes(header))


@pytest.mark.parametrize(
    "data", [b"", b"hello", b"\xff\xd8\xff", b"%PDF-1.7", b"GIF89a", b"\0" * 999]
)
def test_what_is_no_picture_is_refused_in_one_sentence(data):
    with pytest.raises(InputError, match=r"^the picture is damaged [^\n]*$"):
        decode_still(data)


def test_a_truncated_picture_is_refused():
    data = _encode(Image.effect_noise((200, 200), 50), "JPEG")
    with pytest.raises(InputError):
        decode_still(data[: len(data) // 2])


@pytest.mark.parametrize(
    "data",
    [
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\nshowpage\n",
        _encode(Image.fromarray(_HALVES), "TIFF"),
        _encode(Image.fromarray(_HALVES), "PCX"),
    ],
    ids=["eps", "tiff", "pcx"],
)
def test_other_formats_are_not_tried(data):
    with pytest.raises(InputError):
        decode_still(data)

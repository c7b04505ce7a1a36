"""Reads one still picture from bytes that anybody may have sent.

Invariants: whatever the bytes are, the outcome is a picture or an :class:`InputError`. The size is
checked before anything is decoded. The picture is upright (EXIF) and opaque.
Must not: read or keep anything else from the file: no EXIF text, no place, no colour profile.
"""

import io
import struct
import zlib
from typing import Final

import cv2
import numpy as np
from PIL import ExifTags, Image

from overt.core.errors import InputError
from overt.core.frame import ArrayPicture

DEFAULT_MAX_PIXELS: Final = 50_000_000
"""Larger than any camera's stills that are of use here."""

_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "WEBP")
"""TIFF is not among them: its library writes to standard error whatever a damaged file makes it."""


_DAMAGE = (
    OSError, ValueError, SyntaxError, EOFError, LookupError, TypeError, AttributeError,
    ArithmeticError, AssertionError, MemoryError, RuntimeError, struct.error, zlib.error,
    Image.DecompressionBombError, Warning,
)  # fmt: skip
"""What Pillow raises for damaged files; ``Warning`` for runs in which warnings are errors."""

_UPRIGHT = {
    2: (Image.Transpose.FLIP_LEFT_RIGHT,),
    3: (Image.Transpose.ROTATE_180,),
    4: (Image.Transpose.FLIP_TOP_BOTTOM,),
    5: (Image.Transpose.TRANSPOSE,),
    6: (Image.Transpose.ROTATE_270,),
    7: (Image.Transpose.TRANSVERSE,),
    8: (Image.Transpose.ROTATE_90,),
}
"""What undoes each EXIF orientation."""


def decode_still(data: bytes, *, max_pixels: int = DEFAULT_MAX_PIXELS) -> ArrayPicture:
    """Decode a JPEG, PNG, WebP, BMP or GIF; of several pictures, the first.

    Args:
        data: the whole file.
        max_pixels: width times height above which it is refused, undecoded.

    Raises:
        InputError: it is not such a picture, is damaged, or is too large.
    """
    Image.init()  # Pillow loads the rarer of these formats only when told to
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            width, height = image.size
            if width * height > max_pixels:
                raise InputError(
                    f"the picture is too large: {width} × {height}, at most {max_pixels:,} pixels"
                )
            image.load()
            rgb = _as_rgb(image)
            for turn in _UPRIGHT.get(_orientation(image), ()):
                rgb = rgb.transpose(turn)
            pixels = np.asarray(rgb, np.uint8)
    except _DAMAGE:
        raise InputError("the picture is damaged or not of a kind that can be read") from None
    return ArrayPicture(np.asarray(cv2.cvtColor(pixels, cv2.COLOR_RGB2BGR), np.uint8))


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, 1 (upright) when it is absent or unreadable."""
    try:
        found = image.getexif().get(ExifTags.Base.Orientation, 1)
    except _DAMAGE:
        return 1
    return found if isinstance(found, int) else 1


def _as_rgb(image: Image.Image) -> Image.Image:
    """Bring any mode to eight-bit RGB; what is transparent becomes white."""
    if image.mode.startswith("I"):
        return Image.fromarray(_eight_bits(np.asarray(image))).convert("RGB")
    if image.has_transparency_data:
        layer = image.convert("RGBA")
        ground = Image.new("RGBA", layer.size, "white")
        return Image.alpha_composite(ground, layer).convert("RGB")
    return image.convert("RGB")


def _eight_bits(wide: np.ndarray[tuple[int, ...], np.dtype[np.integer]]) -> np.ndarray:
    """Bring sixteen-bit grey levels to eight."""
    if wide.min() < 0 or wide.max() > 0xFFFF:
        raise ValueError("expected 16-bit grey levels")
    return (wide.astype(np.uint32) // 257).astype(np.uint8)

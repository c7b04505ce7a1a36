"""How decoded brightness and colour differences become blue, green and red.

One affine map per colour matrix and range (ITU-T H.273, section 8.3). A matrix that is not in the
table is left to swscale. An untagged stream is read as BT.601, as swscale and most players do.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

_KR_KB = {
    1: (0.2126, 0.0722),  # BT.709
    2: (0.299, 0.114),  # untagged
    4: (0.30, 0.11),  # FCC
    5: (0.299, 0.114),  # BT.470 System B, G
    6: (0.299, 0.114),  # SMPTE 170M
    7: (0.212, 0.087),  # SMPTE 240M
    9: (0.2627, 0.0593),  # BT.2020, non-constant luminance
}
"""Weights of red and blue in the brightness, by H.273 MatrixCoefficients."""

_SCALE = {False: (255 / 219, 16.0, 255 / 224), True: (1.0, 0.0, 1.0)}
"""Gain and black level of brightness and gain of colour, by whether the range is full."""


@lru_cache(maxsize=32)
def bgr_from_ycc(matrix_coefficients: int, *, full_range: bool) -> NDArray[np.float32] | None:
    """Return the 3 × 4 float32 map from (Y, Cb, Cr, 1) to (B, G, R), all 0 to 255.

    Args:
        matrix_coefficients: the number that H.273 and FFmpeg give the colour matrix.
        full_range: whether black is 0 rather than 16.

    Returns:
        The map, or ``None`` when the matrix is not one that this table knows.
    """
    if matrix_coefficients not in _KR_KB:
        return None
    red, blue = _KR_KB[matrix_coefficients]
    green = 1.0 - red - blue
    gain, black, colour_gain = _SCALE[full_range]
    to_blue = 2 * (1 - blue) * colour_gain
    to_red = 2 * (1 - red) * colour_gain
    rows = [
        (gain, to_blue, 0.0),
        (gain, -to_blue * blue / green, -to_red * red / green),
        (gain, 0.0, to_red),
    ]
    return np.array([(y, cb, cr, -black * y - 128 * (cb + cr)) for y, cb, cr in rows], np.float32)


@lru_cache(maxsize=2)
def grey_from_luma(*, full_range: bool) -> NDArray[np.uint8]:
    """Return the table of 256 uint8 that stretches brightness to 0 black, 255 white."""
    gain, black, _ = _SCALE[full_range]
    stretched = (np.arange(256) - black) * gain
    return np.asarray(np.clip(np.rint(stretched), 0, 255), np.uint8)

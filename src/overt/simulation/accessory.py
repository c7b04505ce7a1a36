"""What people hold or wear before their faces: a phone, a raised scarf, an umbrella.

Painted in head units (see :mod:`overt.simulation.cutout`): 1 is hairline to chin, the origin the
middle of the face.
"""

import numpy as np

from overt.core.arrays import GreyImage
from overt.simulation.canvas import Canvas, Point
from overt.simulation.outfit import Bgr, Outfit
from overt.simulation.sprite import Sprite
from overt.simulation.walk import Accessory

UNIT_PX = 96.0
CENTRE_PX: Point = (1.5 * UNIT_PX, 1.5 * UNIT_PX)
"""Where the middle of the face is in the sprite."""

_AWAY: dict[Accessory, Point] = {
    "phone": (0.15, 1.1),
    "scarf": (0.0, 0.62),
    "umbrella": (0.0, -1.3),
}
"""How far off, in head units, it is when it hides nothing."""


def paint_accessory(kind: Accessory, outfit: Outfit, skin_bgr: Bgr, light: GreyImage) -> Sprite:
    """Return the accessory in the place where it hides most."""
    canvas = Canvas(3.0, 3.0, (1.5, 1.5), UNIT_PX)
    if kind == "phone":
        _phone(canvas, skin_bgr)
    elif kind == "scarf":
        _scarf(canvas, outfit.accent_bgr)
    else:
        _umbrella(canvas, outfit.accent_bgr)
    return Sprite.from_straight(canvas.bgr, canvas.alpha, light)


def offset(kind: Accessory, hides: float) -> Point:
    """Return by how much to move it, in head units, when it is ``hides`` (0–1) in its place."""
    x, y = _AWAY[kind]
    return x * (1 - hides), y * (1 - hides)


def _phone(canvas: Canvas, skin_bgr: Bgr) -> None:
    """A hand with a phone at the ear and cheek."""
    canvas.limb((0.50, 1.3), (0.44, 0.42), 0.2, 0.17, (70, 62, 58))
    canvas.limb((0.43, -0.12), (0.36, 0.42), 0.07, 0.07, (34, 34, 36))
    for y in (0.08, 0.2, 0.32, 0.42):
        canvas.limb((0.52, y + 0.06), (0.36, y), 0.065, 0.055, skin_bgr)


def _scarf(canvas: Canvas, colour: Bgr) -> None:
    """A scarf pulled up over the mouth."""
    canvas.shape(
        [(-0.46, 0.26), (0.0, 0.16), (0.46, 0.26), (0.52, 0.6), (0.4, 0.86), (-0.4, 0.86),
         (-0.52, 0.6)], colour, roundness=0.28,
    )  # fmt: skip
    dark: Bgr = (colour[0] * 0.75, colour[1] * 0.75, colour[2] * 0.75)
    for y in (0.36, 0.52, 0.68):
        canvas.line([(-0.44, y), (0.0, y + 0.05), (0.44, y - 0.02)], dark, 0.025, 0.5)


def _umbrella(canvas: Canvas, colour: Bgr) -> None:
    """An umbrella held low, its rim across forehead and brows."""
    rim = [(float(x), float(-0.26 + 0.05 * np.cos(9 * x))) for x in np.linspace(1.35, -1.35, 15)]
    dome = [
        (float(1.35 * np.cos(a)), float(-0.3 - 0.8 * np.sin(a))) for a in np.linspace(3.0, 0.14, 9)
    ]
    canvas.shape([*rim, *dome], colour, roundness=0.7, smooth=1)
    dark: Bgr = (colour[0] * 0.7, colour[1] * 0.7, colour[2] * 0.7)
    for x in (-0.9, -0.32, 0.32, 0.9):
        canvas.line([(0.0, -1.08), (0.6 * x, -0.7), (x, -0.26)], dark, 0.02, 0.7)

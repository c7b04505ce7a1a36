"""Heads seen from behind: hair over a neck, for people who walk away and have no face to find."""

import numpy as np

from overt.simulation.canvas import Canvas, cloth
from overt.simulation.cutout import FULL_SIZE_PX, Head
from overt.simulation.outfit import Bgr

_HAIR: tuple[Bgr, ...] = (
    (28, 26, 28), (40, 48, 62), (52, 74, 104), (92, 128, 160), (150, 152, 154), (38, 50, 84),
)  # fmt: skip
_SKIN: tuple[Bgr, ...] = ((150, 176, 222), (120, 150, 200), (84, 112, 160), (52, 74, 112))
_ORIGIN = (1.0, 1.15)


def paint_back_of_head(rng: np.random.Generator) -> Head:
    """Paint a head from behind, with short or long hair."""
    hair, skin = _HAIR[int(rng.integers(len(_HAIR)))], _SKIN[int(rng.integers(len(_SKIN)))]
    canvas = Canvas(2.0, 2.35, _ORIGIN, float(FULL_SIZE_PX))
    canvas.limb((0, 0.2), (0, 1.0), 0.27, 0.34, skin)
    for side in (-1, 1):
        canvas.limb((0.43 * side, -0.02), (0.42 * side, 0.16), 0.07, 0.05, skin)
    long = rng.random() < 0.5
    bottom = float(rng.uniform(0.75, 1.1)) if long else float(rng.uniform(0.28, 0.42))
    wide = 0.50 if long else 0.43
    canvas.shape(
        [(-0.45, -0.35), (-0.3, -0.72), (0.0, -0.80), (0.3, -0.72), (0.45, -0.35), (wide, 0.1),
         (wide * 0.95, bottom * 0.8), (0.12, bottom), (-0.12, bottom), (-wide * 0.95, bottom * 0.8),
         (-wide, 0.1)], hair, roundness=0.42,
    )  # fmt: skip
    height, width = canvas.alpha.shape
    strands = cloth(rng, (height, width), 0.10)
    strands *= 1 + 0.10 * rng.normal(0, 1, (1, width, 1)).astype(np.float32)
    return Head(
        sprite=canvas.sprite(strands),
        centre_px=(_ORIGIN[0] * FULL_SIZE_PX, _ORIGIN[1] * FULL_SIZE_PX),
        face_px=float(FULL_SIZE_PX),
        skin_bgr=skin,
    )

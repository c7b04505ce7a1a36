"""What a walker wears, drawn by chance: kinds of clothes and their colours."""

from dataclasses import dataclass
from typing import Literal

import numpy as np

Bgr = tuple[float, float, float]
Upper = Literal["coat", "jacket", "hoodie", "jumper"]

_UPPER_COLOURS: tuple[Bgr, ...] = (
    (58, 46, 38), (44, 44, 48), (86, 66, 50), (110, 92, 78), (70, 80, 66), (54, 56, 104),
    (88, 112, 138), (142, 156, 168), (112, 98, 96), (52, 66, 50), (138, 122, 96), (66, 54, 88),
    (168, 172, 174), (70, 90, 140), (112, 76, 60), (74, 116, 140), (40, 38, 42), (64, 60, 60),
)  # fmt: skip
_LOWER_COLOURS: tuple[Bgr, ...] = (
    (92, 66, 46), (58, 48, 42), (40, 40, 42), (96, 108, 120), (70, 62, 58), (110, 84, 62),
)  # fmt: skip
_ACCENT_COLOURS: tuple[Bgr, ...] = (
    (60, 60, 170), (160, 120, 60), (80, 160, 190), (190, 190, 195), (90, 120, 60), (120, 70, 120),
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Outfit:
    """Clothes of one walker; colours are blue, green, red, 0 to 255.

    Attributes:
        upper: what is worn on the upper body.
        hem: where the upper garment ends, in faces below the chin.
        upper_bgr: its colour.
        lower_bgr: colour of the trousers.
        shirt_bgr: what shows in the neckline.
        accent_bgr: scarf, bag and stripes.
        shoe_bgr: shoes.
        scarf: whether a scarf is wound round the neck.
        bag: whether a strap runs across.
        stripes: whether a jumper is striped.
    """

    upper: Upper
    hem: float
    upper_bgr: Bgr
    lower_bgr: Bgr
    shirt_bgr: Bgr
    accent_bgr: Bgr
    shoe_bgr: Bgr
    scarf: bool
    bag: bool
    stripes: bool


def choose_outfit(rng: np.random.Generator) -> Outfit:
    """Draw an outfit."""
    uppers: tuple[Upper, ...] = ("coat", "jacket", "hoodie", "jumper")
    upper = uppers[int(rng.choice(4, p=[0.35, 0.3, 0.15, 0.2]))]
    hems = {"coat": rng.uniform(4.3, 5.4), "jacket": rng.uniform(3.3, 3.7)}
    return Outfit(
        upper=upper,
        hem=float(hems.get(upper, rng.uniform(3.1, 3.4))),
        upper_bgr=_vary(rng, _UPPER_COLOURS),
        lower_bgr=_vary(rng, _LOWER_COLOURS),
        shirt_bgr=_vary(rng, ((225, 225, 228), (200, 170, 140), (70, 66, 64), (150, 150, 190))),
        accent_bgr=_vary(rng, _ACCENT_COLOURS),
        shoe_bgr=_vary(rng, ((30, 30, 32), (48, 56, 76), (190, 190, 195))),
        scarf=bool(rng.random() < 0.22),
        bag=bool(rng.random() < 0.3),
        stripes=bool(rng.random() < 0.4),
    )


def _vary(rng: np.random.Generator, colours: tuple[Bgr, ...]) -> Bgr:
    base = np.asarray(colours[int(rng.integers(len(colours)))])
    varied = np.clip(base * rng.uniform(0.85, 1.15) + rng.normal(0, 3, 3), 12, 235)
    return float(varied[0]), float(varied[1]), float(varied[2])

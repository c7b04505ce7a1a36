"""A walker's body in the phases of a step, from the chin down, painted in clothes.

The head is laid down first and the body over it, so that collar and scarf close the neck as they
do on people. Units: one face (hairline to chin), origin at the chin, y down; the ground is
:data:`CHIN_ABOVE_GROUND` below it.
"""

import math
from typing import Literal

import numpy as np

from overt.core.arrays import GreyImage
from overt.simulation.canvas import Canvas, Floats, Point, cloth
from overt.simulation.outfit import Bgr, Outfit
from overt.simulation.sprite import Sprite

View = Literal["front", "back", "side"]
"""Seen from the front, from behind, or three quarters from the side walking to the right."""

CHIN_ABOVE_GROUND = 8.1
"""Chin height over face height: a stature of 1.70 m less 0.24 m of head, over 0.18 m."""

N_PHASES = 12
UNIT_PX = 54.0
"""Pixels a face in the full-size sprite."""

CHIN_PX: Point = (2.3 * UNIT_PX, 0.45 * UNIT_PX)
"""Where the chin is in the sprite."""

_WIDTH, _HEIGHT = 4.6, 8.75
_ORIGIN: Point = (2.3, 0.35)
_HIP_Y, _KNEE, _SHIN = 3.45, 2.2, 2.3


class Figure:
    """The body of one walker. Phases are painted when they are first asked for.

    The torso is painted once; only legs and arms move.
    """

    def __init__(self, outfit: Outfit, view: View, skin_bgr: Bgr, rng: np.random.Generator) -> None:
        self._outfit = outfit
        self._view: View = view
        self._skin_bgr = skin_bgr
        self._wide = 0.84 if view == "side" else 1.0
        self._build = float(rng.uniform(0.86, 1.02))
        canvas = _empty()
        depth = 0.07 if outfit.upper in {"coat", "jacket"} else 0.09
        height, width = canvas.alpha.shape
        self._cloth: Floats = cloth(rng, (height, width), depth)
        self._torso = self._paint_torso(canvas)
        self._phases: dict[int, Sprite] = {}

    def phase(self, turn: float, light: GreyImage) -> Sprite:
        """Return the body at ``turn`` of the walking cycle (two steps), any real number.

        ``light`` is the table of :meth:`Sprite.lit`, the same for every call.
        """
        index = round(turn * N_PHASES) % N_PHASES
        if index not in self._phases:
            self._phases[index] = self._paint(2 * math.pi * index / N_PHASES).sprite(
                self._cloth, light
            )
        return self._phases[index]

    def _paint(self, angle: float) -> Canvas:
        canvas = _empty()
        near, far = (1.0, -1.0)
        if self._view == "side":
            self._arm_aside(canvas, angle, far)
            self._leg_aside(canvas, angle, far)
            self._leg_aside(canvas, angle, near)
            canvas.lay(self._torso)
            self._arm_aside(canvas, angle, near)
        else:
            self._legs_ahead(canvas, angle)
            self._arm_ahead(canvas, angle, near)
            self._arm_ahead(canvas, angle, far)
            canvas.lay(self._torso)
        return canvas

    def _leg_aside(self, canvas: Canvas, angle: float, side: float) -> None:
        swing = math.sin(angle) * side
        lift = max(0.0, math.cos(angle) * side)
        thigh = 0.36 * swing + 0.16 * lift
        shin = thigh - 0.10 - 0.72 * lift + (0.06 if swing > 0 else -0.06) * abs(swing)
        hip = (0.0, _HIP_Y)
        knee = (hip[0] + _KNEE * math.sin(thigh), hip[1] + _KNEE * math.cos(thigh))
        ankle = (knee[0] + _SHIN * math.sin(shin), knee[1] + _SHIN * math.cos(shin))
        shade = 1.0 if side > 0 else 0.72
        toe = (ankle[0] + 0.52, ankle[1] + 0.18 + 0.3 * lift)
        canvas.limb((ankle[0] - 0.1, ankle[1] + 0.14), toe, 0.18, 0.14,
                    _dim(self._outfit.shoe_bgr, shade))  # fmt: skip
        self._leg(canvas, hip, knee, ankle, shade)

    def _legs_ahead(self, canvas: Canvas, angle: float) -> None:
        for side in (1.0, -1.0) if math.sin(angle) > 0 else (-1.0, 1.0):
            swing = math.sin(angle) * side
            lift = max(0.0, math.cos(angle) * side)
            hip = (0.42 * side * self._wide, _HIP_Y)
            knee = (0.40 * side, hip[1] + _KNEE * (1 - 0.10 * lift) - 0.1 * max(0, swing))
            ankle = (0.34 * side, knee[1] + _SHIN * (1 - 0.30 * lift) + 0.06 * swing)
            shade = 0.82 + 0.18 * max(0.0, swing if self._view == "front" else -swing)
            foot = (ankle[0] + 0.05 * side, ankle[1] + 0.20 + 0.06 * swing)
            canvas.limb(ankle, foot, 0.16, 0.22, _dim(self._outfit.shoe_bgr, shade))
            self._leg(canvas, hip, knee, ankle, shade)

    def _leg(self, canvas: Canvas, hip: Point, knee: Point, ankle: Point, shade: float) -> None:
        colour = _dim(self._outfit.lower_bgr, shade)
        canvas.limb(knee, ankle, 0.35, 0.26, colour)
        canvas.limb(hip, knee, 0.50, 0.35, colour)

    def _arm_ahead(self, canvas: Canvas, angle: float, side: float) -> None:
        swing = -math.sin(angle) * side * (1 if self._view == "front" else -1)
        w = self._build
        shoulder = (0.93 * side * w, 0.92)
        elbow = ((1.16 + 0.04 * swing) * side * w, 2.25)
        hand = ((1.15 - 0.12 * max(0.0, swing)) * side * w, 3.62 - 0.35 * max(0.0, swing))
        self._arm(canvas, shoulder, elbow, hand, 0.94 + 0.08 * swing)

    def _arm_aside(self, canvas: Canvas, angle: float, side: float) -> None:
        swing = -math.sin(angle) * side
        upper, fore = 0.36 * swing - 0.05, 0.45 * swing + 0.22
        shoulder = (-0.10 if side > 0 else 0.15, 0.98)
        elbow = (shoulder[0] + 1.5 * math.sin(upper), shoulder[1] + 1.5 * math.cos(upper))
        hand = (elbow[0] + 1.4 * math.sin(fore), elbow[1] + 1.4 * math.cos(fore))
        self._arm(canvas, shoulder, elbow, hand, 1.0 if side > 0 else 0.7)

    def _arm(
        self, canvas: Canvas, shoulder: Point, elbow: Point, hand: Point, shade: float
    ) -> None:
        colour = _dim(self._outfit.upper_bgr, shade)
        tip = (hand[0] + 0.12 * (hand[0] - elbow[0]), hand[1] + 0.3)
        canvas.limb(hand, tip, 0.17, 0.14, _dim(self._skin_bgr, 0.95 * shade))
        canvas.limb(elbow, hand, 0.27, 0.21, colour)
        canvas.limb(shoulder, elbow, 0.33, 0.27, colour)

    def _paint_torso(self, canvas: Canvas) -> Canvas:
        outfit, b = self._outfit, self._wide * self._build
        hem = outfit.hem
        flare = 1.12 if outfit.upper == "coat" else 0.96
        right: list[Point] = [
            (0.34, 0.10), (0.48, 0.30), (0.80 * b, 0.44), (1.12 * b, 0.62), (1.25 * b, 0.95),
            (1.14 * b, 1.45), (0.98 * b, 1.9), (0.93 * b, 2.5), (1.0 * b, 3.2), (flare * b, hem),
        ]  # fmt: skip
        left: list[Point] = [(-x, y) for x, y in reversed(right)]
        canvas.shape([*right, (0.0, hem + 0.06), *left], outfit.upper_bgr, roundness=0.75)
        if self._view == "back":
            self._paint_back(canvas)
        elif outfit.upper in {"coat", "jacket"}:
            self._paint_coat(canvas)
        else:
            self._paint_pullover(canvas)
        if outfit.bag:
            canvas.line([(-0.7 * b, 0.5), (0.1, 1.8), (0.95 * b, 3.1)], outfit.accent_bgr, 0.14)
        if outfit.scarf:
            self._paint_scarf(canvas)
        return canvas

    def _paint_back(self, canvas: Canvas) -> None:
        dark = _dim(self._outfit.upper_bgr, 0.7)
        canvas.line([(-0.5, 0.34), (0, 0.46), (0.5, 0.34)], dark, 0.05, 0.7)
        canvas.line([(0, 0.5), (0, self._outfit.hem)], dark, 0.03, 0.5)

    def _paint_coat(self, canvas: Canvas) -> None:
        outfit, x = self._outfit, 0.05 if self._view == "side" else 0.0
        dark, light = _dim(outfit.upper_bgr, 0.62), _dim(outfit.upper_bgr, 1.12)
        canvas.shape([(x - 0.34, 0.42), (x, 0.62), (x + 0.34, 0.42), (x + 0.2, 1.0), (x, 1.4),
                      (x - 0.2, 1.0)], outfit.shirt_bgr, roundness=0.5)  # fmt: skip
        canvas.erase([(x - 0.36, -0.2), (x + 0.36, -0.2), (x + 0.28, 0.38), (x, 0.66),
                      (x - 0.28, 0.38)])  # fmt: skip
        for s in (-1, 1):
            canvas.shape([(x + 0.34 * s, 0.12), (x + 0.66 * s, 0.44), (x + 0.50 * s, 0.9),
                          (x, 1.55), (x + 0.22 * s, 0.75)],
                         light, roundness=0.25, smooth=1)  # fmt: skip
        canvas.line([(x, 1.5), (x + 0.03, outfit.hem)], dark, 0.045, 0.8)
        for y in np.arange(1.75, outfit.hem - 0.7, 0.62):
            canvas.limb((x + 0.12, y), (x + 0.121, y), 0.05, 0.05, dark)

    def _paint_pullover(self, canvas: Canvas) -> None:
        outfit, x = self._outfit, 0.05 if self._view == "side" else 0.0
        dark, light = _dim(outfit.upper_bgr, 0.62), _dim(outfit.upper_bgr, 1.12)
        depth = 0.34 if outfit.upper == "jumper" else 0.42
        canvas.erase([(x - 0.33, -0.2), (x + 0.33, -0.2), (x + 0.26, depth - 0.1), (x, depth),
                      (x - 0.26, depth - 0.1)])  # fmt: skip
        if outfit.upper == "hoodie":
            for s in (-1, 1):
                canvas.shape([(x + 0.30 * s, 0.05), (x + 0.62 * s, 0.30), (x + 0.5 * s, 0.62),
                              (x, 0.72), (x + 0.05 * s, 0.5)], light, roundness=0.25)  # fmt: skip
                canvas.line([(x + 0.14 * s, 0.66), (x + 0.17 * s, 1.5)], (200, 200, 200), 0.03)
            canvas.line([(x - 0.5, 3.0), (x - 0.38, 2.4), (x + 0.38, 2.4), (x + 0.5, 3.0)],
                        dark, 0.04, 0.7)  # fmt: skip
        elif outfit.stripes:
            for y in np.arange(0.95, outfit.hem, 0.42):
                canvas.line([(-1.3, y - 0.04), (0, y + 0.03), (1.3, y - 0.04)],
                            outfit.accent_bgr, 0.12, 0.75)  # fmt: skip

    def _paint_scarf(self, canvas: Canvas) -> None:
        colour = self._outfit.accent_bgr
        canvas.limb((0.16, 0.5), (0.26, 1.75), 0.17, 0.2, _dim(colour, 0.9))
        canvas.limb((-0.38, 0.34), (0.38, 0.38), 0.20, 0.20, colour)
        canvas.limb((-0.3, 0.46), (0.34, 0.54), 0.17, 0.17, _dim(colour, 0.88))


def _empty() -> Canvas:
    return Canvas(_WIDTH, _HEIGHT, _ORIGIN, UNIT_PX)


def _dim(colour: Bgr, by: float) -> Bgr:
    return colour[0] * by, colour[1] * by, colour[2] * by

"""What a simulated street is made of. Sizes are in pixels of the clip, lengths in metres."""

from dataclasses import dataclass
from typing import Literal, get_args

from overt.core.errors import UsageError

Preset = Literal["ultrafast", "superfast", "veryfast", "medium"]
"""Of x264."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StreetConfig:
    """One street, in full: the same values, seed and people give the same frames.

    Attributes:
        seed: chooses everything that is drawn by chance.
        width: of the clip, px, even.
        height: of the clip, px, even.
        fps: frames a second.
        n_visible: about how many people with a face are in view at once.
        n_away: about how many people who walk away, back of the head only, besides them.
        passes: how often each person passes when ``duration_s`` is None.
        duration_s: None: the clip ends when everyone has passed. Otherwise its length, and the
            people pass again and again to fill it; nobody starts who could not finish.
        same_person_at_once: how many passages of one person may be in view together.
        share_across: share of passages that cross the view; the others walk towards the camera.
        smallest_px: hairline to chin where those who walk towards the camera come into view.
        largest_px: hairline to chin where they leave it.
        across_px: least and greatest hairline to chin of those who cross.
        yaw_deg: the greatest turn of a head to the side.
        occlusion_rate: share of passages in which a phone, scarf or umbrella hides part of the
            face for part of the time.
        furniture: whether a lamp post stands where people pass behind it.
        lighting: 0 for the same light on everyone, 1 for strong differences of brightness,
            contrast, colour and side.
        blur: defocus and lens softness, standard deviation in px where focus is best.
        shutter_s: exposure time; motion blur follows from it.
        noise: sensor noise, standard deviation in grey levels.
        crf: H.264 constant rate factor; higher is more compressed.
        preset: the encoder's effort; the fastest gives a file like a small camera's own encoder.
    """

    seed: int = 1
    width: int = 1920
    height: int = 1080
    fps: int = 25
    n_visible: int = 7
    n_away: int = 1
    passes: int = 1
    duration_s: float | None = None
    same_person_at_once: int = 1
    share_across: float = 0.4
    smallest_px: float = 24.0
    largest_px: float = 160.0
    across_px: tuple[float, float] = (64.0, 124.0)
    yaw_deg: float = 25.0
    occlusion_rate: float = 0.25
    furniture: bool = True
    lighting: float = 0.4
    blur: float = 0.5
    shutter_s: float = 1 / 200
    noise: float = 2.0
    crf: int = 23
    preset: Preset = "ultrafast"

    def __post_init__(self) -> None:
        """Check the values once, here.

        Raises:
            UsageError: a value is out of its range.
        """
        wrong = [name for name, holds in self._conditions().items() if not holds]
        if wrong:
            raise UsageError(f"the simulated street cannot have this {', '.join(wrong)}")

    def _conditions(self) -> dict[str, bool]:
        low, high = self.across_px
        return {
            "seed": 0 <= self.seed < 2**63,
            "width": 64 <= self.width <= 7680 and self.width % 2 == 0,
            "height": 64 <= self.height <= 4320 and self.height % 2 == 0,
            "fps": 1 <= self.fps <= 120,
            "n_visible": 1 <= self.n_visible <= 64,
            "n_away": 0 <= self.n_away <= 64,
            "passes": 1 <= self.passes <= 1000,
            "duration_s": self.duration_s is None or 1 <= self.duration_s <= 3600,
            "same_person_at_once": 1 <= self.same_person_at_once <= 64,
            "share_across": 0 <= self.share_across <= 1,
            "smallest_px or largest_px": 4 <= self.smallest_px < self.largest_px <= 600,
            "across_px": 4 <= low <= high <= 600,
            "yaw_deg": 0 <= self.yaw_deg <= 60,
            "occlusion_rate": 0 <= self.occlusion_rate <= 1,
            "lighting": 0 <= self.lighting <= 1,
            "blur": 0 <= self.blur <= 8,
            "shutter_s": self.shutter_s >= 0 and self.shutter_s * self.fps <= 1,
            "noise": 0 <= self.noise <= 40,
            "crf": 0 <= self.crf <= 51,
            "preset": self.preset in get_args(Preset),
        }

"""One face while it passes: what has been compared so far, and nothing longer than that.

Templates lie in one small piece of the run's own room (:mod:`overt.vision.face_memory`), which is
overwritten when the passage ends, whether or not it alerted; an alert keeps a picture, never a
template.
"""

from dataclasses import dataclass, field

import numpy as np

from overt.core.arrays import Vector, Vectors
from overt.core.ids import AlertId, TrackId
from overt.policy.locks import NoMatch, PossibleMatch, Scored
from overt.vision.best_shot import BestShotSettings, Shot, ShotChooser
from overt.vision.embed import fuse
from overt.vision.face_memory import FaceMemory
from overt.vision.quality import QualityGate

SAME_FACE = 0.10
"""Two shots of one passage less similar than this are two people: the tracker has jumped. Shots
of one person, however poor, lie above it; strangers centre on zero (measured on the default
pair)."""


_FORGOTTEN: Vectors = np.zeros((0, 0), np.float32)


@dataclass(slots=True, eq=False)
class Passage:
    """The evidence of one track.

    Attributes:
        track: which.
        chooser: decides which shots are compared.
        verdict: of the last comparison; None before the first.
        leaders: the most similar candidate of each shot.
        alert: the alert it raised, if it did.
        repeats: the alert that it was folded into, if it was.
    """

    track: TrackId
    chooser: ShotChooser
    _memory: FaceMemory = field(repr=False)
    _templates: Vectors = field(repr=False)
    _weights: list[float] = field(default_factory=list)
    verdict: PossibleMatch | NoMatch | None = None
    leaders: list[Scored] = field(default_factory=list, repr=False)
    alert: AlertId | None = None
    repeats: AlertId | None = None

    @classmethod
    def begin(
        cls, track: TrackId, memory: FaceMemory, gate: QualityGate, settings: BestShotSettings
    ) -> "Passage":
        """Return a passage without evidence, which takes its room from ``memory``."""
        chooser = ShotChooser(gate, settings, memory.crops)
        return cls(track, chooser, memory, memory.templates.take())

    @property
    def n_compared(self) -> int:
        """How many of its shots were compared."""
        return len(self._weights)

    @property
    def weights(self) -> tuple[float, ...]:
        """How much each compared shot can say: the square of its rank."""
        return tuple(self._weights)

    @property
    def is_settled(self) -> bool:
        """Whether it has alerted or was folded: nothing more is compared."""
        return self.alert is not None or self.repeats is not None

    @property
    def wants_confirmation(self) -> bool:
        """Whether one more shot, of about the same quality, could decide it."""
        return isinstance(self.verdict, NoMatch) and self.verdict.wants_confirmation

    def is_somebody_else(self, template: Vector) -> bool:
        """Whether a new template cannot be of the face compared so far."""
        if self.n_compared == 0:
            return False
        return float(np.dot(self.fused(), template)) < SAME_FACE

    def add(self, shot: Shot, template: Vector) -> None:
        """Take a shot's template into the evidence."""
        self._templates[self.n_compared] = template
        self._weights.append(shot.rank**2)

    def fused(self) -> Vector:
        """Return the template of the passage so far: d, unit length.

        It lies in the passage's own room, until the next call or the end of the passage.
        """
        n = self.n_compared
        mean: Vector = self._templates[-1]
        fuse(self._templates[:n], np.asarray(self._weights, np.float32), mean)
        return mean

    def forget(self) -> None:
        """Overwrite templates and crops, and give their room back; once."""
        templates, self._templates = self._templates, _FORGOTTEN
        if templates is not _FORGOTTEN:
            self._memory.templates.give_back(templates)
        self._weights.clear()
        self.leaders.clear()
        self.chooser.forget()

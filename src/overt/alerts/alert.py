"""One possible match, as it is shown to an officer and kept.

Invariants: immutable; names an entry of a watchlist, never a person; the pictures are of the face
that alerted and of a scene in which every other face is already pixelated.
Must not: claim identity, or turn a similarity into a percentage.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

import numpy as np

from overt.core.arrays import BgrImage
from overt.core.ids import AlertId, CameraId, DeploymentId, EntryId, TrackId
from overt.policy.locks import POSSIBLE_MATCH


@dataclass(frozen=True, slots=True)
class FalseAlertRate:
    """How often a stranger would raise an alert at this threshold, as an evaluation measured it.

    Attributes:
        one_in: one false alert in so many strangers compared with the list; 1 or more.
        source: which evaluation says so, for example its record's digest. Not about a person.
    """

    one_in: int
    source: str

    def __post_init__(self) -> None:
        """Refuse a rate that is none."""
        if self.one_in < 1:
            raise ValueError("a false-alert rate is one in 1 or more")

    def __str__(self) -> str:
        return f"1 in {self.one_in:,}"


@dataclass(frozen=True, slots=True)
class Alert:
    """One possible match of one passage.

    Attributes:
        id: opaque and random.
        deployment: under which authority.
        camera: where.
        entry: which entry of the watchlist.
        track: the passage; meaningless outside its camera and run.
        captured_utc: when the best frame was taken, timezone-aware.
        media_time_s: that frame's time in its stream.
        frame_sequence: that frame's number in its stream.
        similarity: cosine similarity, -1 to 1, higher is more alike.
        threshold: the similarity that the authority asks for.
        margin: distance to the next different person on the list; None if there is no other.
        n_shots: agreeing shots of the passage, 1 or more.
        calibrated_rate: the false-alert rate at ``threshold``, if an evaluation gave one.
        latency_s: from the frame's arrival to the moment that the alert was handed over.
        face_box_px: left, top, right, bottom in pixels of the full frame.
        n_repeats: later passages folded into this alert.
        last_repeat_utc: when the last of them was; None without one.
        last_repeat_similarity: its similarity; None without one.
    """

    id: AlertId
    deployment: DeploymentId
    camera: CameraId
    entry: EntryId
    track: TrackId
    captured_utc: datetime
    media_time_s: float
    frame_sequence: int
    similarity: float
    threshold: float
    margin: float | None
    n_shots: int
    calibrated_rate: FalseAlertRate | None
    latency_s: float
    face_box_px: tuple[int, int, int, int]
    n_repeats: int = 0
    last_repeat_utc: datetime | None = None
    last_repeat_similarity: float | None = None

    def __post_init__(self) -> None:
        """Refuse what contradicts itself, so that nothing downstream has to."""
        if self.captured_utc.tzinfo is None:
            raise ValueError("captured_utc needs its time zone")
        if self.n_shots < 1:
            raise ValueError("an alert rests on at least one shot")
        last_repeat = (self.last_repeat_utc, self.last_repeat_similarity)
        if any((part is None) != (self.n_repeats == 0) for part in last_repeat):
            raise ValueError("repeats and the time and similarity of the last one go together")

    @property
    def words(self) -> str:
        """What the alert says: never more than a possible match."""
        return POSSIBLE_MATCH


@dataclass(frozen=True, slots=True, eq=False)
class AlertPictures:
    """The two pictures of an alert.

    Attributes:
        face: the crop of the face that alerted.
        scene: a thumbnail of the frame in which every other face is already pixelated.
    """

    face: BgrImage
    scene: BgrImage

    def __post_init__(self) -> None:
        """Check the shapes once, here."""
        for name, picture in (("face", self.face), ("scene", self.scene)):
            if picture.ndim != 3 or picture.shape[2] != 3 or picture.dtype != np.uint8:
                raise ValueError(
                    f"{name}: expected shape (height, width, 3) uint8, got {picture.shape} "
                    f"{picture.dtype}"
                )
            if picture.size == 0:
                raise ValueError(f"{name}: expected a picture, got an empty one")


def new_alert_id() -> AlertId:
    """Return an id that says nothing about when, where or whom."""
    return AlertId(uuid4().hex)

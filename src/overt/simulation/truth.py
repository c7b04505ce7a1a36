"""Ground truth of a simulated clip: who passed, when and where; read and written as JSON.

Invariants: what is written is read back equal; a file that is not exactly of this schema is
refused with an ``InputError`` that repeats nothing of its content.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, ClassVar

from pydantic import AfterValidator, ConfigDict, Field, TypeAdapter, ValidationError

from overt.core.errors import InputError, UsageError
from overt.simulation.config import StreetConfig

SCHEMA = "overt/street-truth/1"
MAX_TRUTH_BYTES = 256 * 2**20

_STRICT = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)


@dataclass(frozen=True, slots=True)
class Sighting:
    """One face in one frame.

    Attributes:
        frame: index of the frame, from 0.
        box_px: left, top, right, bottom of the face from hairline to chin.
        hairline_chin_px: height of the face before any part of it is hidden.
        occluded_share: 0 to 1, how much of the face is hidden or outside the frame.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    frame: Annotated[int, Field(ge=0)]
    box_px: tuple[float, float, float, float]
    hairline_chin_px: Annotated[float, Field(gt=0)]
    occluded_share: Annotated[float, Field(ge=0, le=1)]


@dataclass(frozen=True, slots=True)
class Passage:
    """One walk of one person through the view, from the first to the last frame they are seen in.

    Attributes:
        person: the portrait's label.
        first_frame: index of the first frame.
        last_frame: index of the last frame, included.
        first_time_s: presentation time of the first frame.
        last_time_s: presentation time of the last frame.
        sightings: one for each frame in which the face is in view, in order.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    person: str
    first_frame: Annotated[int, Field(ge=0)]
    last_frame: Annotated[int, Field(ge=0)]
    first_time_s: Annotated[float, Field(ge=0)]
    last_time_s: Annotated[float, Field(ge=0)]
    sightings: tuple[Sighting, ...]

    def __post_init__(self) -> None:
        """Check that the sightings are in order and within the passage."""
        frames = [sighting.frame for sighting in self.sightings]
        if not frames or frames != sorted(set(frames)):
            raise ValueError("a passage's sightings are its frames in order, at least one")
        if (frames[0], frames[-1]) != (self.first_frame, self.last_frame):
            raise ValueError("a passage begins and ends with a sighting")
        if self.first_time_s > self.last_time_s:
            raise ValueError("a passage ends after it begins")

    def at_frame(self, frame: int) -> Sighting | None:
        """Return the sighting in ``frame``, or None where the face was not in view."""
        return next((s for s in self.sightings if s.frame == frame), None)


def _known_schema(schema: str) -> str:
    if schema != SCHEMA:
        raise ValueError("unknown schema")
    return schema


@dataclass(frozen=True, slots=True, kw_only=True)
class Truth:
    """Everything that is known about one clip.

    Attributes:
        config: how the street was made, the seed included.
        n_frames: length of the clip.
        clip_sha256: of the video file; None where the frames were not encoded.
        passages: in order of first appearance.
    """

    __pydantic_config__: ClassVar[ConfigDict] = _STRICT

    schema: Annotated[str, AfterValidator(_known_schema)] = SCHEMA
    config: StreetConfig
    n_frames: Annotated[int, Field(ge=0)]
    clip_sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")] | None
    passages: tuple[Passage, ...]

    @property
    def duration_s(self) -> float:
        """Length of the clip."""
        return self.n_frames / self.config.fps


_ADAPTER: TypeAdapter[Truth] = TypeAdapter(Truth)


def format_truth(truth: Truth) -> bytes:
    """Return the JSON text of ``truth`` in UTF-8."""
    return _ADAPTER.dump_json(truth) + b"\n"


def parse_truth(data: bytes) -> Truth:
    """Read what :func:`format_truth` wrote.

    Raises:
        InputError: it is not ground truth of this schema.
    """
    try:
        return _ADAPTER.validate_json(data)
    except (ValidationError, UsageError):
        # The cause quotes the content, which may name people.
        raise InputError(f"the ground truth is not a file of the schema {SCHEMA}") from None


def write_truth(path: Path, truth: Truth) -> None:
    """Write ``truth`` to ``path``.

    Raises:
        InputError: the file cannot be written.
    """
    try:
        path.write_bytes(format_truth(truth))
    except OSError as error:
        raise InputError(f"the ground truth cannot be written: {error.strerror}") from error


def read_truth(path: Path) -> Truth:
    """Read the ground truth at ``path``.

    Raises:
        InputError: there is none, it is too large, or it is not of this schema.
    """
    try:
        if path.stat().st_size > MAX_TRUTH_BYTES:
            raise InputError("the ground truth file is too large")
        data = path.read_bytes()
    except OSError as error:
        raise InputError(f"the ground truth cannot be read: {error.strerror}") from error
    return parse_truth(data)

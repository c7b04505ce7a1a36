"""Renders a simulated street: frames and the truth about them.

One frame: the empty street under the moment's exposure; everybody in it, farthest first, and what
stands in the street at its depth; sensor noise. Whatever is laid nearer than a face is asked at a
few points how much of that face it hides: that is the occluded share of the truth.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from overt.core.arrays import BgrImage
from overt.core.errors import InputError
from overt.simulation.backs import paint_back_of_head
from overt.simulation.camera import Camera, smooth_noise
from overt.simulation.config import StreetConfig
from overt.simulation.cutout import FindFace, Head, cut_out_head
from overt.simulation.people import Portrait
from overt.simulation.scenario import Cast, Scenario, plan_scenario
from overt.simulation.scenery import Occluder, draw_street
from overt.simulation.sprite import Laid
from overt.simulation.truth import Passage, Sighting, Truth
from overt.simulation.walk import WalkPlanner
from overt.simulation.walker import Placed, Walker, sighting
from overt.video.writer import VideoWriter

_LAMP_M = 3.9
_SEEN_SHARE = 0.95
"""A face hidden more than this is not in view."""


@dataclass(frozen=True, slots=True, eq=False)
class StreetFrame:
    """One frame and the faces in view in it.

    Attributes:
        picture: the pixels.
        sightings: index of the walk in the scenario, and where its face is.
    """

    picture: BgrImage
    sightings: tuple[tuple[int, Sighting], ...]


@dataclass(frozen=True, slots=True, eq=False)
class _Stage:
    """The street of one frame before anybody is in it.

    Attributes:
        empty: its picture.
        occluders: what stands in it.
        light: exposure, 1 as drawn.
    """

    empty: BgrImage
    occluders: tuple[Occluder, ...]
    light: float


class StreetSimulator:
    """A street with people, rendered frame by frame."""

    def __init__(
        self, config: StreetConfig, people: Sequence[Portrait], find_face: FindFace
    ) -> None:
        """Plan the clip; heads are cut out when they are first needed.

        Raises:
            InputError: there is nobody to walk.
            UsageError: the clip is too short for anybody to pass.
        """
        if not people:
            raise InputError("a simulated street needs at least one portrait")
        self._config = config
        self._people = people
        self._find_face = find_face
        self._camera = Camera.for_picture(config.width, config.height)
        self._heads: dict[int, Head] = {}
        self.scenario: Scenario = plan_scenario(config, self._camera, len(people))

    @property
    def n_frames(self) -> int:
        """Length of the clip."""
        return self.scenario.n_frames

    def frames(self) -> Iterator[BgrImage]:
        """Yield the pictures, each a new array."""
        return (frame.picture for frame in self.steps())

    def steps(self) -> Iterator[StreetFrame]:
        """Yield the frames with the faces in view.

        Raises:
            InputError: a portrait shows no face.
        """
        config = self._config
        corner = WalkPlanner(config, self._camera).corner_m
        rng = np.random.default_rng([config.seed, 3])
        scenery = draw_street(rng, self._camera, corner, _LAMP_M if config.furniture else None)
        exposure = 1 + smooth_noise(rng, self.n_frames, 6.0 * config.fps, 0.05 * config.lighting)
        # In steps, so that the empty street is not worked out anew for every frame.
        exposure = np.round(exposure * 200) / 200
        noise = _Noise(rng, config)
        walkers: dict[int, Walker] = {}
        empty, lit_at = scenery.picture, 1.0
        for frame in range(self.n_frames):
            self._come_and_go(walkers, frame)
            light = float(exposure[frame])
            if light != lit_at:
                empty = np.asarray(cv2.convertScaleAbs(scenery.picture, alpha=light), np.uint8)
                lit_at = light
            picture = empty.copy()
            seen = self._draw(picture, frame, walkers, _Stage(empty, scenery.occluders, light))
            yield StreetFrame(noise.added(picture), seen)

    def render(self, path: Path, progress: Callable[[int, int], None] | None = None) -> Truth:
        """Write the clip as H.264 and return its truth.

        Args:
            path: the video file to write.
            progress: called with frames done and frames in all.

        Raises:
            InputError: a portrait shows no face.
            StorageError: the file cannot be written.
        """
        record = TruthRecorder(self._config, self.scenario, self._people)
        config = self._config
        with VideoWriter(
            path,
            config.width,
            config.height,
            config.fps,
            crf=config.crf,
            preset=config.preset,
        ) as writer:
            for done, frame in enumerate(_one_ahead(self.steps()), start=1):
                writer.write(frame.picture)
                record.add(frame)
                if progress is not None:
                    progress(done, self.n_frames)
        return record.truth(_sha256(path))

    def _come_and_go(self, walkers: dict[int, Walker], frame: int) -> None:
        for index in [i for i, walker in walkers.items() if walker.walk.end_frame <= frame]:
            del walkers[index]
        for index, cast in enumerate(self.scenario.cast):
            if index not in walkers and cast.walk.start_frame <= frame < cast.walk.end_frame:
                walkers[index] = self._walker(cast)

    def _walker(self, cast: Cast) -> Walker:
        if cast.person is None:
            head = paint_back_of_head(np.random.default_rng([self._config.seed, 4, cast.look_seed]))
        else:
            head = self._head(cast.person)
        return Walker(
            self._config,
            self._camera,
            cast.walk,
            head,
            cast.look_seed,
            has_face=cast.person is not None,
        )

    def _head(self, person: int) -> Head:
        if person not in self._heads:
            self._heads[person] = cut_out_head(self._people[person].picture, self._find_face)
        return self._heads[person]

    def _draw(
        self,
        picture: BgrImage,
        frame: int,
        walkers: dict[int, Walker],
        stage: _Stage,
    ) -> tuple[tuple[int, Sighting], ...]:
        """Draw everybody in, farthest first; return the faces in view."""
        depths: list[tuple[float, int | Occluder]] = [
            (w.depth_m(frame), i) for i, w in walkers.items()
        ]
        depths += [(occluder.depth_m, occluder) for occluder in stage.occluders]
        faces: dict[int, tuple[Placed, NDArray[np.float64]]] = {}
        drawn = False
        for _, thing in sorted(depths, key=lambda pair: -pair[0]):
            if isinstance(thing, Occluder):
                if not drawn:
                    continue
                _stand(picture, stage.empty, thing)
                _hide(faces, [Laid(thing.region, thing.cover)])
                continue
            drawn = True
            placed, laid, own = walkers[thing].draw(picture, frame, stage.light)
            _hide(faces, laid)
            if walkers[thing].has_face:
                faces[thing] = (placed, np.zeros(len(placed.points_px)))
                _hide({thing: faces[thing]}, own)
        size = (self._config.width, self._config.height)
        seen = (
            (i, sighting(frame, placed, cover, size))
            for i, (placed, cover) in sorted(faces.items())
        )
        return tuple((i, one) for i, one in seen if one.occluded_share < _SEEN_SHARE)


class TruthRecorder:
    """Gathers the truth while frames are drawn."""

    def __init__(
        self, config: StreetConfig, scenario: Scenario, people: Sequence[Portrait]
    ) -> None:
        self._config = config
        self._scenario = scenario
        self._people = people
        self._n_frames = 0
        self._sightings: dict[int, list[Sighting]] = {}

    def add(self, frame: StreetFrame) -> None:
        """Take in the next frame."""
        self._n_frames += 1
        for index, one in frame.sightings:
            self._sightings.setdefault(index, []).append(one)

    def truth(self, clip_sha256: str | None) -> Truth:
        """Return the truth of the frames taken in so far."""
        passages = [self._passage(index, seen) for index, seen in self._sightings.items()]
        passages.sort(key=lambda passage: (passage.first_frame, passage.person))
        return Truth(
            config=self._config,
            n_frames=self._n_frames,
            clip_sha256=clip_sha256,
            passages=tuple(passages),
        )

    def _passage(self, index: int, seen: list[Sighting]) -> Passage:
        person = self._scenario.cast[index].person
        assert person is not None, "only those with a portrait have a face"
        first, last = seen[0].frame, seen[-1].frame
        fps = self._config.fps
        return Passage(
            self._people[person].person, first, last, first / fps, last / fps, tuple(seen)
        )


class _Noise:
    """Sensor noise from one large tile, laid down at another place each time."""

    _SPARE_PX = 64

    def __init__(self, rng: np.random.Generator, config: StreetConfig) -> None:
        self._rng = rng
        self._size = (config.height, config.width)
        self._on = config.noise > 0
        if not self._on:
            return
        shape = (config.height + self._SPARE_PX, config.width + self._SPARE_PX)
        # Of each pixel mostly its brightness trembles, its colour less.
        grey = rng.standard_normal((*shape, 1), dtype=np.float32)
        colour = rng.standard_normal((*shape, 3), dtype=np.float32)
        both = config.noise * (0.9 * grey + 0.45 * colour)
        self._more = np.clip(np.round(both), 0, 255).astype(np.uint8)
        self._less = np.clip(np.round(-both), 0, 255).astype(np.uint8)

    def added(self, picture: BgrImage) -> BgrImage:
        """Return ``picture``, changed in place, with noise."""
        if not self._on:
            return picture
        top, left = (int(v) for v in self._rng.integers(0, self._SPARE_PX, 2))
        height, width = self._size
        where = np.s_[top : top + height, left : left + width]
        cv2.add(picture, self._more[where], dst=picture)
        cv2.subtract(picture, self._less[where], dst=picture)
        return picture


def _one_ahead(frames: Iterator[StreetFrame]) -> Iterator[StreetFrame]:
    """Yield the same frames, drawing the next one while the last is used."""
    with ThreadPoolExecutor(max_workers=1) as drawing:
        upcoming = drawing.submit(next, frames, None)
        while (frame := upcoming.result()) is not None:
            upcoming = drawing.submit(next, frames, None)
            yield frame


def _stand(picture: BgrImage, empty: BgrImage, occluder: Occluder) -> None:
    """Put what stands in the street back over those who were drawn behind it."""
    left, top, right, bottom = occluder.region
    where = np.s_[top:bottom, left:right]
    cv2.copyTo(empty[where], occluder.cover, dst=picture[where])


def _hide(faces: dict[int, tuple[Placed, NDArray[np.float64]]], laid: Sequence[Laid]) -> None:
    """Mark what ``laid`` hides of ``faces``, in place."""
    for placed, cover in faces.values():
        for one in laid:
            np.maximum(cover, one.cover_at(placed.points_px), out=cover)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()

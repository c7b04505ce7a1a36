"""Schedules the walks of a clip so that about as many people are in view as was asked for."""

from dataclasses import dataclass

import numpy as np

from overt.core.errors import UsageError
from overt.simulation.camera import Camera
from overt.simulation.config import StreetConfig
from overt.simulation.walk import Kind, Walk, WalkPlanner

_N_TRIES = 6
_ROOM_M = 0.65
"""Closer than this two walkers would walk through each other."""

_HEAD_START = 0.55
"""How far at most along their way those are who are in view when the clip begins."""


@dataclass(frozen=True, slots=True, eq=False)
class Cast:
    """One walk and who walks it.

    Attributes:
        person: index of the portrait, or None for somebody seen from behind only.
        walk: the path.
        look_seed: chooses clothes and light.
    """

    person: int | None
    walk: Walk
    look_seed: int


@dataclass(frozen=True, slots=True, eq=False)
class Scenario:
    """All walks of a clip, in order of start.

    Attributes:
        cast: who walks.
        n_frames: length of the clip.
    """

    cast: tuple[Cast, ...]
    n_frames: int


def plan_scenario(config: StreetConfig, camera: Camera, n_people: int) -> Scenario:
    """Plan a clip.

    Raises:
        UsageError: nobody could pass within the clip's length.
    """
    return _Scheduler(config, WalkPlanner(config, camera), n_people).plan()


class _Scheduler:
    """Goes through the clip frame by frame and sends the next walker when there is room."""

    def __init__(self, config: StreetConfig, planner: WalkPlanner, n_people: int) -> None:
        self._config = config
        self._planner = planner
        self._rng = np.random.default_rng([config.seed, 1])
        self._waiting = self._queue(n_people)
        self._n_people = n_people
        self._faces: list[Cast] = []
        self._backs: list[Cast] = []

    def plan(self) -> Scenario:
        config = self._config
        limit = None if config.duration_s is None else round(config.duration_s * config.fps)
        frame = 0
        while self._waiting and (limit is None or frame < limit):
            self._fill(frame, limit)
            frame += max(1, config.fps // 5)
        if not self._faces:
            raise UsageError("the simulated clip is too short for anybody to pass")
        n_frames = limit or max(cast.walk.end_frame for cast in self._faces)
        for start in range(0, n_frames, max(1, config.fps // 2)):
            self._fill_backs(start)
        cast = sorted([*self._faces, *self._backs], key=lambda one: one.walk.start_frame)
        return Scenario(tuple(cast), n_frames)

    def _queue(self, n_people: int) -> list[int]:
        """Return who passes, in order; the same person's turns lie far apart."""
        rounds = self._config.passes if self._config.duration_s is None else 1
        return [int(i) for _ in range(rounds) for i in self._rng.permutation(n_people)]

    def _fill(self, frame: int, limit: int | None) -> None:
        """Send as many walkers with a face as there is room for, one at a time after the start."""
        in_view = sum(_is_in_view(cast.walk, frame) for cast in self._faces)
        room = self._config.n_visible - in_view
        for _ in range(room if frame == 0 else min(room, 1)):
            person = self._next_person(frame)
            if person is None:
                return
            cast = self._send(person, frame)
            if limit is not None and cast.walk.end_frame > limit:
                self._waiting.insert(0, person)
                return
            self._faces.append(cast)

    def _next_person(self, frame: int) -> int | None:
        """Take the first in the queue who is not in view too often already."""
        for place, person in enumerate(self._waiting):
            in_view = sum(
                cast.person == person and _is_in_view(cast.walk, frame) for cast in self._faces
            )
            if in_view < self._config.same_person_at_once:
                del self._waiting[place]
                if self._config.duration_s is not None and not self._waiting:
                    self._waiting = [int(i) for i in self._rng.permutation(self._n_people)]
                return person
        return None

    def _send(self, person: int, frame: int) -> Cast:
        at_start = frame == 0
        across = not at_start and self._rng.random() < self._config.share_across
        kind: Kind = "across" if across else "towards"
        return Cast(person, self._free_walk(kind, frame, begun=at_start), self._seed())

    def _free_walk(self, kind: Kind, frame: int, *, begun: bool) -> Walk:
        """Return, of a few walks drawn, the first with room, or else the one with most room.

        Those who walk away take the one with most room at once: in a queue they look odd.
        """
        drawn: list[tuple[float, Walk]] = []
        for _ in range(_N_TRIES):
            walk = self._planner.walk(self._rng, kind, frame)
            if begun:
                done = round(walk.n_frames * float(self._rng.uniform(0.05, _HEAD_START)))
                walk = self._planner.begun(walk, done)
            others = [*self._faces, *self._backs]
            room = min((walk.nearest_m(other.walk) for other in others), default=float("inf"))
            if room >= _ROOM_M and kind != "away":
                return walk
            drawn.append((room, walk))
        return max(drawn, key=lambda pair: pair[0])[1]

    def _fill_backs(self, frame: int) -> None:
        in_view = sum(_is_in_view(cast.walk, frame) for cast in self._backs)
        if in_view < self._config.n_away:
            walk = self._free_walk("away", frame, begun=frame == 0)
            self._backs.append(Cast(None, walk, self._seed()))

    def _seed(self) -> int:
        return int(self._rng.integers(2**31))


def _is_in_view(walk: Walk, frame: int) -> bool:
    return walk.start_frame <= frame < walk.end_frame

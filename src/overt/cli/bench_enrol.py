"""Enrolment by itself: people a second, beside one thread and beside a plain loop.

The plain loop is what a user would write with OpenCV: decode, ``FaceDetectorYN``, align,
``FaceRecognizerSF``, one picture after the other, the same weights, OpenCV on every core. It looks
at a picture once instead of up to four times, has no measure of quality and keeps nothing.
"""

import itertools
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

import cv2
import numpy as np
from rich.console import Console

from overt.cli import wiring
from overt.cli.measured import Series
from overt.cli.wiring import LoadedModels
from overt.core.errors import InputError
from overt.inference.prepare import prepare_plain
from overt.inference.runtimes import Runtime
from overt.simulation.people import packaged_people
from overt.video.picture_sets import PersonPictures, read_people
from overt.watchlist.enrol import Accepted, Enroller

PEER_MIN_SCORE = 0.6
SIDES_PX = (240, 320, 480, 640)
"""Longest sides of the packaged portraits' copies, in turn."""

JPEG_QUALITY = 90


@dataclass(slots=True)
class EnrolBench:
    """What was measured; see :meth:`as_dict`."""

    people_s: Series = field(default_factory=Series)
    one_worker_people_s: Series = field(default_factory=Series)
    peer_people_s: Series = field(default_factory=Series)
    ratio: Series = field(default_factory=Series)
    cpu_ms_a_person: Series = field(default_factory=Series)
    n_people: int = 0
    n_pictures: int = 0
    n_accepted: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return every figure as median, least and greatest over the repeats."""
        return {
            "n_people": self.n_people,
            "n_pictures": self.n_pictures,
            "n_accepted": self.n_accepted,
            "people_s": self.people_s.as_dict(),
            "one_worker_people_s": self.one_worker_people_s.as_dict(),
            "peer_people_s": self.peer_people_s.as_dict(),
            "ratio": self.ratio.as_dict(),
            "cpu_ms_a_person": self.cpu_ms_a_person.as_dict(),
        }


def measure_enrol(
    *,
    people: Path | None,
    n_people: int,
    repeats: int,
    runtime: Runtime,
    device: str,
    console: Console,
) -> EnrolBench:
    """Enrol the first ``n_people`` of a folder or ZIP, or copies of the packaged portraits.

    Raises:
        OvertError: as an import would.
    """
    source = _packaged() if people is None else read_people(people)
    listed = list(itertools.islice(source, n_people))
    bench = EnrolBench(n_people=len(listed), n_pictures=sum(len(p.pictures) for p in listed))
    with wiring.open_models(runtime=runtime, device=device) as models:
        every = Enroller(models.still_detector, models.embedder)
        one = Enroller(models.still_detector, models.embedder, n_workers=1)
        peer = PlainLoop(models)
        for enroller in (every, one):
            list(enroller.enrol(listed[:4]))
        for repeat in range(repeats):
            console.print(f"run {repeat + 1} of {repeats}")
            cpu_s = process_time()
            rate, bench.n_accepted = _people_s(every, listed)
            bench.cpu_ms_a_person.values.append(1000 * (process_time() - cpu_s) / len(listed))
            bench.people_s.values.append(rate)
            bench.one_worker_people_s.values.append(_people_s(one, listed)[0])
            bench.peer_people_s.values.append(peer.people_s(listed))
            bench.ratio.values.append(rate / bench.peer_people_s.values[-1])
    return bench


def _people_s(enroller: Enroller, listed: list[PersonPictures]) -> tuple[float, int]:
    began = perf_counter()
    n_accepted = sum(isinstance(each, Accepted) for each in enroller.enrol(listed))
    return len(listed) / (perf_counter() - began), n_accepted


def _packaged() -> Iterator[PersonPictures]:
    """Yield copies of the packaged portraits without end, in several sizes."""
    portraits = packaged_people()
    for number, side_px in enumerate(itertools.cycle(SIDES_PX)):
        picture = portraits[(number // len(SIDES_PX)) % len(portraits)].picture
        scale = side_px / max(picture.shape[:2])
        size = (round(picture.shape[1] * scale), round(picture.shape[0] * scale))
        copy = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
        done, data = cv2.imencode(".jpg", copy, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
        if not done:
            raise InputError("A portrait could not be written as JPEG.")
        yield PersonPictures(f"person-{number:05}", (bytes(data),))


class PlainLoop:
    """Templates with OpenCV alone, of the surest face of each picture."""

    def __init__(self, models: LoadedModels) -> None:
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
        cache = wiring.models_cache()
        detector = prepare_plain(models.pair.detector.manifest, cache)
        embedder = prepare_plain(models.pair.embedder.manifest, cache)
        self._detector = cv2.FaceDetectorYN.create(
            str(detector), "", (320, 320), PEER_MIN_SCORE, 0.3, 5000
        )
        self._embedder = cv2.FaceRecognizerSF.create(str(embedder), "")

    def people_s(self, listed: list[PersonPictures]) -> float:
        """Return how many people a second are worked through."""
        with _all_cores():
            began = perf_counter()
            for data in itertools.chain.from_iterable(person.pictures for person in listed):
                self._one(data)
            return len(listed) / (perf_counter() - began)

    def _one(self, data: bytes) -> None:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
        if picture is None:
            return
        self._detector.setInputSize((picture.shape[1], picture.shape[0]))
        _, faces = self._detector.detect(picture)
        if faces is not None:
            self._embedder.feature(self._embedder.alignCrop(picture, faces[0]))


@contextmanager
def _all_cores() -> Iterator[None]:
    """Give OpenCV every core for as long as the peer runs."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(-1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)

"""The frame path against the loop that one would write first.

The peer is that loop: OpenCV's ``VideoCapture``, ``FaceDetectorYN`` at the full size of the frame
and ``FaceRecognizerSF`` on every face of every frame, with the same weights, on all cores. It
neither tracks, compares nor stores; Overt does all of it.
"""

import statistics
import tempfile
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
from overt.cli.demo_authority import Asked, authorise_demo
from overt.cli.demo_cast import enrol_cast, own_cast, packaged_cast
from overt.cli.display import RunDisplay
from overt.cli.measured import Series
from overt.cli.session import run_session
from overt.cli.wiring import LoadedModels
from overt.core.clock import SystemClock
from overt.core.errors import InputError
from overt.core.ids import CameraId
from overt.inference.prepare import prepare_plain
from overt.inference.runtimes import Runtime
from overt.live.run import RunReport
from overt.simulation.config import StreetConfig
from overt.simulation.street import StreetSimulator
from overt.store.store import Store
from overt.video.open import open_reader
from overt.video.sources import parse_source

PEER_MIN_SCORE = 0.6
N_VISIBLE = 12
"""People at once in the rendered street; about seven of their faces are found in a frame."""

ONE_IN = 1000


@dataclass(slots=True)
class PipelineBench:
    """What was measured; see :meth:`as_dict`."""

    overt_fps: Series = field(default_factory=Series)
    peer_fps: Series = field(default_factory=Series)
    ratio: Series = field(default_factory=Series)
    decode_fps: Series = field(default_factory=Series)
    cpu_ms_a_frame: Series = field(default_factory=Series)
    latency_median_ms: Series = field(default_factory=Series)
    latency_p99_ms: Series = field(default_factory=Series)
    stage_s: dict[str, list[float]] = field(default_factory=dict)
    n_frames: int = 0
    n_detections: int = 0

    def as_dict(self) -> dict[str, Any]:
        """Return every figure as median, least and greatest over the repeats."""
        frames = max(self.n_frames, 1)
        return {
            "n_frames": self.n_frames,
            "faces_a_frame": round(self.n_detections / frames, 2),
            "overt_fps": self.overt_fps.as_dict(),
            "peer_fps": self.peer_fps.as_dict(),
            "ratio": self.ratio.as_dict(),
            "decode_fps": self.decode_fps.as_dict(),
            "cpu_ms_a_frame": self.cpu_ms_a_frame.as_dict(),
            "latency_median_ms": _or_none(self.latency_median_ms),
            "latency_p99_ms": _or_none(self.latency_p99_ms),
            "stage_ms_a_frame": {
                stage: round(1000 * statistics.median(values) / frames, 3)
                for stage, values in self.stage_s.items()
            },
        }

    def add(self, report: RunReport, display: RunDisplay, cpu_s: float) -> None:
        """Take one run of Overt and the processor time it took on all cores together."""
        self.cpu_ms_a_frame.values.append(1000 * cpu_s / max(report.counts.frames_read, 1))
        self.n_frames = report.counts.frames_read
        self.n_detections = report.counts.detections
        self.overt_fps.values.append(self.n_frames / report.looked_s)
        for stage, seconds in report.stage_s.items():
            self.stage_s.setdefault(stage, []).append(seconds)
        latencies_ms = [1000 * seconds for seconds in display.stored_after_s.values()]
        if latencies_ms:
            self.latency_median_ms.values.append(float(np.median(latencies_ms)))
            self.latency_p99_ms.values.append(float(np.percentile(latencies_ms, 99)))


def _or_none(series: Series) -> dict[str, float] | None:
    return series.as_dict() if series.values else None


def measure_pipeline(
    *,
    clip: Path | None,
    people: Path | None,
    seconds: float,
    repeats: int,
    peer_frames: int,
    runtime: Runtime,
    device: str,
    console: Console,
) -> PipelineBench:
    """Run Overt and the peer in turns.

    Raises:
        OvertError: as a deployment would.
    """
    bench = PipelineBench()
    with (
        tempfile.TemporaryDirectory(prefix="overt-bench-") as temporary,
        wiring.open_models(runtime=runtime, device=device) as models,
    ):
        cast = packaged_cast() if people is None else own_cast(people, None, seed=1)
        watchlist = enrol_cast(cast, (), None, models, console).watchlist
        video = clip or Path(temporary) / "street.mp4"
        if clip is None:
            console.print(f"Rendering {seconds:.0f} s of street …")
            few = len(cast.portraits) < N_VISIBLE
            config = StreetConfig(
                duration_s=seconds, n_visible=N_VISIBLE, same_person_at_once=5 if few else 1
            )
            StreetSimulator(config, cast.portraits, models.find_landmarks).render(video)
        sources = {CameraId("bench"): parse_source(str(video))}
        peer = PlainLoop(models)
        for repeat in range(repeats):
            console.print(f"run {repeat + 1} of {repeats}")
            clock = SystemClock()
            with Store.open(Path(temporary) / f"store-{repeat}", clock) as store:
                demonstration = authorise_demo(
                    store, clock, models, watchlist, sources, Asked(ONE_IN)
                )
                cpu_s = process_time()
                with demonstration.officers_present():
                    report, display = run_session(
                        demonstration.session, store, clock, console, quiet=True
                    )
                bench.add(report, display, process_time() - cpu_s)
            with _all_cores():
                bench.peer_fps.values.append(peer.frames_a_second(video, peer_frames))
            bench.decode_fps.values.append(_decode_fps(video))
            bench.ratio.values.append(bench.overt_fps.values[-1] / bench.peer_fps.values[-1])
    return bench


def _decode_fps(video: Path) -> float:
    clock = SystemClock()
    spec = parse_source(str(video))
    began = perf_counter()
    with open_reader(spec, CameraId("bench"), clock, started_utc=clock.now_utc()) as reader:
        n_frames = sum(1 for _ in reader)
    return n_frames / (perf_counter() - began)


@contextmanager
def _all_cores() -> Iterator[None]:
    """Give OpenCV every core for as long as the peer runs."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(-1)
    try:
        yield
    finally:
        cv2.setNumThreads(before)


class PlainLoop:
    """Detection and templates with OpenCV alone."""

    def __init__(self, models: LoadedModels) -> None:
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)
        cache = wiring.models_cache()
        detector = prepare_plain(models.pair.detector.manifest, cache)
        embedder = prepare_plain(models.pair.embedder.manifest, cache)
        self._detector = cv2.FaceDetectorYN.create(
            str(detector), "", (320, 320), PEER_MIN_SCORE, 0.3, 5000
        )
        self._embedder = cv2.FaceRecognizerSF.create(str(embedder), "")

    def frames_a_second(self, video: Path, n_frames: int) -> float:
        """Process up to ``n_frames`` from the middle of the video, where the street is full."""
        capture = cv2.VideoCapture(str(video))
        try:
            total = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
            capture.set(cv2.CAP_PROP_POS_FRAMES, max(0, (total - n_frames) // 2))
            self._one(capture)
            began, n_done = perf_counter(), 0
            while n_done < n_frames and self._one(capture):
                n_done += 1
            elapsed_s = perf_counter() - began
        finally:
            capture.release()
        if n_done == 0:
            raise InputError("OpenCV cannot read the video.")
        return n_done / elapsed_s

    def _one(self, capture: cv2.VideoCapture) -> bool:
        read, frame = capture.read()
        if not read:
            return False
        height, width = frame.shape[:2]
        self._detector.setInputSize((width, height))
        _, faces = self._detector.detect(frame)
        for face in () if faces is None else faces:
            self._embedder.feature(self._embedder.alignCrop(frame, face))
        return True

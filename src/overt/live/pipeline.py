"""The frame path, in order. One pipeline for each camera.

    frame → detections → tracks → best shot → template → candidates → verdict → alert
      └ a face that matches nobody: counted, compared, erased

Invariants: every passage ends in exactly one count; its buffers are overwritten then; an alert is
counted only after the sink has kept it.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field

import numpy as np

from overt.alerts.alert import Alert, FalseAlertRate, new_alert_id
from overt.alerts.ports import AlertSink
from overt.core.arrays import Vector
from overt.core.clock import Clock
from overt.core.detections import Detections
from overt.core.frame import Frame
from overt.core.ids import DeploymentId, EntryId, TrackId
from overt.live.passage import Passage
from overt.live.scene import alert_pictures
from overt.live.stages import StageTimes
from overt.live.tally import Tally
from overt.matching.gallery import Search
from overt.policy.locks import AlertRule, Evidence, PossibleMatch, Scored, decide
from overt.vision.best_shot import BestShotSettings, Shot
from overt.vision.detect import FaceDetector
from overt.vision.embed import Embedder
from overt.vision.face_memory import FaceMemory
from overt.vision.quality import QualityGate
from overt.vision.track import FaceTracker, Track, TrackerSettings

N_CANDIDATES = 64
"""Enough to find the next different person behind a group of kin."""


@dataclass(frozen=True, slots=True)
class Recogniser:
    """What turns a frame into candidates; shared by all cameras of a run.

    Attributes:
        detector: finds faces.
        embedder: makes templates of them.
        search: the deployment's watchlist.
        dims: length of a template.
        gate: which shots may be compared.
        shots: which of those are.
        tracking: how faces are followed.
    """

    detector: FaceDetector
    embedder: Embedder
    search: Search
    dims: int
    gate: QualityGate = field(default_factory=QualityGate)
    shots: BestShotSettings = field(default_factory=BestShotSettings)
    tracking: TrackerSettings = field(default_factory=TrackerSettings)


class CameraPipeline:
    """Takes the frames of one camera, in order. Not thread-safe: one camera, one thread."""

    def __init__(
        self,
        *,
        deployment: DeploymentId,
        recogniser: Recogniser,
        rule: AlertRule,
        rate: FalseAlertRate | None,
        sink: AlertSink,
        tally: Tally,
        stages: StageTimes,
        clock: Clock,
    ) -> None:
        self._deployment = deployment
        self._recogniser = recogniser
        self._rule = rule
        self._rate = rate
        self._sink = sink
        self._tally = tally
        self._stages = stages
        self._clock = clock
        self._memory = FaceMemory(recogniser.dims, recogniser.shots.max_shots)
        self._tracker = FaceTracker(recogniser.tracking)
        self._passages: dict[TrackId, Passage] = {}
        self._raised: dict[EntryId, Alert] = {}

    def process(self, frame: Frame, detections: Detections) -> None:
        """Take one frame and the faces found in it.

        Raises:
            StorageError: an alert could not be kept; the caller must stop the run.
        """
        n_counted = np.count_nonzero(detections.scores >= self._recogniser.tracking.doubtful_score)
        self._tally.frame(int(n_counted))
        with self._stages.measure("track"):
            update = self._tracker.update(detections, frame.media_time_s)
        with self._stages.measure("choose"):
            chosen = self._choose_shots(frame, detections, update.seen)
        self._compare(chosen)
        self._end(update.ended)

    def finish(self) -> None:
        """End every passage, as when the stream ends; the last shots are still compared."""
        self._end(self._tracker.finish())

    def abandon(self) -> None:
        """End every passage without comparing anything more, as when matching must stop.

        That includes passages whose tracks had ended when something failed before they were closed.
        """
        for track in self._tracker.finish():
            self._close(self._take_passage(track.id))
        for track_id in tuple(self._passages):
            self._close(self._take_passage(track_id))

    def _begin(self, track: TrackId) -> Passage:
        parts = self._recogniser
        return Passage.begin(track, self._memory, parts.gate, parts.shots)

    def _take_passage(self, track: TrackId) -> Passage:
        passage = self._passages.pop(track, None)
        return self._begin(track) if passage is None else passage

    def _choose_shots(
        self, frame: Frame, detections: Detections, seen: Iterable[Track]
    ) -> list[tuple[Passage, Shot]]:
        chosen = []
        for track in seen:
            passage = self._passages.get(track.id)
            if passage is None:
                passage = self._passages[track.id] = self._begin(track.id)
            if track.detection is None or passage.is_settled:
                continue
            confirm = passage.wants_confirmation
            shot = passage.chooser.offer(frame, detections, track.detection, confirm=confirm)
            if shot is not None:
                chosen.append((passage, shot))
        return chosen

    def _compare(self, chosen: list[tuple[Passage, Shot]]) -> None:
        """Embed the chosen shots in one batch, then decide on each passage."""
        if not chosen:
            return
        try:
            with self._stages.measure("embed"):
                templates = self._recogniser.embedder.embed([shot.crop for _, shot in chosen])
            try:
                for (passage, shot), template in zip(chosen, templates, strict=True):
                    self._weigh(passage, shot, template)
            finally:
                templates.fill(0)
        finally:
            for _, shot in chosen:
                shot.forget()

    def _weigh(self, passage: Passage, shot: Shot, template: Vector) -> None:
        if passage.is_somebody_else(template):
            passage = self._succeed(passage, shot)
        passage.add(shot, template)
        passage.leaders.extend(self._candidates(template, 1))
        found = self._candidates(passage.fused(), N_CANDIDATES)
        evidence = Evidence(found, passage.leaders, passage.weights)
        passage.verdict = decide(evidence, self._rule)
        if isinstance(passage.verdict, PossibleMatch):
            self._alert(passage, passage.verdict, shot)

    def _succeed(self, passage: Passage, shot: Shot) -> Passage:
        """Close a passage whose track has jumped to another face, and begin that face's own."""
        self._close(passage)
        successor = self._begin(passage.track)
        successor.chooser.take_over(shot)
        self._passages[passage.track] = successor
        return successor

    def _candidates(self, probe: Vector, n: int) -> list[Scored]:
        with self._stages.measure("compare"):
            found = self._recogniser.search.search(probe, n, self._clock.now_utc())
        return [Scored(each.entry, each.similarity, each.kin) for each in found]

    def _alert(self, passage: Passage, match: PossibleMatch, shot: Shot) -> None:
        frame = shot.frame
        earlier = self._raised.get(match.entry)
        if earlier is not None and self._folds(earlier, match, frame):
            passage.repeats = earlier.id
            return
        alert = self._new_alert(passage, match, shot)
        with self._stages.measure("alert"):
            self._sink.raise_alert(alert, alert_pictures(frame, shot.detections, shot.face))
        passage.alert = alert.id
        self._raised[match.entry] = alert

    def _folds(self, earlier: Alert, match: PossibleMatch, frame: Frame) -> bool:
        """Fold a passage into an earlier alert, unless it is too late or officers are done with it.

        By the stream's own time, which never goes back, whatever is done to the clock.
        """
        if frame.media_time_s - earlier.media_time_s > self._rule.repeat_within_s:
            return False
        return self._sink.fold_repeat(earlier.id, frame.captured_utc, match.similarity)

    def _new_alert(self, passage: Passage, match: PossibleMatch, shot: Shot) -> Alert:
        frame = shot.frame
        left, top, right, bottom = (int(v) for v in np.rint(shot.detections.boxes_px[shot.face]))
        return Alert(
            id=new_alert_id(),
            deployment=self._deployment,
            camera=frame.camera,
            entry=match.entry,
            track=passage.track,
            captured_utc=frame.captured_utc,
            media_time_s=frame.media_time_s,
            frame_sequence=frame.sequence,
            similarity=match.similarity,
            threshold=self._rule.threshold,
            margin=match.margin,
            n_shots=match.n_agreeing,
            calibrated_rate=self._rate,
            latency_s=self._clock.monotonic_s() - frame.arrived_s,
            face_box_px=(left, top, right, bottom),
        )

    def _end(self, tracks: Collection[Track]) -> None:
        """Compare the last shots of passages that ended, then count and forget them."""
        chosen = []
        for track in tracks:
            passage = self._passages.get(track.id)
            if passage is not None and not passage.is_settled:
                shot = passage.chooser.last()
                if shot is not None:
                    chosen.append((passage, shot))
        self._compare(chosen)
        for track in tracks:
            self._close(self._take_passage(track.id))

    def _close(self, passage: Passage) -> None:
        self._tally.passage(passage)
        passage.forget()

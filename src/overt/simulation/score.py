"""Score a run's alerts against the ground truth.

An alert is true if the person it names has a passage that covers its frame time and, where the
alert gives a box, that person's face was there. Everything else is a false alert: naming somebody
who was not in view, or pointing at somebody else's face.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from overt.simulation.truth import Passage, Truth

BoxPx = tuple[float, float, float, float]
AlertSeen = tuple[str, float, BoxPx | None]
"""Person named, frame time in seconds, box of the face in pixels of the clip if known."""


@dataclass(frozen=True, slots=True)
class TruthScore:
    """What the alerts of a run were worth.

    Attributes:
        passages: passages of listed people.
        found: of those, how many raised at least one true alert.
        folded: of those not found, how many began within the fold window of a true alert for the
            same person, so that no second alert was due.
        false_alerts: alerts that are not true.
        duplicate_alerts: true alerts beyond the first of a passage.
    """

    passages: int
    found: int
    folded: int
    false_alerts: int
    duplicate_alerts: int


def score_alerts(
    truth: Truth,
    alerts: Sequence[AlertSeen],
    listed: Collection[str],
    *,
    tolerance_s: float = 0.2,
    fold_s: float = 0.0,
    least_overlap: float = 0.2,
) -> TruthScore:
    """Compare alerts with who really passed.

    Args:
        truth: of the clip.
        alerts: in any order.
        listed: the people on the watchlist, by their label in the truth.
        tolerance_s: how far outside a passage an alert's time may lie.
        fold_s: the run's window within which repeats of one person are folded into one alert.
        least_overlap: intersection over union that an alert's box must have with the face's own.

    Returns:
        The score. An alert that names somebody who is not in ``listed`` is false.
    """
    of_listed = [index for index, p in enumerate(truth.passages) if p.person in listed]
    options: list[list[int]] = []
    alert_times_s: dict[str, list[float]] = {}
    margins = _Margins(truth.config.fps, tolerance_s, least_overlap)
    n_false = 0
    for person, time_s, box_px in sorted(alerts, key=lambda alert: alert[1]):
        matching = [
            index
            for index in of_listed
            if truth.passages[index].person == person
            and margins.cover(truth.passages[index], time_s, box_px)
        ]
        if not matching:
            n_false += 1
            continue
        options.append(matching)
        alert_times_s.setdefault(person, []).append(time_s)
    found = _explained(options)
    return TruthScore(
        passages=len(of_listed),
        found=len(found),
        folded=sum(
            _was_folded(truth.passages[index], alert_times_s, fold_s)
            for index in of_listed
            if index not in found
        ),
        false_alerts=n_false,
        duplicate_alerts=len(options) - len(found),
    )


def _explained(options: Sequence[Sequence[int]]) -> set[int]:
    """Return the most passages that alerts can stand for, each alert for one of its options.

    One person can have several passages at once, and an alert without a box says only when: taken
    one after another, such alerts would use up each other's passages (Kuhn's matching).
    """
    standing_for: dict[int, int] = {}

    def place(alert: int, tried: set[int]) -> bool:
        for passage in options[alert]:
            if passage in tried:
                continue
            tried.add(passage)
            if passage not in standing_for or place(standing_for[passage], tried):
                standing_for[passage] = alert
                return True
        return False

    for alert in range(len(options)):
        place(alert, set())
    return set(standing_for)


@dataclass(frozen=True, slots=True)
class _Margins:
    """How exactly an alert must point at a passage."""

    fps: int
    tolerance_s: float
    least_overlap: float

    def cover(self, passage: Passage, time_s: float, box_px: BoxPx | None) -> bool:
        early, late = (
            passage.first_time_s - self.tolerance_s,
            passage.last_time_s + self.tolerance_s,
        )
        if not early <= time_s <= late:
            return False
        if box_px is None:
            return True
        reach = max(1, round(self.tolerance_s * self.fps))
        near = (s for s in passage.sightings if abs(s.frame - round(time_s * self.fps)) <= reach)
        return any(_overlap(box_px, sighting.box_px) >= self.least_overlap for sighting in near)


def _overlap(a: BoxPx, b: BoxPx) -> float:
    """Return intersection over union of two boxes, 0 to 1."""
    width = min(a[2], b[2]) - max(a[0], b[0])
    height = min(a[3], b[3]) - max(a[1], b[1])
    if width <= 0 or height <= 0:
        return 0.0
    both = width * height
    union = (a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - both
    return both / union


def _was_folded(passage: Passage, alert_times_s: dict[str, list[float]], fold_s: float) -> bool:
    times = alert_times_s.get(passage.person, [])
    return any(t <= passage.last_time_s and passage.first_time_s <= t + fold_s for t in times)

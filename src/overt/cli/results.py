"""The closing figures of a run: for people as a table, for programs as one JSON object."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table
from rich.text import Text

from overt.alerts.alert import Alert
from overt.alerts.ports import StopReason
from overt.cli.display import RunDisplay
from overt.core.clock import format_utc
from overt.core.counts import FaceCounts
from overt.core.ids import EntryId
from overt.live.run import RunReport


@dataclass(frozen=True, slots=True)
class TruthFigures:
    """What a run's alerts were worth, where it is known who passed.

    Attributes:
        passages: of people on the list.
        found: of those, how many alerted.
        false_alerts: alerts that named somebody who was not there.
        duplicate_alerts: further alerts of a passage that had alerted.
    """

    passages: int
    found: int
    false_alerts: int
    duplicate_alerts: int


def as_json(
    report: RunReport,
    display: RunDisplay,
    labels: Mapping[EntryId, str],
    truth: TruthFigures | None,
) -> dict[str, Any]:
    """Return the run as the documented JSON object.

    ``entry`` is what the list calls the person, since this goes to the one who runs the
    deployment; ``entry_id`` is what records and logs carry.
    """
    counts = report.counts
    return {
        "ended": report.reason.value,
        "ended_because": report.ended_because or None,
        "frames": {"read": counts.frames_read, "dropped": counts.frames_dropped},
        "faces": {
            "detected": counts.faces_detected,
            "rejected": counts.faces_rejected,
            "compared": counts.faces_compared,
            "erased": counts.faces_erased,
            "alerted": counts.faces_alerted,
            "repeats": counts.repeats,
            "rejected_by_reason": dict(counts.rejected_by_reason),
        },
        "detections": counts.detections,
        "alerts": [
            _alert(each, labels, display.stored_after_s[each.id]) for each in display.alerts
        ],
        "truth": None if truth is None else _truth(truth),
        "elapsed_s": round(report.elapsed_s, 3),
        "looked_s": round(report.looked_s, 3),
        "pauses": {"n": report.n_pauses, "seconds": round(report.paused_s, 3)},
        "fps": round(fps(report), 2),
        "latency_s": latencies(display),
        "stage_s": {stage: round(s, 3) for stage, s in report.stage_s.items()},
        "memory": None if report.protection is None else asdict(report.protection),
        "failed_cameras": list(report.failed_cameras),
        "ended_early": list(report.ended_early),
    }


def alert_facts(alert: Alert, label: str) -> dict[str, Any]:
    """Return what an alert says, for programs."""
    rate = alert.calibrated_rate
    return {
        "id": alert.id,
        "words": alert.words,
        "entry": label,
        "entry_id": alert.entry,
        "similarity": round(alert.similarity, 6),
        "threshold": alert.threshold,
        "margin": None if alert.margin is None else round(alert.margin, 6),
        "n_shots": alert.n_shots,
        "false_alert_one_in": None if rate is None else rate.one_in,
        "camera": alert.camera,
        "captured_utc": format_utc(alert.captured_utc),
        "frame_time_s": round(alert.media_time_s, 3),
        "frame": alert.frame_sequence,
        "box_px": list(alert.face_box_px),
    }


def _alert(alert: Alert, labels: Mapping[EntryId, str], stored_after_s: float) -> dict[str, Any]:
    facts = alert_facts(alert, labels.get(alert.entry, alert.entry))
    return {**facts, "latency_s": round(stored_after_s, 4)}


def _truth(truth: TruthFigures) -> dict[str, int]:
    return {
        "passages": truth.passages,
        "found": truth.found,
        "false_alerts": truth.false_alerts,
        "duplicate_alerts": truth.duplicate_alerts,
    }


def people(n: int) -> str:
    """Return a number of people as words are put."""
    return "1 person" if n == 1 else f"{n:,} people"


def fps(report: RunReport) -> float:
    """Return frames looked at for each second in which they were."""
    return report.counts.frames_read / report.looked_s if report.looked_s > 0 else 0.0


def latencies(display: RunDisplay) -> dict[str, float | None]:
    """Return median and 99th percentile from a frame's arrival to its stored alert, in seconds."""
    if not display.stored_after_s:
        return {"median": None, "p99": None}
    seconds = np.array(list(display.stored_after_s.values()))
    return {
        "median": round(float(np.median(seconds)), 4),
        "p99": round(float(np.percentile(seconds, 99)), 4),
    }


def print_closing(
    console: Console, report: RunReport, display: RunDisplay, truth: TruthFigures | None
) -> None:
    """Print why it ended, the counts with the sums that must hold, speed, latency and any truth."""
    console.print()
    for remark in _remarks(report):
        console.print(Text(remark, style="yellow"), soft_wrap=True)
    console.print(_counts_table(report.counts))
    ms = {
        name: "-" if s is None else f"{s * 1000:.0f} ms" for name, s in latencies(display).items()
    }
    console.print(
        f"{fps(report):.0f} frames a second; from frame to stored alert: "
        f"median {ms['median']}, 99th percentile {ms['p99']}",
        soft_wrap=True,
    )
    if truth is not None:
        console.print(
            f"Truth: {truth.found} of {truth.passages} passages of listed people found, "
            f"{truth.false_alerts} false alerts, {truth.duplicate_alerts} duplicates",
            soft_wrap=True,
        )


def _remarks(report: RunReport) -> Iterator[str]:
    """Yield what did not go as a run to its end goes."""
    if report.reason is StopReason.AUTHORITY_ENDED:
        yield "The authority has ended, and with it the run."
    if report.reason is StopReason.ENDED:
        yield f"{report.ended_because.rstrip('.')}. With that the run has ended."
    if report.n_pauses:
        times = "once" if report.n_pauses == 1 else f"{report.n_pauses:,} times"
        yield f"Paused {times}, for {report.paused_s:.0f} s altogether."
    if report.reason is StopReason.INTERRUPTED:
        yield "Interrupted, and closed properly."
    for camera in report.failed_cameras:
        yield f"The camera {camera} could not be read."
    for camera in report.ended_early:
        yield f"The recording of the camera {camera} broke off before its end."


def _counts_table(counts: FaceCounts) -> Table:
    table = Table(box=None, show_header=False, padding=(0, 1))
    table.add_column(justify="right", style="bold")
    table.add_column()
    table.add_row(f"{counts.frames_read:,}", "frames looked at")
    table.add_row(f"{counts.frames_dropped:,}", "frames dropped")
    table.add_row(
        f"{counts.faces_detected:,}",
        f"faces detected = {counts.faces_rejected:,} rejected + {counts.faces_compared:,} compared",
    )
    table.add_row(
        f"{counts.faces_compared:,}",
        f"faces compared = {counts.faces_alerted:,} alerted + {counts.faces_erased:,} erased",
    )
    if counts.repeats:
        table.add_row(f"{counts.repeats:,}", "of the erased were repeats of an earlier alert")
    for reason, n in sorted(counts.rejected_by_reason.items(), key=lambda each: -each[1]):
        table.add_row(f"{n:,}", f"rejected: {reason}")
    return table

"""What a person sees while a deployment runs: progress, counts, and each alert as it comes.

Everything here goes to standard error or a given console; standard output stays free for results.
"""

import time
from collections.abc import Mapping
from datetime import datetime
from types import TracebackType
from typing import Self

from rich.console import Console, Group
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from overt.alerts.alert import Alert, AlertPictures
from overt.core.ids import AlertId, DeploymentId, EntryId
from overt.deployment.guard import PauseCause
from overt.live.observer import Progress

PLAIN_EVERY_S = 10.0
"""How often a line of progress is written where there is no terminal to redraw."""

WAIT_UNSAID_S = 1.5
"""How long a run waits for its officers before it says so."""

REMEDIES = {PauseCause.PRESENCE: "present", PauseCause.PERSON: "resume"}
"""With which command a run goes on that stands still; for other causes the reason says it."""


class RunDisplay:
    """Watches a run for one person; see :class:`overt.live.observer.Observer`.

    Attributes:
        alerts: raised so far, in order.
        stored_after_s: of each alert, seconds from its frame's arrival until it was stored.
        repeats: which alert each was folded into, and when it was seen.
        pictures: of each alert, for as long as the display lives; in memory only.
    """

    def __init__(
        self,
        console: Console,
        labels: Mapping[EntryId, str],
        deployment: DeploymentId,
        *,
        quiet: bool = False,
    ) -> None:
        self.alerts: list[Alert] = []
        self.stored_after_s: dict[AlertId, float] = {}
        self.pictures: dict[AlertId, AlertPictures] = {}
        self.repeats: list[tuple[AlertId, datetime]] = []
        self._console = console
        self._labels = labels
        self._deployment = deployment
        self._has_looked = False
        self._standstill = ""
        self._unsaid_since_s: float | None = None
        self._quiet = quiet
        self._shown_at_s = time.monotonic()
        self._live: Live | None = None

    def __enter__(self) -> Self:
        if self._console.is_terminal and not self._quiet:
            self._live = Live(console=self._console, refresh_per_second=8, transient=True)
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()
            self._live = None

    def alert_raised(self, alert: Alert, pictures: AlertPictures, stored_after_s: float) -> None:
        """See :class:`overt.live.observer.Observer`."""
        self.alerts.append(alert)
        self.stored_after_s[alert.id] = stored_after_s
        self.pictures[alert.id] = pictures
        if not self._quiet:
            label = self._labels.get(alert.entry, alert.entry)
            self._console.print(alert_line(alert, label), soft_wrap=True)

    def alert_repeated(self, alert: AlertId, captured_utc: datetime) -> None:
        """See :class:`overt.live.observer.Observer`."""
        self.repeats.append((alert, captured_utc))

    def paused(self, reason: str, cause: PauseCause) -> None:
        """See :class:`overt.live.watch.PauseObserver`."""
        what = "Paused" if self._has_looked else "Waiting"
        self._standstill = f"{what}, nothing is looked at. {reason.rstrip('.')}."
        if command := REMEDIES.get(cause):
            self._standstill += f" To go on: overt deployment {command} {self._deployment} --as KEY"
        if self._has_looked or cause is not PauseCause.PRESENCE:
            self._say(self._standstill)
        elif self._unsaid_since_s is None:
            self._unsaid_since_s = time.monotonic()

    def resumed(self) -> None:
        """See :class:`overt.live.watch.PauseObserver`."""
        if self._standstill:
            self._say(
                "Frames are looked at again." if self._has_looked else "Frames are looked at."
            )
        self._has_looked, self._standstill = True, ""

    def _say_why_it_waits(self) -> None:
        """Say it once it takes longer than officers who are there need to say so."""
        since_s = self._unsaid_since_s
        if since_s is not None and time.monotonic() - since_s >= WAIT_UNSAID_S:
            self._unsaid_since_s = None
            self._say(self._standstill)

    def _say(self, words: str) -> None:
        if not self._quiet:
            self._console.print(Text(words, style="bold yellow"), soft_wrap=True)

    def progressed(self, progress: Progress) -> None:
        """See :class:`overt.live.observer.Observer`."""
        self._say_why_it_waits()
        if self._quiet:
            return
        if self._live is not None:
            self._live.update(self._panel(progress))
        elif time.monotonic() - self._shown_at_s >= PLAIN_EVERY_S:
            self._shown_at_s = time.monotonic()
            figures = (f"{name} {value}" for name, value in self._figures(progress).items())
            self._console.print(", ".join(figures), soft_wrap=True, highlight=False)

    def _latest_latency(self) -> str:
        if not self.alerts:
            return "-"
        return f"{self.stored_after_s[self.alerts[-1].id] * 1000:.0f} ms"

    def _panel(self, progress: Progress) -> Group:
        total = progress.n_frames_expected
        bar = ProgressBar(
            total=total, completed=progress.counts.frames_read, width=60, pulse=total is None
        )
        standstill = [Text(self._standstill, style="bold yellow")] if self._standstill else []
        return Group(bar, self._table(progress), *standstill)

    def _table(self, progress: Progress) -> Table:
        figures = self._figures(progress)
        table = Table.grid(padding=(0, 2))
        for _ in figures:
            table.add_column(justify="right")
        table.add_row(*(Text(name, style="dim") for name in figures))
        table.add_row(*figures.values())
        return table

    def _figures(self, progress: Progress) -> dict[str, str]:
        counts = progress.counts
        read = f"{counts.frames_read:,}"
        if progress.n_frames_expected:
            read += f" of {progress.n_frames_expected:,}"
        fps = counts.frames_read / progress.looked_s if progress.looked_s > 0 else 0.0
        figures = {
            "frames": read,
            "dropped": f"{counts.frames_dropped:,}",
            "a second": f"{fps:.0f}",
            "faces seen": f"{counts.faces_detected:,}",
            "compared": f"{counts.faces_compared:,}",
            "erased": f"{counts.faces_erased:,}",
            "alerts": f"{len(self.alerts):,}",
            "latency": self._latest_latency(),
            "authority left": _duration(progress.remaining_s),
        }
        if progress.n_cameras_failed:
            figures["cameras failed"] = str(progress.n_cameras_failed)
        return figures


def alert_line(alert: Alert, label: str) -> Text:
    """Return one alert in one line: the words, who, where, when, how alike, and how sure."""
    line = Text(f"{alert.words}: ", style="bold yellow")
    line.append(label, style="bold")
    line.append(
        f"  camera {alert.camera}, {alert.media_time_s:.1f} s"
        f"  similarity {alert.similarity:.3f} (threshold {alert.threshold:.3f})",
        style="not bold default",
    )
    if alert.calibrated_rate is not None:
        line.append(f" set for 1 in {alert.calibrated_rate.one_in:,} strangers", style="dim")
    return line


def _duration(seconds: float) -> str:
    minutes, left = divmod(max(0, int(seconds)), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{left:02}" if hours else f"{minutes}:{left:02}"

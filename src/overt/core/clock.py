"""The only place that reads a clock. Everything else is handed a :class:`Clock`."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Protocol


class Clock(Protocol):
    """Wall-clock time for records, and a monotonic one for durations and deadlines."""

    def now_utc(self) -> datetime:
        """Return the current time, timezone-aware, in UTC."""
        ...

    def monotonic_s(self) -> float:
        """Return seconds that never go back; only differences mean anything."""
        ...


class SystemClock:
    """The machine's own clocks."""

    def now_utc(self) -> datetime:
        """See :meth:`Clock.now_utc`."""
        return datetime.now(UTC)

    def monotonic_s(self) -> float:
        """See :meth:`Clock.monotonic_s`."""
        return time.monotonic()


@dataclass
class ManualClock:
    """A clock that stands still until it is advanced; for tests and replays.

    Attributes:
        start_utc: the time at ``elapsed_s == 0``, timezone-aware.
        elapsed_s: seconds since then.
    """

    start_utc: datetime = datetime(2026, 1, 1, 12, tzinfo=UTC)
    elapsed_s: float = 0.0

    def now_utc(self) -> datetime:
        """See :meth:`Clock.now_utc`."""
        return self.start_utc + timedelta(seconds=self.elapsed_s)

    def monotonic_s(self) -> float:
        """See :meth:`Clock.monotonic_s`."""
        return self.elapsed_s

    def advance(self, seconds: float) -> None:
        """Move time on by ``seconds`` (not negative)."""
        if seconds < 0:
            raise ValueError("a clock only moves forward")
        self.elapsed_s += seconds


def format_utc(moment: datetime) -> str:
    """Return ``moment`` as RFC 3339 in UTC with milliseconds: the form of every record."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def parse_utc(text: str) -> datetime:
    """Read an RFC 3339 time with an offset.

    Raises:
        ValueError: it is not one, or has no offset.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError("a time needs its offset, for example 2026-01-01T12:00:00Z")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("a time lies within the years 1 to 9999 in UTC") from error

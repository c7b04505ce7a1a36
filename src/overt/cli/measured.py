"""Measured figures and what they were measured on."""

import os
import platform
import statistics
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(slots=True)
class Series:
    """Repeated measurements of one figure.

    Attributes:
        values: one for each repeat.
    """

    values: list[float] = field(default_factory=list)

    def as_dict(self, digits: int = 2) -> dict[str, float]:
        """Return median, least and greatest."""
        return {
            "median": round(statistics.median(self.values), digits),
            "min": round(min(self.values), digits),
            "max": round(max(self.values), digits),
        }

    def __str__(self) -> str:
        return (
            f"{statistics.median(self.values):.1f} "
            f"({min(self.values):.1f} to {max(self.values):.1f})"
        )


def machine() -> dict[str, Any]:
    """Return what the figures were measured on."""
    model = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        lines = cpuinfo.read_text("utf-8", "replace").splitlines()
        named = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
        model = named[0] if named else model
    return {
        "processor": model,
        "cores": len(os.sched_getaffinity(0)),
        "system": platform.platform(),
        "python": platform.python_version(),
    }

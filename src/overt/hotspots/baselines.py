"""What others would have forecast: counts of past years, decayed counts, and KDE.

Invariants: each is a share for each cell with sum 1, from offences before ``at`` alone.
Must not: be tuned on what is predicted.
"""

from typing import Final

from overt.hotspots.mixture import Component, Shares
from overt.hotspots.projection import Floats

DECAYED_HALF_LIFE: Final = 96.0
KDE_HALF_LIFE: Final = 72.0
KDE_BANDWIDTHS_M: Final = (150.0, 300.0, 400.0, 600.0)
YEARS: Final = (1, 3, 5)


def baseline_names(shares: Shares, at: float) -> list[str]:
    """Return the baselines that the data before ``at`` allow, in order."""
    del shares
    counts = [f"count {years} y" for years in YEARS if years * 12 <= at]
    kde = [f"KDE {bandwidth:.0f} m" for bandwidth in KDE_BANDWIDTHS_M]
    return [*counts, "count all", "decayed count 8 y", *kde]


def baseline(name: str, shares: Shares, at: float) -> Floats:
    """Return a baseline's forecast, shape (n_cells,), sum 1.

    Args:
        name: one of :func:`baseline_names`.
        shares: of the study.
        at: months; what happened from then on is not known.
    """
    words = name.split()
    if words[0] == "KDE":
        return shares.share(Component("kernel", KDE_HALF_LIFE, float(words[1])), at)
    if words[0] == "decayed":
        return shares.share(Component("own", DECAYED_HALF_LIFE), at)
    if words[1] == "all":
        return shares.share(Component("own"), at)
    counts = shares.window(max(0.0, at - 12 * int(words[1])), at)
    total = counts.sum()
    return counts / total if total > 0 else shares.study.uniform

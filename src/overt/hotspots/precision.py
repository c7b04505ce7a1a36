"""How finely places are known, found out from the places themselves, and what that allows.

A place is shared when many offences have exactly it. Snapped places (anonymised points, as of
police.uk) are shared *and* far from each other; addresses are shared and close together. Rounded
coordinates lie on a lattice.

Invariants: data that look snapped are held to be snapped unless the force gives its own accuracy;
nothing is finer than :data:`FINEST`.
Must not: trust a declaration against the evidence without a figure.
"""

from typing import Final

import numpy as np
from scipy.spatial import cKDTree

from overt.hotspots.events import Precision
from overt.hotspots.mapping import Place
from overt.hotspots.projection import Floats, LocalPlane

FINEST: Final = 11
"""Resolutions 12 and 13 are finer than geocoding, and show a shop front: they are never allowed."""
FINEST_SNAPPED: Final = 9

SPACING_M: Final = {5: 16_700.0, 6: 6_300.0, 7: 2_390.0, 8: 870.0, 9: 330.0, 10: 125.0, 11: 47.0}
"""Distance between the centres of neighbouring H3 cells in the United Kingdom."""

SPACING_PER_ERROR: Final = 4.0
"""A cell is at least four times as wide as a place may be off; else most land next door."""

_N_FOR_SNAPPING: Final = 1_000
_EVENTS_A_PLACE: Final = 3.0
_EVENTS_A_PLACE_MONTHS: Final = 1.5
_APART_M: Final = 40.0
_ON_LATTICE: Final = 0.99
_N_FOR_LATTICE: Final = 50
_METRES_A_DEGREE: Final = 111_195.0


def assess(
    longitude: Floats, latitude: Floats, place: Place, *, lattice_m: float, only_months: bool
) -> Precision:
    """Return how finely these places are known.

    Args:
        longitude: of every offence, degrees.
        latitude: of every offence, degrees.
        place: what the mapping declares.
        lattice_m: pitch that the coordinates are rounded to; 0 if to none.
        only_months: whether no time is finer than a month, as in anonymised publications.
    """
    found = _looks_snapped(longitude, latitude, only_months=only_months)
    if place.is_snapped or (found and place.accuracy_m is None):
        why = "declared so" if place.is_snapped else found
        return Precision(
            True,
            FINEST_SNAPPED,
            f"Places are snapped to shared points ({why}); cells finer than resolution "
            f"{FINEST_SNAPPED} would show the points and not the offences.",
        )
    off_m = max(lattice_m / 2, place.accuracy_m or 0.0)
    fits = [r for r, spacing in SPACING_M.items() if spacing >= SPACING_PER_ERROR * off_m]
    finest = max(fits, default=min(SPACING_M))
    if finest == FINEST:
        return Precision(False, FINEST, f"Finer than resolution {FINEST} shows single shop fronts.")
    return Precision(
        False,
        finest,
        f"A place may be off by {off_m:,.0f} m; cells finer than resolution {finest} are less than "
        f"{SPACING_PER_ERROR:.0f} times as wide.",
    )


def _looks_snapped(longitude: Floats, latitude: Floats, *, only_months: bool) -> str:
    """Return the evidence in words; empty if there is none."""
    if longitude.size < _N_FOR_SNAPPING:
        return ""
    points, counts = np.unique(np.column_stack([longitude, latitude]), axis=0, return_counts=True)
    shared = longitude.size / len(points)
    if shared < (_EVENTS_A_PLACE_MONTHS if only_months else _EVENTS_A_PLACE) or len(points) < 2:
        return ""
    plane = LocalPlane.around(points[:, 0], points[:, 1])
    metres = np.column_stack(plane.to_metres(points[:, 0], points[:, 1]))
    apart_m = np.asarray(cKDTree(metres).query(metres, k=2)[0], np.float64)[:, 1]
    typical_m = float(np.median(np.repeat(apart_m, counts)))
    if typical_m < _APART_M:
        return ""
    return f"{shared:.1f} offences a place, the next place typically {typical_m:.0f} m away"


def lattice_of_degrees(longitude: Floats, latitude: Floats) -> float:
    """Return the pitch in metres of the decimal places used, 0 if finer than the sixth."""
    if longitude.size < _N_FOR_LATTICE:
        return 0.0
    for decimals in range(7):
        if _share_on(longitude, 10.0**-decimals) and _share_on(latitude, 10.0**-decimals):
            return float(10.0**-decimals * _METRES_A_DEGREE)
    return 0.0


def lattice_of_metres(easting_m: Floats, northing_m: Floats) -> float:
    """Return the pitch in metres that grid coordinates are rounded to, 0 if to under a metre."""
    if easting_m.size < _N_FOR_LATTICE:
        return 0.0
    for pitch_m in (10_000.0, 5_000.0, 1_000.0, 500.0, 250.0, 100.0, 50.0, 10.0, 5.0, 1.0):
        if _share_on(easting_m % pitch_m, pitch_m) and _share_on(northing_m % pitch_m, pitch_m):
            return pitch_m
    return 0.0


def _share_on(values: Floats, pitch: float) -> bool:
    """Return whether nearly all values lie on one shifted or unshifted lattice of this pitch."""
    steps = values / pitch
    off = np.abs(steps - np.round(steps))
    centred = np.abs(steps - np.floor(steps) - 0.5)
    near = 1e-4
    return bool(max(np.mean(off < near), np.mean(centred < near)) >= _ON_LATTICE)

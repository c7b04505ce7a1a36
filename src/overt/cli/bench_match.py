"""The comparison by itself: Overt's exact search, a plain product, and the oracle's answers."""

import statistics
from time import perf_counter
from typing import Any

import numpy as np

from overt.core.arrays import Vectors
from overt.core.clock import SystemClock
from overt.core.ids import ContractId, EntryId
from overt.matching.exact import ExactSearch
from overt.matching.gallery import Gallery, GalleryEntry
from overt.matching.reference import ReferenceSearch

DIMS = 128
N_CANDIDATES = 8
N_AGAINST_ORACLE = 3
"""Probes that the oracle answers too; it takes seconds for each at the larger sizes."""


def measure_match(sizes: list[int], n_probes: int) -> list[dict[str, Any]]:
    """Return one row for each size: median milliseconds a probe, and agreement with the oracle."""
    return [_measure(n, n_probes) for n in sizes]


def _measure(n: int, n_probes: int) -> dict[str, Any]:
    rng = np.random.default_rng(n)
    references, probes = _unit(rng, n), _unit(rng, n_probes)
    now = SystemClock().now_utc()
    gallery = Gallery(
        ContractId("bench"),
        [GalleryEntry(EntryId(f"{i:08}"), row[np.newaxis]) for i, row in enumerate(references)],
    )
    exact, oracle = ExactSearch(gallery), ReferenceSearch(gallery)
    overt_ms, numpy_ms = [], []
    for probe in probes:
        began = perf_counter()
        exact.search(probe, N_CANDIDATES, now)
        between = perf_counter()
        np.argpartition(-(references @ probe), min(N_CANDIDATES, n - 1))[:N_CANDIDATES]
        overt_ms.append((between - began) * 1000)
        numpy_ms.append((perf_counter() - between) * 1000)
    checked = probes[:N_AGAINST_ORACLE]
    same = [
        exact.search(p, N_CANDIDATES, now) == oracle.search(p, N_CANDIDATES, now) for p in checked
    ]
    return {
        "n": n,
        "dims": DIMS,
        "overt_ms": round(statistics.median(overt_ms), 4),
        "numpy_ms": round(statistics.median(numpy_ms), 4),
        "agreement": sum(same) / len(same),
    }


def _unit(rng: np.random.Generator, n: int) -> Vectors:
    vectors = rng.standard_normal((n, DIMS)).astype(np.float32)
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True), np.float32)

"""The second net: looks for whatever is alike a template, to the bit or not.

Every run of d numbers in a haystack, at every alignment of their type, is taken as a template and
compared with the canary's. Raw outputs of the model, means over shots and templates in another
scale are found by it, which no search for exact bytes could.
"""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from overt.core.arrays import Vectors

ALIKE: Final = 0.9
"""Cosine similarity from which a run of numbers is taken for the canary's template."""

_BLOCK: Final = 64
_ROWS: Final = 1 << 13
_FEWEST: Final = 12
_SPOILT: Final = 6
"""How many numbers of a block may be out of range, as where a copy was partly overwritten."""


def alike(haystack: NDArray[np.uint8], templates: Vectors, kind: str) -> list[int]:
    """Return offsets of runs of numbers that are alike one of the templates.

    Args:
        haystack: one dimension, contiguous, aligned.
        templates: n × d, unit length; d a multiple of 64. One, or few: time grows with them.
        kind: ``f4`` or ``f2``.
    """
    size = np.dtype(kind).itemsize
    numbers = haystack[: haystack.size // size * size].view(f"<{kind}")
    return [int(at) * size for at in _alike(numbers, templates)]


def _alike(numbers: NDArray[np.floating], templates: Vectors) -> list[int]:
    dims = templates.shape[1]
    n_blocks = numbers.size // _BLOCK
    if n_blocks * _BLOCK < dims:
        return []
    shifts = dims - _BLOCK + 1
    toeplitz = np.zeros((dims + shifts - 1, len(templates), shifts), np.float32)
    for shift in range(shifts):
        toeplitz[shift : shift + dims, :, shift] = templates.T
    flat = toeplitz.reshape(len(toeplitz), -1)
    before = shifts - 1
    span = np.arange(-before, dims)
    found: set[int] = set()
    for first in range(0, n_blocks, _ROWS * 16):
        part = numbers[first * _BLOCK : (first + _ROWS * 16) * _BLOCK]
        blocks = np.flatnonzero(_plausible(part[: part.size // _BLOCK * _BLOCK])) + first
        for start in range(0, blocks.size, _ROWS):
            origin = blocks[start : start + _ROWS] * _BLOCK
            index = origin[:, None] + span
            inside = (index >= 0) & (index < numbers.size)
            rows = np.where(inside, numbers[np.clip(index, 0, numbers.size - 1)], 0)
            rows = _clean(rows.astype(np.float32))
            lengths = _lengths(rows, dims, shifts)
            scores = (rows @ flat).reshape(len(rows), len(templates), shifts).max(axis=1)
            for row, shift in zip(*np.nonzero(scores > ALIKE * lengths), strict=True):
                found.add(int(origin[row]) - before + int(shift))
    return sorted(found)


def _plausible(part: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Return which blocks of 64 numbers could be part of a template, in whatever scale.

    Any run of 128 numbers holds one whole block. About half of a template's numbers are negative:
    of 64, fewer than 12 or more than 52 are in fewer than one in a million.
    """
    signs = part.view(f"<i{part.itemsize}") < 0
    negative = signs.reshape(-1, _BLOCK).sum(axis=1, dtype=np.uint8)
    balanced = np.flatnonzero((negative >= _FEWEST) & (negative <= _BLOCK - _FEWEST))
    with np.errstate(invalid="ignore", over="ignore"):
        size = np.abs(part.reshape(-1, _BLOCK)[balanced])
        good = ((size > 1e-6) & (size < 1e3)).sum(axis=1) >= _BLOCK - _SPOILT
    result = np.zeros(len(negative), bool)
    result[balanced[good]] = True
    return result


def _clean(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    with np.errstate(invalid="ignore"):
        return np.where(np.abs(rows) < 1e3, rows, np.float32(0))


def _lengths(rows: NDArray[np.float32], dims: int, shifts: int) -> NDArray[np.float32]:
    """Return the length of each run in each row: n × shifts; never zero."""
    squares = np.cumsum(np.square(rows, dtype=np.float64), axis=1)
    ends = squares[:, dims - 1 :][:, :shifts]
    begins = np.concatenate([np.zeros((len(rows), 1)), squares[:, : shifts - 1]], axis=1)
    return np.asarray(np.sqrt(np.maximum(ends - begins, 1e-12)), np.float32)

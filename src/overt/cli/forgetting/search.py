"""Looks for thousands of short pieces in a gigabyte, at any alignment, in a second or two.

The haystack is read eight bytes at a time. A piece of 24 bytes or more holds, wherever it lies,
two whole words of the haystack: so each piece is entered under the eight pairs that it could be, a
table of bits rules nearly every word of the haystack out, the pairs rule out nearly all of the
rest, and what is left is compared byte for byte.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from overt.cli.forgetting.forms import Form

WORD: Final = 8
LEAST_PIECE: Final = 3 * WORD
_TABLE_BITS: Final = 24
_MIX: Final = np.uint64(0x9E3779B97F4A7C15)
_STEP_WORDS: Final = 1 << 20


@dataclass(frozen=True, slots=True)
class Hit:
    """A piece of a form that was found.

    Attributes:
        form: which, in words.
        offset: of the piece in the haystack.
    """

    form: str
    offset: int


class Needles:
    """The pieces of many forms, ready to be looked for."""

    def __init__(self, forms: Iterable[Form]) -> None:
        self._pieces: list[tuple[str, bytes]] = []
        seen: set[bytes] = set()
        for form in forms:
            for piece in form.pieces:
                if len(piece) < LEAST_PIECE:
                    raise ValueError("a piece is too short to be found at any alignment")
                if piece not in seen:
                    seen.add(piece)
                    self._pieces.append((form.name, piece))
        heads = np.frombuffer(b"".join(p[:LEAST_PIECE] for _, p in self._pieces), np.uint8)
        heads = heads.reshape(-1, LEAST_PIECE)
        first, second = (
            np.concatenate([_words_at(heads, begin + at) for at in range(WORD)])
            for begin in (0, WORD)
        )
        pairs = _paired(first, second)
        order = np.argsort(pairs, kind="stable")
        self._pairs = pairs[order]
        self._at, self._number = np.divmod(order, max(len(self._pieces), 1))
        self._table = np.zeros(1 << _TABLE_BITS, bool)
        self._table[_slots(first)] = True

    def __len__(self) -> int:
        return len(self._pieces)

    def find(self, haystack: NDArray[np.uint8]) -> list[Hit]:
        """Return every piece in a haystack (one dimension, contiguous), ordered by offset."""
        n_words = haystack.size // WORD
        words = haystack[: n_words * WORD].view(np.uint64)
        hits: set[tuple[int, str]] = set()
        for first in range(0, n_words, _STEP_WORDS):
            part = words[first : first + _STEP_WORDS]
            possible = np.flatnonzero(self._table[_slots(part)])
            if possible.size:
                hits |= self._confirmed(haystack, words, possible + first)
        return [Hit(name, offset) for offset, name in sorted(hits)]

    def _confirmed(
        self, haystack: NDArray[np.uint8], words: NDArray[np.uint64], indices: NDArray[np.intp]
    ) -> set[tuple[int, str]]:
        # The last word has none after it, and no piece has it for the first of its two.
        indices = indices[indices < len(words) - 1]
        pairs = _paired(words[indices], words[indices + 1])
        low = np.searchsorted(self._pairs, pairs)
        low[low == len(self._pairs)] = 0
        found: set[tuple[int, str]] = set()
        for i in np.flatnonzero(self._pairs[low] == pairs):
            last = np.searchsorted(self._pairs, pairs[i], "right")
            for entry in range(int(low[i]), int(last)):
                name, piece = self._pieces[int(self._number[entry])]
                start = int(indices[i]) * WORD - int(self._at[entry])
                if start >= 0 and haystack[start : start + len(piece)].tobytes() == piece:
                    found.add((start, name))
        return found


def _words_at(heads: NDArray[np.uint8], at: int) -> NDArray[np.uint64]:
    return np.ascontiguousarray(heads[:, at : at + WORD]).view(np.uint64).ravel()


def _paired(first: NDArray[np.uint64], second: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return first ^ (second * _MIX)


def _slots(words: NDArray[np.uint64]) -> NDArray[np.uint64]:
    return (words * _MIX) >> np.uint64(64 - _TABLE_BITS)


def summary(hits: Sequence[Hit]) -> dict[str, int]:
    """Return how many pieces of each form were found."""
    counted: dict[str, int] = {}
    for hit in hits:
        counted[hit.form] = counted.get(hit.form, 0) + 1
    return counted

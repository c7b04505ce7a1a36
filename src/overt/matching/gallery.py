"""What is searched, and what a search returns."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import numpy as np

from overt.core.arrays import Vector, Vectors
from overt.core.errors import InputError, IntegrityError
from overt.core.ids import ContractId, EntryId, KinGroup


@dataclass(frozen=True, slots=True, eq=False)
class GalleryEntry:
    """One person of a watchlist, as matching sees them.

    Attributes:
        entry: opaque id.
        templates: the person's references, n × d, n ≥ 1, unit length, float32.
        expires_utc: from this moment on the entry is no candidate; None for the list's own life.
        kin: people who look alike because they are related or listed twice; None if nobody is.
    """

    entry: EntryId
    templates: Vectors = field(repr=False)
    expires_utc: datetime | None = None
    kin: KinGroup | None = None


@dataclass(frozen=True, slots=True)
class Candidate:
    """An entry that a probe was compared with.

    Attributes:
        entry: who.
        similarity: cosine similarity of the probe with the entry's closest reference, −1 to 1,
            higher is more alike.
        reference: index of that reference within the entry.
        kin: the entry's kin group.
    """

    entry: EntryId
    similarity: float
    reference: int
    kin: KinGroup | None


class Search(Protocol):
    """An exhaustive search over one gallery."""

    def search(self, probe: Vector, n_candidates: int, now_utc: datetime) -> list[Candidate]:
        """Compare one probe with every unexpired entry.

        Args:
            probe: d, unit length.
            n_candidates: how many to return at most.
            now_utc: decides which entries have expired.

        Returns:
            Distinct entries, most similar first; equal similarities in order of entry id.
        """
        ...


class Gallery:
    """The entries of one watchlist in one vector space, checked once, here.

    Attributes:
        contract: the vector space.
        entries: ordered by entry id.
        dims: length of a template.

    Raises:
        InputError: no entry, or two entries with one id.
        IntegrityError: templates of different or wrong shape, or not of unit length.
    """

    def __init__(self, contract: ContractId, entries: Sequence[GalleryEntry]) -> None:
        if not entries:
            raise InputError("the watchlist is empty")
        self.contract = contract
        self.entries = tuple(sorted(entries, key=lambda each: each.entry))
        if len({each.entry for each in self.entries}) != len(self.entries):
            raise InputError("two watchlist entries have the same id")
        first = self.entries[0].templates
        self.dims = int(first.shape[1]) if first.ndim == 2 else 0
        for each in self.entries:
            self._check(each.templates)

    def _check(self, templates: Vectors) -> None:
        if templates.ndim != 2 or templates.shape[0] < 1 or templates.shape[1] != self.dims:
            raise IntegrityError("a watchlist entry's templates have the wrong shape")
        lengths = np.linalg.norm(templates.astype(np.float64), axis=1)
        if not np.all(np.abs(lengths - 1) < 1e-3):
            raise IntegrityError("a watchlist entry's templates are damaged")

"""A watchlist as it is kept: the value that goes to the store and comes back.

Invariants: immutable; every template has unit length and the contract's dimension; an entry's id
says nothing about the person. The label and the pictures are for the officer's screen only.
Must not: appear in a log line or an error; :func:`repr` shows ids and counts alone.
"""

import itertools
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

import numpy as np

from overt.core.arrays import Vector
from overt.core.ids import ContractId, EntryId, KinGroup, Sha256, WatchlistId


@dataclass(frozen=True, slots=True, eq=False)
class StoredReference:
    """One reference of one person.

    Attributes:
        template: d, float32, unit length.
        picture_jpeg: the reference picture, or its face crop, as JPEG.
    """

    template: Vector = field(repr=False)
    picture_jpeg: bytes = field(repr=False)

    def __post_init__(self) -> None:
        """Check the template's form once, here."""
        if self.template.ndim != 1 or self.template.dtype != np.float32:
            raise ValueError(
                f"expected a 1-dimensional float32 template, got {self.template.ndim} dimensions "
                f"of {self.template.dtype}"
            )


@dataclass(frozen=True, slots=True, eq=False)
class StoredEntry:
    """One person of the list.

    Attributes:
        entry: opaque id.
        label: what the officer sees, usually the name.
        references: at least one.
        expires_utc: from then on the entry is not compared; None if it lasts as long as the list.
        kin_group: people known or likely to be related; exempt from each other's margin.
    """

    entry: EntryId
    label: str = field(repr=False)
    references: tuple[StoredReference, ...] = field(repr=False)
    expires_utc: datetime | None = None
    kin_group: KinGroup | None = None


@dataclass(frozen=True, slots=True, eq=False)
class StoredWatchlist:
    """A whole list, frozen.

    Attributes:
        id: the name under which it is kept.
        name: what people call the list; not a person's name.
        contract: the vector space of every template.
        manifest_sha256: digest of what the authority signed.
        entries: sorted by entry id, each id once.
    """

    id: WatchlistId
    name: str
    contract: ContractId
    manifest_sha256: Sha256
    entries: tuple[StoredEntry, ...] = field(repr=False)

    def __post_init__(self) -> None:
        """Refuse a list in which an entry stands twice or out of order."""
        ids = [entry.entry for entry in self.entries]
        if any(a >= b for a, b in itertools.pairwise(ids)):
            raise ValueError("a list's entries are sorted by id, each id once")


@dataclass(frozen=True, slots=True)
class WatchlistSummary:
    """What can be said of a kept list without opening it; see :class:`StoredWatchlist`."""

    id: WatchlistId
    name: str
    contract: ContractId
    manifest_sha256: Sha256
    created_utc: datetime
    n_entries: int


class WatchlistRepository(Protocol):
    """Where lists are kept, encrypted."""

    def save(self, watchlist: StoredWatchlist) -> None:
        """Keep a list; replaces the list of the same id, whose key is destroyed.

        Saving what is already kept (same id and manifest) changes nothing.

        Raises:
            StorageError: it could not be kept, and what was there before still is; or it was, and
                the replaced key is not yet overwritten in every file.
        """
        ...

    def load(self, watchlist_id: WatchlistId) -> StoredWatchlist | None:
        """Return the list, or None if there is none of that id or its key was destroyed.

        Raises:
            IntegrityError: what is kept was altered.
            StorageError: it could not be read.
        """
        ...

    def find(self, manifest_sha256: Sha256) -> StoredWatchlist | None:
        """Return the list with this manifest, or None; raises as :meth:`load` does."""
        ...

    def list(self) -> tuple[WatchlistSummary, ...]:
        """Return every list that can still be read, by id."""
        ...

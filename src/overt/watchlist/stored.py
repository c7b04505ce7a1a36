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
from overt.watchlist.grounds import Grounds


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


@dataclass(frozen=True, slots=True)
class QualityFinding:
    """What one measure found of one reference picture.

    Attributes:
        measure: what was measured, with its unit.
        value_milli: in thousandths of that unit.
        verdict: ``good`` or ``poor``.
    """

    measure: str
    value_milli: int
    verdict: str


@dataclass(frozen=True, slots=True)
class Enrolment:
    """How an entry came about.

    Attributes:
        row_key: names the row, its pictures, the models and the limits of quality, all together:
            where it is the same, there is nothing to enrol again.
        warnings: what those who decide must see: of the pictures, and of the policy pack.
        quality: for each reference, what was measured.
        row_kin: the kin group as the source calls it, which may be a family's name; empty if none.
    """

    row_key: Sha256
    warnings: tuple[str, ...] = field(default=(), repr=False)
    quality: tuple[tuple[QualityFinding, ...], ...] = field(default=(), repr=False)
    row_kin: str = field(default="", repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class StoredEntry:
    """One person of the list.

    Attributes:
        entry: opaque id.
        label: what the officer sees, usually the name.
        references: at least one.
        expires_utc: from then on the entry is not compared; None if it lasts as long as the list.
        kin_group: people known or likely to be related; exempt from each other's margin.
        grounds: why the person is listed; None in lists of before, and where nobody has to answer
            for it. Such a list cannot be frozen.
        enrolment: how it came about; None likewise.
    """

    entry: EntryId
    label: str = field(repr=False)
    references: tuple[StoredReference, ...] = field(repr=False)
    expires_utc: datetime | None = None
    kin_group: KinGroup | None = None
    grounds: Grounds | None = field(default=None, repr=False)
    enrolment: Enrolment | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class ReferenceDigests:
    """A reference in the manifest."""

    picture_sha256: Sha256
    template_sha256: Sha256


@dataclass(frozen=True, slots=True)
class EntryCard:
    """An entry without its pictures and templates: all that is needed to decide about it.

    Attributes:
        references: digests of what is left out.
        grounds_sha256: commits to label and grounds; see :mod:`overt.watchlist.manifest`.
    """

    entry: EntryId
    label: str = field(repr=False)
    references: tuple[ReferenceDigests, ...] = field(repr=False)
    expires_utc: datetime | None = None
    kin_group: KinGroup | None = None
    grounds: Grounds | None = field(default=None, repr=False)
    enrolment: Enrolment | None = field(default=None, repr=False)
    grounds_sha256: Sha256 | None = None


@dataclass(frozen=True, slots=True)
class CardIndex:
    """A list without its pictures and templates; see :class:`StoredWatchlist`."""

    id: WatchlistId
    name: str
    contract: ContractId
    manifest_sha256: Sha256
    entries: tuple[EntryCard, ...] = field(repr=False)


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

    def cards(self, watchlist_id: WatchlistId) -> CardIndex | None:
        """Return the list without pictures and templates; as :meth:`load` otherwise."""
        ...

    def find(self, manifest_sha256: Sha256) -> StoredWatchlist | None:
        """Return the list with this manifest, or None; raises as :meth:`load` does."""
        ...

    def list(self) -> tuple[WatchlistSummary, ...]:
        """Return every list that can still be read, by id."""
        ...

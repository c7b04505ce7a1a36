"""What an import asks of whoever keeps things for it.

Invariants: what is kept aside is what the models made of a row; what policy says of it is asked
anew each time.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, TypeAlias

from overt.core.ids import Sha256
from overt.watchlist.stored import StoredEntry


@dataclass(frozen=True, slots=True)
class NotEnrolled:
    """None of a row's pictures can be used; ``reason`` says why."""

    reason: str


StagedVerdict: TypeAlias = StoredEntry | NotEnrolled
"""What is kept aside of a row: what the models made of it."""


class Staging(Protocol):
    """Where verdicts are kept until the list is whole, encrypted."""

    @property
    def started_utc(self) -> datetime:
        """When the import was first begun."""
        ...

    def find(self, row_key: Sha256) -> StagedVerdict | None:
        """Return the verdict that was kept, or None.

        Raises:
            IntegrityError, StorageError: it was altered, or could not be read.
        """
        ...

    def keep(self, verdicts: Sequence[tuple[Sha256, StagedVerdict]]) -> None:
        """Keep verdicts, all or none of them.

        Raises:
            StateError: the import was finished or given up by another process.
            StorageError: they could not be kept.
        """
        ...


class KnownEntries(Protocol):
    """The entries of the list as it was."""

    def find(self, row_key: Sha256) -> StoredEntry | None:
        """Return the entry that was made of this very row, or None; raises as :class:`Staging`."""
        ...


class NothingKnown:
    """There was no list."""

    def find(self, row_key: Sha256) -> StoredEntry | None:
        """See :meth:`KnownEntries.find`."""
        del row_key
        return None

"""An import under way, and the list as it was: what enrolling asks, row by row.

Invariants: what is kept aside is encrypted; a row is found by a keyed digest, so that nobody can
try whether a person is being imported.
Must not: show a list, or change one.
"""

import hmac
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from sqlalchemy import insert, select

from overt.core.errors import IntegrityError, StateError
from overt.core.ids import KinGroup, Sha256, WatchlistId
from overt.store.database import Database
from overt.store.keys import DataKey, Sealed, place_of
from overt.store.models import ImportedRowRow, WatchlistImportRow, WatchlistRow
from overt.store.verdict_blob import decode_verdict, encode_verdict
from overt.store.watchlist_rows import key_of, read_entries
from overt.watchlist.staging import StagedVerdict
from overt.watchlist.stored import CardIndex, StoredEntry

_OVER = "The import was finished or given up by another process."


class OpenImport:
    """Implements :class:`overt.watchlist.staging.Staging`."""

    def __init__(
        self, database: Database, watchlist: WatchlistId, key: DataKey, started_utc: datetime
    ) -> None:
        self._database = database
        self._key = key
        self.watchlist = watchlist
        self.started_utc = started_utc

    def find(self, row_key: Sha256) -> StagedVerdict | None:
        """See :meth:`overt.watchlist.staging.Staging.find`."""
        tag = self._tag(row_key)
        with self._database.read() as session:
            row = session.get(ImportedRowRow, (self.watchlist, tag))
            if row is None:
                return None
            place = _row_place(self.watchlist, tag)
            return decode_verdict(self._key.open(Sealed(row.nonce, row.ciphertext), place))

    def keep(self, verdicts: Sequence[tuple[Sha256, StagedVerdict]]) -> None:
        """See :meth:`overt.watchlist.staging.Staging.keep`."""
        rows = {row["row_sha256"]: row for row in (self._sealed(*each) for each in verdicts)}
        kept = select(ImportedRowRow.row_sha256).where(
            ImportedRowRow.watchlist_id == self.watchlist, ImportedRowRow.row_sha256.in_(rows)
        )
        with self._database.write() as session:
            if session.get(WatchlistImportRow, self.watchlist) is None:
                raise StateError(_OVER)
            fresh = rows.keys() - set(session.scalars(kept))
            if fresh:
                session.execute(insert(ImportedRowRow), [rows[tag] for tag in sorted(fresh)])

    def entry(self, row_key: Sha256, kin_group: KinGroup | None) -> StoredEntry:
        """Return an entry that was kept aside, with the kin group that it has on the list.

        Raises:
            IntegrityError: it is not there, or was altered.
        """
        found = self.find(row_key)
        if not isinstance(found, StoredEntry):
            raise IntegrityError("A row that was imported is not kept any more.")
        return replace(found, kin_group=kin_group)

    def _sealed(self, row_key: Sha256, verdict: StagedVerdict) -> dict[str, str | bytes]:
        tag = self._tag(row_key)
        sealed = self._key.seal(encode_verdict(verdict), _row_place(self.watchlist, tag))
        return {
            "watchlist_id": self.watchlist,
            "row_sha256": tag,
            "nonce": sealed.nonce,
            "ciphertext": sealed.ciphertext,
        }

    def _tag(self, row_key: Sha256) -> str:
        return hmac.new(self._key.secret, b"overt row v1 " + row_key.encode(), "sha256").hexdigest()


class KnownList:
    """The list as it was; implements :class:`overt.watchlist.staging.KnownEntries`."""

    def __init__(self, database: Database, machine_key: DataKey, cards: CardIndex) -> None:
        self._database = database
        self._machine_key = machine_key
        self._watchlist = cards.id
        self._entries = {
            card.enrolment.row_key: card.entry for card in cards.entries if card.enrolment
        }

    def find(self, row_key: Sha256) -> StoredEntry | None:
        """See :meth:`overt.watchlist.staging.KnownEntries.find`."""
        entry = self._entries.get(row_key)
        if entry is None:
            return None
        with self._database.read() as session:
            row = session.get(WatchlistRow, self._watchlist)
            key = None if row is None else key_of(row, self._machine_key)
            if key is None:
                return None
            return next(read_entries(session, self._watchlist, key, entry), None)


def _row_place(watchlist: WatchlistId, tag: str) -> str:
    return place_of("imported_rows", f"{watchlist}/{tag}", "ciphertext")

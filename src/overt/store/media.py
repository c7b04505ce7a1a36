"""Which files a list was imported from, until they are known to be gone; sealed, as paths are.

A file's path may be a person's name. Each file is a row, so that what became of it stands there.

    (imported) ──due──▶ going ──▶ overwritten: the row goes with the receipt
                   └──▶ not there, changed, linked, not writable: until a person confirms

Invariants: a row is sealed for its place under the machine key; a file is marked as going before it
is touched, so that one that is missing after a crash is known to be our doing.
Must not: say where a file is but to whoever destroys it.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from sqlalchemy import delete, func, insert, select
from sqlalchemy.orm import Session

from overt.core.errors import InputError, IntegrityError
from overt.core.ids import Sha256, WatchlistId
from overt.ledger.canonical import canonical_bytes, parse_canonical_object
from overt.store.database import Database
from overt.store.keys import DataKey, Sealed, place_of
from overt.store.medium_files import FileEnd, MediumFile, destroy, find_end, is_there
from overt.store.models_retention import ImportMediumRow

GOING: Final = "going"
_BATCH: Final = 200


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file on record.

    Attributes:
        number: its row's, within its list.
        file: which.
        state: empty before its time, ``going``, or the :class:`FileEnd` it came to.
    """

    number: int
    file: MediumFile = field(repr=False)
    state: str


class MediaRegister:
    """Destroys the files of lists' media, and keeps what came of each."""

    def __init__(self, database: Database, machine_key: DataKey) -> None:
        self._database = database
        self._machine_key = machine_key

    def states(self) -> Mapping[WatchlistId, Counter[str]]:
        """Return how many files of each list's medium stand where.

        Raises:
            IntegrityError: what is kept was altered.
            StorageError: it cannot be read.
        """
        with self._database.read() as session:
            return {
                watchlist: Counter(each.state for each in self._files(session, watchlist))
                for watchlist in _lists(session)
            }

    def returned(self) -> frozenset[WatchlistId]:
        """Return the lists of whose medium a file is there again that was not; raises as there."""
        with self._database.read() as session:
            return frozenset(
                watchlist
                for watchlist in _lists(session)
                if any(
                    each.state == FileEnd.NOT_THERE and is_there(each.file)
                    for each in self._files(session, watchlist)
                )
            )

    def destroy(self, watchlist: WatchlistId) -> Mapping[str, int]:
        """Destroy what is there of a list's medium; return how many files came to which end.

        Raises:
            IntegrityError: what is kept was altered.
            StorageError: it cannot be read or kept.
        """
        with self._database.read() as session:
            found = [each for each in self._files(session, watchlist) if _is_to_try(each)]
        for start in range(0, len(found), _BATCH):
            batch = [_looked_at(each) for each in found[start : start + _BATCH]]
            self._keep(watchlist, batch)
            self._keep(watchlist, [_destroyed(each) for each in batch])
        with self._database.read() as session:
            return Counter(each.state for each in self._files(session, watchlist))

    def forget(self, session: Session, watchlist: WatchlistId, *states: str) -> int:
        """Delete the rows of files in one of these states; return how many there were."""
        numbers = [e.number for e in self._files(session, watchlist) if e.state in states]
        for start in range(0, len(numbers), _BATCH):
            session.execute(
                delete(ImportMediumRow).where(
                    ImportMediumRow.watchlist_id == watchlist,
                    ImportMediumRow.number.in_(numbers[start : start + _BATCH]),
                )
            )
        return len(numbers)

    def forget_unreached(self, session: Session, watchlist: WatchlistId) -> int:
        """Delete the rows of files that Overt could not destroy; return how many there were."""
        return self.forget(session, watchlist, *(set(FileEnd) - {FileEnd.OVERWRITTEN}))

    def _files(self, session: Session, watchlist: WatchlistId) -> list[KeptFile]:
        rows = (
            select(ImportMediumRow)
            .where(ImportMediumRow.watchlist_id == watchlist)
            .order_by(ImportMediumRow.number)
        )
        return [_opened(row, self._machine_key) for row in session.scalars(rows)]

    def _keep(self, watchlist: WatchlistId, files: Sequence[KeptFile]) -> None:
        with self._database.write() as session:
            for each in files:
                row = session.get(ImportMediumRow, (watchlist, each.number))
                if row is not None:
                    sealed = _sealed(watchlist, each, self._machine_key)
                    row.nonce, row.ciphertext = sealed.nonce, sealed.ciphertext


def remember_files(
    session: Session,
    machine_key: DataKey,
    watchlist: WatchlistId,
    files: Iterable[MediumFile],
    now_utc: datetime,
) -> None:
    """Keep which files a list was imported from, besides those that are kept already."""
    rows = session.scalars(select(ImportMediumRow).where(ImportMediumRow.watchlist_id == watchlist))
    known = {found.file for found in (_opened(row, machine_key) for row in rows)}
    last = select(func.max(ImportMediumRow.number)).where(ImportMediumRow.watchlist_id == watchlist)
    first = (session.scalar(last) or 0) + 1
    fresh = (each for each in dict.fromkeys(files) if each not in known)
    values = [
        _row_values(watchlist, KeptFile(number, file, ""), machine_key, now_utc)
        for number, file in enumerate(fresh, first)
    ]
    if values:
        session.execute(insert(ImportMediumRow), values)


def seal_media_anew(session: Session, former: DataKey, fresh: DataKey) -> None:
    """Seal every row under ``fresh`` instead of ``former``.

    Raises:
        IntegrityError: one was altered.
    """
    for row in session.scalars(select(ImportMediumRow)):
        sealed = _sealed(WatchlistId(row.watchlist_id), _opened(row, former), fresh)
        row.nonce, row.ciphertext = sealed.nonce, sealed.ciphertext


def _lists(session: Session) -> Iterator[WatchlistId]:
    names = select(ImportMediumRow.watchlist_id).distinct().order_by(ImportMediumRow.watchlist_id)
    return map(WatchlistId, session.scalars(names).all())


def _is_to_try(each: KeptFile) -> bool:
    return each.state in {"", GOING, FileEnd.NOT_THERE, FileEnd.NOT_WRITABLE}


def _looked_at(each: KeptFile) -> KeptFile:
    """Return a file marked as going, or as what stands in the way."""
    end = find_end(each.file)
    if each.state == GOING and end is FileEnd.NOT_THERE:
        return each  # removed by us, before a crash
    return replace(each, state=GOING if end is None else str(end))


def _destroyed(each: KeptFile) -> KeptFile:
    if each.state != GOING:
        return each
    end = destroy(each.file)
    return replace(each, state=str(FileEnd.OVERWRITTEN if end is FileEnd.NOT_THERE else end))


def _row_values(
    watchlist: WatchlistId, kept: KeptFile, machine_key: DataKey, now_utc: datetime
) -> dict[str, object]:
    sealed = _sealed(watchlist, kept, machine_key)
    return {
        "watchlist_id": watchlist,
        "number": kept.number,
        "nonce": sealed.nonce,
        "ciphertext": sealed.ciphertext,
        "imported_utc": now_utc,
    }


def _sealed(watchlist: WatchlistId, kept: KeptFile, key: DataKey) -> Sealed:
    path = kept.file.path.encode("utf-8", "surrogateescape").hex()
    said = canonical_bytes({"path": path, "sha256": kept.file.sha256, "state": kept.state})
    return key.seal(said, _place(watchlist, kept.number))


def _opened(row: ImportMediumRow, key: DataKey) -> KeptFile:
    said = key.open(Sealed(row.nonce, row.ciphertext), _place(row.watchlist_id, row.number))
    try:
        members = parse_canonical_object(said)
        path = bytes.fromhex(str(members["path"])).decode("utf-8", "surrogateescape")
        file = MediumFile(path, Sha256(str(members["sha256"])))
        return KeptFile(row.number, file, str(members["state"]))
    except (InputError, KeyError, ValueError) as error:
        raise IntegrityError("What the store keeps of an import's files was altered.") from error


def _place(watchlist: str, number: int) -> str:
    return place_of("import_media", f"{watchlist}/{number}", "ciphertext")

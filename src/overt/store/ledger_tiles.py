"""The ledger's tree in tiles, in the database: whoever proves or opens reads O(log n) of them.

Level 0 has its full tiles here; what is not full yet are the leaf hashes beside the last records.
A higher level has every tile from its first hash on, each hash written in the transaction that
filled the tile below it.

Invariants: a tile is written in the transaction that appends the record that completes it.
Must not: be trusted beyond what a signed checkpoint covers; a full verification recomputes all.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from sqlalchemy import Select, func, insert, select, update
from sqlalchemy.orm import Session

from overt.core.errors import IntegrityError
from overt.ledger.merkle import HASH_BYTES, CompactTree
from overt.ledger.tiles import (
    TILE_HEIGHT,
    TILE_WIDTH,
    HashReader,
    MemoryTiles,
    RightEdge,
    TileName,
)
from overt.store.models_ledger import LedgerRecordRow, LedgerTileRow

_BATCH: Final = 4096


class DatabaseTiles:
    """Reads tiles within a transaction; a :class:`overt.ledger.tiles.HashReader`.

    Args:
        session: the transaction.
        size: how many records the ledger holds in it.
    """

    def __init__(self, session: Session, size: int) -> None:
        self._session = session
        self._size = size

    def tile(self, level: int, index: int, width: int) -> bytes:
        """See :meth:`overt.ledger.tiles.HashReader.tile`; shorter than asked for if it is gone."""
        if level == 0 and (index + 1) * TILE_WIDTH > self._size:
            return b"".join(leaf_hashes(self._session, index * TILE_WIDTH, width))
        wanted = _hashes_of(TileName(level, index))
        return (self._session.scalar(wanted) or b"")[: width * HASH_BYTES]


def leaf_hashes(session: Session, first: int, n: int | None = None) -> Iterator[bytes]:
    """Yield leaf hashes as they stand beside the records from number ``first`` on, ``n`` of them.

    All there are if ``n`` is None; fewer than asked for if records are missing.
    """
    wanted = (
        select(LedgerRecordRow.leaf_hash)
        .where(LedgerRecordRow.seq >= first)
        .order_by(LedgerRecordRow.seq)
    )
    if n is not None:
        wanted = wanted.where(LedgerRecordRow.seq < first + n)
    yield from session.scalars(wanted.execution_options(yield_per=_BATCH))


def tree_at(reader: HashReader, size: int) -> CompactTree:
    """Return the tree of the first ``size`` records, read from one tile a level.

    Raises:
        IntegrityError: a tile is missing or too short.
    """
    peaks: list[bytes] = []
    edge = RightEdge(reader, size)
    for _, row in reversed(list(edge.partial_tiles())):
        hashes = [row[at : at + HASH_BYTES] for at in range(0, len(row), HASH_BYTES)]
        peaks += CompactTree().extend(hashes).peaks
    return CompactTree(size, tuple(peaks))


def write_tiles(session: Session, old_size: int, leaves: Sequence[bytes]) -> None:
    """Write the tiles that ``leaves`` complete or, above level 0, add to.

    Args:
        session: the transaction; the leaves' records are not in it yet, or all of them are.
        old_size: the size of the tree before.
        leaves: leaf hashes, in order.

    Raises:
        IntegrityError: a tile is missing or too short.
    """
    size = old_size + len(leaves)
    if size // TILE_WIDTH == old_size // TILE_WIDTH:
        return
    edge = RightEdge(DatabaseTiles(session, old_size), old_size)
    tiles = edge.extend(leaves)
    tiles += [(name, data) for name, data in edge.partial_tiles() if name.level > 0]
    new = [(name, data) for name, data in tiles if not _exists(name, old_size)]
    connection = session.connection()
    if new:
        rows = [{"level": n.level, "number": n.index, "hashes": data} for n, data in new]
        connection.execute(insert(LedgerTileRow), rows)
    for name, data in tiles:
        if _exists(name, old_size) and _grew(name, old_size, size):
            connection.execute(
                update(LedgerTileRow)
                .where(LedgerTileRow.level == name.level, LedgerTileRow.number == name.index)
                .values(hashes=data)
            )


def build_tiles(session: Session, size: int) -> None:
    """Write every tile of a ledger that has none: what version 0002 kept.

    Raises:
        IntegrityError: a record is missing.
    """
    for n_before in range(0, size, _BATCH):
        n = min(_BATCH, size - n_before)
        leaves = list(leaf_hashes(session, n_before, n))
        if len(leaves) != n:
            raise IntegrityError(f"Records of the ledger from {n_before} on are missing.")
        write_tiles(session, n_before, leaves)


def n_full_tiles(session: Session) -> int:
    """Return how many full tiles level 0 has, by the number of the last."""
    last = session.scalar(select(func.max(LedgerTileRow.number)).where(LedgerTileRow.level == 0))
    return 0 if last is None else last + 1


class TileCheck:
    """Recomputes every tile from leaf hashes and compares it with the one in the database."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._edge = RightEdge(MemoryTiles(), 0)
        self._n_checked = 0

    def extend(self, leaves: Sequence[bytes]) -> None:
        """Take in further leaf hashes, in order.

        Raises:
            IntegrityError: a tile that they complete is missing or was altered.
        """
        for name, data in self._edge.extend(leaves):
            self._compare(name, data)

    def finish(self) -> None:
        """Check what is not full, and that there is nothing else.

        Raises:
            IntegrityError: a tile is missing, was altered, or belongs to nothing.
        """
        for name, data in self._edge.partial_tiles():
            if name.level > 0:
                self._compare(name, data)
        n_tiles = self._session.scalar(select(func.count()).select_from(LedgerTileRow))
        if n_tiles != self._n_checked:
            raise IntegrityError("The ledger has tiles that belong to none of its records.")

    def _compare(self, name: TileName, data: bytes) -> None:
        if self._session.scalar(_hashes_of(name)) != data:
            raise IntegrityError(f"The ledger's {name.path} is missing or was altered.")
        self._n_checked += 1


def _hashes_of(name: TileName) -> Select[bytes]:
    return select(LedgerTileRow.hashes).where(
        LedgerTileRow.level == name.level, LedgerTileRow.number == name.index
    )


def _exists(name: TileName, size: int) -> bool:
    """Whether a ledger of ``size`` records has a row for the tile."""
    n_hashes = size >> TILE_HEIGHT * name.level
    first = name.index * TILE_WIDTH
    return n_hashes > first if name.level else n_hashes >= first + TILE_WIDTH


def _grew(name: TileName, old_size: int, size: int) -> bool:
    shift = TILE_HEIGHT * name.level
    return old_size >> shift != size >> shift

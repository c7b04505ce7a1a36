"""A tree kept in tiles: the layout of C2SP ``tlog-tiles``, and the proofs that are made from it.

A tile holds up to 256 hashes of one level; a hash of level L + 1 is the root over a full tile of
level L. Full tiles never change, so whoever keeps or copies a log only ever adds files. Everything
here reads through :class:`HashReader`: a database, a folder and a list answer alike.

Invariants: a proof reads O(log n) tiles; a path has one spelling; a tile of another length than was
asked for is an error, never padded or cut.
Must not: know what a record's bytes mean, or touch a file.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from overt.core.errors import InputError, IntegrityError
from overt.ledger.merkle import EMPTY_ROOT, HASH_BYTES, CompactTree, node_hash

TILE_HEIGHT: Final = 8
TILE_WIDTH: Final = 1 << TILE_HEIGHT
MAX_RECORD_BYTES: Final = 0xFFFF
"""What the two bytes before an entry in a bundle can count to."""

_INDEX: Final = r"(?P<index>(?:x[0-9]{3}/)*[0-9]{3})"
_PATH: Final = re.compile(
    rf"tile/(?P<level>entries|[0-7])/{_INDEX}(?:\.p/(?P<width>[1-9][0-9]{{0,2}}))?", re.ASCII
)
_MAX_PATH: Final = 64


class HashReader(Protocol):
    """Whoever keeps the tiles of a tree."""

    def tile(self, level: int, index: int, width: int) -> bytes:
        """Return the first ``width`` (1 to 256) hashes of a tile, 32 bytes each, in order.

        Args:
            level: 0 for leaf hashes; a hash of level L covers 256 ** L leaves.
            index: counted from 0 from the left.
            width: never more than the tree has.
        """
        ...


@dataclass(frozen=True, slots=True)
class TileName:
    """Which tile; ``width`` is 256 for a full one, less for one at the tree's right edge."""

    level: int
    index: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """Where it lies under a log's prefix."""
        return tile_path(self.level, self.index, self.width)

    def lies_within(self, size: int) -> bool:
        """Return whether the first ``size`` leaves have all the hashes of it."""
        return self.index * TILE_WIDTH + self.width <= size >> TILE_HEIGHT * self.level


@dataclass(frozen=True, slots=True)
class EntriesName:
    """Which bundle of records: that of the tile of level 0 with this index and width."""

    index: int
    width: int = TILE_WIDTH

    @property
    def path(self) -> str:
        """Where it lies under a log's prefix."""
        return entries_path(self.index, self.width)

    def lies_within(self, size: int) -> bool:
        """Return whether the first ``size`` records include all of it."""
        return self.index * TILE_WIDTH + self.width <= size


def tile_path(level: int, index: int, width: int = TILE_WIDTH) -> str:
    """Return where a tile lies under a log's prefix, for example ``tile/0/x001/234.p/8``."""
    return f"tile/{level}/{_index_path(index, width)}"


def entries_path(index: int, width: int = TILE_WIDTH) -> str:
    """Return where a bundle of records lies, for example ``tile/entries/000``."""
    return f"tile/entries/{_index_path(index, width)}"


def parse_tile_path(path: str) -> TileName | EntriesName:
    """Read what :func:`tile_path` or :func:`entries_path` writes.

    Raises:
        InputError: it is not exactly that.
    """
    parts = _PATH.fullmatch(path) if len(path) <= _MAX_PATH else None
    if parts is None:
        raise InputError("The path is not that of a tile or a bundle of records.")
    index = int(re.sub("[x/]", "", parts["index"]))
    width = int(parts["width"] or TILE_WIDTH)
    name: TileName | EntriesName
    if parts["level"] == "entries":
        name = EntriesName(index, width)
    else:
        name = TileName(int(parts["level"]), index, width)
    if path != name.path or width > TILE_WIDTH:
        raise InputError("The path of the tile is not in its only form.")
    return name


def tiles_of(size: int) -> Iterator[TileName]:
    """Yield every tile of a tree of ``size`` leaves, level by level, partial ones included."""
    level, n_hashes = 0, size
    while n_hashes:
        n_full, width = divmod(n_hashes, TILE_WIDTH)
        yield from (TileName(level, index, TILE_WIDTH) for index in range(n_full))
        if width:
            yield TileName(level, n_full, width)
        level, n_hashes = level + 1, n_full


def bundles_of(size: int) -> Iterator[EntriesName]:
    """Yield every bundle of records of a log of ``size`` records."""
    n_full, width = divmod(size, TILE_WIDTH)
    yield from (EntriesName(index, TILE_WIDTH) for index in range(n_full))
    if width:
        yield EntriesName(n_full, width)


def bundle(records: Iterable[bytes]) -> bytes:
    """Return records as an entry bundle: each behind its length, two bytes, big-endian.

    Raises:
        InputError: a record is longer than 65,535 bytes.
    """
    parts: list[bytes] = []
    for record in records:
        if len(record) > MAX_RECORD_BYTES:
            raise InputError(f"A ledger record is larger than {MAX_RECORD_BYTES} bytes.")
        parts += (len(record).to_bytes(2, "big"), record)
    return b"".join(parts)


def unbundle(data: bytes) -> tuple[bytes, ...]:
    """Return the records of an entry bundle.

    Raises:
        InputError: it ends within a record.
    """
    records: list[bytes] = []
    position = 0
    while position < len(data):
        start = position + 2
        position = start + int.from_bytes(data[position:start], "big")
        if start > len(data) or position > len(data):
            raise InputError("The bundle of records ends within a record.")
        records.append(data[start:position])
    return tuple(records)


def tile_root(tile: bytes) -> bytes:
    """Return the root over the hashes of a tile, of which there is a power of two."""
    hashes = _hashes(tile)
    while len(hashes) > 1:
        hashes = [node_hash(*pair) for pair in zip(hashes[::2], hashes[1::2], strict=True)]
    return hashes[0]


def completed_tiles(
    reader: HashReader, old_size: int, leaves: Sequence[bytes]
) -> Iterator[tuple[TileName, bytes]]:
    """Yield the tiles that become full when ``leaves`` follow on a tree of ``old_size``.

    Lower levels first. The hash that a full tile adds to the level above is its :func:`tile_root`.

    Args:
        reader: the tree before; asked only for what a tile that becomes full already had.
        old_size: its size.
        leaves: leaf hashes, in order.
    """
    level, n_before, fresh = 0, old_size, list(leaves)
    while fresh:
        index, width = divmod(n_before, TILE_WIDTH)
        n_full = (width + len(fresh)) // TILE_WIDTH
        if n_full == 0:
            return
        before = _read(reader, TileName(level, index, width)) if width else b""
        row = before + b"".join(fresh)
        fresh = []
        for offset in range(n_full):
            tile = row[offset * TILE_WIDTH * HASH_BYTES :][: TILE_WIDTH * HASH_BYTES]
            yield TileName(level, index + offset, TILE_WIDTH), tile
            fresh.append(tile_root(tile))
        level, n_before = level + 1, index


def root_of(reader: HashReader, size: int) -> bytes:
    """Return the root over the first ``size`` leaves.

    Raises:
        IntegrityError: the reader gave a tile of another length.
    """
    return _Tree(reader, size).root(0, size) if size else EMPTY_ROOT


def inclusion_proof(reader: HashReader, index: int, size: int) -> tuple[bytes, ...]:
    """Return PATH(index, the first ``size`` leaves) of RFC 6962 §2.1.1, from the leaf's sibling up.

    Raises:
        InputError: there is no such leaf.
        IntegrityError: the reader gave a tile of another length.
    """
    if not 0 <= index < size:
        raise InputError(f"There is no record {index} among the first {size}, counted from 0.")
    tree, proof = _Tree(reader, size), list[bytes]()
    low, high = 0, size
    while high - low > 1:
        middle = low + _split(high - low)
        if index < middle:
            proof.append(tree.root(middle, high))
            high = middle
        else:
            proof.append(tree.root(low, middle))
            low = middle
    return tuple(reversed(proof))


def consistency_proof(reader: HashReader, old_size: int, size: int) -> tuple[bytes, ...]:
    """Return PROOF(old_size, the first ``size`` leaves) of RFC 6962 §2.1.2.

    Empty where nothing needs to be proved: from the empty tree, and from a tree to itself.

    Raises:
        InputError: the old tree is larger than the new one, or a size is negative.
        IntegrityError: the reader gave a tile of another length.
    """
    if not 0 <= old_size <= size:
        raise InputError(f"A tree of {size} records cannot begin with one of {old_size}.")
    if old_size in {0, size}:
        return ()
    tree, proof = _Tree(reader, size), list[bytes]()
    low, high = 0, size
    while high != old_size:
        middle = low + _split(high - low)
        if old_size <= middle:
            proof.append(tree.root(middle, high))
            high = middle
        else:
            proof.append(tree.root(low, middle))
            low = middle
    if low:  # otherwise the verifier has this root: it is the old tree's
        proof.append(tree.root(low, high))
    return tuple(reversed(proof))


class MemoryTiles:
    """Every tile, in memory, for a tree that fits there."""

    def __init__(self, leaves: Iterable[bytes] = ()) -> None:
        self._rows: list[bytearray] = [bytearray()]
        self.extend(leaves)

    @property
    def size(self) -> int:
        """Number of leaves."""
        return len(self._rows[0]) // HASH_BYTES

    def extend(self, leaves: Iterable[bytes]) -> None:
        """Add leaf hashes, in order."""
        fresh = tuple(leaves)
        for name, data in completed_tiles(self, self.size, fresh):
            if len(self._rows) == name.level + 1:
                self._rows.append(bytearray())
            self._rows[name.level + 1] += tile_root(data)
        self._rows[0] += b"".join(fresh)

    def tile(self, level: int, index: int, width: int) -> bytes:
        """See :meth:`HashReader.tile`."""
        start = index * TILE_WIDTH * HASH_BYTES
        return bytes(self._rows[level][start : start + width * HASH_BYTES])


class RightEdge:
    """The partial tiles of a tree, one a level: enough to grow it tile by tile.

    Attributes:
        size: number of leaves.
    """

    def __init__(self, reader: HashReader, size: int) -> None:
        """Read the partial tiles of the first ``size`` leaves."""
        self.size = size
        self._rows: list[bytearray] = []
        while size or not self._rows:
            size, width = divmod(size, TILE_WIDTH)
            name = TileName(len(self._rows), size, width)
            self._rows.append(bytearray(_read(reader, name) if width else b""))

    def extend(self, leaves: Sequence[bytes]) -> list[tuple[TileName, bytes]]:
        """Add leaf hashes, in order, and return the tiles that became full, lower levels first."""
        full = list(completed_tiles(self, self.size, leaves))
        self.size += len(leaves)
        self._rows[0] += b"".join(leaves)
        for name, data in full:
            del self._rows[name.level][: len(data)]
            if len(self._rows) == name.level + 1:
                self._rows.append(bytearray())
            self._rows[name.level + 1] += tile_root(data)
        return full

    def partial_tiles(self) -> Iterator[tuple[TileName, bytes]]:
        """Yield what is not full, lowest level first."""
        for level, row in enumerate(self._rows):
            if row:
                index = self.size >> TILE_HEIGHT * (level + 1)
                yield TileName(level, index, len(row) // HASH_BYTES), bytes(row)

    def tile(self, level: int, index: int, width: int) -> bytes:
        """See :meth:`HashReader.tile`; only the partial tiles are known."""
        known = self._rows[level] if index == self.size >> TILE_HEIGHT * (level + 1) else b""
        return bytes(known[: width * HASH_BYTES])

    @property
    def root(self) -> bytes:
        """The root over all leaves."""
        rows = (CompactTree().extend(_hashes(bytes(row))) for row in reversed(self._rows))
        return CompactTree(self.size, tuple(peak for row in rows for peak in row.peaks)).root


class _Tree:
    """The first ``size`` leaves as a reader's tiles show them; each tile is read once."""

    def __init__(self, reader: HashReader, size: int) -> None:
        self._reader = reader
        self._size = size
        self._read: dict[TileName, bytes] = {}

    def root(self, low: int, high: int) -> bytes:
        """Return MTH(leaves[low:high]); ``low`` is a multiple of a power of two ≥ high - low."""
        peaks: list[bytes] = []
        while low < high:
            height = (high - low).bit_length() - 1
            peaks.append(self._complete(low, height))
            low += 1 << height
        top = peaks.pop()
        while peaks:
            top = node_hash(peaks.pop(), top)
        return top

    def _complete(self, low: int, height: int) -> bytes:
        """Return the root of the complete subtree of 2 ** height leaves from ``low`` on."""
        level, within = divmod(height, TILE_HEIGHT)
        first = low >> level * TILE_HEIGHT
        index, offset = divmod(first, TILE_WIDTH)
        n_hashes = self._size >> level * TILE_HEIGHT
        name = TileName(level, index, min(TILE_WIDTH, n_hashes - index * TILE_WIDTH))
        if name not in self._read:
            self._read[name] = _read(self._reader, name)
        start = offset * HASH_BYTES
        return tile_root(self._read[name][start : start + (HASH_BYTES << within)])


def _read(reader: HashReader, name: TileName) -> bytes:
    data = reader.tile(name.level, name.index, name.width)
    if len(data) != name.width * HASH_BYTES:
        raise IntegrityError(f"{name.path} does not hold {name.width} hashes.")
    return data


def _hashes(row: bytes) -> list[bytes]:
    return [row[at : at + HASH_BYTES] for at in range(0, len(row), HASH_BYTES)]


def _split(n: int) -> int:
    """Return the largest power of two smaller than ``n`` (RFC 6962 §2.1)."""
    return 1 << (n - 1).bit_length() - 1


def _index_path(index: int, width: int) -> str:
    digits = str(index)
    digits = digits.zfill(-(-len(digits) // 3) * 3)
    groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
    path = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
    return path if width == TILE_WIDTH else f"{path}.p/{width}"

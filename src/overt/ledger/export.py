"""A log as a folder that anybody can check, copy or serve: C2SP ``tlog-tiles`` in files.

``checkpoint``, ``tile/<level>/…`` and ``tile/entries/…``, and nothing else. Writing again adds what
is new: full tiles and full bundles never change.

Invariants: the checkpoint is written last, when everything that it covers is on the disk, and only
if what was written has the root that was signed; before that the folder is the previous export and
some files too many, which writing again puts right. One writer at a time.
Must not: read an exported record's content, or trust a signature: what is signed is checked by
whoever holds the key.
"""

import os
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from overt.core.errors import InputError, IntegrityError, StorageError
from overt.ledger.merkle import HASH_BYTES, leaf_hash
from overt.ledger.notes import Checkpoint, parse_note
from overt.ledger.tiles import (
    TILE_HEIGHT,
    TILE_WIDTH,
    EntriesName,
    RightEdge,
    TileName,
    bundle,
    bundles_of,
    tile_path,
    tiles_of,
    unbundle,
)

CHECKPOINT: Final = "checkpoint"
_UNFINISHED: Final = ".unfinished"


class ExportedLog:
    """An export in a folder; a reader of its tiles (:class:`overt.ledger.tiles.HashReader`)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def note(self) -> bytes | None:
        """Return the signed checkpoint as it lies there, or None before the first export.

        Raises:
            StorageError: it cannot be read.
        """
        try:
            return (self.folder / CHECKPOINT).read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            raise StorageError("The exported checkpoint cannot be read.") from error

    @property
    def size(self) -> int:
        """How many records the checkpoint says are here; its signature is not looked at.

        Raises:
            InputError: the file is not a checkpoint.
        """
        note = self.note()
        return 0 if note is None else _claimed(note).size

    def write(self, note: bytes, records_from: Callable[[int], Iterable[bytes]]) -> int:
        """Write what ``note`` covers and is not here yet, and return how many records were written.

        Args:
            note: a signed checkpoint of the log.
            records_from: gives the log's records from a number on; those that the checkpoint does
                not cover are left out.

        Raises:
            InputError: the folder already holds more than ``note`` covers, or is of another log.
            IntegrityError: the records are not those that the checkpoint was signed for, or what
                lies here does not go before them.
            StorageError: something cannot be written.
        """
        checkpoint, earlier = _claimed(note), self.note()
        if earlier is not None and _claimed(earlier).origin != checkpoint.origin:
            raise InputError("The folder holds the export of another log.")
        n_before = self.size
        if n_before > checkpoint.size:
            raise InputError(
                f"The folder holds {n_before} records, more than the {checkpoint.size} of the "
                "checkpoint to be written."
            )
        try:
            n_written = self._write_tree(checkpoint, n_before, records_from)
            os.sync()
            self._put(CHECKPOINT, note)
            self._keep_checkpoint()
            self._remove_stale_tiles(checkpoint.size)
        except OSError as error:
            raise StorageError("The export cannot be written.") from error
        return n_written

    def tile(self, level: int, index: int, width: int) -> bytes:
        """See :meth:`overt.ledger.tiles.HashReader.tile`; narrower ones are cut from what is here.

        Raises:
            IntegrityError: the tile is not here.
        """
        n_hashes = (self.size >> TILE_HEIGHT * level) - index * TILE_WIDTH
        if not 0 < width <= n_hashes:
            raise IntegrityError(f"{tile_path(level, index, width)} is not in the export.")
        whole = TileName(level, index, min(TILE_WIDTH, n_hashes))
        return self._read(whole)[: width * HASH_BYTES]

    def records(self, first: int = 0) -> Iterator[bytes]:
        """Yield the records from number ``first`` on.

        Raises:
            IntegrityError: a bundle is missing, or does not hold as many as it should.
        """
        for name in bundles_of(self.size):
            start = name.index * TILE_WIDTH
            if first >= start + name.width:
                continue
            try:
                records = unbundle(self._read(name))
            except InputError as error:
                raise IntegrityError(f"{name.path} is not a bundle of records.") from error
            if len(records) != name.width:
                raise IntegrityError(f"{name.path} does not hold {name.width} records.")
            yield from records[max(0, first - start) :]

    def _write_tree(
        self, checkpoint: Checkpoint, n_before: int, records_from: Callable[[int], Iterable[bytes]]
    ) -> int:
        n_kept = n_before - n_before % TILE_WIDTH
        edge = RightEdge(self, n_kept)
        records = iter(islice(records_from(n_kept), checkpoint.size - n_kept))
        while batch := tuple(islice(records, TILE_WIDTH)):
            self._add(EntriesName(edge.size // TILE_WIDTH, len(batch)), bundle(batch), n_before)
            for name, data in edge.extend([leaf_hash(record) for record in batch]):
                self._add(name, data, n_before)
        for name, data in edge.partial_tiles():
            self._add(name, data, n_before)
        if edge.size != checkpoint.size or edge.root != checkpoint.root:
            raise IntegrityError(
                "The records to be exported, behind those that lie in the folder, are not what "
                "the checkpoint was signed for."
            )
        return edge.size - n_before

    def _add(self, name: TileName | EntriesName, data: bytes, n_before: int) -> None:
        """Write a tile or bundle; one of the earlier export is never overwritten."""
        if name.lies_within(n_before):
            if self._read(name) != data:
                raise IntegrityError(f"{name.path} of the earlier export is not what is recorded.")
        else:
            self._put(name.path, data)

    def _put(self, path: str, data: bytes) -> None:
        target, unfinished = self.folder / path, self.folder / _UNFINISHED
        target.parent.mkdir(parents=True, exist_ok=True)
        unfinished.write_bytes(data)
        unfinished.replace(target)

    def _keep_checkpoint(self) -> None:
        """Wait until the new checkpoint is on the disk: then what only the old one needs can go."""
        for path in (self.folder / CHECKPOINT, self.folder):
            descriptor = os.open(path, os.O_RDONLY)
            try:
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _remove_stale_tiles(self, size: int) -> None:
        current = {self.folder / name.path for name in tiles_of(size)}
        current |= {self.folder / name.path for name in bundles_of(size)}
        for folder in sorted(self.folder.glob("tile/**/*.p")):
            for path in sorted(folder.iterdir()):
                if path not in current:
                    path.unlink()
            if not any(folder.iterdir()):
                folder.rmdir()

    def _read(self, name: TileName | EntriesName) -> bytes:
        try:
            return (self.folder / name.path).read_bytes()
        except OSError as error:
            raise IntegrityError(f"{name.path} is missing or cannot be read.") from error


def _claimed(note: bytes) -> Checkpoint:
    return Checkpoint.parse(parse_note(note).text)

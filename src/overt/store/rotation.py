"""Which machine key the store's keys are wrapped under, and how it is replaced.

    machine key ── wraps ──▶ every column ``wrapped_key``: a deployment's, a list's, an import's

The fact ``machine_key_id`` names the machine key in the database itself, so that another machine's
key, or one from before a rotation, is told at once. It changes in the transaction that wraps every
key anew: whatever dies, before or after, fits one of the two keys that the source holds by then.

Invariants: a wrapped key stands in a column of that name and is bound to its table, row and column
(:func:`~overt.store.keys.place_of`), so that a rotation finds every one; a process that opened the
store under another key than the present one reads and writes nothing more; nobody turns to a key
that its source does not hold safely.
Must not: unwrap a data key for anything but wrapping it again, or re-encrypting what it sealed.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sqlalchemy import Column, Table, func, select, update
from sqlalchemy.orm import Session

from overt.core.errors import IntegrityError, StorageError
from overt.store.base import Base
from overt.store.database import Database
from overt.store.faults import storage_faults
from overt.store.keys import DataKey, key_id, place_of
from overt.store.machine_key import MachineKeySource
from overt.store.media import seal_media_anew
from overt.store.member_secret import wrap_member_secret_anew
from overt.store.models import StoreFactRow
from overt.store.sealed_reasons import wrap_reasons_anew

MACHINE_KEY_ID: Final = "machine_key_id"
LOCK_ATTEMPTS: Final = 100
LOCK_PAUSE_S: Final = 0.1
_FACT: Final = select(StoreFactRow.value).where(StoreFactRow.name == MACHINE_KEY_ID)


@dataclass(frozen=True, slots=True)
class MachineKey:
    """The machine key of an open store.

    Attributes:
        key: wraps the store's keys.
        source: where it came from.
        folder: what :func:`changing_keys` locks.
    """

    key: DataKey
    source: MachineKeySource
    folder: Path


@dataclass(frozen=True, slots=True)
class WrappedKeys:
    """How many keys of one kind there are.

    Attributes:
        n_wrapped: those that can be used.
        n_destroyed: those whose owner is still known, and whose key is not there any more.
    """

    n_wrapped: int
    n_destroyed: int


def wrapping_tables() -> tuple[Table, ...]:
    """Return the tables that hold wrapped keys, by name."""
    tables = sorted(Base.metadata.tables.values(), key=lambda table: table.name)
    return tuple(table for table in tables if "wrapped_key" in table.columns)


def count_keys(session: Session) -> dict[str, WrappedKeys]:
    """Return how many keys there are, by the table of their owners."""
    counted = {}
    for table in wrapping_tables():
        n_rows, n_wrapped = session.execute(
            select(func.count(), func.count(table.c.wrapped_key)).select_from(table)
        ).one()
        counted[table.name] = WrappedKeys(n_wrapped, n_rows - n_wrapped)
    return counted


def open_machine_key(database: Database, source: MachineKeySource, folder: Path) -> MachineKey:
    """Return the key that the store's keys are wrapped under, and finish what a crash left undone.

    From then on ``database`` refuses every transaction once another process has rotated the key.

    Args:
        database: just opened.
        source: holds a key; see :func:`first_machine_key`.
        folder: what :func:`changing_keys` locks.

    Raises:
        IntegrityError: the source's key is another machine's, or from before a rotation.
        StorageError: the database or the source failed, or another process does not let go.
    """
    key = _as_key(source.read())
    wanted = _claimed(database, key)
    if key is None or key_id(key) != wanted or source.is_unsettled():
        with changing_keys(folder):
            key = settle(database, source)
    opened_under = key_id(key)

    def check(session: Session) -> None:
        if session.scalar(_FACT) != opened_under:
            raise StorageError(
                "The machine key was rotated while this process had the store open: start it again."
            )

    database.check_each_transaction(check)
    return MachineKey(key, source, folder)


def first_machine_key(source: MachineKeySource, folder: Path, *, exists: bool) -> None:
    """Make sure that the source holds a key; makes one only for a store that is not there yet.

    Raises:
        IntegrityError: there is a store, and no key for it.
    """
    if source.read() is not None:
        return
    if exists:
        name = source.name[:1].upper() + source.name[1:]
        raise IntegrityError(f"{name} of this store is missing, and what it keeps needs that key.")
    with changing_keys(folder):
        source.create()


def settle(database: Database, source: MachineKeySource) -> DataKey:
    """Return the source's key that fits the store, put in its place if need be, others destroyed.

    The caller holds :func:`changing_keys`.

    Raises:
        IntegrityError: neither the key nor the next one fits.
    """
    with database.read() as session:
        wanted = session.scalar(_FACT)
    key, waiting = _as_key(source.read()), _as_key(source.read_next())
    if key is None or key_id(key) != wanted:
        if waiting is None or key_id(waiting) != wanted:
            raise _another_key(source)
        source.adopt_next()
        key = waiting
    source.discard_others()
    return key


def wrap_anew(session: Session, former: DataKey, fresh: DataKey) -> None:
    """Wrap every key of the store under ``fresh`` instead of ``former``, and name it in the facts.

    Raises:
        IntegrityError: a wrapped key was altered.
    """
    for table in wrapping_tables():
        owner = owner_column(table)
        rows = session.execute(
            select(owner, table.c.wrapped_key).where(table.c.wrapped_key.is_not(None))
        ).all()
        for row_id, wrapped in rows:
            place = place_of(table.name, row_id, "wrapped_key")
            again = fresh.wrap(former.unwrap(wrapped, place), place)
            session.execute(update(table).where(owner == row_id).values(wrapped_key=again))
    wrap_member_secret_anew(session, former, fresh)
    seal_media_anew(session, former, fresh)
    wrap_reasons_anew(session, former, fresh)
    session.get_one(StoreFactRow, MACHINE_KEY_ID).value = key_id(fresh)


def owner_column(table: Table) -> Column[str]:
    """Return the column that names the owner of a wrapped key: the table's whole primary key."""
    (column,) = table.primary_key.columns
    return column


@contextmanager
def changing_keys(folder: Path) -> Iterator[None]:
    """Hold the right to change the machine key; waits for who has it, a few seconds at most.

    It is a lock on the folder itself, which the kernel gives back when the process ends.

    Raises:
        StorageError: another process does not let go of it.
    """
    with storage_faults():
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        _lock(descriptor)
        yield
    finally:
        os.close(descriptor)


def _lock(descriptor: int) -> None:
    for _ in range(LOCK_ATTEMPTS):
        with storage_faults():
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                time.sleep(LOCK_PAUSE_S)
            else:
                return
    raise StorageError("Another process is rotating the machine key; try again when it is done.")


def _claimed(database: Database, key: DataKey | None) -> str:
    """Return the id of the key that the store is under; a store that does not say yet is given it.

    A store made before the fact was kept is taken to be under ``key`` if that unwraps one of its
    keys, or if it has none.
    """
    with database.read() as session:
        wanted = session.scalar(_FACT)
    if wanted is not None:
        return wanted
    with database.write() as session:
        wanted = session.scalar(_FACT)
        if wanted is None and key is not None:
            _check_unwraps(session, key)
            wanted = key_id(key)
            session.add(StoreFactRow(name=MACHINE_KEY_ID, value=wanted))
    return wanted or ""


def _check_unwraps(session: Session, key: DataKey) -> None:
    for table in wrapping_tables():
        found = session.execute(
            select(owner_column(table), table.c.wrapped_key)
            .where(table.c.wrapped_key.is_not(None))
            .limit(1)
        ).first()
        if found is not None:
            key.unwrap(found.wrapped_key, place_of(table.name, found[0], "wrapped_key"))
            return


def _as_key(secret: bytes | None) -> DataKey | None:
    return None if secret is None else DataKey(secret)


def _another_key(source: MachineKeySource) -> IntegrityError:
    return IntegrityError(
        f"This store is under another machine key than {source.name} holds: that one is another "
        "machine's, or from before a rotation."
    )

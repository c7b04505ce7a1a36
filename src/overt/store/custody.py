"""The keys of an open store, for whoever looks after the machine: shown, replaced.

Invariants: nothing is rotated while a run is open, here or in another process; a rotation and its
ledger record are one transaction; after it no file holds a former wrapping.
Must not: show a key.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from overt.core.clock import Clock
from overt.core.errors import InputError, StateError
from overt.core.ids import PersonId, WatchlistId
from overt.ledger.acts import KeyRotated
from overt.ledger.records import LedgerRecord
from overt.store.database import Database
from overt.store.keys import DataKey, key_id
from overt.store.ledger import StoredLedger
from overt.store.rotation import (
    MachineKey,
    WrappedKeys,
    changing_keys,
    count_keys,
    settle,
    wrap_anew,
)
from overt.store.run_lock import HeldElsewhereError, RunLock
from overt.store.watchlists import reseal

_IN_USE: Final = "A run is open in this store, or its keys are being rotated: wait for its end."


@dataclass(frozen=True, slots=True)
class KeysInUse:
    """What can be said of the store's keys.

    Attributes:
        source: where the machine key comes from.
        key_id: names the machine key and says nothing about it.
        wrapped: by the table of the keys' owners.
    """

    source: str
    key_id: str
    wrapped: Mapping[str, WrappedKeys]


class KeyCustody:
    """Shows and rotates keys."""

    def __init__(
        self,
        database: Database,
        ledger: StoredLedger,
        machine: MachineKey,
        run_lock: RunLock,
        clock: Clock,
    ) -> None:
        self._database = database
        self._ledger = ledger
        self._machine = machine
        self._run_lock = run_lock
        self._clock = clock

    def show(self) -> KeysInUse:
        """Return what is in use.

        Raises:
            StorageError: it cannot be read.
        """
        with self._database.read() as session:
            return KeysInUse(
                self._machine.source.name, key_id(self._machine.key), count_keys(session)
            )

    def rotate_machine_key(self, by: PersonId | None = None) -> str:
        """Replace the machine key, and wrap every key of the store anew; return the new one's id.

        The store can then no more be used: open it again.

        Raises:
            IntegrityError: a wrapped key was altered, or the source has no new key to give.
            StateError: a run is open, or another process rotates keys.
            StorageError: it could not be done; or it was, and the former wrappings are not yet
                overwritten in every file.
        """
        with self._no_run(), changing_keys(self._machine.folder):
            if settle(self._database, self._machine.source) != self._machine.key:
                raise StateError("Another process rotated the machine key just now.")
            fresh = DataKey(self._machine.source.create_next())
            if fresh == self._machine.key:
                raise InputError("The new machine key is the one that is in use.")
            with self._ledger.transaction() as work:
                wrap_anew(work.session, self._machine.key, fresh)
                record = KeyRotated("machine", None, key_id(fresh), by)
                work.append(LedgerRecord.of(record, self._clock.now_utc()))
                self._ledger.sign_checkpoint(work)
            self._machine.source.adopt_next()
            self._machine.source.discard_others()
        self._database.forget_history()
        return key_id(fresh)

    def rotate_list_key(self, watchlist: WatchlistId, by: PersonId | None = None) -> str:
        """Re-encrypt a list under a fresh key, and destroy the former; return the new one's id.

        Raises:
            InputError: there is no such list, or its key was destroyed.
            IntegrityError: what is kept of it was altered; nothing was changed.
            StateError, StorageError: as :meth:`rotate_machine_key`.
        """
        with self._no_run():
            with self._ledger.transaction() as work:
                fresh = reseal(work.session, watchlist, self._machine.key)
                if fresh is None:
                    raise InputError("There is no such list, or its key was destroyed.")
                record = KeyRotated("watchlist", watchlist, key_id(fresh), by)
                work.append(LedgerRecord.of(record, self._clock.now_utc()))
                self._ledger.sign_checkpoint(work)
            self._database.forget_history()
        return key_id(fresh)

    @property
    def after_rotation(self) -> str | None:
        """What the person at the keyboard has to do once the machine key is rotated, or None."""
        return self._machine.source.after_rotation

    @contextmanager
    def _no_run(self) -> Iterator[None]:
        try:
            newly_taken = self._run_lock.acquire()
        except HeldElsewhereError as error:
            raise StateError(_IN_USE) from error
        if not newly_taken:
            raise StateError(_IN_USE)
        try:
            yield
        finally:
            self._run_lock.release()

"""A search among those of a list who may be compared at this moment.

Who that is changes while a node looks: somebody is withdrawn, a confirmation grows too old, the
list is purged. The node asks again every half second, so that a step that was recorded holds within
one.

Invariants: nobody is compared who is not among the answer; where the answer cannot be had, nobody
is compared until it can.
Must not: read a clock or a store, or hold on to who was compared.
"""

import threading
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final, Protocol

from overt.core.arrays import Vector
from overt.core.errors import StorageError
from overt.core.ids import EntryId, WatchlistId
from overt.matching.gallery import Candidate, Gallery, Search
from overt.policy.pack import PolicyPack
from overt.watchlist.life import WatchlistLife, comparable
from overt.watchlist.manifest import as_gallery
from overt.watchlist.stored import StoredWatchlist

ASK_EVERY: Final = timedelta(seconds=0.5)
"""How long an answer holds."""

RECKON_EVERY: Final = timedelta(seconds=10)
"""How long an answer holds while no step is taken: by then confirmations may have grown too old."""

WhoNow = Callable[[datetime], frozenset[EntryId]]
"""Who may be compared at a time; raises StorageError where that cannot be read."""


class Lives(Protocol):
    """Where the lives of lists stand."""

    def version(self, watchlist: WatchlistId) -> int | None:
        """Return how many steps a list has taken, or None if there is no such list."""
        ...

    def find(self, watchlist: WatchlistId) -> WatchlistLife | None:
        """Return a list's life, or None if there is no such list."""
        ...


class CurrentlyComparable:
    """Who of one list may be compared, from its life as it stands; asked from any thread.

    Args:
        lives: where the life is read.
        watchlist: whose.
        pack: the rules of the deployment.
    """

    def __init__(self, lives: Lives, watchlist: WatchlistId, pack: PolicyPack) -> None:
        self._lives = lives
        self._watchlist = watchlist
        self._pack = pack
        self._version: int | None = None
        self._reckoned_utc: datetime | None = None
        self._answer: frozenset[EntryId] = frozenset()

    def __call__(self, now_utc: datetime) -> frozenset[EntryId]:
        """Return who may be compared.

        Raises:
            IntegrityError, StorageError: the life was altered, or cannot be read.
        """
        version = self._lives.version(self._watchlist)
        if version != self._version or _is_older(self._reckoned_utc, now_utc, RECKON_EVERY):
            life = self._lives.find(self._watchlist)
            none = frozenset[EntryId]()
            self._answer = none if life is None else comparable(life, self._pack, now_utc)
            self._version = None if life is None else life.version
            self._reckoned_utc = now_utc
        return self._answer


class CurrentSearch:
    """See :class:`overt.matching.gallery.Search`; thread-safe.

    Args:
        watchlist: whole, as the authority names it.
        who: who of it may be compared at a time.
        make: makes a search of a gallery.
        now_utc: timezone-aware.

    Raises:
        InputError: nobody may be compared now.
        IntegrityError, StorageError: who may be compared cannot be read.
    """

    def __init__(
        self,
        watchlist: StoredWatchlist,
        who: WhoNow,
        make: Callable[[Gallery], Search],
        now_utc: datetime,
    ) -> None:
        self._watchlist = watchlist
        self._who = who
        self._make = make
        self._lock = threading.Lock()
        self._asked_utc: datetime | None = now_utc
        self._compared = who(now_utc)
        self._search: Search | None = make(as_gallery(watchlist, self._compared))

    def search(self, probe: Vector, n_candidates: int, now_utc: datetime) -> list[Candidate]:
        """See :meth:`overt.matching.gallery.Search.search`; nobody if nobody may be compared."""
        search = self._fitting(now_utc)
        return [] if search is None else search.search(probe, n_candidates, now_utc)

    def _fitting(self, now_utc: datetime) -> Search | None:
        with self._lock:
            if _is_older(self._asked_utc, now_utc, ASK_EVERY):
                self._ask(now_utc)
            return self._search

    def _ask(self, now_utc: datetime) -> None:
        try:
            compared = self._who(now_utc)
        except StorageError:
            # Asked again at the next comparison; until then nobody is compared.
            self._compared, self._search, self._asked_utc = frozenset(), None, None
            return
        if compared != self._compared:
            listed = {each.entry for each in self._watchlist.entries}
            some = compared & listed
            self._search = self._make(as_gallery(self._watchlist, some)) if some else None
            self._compared = compared
        self._asked_utc = now_utc


def _is_older(then_utc: datetime | None, now_utc: datetime, limit: timedelta) -> bool:
    """Whether so much time has passed, or the clock was set back."""
    return then_utc is None or not then_utc <= now_utc < then_utc + limit

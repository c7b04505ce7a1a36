"""What leaves no other trace: looks at what is kept about people, exports of it, and refusals.

Invariants: a look or an export is on record, committed, before anything of it is shown or written;
where the record cannot be kept, nothing is shown (the error goes on to whoever asked); a refusal is
on record before it is told.
Must not: say what was seen, or whom it was about beyond the ids of an alert, a list or an entry.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from overt.core.clock import Clock
from overt.core.errors import PolicyError
from overt.core.ids import AlertId, EntryId, PersonId, Sha256, WatchlistId
from overt.ledger.acts import Act, ActDenied, ExportMade, LookTaken
from overt.ledger.records import LedgerRecord
from overt.policy.roles import RULE, Scope
from overt.store.ledger import StoredLedger


def look_at_alert(alert: AlertId, part: str, by: PersonId) -> LookTaken:
    """Return the record of a look at an alert's ``facts``, ``notes`` or ``pictures``."""
    return LookTaken("alert", alert, None, part, by)


def look_at_list(
    watchlist: WatchlistId, entry: EntryId | None, part: str, by: PersonId
) -> LookTaken:
    """Return the record of a look at ``facts`` or ``pictures`` of a list, or of one entry of it."""
    return LookTaken("watchlist", watchlist, entry, part, by)


class RecordedRefusalError(PolicyError):
    """A refusal that is on record already, so that nobody records it again."""


class LookBook:
    """Puts looks, exports and refusals on record. Safe to use from any thread."""

    def __init__(self, ledger: StoredLedger, clock: Clock) -> None:
        self._ledger = ledger
        self._clock = clock

    def take(self, *looks: LookTaken) -> None:
        """Record looks, in one transaction; call it before anything is shown.

        Raises:
            StorageError: they could not be recorded, so nothing may be shown.
        """
        self._record(*looks)

    def export(
        self, what: str, subject: str | None, sha256: Sha256 | None, by: PersonId | None
    ) -> None:
        """Record that something leaves the store as a file; call it before the file is written.

        Args:
            what: a word for what it is, such as ``alert-sheet``.
            subject: the id of the alert, list or deployment that it is about.
            sha256: of the file's bytes; None if they are not known before they are written.
            by: who takes it out; None where nobody has to say who they are.

        Raises:
            StorageError: it could not be recorded, so nothing may be written.
        """
        self._record(ExportMade(what, subject, sha256, by))

    @contextmanager
    def recording_refusals(
        self, act: str, by: PersonId | None, scope: Scope | None = None
    ) -> Iterator[None]:
        """Record what is refused of what is tried within, under each rule, and let it go on.

        Args:
            act: what is tried; a :class:`overt.policy.roles.Right` where there is one for it.
            by: who tries it; None if the register does not know them.
            scope: on what.

        Raises:
            RecordedRefusalError: for every other PolicyError.
            StorageError: it could not be recorded.
        """
        try:
            yield
        except RecordedRefusalError:
            raise
        except PolicyError as refused:
            where = scope or Scope()
            rules = dict.fromkeys(refused.rules) or (RULE,)
            self._record(
                *(
                    ActDenied(str(act), rule, where.deployment, where.watchlist, by)
                    for rule in rules
                )
            )
            raise RecordedRefusalError(str(refused), refused.rules) from refused

    def _record(self, *acts: Act) -> None:
        if not acts:
            return
        now_utc = self._clock.now_utc()
        with self._ledger.transaction() as work:
            for act in acts:
                work.append(LedgerRecord.of(act, now_utc))

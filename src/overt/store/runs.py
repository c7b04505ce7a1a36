"""A run's acts, kept as they happen: implements :class:`overt.alerts.ports.RunSink`.

Invariants: after a failure to keep something, the run raises no further alert; a run whose process
died is closed, and said not to have been, when the next run starts.
Must not: acknowledge what was not committed.
"""

import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import uuid4

from sqlalchemy import func, select

from overt.alerts.alert import Alert, AlertPictures
from overt.alerts.lifecycle import FINAL
from overt.alerts.ports import RunStart, StopReason
from overt.core.clock import Clock
from overt.core.counts import FaceCounts
from overt.core.errors import InputError, IntegrityError, ReconciliationError, StorageError
from overt.core.ids import AlertId, DeploymentId, PersonId
from overt.ledger.acts import (
    Act,
    AlertRepeated,
    NodePrepared,
    PresenceSeen,
    Refusal,
    RunCounts,
    RunStarted,
    RunStopped,
)
from overt.ledger.canonical import canonical_bytes, parse_canonical
from overt.ledger.records import LedgerRecord, counts_body, micro, parse_counts
from overt.store import deployments
from overt.store.alerts import alert_state, seal_pictures, write_alert
from overt.store.keys import DataKey
from overt.store.ledger import StoredLedger, UnitOfWork
from overt.store.lives import beats_of
from overt.store.models import AlertRow, CountMinuteRow, RunRow


@dataclass(frozen=True, slots=True)
class _OpenRun:
    id: str
    deployment: DeploymentId
    key: DataKey


class StoredRun:
    """One run. Safe to use from any thread."""

    def __init__(self, ledger: StoredLedger, machine_key: DataKey, clock: Clock) -> None:
        self._ledger = ledger
        self._machine_key = machine_key
        self._clock = clock
        self._lock = threading.RLock()
        self._run: _OpenRun | None = None
        self._beats: Mapping[PersonId, int] = {}
        self._stopped = False
        self._failed = False

    def start(self, run: RunStart) -> None:
        """See :meth:`overt.alerts.ports.RunSink.start`."""
        if self._run is not None:
            raise InputError("A run is started once.")
        run_id = uuid4().hex
        with self._lock, self._keeping() as work:
            now_utc = self._clock.now_utc()
            key = deployments.register(work.session, run, self._machine_key, now_utc)
            work.session.add(
                RunRow(id=run_id, deployment_id=run.deployment, started_utc=run.started_utc)
            )
            _append(work, _started(run_id, run), run.started_utc)
            opened = _OpenRun(run_id, run.deployment, key)
            beats = beats_of(work.session, run.deployment)
        self._run, self._beats = opened, beats

    def prepared(self, *, core_dumps_off: bool, memory_locked: bool, reason: str | None) -> None:
        """See :meth:`overt.alerts.ports.RunSink.prepared`."""
        run = self._opened()
        act = NodePrepared(run.id, run.deployment, core_dumps_off, memory_locked, reason)
        with self._lock, self._keeping() as work:
            _append(work, act, self._clock.now_utc())

    def minute(self, ended_utc: datetime, counts: FaceCounts) -> None:
        """See :meth:`overt.alerts.ports.RunSink.minute`."""
        run = self._opened()
        body = counts_body(counts)
        earlier = select(func.count()).where(CountMinuteRow.run_id == run.id)
        with self._lock, self._keeping() as work:
            number = work.session.scalar(earlier) or 0
            row = CountMinuteRow(
                run_id=run.id, minute=number, ended_utc=ended_utc, counts=canonical_bytes(body)
            )
            work.session.add(row)
            _append(work, RunCounts(run.id, number, body), ended_utc)
            beats = beats_of(work.session, run.deployment)
            present = _said_since(self._beats, beats)
            if present:
                _append(work, PresenceSeen(run.id, run.deployment, number, present), ended_utc)
        self._beats = beats

    def raise_alert(self, alert: Alert, pictures: AlertPictures) -> None:
        """See :meth:`overt.alerts.ports.AlertSink.raise_alert`."""
        run = self._opened()
        if alert.deployment != run.deployment:
            raise InputError("The alert is of another deployment than the run.")
        self._refuse_after_failure()
        sealed = seal_pictures(alert.id, pictures, run.key)
        with self._lock, self._keeping() as work:
            write_alert(work, run.id, alert, sealed, self._clock.now_utc())

    def fold_repeat(self, alert_id: AlertId, when_utc: datetime, similarity: float) -> bool:
        """See :meth:`overt.alerts.ports.AlertSink.fold_repeat`."""
        run = self._opened()
        self._refuse_after_failure()
        with self._lock, self._keeping() as work:
            row = work.session.get(AlertRow, alert_id)
            if row is None or row.deployment_id != run.deployment:
                raise InputError("There is no such alert to fold a repeat into.")
            if alert_state(row) in FINAL:
                return False
            row.n_repeats += 1
            row.last_repeat_utc = when_utc
            row.last_repeat_similarity = similarity
            _append(work, AlertRepeated(run.id, alert_id, row.n_repeats), self._clock.now_utc())
        return True

    def refuse(self, rule: str, when_utc: datetime) -> None:
        """See :meth:`overt.alerts.ports.RunSink.refuse`; may come before ``start``."""
        run = self._run
        refusal = Refusal(
            run=None if run is None else run.id,
            deployment=None if run is None else run.deployment,
            rule=rule,
        )
        with self._lock, self._keeping() as work:
            _append(work, refusal, when_utc)

    def stop(self, totals: FaceCounts, reason: StopReason, when_utc: datetime) -> None:
        """See :meth:`overt.alerts.ports.RunSink.stop`."""
        run = self._opened()
        with self._lock:
            if self._stopped:
                return
            with self._keeping() as work:
                row = work.session.get_one(RunRow, run.id)
                close_run(work, row, totals, reason, when_utc)
            self._stopped = True
        totals.check()

    def _opened(self) -> _OpenRun:
        if self._run is None:
            raise InputError("The run was not started.")
        return self._run

    def _refuse_after_failure(self) -> None:
        if self._failed:
            raise StorageError("Something of this run could not be kept, so it raises no alerts.")

    @contextmanager
    def _keeping(self) -> Iterator[UnitOfWork]:
        try:
            with self._ledger.transaction() as work:
                yield work
        except (StorageError, IntegrityError):
            self._failed = True
            raise


def close_run(
    work: UnitOfWork, row: RunRow, totals: FaceCounts, reason: StopReason, when_utc: datetime
) -> None:
    """Write a run's end and its record."""
    body = counts_body(totals)
    row.stopped_utc, row.stop_reason, row.totals = when_utc, str(reason), canonical_bytes(body)
    act = RunStopped(row.id, DeploymentId(row.deployment_id), str(reason), _adds_up(totals), body)
    _append(work, act, when_utc)


def close_abandoned(work: UnitOfWork, now_utc: datetime) -> None:
    """Close every run that was left open, with what its minutes add up to.

    The caller holds the lock that says that nobody has a run open here.

    Raises:
        IntegrityError: what was counted was altered.
    """
    for row in work.session.scalars(select(RunRow).where(RunRow.stopped_utc.is_(None))).all():
        minutes = select(CountMinuteRow.counts).where(CountMinuteRow.run_id == row.id)
        try:
            counts = [parse_counts(parse_canonical(data)) for data in work.session.scalars(minutes)]
        except InputError as error:
            raise IntegrityError("Counts that the store keeps were altered.") from error
        close_run(work, row, sum(counts, FaceCounts()), StopReason.NOT_CLOSED, now_utc)


def _started(run_id: str, run: RunStart) -> RunStarted:
    return RunStarted(
        run=run_id,
        deployment=run.deployment,
        capability_sha256=run.capability_sha256,
        watchlist_sha256=run.watchlist_sha256,
        contract=run.contract,
        threshold_micro=micro(run.threshold),
        cameras=run.cameras,
        software=dict(run.software),
    )


def _said_since(
    before: Mapping[PersonId, int], now: Mapping[PersonId, int]
) -> Mapping[PersonId, int]:
    """Return how often each officer has said to be present since, without those who have not."""
    since = {person: n - before.get(person, 0) for person, n in now.items()}
    return {person: n for person, n in since.items() if n > 0}


def _adds_up(totals: FaceCounts) -> bool:
    try:
        totals.check()
    except ReconciliationError:
        return False
    return True


def _append(work: UnitOfWork, act: Act, when_utc: datetime) -> None:
    work.append(LedgerRecord.of(act, when_utc))

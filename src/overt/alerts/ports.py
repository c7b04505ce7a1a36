"""What a run hands over to be kept, and to whom.

``live`` calls these ports, ``store`` implements them, ``cli`` puts the two together.

Invariants: when a call returns, what it was given is kept, with its ledger record; when it raises
:class:`overt.core.errors.StorageError`, none of it is, and the run must stop alerting.
Must not: have a way to hand over a face that did not alert.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from overt.alerts.alert import Alert, AlertPictures
from overt.core.counts import FaceCounts
from overt.core.ids import AlertId, CameraId, ContractId, DeploymentId, Sha256


class StopReason(StrEnum):
    """Why a run ended."""

    FINISHED = "finished"
    """Every source came to its end."""
    INTERRUPTED = "interrupted"
    """The person at the keyboard stopped it."""
    AUTHORITY_ENDED = "authority_ended"
    """The capability's window closed."""
    ENDED = "ended"
    """Somebody ended the deployment, or changed what it rests on."""
    FAILED = "failed"
    """An error ended it."""
    NOT_CLOSED = "not_closed"
    """The process died; the store closed the run when it was next used."""


@dataclass(frozen=True, slots=True)
class RunStart:
    """What a run was started with.

    Attributes:
        deployment: whose run.
        capability_json: the signed capability, byte for byte.
        capability_sha256: of those bytes.
        watchlist_sha256: of the watchlist's manifest.
        contract: the vector space in which templates are compared.
        threshold: cosine similarity from which a comparison can alert.
        cameras: the cameras in use, in order.
        started_utc: timezone-aware.
        software: digests of what decides, by name, for example each model's file.
    """

    deployment: DeploymentId
    capability_json: bytes
    capability_sha256: Sha256
    watchlist_sha256: Sha256
    contract: ContractId
    threshold: float
    cameras: tuple[CameraId, ...]
    started_utc: datetime
    software: Mapping[str, Sha256]


class AlertSink(Protocol):
    """Where alerts go. Safe to call from any thread."""

    def raise_alert(self, alert: Alert, pictures: AlertPictures) -> None:
        """Keep a new alert with its pictures.

        Raises:
            StorageError: it could not be kept; nothing of it was.
        """
        ...

    def fold_repeat(self, alert_id: AlertId, when_utc: datetime, similarity: float) -> bool:
        """Note that the same entry passed the same camera again within the folding time.

        Returns:
            Whether it was folded in. An alert whose life is over takes no repeat: this passage is
            to be raised as an alert of its own, so that somebody decides on it.

        Raises:
            InputError: there is no such alert in this run's deployment.
            StorageError: it could not be kept.
        """
        ...


class RunSink(AlertSink, Protocol):
    """Where a run's acts go: ``start``, then any of the others, then ``stop``, once."""

    def start(self, run: RunStart) -> None:
        """Open the run.

        Raises:
            IntegrityError: the deployment is already kept under another capability.
            StorageError: it could not be kept, or another process has a run open here.
        """
        ...

    def prepared(self, *, core_dumps_off: bool, memory_locked: bool, reason: str | None) -> None:
        """Note what the node could do to keep faces out of files, before it looks at any.

        Args:
            core_dumps_off: no fault of the process writes its memory to a file.
            memory_locked: nothing of its memory goes to swap.
            reason: a code that says why one of them is not so; None if both are.

        Raises:
            StorageError: it could not be kept.
        """
        ...

    def minute(self, ended_utc: datetime, counts: FaceCounts) -> None:
        """Keep what was counted since the last call; about once a minute.

        The counts of one minute need not reconcile, since a passage may end in the next. With them
        is kept which officers have said since then that they are present.

        Raises:
            StorageError: it could not be kept.
        """
        ...

    def refuse(self, rule: str, when_utc: datetime) -> None:
        """Note that the run refused something, under the rule with this id.

        Raises:
            StorageError: it could not be kept.
        """
        ...

    def stop(self, totals: FaceCounts, reason: StopReason, when_utc: datetime) -> None:
        """Close the run with its totals, which must reconcile, and sign a checkpoint.

        A second call does nothing.

        Raises:
            ReconciliationError: the totals do not add up. The run is closed all the same, and its
                record says so.
            StorageError: it could not be kept.
        """
        ...

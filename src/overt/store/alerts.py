"""Alerts and their pictures: writing them with their record, and reading them back.

Invariants: an alert, its two pictures and its ledger record are there together or not at all; the
record commits to the alert's facts and to the pictures' encrypted bytes.
Must not: hand out a picture that was altered, or hide one that was.
"""

import hashlib
from collections.abc import Iterator, Mapping
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from overt.alerts.alert import Alert, AlertPictures, FalseAlertRate
from overt.alerts.facts import facts_sha256
from overt.alerts.lifecycle import AlertEvent, AlertState, next_state
from overt.core.errors import InputError, IntegrityError
from overt.core.ids import AlertId, CameraId, DeploymentId, EntryId, Sha256, TrackId
from overt.ledger.acts import AlertRaised
from overt.ledger.kinds import RecordKind
from overt.ledger.records import LedgerRecord
from overt.retention.schedule import Subject
from overt.store import deployments
from overt.store.database import Database
from overt.store.deletions import Deleted
from overt.store.keys import DataKey, Sealed, place_of
from overt.store.ledger import UnitOfWork
from overt.store.ledger_records import records_of
from overt.store.models import AlertPictureRow, AlertRow
from overt.store.pictures import decode_jpeg, encode_jpeg

FACE, SCENE = "face", "scene"


class AlertArchive:
    """Reads alerts."""

    def __init__(self, database: Database, machine_key: DataKey) -> None:
        self._database = database
        self._machine_key = machine_key

    def list(self, deployment: DeploymentId | None = None) -> tuple[Alert, ...]:
        """Return the alerts of one deployment, or of all, in the order they were raised.

        Raises:
            StorageError: they cannot be read.
        """
        wanted = select(AlertRow).order_by(AlertRow.ledger_seq)
        if deployment is not None:
            wanted = wanted.where(AlertRow.deployment_id == deployment)
        with self._database.read() as session:
            return tuple(_alert(row) for row in session.scalars(wanted))

    def get(self, alert_id: AlertId) -> Alert | None:
        """Return an alert, or None if there is none of that id.

        Raises:
            StorageError: it cannot be read.
        """
        with self._database.read() as session:
            row = session.get(AlertRow, alert_id)
            return None if row is None else _alert(row)

    def pictures(self, alert_id: AlertId) -> AlertPictures | None:
        """Return an alert's pictures, or None if there is no such alert or they were deleted.

        Raises:
            IntegrityError: a picture or the key was altered.
            StorageError: they cannot be read.
        """
        with self._database.read() as session:
            row = session.get(AlertRow, alert_id)
            if row is None:
                return None
            deployment = DeploymentId(row.deployment_id)
            key = deployments.key_of(session, deployment, self._machine_key)
            if key is None:
                return None
            jpegs = {picture.field: _unsealed(picture, key) for picture in row.pictures}
        if not jpegs:
            return None  # deleted, while others of the deployment are held
        if jpegs.keys() != {FACE, SCENE}:
            raise IntegrityError("An alert does not have its two pictures.")
        return AlertPictures(face=decode_jpeg(jpegs[FACE]), scene=decode_jpeg(jpegs[SCENE]))


def seal_pictures(
    alert_id: AlertId, pictures: AlertPictures, key: DataKey
) -> tuple[AlertPictureRow, AlertPictureRow]:
    """Return the rows of an alert's face and scene, as JPEG under ``key``."""
    return (
        _sealed(alert_id, FACE, encode_jpeg(pictures.face), key),
        _sealed(alert_id, SCENE, encode_jpeg(pictures.scene), key),
    )


def write_alert(
    work: UnitOfWork,
    run_id: str,
    alert: Alert,
    pictures: tuple[AlertPictureRow, AlertPictureRow],
    now_utc: datetime,
) -> None:
    """Add an alert, what :func:`seal_pictures` gave for it, and its record.

    Raises:
        InputError: an alert of that id is already there.
    """
    if work.session.get(AlertRow, alert.id) is not None:
        raise InputError("An alert of that id was raised before.")
    face, scene = pictures
    raised = AlertRaised(
        run=run_id,
        deployment=alert.deployment,
        alert=alert.id,
        camera=alert.camera,
        entry=alert.entry,
        facts_sha256=facts_sha256(alert),
        face_sha256=_sha256(face),
        scene_sha256=_sha256(scene),
    )
    seq = work.append(LedgerRecord.of(raised, now_utc))
    row = _row(alert, run_id, seq)
    row.pictures = [face, scene]
    work.session.add(row)


def alert_state(row: AlertRow) -> AlertState:
    """Return where an alert is in its life.

    Raises:
        IntegrityError: the row was altered.
    """
    try:
        return AlertState(row.state)
    except ValueError as error:
        raise IntegrityError("The state of an alert that the store keeps was altered.") from error


def check_against_ledger(session: Session) -> None:
    """Check that alerts and their records match one to one, in every byte the records commit to.

    What is not there must be deleted on record.

    Raises:
        IntegrityError: an alert without its record, a record without its alert, or one that
            differs from the other.
    """
    n_matched, deleted = 0, Deleted(session)
    for seq, body in _raised_records(session):
        row = session.scalars(select(AlertRow).where(AlertRow.ledger_seq == seq)).first()
        if row is None and deleted.is_gone(Subject.ALERT, str(body["alert"])):
            continue
        if row is None or _committed(row, deleted, body) != dict(body):
            raise IntegrityError(f"Ledger record {seq} does not match the alert that is kept.")
        n_matched += 1
        session.expunge(row)
    n_alerts = session.scalar(select(func.count()).select_from(AlertRow)) or 0
    if n_alerts != n_matched:
        raise IntegrityError(f"{n_alerts - n_matched} alerts have no ledger record.")


def _raised_records(session: Session) -> Iterator[tuple[int, Mapping[str, object]]]:
    for seq, record in records_of(session, RecordKind.ALERT_RAISED):
        yield seq, record.body


def _committed(row: AlertRow, deleted: Deleted, body: Mapping[str, object]) -> dict[str, object]:
    """Return what an alert commits to; of pictures that were deleted on record, what it did."""
    alert = _alert(row)
    pictures: dict[str, object] = {picture.field: _sha256(picture) for picture in row.pictures}
    if not pictures and deleted.is_gone(Subject.PICTURES, row.deployment_id, row.id):
        pictures = {FACE: body["face_sha256"], SCENE: body["scene_sha256"]}
    return {
        "run": row.run_id,
        "deployment": alert.deployment,
        "alert": alert.id,
        "camera": alert.camera,
        "entry": alert.entry,
        "facts_sha256": facts_sha256(alert),
        "face_sha256": pictures.get(FACE),
        "scene_sha256": pictures.get(SCENE),
    }


def _sealed(alert_id: AlertId, field: str, jpeg: bytes, key: DataKey) -> AlertPictureRow:
    sealed = key.seal(jpeg, place_of("alert_pictures", alert_id, field))
    return AlertPictureRow(field=field, nonce=sealed.nonce, ciphertext=sealed.ciphertext)


def _unsealed(row: AlertPictureRow, key: DataKey) -> bytes:
    place = place_of("alert_pictures", row.alert_id, row.field)
    return key.open(Sealed(row.nonce, row.ciphertext), place)


def _sha256(row: AlertPictureRow) -> Sha256:
    return Sha256(hashlib.sha256(row.nonce + row.ciphertext).hexdigest())


def _row(alert: Alert, run_id: str, seq: int) -> AlertRow:
    rate = alert.calibrated_rate
    left_px, top_px, right_px, bottom_px = alert.face_box_px
    return AlertRow(
        id=alert.id,
        deployment_id=alert.deployment,
        run_id=run_id,
        ledger_seq=seq,
        state=next_state(None, AlertEvent.RAISE),
        camera=alert.camera,
        entry=alert.entry,
        track=alert.track,
        captured_utc=alert.captured_utc,
        media_time_s=alert.media_time_s,
        frame_sequence=alert.frame_sequence,
        similarity=alert.similarity,
        threshold=alert.threshold,
        margin=alert.margin,
        n_shots=alert.n_shots,
        rate_one_in=None if rate is None else rate.one_in,
        rate_source=None if rate is None else rate.source,
        latency_s=alert.latency_s,
        left_px=left_px,
        top_px=top_px,
        right_px=right_px,
        bottom_px=bottom_px,
        n_repeats=alert.n_repeats,
        last_repeat_utc=alert.last_repeat_utc,
        last_repeat_similarity=alert.last_repeat_similarity,
    )


def _alert(row: AlertRow) -> Alert:
    has_rate = row.rate_one_in is not None and row.rate_source is not None
    rate = FalseAlertRate(row.rate_one_in or 0, row.rate_source or "") if has_rate else None
    try:
        return Alert(
            id=AlertId(row.id),
            deployment=DeploymentId(row.deployment_id),
            camera=CameraId(row.camera),
            entry=EntryId(row.entry),
            track=TrackId(row.track),
            captured_utc=row.captured_utc,
            media_time_s=row.media_time_s,
            frame_sequence=row.frame_sequence,
            similarity=row.similarity,
            threshold=row.threshold,
            margin=row.margin,
            n_shots=row.n_shots,
            calibrated_rate=rate,
            latency_s=row.latency_s,
            face_box_px=(row.left_px, row.top_px, row.right_px, row.bottom_px),
            n_repeats=row.n_repeats,
            last_repeat_utc=row.last_repeat_utc,
            last_repeat_similarity=row.last_repeat_similarity,
        )
    except ValueError as error:
        raise IntegrityError("An alert that the store keeps contradicts itself.") from error

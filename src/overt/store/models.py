"""The tables. Migrations in :mod:`overt.store.migrations` make them; a test keeps the two alike.

    deployments ──< runs ──< count_minutes
                     └─────< alerts ──< alert_pictures
    watchlists ──< watchlist_entries
    ledger_records      ledger_checkpoints

Invariants: a picture, a template or a label is a ciphertext column beside its nonce; the key that
opens it stands wrapped in ``deployments`` or ``watchlists``, and without it the column is noise.
SQLite's tables are STRICT: a value of another type is refused, and found by a check.
Must not: have a table or a column for a face that did not alert.
"""

from datetime import UTC, datetime

from sqlalchemy import Dialect, Double, ForeignKey, LargeBinary, MetaData, Text
from sqlalchemy.dialects.sqlite import REAL
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship
from sqlalchemy.types import TypeDecorator

from overt.core.clock import parse_utc
from overt.core.errors import IntegrityError


class UtcText(TypeDecorator[datetime]):
    """A time as RFC 3339 text in UTC with microseconds, which sorts as the time does."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> str | None:
        """Write a timezone-aware time."""
        del dialect
        if value is None:
            return None
        text = value.astimezone(UTC).isoformat(timespec="microseconds")
        return text.replace("+00:00", "Z")

    def process_result_value(self, value: str | None, dialect: Dialect) -> datetime | None:
        """Read it back.

        Raises:
            IntegrityError: it is not what was written.
        """
        del dialect
        try:
            return None if value is None else parse_utc(value)
        except ValueError as error:
            raise IntegrityError("A time that the store keeps was altered.") from error


class Base(DeclarativeBase):
    """Names constraints by rule, so that a later migration can name them too."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_label)s",
            "uq": "uq_%(table_name)s_%(column_0_name)s",
            "fk": "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map = {  # noqa: RUF012  declared by SQLAlchemy as an instance's
        bytes: LargeBinary,
        datetime: UtcText,
        float: Double().with_variant(REAL(), "sqlite"),
        str: Text,
    }
    __table_args__ = {"sqlite_strict": True}  # noqa: RUF012  declared by SQLAlchemy likewise


class DeploymentRow(Base):
    """A deployment under its capability; ``wrapped_key`` is null once the key is destroyed."""

    __tablename__ = "deployments"

    id: Mapped[str] = mapped_column(primary_key=True)
    capability_json: Mapped[bytes]
    capability_sha256: Mapped[str]
    wrapped_key: Mapped[bytes | None]
    created_utc: Mapped[datetime]


class RunRow(Base):
    """One run; the last three are null until it is closed. ``totals`` is canonical JSON."""

    __tablename__ = "runs"

    id: Mapped[str] = mapped_column(primary_key=True)
    deployment_id: Mapped[str] = mapped_column(ForeignKey("deployments.id"), index=True)
    started_utc: Mapped[datetime]
    stopped_utc: Mapped[datetime | None]
    stop_reason: Mapped[str | None]
    totals: Mapped[bytes | None]


class CountMinuteRow(Base):
    """What was counted in one minute, as canonical JSON."""

    __tablename__ = "count_minutes"

    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"), primary_key=True)
    minute: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    ended_utc: Mapped[datetime]
    counts: Mapped[bytes]


class LedgerRecordRow(Base):
    """One record; ``seq`` counts up from 0 without a gap."""

    __tablename__ = "ledger_records"

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    leaf_hash: Mapped[bytes]
    record: Mapped[bytes]


class LedgerCheckpointRow(Base):
    """A signed note over the first ``size`` records."""

    __tablename__ = "ledger_checkpoints"

    size: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    note: Mapped[bytes]


class AlertRow(Base):
    """One alert; ``ledger_seq`` is the record that it was written with."""

    __tablename__ = "alerts"

    id: Mapped[str] = mapped_column(primary_key=True)
    deployment_id: Mapped[str] = mapped_column(ForeignKey("deployments.id"), index=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"), index=True)
    ledger_seq: Mapped[int] = mapped_column(ForeignKey("ledger_records.seq"), unique=True)
    state: Mapped[str]
    camera: Mapped[str]
    entry: Mapped[str]
    track: Mapped[int]
    captured_utc: Mapped[datetime]
    media_time_s: Mapped[float]
    frame_sequence: Mapped[int]
    similarity: Mapped[float]
    threshold: Mapped[float]
    margin: Mapped[float | None]
    n_shots: Mapped[int]
    rate_one_in: Mapped[int | None]
    rate_source: Mapped[str | None]
    latency_s: Mapped[float]
    left_px: Mapped[int]
    top_px: Mapped[int]
    right_px: Mapped[int]
    bottom_px: Mapped[int]
    n_repeats: Mapped[int]
    last_repeat_utc: Mapped[datetime | None]
    last_repeat_similarity: Mapped[float | None]

    pictures: Mapped[list["AlertPictureRow"]] = relationship(cascade="all, delete-orphan")


class AlertPictureRow(Base):
    """One picture of an alert, a JPEG under the deployment's key."""

    __tablename__ = "alert_pictures"

    alert_id: Mapped[str] = mapped_column(ForeignKey("alerts.id"), primary_key=True)
    field: Mapped[str] = mapped_column(primary_key=True)
    nonce: Mapped[bytes]
    ciphertext: Mapped[bytes]


class WatchlistRow(Base):
    """A list; ``wrapped_key`` is null once the key is destroyed."""

    __tablename__ = "watchlists"

    id: Mapped[str] = mapped_column(primary_key=True)
    name: Mapped[str]
    contract_id: Mapped[str]
    manifest_sha256: Mapped[str]
    wrapped_key: Mapped[bytes | None]
    created_utc: Mapped[datetime]
    n_entries: Mapped[int]


class WatchlistEntryRow(Base):
    """One person of a list: label, templates and pictures in one blob under the list's key."""

    __tablename__ = "watchlist_entries"

    watchlist_id: Mapped[str] = mapped_column(ForeignKey("watchlists.id"), primary_key=True)
    entry: Mapped[str] = mapped_column(primary_key=True)
    expires_utc: Mapped[datetime | None] = mapped_column(index=True)
    kin_group: Mapped[str | None]
    nonce: Mapped[bytes]
    ciphertext: Mapped[bytes]

"""The tables. Migrations in :mod:`overt.store.migrations` make them; a test keeps the two alike.

    people              policy_packs        store_facts
    deployment_lives ──< presence_beats
    deployments ──< runs ──< count_minutes
                     └─────< alerts ──< alert_pictures
                                   └──< alert_steps
    watchlists ──< watchlist_entries
         └──── watchlist_lives      list_members
    watchlist_imports ──< imported_rows
    ledger_records      ledger_tiles
    ledger_checkpoints ──< ledger_cosignatures      ledger_witnesses
    deletions           holds           memberships      import_media

A life says how something came about and where it stands, as canonical JSON; ``version`` counts its
steps, so that of two processes that take the same step one finds that it came too late.

Invariants: a picture, a template, a label or a note about a person is a ciphertext column beside
its nonce; the key that opens it stands wrapped in ``deployments``, ``watchlists`` or
``watchlist_imports``, and without it the column is noise.
SQLite's tables are STRICT: a value of another type is refused, and found by a check.
Must not: have a table or a column for a face that did not alert.
"""

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column, relationship

from overt.store.base import Base
from overt.store.models_ledger import LedgerRecordRow


class StoreFactRow(Base):
    """One fact about the store itself, for example which machine key wraps its keys."""

    __tablename__ = "store_facts"

    name: Mapped[str] = mapped_column(primary_key=True)
    value: Mapped[str]


class PersonRow(Base):
    """One person of the force, with their public key, rank and rights, as canonical JSON."""

    __tablename__ = "people"

    id: Mapped[str] = mapped_column(primary_key=True)
    key_id: Mapped[str] = mapped_column(unique=True)
    version: Mapped[int]
    document: Mapped[bytes]


class PolicyPackRow(Base):
    """A policy pack that was signed for use here, byte for byte."""

    __tablename__ = "policy_packs"

    sha256: Mapped[str] = mapped_column(primary_key=True)
    pack_id: Mapped[str] = mapped_column(index=True)
    version: Mapped[str]
    toml: Mapped[bytes]
    signature: Mapped[bytes]
    signed_by: Mapped[str]
    adopted_utc: Mapped[datetime]


class DeploymentLifeRow(Base):
    """A deployment's application, authority, checks and steps; see :mod:`overt.deployment.life`."""

    __tablename__ = "deployment_lives"

    id: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]
    version: Mapped[int]
    document: Mapped[bytes]
    capability_json: Mapped[bytes | None]
    updated_utc: Mapped[datetime]


class PresenceBeatRow(Base):
    """How often one officer has said to be present; the count, not the time, is what is trusted."""

    __tablename__ = "presence_beats"

    deployment_id: Mapped[str] = mapped_column(ForeignKey("deployment_lives.id"), primary_key=True)
    person: Mapped[str] = mapped_column(primary_key=True)
    n_beats: Mapped[int]
    last_utc: Mapped[datetime]


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


class AlertRow(Base):
    """One alert; ``ledger_seq`` is the record that it was written with."""

    __tablename__ = "alerts"

    id: Mapped[str] = mapped_column(primary_key=True)
    deployment_id: Mapped[str] = mapped_column(ForeignKey("deployments.id"), index=True)
    run_id: Mapped[str] = mapped_column(ForeignKey("runs.id"), index=True)
    ledger_seq: Mapped[int] = mapped_column(ForeignKey(LedgerRecordRow.seq), unique=True)
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


class AlertStepRow(Base):
    """One step of an alert's life; what was noted is a ciphertext under the deployment's key."""

    __tablename__ = "alert_steps"

    alert_id: Mapped[str] = mapped_column(ForeignKey("alerts.id"), primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    event: Mapped[str]
    state: Mapped[str]
    person: Mapped[str]
    at_utc: Mapped[datetime]
    ledger_seq: Mapped[int] = mapped_column(ForeignKey(LedgerRecordRow.seq), unique=True)
    nonce: Mapped[bytes | None]
    ciphertext: Mapped[bytes | None]


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


class WatchlistLifeRow(Base):
    """How a list came about: decisions, approvals, confirmations; see :mod:`overt.watchlist.life`.

    It holds entry ids, never what a list says of a person.
    """

    __tablename__ = "watchlist_lives"

    watchlist_id: Mapped[str] = mapped_column(primary_key=True)
    state: Mapped[str]
    version: Mapped[int]
    document: Mapped[bytes]
    updated_utc: Mapped[datetime]


class WatchlistImportRow(Base):
    """An import under way; its key is destroyed when the list is kept."""

    __tablename__ = "watchlist_imports"

    watchlist_id: Mapped[str] = mapped_column(primary_key=True)
    wrapped_key: Mapped[bytes]
    started_utc: Mapped[datetime]


class ImportedRowRow(Base):
    """The verdict on one row of a manifest, kept so that an import can go on after a crash."""

    __tablename__ = "imported_rows"

    watchlist_id: Mapped[str] = mapped_column(
        ForeignKey("watchlist_imports.watchlist_id", ondelete="CASCADE"), primary_key=True
    )
    row_sha256: Mapped[str] = mapped_column(primary_key=True)
    nonce: Mapped[bytes]
    ciphertext: Mapped[bytes]


class ListMembersRow(Base):
    """Keyed digests of who was on a list, without picture, template or name.

    They tell how alike two lists are, and answer the person who asks "was I on it?", and outlive
    the list for that.
    """

    __tablename__ = "list_members"

    manifest_sha256: Mapped[str] = mapped_column(primary_key=True)
    tags: Mapped[bytes]
    created_utc: Mapped[datetime]

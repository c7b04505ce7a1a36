"""The tables of the ledger; see :mod:`overt.store.models`."""

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from overt.store.base import Base


class LedgerRecordRow(Base):
    """One record; ``seq`` counts up from 0 without a gap."""

    __tablename__ = "ledger_records"

    seq: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    leaf_hash: Mapped[bytes]
    record: Mapped[bytes]


class LedgerTileRow(Base):
    """Up to 256 hashes of one level of the tree: on level 0 full tiles only, which never change."""

    __tablename__ = "ledger_tiles"

    level: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    hashes: Mapped[bytes]


class LedgerCheckpointRow(Base):
    """A signed note over the first ``size`` records; the time is null in what version 0002 kept."""

    __tablename__ = "ledger_checkpoints"

    size: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    note: Mapped[bytes]
    signed_utc: Mapped[datetime | None]


class LedgerWitnessRow(Base):
    """A party whose cosignatures count here."""

    __tablename__ = "ledger_witnesses"

    name: Mapped[str] = mapped_column(primary_key=True)
    verifier_key: Mapped[str]
    added_utc: Mapped[datetime]
    added_by: Mapped[str]


class LedgerCosignatureRow(Base):
    """One witness's line under one checkpoint."""

    __tablename__ = "ledger_cosignatures"

    size: Mapped[int] = mapped_column(ForeignKey("ledger_checkpoints.size"), primary_key=True)
    witness: Mapped[str] = mapped_column(primary_key=True)
    line: Mapped[bytes]
    at_utc: Mapped[datetime]

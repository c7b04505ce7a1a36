"""The tables of forgetting; see :mod:`overt.store.models`.

Invariant: none of them says who somebody is: what could is a ciphertext, or a digest under a
secret.
"""

from datetime import datetime

from sqlalchemy import ForeignKey
from sqlalchemy.orm import Mapped, mapped_column

from overt.store.base import Base
from overt.store.models_ledger import LedgerRecordRow


class DeletionRow(Base):
    """A deletion: begun when rows and keys went, finished with a receipt when the bytes were gone.

    A row without a receipt is unfinished business, which the next sweep ends.
    """

    __tablename__ = "deletions"

    id: Mapped[str] = mapped_column(primary_key=True)
    data: Mapped[str]
    owner_kind: Mapped[str]
    owner: Mapped[str] = mapped_column(index=True)
    cause: Mapped[str]
    due_utc: Mapped[datetime | None]
    begun_utc: Mapped[datetime]
    begun: Mapped[bytes]
    begun_seq: Mapped[int] = mapped_column(ForeignKey(LedgerRecordRow.seq), unique=True)
    receipt: Mapped[bytes | None]
    receipt_seq: Mapped[int | None] = mapped_column(ForeignKey(LedgerRecordRow.seq), unique=True)


class HoldRow(Base):
    """A legal hold; why is a ciphertext under the machine key, the document holds no free text."""

    __tablename__ = "holds"

    id: Mapped[str] = mapped_column(primary_key=True)
    owner_kind: Mapped[str]
    owner: Mapped[str] = mapped_column(index=True)
    until_utc: Mapped[datetime]
    ended_utc: Mapped[datetime | None]
    version: Mapped[int]
    document: Mapped[bytes]
    nonce: Mapped[bytes]
    ciphertext: Mapped[bytes]


class MembershipRow(Base):
    """Who was on a deployment's list, as digests under a salt of this deployment and a secret."""

    __tablename__ = "memberships"

    deployment_id: Mapped[str] = mapped_column(primary_key=True)
    manifest_sha256: Mapped[str]
    salt: Mapped[bytes]
    tags: Mapped[bytes]
    n_people: Mapped[int]
    created_utc: Mapped[datetime]
    expires_utc: Mapped[datetime | None]


class ImportMediumRow(Base):
    """A file from which a list was imported, until it is known to be gone.

    Its path and digest are a ciphertext under the machine key.
    """

    __tablename__ = "import_media"

    watchlist_id: Mapped[str] = mapped_column(primary_key=True)
    number: Mapped[int] = mapped_column(primary_key=True, autoincrement=False)
    nonce: Mapped[bytes]
    ciphertext: Mapped[bytes]
    imported_utc: Mapped[datetime]

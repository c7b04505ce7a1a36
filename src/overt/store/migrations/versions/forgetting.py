"""Make the tables of forgetting: deletions, holds, membership, and more of the ledger."""

import sqlalchemy as sa
from alembic import op

from overt.store.migrations.columns import INTEGER, TEXT

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    _ledger()
    _deletions()
    # They held everybody who was on a list, for good; from here on a list leaves a sketch.
    op.execute("DELETE FROM list_members")
    op.create_table(
        "memberships",
        sa.Column("deployment_id", TEXT, nullable=False),
        sa.Column("manifest_sha256", TEXT, nullable=False),
        sa.Column("salt", sa.LargeBinary(), nullable=False),
        sa.Column("tags", sa.LargeBinary(), nullable=False),
        sa.Column("n_people", INTEGER, nullable=False),
        sa.Column("created_utc", TEXT, nullable=False),
        sa.Column("expires_utc", TEXT, nullable=True),
        sa.PrimaryKeyConstraint("deployment_id", name=op.f("pk_memberships")),
        sqlite_strict=True,
    )
    op.create_table(
        "import_media",
        sa.Column("watchlist_id", TEXT, nullable=False),
        sa.Column("number", INTEGER, autoincrement=False, nullable=False),
        sa.Column("nonce", sa.LargeBinary(), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.Column("imported_utc", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("watchlist_id", "number", name=op.f("pk_import_media")),
        sqlite_strict=True,
    )


def _ledger() -> None:
    op.add_column("ledger_checkpoints", sa.Column("signed_utc", TEXT, nullable=True))
    op.create_table(
        "ledger_tiles",
        sa.Column("level", INTEGER, autoincrement=False, nullable=False),
        sa.Column("number", INTEGER, autoincrement=False, nullable=False),
        sa.Column("hashes", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("level", "number", name=op.f("pk_ledger_tiles")),
        sqlite_strict=True,
    )
    op.create_table(
        "ledger_witnesses",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("verifier_key", TEXT, nullable=False),
        sa.Column("added_utc", TEXT, nullable=False),
        sa.Column("added_by", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_ledger_witnesses")),
        sqlite_strict=True,
    )
    op.create_table(
        "ledger_cosignatures",
        sa.Column("size", INTEGER, nullable=False),
        sa.Column("witness", TEXT, nullable=False),
        sa.Column("line", sa.LargeBinary(), nullable=False),
        sa.Column("at_utc", TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["size"],
            ["ledger_checkpoints.size"],
            name=op.f("fk_ledger_cosignatures_size_ledger_checkpoints"),
        ),
        sa.PrimaryKeyConstraint("size", "witness", name=op.f("pk_ledger_cosignatures")),
        sqlite_strict=True,
    )


def _deletions() -> None:
    op.create_table(
        "deletions",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("data", TEXT, nullable=False),
        sa.Column("owner_kind", TEXT, nullable=False),
        sa.Column("owner", TEXT, nullable=False),
        sa.Column("cause", TEXT, nullable=False),
        sa.Column("due_utc", TEXT, nullable=True),
        sa.Column("begun_utc", TEXT, nullable=False),
        sa.Column("begun", sa.LargeBinary(), nullable=False),
        sa.Column("begun_seq", INTEGER, nullable=False),
        sa.Column("receipt", sa.LargeBinary(), nullable=True),
        sa.Column("receipt_seq", INTEGER, nullable=True),
        sa.ForeignKeyConstraint(
            ["begun_seq"],
            ["ledger_records.seq"],
            name=op.f("fk_deletions_begun_seq_ledger_records"),
        ),
        sa.ForeignKeyConstraint(
            ["receipt_seq"],
            ["ledger_records.seq"],
            name=op.f("fk_deletions_receipt_seq_ledger_records"),
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deletions")),
        sa.UniqueConstraint("begun_seq", name=op.f("uq_deletions_begun_seq")),
        sa.UniqueConstraint("receipt_seq", name=op.f("uq_deletions_receipt_seq")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_deletions_owner"), "deletions", ["owner"], unique=False)
    op.create_table(
        "holds",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("owner_kind", TEXT, nullable=False),
        sa.Column("owner", TEXT, nullable=False),
        sa.Column("until_utc", TEXT, nullable=False),
        sa.Column("ended_utc", TEXT, nullable=True),
        sa.Column("version", INTEGER, nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("nonce", sa.LargeBinary(), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_holds")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_holds_owner"), "holds", ["owner"], unique=False)

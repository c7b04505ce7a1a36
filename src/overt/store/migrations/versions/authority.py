"""Make the tables of authority: people, policy packs, the lives of deployments and lists."""

import sqlalchemy as sa
from alembic import op

from overt.store.migrations.columns import INTEGER, TEXT

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "deployment_lives",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("version", INTEGER, nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("capability_json", sa.LargeBinary(), nullable=True),
        sa.Column("updated_utc", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deployment_lives")),
        sqlite_strict=True,
    )
    op.create_table(
        "list_members",
        sa.Column("manifest_sha256", TEXT, nullable=False),
        sa.Column("tags", sa.LargeBinary(), nullable=False),
        sa.Column("created_utc", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("manifest_sha256", name=op.f("pk_list_members")),
        sqlite_strict=True,
    )
    op.create_table(
        "people",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("key_id", TEXT, nullable=False),
        sa.Column("version", INTEGER, nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_people")),
        sa.UniqueConstraint("key_id", name=op.f("uq_people_key_id")),
        sqlite_strict=True,
    )
    op.create_table(
        "policy_packs",
        sa.Column("sha256", TEXT, nullable=False),
        sa.Column("pack_id", TEXT, nullable=False),
        sa.Column("version", TEXT, nullable=False),
        sa.Column("toml", sa.LargeBinary(), nullable=False),
        sa.Column("signature", sa.LargeBinary(), nullable=False),
        sa.Column("signed_by", TEXT, nullable=False),
        sa.Column("adopted_utc", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("sha256", name=op.f("pk_policy_packs")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_policy_packs_pack_id"), "policy_packs", ["pack_id"], unique=False)
    op.create_table(
        "store_facts",
        sa.Column("name", TEXT, nullable=False),
        sa.Column("value", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("name", name=op.f("pk_store_facts")),
        sqlite_strict=True,
    )
    op.create_table(
        "watchlist_imports",
        sa.Column("watchlist_id", TEXT, nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=False),
        sa.Column("started_utc", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("watchlist_id", name=op.f("pk_watchlist_imports")),
        sqlite_strict=True,
    )
    op.create_table(
        "watchlist_lives",
        sa.Column("watchlist_id", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("version", INTEGER, nullable=False),
        sa.Column("document", sa.LargeBinary(), nullable=False),
        sa.Column("updated_utc", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("watchlist_id", name=op.f("pk_watchlist_lives")),
        sqlite_strict=True,
    )
    op.create_table(
        "imported_rows",
        sa.Column("watchlist_id", TEXT, nullable=False),
        sa.Column("row_sha256", TEXT, nullable=False),
        sa.Column("nonce", sa.LargeBinary(), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["watchlist_id"],
            ["watchlist_imports.watchlist_id"],
            name=op.f("fk_imported_rows_watchlist_id_watchlist_imports"),
            ondelete="CASCADE",
        ),
        sa.PrimaryKeyConstraint("watchlist_id", "row_sha256", name=op.f("pk_imported_rows")),
        sqlite_strict=True,
    )
    op.create_table(
        "presence_beats",
        sa.Column("deployment_id", TEXT, nullable=False),
        sa.Column("person", TEXT, nullable=False),
        sa.Column("n_beats", INTEGER, nullable=False),
        sa.Column("last_utc", TEXT, nullable=False),
        sa.ForeignKeyConstraint(
            ["deployment_id"],
            ["deployment_lives.id"],
            name=op.f("fk_presence_beats_deployment_id_deployment_lives"),
        ),
        sa.PrimaryKeyConstraint("deployment_id", "person", name=op.f("pk_presence_beats")),
        sqlite_strict=True,
    )
    op.create_table(
        "alert_steps",
        sa.Column("alert_id", TEXT, nullable=False),
        sa.Column("number", INTEGER, autoincrement=False, nullable=False),
        sa.Column("event", TEXT, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("person", TEXT, nullable=False),
        sa.Column("at_utc", TEXT, nullable=False),
        sa.Column("ledger_seq", INTEGER, nullable=False),
        sa.Column("nonce", sa.LargeBinary(), nullable=True),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["alert_id"], ["alerts.id"], name=op.f("fk_alert_steps_alert_id_alerts")
        ),
        sa.ForeignKeyConstraint(
            ["ledger_seq"],
            ["ledger_records.seq"],
            name=op.f("fk_alert_steps_ledger_seq_ledger_records"),
        ),
        sa.PrimaryKeyConstraint("alert_id", "number", name=op.f("pk_alert_steps")),
        sa.UniqueConstraint("ledger_seq", name=op.f("uq_alert_steps_ledger_seq")),
        sqlite_strict=True,
    )

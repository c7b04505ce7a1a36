"""Make the tables: deployments, runs, alerts, watchlists and the ledger."""

import sqlalchemy as sa
from alembic import op

from overt.store.migrations.columns import FLOAT, INTEGER, TEXT

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "deployments",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("capability_json", sa.LargeBinary(), nullable=False),
        sa.Column("capability_sha256", TEXT, nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=True),
        sa.Column("created_utc", TEXT, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_deployments")),
        sqlite_strict=True,
    )
    op.create_table(
        "ledger_checkpoints",
        sa.Column("size", INTEGER, autoincrement=False, nullable=False),
        sa.Column("note", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("size", name=op.f("pk_ledger_checkpoints")),
        sqlite_strict=True,
    )
    op.create_table(
        "ledger_records",
        sa.Column("seq", INTEGER, autoincrement=False, nullable=False),
        sa.Column("leaf_hash", sa.LargeBinary(), nullable=False),
        sa.Column("record", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("seq", name=op.f("pk_ledger_records")),
        sqlite_strict=True,
    )
    op.create_table(
        "watchlists",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("name", TEXT, nullable=False),
        sa.Column("contract_id", TEXT, nullable=False),
        sa.Column("manifest_sha256", TEXT, nullable=False),
        sa.Column("wrapped_key", sa.LargeBinary(), nullable=True),
        sa.Column("created_utc", TEXT, nullable=False),
        sa.Column("n_entries", INTEGER, nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_watchlists")),
        sqlite_strict=True,
    )
    op.create_table(
        "runs",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("deployment_id", TEXT, nullable=False),
        sa.Column("started_utc", TEXT, nullable=False),
        sa.Column("stopped_utc", TEXT, nullable=True),
        sa.Column("stop_reason", TEXT, nullable=True),
        sa.Column("totals", sa.LargeBinary(), nullable=True),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployments.id"], name=op.f("fk_runs_deployment_id_deployments")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_runs")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_runs_deployment_id"), "runs", ["deployment_id"], unique=False)
    op.create_table(
        "watchlist_entries",
        sa.Column("watchlist_id", TEXT, nullable=False),
        sa.Column("entry", TEXT, nullable=False),
        sa.Column("expires_utc", TEXT, nullable=True),
        sa.Column("kin_group", TEXT, nullable=True),
        sa.Column("nonce", sa.LargeBinary(), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["watchlist_id"],
            ["watchlists.id"],
            name=op.f("fk_watchlist_entries_watchlist_id_watchlists"),
        ),
        sa.PrimaryKeyConstraint("watchlist_id", "entry", name=op.f("pk_watchlist_entries")),
        sqlite_strict=True,
    )
    op.create_index(
        op.f("ix_watchlist_entries_expires_utc"), "watchlist_entries", ["expires_utc"], unique=False
    )
    op.create_table(
        "alerts",
        sa.Column("id", TEXT, nullable=False),
        sa.Column("deployment_id", TEXT, nullable=False),
        sa.Column("run_id", TEXT, nullable=False),
        sa.Column("ledger_seq", INTEGER, nullable=False),
        sa.Column("state", TEXT, nullable=False),
        sa.Column("camera", TEXT, nullable=False),
        sa.Column("entry", TEXT, nullable=False),
        sa.Column("track", INTEGER, nullable=False),
        sa.Column("captured_utc", TEXT, nullable=False),
        sa.Column("media_time_s", FLOAT, nullable=False),
        sa.Column("frame_sequence", INTEGER, nullable=False),
        sa.Column("similarity", FLOAT, nullable=False),
        sa.Column("threshold", FLOAT, nullable=False),
        sa.Column("margin", FLOAT, nullable=True),
        sa.Column("n_shots", INTEGER, nullable=False),
        sa.Column("rate_one_in", INTEGER, nullable=True),
        sa.Column("rate_source", TEXT, nullable=True),
        sa.Column("latency_s", FLOAT, nullable=False),
        sa.Column("left_px", INTEGER, nullable=False),
        sa.Column("top_px", INTEGER, nullable=False),
        sa.Column("right_px", INTEGER, nullable=False),
        sa.Column("bottom_px", INTEGER, nullable=False),
        sa.Column("n_repeats", INTEGER, nullable=False),
        sa.Column("last_repeat_utc", TEXT, nullable=True),
        sa.Column("last_repeat_similarity", FLOAT, nullable=True),
        sa.ForeignKeyConstraint(
            ["deployment_id"], ["deployments.id"], name=op.f("fk_alerts_deployment_id_deployments")
        ),
        sa.ForeignKeyConstraint(
            ["ledger_seq"], ["ledger_records.seq"], name=op.f("fk_alerts_ledger_seq_ledger_records")
        ),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_alerts_run_id_runs")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_alerts")),
        sa.UniqueConstraint("ledger_seq", name=op.f("uq_alerts_ledger_seq")),
        sqlite_strict=True,
    )
    op.create_index(op.f("ix_alerts_deployment_id"), "alerts", ["deployment_id"], unique=False)
    op.create_index(op.f("ix_alerts_run_id"), "alerts", ["run_id"], unique=False)
    op.create_table(
        "count_minutes",
        sa.Column("run_id", TEXT, nullable=False),
        sa.Column("minute", INTEGER, autoincrement=False, nullable=False),
        sa.Column("ended_utc", TEXT, nullable=False),
        sa.Column("counts", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["run_id"], ["runs.id"], name=op.f("fk_count_minutes_run_id_runs")),
        sa.PrimaryKeyConstraint("run_id", "minute", name=op.f("pk_count_minutes")),
        sqlite_strict=True,
    )
    op.create_table(
        "alert_pictures",
        sa.Column("alert_id", TEXT, nullable=False),
        sa.Column("field", TEXT, nullable=False),
        sa.Column("nonce", sa.LargeBinary(), nullable=False),
        sa.Column("ciphertext", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(
            ["alert_id"], ["alerts.id"], name=op.f("fk_alert_pictures_alert_id_alerts")
        ),
        sa.PrimaryKeyConstraint("alert_id", "field", name=op.f("pk_alert_pictures")),
        sqlite_strict=True,
    )

"""The database has no place for somebody who did not alert.

Whoever adds a table or a column adds it here too, with a decision record: a field that is kept.
"""

import sqlite3
from contextlib import closing

import pytest

from overt.core.clock import SystemClock
from overt.store import models, models_retention  # noqa: F401  they declare the tables
from overt.store.base import Base
from overt.store.store import Store

APPROVED = {
    "deployments": {"id", "capability_json", "capability_sha256", "wrapped_key", "created_utc"},
    "runs": {"id", "deployment_id", "started_utc", "stopped_utc", "stop_reason", "totals"},
    "count_minutes": {"run_id", "minute", "ended_utc", "counts"},
    "alerts": {
        *("id", "deployment_id", "run_id", "ledger_seq", "state", "camera", "entry", "track"),
        *("captured_utc", "media_time_s", "frame_sequence", "similarity", "threshold", "margin"),
        *("n_shots", "rate_one_in", "rate_source", "latency_s"),
        *("left_px", "top_px", "right_px", "bottom_px"),
        *("n_repeats", "last_repeat_utc", "last_repeat_similarity"),
    },
    "alert_pictures": {"alert_id", "field", "nonce", "ciphertext"},
    "watchlists": {
        *("id", "name", "contract_id", "manifest_sha256", "wrapped_key", "created_utc"),
        "n_entries",
    },
    "watchlist_entries": {
        *("watchlist_id", "entry", "expires_utc", "kin_group", "nonce", "ciphertext"),
    },
    "watchlist_lives": {"watchlist_id", "state", "version", "document", "updated_utc"},
    "watchlist_imports": {"watchlist_id", "wrapped_key", "started_utc"},
    "imported_rows": {"watchlist_id", "row_sha256", "nonce", "ciphertext"},
    "list_members": {"manifest_sha256", "tags", "created_utc"},
    "alert_steps": {
        *("alert_id", "number", "event", "state", "person", "at_utc", "ledger_seq"),
        *("nonce", "ciphertext"),
    },
    "store_facts": {"name", "value"},
    "people": {"id", "key_id", "version", "document"},
    "policy_packs": {
        *("sha256", "pack_id", "version", "toml", "signature", "signed_by", "adopted_utc"),
    },
    "deployment_lives": {
        *("id", "state", "version", "document", "capability_json", "updated_utc"),
    },
    "presence_beats": {"deployment_id", "person", "n_beats", "last_utc"},
    "ledger_records": {"seq", "leaf_hash", "record"},
    "ledger_checkpoints": {"size", "note", "signed_utc"},
    "ledger_tiles": {"level", "number", "hashes"},
    "ledger_witnesses": {"name", "verifier_key", "added_utc", "added_by"},
    "ledger_cosignatures": {"size", "witness", "line", "at_utc"},
    "deletions": {
        *("id", "data", "owner_kind", "owner", "cause", "due_utc", "begun_utc", "begun"),
        *("begun_seq", "receipt", "receipt_seq"),
    },
    "holds": {
        *("id", "owner_kind", "owner", "until_utc", "ended_utc", "version", "document"),
        *("nonce", "ciphertext"),
    },
    "memberships": {
        *("deployment_id", "manifest_sha256", "salt", "tags", "n_people", "created_utc"),
        "expires_utc",
    },
    "import_media": {"watchlist_id", "number", "nonce", "ciphertext", "imported_utc"},
}
OF_ALEMBIC = {"alembic_version": {"version_num"}}


def test_the_models_have_the_approved_tables_and_columns():
    declared = {table.name: {column.name for column in table.columns} for table in sorted_tables()}
    assert declared == APPROVED


def test_a_new_database_has_the_approved_tables_and_columns(tmp_path):
    Store.open(tmp_path, SystemClock()).close()
    with closing(sqlite3.connect(tmp_path / "overt.sqlite3")) as database:
        names = [
            row[0] for row in database.execute("select name from sqlite_schema where type='table'")
        ]
        made = {
            name: {row[1] for row in database.execute(f"pragma table_info({name})")}
            for name in names
        }
    assert made == APPROVED | OF_ALEMBIC


@pytest.mark.parametrize("table", ["alert_pictures", "watchlist_entries", "imported_rows"])
def test_what_shows_a_person_hangs_on_an_alert_or_a_list(table):
    parents = {key.column.table.name for key in Base.metadata.tables[table].foreign_keys}
    assert parents in ({"alerts"}, {"watchlists"}, {"watchlist_imports"})


def test_every_column_of_raw_bytes_is_a_known_one():
    raw = {
        f"{table.name}.{column.name}"
        for table in sorted_tables()
        for column in table.columns
        if str(column.type) == "BLOB"
    }
    assert raw == {
        "alert_pictures.ciphertext",
        "alert_pictures.nonce",
        "alert_steps.ciphertext",
        "alert_steps.nonce",
        "count_minutes.counts",
        "deletions.begun",
        "deletions.receipt",
        "deployment_lives.capability_json",
        "deployment_lives.document",
        "deployments.capability_json",
        "deployments.wrapped_key",
        "holds.ciphertext",
        "holds.document",
        "holds.nonce",
        "import_media.ciphertext",
        "import_media.nonce",
        "imported_rows.ciphertext",
        "imported_rows.nonce",
        "ledger_checkpoints.note",
        "ledger_cosignatures.line",
        "ledger_records.leaf_hash",
        "ledger_records.record",
        "ledger_tiles.hashes",
        "list_members.tags",
        "memberships.salt",
        "memberships.tags",
        "people.document",
        "policy_packs.signature",
        "policy_packs.toml",
        "runs.totals",
        "watchlist_entries.ciphertext",
        "watchlist_entries.nonce",
        "watchlist_imports.wrapped_key",
        "watchlist_lives.document",
        "watchlists.wrapped_key",
    }


def sorted_tables():
    return Base.metadata.sorted_tables

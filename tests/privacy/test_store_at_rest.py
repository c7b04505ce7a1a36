"""Nothing of a face or a name can be read from the store's files, while it is open or after.

The search is tried on planted copies first: a search that finds nothing there proves nothing.
"""

import base64
from datetime import UTC, datetime

import cv2
import numpy as np
import pytest

from overt.alerts.alert import Alert, AlertPictures
from overt.alerts.lifecycle import AlertEvent
from overt.alerts.ports import RunStart, StopReason
from overt.alerts.steps import StepRequest, StepRules
from overt.core.clock import ManualClock
from overt.core.counts import FaceCounts
from overt.core.ids import DeploymentId, WatchlistId
from overt.policy.roles import Grant, Person, Role
from overt.policy.verdict import ALLOWED
from overt.store import pictures as store_pictures
from overt.store.base import Base
from overt.store.store import Store
from overt.watchlist.stored import StoredEntry, StoredReference, StoredWatchlist

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
LABEL = "Jos\u00e9phine of the label"
NOTE = "She said that she is Jos\u00e9phine, and showed a passport"
RANDOM = np.random.default_rng(3)
TEMPLATE = RANDOM.normal(size=128).astype(np.float32)
TEMPLATE /= np.linalg.norm(TEMPLATE)
FACE = RANDOM.integers(0, 256, (60, 50, 3), np.uint8)
SCENE = RANDOM.integers(0, 256, (54, 96, 3), np.uint8)
REFERENCE_JPEG = cv2.imencode(".jpg", RANDOM.integers(0, 256, (80, 80, 3), np.uint8))[1].tobytes()
WINDOW = 12


def windows(secret):
    """Return pieces of a secret, so that a part of it is found as well as the whole."""
    return [secret[i : i + WINDOW] for i in range(0, len(secret) - WINDOW, 3 * WINDOW)]


def needles():
    """Return every form in which a face or a name could stand in a file."""
    forms = {
        "jpeg header": [b"\xff\xd8\xff\xe0\x00\x10JFIF\x00"],
        "label": [LABEL.encode(), LABEL.encode("utf-16-le"), LABEL.encode("utf-16-be")],
        "label as json": [LABEL.encode("ascii", "backslashreplace")],
        "note": [*windows(NOTE.encode()), NOTE.encode("utf-16-le"), NOTE.encode("utf-16-be")],
        "note in base64": windows(base64.b64encode(NOTE.encode())),
    }
    secrets = {
        "template float32": TEMPLATE.tobytes(),
        "template float16": TEMPLATE.astype(np.float16).tobytes(),
        "template float64": TEMPLATE.astype(np.float64).tobytes(),
        "template int8": np.round(TEMPLATE * 127).astype(np.int8).tobytes(),
        "face pixels": FACE.tobytes(),
        "face jpeg": store_pictures.encode_jpeg(FACE),
        "scene jpeg": store_pictures.encode_jpeg(SCENE),
        "reference jpeg": REFERENCE_JPEG,
    }
    for name, secret in secrets.items():
        forms[name] = windows(secret)
        forms[f"{name} in base64"] = windows(base64.b64encode(secret))
        forms[f"{name} in hex"] = windows(secret.hex().encode())
    return forms


NEEDLES = needles()


def found_in(folder):
    """Return what of a face or a name stands in any file under a folder."""
    haystacks = [path.read_bytes() for path in folder.rglob("*") if path.is_file()]
    assert haystacks
    return {
        name
        for name, pieces in NEEDLES.items()
        if any(piece in haystack for piece in pieces for haystack in haystacks)
    }


@pytest.fixture
def home(tmp_path):
    return tmp_path / "home"


def use(store):
    """Keep a list and an alert, as a run does."""
    references = (StoredReference(TEMPLATE, REFERENCE_JPEG),)
    entries = tuple(StoredEntry(f"e-{n:03}", LABEL, references) for n in range(20))
    store.watchlists.save(StoredWatchlist("list", "the list", "contract", "a" * 64, entries))
    run = store.run()
    run.start(RunStart("d-1", b"{}", "c" * 64, "a" * 64, "contract", 0.5, ("gate",), NOON, {}))
    for n in range(10):
        alert = Alert(
            f"alert-{n}",
            "d-1",
            "gate",
            "e-001",
            n,
            NOON,
            0.0,
            0,
            0.6,
            0.5,
            None,
            1,
            None,
            0.0,
            (0, 0, 9, 9),
        )
        run.raise_alert(alert, AlertPictures(FACE, SCENE))
    run.stop(FaceCounts(), StopReason.FINISHED, NOON)
    decide(store)


def decide(store):
    """Adjudicate an alert and engage, with notes, as officers do."""
    by = None
    for name, role in (("ad-1", Role.ADMINISTRATOR), ("eo-1", Role.ENGAGEMENT_OFFICER)):
        key = name.encode().ljust(32, b".")
        store.people.save(Person(name, "constable", "East", (Grant(role),), key), by, NOON)
        by = "ad-1"
    rules = StepRules(1, len(NOTE), lambda facts: ALLOWED)
    for event in (AlertEvent.TRUE, AlertEvent.CONFIRMED_TRUE):
        store.alert_steps.take("alert-1", StepRequest(event, NOTE), "eo-1", rules)


@pytest.mark.parametrize("name", NEEDLES)
def test_the_search_finds_what_is_planted(tmp_path, name):
    (tmp_path / "planted").write_bytes(b"before" + NEEDLES[name][-1] + b"after")
    assert name in found_in(tmp_path)


def test_nothing_can_be_read_while_the_store_is_open_or_after(home, tmp_path):
    with Store.open(home, ManualClock(NOON)) as store:
        use(store)
        assert (home / "overt.sqlite3-wal").stat().st_size > 0
        assert found_in(tmp_path) == set()
    assert found_in(tmp_path) == set()


def test_no_key_stands_in_the_database(home):
    with Store.open(home, ManualClock(NOON)) as store:
        use(store)
        for key in (home / "keys").iterdir():
            secret = key.read_bytes()
            for path in home.glob("overt.sqlite3*"):
                assert secret not in path.read_bytes()
                assert secret.hex().encode() not in path.read_bytes()


def test_no_file_is_written_but_the_stores_own(home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    with Store.open(home, ManualClock(NOON)) as store:
        use(store)
    names = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*") if path.is_file()}
    assert names == {
        "home/overt.sqlite3",
        "home/run.lock",
        "home/keys/machine.key",
        "home/keys/ledger.key",
    }


def test_a_destroyed_key_is_in_no_file(home):
    with Store.open(home, ManualClock(NOON)) as store:
        use(store)
        wrapped = wrapped_keys(store)
        assert len(wrapped) == 2
        assert all(stands_in_a_file(home, key) for key in wrapped)
        store.destroy_deployment_key(DeploymentId("d-1"))
        store.watchlists.destroy_key(WatchlistId("list"))
        assert not any(stands_in_a_file(home, key) for key in wrapped)
    assert not any(stands_in_a_file(home, key) for key in wrapped)


def test_a_replaced_lists_key_is_in_no_file(home):
    with Store.open(home, ManualClock(NOON)) as store:
        use(store)
        _, old = wrapped_keys(store)
        store.watchlists.save(StoredWatchlist("list", "another", "contract", "b" * 64, ()))
        assert not stands_in_a_file(home, old)


def test_a_note_is_read_back_by_who_may_and_is_gone_with_the_key(home):
    with Store.open(home, ManualClock(NOON)) as store:
        use(store)
        assert [s.note for s in store.alert_steps.steps_for("alert-1", None)] == [NOTE, NOTE]
        store.destroy_deployment_key(DeploymentId("d-1"))
        assert [s.note for s in store.alert_steps.steps_for("alert-1", None)] == [None, None]


def test_the_ledger_names_no_score_of_a_face(home):
    with Store.open(home, ManualClock(NOON)) as store:
        use(store)
        whole = b"".join(store.ledger.records())
    assert b"similarity" not in whole
    assert b"600000" not in whole


SEALED_UNDER = {
    "alert_pictures": "deployments",
    "alert_steps": "deployments",
    "watchlist_entries": "watchlists",
    "imported_rows": "watchlist_imports",
    "holds": "a key of the hold's own, wrapped in front of its reasons",
    "import_media": "the machine key",
}
"""Whose key a table's ciphertexts are under. What re-encrypts a list must know all of its own."""


def test_the_columns_of_bytes_are_these_and_have_no_place_for_a_stranger():
    # A new table or column about people is a decision: it has an ADR and changes this test.
    sealed = {
        (table.name, column.name)
        for table in Base.metadata.tables.values()
        for column in table.columns
        if column.name in {"nonce", "ciphertext", "wrapped_key"}
    }
    assert sealed == {
        ("deployments", "wrapped_key"),
        ("watchlists", "wrapped_key"),
        ("watchlist_imports", "wrapped_key"),
        *((table, column) for table in SEALED_UNDER for column in ("nonce", "ciphertext")),
    }
    binary = {
        f"{table.name}.{column.name}"
        for table in Base.metadata.tables.values()
        for column in table.columns
        if column.type.python_type is bytes
    }
    assert binary - {f"{table}.{column}" for table, column in sealed} == {
        "deployments.capability_json",
        "runs.totals",
        "count_minutes.counts",
        "ledger_records.leaf_hash",
        "ledger_records.record",
        "ledger_checkpoints.note",
        # What follows holds ids, decisions and digests, and no person who is looked for.
        "people.document",
        "policy_packs.toml",
        "policy_packs.signature",
        "deployment_lives.document",
        "deployment_lives.capability_json",
        "watchlist_lives.document",
        "holds.document",
        "deletions.begun",
        "deletions.receipt",
        "ledger_tiles.hashes",
        "ledger_cosignatures.line",
        # Keyed digests of who was on a list: noise without the machine key.
        "list_members.tags",
        "memberships.salt",
        "memberships.tags",
    }


def wrapped_keys(store):
    from sqlalchemy import select

    from overt.store.models import DeploymentRow, WatchlistRow

    with store._database.read() as session:
        return [
            *session.scalars(select(DeploymentRow.wrapped_key)),
            *session.scalars(select(WatchlistRow.wrapped_key)),
        ]


def stands_in_a_file(home, secret):
    return any(secret in path.read_bytes() for path in home.rglob("*") if path.is_file())

"""``overt keys``: which key, from where; a new one in its place, by whoever may."""

import base64
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from overt.core.clock import SystemClock
from overt.core.ids import ContractId, EntryId, Sha256, WatchlistId
from overt.ledger.records import LedgerRecord
from overt.store.machine_key import EnvironmentSource
from overt.store.store import Store
from overt.watchlist.stored import StoredEntry, StoredReference, StoredWatchlist


def a_key():
    return base64.b64encode(os.urandom(32)).decode()


def a_list():
    reference = StoredReference(np.zeros(4, np.float32), b"picture")
    return StoredWatchlist(
        WatchlistId("wanted"),
        "wanted",
        ContractId("contract"),
        Sha256("a" * 64),
        (StoredEntry(EntryId("e-1"), "a label", (reference,)),),
    )


@pytest.fixture
def listed(home):
    """Keep a list on the machine."""
    with Store.open(home, SystemClock()) as store:
        store.watchlists.save(a_list())


@pytest.fixture
def register(command, tmp_path):
    """Register somebody in a role; return their signing key's path."""

    def do(person, role, *more):
        key = tmp_path / f"{person}.key"
        assert command("people", "new-key", key).returncode == 0
        added = command(
            *("people", "add", person, "--key", f"{key}.pub", "--rank", "inspector"),
            *("--organisation", "the force", "--role", role, *more),
        )
        assert added.returncode == 0, added.stderr
        return key

    return do


def last_record(home):
    with Store.open(home, SystemClock()) as store:
        return LedgerRecord.parse(list(store.ledger.records())[-1])


def test_the_key_in_use_is_shown(command, listed):
    shown = command("keys", "show", "--json").json
    assert shown["source"] == "the key file machine.key"
    assert len(shown["key_id"]) == 16
    assert shown["wrapped"] == {
        "deployments": {"n_wrapped": 0, "n_destroyed": 0},
        "watchlist_imports": {"n_wrapped": 0, "n_destroyed": 0},
        "watchlists": {"n_wrapped": 1, "n_destroyed": 0},
    }
    told = command("keys", "show")
    assert f"Machine key {shown['key_id']}, from the key file machine.key." in told.stdout


def test_the_machine_key_is_rotated(command, home, listed):
    before = command("keys", "show", "--json").json["key_id"]
    rotated = command("keys", "rotate", "--json").json
    assert rotated["scope"] == "machine"
    assert rotated["then"] is None
    assert command("keys", "show", "--json").json["key_id"] == rotated["key_id"] != before
    assert last_record(home).body["by"] is None
    told = command("keys", "rotate")
    assert told.stdout == ""
    assert "The former one is destroyed." in told.stderr
    assert command("watchlist", "show", "--json").json["watchlists"][0]["n_entries"] == 1


def test_one_lists_key_is_rotated(command, home, listed):
    before = command("keys", "show", "--json").json["key_id"]
    rotated = command("keys", "rotate", "--list", "wanted", "--json").json
    assert (rotated["scope"], rotated["list"]) == ("watchlist", "wanted")
    assert last_record(home).body["owner"] == "wanted"
    assert command("keys", "show", "--json").json["key_id"] == before
    ran = command("keys", "rotate", "--list", "nobody's")
    assert ran.failed_plainly(3, "there is no such list")


def test_nothing_is_rotated_while_a_run_is_open(command, home, listed):
    with Store.open(home, SystemClock()) as store:
        store.run()
        for more in ((), ("--list", "wanted")):
            assert command("keys", "rotate", *more).failed_plainly(10, "a run is open")
    assert command("keys", "rotate").returncode == 0


def test_once_people_are_registered_an_administrator_says_so(command, home, listed, register):
    admin = register("admin-1", "administrator")
    officer = register("officer-1", "operator", "--as", admin)
    assert command("keys", "rotate").failed_plainly(9, "say who rotates the key")
    refused = command("keys", "rotate", "--as", officer)
    assert refused.failed_plainly(9, "officer-1 may not manage keys")
    for more in ((), ("--list", "wanted")):
        assert command("keys", "rotate", "--as", admin, *more).returncode == 0
        assert last_record(home).body["by"] == "admin-1"


# Where the key comes from


def test_the_environments_key_is_used_rotated_and_replaced_by_hand(command, home, monkeypatch):
    first, second = a_key(), a_key()
    monkeypatch.setenv("OVERT_MACHINE_KEY", first)
    with Store.open(home, SystemClock(), EnvironmentSource(first)) as store:
        store.watchlists.save(a_list())
    shown = command("keys", "show", "--json").json
    assert shown["source"] == "the variable OVERT_MACHINE_KEY"
    assert not (home / "keys" / "machine.key").exists()
    assert command("keys", "rotate").failed_plainly(4, "set OVERT_MACHINE_KEY_NEXT to the new one")
    monkeypatch.setenv("OVERT_MACHINE_KEY_NEXT", second)
    assert command("keys", "show", "--json").json == shown
    told = command("keys", "rotate")
    assert "Now set OVERT_MACHINE_KEY to what OVERT_MACHINE_KEY_NEXT holds" in told.stderr
    assert first not in told.stderr
    assert second not in told.stderr
    after = command("keys", "show", "--json").json
    assert after["key_id"] != shown["key_id"]
    monkeypatch.setenv("OVERT_MACHINE_KEY", second)
    monkeypatch.delenv("OVERT_MACHINE_KEY_NEXT")
    assert command("keys", "show", "--json").json == after
    monkeypatch.setenv("OVERT_MACHINE_KEY", first)
    ran = command("watchlist", "show")
    assert ran.failed_plainly(4, "under another machine key than the variable OVERT_MACHINE_KEY")


@pytest.mark.parametrize(
    "value",
    ["", "secret", "A" * 44, a_key()[:-4], a_key() + a_key()],
    ids=["none", "words", "unpadded", "short", "two"],
)
def test_a_value_that_is_no_key_is_refused_and_not_quoted(command, home, monkeypatch, value):
    monkeypatch.setenv("OVERT_MACHINE_KEY", value)
    ran = command("keys", "show")
    assert ran.failed_plainly(4, "the base64 of 32 random bytes")
    assert value not in ran.stderr or not value
    assert not home.exists()


def test_the_environment_that_was_chosen_is_not_replaced_by_a_file(command, home, monkeypatch):
    monkeypatch.setenv("OVERT_MACHINE_KEY_FROM", "environment")
    assert command("keys", "show").failed_plainly(4, "there is no machine key")
    assert not (home / "keys" / "machine.key").exists()


def test_the_keyring_that_was_chosen_is_not_replaced_by_a_file(command, home, monkeypatch):
    monkeypatch.setitem(sys.modules, "keyring", None)
    monkeypatch.setenv("OVERT_MACHINE_KEY_FROM", "keyring")
    assert command("keys", "show").failed_plainly(6, "pip install 'overt[keyring]'")
    assert not home.exists()


@pytest.mark.parametrize("chosen", ["file", "keyring", "memory"])
@pytest.mark.parametrize("variable", ["OVERT_MACHINE_KEY", "OVERT_MACHINE_KEY_NEXT"])
def test_a_key_that_would_not_be_used_is_not_passed_over(
    command, home, monkeypatch, chosen, variable
):
    monkeypatch.setenv("OVERT_MACHINE_KEY_FROM", chosen)
    monkeypatch.setenv(variable, a_key())
    assert command("keys", "show").failed_plainly(2, f"OVERT_MACHINE_KEY_FROM says '{chosen}'")
    assert not home.exists()


def test_an_unknown_source_is_refused(command, home, monkeypatch):
    monkeypatch.setenv("OVERT_MACHINE_KEY_FROM", "memory")
    assert command("keys", "show").failed_plainly(2, "file, environment or keyring")
    assert not home.exists()


@pytest.mark.slow
def test_every_line_of_the_guide_does_what_it_says(home, tmp_path):
    guide = (Path(__file__).parents[3] / "docs" / "guides" / "keys.md").read_text("utf-8")
    blocks = re.findall(r"^```console\n(.*?)^```", guide, re.DOTALL | re.MULTILINE)
    lines = [line.removeprefix("$ ") for block in blocks for line in block.splitlines()]
    assert len(lines) > 10
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(lines)],
        cwd=tmp_path,
        env=os.environ
        | {
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "OVERT_HOME": str(home),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("The machine key is now") == 3

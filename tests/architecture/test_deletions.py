"""Nothing is deleted, and no key destroyed, but where it is put on record."""

import ast
from pathlib import Path

import overt.store

STORE = Path(overt.store.__file__).parent
DELETING = {
    "erasing.py": "whoever calls it puts on record what it says",
    "media.py": "rows of files that a receipt says are gone, or a person confirmed",
    "memberships.py": "the same as erasing.py, for whoever asks past its time",
    "watchlist_rows.py": "an import's rows: imports.py records those that were anybody's",
    "watchlists.py": "a list that is replaced, whose key was destroyed on record",
}
"""Modules of the store that may delete rows, and why that is on record."""


def calls(path, name):
    return any(
        isinstance(node, ast.Call)
        and getattr(node.func, "id", getattr(node.func, "attr", None)) == name
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
    )


def test_rows_are_deleted_in_a_few_known_places():
    found = {path.name for path in STORE.glob("*.py") if calls(path, "delete")}
    assert found <= set(DELETING)
    assert "erasing.py" in found


def test_a_key_is_destroyed_in_two_known_places():
    found = {
        path.name
        for path in STORE.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.Assign)
        and isinstance(node.value, ast.Constant)
        and node.value.value is None
        and any(getattr(target, "attr", "") == "wrapped_key" for target in node.targets)
    }
    assert found == {"deployments.py", "erasing.py"}


def test_whoever_erases_puts_it_on_record():
    erasing = [
        path.name
        for path in STORE.glob("*.py")
        if any(
            calls(path, name)
            for name in (
                "erase_alert",
                "erase_pictures",
                "erase_members",
                "erase_membership",
                "erase_account",
                "destroy_list",
                "destroy_import",
            )
        )
    ]
    assert erasing
    for name in erasing:
        assert calls(STORE / name, "begin"), name

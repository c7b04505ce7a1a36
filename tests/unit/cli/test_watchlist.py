"""``overt watchlist``: every picture is taken or refused with its reason."""

import cv2
import numpy as np
import pytest


@pytest.fixture
def mixed(pictures_of):
    """A folder with a face, a wall, and a file that is no picture but is called one."""
    folder = pictures_of("listed")
    cv2.imwrite(str(folder / "[bold]wall.png"), np.full((90, 90, 3), 99, np.uint8))
    (folder / "broken.jpg").write_bytes(b"no picture")
    (folder / "notes.txt").write_text("not looked at")
    return folder


def test_each_row_is_accepted_or_refused_with_its_reason(command, mixed):
    result = command("watchlist", "import", mixed, "--name", "wanted", "--json").json
    assert result["n_entries"] == 1
    assert [row["entry"] for row in result["accepted"]] == ["listed"]
    refused = {row["entry"]: row["reason"] for row in result["refused"]}
    assert refused["[bold]wall"] == "There is no face in the picture."
    assert set(refused) == {"[bold]wall", "broken"}


def test_refusals_are_told_under_the_names_that_the_files_have(command, mixed):
    ran = command("watchlist", "import", mixed, "--name", "wanted")
    assert ran.returncode == 0
    assert ran.stdout == ""
    assert "[bold]wall: There is no face in the picture." in ran.stderr
    assert "1 person on the list wanted" in ran.stderr


def test_importing_again_changes_nothing(command, pictures_of):
    folder = pictures_of("listed", "stranger")
    first = command("watchlist", "import", folder, "--name", "wanted", "--json").json
    second = command("watchlist", "import", folder, "--name", "wanted", "--json").json
    assert first == second
    (kept,) = command("watchlist", "show", "--json").json["watchlists"]
    assert kept["sha256"] == first["sha256"]
    assert kept["n_entries"] == 2


def test_a_list_that_fails_leaves_the_one_of_that_name(command, pictures_of, tmp_path):
    command("watchlist", "import", pictures_of("listed"), "--name", "wanted")
    before = command("watchlist", "show", "--json").json
    (tmp_path / "none").mkdir()
    ran = command("watchlist", "import", tmp_path / "none", "--name", "wanted")
    assert ran.returncode == 3
    assert command("watchlist", "show", "--json").json == before


def test_lists_are_shown(command, pictures_of):
    command("watchlist", "import", pictures_of("listed"), "--name", "wanted")
    assert "wanted" in command("watchlist", "show").stdout
    assert "wanted" in command("watchlist", "show", "wanted").stdout
    assert command("watchlist", "show", "another").failed_plainly(3, "no list of that name")

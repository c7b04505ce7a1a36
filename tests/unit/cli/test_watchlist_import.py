"""``overt watchlist import``: every row is taken or refused, with its reason."""

import csv
import json

import cv2
import numpy as np
import pytest


@pytest.fixture
def mixed(pictures_of):
    """A folder with a face, a wall, and a file that is no picture but is called one."""
    folder = pictures_of("listed")
    cv2.imwrite(str(folder / "[bold]wall.png"), np.full((90, 90, 3), 99, np.uint8))
    (folder / "broken.jpg").write_bytes(b"no picture")
    return folder


def test_each_row_is_accepted_or_refused_with_its_reason(command, list_office, mixed):
    result = command(*list_office.importing(mixed), "--json").json
    assert (result["n_accepted"], result["n_refused"], result["n_entries"]) == (1, 2, 1)
    by_row = {row["row"]: row for row in result["rows"]}
    assert by_row[1]["reasons"] == ["There is no face in the picture."]
    assert by_row[1]["column"] == "images"
    assert by_row[2]["outcome"] == "refused"
    assert by_row[3]["outcome"] == "accepted"
    assert by_row[3]["entry_id"].startswith("e-")
    assert "listed" not in json.dumps(result["rows"])


def test_refusals_are_told_under_the_names_that_the_rows_have(command, list_office, mixed):
    ran = command(*list_office.importing(mixed))
    assert ran.returncode == 0
    assert ran.stdout == ""
    assert "row 1 (line 2, images), [bold]wall: There is no face in the picture." in ran.stderr
    assert "1 person on the list wanted" in ran.stderr


def test_the_report_has_every_row_and_no_name(command, list_office, mixed, tmp_path):
    path = tmp_path / "report.csv"
    assert command(*list_office.importing(mixed), "--report", path).returncode == 0
    with path.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["row"] for row in rows] == ["1", "2", "3"]
    assert [row["line"] for row in rows] == ["2", "3", "4"]
    assert [row["outcome"] for row in rows] == ["refused", "refused", "accepted"]
    assert rows[0]["reason"] == "There is no face in the picture."
    assert "wall" not in path.read_text("utf-8")


def test_importing_again_changes_nothing_and_opens_no_model(
    command, list_office, pictures_of, both_listed, monkeypatch, shown
):
    from overt.cli import wiring

    def fail(**_):
        raise AssertionError("a model was opened")

    monkeypatch.setattr(wiring, "open_models", fail)
    again = command(*list_office.importing(pictures_of("listed", "stranger")), "--json").json
    assert again["changed"] is False
    assert again["sha256"] == both_listed["sha256"]
    assert shown()["life"]["version"] == 1


def test_only_rows_that_changed_are_enrolled_again(
    command, list_office, pictures_of, row, both_listed, monkeypatch, shown
):
    from overt.watchlist.enrol import Enroller

    enrolled = []
    really = Enroller._enrol_one
    monkeypatch.setattr(
        Enroller, "_enrol_one", lambda self, n, p: enrolled.append(1) or really(self, n, p)
    )
    folder = pictures_of("listed", "stranger")
    manifest = list_office.manifest(
        row(1, name="listed", images="listed.png"),
        row(2, name="stranger", images="stranger.png", reason_here="Was seen here"),
    )
    changed = command(*list_office.importing_from(manifest, folder, "wanted"), "--json").json
    assert len(enrolled) == 1
    assert changed["changed"] is True
    assert changed["n_entries"] == 2
    assert changed["sha256"] != both_listed["sha256"]
    life = shown()["life"]
    assert life["version"] == 2


def test_a_row_that_is_left_out_leaves_the_list(
    command, list_office, pictures_of, both_listed, ids
):
    folder = pictures_of("listed", "stranger")
    (folder / "stranger.png").unlink()
    manifest = list_office.manifest_of(folder)
    ran = command(*list_office.importing_from(manifest, folder, "wanted"), "--json")
    assert ran.json["n_entries"] == 1
    assert len(ids()) == 1
    with list_office.store() as store:
        assert len(store.watchlists.load("wanted").entries) == 1
        store.verify()


def test_pictures_alone_are_refused_with_the_way_out(command, list_office, pictures_of):
    folder = pictures_of("listed")
    ran = command("watchlist", "import", folder, "--name", "wanted", "--as", list_office.key())
    assert ran.failed_plainly(3, "overt watchlist template FOLDER > list.csv")


def test_a_template_is_a_manifest_that_lacks_the_grounds(
    command, list_office, pictures_of, tmp_path
):
    folder = pictures_of("listed", "stranger")
    form = tmp_path / "form.csv"
    form.write_text(command("watchlist", "template", folder).stdout, encoding="utf-8")
    ran = command(*list_office.importing_from(form, folder, "wanted"))
    assert ran.failed_plainly(3, "No row could be accepted")
    assert "must not be blank" in ran.stderr


def test_what_policy_does_not_allow_is_refused_row_by_row(command, list_office, pictures_of, row):
    manifest = list_office.manifest(
        row(1, images="listed.png", category="other"),
        row(2, images="listed.png", image_source="passport"),
        row(3, images="listed.png", held_until="2020-01-01"),
        row(4, images="listed.png", expires="2020-01-01"),
        row(5, images="listed.png"),
    )
    folder = pictures_of("listed")
    ran = command(*list_office.importing_from(manifest, folder, "wanted"), "--json").json
    assert [each["outcome"] for each in ran["rows"]] == ["refused"] * 4 + ["accepted"]
    rules = ("list-categories", "image-sources", "image-held-lawfully", "entry-expiry")
    for each, rule in zip(ran["rows"], rules, strict=False):
        assert f"(rule {rule};" in each["reasons"][0]


def test_the_policy_must_be_in_force(command, list_office, pictures_of):
    ran = command(*list_office.importing(pictures_of("listed")), "--policy", "eu-ai-act")
    assert ran.failed_plainly(10, "not in force here")


@pytest.mark.parametrize("name", ["", "Wanted", "a b", "../up", "x" * 65, "anna müller"])
def test_a_list_has_a_plain_name(command, list_office, pictures_of, name):
    ran = command(*list_office.importing(pictures_of("listed"), name))
    assert ran.failed_plainly(3, "A list's name")


def test_a_list_that_fails_leaves_the_one_of_that_name(
    command, list_office, pictures_of, both_listed, row, shown
):
    before = shown()
    manifest = list_office.manifest(row(1, images="none.png"))
    ran = command(*list_office.importing_from(manifest, pictures_of("listed"), "wanted"))
    assert ran.failed_plainly(3, "No row could be accepted")
    assert shown() == before


def test_whoever_may_not_import_is_refused_before_anything_is_read(
    command, list_office, pictures_of
):
    arguments = list_office.importing(pictures_of("listed"))[:-1]
    for person in ("demo-authoriser", "demo-requester", "demo-administrator"):
        ran = command(*arguments, list_office.key(person))
        assert ran.failed_plainly(9, "may not import a watchlist")
    assert command("watchlist", "show", "--json").json["watchlists"] == []

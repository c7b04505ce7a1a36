"""Demos that cannot be: one plain sentence and the promised exit code."""

import cv2
import numpy as np
import pytest


def empty(folder):
    (folder / "notes.txt").write_text("no picture")


def no_face(folder):
    cv2.imwrite(str(folder / "wall.png"), np.full((200, 200, 3), 128, np.uint8))


def no_picture(folder):
    (folder / "broken.jpg").write_bytes(b"\xff\xd8 and nothing else")


@pytest.fixture
def two_faces(studio, both):
    return lambda folder: cv2.imwrite(str(folder / "pair.png"), studio.picture(both, 1.0))


BAD_LISTS = {
    "empty": (empty, "no picture in the folder"),
    "no face": (no_face, "no face in the picture"),
    "two faces": ("two_faces", "more than one face in the picture"),
    "no picture": (no_picture, ""),
}


@pytest.fixture(params=BAD_LISTS)
def bad_list(request, tmp_path):
    """A folder of pictures that makes no list, and what must be said of it."""
    make, says = BAD_LISTS[request.param]
    folder = tmp_path / "list"
    folder.mkdir()
    (request.getfixturevalue(make) if isinstance(make, str) else make)(folder)
    return folder, says


def test_a_demo_with_a_watchlist_of_which_nothing_can_be_enrolled(command, bad_list, clip_of_both):
    folder, says = bad_list
    demo = ("demo", "--video", clip_of_both, "--watchlist", folder, "--json")
    assert command(*demo).failed_plainly(3, says)


def test_a_watchlist_that_is_neither_folder_nor_zip(command, tmp_path, clip_of_both):
    (tmp_path / "file").write_text("neither")
    for source in (tmp_path / "file", tmp_path / "none"):
        ran = command("demo", "--video", clip_of_both, "--watchlist", source, "--json")
        assert ran.failed_plainly(3, "folder or a ZIP")


def fill(folder):
    with (folder / "ballast").open("ab", buffering=0) as file:
        for size in (4096, 1):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                continue


def test_a_demo_without_room(command, small_disk, pictures_of, clip_of_both, monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", str(small_disk("64k")))
    demo = ("demo", "--video", clip_of_both, "--watchlist", pictures_of("listed"), "--json")
    assert command(*demo).failed_plainly(7, "disk is full")


@pytest.mark.parametrize(
    ("options", "code", "says"),
    [
        (("--video", "v.mp4"), 2, "--video and --watchlist go together"),
        (("--watchlist", "w"), 2, "--video and --watchlist go together"),
        (("--video", "v", "--watchlist", "w", "--people", "p"), 2, "makes a street"),
        (("--people", "nobody"), 3, "folder or a ZIP"),
        (("--video", "none.mp4", "--watchlist", "."), 3, "there is no video"),
        (("--seconds", "1e9"), 2, "duration_s"),
    ],
)
def test_a_demo_that_cannot_be(command, options, code, says, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert command("demo", *options, "--json").failed_plainly(code, says)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--threshold", "0"), "threshold"),
        (("--threshold", "1.5"), "threshold"),
        (("--threshold", "nan"), "threshold"),
        (("--one-in", "1000000"), "No measurement supports"),
        (("--repeat-within-s", "inf"), "endless"),
        (("--repeat-within-s", "1e6"), "repeat_within_s"),
    ],
)
def test_a_demo_under_a_rule_that_cannot_be(command, options, says, clip_of_both, pictures_of):
    demo = ("demo", "--video", clip_of_both, "--watchlist", pictures_of("listed"), "--json")
    assert command(*demo, *options).failed_plainly(3, says)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--threshold", "0.1"), "threshold is below the one that the evaluation supports"),
        (("--one-in", "100"), "asks for one in 100"),
    ],
)
def test_a_demo_that_the_policy_does_not_allow(command, options, says, clip_of_both, pictures_of):
    demo = ("demo", "--video", clip_of_both, "--watchlist", pictures_of("listed"), "--json")
    ran = command(*demo, *options)
    assert ran.failed_plainly(9, says)
    assert "(rule evaluation;" in ran.stderr


@pytest.mark.parametrize("name", ["sheet.unknown", "."])
def test_a_contact_sheet_is_written_as_a_png_or_it_is_said(
    command, tmp_path, clip_of_both, pictures_of, name
):
    sheet = tmp_path / "sheets" / name
    (tmp_path / "sheets").mkdir()
    demo = ("demo", "--video", clip_of_both, "--watchlist", pictures_of("listed"), "--json")
    ran = command(*demo, "--sheet", sheet)
    if name == ".":
        assert ran.failed_plainly(7, "contact sheet could not be written")
    else:
        assert ran.returncode == 0
        assert sheet.read_bytes().startswith(b"\x89PNG")

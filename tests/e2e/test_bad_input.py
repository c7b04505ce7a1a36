"""Everything that can be wrong: one plain sentence, the promised exit code, nothing decoded."""

import json
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import cv2
import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from overt.cli import session
from overt.core.clock import SystemClock
from overt.ledger.canonical import canonical_bytes
from overt.policy.locks import AlertRule
from overt.store.store import Store

PAST = datetime(2020, 1, 1, tzinfo=UTC)
FUTURE = datetime(2090, 1, 1, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def opened(monkeypatch):
    """Every reader that a command has made."""
    readers = []
    really_open = session.open_reader

    def remember(*arguments, **options):
        readers.append(really_open(*arguments, **options))
        return readers[-1]

    monkeypatch.setattr(session, "open_reader", remember)
    return readers


@pytest.fixture
def refused(command, home, trusted, listed, opened, clip_of_both):
    """Run a deployment that must not begin: nothing decoded, nothing in the record."""

    def do(capability, code, says, *options):
        ran = command("run", capability, "--camera", f"gate={clip_of_both}", *options)
        assert ran.failed_plainly(code, says)
        assert [reader.stats().n_decoded for reader in opened] in ([], [0])
        with Store.open(home, SystemClock()) as store:
            assert list(store.ledger.records()) == []
        return ran

    return do


def test_no_capability(refused, tmp_path):
    refused(tmp_path / "none.json", 3, "capability file cannot be read")
    refused(tmp_path, 3, "capability file cannot be read")


@pytest.mark.parametrize("data", [b"", b"{}", b"\xff" * 100, b"[" * 5000])
def test_a_malformed_capability(refused, tmp_path, data):
    (tmp_path / "capability.json").write_bytes(data)
    refused(tmp_path / "capability.json", 5, "not a capability")


def test_a_capability_of_somebody_who_is_not_trusted(refused, capability_file):
    refused(capability_file(key=Ed25519PrivateKey.generate()), 5, "not trusted here")


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("deployment", "d-2"),
        ("cameras", ["gate", "north"]),
        ("not_before_utc", "2020-01-01T12:00:00.000Z"),
        ("not_after_utc", "2090-01-01T12:00:00.000Z"),
        ("watchlist_sha256", "b" * 64),
        ("detector_sha256", "b" * 64),
        ("contract", "another"),
        ("rule", {"threshold_micro": 1}),
        ("authoriser", "somebody else"),
        ("issued_utc", "2020-01-01T12:00:00.000Z"),
        ("calibration", None),
    ],
)
def test_a_forged_capability(refused, capability_file, field, value):
    path = capability_file()
    forged = json.loads(path.read_bytes())
    before = forged["capability"][field]
    forged["capability"][field] = before | value if isinstance(value, dict) else value
    path.write_bytes(canonical_bytes(forged))
    refused(path, 5, "forged or was altered")


@pytest.mark.parametrize(
    ("begins", "says"), [(PAST, "has expired"), (FUTURE, "not yet valid")], ids=["past", "future"]
)
def test_a_capability_outside_its_window(refused, capability_file, begins, says):
    refused(capability_file(not_before_utc=begins, not_after_utc=begins + HOUR), 5, says)


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"cameras": ("another",)}, "does not name the camera gate"),
        ({"detector_sha256": "b" * 64}, "detector is not the one"),
        ({"contract": "another"}, "embedder is not the one"),
    ],
    ids=["camera", "detector", "contract"],
)
def test_a_capability_for_something_else(refused, capability_file, changes, says):
    refused(capability_file(**changes), 5, says)


def test_a_capability_for_a_list_that_is_not_here(refused, capability_file):
    refused(capability_file(watchlist_sha256="b" * 64), 3, "watchlist is not on this machine")


def test_a_list_that_is_not_what_its_name_says(refused, capability_file, home, watchlist, enrol):
    """A list is bound by what it holds, not by the digest that stands beside it."""
    false = replace(enrol("stranger"), manifest_sha256="b" * 64)
    with Store.open(home, SystemClock()) as store:
        store.watchlists.save(false)
    refused(capability_file(watchlist_sha256="b" * 64), 5, "watchlist is not the one")


def test_a_list_made_with_another_model(refused, capability_file, home, watchlist):
    with Store.open(home, SystemClock()) as store:
        store.watchlists.save(replace(watchlist, contract="another", manifest_sha256="b" * 64))
    changes = {"watchlist_sha256": "b" * 64, "contract": "another"}
    refused(capability_file(**changes), 4, "made with another model")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (("--device", "gpu"), "OpenVINO has no device gpu here"),
        (("--device", "toaster"), "device"),
        (("--device", "cuda"), "device"),
        (("--runtime", "onnxruntime", "--device", "cuda"), "cuda"),
    ],
    ids=["gpu", "toaster", "cuda of openvino", "cuda"],
)
def test_a_device_that_is_not_there(refused, capability_file, options, says):
    refused(capability_file(), 6, says, *options)


def test_a_changed_model_file(refused, capability_file, tmp_path, monkeypatch):
    from overt.cli import wiring

    cache = tmp_path / "cache"
    shutil.copytree(wiring.models_cache(), cache / "models")
    for path in (cache / "models").glob("sface*"):
        path.chmod(0o600)
        path.write_bytes(path.read_bytes()[:-1] + b"\0")
    monkeypatch.setenv("OVERT_CACHE", str(cache))
    refused(capability_file(), 4, "delete the file and run")


def test_no_video(command, trusted, listed, capability_file, tmp_path):
    path = capability_file()
    (tmp_path / "empty").mkdir()
    assert command("run", path).failed_plainly(3, "There is no video")
    for source, says in (
        ("none.mp4", "there is no video"),
        (tmp_path / "empty", "no video and no pictures"),
        ("http://127.0.0.1/video", "cannot read from http"),
        ("", "a source needs"),
        (tmp_path / "frame_%03d.png", "no video and no pictures"),
    ):
        assert command("run", path, "--camera", f"gate={source}").failed_plainly(3, says)


@pytest.mark.parametrize("data", [b"", b"no video" * 999, b"\0\0\0\x20ftypisom"])
def test_a_video_that_cannot_be_read(command, trusted, listed, capability_file, tmp_path, data):
    (tmp_path / "broken.mp4").write_bytes(data)
    ran = command("run", capability_file(), "--camera", f"gate={tmp_path / 'broken.mp4'}")
    assert ran.failed_plainly(3, "cannot read video")


def test_cameras_that_are_not_told_apart(command, trusted, listed, capability_file, clip_of_both):
    path = capability_file(cameras=("gate", "north"))
    one = f"gate={clip_of_both}"
    assert command("run", path, "--camera", one, "--camera", one).failed_plainly(3, "given twice")
    assert command("run", path, "--camera", clip_of_both).failed_plainly(3, "NAME=SOURCE")


def test_a_deployment_runs_under_one_capability_only(
    command, home, trusted, listed, capability_file, clip_of_both
):
    run = ("--camera", f"gate={clip_of_both}", "--json")
    assert command("run", capability_file(), *run).json["ended"] == "finished"
    other = capability_file(rule=AlertRule(0.9))
    assert command("run", other, *run).failed_plainly(4, "already ran under another capability")


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


def test_a_watchlist_of_which_nothing_can_be_enrolled(command, bad_list, home):
    folder, says = bad_list
    ran = command("watchlist", "import", folder, "--name", "list")
    assert says in ran.stderr
    assert ran.failed_plainly(3, "no picture")
    assert "list" not in command("watchlist", "show").stdout


def test_a_demo_with_a_watchlist_of_which_nothing_can_be_enrolled(command, bad_list, clip_of_both):
    folder, says = bad_list
    demo = ("demo", "--video", clip_of_both, "--watchlist", folder, "--json")
    assert command(*demo).failed_plainly(3, says)


def test_a_watchlist_that_is_neither_folder_nor_zip(command, tmp_path):
    (tmp_path / "file").write_text("neither")
    for source in (tmp_path / "file", tmp_path / "none"):
        ran = command("watchlist", "import", source, "--name", "list")
        assert ran.failed_plainly(3, "folder or a ZIP")


def fill(folder):
    with (folder / "ballast").open("ab", buffering=0) as file:
        for size in (4096, 1):
            try:
                while file.write(bytes(size)) == size:
                    pass
            except OSError:
                continue


def test_a_disk_without_room_for_a_list(command, small_disk, pictures_of, monkeypatch):
    disk = small_disk("256k")
    monkeypatch.setenv("OVERT_HOME", str(disk / "home"))
    fill(disk)
    ran = command("watchlist", "import", pictures_of("listed"), "--name", "list")
    assert ran.failed_plainly(7, "disk is full")


def test_a_disk_that_is_full_when_the_run_begins(
    command, small_disk, home, trusted, listed, capability_file, clip_of_both, monkeypatch
):
    disk = small_disk("4m")
    shutil.copytree(home, disk / "home")
    fill(disk)
    monkeypatch.setenv("OVERT_HOME", str(disk / "home"))
    ran = command("run", capability_file(), "--camera", f"gate={clip_of_both}")
    assert ran.failed_plainly(7, "disk is full")


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
    ],
)
def test_a_demo_under_a_rule_that_cannot_be(command, options, says, clip_of_both, pictures_of):
    demo = ("demo", "--video", clip_of_both, "--watchlist", pictures_of("listed"), "--json")
    assert command(*demo, *options).failed_plainly(3, says)


@pytest.mark.parametrize(
    "options",
    [
        ("run",),
        ("run", "capability.json", "--camera", "a", "--runtime", "toaster"),
        ("demo", "--seconds", "nan"),
        ("demo", "--repeat-within-s", "nan"),
        ("demo", "--one-in", "0"),
        ("demo", "--listed", "some"),
        ("unknown",),
    ],
)
def test_a_command_that_is_not_understood(command, options):
    ran = command(*options)
    assert ran.returncode == 2
    assert ran.stdout == ""
    assert "Usage: overt" in ran.stderr
    assert "Traceback" not in ran.stderr


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


def test_a_home_that_cannot_be_made(command, tmp_path, monkeypatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("OVERT_HOME", str(tmp_path / "file"))
    assert command("watchlist", "show").returncode == 7
    assert (tmp_path / "file").is_file()

import os
import pickle

import pytest

from overt.core.errors import InputError
from overt.video.sources import SourceKind, natural_order, parse_source

_SECRET = "hunter2"  # made up


@pytest.mark.parametrize(
    ("text", "display"),
    [
        (f"rtsp://admin:{_SECRET}@10.0.0.7:8554/stream1", "rtsp://10.0.0.7:8554/…"),
        (f"rtsp://10.0.0.7/user=admin_password={_SECRET}_channel=1", "rtsp://10.0.0.7/…"),
        (f"rtsps://camera.example/?token={_SECRET}", "rtsps://camera.example/…"),
        (f"RTSP://admin:{_SECRET}@Camera.example", "rtsp://camera.example"),
        (f"rtsp://a:{_SECRET}@[2001:db8::1]:554/", "rtsp://[2001:db8::1]:554"),
    ],
)
def test_a_network_camera_shows_its_host_and_nothing_secret(text, display):
    spec = parse_source(text)
    assert (spec.kind, spec.is_live, spec.location) == (SourceKind.RTSP, True, text)
    assert spec.display == str(spec) == f"{spec}" == display
    assert _SECRET not in repr(spec)
    assert pickle.loads(pickle.dumps(spec)) == spec


@pytest.mark.parametrize(
    "text",
    [
        f"rtsp://admin:{_SECRET}@",
        f"rtsp://admin:{_SECRET}@host:notaport/",
        f"rtsp://admin:{_SECRET}@host:99999/",
        f"rtsp://admin:{_SECRET}@[::1/",
        f"rtsp://admin:{_SECRET}@host /x",
        f"rtsp://admin:{_SECRET}@host/\nx",
        f"http://admin:{_SECRET}@host/video.mjpg",
        f"file:///{_SECRET}",
    ],
)
def test_a_bad_address_is_refused_without_being_quoted(text):
    with pytest.raises(InputError) as caught:
        parse_source(text)
    assert _SECRET not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    ("text", "device"), [("webcam:0", "/dev/video0"), ("webcam:12", "/dev/video12"),
                         ("/dev/video1", "/dev/video1")],
)  # fmt: skip
def test_webcams(text, device):
    spec = parse_source(text)
    assert (spec.kind, spec.is_live, spec.location) == (SourceKind.WEBCAM, True, device)


@pytest.mark.parametrize("text", ["", "nowhere.mp4", "a\0b", "webcam:", "webcam:x", "x" * 5000])
def test_what_is_not_there_is_refused(text):
    with pytest.raises(InputError):
        parse_source(text)


def test_a_pipe_is_refused_because_opening_it_would_wait_for_ever(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(InputError, match="neither a file nor a folder"):
        parse_source(str(tmp_path / "pipe"))


def test_a_file_is_taken_whatever_its_name(tmp_path):
    path = tmp_path / "odd:name%02d"
    path.write_bytes(b"")
    spec = parse_source(str(path))
    assert (spec.kind, spec.is_live) == (SourceKind.FILE, False)
    assert spec.files() == (path,)


def test_a_folder_gives_videos_and_pictures_in_natural_order(tmp_path):
    for name in ("b10.png", "b9.PNG", "A1.mp4", ".hidden.png", "notes.txt", "b9 copy.jpg"):
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "folder.mp4").mkdir()
    spec = parse_source(str(tmp_path))
    assert spec.kind is SourceKind.FOLDER
    assert [path.name for path in spec.files()] == ["A1.mp4", "b9 copy.jpg", "b9.PNG", "b10.png"]


def test_an_empty_folder_is_said_to_hold_nothing(tmp_path):
    with pytest.raises(InputError, match="holds no video and no pictures"):
        parse_source(str(tmp_path)).files()


def test_a_sequence_is_ordered_by_number_and_may_have_gaps(tmp_path):
    for name in ("f_00010.png", "f_00002.png", "f_100000.png", "f_7.png", "g_00001.png"):
        (tmp_path / name).write_bytes(b"")
    spec = parse_source(str(tmp_path / "f_%05d.png"))
    assert spec.kind is SourceKind.SEQUENCE
    names = [path.name for path in spec.files()]
    assert names == ["f_00002.png", "f_00010.png", "f_100000.png"]
    loose = parse_source(str(tmp_path / "f_%d.png"))
    numbers = [int(path.stem.removeprefix("f_")) for path in loose.files()]
    assert numbers == [2, 7, 10, 100_000]


@pytest.mark.parametrize("pattern", ["x_%05d.png", "missing/x_%05d.png"])
def test_a_sequence_without_files_holds_nothing(tmp_path, pattern):
    with pytest.raises(InputError, match="holds no video and no pictures"):
        parse_source(str(tmp_path / pattern)).files()


def test_natural_order_compares_numbers_as_numbers():
    names = ["x10", "x9", "X1", "", "10", "9"]
    assert sorted(names, key=natural_order) == ["", "9", "10", "X1", "x9", "x10"]

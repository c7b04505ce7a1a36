import os
import struct
import traceback
import tracemalloc
import unicodedata
import zipfile
from pathlib import Path

import pytest

from overt.core.errors import InputError
from overt.video import picture_files
from overt.video.picture_files import open_pictures

SECRET = "jane-doe"


def folder(path, files):
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


def zipped(path, files, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


@pytest.fixture(params=["folder", "zip"])
def made(request, tmp_path):
    def make(files):
        if request.param == "zip":
            return zipped(tmp_path / "set.zip", files)
        return folder(tmp_path / "set", files)

    return make


def read(source, name):
    with open_pictures(source) as files:
        return files.read(name)


def refusal(source, name):
    with pytest.raises(InputError) as caught:
        read(source, name)
    assert SECRET not in "".join(traceback.format_exception(caught.value))
    return str(caught.value)


def declare(path, size):
    """Let a ZIP's one member declare another size than it has."""
    data = bytearray(path.read_bytes())
    for signature, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
        struct.pack_into("<I", data, data.index(signature) + offset, size)
    path.write_bytes(data)
    return path


def test_a_picture_by_its_name(made):
    source = made({"a.png": b"A", "ann/deep/1.JPG": b"1"})
    assert read(source, "a.png") == b"A"
    assert read(source, "./ann//deep/./1.JPG") == b"1"
    with open_pictures(source) as files:
        assert sorted(files.names()) == ["a.png", "ann/deep/1.JPG"]
        assert all(files.read(name) for name in files.names())


@pytest.mark.parametrize("kept", ["NFC", "NFD"])
@pytest.mark.parametrize("asked", ["NFC", "NFD"])
def test_a_name_in_another_unicode_form_is_the_same_name(made, kept, asked):
    source = made({unicodedata.normalize(kept, "é/ü.png"): b"U"})
    assert read(source, unicodedata.normalize(asked, "é/ü.png")) == b"U"


@pytest.mark.parametrize(
    "name", ["b.png", "a.png/b.png", "no/a.png", "x" * 300 + ".png", "\0.png", "\ud800.png"]
)
def test_what_is_not_there(made, name):
    refusal(made({"a.png": b"A"}), name)


def test_a_folder_is_no_picture(made):
    refusal(made({"ann.png/1.png": b"1"}), "ann.png")


@pytest.mark.parametrize(
    "name",
    ["../out.png", "/etc/out.png", "a/../../out.png", "//out.png", "C:/out.png", "", ".", "/"],
)
def test_a_path_that_leads_out(made, name):
    source = made({"set/a.png": b"A"})
    folder(source.parent, {"out.png": b"O"})
    assert "leads out" in refusal(source, name)


@pytest.mark.parametrize("name", ["notes.txt", "shadow", ".hidden.png", "a.png/.cache/x"])
def test_only_pictures_are_read(made, name):
    assert "does not end in .bmp" in refusal(made({"notes.txt": b"-", ".hidden.png": b"-"}), name)


def test_no_link_is_followed_wherever_it_leads(tmp_path):
    outside = folder(tmp_path / "outside", {f"{SECRET}.png": b"S"})
    inside = folder(tmp_path / "set", {"a.png": b"A", "ann/1.png": b"1"})
    (inside / "file.png").symlink_to(outside / f"{SECRET}.png")
    (inside / "folder").symlink_to(outside)
    (inside / "own.png").symlink_to(inside / "a.png")
    (inside / "ann" / "up").symlink_to(outside.parent)
    for name in ("file.png", f"folder/{SECRET}.png", "own.png", f"ann/up/outside/{SECRET}.png"):
        assert "link" in refusal(inside, name)


def test_the_folder_itself_may_be_a_link(tmp_path):
    folder(tmp_path / "set", {"a.png": b"A"})
    (tmp_path / "link").symlink_to(tmp_path / "set")
    assert read(tmp_path / "link", "a.png") == b"A"


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    assert "not a file" in refusal(tmp_path, "pipe.png")
    with pytest.raises(InputError, match="folder or a ZIP"):
        read(tmp_path / "pipe.png", "a.png")


def test_a_file_that_may_not_be_read(tmp_path):
    locked = folder(tmp_path, {"a.png": b"A"}) / "a.png"
    locked.chmod(0)
    if os.access(locked, os.R_OK):
        pytest.skip("this user may read everything")
    assert "could not be read" in refusal(tmp_path, "a.png")


def test_a_picture_over_the_limit(made, monkeypatch):
    monkeypatch.setattr(picture_files, "MAX_PICTURE_BYTES", 10)
    source = made({"a.png": bytes(10), "b.png": bytes(11)})
    assert read(source, "a.png") == bytes(10)
    assert "larger" in refusal(source, "b.png")


def test_no_file_descriptor_is_left_open(tmp_path):
    source = folder(tmp_path, {"ann/1.png": b"1"})
    before = len(list(Path("/dev/fd").iterdir()))
    read(source, "ann/1.png")
    refusal(source, "ann/2.png")
    refusal(source, "bob/2.png")
    assert len(list(Path("/dev/fd").iterdir())) == before


def test_one_damaged_picture_leaves_the_others(tmp_path):
    source = zipped(tmp_path / "p.zip", {f"{SECRET}.png": b"CONTENT", "b.png": b"B"})
    data = bytearray(source.read_bytes())
    data[data.index(b"CONTENT")] ^= 0xFF
    source.write_bytes(data)
    assert "damaged" in refusal(source, f"{SECRET}.png")
    assert read(source, "b.png") == b"B"


@pytest.mark.parametrize("declared", [10, 2**20])
def test_a_bomb_that_declares_little_costs_little(tmp_path, monkeypatch, declared):
    monkeypatch.setattr(picture_files, "MAX_PICTURE_BYTES", 2**20)
    source = zipped(tmp_path / "p.zip", {"a.png": bytes(100 * 2**20)}, zipfile.ZIP_DEFLATED)
    declare(source, declared)
    tracemalloc.start()
    try:
        assert "damaged" in refusal(source, "a.png")
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA, 77])
def test_methods_that_cannot_be_unpacked_piece_by_piece(tmp_path, method):
    """Python would unpack the whole of such a member, whatever it declares and is asked for."""
    known = method if method != 77 else zipfile.ZIP_STORED
    source = zipped(tmp_path / "p.zip", {"a.png": bytes(1000)}, known)
    data = bytearray(source.read_bytes())
    for signature, offset in ((b"PK\x01\x02", 10), (b"PK\x03\x04", 8)):
        struct.pack_into("<H", data, data.index(signature) + offset, method)
    source.write_bytes(data)
    with pytest.raises(InputError, match="other than deflate"):
        read(source, "a.png")


def test_a_member_without_a_name(tmp_path):
    source = zipped(tmp_path / "p.zip", {"a.png": b"A"})
    source.write_bytes(source.read_bytes().replace(b"a.png", b"\0.png"))
    with pytest.raises(InputError, match="damaged"):
        read(source, "a.png")


def test_many_members_that_share_one_bomb_are_refused_before_any_is_read(tmp_path, monkeypatch):
    monkeypatch.setattr(picture_files, "MAX_ARCHIVE_BYTES", 100)
    source = zipped(tmp_path / "p.zip", {"a.png": bytes(60), "b.png": bytes(60)})
    with pytest.raises(InputError, match="too large when unpacked"):
        read(source, "a.png")


def test_backslashes_of_an_archiver_are_read_as_folders(tmp_path):
    source = zipped(tmp_path / "p.zip", {"ann\\1.png": b"1"})
    assert read(source, "ann/1.png") == b"1"


def test_an_error_of_the_reader_stays_what_it_is(made):
    """The archive's faults are put into our words; those of whoever reads from it are not."""
    with pytest.raises(ZeroDivisionError), open_pictures(made({"a.png": b"A"})):
        raise ZeroDivisionError

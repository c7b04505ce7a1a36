import os
import struct
import zipfile
import zlib

import pytest

from overt.core.errors import InputError
from overt.video import picture_files, picture_sets
from overt.video.picture_sets import PersonPictures, count_people, natural_key, read_people

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
    """Make the same set as a folder or as a ZIP."""

    def make(files):
        if request.param == "zip":
            return zipped(tmp_path / "set.zip", files)
        return folder(tmp_path / "set", files)

    return make


def people(path):
    return [(each.label, each.pictures) for each in read_people(path)]


def test_a_file_at_the_top_is_a_person(made):
    source = made({"b.png": b"B", "a.jpg": b"A"})
    assert people(source) == [("a", (b"A",)), ("b", (b"B",))]
    assert count_people(source) == 2


def test_a_folder_is_a_person_with_several_pictures(made):
    source = made({"ann/2.png": b"2", "ann/10.png": b"10", "ann/deep/x.png": b"x", "bob.jpg": b"B"})
    assert people(source) == [("ann", (b"2", b"10", b"x")), ("bob", (b"B",))]
    assert count_people(source) == 2


def test_the_one_folder_that_holds_everything_is_not_a_person(made):
    source = made({"list/a.png": b"A", "list/b.png": b"B"})
    assert people(source) == [("a", (b"A",)), ("b", (b"B",))]


def test_people_in_folders_within_the_one_folder(made):
    source = made({"list/ann/1.png": b"1", "list/ann/2.png": b"2", "list/bob.png": b"B"})
    assert people(source) == [("ann", (b"1", b"2")), ("bob", (b"B",))]


def test_a_file_and_a_folder_of_one_name_are_one_person(made):
    source = made({"ann.png": b"0", "ann/1.png": b"1", "bob.png": b"B"})
    assert sorted(dict(people(source))["ann"]) == [b"0", b"1"]


def test_natural_order(made):
    source = made({f"p{i}.png": bytes([i]) for i in (10, 9, 100, 1)})
    assert [label for label, _ in people(source)] == ["p1", "p9", "p10", "p100"]
    assert natural_key("a10b") > natural_key("a9b")


@pytest.mark.parametrize("order", [1, -1])
def test_names_that_count_alike_have_one_order(tmp_path, order):
    """Otherwise the file system would decide, and with it the id of the entry."""
    names = ["ann/01.png", "ann/1.png", "ann/001.png"][::order]
    source = zipped(tmp_path / "set.zip", {name: name.encode() for name in [*names, "z.png"]})
    assert people(source)[0][1] == (b"ann/001.png", b"ann/01.png", b"ann/1.png")


@pytest.mark.parametrize(
    "name",
    ["notes.txt", ".hidden.png", "__MACOSX/._a.png", ".cache/a.png", "a.png.part", "png", "a.tiff"],
)
def test_what_is_no_picture_by_name_is_left_out(made, name):
    source = made({name: b"-", "x.PNG": b"X"})
    assert people(source) == [("x", (b"X",))]


def test_no_picture_at_all(made):
    source = made({"notes.txt": b"-"})
    for read in (people, count_people):
        with pytest.raises(InputError, match="no picture"):
            read(source)


def test_an_empty_folder(tmp_path):
    with pytest.raises(InputError, match="no picture"):
        people(tmp_path)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a zip", b"\xff\xd8\xff\xe0"])
def test_what_is_neither_folder_nor_zip(tmp_path, content):
    path = tmp_path / "p.zip"
    path.write_bytes(content)
    with pytest.raises(InputError, match="folder or a ZIP"):
        people(path)
    with pytest.raises(InputError, match="folder or a ZIP"):
        people(tmp_path / "absent")
    assert count_people(path) == count_people(tmp_path / "absent") == 0


def test_links_are_not_followed(tmp_path):
    outside = folder(tmp_path / "outside", {"secret.png": b"S"})
    inside = folder(tmp_path / "set", {"a.png": b"A"})
    (inside / "linked.png").symlink_to(outside / "secret.png")
    (inside / "linked").symlink_to(outside)
    (inside / "loop").symlink_to(inside)
    assert people(inside) == [("a", (b"A",))]


def test_a_pipe_is_not_waited_for(tmp_path):
    folder(tmp_path, {"a.png": b"A"})
    os.mkfifo(tmp_path / "pipe.png")
    assert people(tmp_path) == [("a", (b"A",))]


@pytest.mark.parametrize(
    "name",
    ["../x.png", "/x.png", "//x.png", "a/../../x.png", "..\\x.png", "\\x.png", "C:\\x.png", "C:/x"],
)
def test_a_path_that_leads_out_of_the_zip_is_refused(tmp_path, name):
    source = zipped(tmp_path / "p.zip", {name: b"X", "a.png": b"A"})
    for read in (people, count_people):
        with pytest.raises(InputError, match="leads out"):
            read(source)


def spoilt(path, change):
    data = bytearray(path.read_bytes())
    change(data)
    path.write_bytes(data)
    return path


def encrypt(data):
    for signature, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        data[data.index(signature) + offset] |= 1


def test_an_encrypted_zip_says_so(tmp_path):
    source = spoilt(zipped(tmp_path / "p.zip", {"a.png": b"A"}), encrypt)
    with pytest.raises(InputError, match="encrypted"):
        people(source)


def corrupt(data):
    data[data.index(b"CONTENT")] ^= 0xFF


def nameless(data):
    struct.pack_into("<H", data, data.index(b"PK\x01\x02") + 28, 0)


def cut_directory(data):
    del data[data.index(b"PK\x01\x02") : data.index(b"PK\x01\x02") + 20]


def unknown_method(data):
    for signature, offset in ((b"PK\x01\x02", 10), (b"PK\x03\x04", 8)):
        struct.pack_into("<H", data, data.index(signature) + offset, 77)


def elsewhere(data):
    struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 42, 0x7FFFFFFF)


@pytest.mark.parametrize("damage", [corrupt, nameless, cut_directory, elsewhere])
def test_a_damaged_zip_is_refused(tmp_path, damage):
    source = spoilt(zipped(tmp_path / "p.zip", {"a.png": b"CONTENT" * 9}), damage)
    with pytest.raises(InputError, match="damaged"):
        people(source)


def test_a_picture_over_the_limit_is_refused(made, monkeypatch):
    monkeypatch.setattr(picture_files, "MAX_PICTURE_BYTES", 10)
    assert people(made({"a.png": bytes(10)})) == [("a", (bytes(10),))]
    with pytest.raises(InputError, match="larger"):
        people(made({"a.png": bytes(11)}))


def test_a_zip_that_lies_about_its_size_costs_no_more_than_the_limit(tmp_path, monkeypatch):
    """A hundred megabytes of nothing in a hundred kilobytes, declared as ten bytes."""
    monkeypatch.setattr(picture_files, "MAX_PICTURE_BYTES", 2**20)
    source = zipped(tmp_path / "p.zip", {"a.png": bytes(100 * 2**20)}, zipfile.ZIP_DEFLATED)

    def lie(data):
        for signature, offset in ((b"PK\x01\x02", 24), (b"PK\x03\x04", 22)):
            struct.pack_into("<I", data, data.index(signature) + offset, 10)

    with pytest.raises(InputError):
        people(spoilt(source, lie))


def test_a_zip_too_large_when_unpacked_is_refused_before_it_is(tmp_path, monkeypatch):
    monkeypatch.setattr(picture_files, "MAX_ARCHIVE_BYTES", 100)
    source = zipped(tmp_path / "p.zip", {"a.png": bytes(60), "b.png": bytes(60)})
    for read in (people, count_people):
        with pytest.raises(InputError, match="too large when unpacked"):
            read(source)


def test_too_many_pictures_are_refused(made, monkeypatch):
    monkeypatch.setattr(picture_sets, "MAX_PICTURES", 1)
    with pytest.raises(InputError, match="split the list"):
        people(made({"a.png": b"A", "b.png": b"B"}))


def test_nothing_is_unpacked_to_disk(tmp_path):
    source = zipped(tmp_path / "p.zip", {"ann/1.png": b"1", "b.png": b"B"})
    people(source)
    assert [path.name for path in tmp_path.iterdir()] == ["p.zip"]


def test_people_are_read_one_by_one(tmp_path):
    """A damaged picture of the last person does not hide the first; nor is all in memory."""
    source = zipped(tmp_path / "p.zip", {"a.png": b"A", "b.png": b"CONTENT"})
    reading = read_people(spoilt(source, corrupt))
    assert next(reading).label == "a"
    with pytest.raises(InputError, match="damaged"):
        next(reading)


def test_labels_and_pictures_do_not_show_in_a_representation():
    assert repr(PersonPictures(SECRET, (b"pixels",))) == "PersonPictures()"


def test_no_label_in_any_message(tmp_path, monkeypatch):
    monkeypatch.setattr(picture_files, "MAX_PICTURE_BYTES", 20)
    name = f"{SECRET}.png"
    sources = [
        folder(tmp_path / "large", {name: bytes(21)}),
        zipped(tmp_path / "large.zip", {name: bytes(21)}),
        zipped(tmp_path / "out.zip", {f"../{name}": b"A"}),
        zipped(tmp_path / "none.zip", {f"{SECRET}.txt": b"A"}),
        spoilt(zipped(tmp_path / "crc.zip", {name: b"CONTENT"}), corrupt),
        spoilt(zipped(tmp_path / "locked.zip", {name: b"CONTENT"}), encrypt),
        spoilt(zipped(tmp_path / "far.zip", {name: b"CONTENT"}), elsewhere),
        spoilt(zipped(tmp_path / "odd.zip", {name: b"CONTENT"}), unknown_method),
    ]
    for source in sources:
        with pytest.raises(InputError) as caught:
            people(source)
        assert SECRET not in str(caught.value)


def test_a_deflated_picture_reads_as_it_was(tmp_path):
    data = zlib.compress(bytes(1000)) * 50
    source = zipped(tmp_path / "p.zip", {"a.png": data}, zipfile.ZIP_DEFLATED)
    assert people(source) == [("a", (data,))]

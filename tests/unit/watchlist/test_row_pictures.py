"""The pictures of a manifest's rows: where they may lie, and what hostile ones cost."""

import json
import struct
import tracemalloc
import unicodedata
import zipfile

import pytest

from overt.core.errors import InputError
from overt.video import picture_files
from overt.watchlist import rows as module
from overt.watchlist.rows import ManifestRow, RowRefused, read_manifest

SECRET = "Zxqvortle"
PICTURES = {"ann/1.png": b"one", "ann/2.jpg": b"two", "bob.png": b"bob"}


def person(number, *images):
    return {
        "name": f"Ann {SECRET}",
        "images": images or ("bob.png",),
        "category": "wanted-on-warrant",
        "lawful_basis": "s.7 Bail Act 1976",
        "source_system": "Warrants",
        "source_reference": f"W/{number}",
        "reason_here": "seen at this market in May",
    }


PERSON = person(0, "ann/1.png", "ann/2.jpg")


def zipped(path, files, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return path


def folder(path, files):
    for name, data in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(data)
    return path


@pytest.fixture(params=["folder", "zip"])
def images(request, tmp_path):
    if request.param == "zip":
        return zipped(tmp_path / "pictures.zip", PICTURES)
    return folder(tmp_path / "pictures", PICTURES)


@pytest.fixture
def saved(tmp_path):
    def save(*people):
        path = tmp_path / "list.jsonl"
        path.write_text("".join(json.dumps(each) + "\n" for each in people), "utf-8")
        return path

    return save


def verdicts(path, images):
    reading = read_manifest(path, images)
    found = list(reading)
    assert len(found) == reading.n_rows
    assert SECRET not in repr(found)
    return found


def refused(path, images, row=1):
    found = verdicts(path, images)[row - 1]
    assert isinstance(found, RowRefused)
    assert SECRET not in f"{found.column}{found.reason}"
    return found


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        (f"{SECRET}.png", "is not in the folder or ZIP"),
        (f"../{SECRET}.png", "leads out"),
        (f"ann/../../{SECRET}.png", "leads out"),
        (f"/{SECRET}.png", "leads out"),
        (f"C:/{SECRET}.png", "leads out"),
        (f"C:{SECRET}.png", "leads out"),
        (f"..\\{SECRET}.png", "write / instead"),
        ("ann\\1.png", "write / instead"),
        (f"\\\\host\\{SECRET}.png", "write / instead"),
        (f"{SECRET}.txt", "does not end in"),
        ("ann", "does not end in"),
        (f"https://host/{SECRET}.png", "is not in the folder or ZIP"),
        ("x" * 300 + ".png", ""),
        ("x" * 5000 + ".png", "is not in the folder or ZIP"),
        ("a\x07.png", "is not in the folder or ZIP"),
    ],
)
def test_a_picture_that_is_not_there_or_elsewhere(saved, images, tmp_path, name, reason):
    folder(tmp_path, {f"{SECRET}.png": b"outside"})
    path = saved(person(1, "bob.png", name), person(2))
    found = refused(path, images)
    assert found.column == "images"
    assert found.reason.startswith("picture 2 ")
    assert reason in found.reason
    assert isinstance(verdicts(path, images)[1], ManifestRow)


def test_a_link_out_of_the_folder(saved, tmp_path):
    outside = folder(tmp_path / "outside", {"secret.png": b"S"})
    pictures = folder(tmp_path / "pictures", PICTURES)
    (pictures / "link.png").symlink_to(outside / "secret.png")
    (pictures / "linked").symlink_to(outside)
    path = saved(person(1, "link.png"), person(2, "linked/secret.png"), person(3))
    found = verdicts(path, pictures)
    assert [each.reason for each in found[:2]] == ["picture 1 lies behind a link or a file"] * 2
    assert isinstance(found[2], ManifestRow)


def test_a_spreadsheet_and_a_mac_may_spell_a_path_differently(saved, tmp_path):
    pictures = folder(tmp_path / "p", {unicodedata.normalize("NFD", "Ren\u00e9.png"): b"R"})
    (row,) = verdicts(saved(person(1, " Ren\u00e9.png ")), pictures)
    assert row.pictures == (b"R",)


def test_a_picture_too_large(saved, images, monkeypatch):
    monkeypatch.setattr(picture_files, "MAX_PICTURE_BYTES", 2)
    found = refused(saved(person(1)), images)
    assert found.reason == "picture 1 is larger than 32 MiB"


def test_pictures_too_large_together(saved, images, monkeypatch):
    monkeypatch.setattr(module, "MAX_ROW_BYTES", 5)
    path = saved(PERSON, person(2))
    assert "together larger" in refused(path, images).reason
    assert isinstance(verdicts(path, images)[1], ManifestRow)


def test_a_damaged_picture_in_a_zip_refuses_its_row_alone(saved, tmp_path):
    archive = zipped(tmp_path / "p.zip", PICTURES | {"ann/1.png": b"CONTENT"})
    data = bytearray(archive.read_bytes())
    data[data.index(b"CONTENT")] ^= 0xFF
    archive.write_bytes(data)
    path = saved(PERSON, person(2))
    assert refused(path, archive).reason == "picture 1 is damaged in the ZIP file"
    assert isinstance(verdicts(path, archive)[1], ManifestRow)


def test_a_bomb_in_a_zip_refuses_its_row_alone_and_costs_little(saved, tmp_path):
    """100 MiB of nothing, once declared as it is and once as ten bytes."""
    archive = tmp_path / "p.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as out:
        for name in ("a.png", "b.png"):
            out.writestr(name, bytes(100 * 2**20))
        out.writestr("bob.png", b"bob")
    data = bytearray(archive.read_bytes())
    struct.pack_into("<I", data, data.index(b"PK\x01\x02") + 24, 10)
    archive.write_bytes(data)
    assert len(data) < 2**20
    path = saved(person(1, "a.png"), person(2, "b.png"), person(3))
    tracemalloc.start()
    try:
        found = verdicts(path, archive)
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()
    assert [type(each) for each in found] == [RowRefused, RowRefused, ManifestRow]


def test_memory_holds_one_person_at_a_time(saved, tmp_path):
    archive = zipped(tmp_path / "p.zip", {f"{i}.png": bytes([i]) * 2**20 for i in range(40)})
    path = saved(*(person(i, f"{i}.png") for i in range(40)))
    tracemalloc.start()
    try:
        n_bytes = sum(len(each.pictures[0]) for each in read_manifest(path, archive))
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()
    assert n_bytes == 40 * 2**20
    assert sorted(each.name for each in tmp_path.iterdir()) == sorted([path.name, "p.zip"])


def encrypted(path):
    data = bytearray(zipped(path, PICTURES).read_bytes())
    for signature, offset in ((b"PK\x01\x02", 8), (b"PK\x03\x04", 6)):
        data[data.index(signature) + offset] |= 1
    path.write_bytes(data)


def cut(path):
    data = zipped(path, PICTURES).read_bytes()
    path.write_bytes(data[: len(data) // 2])


def leading_out(path):
    zipped(path, PICTURES | {f"../{SECRET}.png": b"-"})


def bzip2(path):
    zipped(path, PICTURES, zipfile.ZIP_BZIP2)


def endless(path):
    """One small member that the directory lists 2,000 times, each time as 16 MiB."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as out:
        out.writestr("0.png", bytes(16 * 2**20))
        first = out.infolist()[0]
        for number in range(1, 2000):
            again = zipfile.ZipInfo(f"{number}.png")
            for name in ("file_size", "compress_size", "CRC", "compress_type", "header_offset"):
                setattr(again, name, getattr(first, name))
            again.external_attr = 0
            out.filelist.append(again)
            out.NameToInfo[again.filename] = again


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (encrypted, "encrypted"),
        (cut, "folder or a ZIP"),
        (leading_out, "leads out"),
        (bzip2, "other than deflate"),
        (endless, "too large when unpacked"),
    ],
)
def test_a_zip_that_is_not_to_be_opened_refuses_the_import(saved, tmp_path, spoil, reason):
    archive = tmp_path / "pictures.zip"
    spoil(archive)
    with pytest.raises(InputError, match=reason) as caught:
        read_manifest(saved(PERSON), archive)
    assert str(caught.value).startswith("pictures.zip: ")
    assert SECRET not in str(caught.value)


def test_neither_folder_nor_zip(saved, tmp_path):
    with pytest.raises(InputError, match=r"^absent: .*folder or a ZIP"):
        read_manifest(saved(PERSON), tmp_path / "absent")

import zipfile

import cv2
import pytest

from overt.core.errors import InputError, UnavailableError
from overt.simulation import people as module
from overt.simulation.people import load_people, packaged_people


@pytest.fixture
def png(people) -> bytes:
    return cv2.imencode(".png", people[0].picture)[1].tobytes()


def zipped(path, members: dict[str, bytes]):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def test_a_folder_gives_its_pictures_in_order_and_counts_the_rest(tmp_path, png):
    for name in ("b.png", "a.png"):
        (tmp_path / name).write_bytes(png)
    (tmp_path / "LICENSE.txt").write_text("CC0")
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8 not a picture")
    loaded = load_people(tmp_path)
    assert [p.person for p in loaded.portraits] == ["a", "b"]
    assert loaded.portraits[0].picture.shape == (256, 256, 3)
    assert loaded.n_skipped == 2


def test_a_zip_gives_the_same_as_the_folder(tmp_path, png):
    archive = zipped(tmp_path / "p.zip", {"in/b.png": png, "a.png": png, "notes.txt": b"-"})
    loaded = load_people(archive)
    assert [p.person for p in loaded.portraits] == ["a", "b"]
    assert loaded.n_skipped == 1


@pytest.mark.parametrize("name", ["../x.png", "/x.png", "a/../../x.png", "..\\x.png", "C:\\x.png"])
def test_a_path_that_leads_out_of_the_zip_is_refused(tmp_path, png, name):
    with pytest.raises(InputError, match="leads out"):
        load_people(zipped(tmp_path / "p.zip", {name: png}))


def test_one_label_for_two_people_is_refused_without_repeating_it(tmp_path, png):
    with pytest.raises(InputError) as caught:
        load_people(zipped(tmp_path / "p.zip", {"x/jane.png": png, "y/jane.png": png}))
    assert "jane" not in str(caught.value)


def test_a_huge_file_is_skipped_and_a_huge_zip_refused(tmp_path, png, monkeypatch):
    archive = zipped(tmp_path / "p.zip", {"a.png": png, "b.png": png + bytes(5000)})
    monkeypatch.setattr(module, "MAX_PORTRAIT_BYTES", len(png) + 100)
    assert load_people(archive).n_skipped == 1
    monkeypatch.setattr(module, "MAX_ARCHIVE_BYTES", 100)
    with pytest.raises(InputError, match="too large"):
        load_people(archive)


def test_too_many_files_are_refused(tmp_path, png, monkeypatch):
    archive = zipped(tmp_path / "p.zip", {"a.png": png, "b.png": png})
    monkeypatch.setattr(module, "MAX_PORTRAITS", 1)
    with pytest.raises(InputError, match="more than 1"):
        load_people(archive)


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 not a zip"])
def test_what_is_neither_folder_nor_zip_is_refused(tmp_path, content):
    path = tmp_path / "p.zip"
    path.write_bytes(content)
    with pytest.raises(InputError, match="folder of pictures or a zip"):
        load_people(path)
    with pytest.raises(InputError):
        load_people(tmp_path / "absent")


def test_no_picture_at_all_is_refused(tmp_path):
    with pytest.raises(InputError, match="no picture"):
        load_people(zipped(tmp_path / "p.zip", {"notes.txt": b"-"}))


def test_the_packaged_portraits_are_found():
    assert [(p.person, p.picture.shape) for p in packaged_people()] == [
        ("grace-hopper", (600, 512, 3)),
        ("eileen-collins", (512, 512, 3)),
    ]


@pytest.mark.parametrize("package", ["no_such_package_anywhere", "json"])
def test_absent_portraits_say_what_to_install(monkeypatch, package):
    monkeypatch.setattr(module, "_PACKAGED", (("x", package, "absent.png"),))
    with pytest.raises(UnavailableError, match=r"overt\[demo\]"):
        packaged_people()

import zipfile

import cv2
import pytest

from overt.core.errors import InputError, UnavailableError
from overt.simulation import people as module
from overt.simulation.people import load_people, packaged_people

BROKEN = b"\xff\xd8 not a picture"


@pytest.fixture
def pngs(people) -> list[bytes]:
    return [cv2.imencode(".png", person.picture)[1].tobytes() for person in people]


def zipped(path, members: dict[str, bytes]):
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return path


def test_a_folder_gives_its_people_in_order_and_counts_those_it_could_not_use(tmp_path, pngs):
    for name in ("b.png", "a.png"):
        (tmp_path / name).write_bytes(pngs[0])
    (tmp_path / "LICENSE.txt").write_text("CC0")
    (tmp_path / "broken.jpg").write_bytes(BROKEN)
    loaded = load_people(tmp_path)
    assert [p.person for p in loaded.portraits] == ["a", "b"]
    assert loaded.portraits[0].picture.shape == (256, 256, 3)
    assert loaded.n_skipped == 1


def test_a_zip_gives_the_same_as_the_folder(tmp_path, pngs):
    members = {"b.png": pngs[0], "a.png": pngs[0], "notes.txt": b"-", "c.jpg": BROKEN}
    loaded = load_people(zipped(tmp_path / "p.zip", members))
    assert [p.person for p in loaded.portraits] == ["a", "b"]
    assert loaded.n_skipped == 1


def test_of_several_pictures_of_one_person_the_first_that_is_usable(tmp_path, pngs, people):
    members = {"a/1.png": BROKEN, "a/2.png": pngs[1], "a/3.png": pngs[2], "b/1.png": BROKEN}
    loaded = load_people(zipped(tmp_path / "p.zip", members))
    (portrait,) = loaded.portraits
    assert portrait.person == "a"
    assert (portrait.picture == people[1].picture).all()
    assert loaded.n_skipped == 1


def test_what_the_reader_of_picture_sets_refuses_is_refused(tmp_path, pngs):
    with pytest.raises(InputError, match="leads out"):
        load_people(zipped(tmp_path / "p.zip", {"../x.png": pngs[0]}))
    with pytest.raises(InputError, match="folder or a ZIP"):
        load_people(tmp_path / "absent")


def test_no_usable_picture_at_all_is_refused_without_a_name(tmp_path):
    with pytest.raises(InputError, match="No usable picture") as caught:
        load_people(zipped(tmp_path / "p.zip", {"jane.png": BROKEN}))
    assert "jane" not in str(caught.value)


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

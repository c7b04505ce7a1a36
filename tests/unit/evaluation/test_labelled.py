"""Labelled pictures from folders and ZIPs, and who is left out."""

import contextlib
import zipfile

import pytest
from hypothesis import given
from hypothesis import strategies as st

from overt.core.errors import InputError
from overt.evaluation.exclusions import parse_exclusions, read_exclusions
from overt.evaluation.labelled import digests, read_labelled


@pytest.fixture
def folder(tmp_path):
    """Two people with folders, one with a single picture, and labels."""
    place = tmp_path / "data"
    for name, data in (("b/2.jpg", b"4"), ("a/1.jpg", b"1"), ("a/10.jpg", b"3"), ("c.png", b"5")):
        (place / name).parent.mkdir(parents=True, exist_ok=True)
        (place / name).write_bytes(data)
    (place / "labels.csv").write_text("file,age,person\na/1.jpg,20-29,a\nc.png,30-39,b\n", "utf-8")
    return place


def zipped(folder, path, prefix=""):
    with zipfile.ZipFile(path, "w") as archive:
        for each in sorted(folder.rglob("*.*")):
            archive.write(each, prefix + each.relative_to(folder).as_posix())
    return path


def test_people_come_from_folders_or_files_and_labels_say_more(folder):
    found = read_labelled(folder)
    assert [(p.name, p.person) for p in found.pictures] == [
        ("a/1.jpg", "a"),
        ("a/10.jpg", "a"),
        ("b/2.jpg", "b"),
        ("c.png", "b"),
    ]
    assert found.people == ("a", "b")
    assert found.columns == ("age",)
    assert found.pictures[0].labels == {"age": "20-29"}
    assert found.pictures[1].labels == {}


def test_a_folder_and_its_zip_have_one_digest(folder, tmp_path):
    expected = digests(read_labelled(folder))
    assert digests(read_labelled(zipped(folder, tmp_path / "a.zip"))) == expected


@pytest.mark.parametrize("what", ["picture", "label", "person"])
def test_any_change_changes_the_digest(folder, what):
    before = digests(read_labelled(folder))
    if what == "picture":
        (folder / "a" / "1.jpg").write_bytes(b"2")
    else:
        text = "file,age,person\na/1.jpg,20-29,a\nc.png,30-39,b\n"
        old, new = ("20-29", "20-30") if what == "label" else (",b\n", ",c\n")
        (folder / "labels.csv").write_text(text.replace(old, new), "utf-8")
    after = digests(read_labelled(folder))
    assert after.data_sha256 != before.data_sha256
    assert (after.pictures_sha256 != before.pictures_sha256) == (what == "picture")


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        (b"name,age\n", "column called file"),
        (b"file,age,age\n", "no column twice"),
        (b"file,age\na,1\na,2\n", "a picture twice"),
        (b"file,age\na,1,2\n", "more cells"),
        (b"file,\na,1\n", "without a name"),
        (b"file,age\n\xff,1\n", "UTF-8"),
        (b'file,age\n"a,1\n', "comma-separated"),
    ],
)
def test_labels_that_cannot_be_read_are_refused(folder, labels, said):
    (folder / "labels.csv").write_bytes(labels)
    with pytest.raises(InputError, match=said):
        read_labelled(folder)


@given(st.binary(max_size=200))
def test_any_bytes_as_labels_are_labels_or_refused(tmp_path_factory, data):
    place = tmp_path_factory.mktemp("any")
    (place / "a.jpg").write_bytes(b"1")
    (place / "labels.csv").write_bytes(data)
    with contextlib.suppress(InputError):
        assert len(read_labelled(place).pictures) == 1


def test_what_is_no_source_is_refused(tmp_path):
    with pytest.raises(InputError):
        read_labelled(tmp_path / "absent")


def test_a_list_of_names_leaves_people_and_pictures_out(folder, tmp_path):
    path = tmp_path / "out.txt"
    path.write_text("# seen on Monday\na\n\nc.png\nnobody\n", "utf-8")
    found = read_exclusions(path, [read_labelled(folder)])
    assert found.people == {"a"}
    assert found.pictures == {"c.png"}
    assert found.n_lines_unused == 1
    assert len(found.sha256) == 64


def test_the_table_of_the_report_leaves_both_people_out_and_knows_kin(folder, tmp_path):
    path = tmp_path / "out.csv"
    path.write_text("# similarity,relation\n0.7,kin,a,b,a/1.jpg,c.png\n", "utf-8")
    found = read_exclusions(path, [read_labelled(folder)])
    assert found.people == {"a", "b"}
    assert found.pictures == frozenset()
    assert found.kin == (("a", "b"),)


@given(st.lists(st.lists(st.sampled_from(["a", "b", "kin", "x", "", "#", "0.7"]), max_size=5)))
def test_any_lines_are_exclusions(lines):
    found = parse_exclusions(lines, [], "0" * 64)
    assert found.people == frozenset()


def test_an_exclusions_file_that_cannot_be_read_is_refused(tmp_path):
    (tmp_path / "x").write_bytes(b"\xff\xfe")
    for name in ("x", "absent"):
        with pytest.raises(InputError, match="exclusions file cannot be read"):
            read_exclusions(tmp_path / name, [])

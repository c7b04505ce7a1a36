import csv
import io
import zipfile

import pytest

from overt.core.errors import InputError
from overt.watchlist.row_form import write_template
from overt.watchlist.row_sources import COLUMNS
from overt.watchlist.rows import ManifestRow, RowRefused, read_manifest

SECRET = "Zxqvortle"


def zipped(path, names):
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, name)
    return path


def written(images):
    out = io.StringIO(newline="")
    n_rows = write_template(images, out)
    content = out.getvalue()
    rows = list(csv.DictReader(io.StringIO(content, newline="")))
    assert len(rows) == n_rows
    return content, rows


def filled(content):
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    for number, row in enumerate(csv.DictReader(io.StringIO(content, newline=""))):
        said = dict.fromkeys(["category", "lawful_basis", "source_system", "reason_here"], "x")
        writer.writerow(row | said | {"name": "N", "source_reference": str(number)})
    return out.getvalue()


def test_one_row_a_person_with_nothing_but_pictures(tmp_path):
    images = zipped(tmp_path / "p.zip", ["ann/1.png", "ann/10.png", "ann/2.png", "Doe, Jane.jpg"])
    content, rows = written(images)
    assert content.startswith(",".join(COLUMNS) + "\r\n")
    assert [each["images"] for each in rows] == [
        "Doe, Jane.jpg",
        "ann/1.png|ann/2.png|ann/10.png",
    ]
    assert not any(value for row in rows for name, value in row.items() if name != "images")


def test_unfilled_it_lists_nobody(tmp_path):
    images = zipped(tmp_path / "p.zip", ["a.png", "b.png"])
    path = tmp_path / "list.csv"
    path.write_text(written(images)[0], "utf-8-sig", newline="")
    assert {type(each) for each in read_manifest(path, images)} == {RowRefused}


@pytest.mark.parametrize("sign", [*"=+-@ '", "\uff1d", "=cmd"])
def test_filled_in_it_names_the_same_pictures_and_holds_no_formula(tmp_path, sign):
    names = [f"{sign}1.png", f"{sign}ann/{sign}1.png", f"{sign}ann/b - {sign}2.png", "z.png"]
    images = zipped(tmp_path / "p.zip", names)
    content, rows = written(images)
    assert all(row["images"][0].isalnum() or row["images"].startswith("./") for row in rows)
    path = tmp_path / "list.csv"
    path.write_text(filled(content), "utf-8-sig", newline="")
    found = list(read_manifest(path, images))
    assert {type(each) for each in found} == {ManifestRow}
    assert sorted(p.decode() for each in found for p in each.pictures) == sorted(names)


@pytest.mark.parametrize(
    "name", ["a|b", "a\tb", "a\nb", "a;=1+1", 'a,"=1', "a, +b", "a\x07", "x" * 1000, "a\u202eb"]
)
def test_a_name_that_no_manifest_can_hold(tmp_path, name):
    images = zipped(tmp_path / "p.zip", ["a.png", f"b/{SECRET}{name}.png"])
    with pytest.raises(InputError, match="person 2") as caught:
        written(images)
    assert SECRET not in str(caught.value)


def test_no_picture(tmp_path):
    with pytest.raises(InputError, match="no picture"):
        written(tmp_path)

import csv
import io
import json
import zipfile
from datetime import UTC, date, datetime

import pytest

from overt.core.errors import InputError
from overt.watchlist import rows as module
from overt.watchlist.row_sources import COLUMNS, LIST_COLUMNS
from overt.watchlist.rows import ManifestRow, RowRefused, read_manifest

SECRET = "Zxqvortle"
PERSON = {
    "name": f"Ann {SECRET}",
    "images": ["ann/1.png", "ann/2.jpg"],
    "category": "wanted-on-warrant",
    "lawful_basis": "s.7 Bail Act 1976",
    "source_system": "Warrants",
    "source_reference": "W/1",
    "reason_here": "seen at this market in May",
    "requester": "wm-east-1",
    "image_source": "custody",
    "image_date": "2026-01-02",
    "held_until": "2031-01-02",
    "risk_markers": ["carries a knife", "may run"],
    "officer_warnings": ["two officers"],
    "instructions": "arrest",
    "date_of_birth": "1990-02-28",
    "sensitivities": ["associate"],
    "response_plan": "none",
    "expires": "2026-06-30T18:00:00+02:00",
    "kin_group": "k-1",
}
LEAST = {
    name: PERSON[name]
    for name in ("name", "images", "category", "lawful_basis", "source_system", "reason_here")
}
PICTURES = {"ann/1.png": b"one", "ann/2.jpg": b"two", "bob.png": b"bob"}


def person(number, **changed):
    return LEAST | {"source_reference": f"W/{number}", "images": ["bob.png"]} | changed


def as_csv(people):
    out = io.StringIO()
    writer = csv.DictWriter(out, COLUMNS)
    writer.writeheader()
    for each in people:
        cells = {k: "|".join(v) if k in LIST_COLUMNS else v or "" for k, v in each.items()}
        writer.writerow(cells)
    return out.getvalue()


def as_json_lines(people):
    return "".join(json.dumps(each) + "\n" for each in people)


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


@pytest.fixture(params=["csv", "jsonl"])
def saved(request, tmp_path):
    """Save the same people as CSV or JSON Lines."""

    def save(*people):
        path = tmp_path / f"list.{request.param}"
        written = as_csv(people) if request.param == "csv" else as_json_lines(people)
        path.write_text(written, "utf-8", newline="")
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


def test_a_full_row(saved, images):
    (row,) = verdicts(saved(PERSON), images)
    assert isinstance(row, ManifestRow)
    assert (row.row, row.label, row.pictures) == (1, f"Ann {SECRET}", (b"one", b"two"))
    assert row.grounds.to_json() == {
        name: PERSON[name]
        for name in PERSON
        if name not in {"name", "images", "expires", "kin_group"}
    }
    assert row.grounds.date_of_birth == date(1990, 2, 28)
    assert row.expires_utc == datetime(2026, 6, 30, 16, tzinfo=UTC)
    assert row.kin_group == "k-1"


def test_the_least_row(saved, images):
    (row,) = verdicts(saved(person(1)), images)
    assert row.expires_utc is row.kin_group is row.grounds.image_date is None
    assert row.grounds.risk_markers == ()


def test_csv_and_json_lines_say_the_same(tmp_path, images):
    (tmp_path / "a.csv").write_text(as_csv([PERSON, person(2)]), "utf-16", newline="")
    (tmp_path / "a.jsonl").write_text(as_json_lines([PERSON, person(2)]), "utf-8-sig")
    told = [
        [each.sha256 for each in verdicts(tmp_path / name, images)] for name in ("a.csv", "a.jsonl")
    ]
    assert told[0] == told[1]


def test_pictures_beside_the_manifest(saved):
    path = saved(person(1))
    folder(path.parent, {"bob.png": b"bob"})
    (row,) = verdicts(path, None)
    assert row.pictures == (b"bob",)


def test_a_row_is_named_by_all_that_it_says(saved, images):
    (first,) = verdicts(saved(PERSON), images)
    (again,) = verdicts(saved(PERSON), images)
    assert first.sha256 == again.sha256
    assert len(first.sha256) == 64
    changes = {
        **dict.fromkeys(COLUMNS, "other"),
        **{name: ["other"] for name in LIST_COLUMNS},
        **dict.fromkeys(["image_date", "held_until", "date_of_birth", "expires"], "2026-02-02"),
        "images": ["ann/2.jpg", "ann/1.png"],
    }
    digests = {first.sha256}
    for name, value in changes.items():
        (row,) = verdicts(saved(PERSON | {name: value}), images)
        digests.add(row.sha256)
    assert len(digests) == 1 + len(COLUMNS)


def test_a_rows_name_does_not_depend_on_its_place_or_on_what_the_picture_is_called(
    saved, tmp_path, images
):
    (first,) = verdicts(saved(person(1)), images)
    (tmp_path / "more").mkdir()
    zipped(tmp_path / "more.zip", {"x.png": b"bob", "y.png": b"y"})
    found = verdicts(
        saved(person(2, images=["y.png"]), person(1, images=["x.png"])), tmp_path / "more.zip"
    )
    assert found[1].sha256 == first.sha256
    assert found[1].row == 2


def test_a_changed_picture_is_another_row(saved, tmp_path):
    told = set()
    for content in (b"a", b"b"):
        pictures = folder(tmp_path / "p", {"bob.png": content})
        told |= {each.sha256 for each in verdicts(saved(person(1)), pictures)}
    assert len(told) == 2


@pytest.mark.parametrize("name", ["image_date", "held_until", "date_of_birth"])
@pytest.mark.parametrize("text", ["02/01/2026", "2026-02-30", "soon", "2026-01-02T00:00:00Z"])
def test_a_bad_date_refuses_its_row_alone(saved, images, name, text):
    path = saved(person(1), person(2, **{name: text}), person(3))
    found = refused(path, images, row=2)
    assert found.column == name
    assert [type(each) for each in verdicts(path, images)] == [ManifestRow, RowRefused, ManifestRow]


@pytest.mark.parametrize("name", ["name", *list(LEAST)[2:], "source_reference"])
@pytest.mark.parametrize("blank", ["", "  ", "-", None])
def test_a_blank_field_that_an_entry_never_goes_without(saved, images, name, blank):
    found = refused(saved(person(1, **{name: blank})), images)
    assert (found.column, found.reason) == (name, "must not be blank")


def test_no_picture_named(saved, images):
    found = refused(saved(person(1, images=[])), images)
    assert (found.column, found.reason) == ("images", "must name at least one picture")


def test_a_refusal_carries_the_name_for_the_report_only(saved, images):
    found = refused(saved(person(1, category="")), images)
    assert found.label == f"Ann {SECRET}"
    assert repr(found).startswith("RowRefused(row=1, line=")
    assert refused(saved(person(1, name="\x07" + SECRET)), images).label == ""


def test_texts_are_tidied(saved, images):
    (row,) = verdicts(
        saved(person(1, name=" Rene\u0301 \r\n Roe ", risk_markers=[" a ", "b\tc"])), images
    )
    assert row.label == "Ren\u00e9 Roe"
    assert row.grounds.risk_markers == ("a", "b c")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("name", SECRET * 30),
        ("name", f"{SECRET}\u202egpj"),
        ("reason_here", SECRET * 200),
        ("instructions", "a\u0301\u0327" * 30_000),
        ("category", SECRET),
        ("kin_group", SECRET),
        ("kin_group", "k 1"),
        ("sensitivities", [SECRET]),
        ("risk_markers", ["a", ""]),
        ("risk_markers", ["a"] * 21),
        ("images", ["bob.png"] * 21),
        ("images", ["bob.png", ""]),
        ("expires", "2026-06-30 18:00"),
        ("expires", "2026-06-30T18:00:00"),
        ("expires", "2026-06-30T25:00:00Z"),
        ("expires", "2026-06-31"),
        ("expires", "0001-01-01T00:00:00+23:00"),
        ("expires", "9999-12-31"),
        ("expires", "2026-06-30T18:00:00.1234Z"),
        ("expires", "2026-W01-1T18:00:00Z"),
    ],
)
def test_what_is_not_of_its_form(saved, images, name, value):
    assert refused(saved(person(1, **{name: value})), images).column == name


def test_expiry_by_day_is_the_end_of_that_day(saved, images):
    (row,) = verdicts(saved(person(1, expires="2026-06-30")), images)
    assert row.expires_utc == datetime(2026, 7, 1, tzinfo=UTC)


@pytest.mark.parametrize("name", COLUMNS)
@pytest.mark.parametrize("value", [True, {"a": "b"}, [["a"]], ["a", None]])
def test_json_of_another_type(tmp_path, images, name, value):
    path = tmp_path / "list.jsonl"
    path.write_text(as_json_lines([person(1, **{name: value}), person(2)]), "utf-8")
    found = refused(path, images)
    assert found.column == name
    assert isinstance(verdicts(path, images)[1], ManifestRow)


def test_a_person_of_the_source_system_stands_once(saved, images):
    path = saved(
        person(1), person(2), person(1, name="B"), person(1, source_system="Other"), person(1)
    )
    found = verdicts(path, images)
    refusals = [each for each in found if isinstance(each, RowRefused)]
    assert [each.row for each in refusals] == [3, 5]
    assert {each.column for each in refusals} == {"source_reference"}
    assert {each.reason for each in refusals} == {"stands in row 1 already"}


def test_two_people_may_share_their_pictures(saved, images):
    assert all(isinstance(each, ManifestRow) for each in verdicts(saved(PERSON, person(2)), images))


def test_no_row(saved, images):
    with pytest.raises(InputError, match=r"no row|first row must name"):
        read_manifest(saved(), images)


def test_too_many_rows(saved, images, monkeypatch):
    monkeypatch.setattr(module, "MAX_ROWS", 2)
    assert read_manifest(saved(person(1), person(2)), images).n_rows == 2
    with pytest.raises(InputError, match="more than 2 rows"):
        read_manifest(saved(person(1), person(2), person(3)), images)


def test_reading_again_reads_anew(saved, images):
    reading = read_manifest(saved(PERSON, PERSON), images)
    assert [type(each) for each in reading] == [type(each) for each in reading]


def test_a_manifest_that_grows_meanwhile_is_noticed(saved, images):
    reading = read_manifest(saved(person(1)), images)
    saved(person(1), person(2))
    with pytest.raises(InputError, match="changed while it was read"):
        list(reading)


def test_the_line_is_that_of_the_editor(tmp_path, images):
    path = tmp_path / "list.csv"
    content = as_csv([person(1, instructions="one\ntwo\nthree"), person(2), person(3, category="")])
    path.write_text(content, "utf-8", newline="")
    found = verdicts(path, images)
    assert [each.line for each in found] == [2, 5, 6]
    assert content.splitlines()[found[2].line - 1].split(",")[5] == "W/3"

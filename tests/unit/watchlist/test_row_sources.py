import csv
import json

import pytest

from overt.core.errors import InputError
from overt.watchlist import row_text
from overt.watchlist.grounds import FieldError
from overt.watchlist.row_sources import (
    COLUMNS,
    REQUIRED_COLUMNS,
    read_csv,
    read_json_lines,
    source_of,
)
from overt.watchlist.row_text import check_manifest_text

SECRET = "Zxqvortle"
HEADER = ",".join(REQUIRED_COLUMNS)
ROW = "N,a.png,c,l,s,r,h"


@pytest.fixture
def saved(tmp_path):
    def save(content, name="list.csv"):
        path = tmp_path / name
        path.write_text(content, "utf-8", newline="")
        return check_manifest_text(path)

    return save


def refusal(text):
    with pytest.raises(InputError) as caught:
        list(source_of(text)(text))
    assert SECRET not in str(caught.value)
    assert str(caught.value).startswith(text.path.name)
    return str(caught.value)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
def test_delimiters_and_line_ends(saved, delimiter, end):
    text = saved(end.join([HEADER, ROW, ROW, ""]).replace(",", delimiter))
    rows = list(read_csv(text))
    assert [(each.row, each.line) for each in rows] == [(1, 2), (2, 3)]
    assert rows[0].members == {
        "name": "N", "images": ["a.png"], "category": "c", "lawful_basis": "l",
        "source_system": "s", "source_reference": "r", "reason_here": "h",
    }  # fmt: skip


def test_quotation_marks_commas_and_line_ends_in_cells(saved):
    text = saved(f'{HEADER}\n"N ""x"", y",a.png,c,l,s,r,"two\r\nlines"\n{ROW}\n')
    first, second = read_csv(text)
    assert first.members["name"] == 'N "x", y'
    assert first.members["reason_here"] == "two\r\nlines"
    assert (second.row, second.line) == (2, 4)


def test_a_comma_in_a_cell_does_not_mislead_about_the_delimiter(saved):
    rows = list(read_csv(saved(f"{HEADER}\n{ROW}".replace(",", ";").replace("N", "N, M, O"))))
    assert rows[0].members["name"] == "N, M, O"


def test_blank_lines_count_as_lines_but_not_as_rows(saved):
    text = saved(f"\n{HEADER}\n\n{ROW}\n,,,,,,\n{ROW}\n\n")
    assert [(each.row, each.line) for each in read_csv(text)] == [(1, 4), (2, 6)]
    text = saved('\n{"name":"a"}\n \n{}\n', "list.jsonl")
    assert [(each.row, each.line) for each in read_json_lines(text)] == [(1, 2), (2, 4)]


def test_columns_in_any_order(saved):
    header = [f" {name} " for name in reversed(COLUMNS)]
    rows = list(read_csv(saved(",".join(header) + "\n" + ",".join("abcdefghijklmnopqrs"))))
    assert rows[0].members["kin_group"] == "a"
    assert rows[0].members["sensitivities"] == ["d"]
    assert rows[0].members["name"] == "s"


def test_several_values_in_one_cell(saved):
    rows = list(read_csv(saved(f"{HEADER}\n{ROW}\n".replace("a.png", "a.png | b.png||"))))
    assert rows[0].members["images"] == ["a.png ", " b.png", "", ""]


@pytest.mark.parametrize("cells", ["N", f"{ROW},x", f"{ROW},"])
def test_a_row_of_another_width_leaves_the_rest(saved, cells):
    rows = list(read_csv(saved(f"{HEADER}\n{cells}\n{ROW}\n")))
    assert "the header has 7" in str(rows[0].members)
    assert rows[1].members["name"] == "N"


@pytest.mark.parametrize(
    ("name", "meant"),
    [("catgory", "category"), ("Date of birth", "date_of_birth"), ("Source_Reference",
      "source_reference"), ("image", "images")],
)  # fmt: skip
def test_an_unknown_column_says_which_may_be_meant(saved, name, meant):
    said = refusal(saved(f"{HEADER},{name}\n{ROW},x\n"))
    assert "line 1: column 8 is not one of a manifest" in said
    assert f"is {meant} meant" in said


def test_an_unknown_column_like_no_other_is_not_repeated(saved):
    said = refusal(saved(f"{HEADER},{SECRET}\n{ROW},x\n"))
    assert said == "list.csv, line 1: column 8 is not one of a manifest."


def test_a_column_without_a_name(saved):
    assert "column 8 is not" in refusal(saved(f"{HEADER},\n{ROW},\n"))


def test_a_column_twice(saved):
    assert "column 8, name, stands there twice" in refusal(saved(f"{HEADER},name\n{ROW},x\n"))


@pytest.mark.parametrize("name", REQUIRED_COLUMNS)
def test_a_missing_column(saved, name):
    header = ",".join(each for each in REQUIRED_COLUMNS if each != name)
    assert f"the column {name} is missing" in refusal(saved(f"{header}\n{ROW}\n"))


@pytest.mark.parametrize(
    "content", ["", "\n\n", f"{SECRET},{SECRET}.png,x\n", "sep=;\nname;images"]
)
def test_a_file_without_a_header(saved, content):
    assert "first row must name the columns" in refusal(saved(content))


@pytest.mark.parametrize(
    ("cells", "where"),
    [
        (f'"{SECRET},a.png,c,l,s,r,h\n{ROW}\n', "line 3"),
        (f'"{SECRET}"x,a.png,c,l,s,r,h\n', "line 3"),
        (f'{SECRET},"a\n\n"b,c,l,s,r,h\n', "line 3: .* seen on line 5"),
    ],
)
def test_a_broken_quotation_mark_refuses_the_file(saved, cells, where):
    """From there on it is not certain which text belongs to whom."""
    text = saved(f"{HEADER}\n{ROW}\n{cells}{ROW}\n")
    with pytest.raises(InputError, match=where) as caught:
        list(read_csv(text))
    assert SECRET not in str(caught.value)


def test_a_cell_longer_than_any_text_refuses_the_file(saved):
    assert csv.field_size_limit() == 131_072
    assert "131,072" in refusal(saved(f"{HEADER}\n{'x' * 131_073},a.png,c,l,s,r,h\n"))


def test_a_row_that_goes_on_for_ever(saved, monkeypatch):
    """Each line ends one cell and opens the next, so that no cell is long and no row ends."""
    monkeypatch.setattr(row_text, "MAX_RECORD_CHARS", 10_000)
    assert "more than" in refusal(saved(HEADER + '\n"' + '\n","' * 20_000))


def test_a_line_of_json(saved):
    rows = list(
        read_json_lines(saved('{"name": "N", "images": ["a"], "expires": null}', "l.jsonl"))
    )
    assert rows[0].members == {"name": "N", "images": ["a"], "expires": None}


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("{", "not JSON from character"),
        ("nonsense", "not JSON from character 1"),
        ('{"name": "a"} {}', "not JSON from character 15"),
        ("[]", "not a JSON object"),
        ('"x"', "not a JSON object"),
        ("null", "not a JSON object"),
        (f'{{"{SECRET}": ""}}', "has a member that is not one of a manifest"),
        ('{"Category": ""}', "is category meant"),
        ('{"name": 1}', "holds a number"),
        ('{"name": 1.5e3}', "holds a number"),
        ('{"name": NaN}', "holds a number"),
        ('{"name": -Infinity}', "holds a number"),
        (f'{{"name": {"9" * 5000}}}', "holds a number"),
        (f'{{"{SECRET}": "", "{SECRET}": ""}}', "stands there twice"),
        ("[" * 100_000, "nested too deep"),
    ],
)
def test_a_bad_line_of_json_leaves_the_rest(saved, line, reason):
    rows = list(read_json_lines(saved(f'{line}\n{{"name": "N"}}\n', "list.jsonl")))
    assert isinstance(rows[0].members, InputError)
    assert reason in str(rows[0].members)
    assert SECRET not in str(rows[0].members)
    assert (rows[1].row, rows[1].line, rows[1].members) == (2, 2, {"name": "N"})


def test_a_member_twice_is_named(saved):
    (row,) = read_json_lines(saved('{"name": "a", "name": "b"}', "list.jsonl"))
    assert isinstance(row.members, FieldError)
    assert row.members.field == "name"


@pytest.mark.parametrize("n_chars", [20, 21, 40, 41, 60])
def test_a_line_too_long_is_passed_over(saved, monkeypatch, n_chars):
    monkeypatch.setattr("overt.watchlist.row_sources.MAX_RECORD_CHARS", 20)
    line = json.dumps({"name": "x" * n_chars})
    rows = list(read_json_lines(saved(f'{line}\n{{"name": "N"}}\n{line}', "list.ndjson")))
    assert [each.line for each in rows] == [1, 2, 3]
    assert "more than 20 characters" in str(rows[0].members)
    assert rows[1].members == {"name": "N"}


@pytest.mark.parametrize("name", ["list.json", "list.xlsx", "list", "list.csv.gz"])
def test_a_file_of_another_kind(saved, name):
    assert "must end in" in refusal(saved("{}", name))


@pytest.mark.parametrize("name", ["list.CSV", "list.tsv"])
def test_endings_of_csv(saved, name):
    assert source_of(saved("", name)) is read_csv


def test_a_row_shows_nothing_of_itself(saved):
    (row,) = read_csv(saved(f"{HEADER}\n{ROW}\n".replace("N", SECRET)))
    assert repr(row) == "RawRow(row=1, line=2)"

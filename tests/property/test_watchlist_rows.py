"""Whatever bytes are sent as a manifest or its ZIP: rows, or an InputError without a name in it."""

import csv
import io
import json
import tempfile
import zipfile
from dataclasses import fields
from pathlib import Path

from hypothesis import example, given, settings
from hypothesis import strategies as st

from overt.core.errors import InputError
from overt.ledger.canonical import canonical_bytes, parse_canonical_object
from overt.video.picture_files import PICTURE_SUFFIXES
from overt.watchlist.grounds import Grounds, tidy
from overt.watchlist.row_form import write_template
from overt.watchlist.row_sources import COLUMNS, LIST_COLUMNS
from overt.watchlist.rows import ManifestRow, RowRefused, read_manifest

SECRET = "Zxqvortle"
NEEDLES = {SECRET, SECRET.lower()}

words = st.from_regex(r"[a-z0-9-]{1,64}", fullmatch=True)
anything = st.text(max_size=40)


def tidied(max_size=60):
    unseen = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff\ufffd"
    shown = st.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"], exclude_characters=unseen)
    return st.text(shown, max_size=max_size).map(tidy)


said = tidied().filter(lambda text: any(each.isalnum() for each in text))
grounds = st.builds(
    Grounds,
    category=words.filter(lambda word: word.strip("-")),
    lawful_basis=said,
    source_system=said,
    source_reference=said,
    reason_here=said,
    requester=tidied(),
    image_source=st.just("") | words,
    image_date=st.none() | st.dates(),
    held_until=st.none() | st.dates(),
    risk_markers=st.lists(said, max_size=20).map(tuple),
    officer_warnings=st.lists(said, max_size=20).map(tuple),
    instructions=tidied(200),
    date_of_birth=st.none() | st.dates(),
    sensitivities=st.lists(words, max_size=20).map(tuple),
    response_plan=tidied(200),
)


@given(grounds)
def test_grounds_come_back_from_json(value):
    told = value.to_json()
    assert Grounds.from_json(told) == value
    assert Grounds.from_json(parse_canonical_object(canonical_bytes(told))) == value
    assert repr(value) == "Grounds()"


values = st.recursive(
    st.none() | st.booleans() | st.integers() | anything,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(anything, inner, max_size=3),
    max_leaves=8,
)


@given(
    grounds,
    st.dictionaries(st.sampled_from([each.name for each in fields(Grounds)]) | anything, values),
)
def test_any_json_is_grounds_or_an_input_error(value, changed):
    told = value.to_json() | changed
    try:
        read = Grounds.from_json(told)
    except InputError:
        return
    assert Grounds.from_json(read.to_json()) == read


@given(st.text())
def test_tidying_twice_is_tidying_once(text):
    assert tidy(tidy(text)) == tidy(text)


def person(number):
    return {
        "name": f'Ann {SECRET}, called "A"\nof R\u00e9',
        "images": [f"{SECRET}/1.png", "b.jpg"],
        "category": "wanted-on-warrant",
        "lawful_basis": f"{SECRET}'s warrant",
        "source_system": "Warrants",
        "source_reference": f"W/{SECRET}/{number}",
        "reason_here": f"{SECRET} was seen here",
        "image_date": "2026-01-02",
        "risk_markers": [SECRET, "b"],
        "expires": "2026-06-30T18:00:00Z",
        "kin_group": "k-1",
    }


PEOPLE = [person(number) for number in range(3)]


def as_csv(people, delimiter=","):
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS, delimiter=delimiter)
    writer.writeheader()
    for each in people:
        writer.writerow({k: "|".join(v) if k in LIST_COLUMNS else v for k, v in each.items()})
    return out.getvalue()


def as_zip(files):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return out.getvalue()


ARCHIVE = as_zip({f"{SECRET}/1.png": b"one" * 30, "b.jpg": b"two"})
JSON_LINES = "".join(json.dumps(each, ensure_ascii=False) + "\n" for each in PEOPLE)
SEEDS = [
    ("csv", as_csv(PEOPLE).encode()),
    ("csv", as_csv(PEOPLE, ";").encode("utf-8-sig")),
    ("tsv", as_csv(PEOPLE, "\t").encode("utf-16")),
    ("jsonl", JSON_LINES.encode()),
    ("ndjson", JSON_LINES.encode("utf-16")),
]


def outcome(ending, manifest, archive=ARCHIVE):
    """Read it all: nothing but an InputError may be raised, and nothing may tell who is listed."""
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch, f"list.{ending}")
        path.write_bytes(manifest)
        images = Path(scratch, "pictures.zip")
        images.write_bytes(archive)
        try:
            reading = read_manifest(path, images)
            found = list(reading)
        except InputError as error:
            told = str(error)
            assert told.startswith(("list.", "pictures.zip"))
            found = None
        else:
            assert len(found) == reading.n_rows
            assert [each.row for each in found] == list(range(1, len(found) + 1))
            told = repr(found)
            assert all(each.reason for each in found if isinstance(each, RowRefused))
    assert not any(needle in told.lower() for needle in NEEDLES)
    return found


@given(st.sampled_from(SEEDS))
def test_the_seeds_are_good(seed):
    assert [type(each) for each in outcome(*seed)] == [ManifestRow] * 3


@settings(deadline=None)
@given(
    st.sampled_from(["csv", "tsv", "jsonl", "ndjson", "json", "\u00e9"]), st.binary(max_size=300)
)
def test_any_bytes(ending, data):
    outcome(ending, data)


@settings(deadline=None)
@given(st.text(max_size=200), st.sampled_from([",", ";", "\t"]))
def test_any_text_below_a_header(text, delimiter):
    outcome("csv", (delimiter.join(COLUMNS) + "\n" + text).encode("utf-8", "replace"))


@settings(max_examples=60, deadline=None)
@given(st.lists(st.dictionaries(st.sampled_from(COLUMNS) | anything, values), max_size=4))
def test_any_json_objects(objects):
    lines = "".join(json.dumps(each) + "\n" for each in objects)
    outcome("jsonl", lines.encode())


places = st.floats(0, 1, exclude_max=True)
snippets = st.sampled_from(
    [b'"', b'""', b",", b";", b"\t", b"\n", b"\r", b"|", b"\\", b"\0", b"\xff", b"\xef\xbb\xbf",
     b"\xff\xfe", b"\xc3", b"{", b"}", b"[", b"]", b"null", b"1", b"../", b"=", b"\\ud800",
     b"\xed\xa0\x80", b"\xe2\x80\xae"]
)  # fmt: skip
changes = st.lists(
    st.tuples(st.sampled_from(["insert", "overwrite", "delete", "repeat"]), places, snippets),
    min_size=1,
    max_size=6,
)


def changed(data, steps):
    for kind, place, snippet in steps:
        at = int(place * len(data))
        match kind:
            case "insert":
                data = data[:at] + snippet + data[at:]
            case "overwrite":
                data = data[:at] + snippet + data[at + len(snippet) :]
            case "delete":
                data = data[:at] + data[at + 3 :]
            case "repeat":
                data = data[:at] + data[max(0, at - 50) :]
    return data


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(SEEDS), changes)
@example(SEEDS[0], [("insert", 0.5, b'"')])
def test_every_changed_manifest(seed, steps):
    ending, data = seed
    outcome(ending, changed(data, steps))


@settings(max_examples=200, deadline=None)
@given(changes)
def test_every_changed_zip(steps):
    outcome(*SEEDS[0], changed(ARCHIVE, steps))


@settings(deadline=None)
@given(st.binary(max_size=200))
def test_any_bytes_behind_the_mark_of_a_zip(data):
    outcome(*SEEDS[0], b"PK\x05\x06" + data)


cells = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=30)


@settings(deadline=None)
@given(
    st.fixed_dictionaries(
        {name: st.lists(cells, max_size=3) if name in LIST_COLUMNS else cells for name in COLUMNS}
    ),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_any_cells_are_one_row_whatever_stands_in_them(row, delimiter, encoding):
    """Nobody's cell can become another person's row."""
    people = [PEOPLE[0], row, PEOPLE[1]]
    found = outcome("csv", as_csv(people, delimiter).encode(encoding))
    blank = not any("|".join(v).strip() for v in row.values())
    assert len(found) == (2 if blank else 3)
    assert isinstance(found[0], ManifestRow)
    assert isinstance(found[-1], ManifestRow)


names = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=12)


@settings(deadline=None)
@given(
    st.lists(st.tuples(names, st.sampled_from(sorted(PICTURE_SUFFIXES))), min_size=1, max_size=4)
)
def test_a_template_begins_no_formula_and_names_the_pictures_again(made):
    with tempfile.TemporaryDirectory() as scratch:
        images = Path(scratch, "pictures.zip")
        images.write_bytes(as_zip({name + suffix: b"-" for name, suffix in made}))
        out = io.StringIO(newline="")
        try:
            n_rows = write_template(images, out)
        except InputError:
            return
        rows = list(csv.DictReader(io.StringIO(out.getvalue(), newline="")))
        assert len(rows) == n_rows
        for row in rows:
            assert not row["images"].startswith(tuple("=+-@\t\r"))
        people = [
            {**row, **PEOPLE[0], "images": row["images"].split("|"), "source_reference": f"{n}"}
            for n, row in enumerate(rows)
        ]
        path = Path(scratch, "list.csv")
        path.write_text(as_csv(people), "utf-8", newline="")
        assert all(isinstance(each, ManifestRow) for each in read_manifest(path, images))

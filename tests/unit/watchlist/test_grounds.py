import dataclasses
import unicodedata
from datetime import UTC, date, datetime

import pytest

from overt.core.errors import InputError
from overt.watchlist.grounds import (
    DATE_FIELDS,
    LONG_FIELDS,
    REQUIRED_FIELDS,
    SHORT_FIELDS,
    TEXTS_FIELDS,
    WORD_FIELDS,
    WORDS_FIELDS,
    FieldError,
    Grounds,
    tidy,
)

SECRET = "Zxqvortle"
LEAST = {
    "category": "wanted-on-warrant",
    "lawful_basis": "s.7 Bail Act 1976",
    "source_system": "Warrants",
    "source_reference": "W/1",
    "reason_here": "seen twice at this market in May",
}
FULL = Grounds(
    **LEAST,
    requester="wm-east-1",
    image_source="custody",
    image_date=date(2026, 1, 2),
    held_until=date(2031, 1, 2),
    risk_markers=("carries a knife", "may run"),
    officer_warnings=("two officers",),
    instructions="arrest",
    date_of_birth=date(1990, 2, 28),
    sensitivities=("associate", "trans"),
    response_plan="none",
)


def fault(**changed):
    with pytest.raises(FieldError) as caught:
        dataclasses.replace(FULL, **changed)
    assert SECRET not in str(caught.value)
    assert str(caught.value) == f"{caught.value.field}: {caught.value.reason}"
    return caught.value


def test_every_field_is_of_one_kind():
    kinds = [*WORD_FIELDS, *SHORT_FIELDS, *LONG_FIELDS, *DATE_FIELDS, *TEXTS_FIELDS, *WORDS_FIELDS]
    assert sorted(kinds) == sorted(each.name for each in dataclasses.fields(Grounds))


def test_nothing_shows_in_a_representation():
    assert repr(FULL) == "Grounds()"


def test_five_fields_are_enough():
    assert Grounds(**LEAST).date_of_birth is None


@pytest.mark.parametrize("name", REQUIRED_FIELDS)
@pytest.mark.parametrize("blank", ["", " ", "-", "—", "\u200b", "?", "..."])
def test_the_five_may_not_be_blank(name, blank):
    assert fault(**{name: blank}).field == name


@pytest.mark.parametrize("name", WORD_FIELDS)
@pytest.mark.parametrize("word", [SECRET, "a b", "é", "a_b", "x" * 65, "wanted\n", "٣"])
def test_words_have_one_form(name, word):
    assert "lower-case" in fault(**{name: word}).reason


def test_words_in_lists_have_the_same_form():
    assert fault(sensitivities=("victim", SECRET)).field == "sensitivities"
    assert fault(sensitivities=("",)).field == "sensitivities"


@pytest.mark.parametrize(
    ("name", "limit"),
    [*((name, 300) for name in SHORT_FIELDS), *((name, 1000) for name in LONG_FIELDS)],
)
def test_texts_have_a_limit(name, limit):
    dataclasses.replace(FULL, **{name: "x" * limit})
    assert str(limit) in fault(**{name: "x" * (limit + 1)}).reason


@pytest.mark.parametrize("name", TEXTS_FIELDS)
def test_lists_have_limits(name):
    dataclasses.replace(FULL, **{name: ("x" * 300,) * 20})
    assert "20 items" in fault(**{name: ("x",) * 21}).reason
    assert "300" in fault(**{name: ("x" * 301,)}).reason
    assert "blank item" in fault(**{name: ("x", "-")}).reason


@pytest.mark.parametrize("name", [*SHORT_FIELDS, *LONG_FIELDS])
@pytest.mark.parametrize(
    "sign",
    [
        "\0",
        "\x07",
        "\x1b",
        "\x7f",
        "\x85",
        "\u2028",
        "\u202e",
        "\u2066",
        chr(0xD800),
        "\ufeff",
        "\ufffd",
    ],
)
def test_what_cannot_be_seen_is_refused(name, sign):
    assert "cannot be shown" in fault(**{name: f"{SECRET}{sign}{SECRET}"}).reason
    assert "cannot be shown" in fault(risk_markers=(f"{SECRET}{sign}",)).reason


@pytest.mark.parametrize("text", ["a  b", " a", "a ", "e\u0301"])
def test_only_tidy_texts_are_held(text):
    assert "NFC" in fault(lawful_basis=text).reason
    assert dataclasses.replace(FULL, lawful_basis=tidy(text))


def test_tidy():
    assert tidy(" a\r\n\tb  c ") == "a b c"
    assert tidy("e\u0301") == "é"
    assert tidy("\u00a0a\u200db") == "\u00a0a\u200db"


@pytest.mark.parametrize(
    "text",
    [
        "\u0639\u0644\u06cc\u200c\u0631\u0636\u0627",
        "\u0915\u094d\u0937",
        "O\u2019Brien",
        "\u738b\u5c0f\u660e",
        "\u200f\u05e9\u05dc\u05d5\u05dd",
    ],
    ids=["Persian", "Devanagari", "Irish", "Chinese", "Hebrew"],
)
def test_names_of_every_script_pass(text):
    dataclasses.replace(FULL, reason_here=unicodedata.normalize("NFC", text))


@pytest.mark.parametrize("name", DATE_FIELDS)
def test_a_day_has_no_time(name):
    assert "without a time" in fault(**{name: datetime(2026, 1, 1, tzinfo=UTC)}).reason


def test_json_says_everything_and_comes_back():
    told = FULL.to_json()
    assert told["image_date"] == "2026-01-02"
    assert told["risk_markers"] == ["carries a knife", "may run"]
    assert Grounds.from_json(told) == FULL
    assert Grounds.from_json(Grounds(**LEAST).to_json()) == Grounds(**LEAST)


@pytest.mark.parametrize("name", [each.name for each in dataclasses.fields(Grounds)])
@pytest.mark.parametrize("value", [1, True, {"a": 1}, [1], [[SECRET]], ["a", None]])
def test_json_of_another_type(name, value):
    with pytest.raises(FieldError) as caught:
        Grounds.from_json(FULL.to_json() | {name: value})
    assert caught.value.field == name
    assert SECRET not in str(caught.value)


@pytest.mark.parametrize("name", DATE_FIELDS)
@pytest.mark.parametrize(
    "text",
    ["", SECRET, "20260101", "2026-1-1", "2026-02-30", "2026-W01-1", "0000-01-01", "٢٠٢٦-01-01",
     "2026-01-01T00:00:00Z", "01/02/2026", "2026-01-01\n"],
)  # fmt: skip
def test_json_dates_have_one_form(name, text):
    with pytest.raises(FieldError) as caught:
        Grounds.from_json(FULL.to_json() | {name: text})
    assert caught.value.field == name


@pytest.mark.parametrize("name", [each.name for each in dataclasses.fields(Grounds)])
def test_json_without_a_field_or_with_another(name):
    told = FULL.to_json()
    with pytest.raises(InputError):
        Grounds.from_json({key: value for key, value in told.items() if key != name})
    with pytest.raises(InputError) as caught:
        Grounds.from_json(told | {SECRET: ""})
    assert SECRET not in str(caught.value)

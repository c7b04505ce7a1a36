"""Whatever is in the file that a person writes, there is a form or one plain sentence."""

import tomllib
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from overt.cli.wiring import policy_folder
from overt.core.errors import InputError
from overt.deployment.form import parse_form
from overt.deployment.form_template import template
from overt.deployment.report_form import blank_report, parse_report
from overt.policy.pack import load_pack

PACKS = [
    load_pack(Path(policy_folder() / f"{name}.toml").read_bytes())
    for name in ("uk-police", "eu-ai-act")
]
FORMS = [template(pack, datetime(2027, 1, 4, tzinfo=UTC)) for pack in PACKS]
VALUES = st.sampled_from([
    '""', "1", "-1", "0.5", "nan", "inf", "true", "[]", "{}", "[[]]", "2026-01-01",
    "2026-01-01T10:00:00", "2026-01-01T10:00:00Z", "10:00:00", "'x'", '"\\u001b"', '"\\u202e"',
    "'" + "x" * 5000 + "'", "9" * 5000, "[1, 2]", "[[0, 0], [1, 1]]", "{ one_in = 3 }",
])  # fmt: skip


def plain(parse, data):
    """Return what the bytes stand for, or None if one plain sentence says why they do not."""
    try:
        return parse(data)
    except InputError as error:
        message = str(error)
        assert message.endswith(".")
        assert "\n" not in message
        assert "Value error" not in message
        assert len(message) < 400
        return None


@pytest.mark.parametrize("form", FORMS, ids=[pack.id for pack in PACKS])
def test_the_empty_form_is_one(form):
    assert parse_form(form.encode())


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.id)
def test_the_empty_form_speaks_of_what_the_pack_asks_for(pack):
    form = template(pack, datetime(2027, 1, 4, tzinfo=UTC))
    for case in pack.rules.use_cases.cases:
        assert case.id in form
    assert {each.kind for each in parse_form(form.encode()).document} == {
        each.kind for each in pack.rules.documents.required
    }
    assert f"[rule {pack.rules.statements.id}]" in " ".join(form.replace("# ", "").split())
    assert all(len(line) <= 100 for line in form.splitlines())


@pytest.mark.parametrize("pack", PACKS, ids=lambda pack: pack.id)
def test_the_empty_report_is_one(pack):
    assert parse_report(blank_report(pack).encode()).result == ""


@given(
    st.binary(max_size=300)
    | st.text(st.characters(exclude_categories=["Cs"]), max_size=300).map(
        lambda text: text.encode("utf-8", "replace")
    )
)
def test_no_bytes_raise_anything_else(data):
    assert plain(parse_form, data) is None
    plain(parse_report, data)


@settings(max_examples=150)
@given(form=st.sampled_from(FORMS), data=st.data())
def test_no_value_raises_anything_else(form, data):
    lines = form.splitlines()
    places = [n for n, line in enumerate(lines) if " = " in line and not line.startswith("#")]
    for place in data.draw(st.lists(st.sampled_from(places), min_size=1, max_size=3)):
        name = lines[place].partition(" = ")[0]
        lines[place] = f"{name} = {data.draw(VALUES)}"
    plain(parse_form, "\n".join(lines).encode())


@settings(max_examples=100)
@given(form=st.sampled_from(FORMS), data=st.data())
def test_no_missing_or_doubled_line_raises_anything_else(form, data):
    lines = form.splitlines()
    places = st.lists(st.integers(0, len(lines) - 1), min_size=1, max_size=4)
    gone, doubled = set(data.draw(places)), set(data.draw(places))
    kept = [
        line
        for number, line in enumerate(lines)
        if number not in gone
        for line in ([line, line] if number in doubled else [line])
    ]
    plain(parse_form, "\n".join(kept).encode())


FAULTS = {
    'id = "new-deployment"': ('id = "New"', "deployment.id"),
    'policy = "uk-police"': ("policy = 1", "deployment.policy"),
    "is_protest = false": ('is_protest = "no"', "deployment.is_protest"),
    'name = "New place"': ('name = "x"\ngeojson = "y"', "place"),
    "one_in = 1000": ("one_in = 0", "threshold.one_in"),
    "repeat_within_s = 60": ("repeat_within_s = 0.5", "threshold.repeat_within_s"),
    'necessity = ""': ("necessity = []", "reasons.necessity"),
    'signage = ""': ("signs = true", "notice.signs"),
    "position = [-0.1005, 51.5013]": ("position = [51, 151]", "camera[1].position[2]"),
    'role = "engagement-officer"': ('role = "king"', "officer[2].role"),
    'kind = "equality-impact"': ('kind = "Equality"', "document[2].kind"),
}


@pytest.mark.parametrize("line", FAULTS)
def test_a_fault_is_named_by_its_place(line):
    instead, place = FAULTS[line]
    assert line in FORMS[0]
    with pytest.raises(InputError) as refused:
        parse_form(FORMS[0].replace(line, instead).encode())
    assert f": {place}: " in str(refused.value)


def test_what_toml_says_of_a_form_is_what_the_form_holds():
    content = tomllib.loads(FORMS[0])
    form = parse_form(FORMS[0].encode())
    assert form.deployment.id == content["deployment"]["id"]
    assert len(form.officer) == len(content["officer"])

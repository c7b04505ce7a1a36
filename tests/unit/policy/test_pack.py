"""Reading packs: every fault is named by its place, and nothing is taken for granted."""

import copy
import hashlib
import tomllib
from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from overt.core.errors import InputError
from overt.core.ids import Sha256
from overt.policy.pack import FORMAT, MAX_PACK_BYTES, load_pack, pack_from_toml
from overt.policy.pack_data import DataKind
from overt.policy.pack_lists import EntryField
from overt.watchlist.grounds import Grounds

POLICIES = Path(__file__).parents[3] / "policies"
PACKS = sorted(POLICIES.glob("*.toml"))
UK = tomllib.loads((POLICIES / "uk-police.toml").read_text("utf-8"))
DIGEST = Sha256("0" * 64)


def changed(path, value):
    """Return the UK pack's TOML with one value replaced, or removed if it is None."""
    content = copy.deepcopy(UK)
    *way, last = path
    part = content
    for step in way:
        part = part[step]
    if value is None:
        del part[last]
    else:
        part[last] = value
    return content


def fault_of(content):
    with pytest.raises(InputError) as refused:
        pack_from_toml(content, DIGEST)
    return str(refused.value)


@pytest.mark.parametrize("path", PACKS, ids=lambda path: path.stem)
def test_what_ships_is_a_pack_named_like_its_file_and_its_bytes(path):
    data = path.read_bytes()
    pack = load_pack(data)
    assert pack.format == FORMAT
    assert pack.id == path.stem
    assert pack.sha256 == hashlib.sha256(data).hexdigest()
    assert load_pack(data) == pack
    assert load_pack(data + b"\n").sha256 != pack.sha256


@pytest.mark.parametrize("path", PACKS, ids=lambda path: path.stem)
def test_every_source_is_used(path):
    pack = load_pack(path.read_bytes())
    used = {source for rule in pack.rules.every() for source in rule.source}
    assert used == {source.id for source in pack.sources}


def test_a_rules_id_is_its_table_in_the_toml(uk):
    assert [rule.id for rule in uk.rules.every()] != []
    assert {rule.id for rule in uk.rules.every()} == set(UK["rules"])
    assert len({rule.title for rule in uk.rules.every()}) == len(UK["rules"])


@pytest.mark.parametrize("rule", sorted(UK["rules"]))
def test_no_rule_can_be_left_out(rule):
    assert f"rules.{rule}: Field required" in fault_of(changed(("rules", rule), None))


@pytest.mark.parametrize(
    ("rule", "parameter"), [(r, p) for r, rule in UK["rules"].items() for p in rule if p != "note"]
)
def test_no_parameter_can_be_left_out_or_of_another_type(rule, parameter):
    path = ("rules", rule, parameter)
    assert f"rules.{rule}.{parameter}: Field required" in fault_of(changed(path, None))
    assert f"rules.{rule}.{parameter}" in fault_of(changed(path, {"other": 1}))


@pytest.mark.parametrize(
    ("path", "value", "said"),
    [
        (("format",), "overt-policy/2", "format: Input should be 'overt-policy/1'"),
        (("review_by",), UK["effective"], "review_by: the pack is to be looked at again"),
        (("effective",), "2026-05-01", "effective: a day such as 2026-05-01"),
        (("effective",), datetime(2026, 5, 1, tzinfo=UTC), "effective: a day such as"),
        (("summary",), "one\ntwo", "summary: "),
        (("summary",), "<b>bold</b>", "summary: "),
        (("surprise",), 1, "surprise: Extra inputs are not permitted"),
        (("rules", "duration", "max_minutes"), 1, "rules.duration.max_minutes: Extra inputs"),
        (("rules", "duration", "max_h"), 0, "rules.duration.max_h: "),
        (("rules", "duration", "max_h"), True, "rules.duration.max_h: "),
        (("rules", "duration", "max_h"), "12", "rules.duration.max_h: "),
        (("rules", "location", "max_area_km2"), float("nan"), "rules.location.max_area_km2: "),
        (("rules", "location", "max_area_km2"), float("inf"), "rules.location.max_area_km2: "),
        (("rules", "duration", "source"), ["hearsay"], "rules.duration.source: there is no source"),
        (("rules", "duration", "source"), [], "rules.duration.source: "),
        (
            ("rules", "authorising-rank", "minimum"),
            "colonel",
            "rules.authorising-rank.minimum: there is no rank colonel",
        ),
        (
            ("rules", "authorising-rank", "minimum"),
            "independent-member",
            "rules.authorising-rank.minimum: there is no rank independent-member",
        ),
        (
            ("rules", "children", "tiers", 1, "minimum_rank"),
            "colonel",
            "rules.children.tiers.1.minimum_rank: there is no rank colonel",
        ),
        (
            ("rules", "protest", "minimum_rank"),
            "inspector",
            "rules.protest.minimum_rank: it is below the rank that authorises elsewhere",
        ),
        (
            ("rules", "use-cases", "cases", 2, "categories"),
            ["anybody"],
            "rules.use-cases.cases.2.categories: there is no category anybody",
        ),
        (("rules", "children", "sensitivity"), "minor", "rules.children.sensitivity: "),
        (("rules", "children", "tiers", 0, "under"), 18, "rules.children.tiers: the youngest"),
        (("rules", "ranks", "outside"), ["inspector"], "rules.ranks: inspector is there twice"),
        (("rules", "image-sources", "never"), ["custody"], "rules.image-sources: custody is there"),
        (("rules", "officers", "present", 0, "role"), "king", "rules.officers.present.0.role"),
        (
            ("rules", "officers", "present", 0, "role"),
            "engagement-officer",
            "rules.officers.present: engagement-officer is there twice",
        ),
        (("rules", "separation", "cosigner_is_neither"), False, "rules.separation.cosigner_is_ne"),
        (("rules", "engagement", "after_adjudication"), False, "rules.engagement.after_adjudic"),
        (
            ("rules", "retention", "periods"),
            UK["rules"]["retention"]["periods"][1:],
            "rules.retention.periods: there is no period for non-alert",
        ),
        (
            ("rules", "retention", "periods"),
            [*UK["rules"]["retention"]["periods"], UK["rules"]["retention"]["periods"][0]],
            "rules.retention.periods: a kind of data has two periods",
        ),
        (
            ("rules", "list-categories", "categories", 0, "required_fields"),
            ["shoe_size"],
            "rules.list-categories.categories.0.required_fields.0: ",
        ),
        (("sources",), [*UK["sources"], UK["sources"][0]], "sources: bridges is there twice"),
        (("sources", 0, "standing"), "certain", "sources.0.standing: "),
    ],
)
def test_a_fault_is_named_by_its_place(path, value, said):
    assert said in fault_of(changed(path, value))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "id: Field required"),
        (b"\xff", "not UTF-8"),
        (b"format =", "not valid TOML"),
        (b"format = " + b"9" * 5000, "not valid TOML"),
        (b"a = " + b"[" * 5000 + b"]" * 5000, "not valid TOML"),
        (b"#" * (MAX_PACK_BYTES + 1), "too large"),
    ],
)
def test_what_is_no_pack_is_refused_in_words(data, said):
    with pytest.raises(InputError, match=r"policy pack") as refused:
        load_pack(data)
    assert said in str(refused.value) or "format: Field required" in str(refused.value)


def test_a_fault_does_not_repeat_what_was_written():
    assert "secret-thing" not in fault_of(changed(("rules", "duration", "max_h"), "secret-thing"))


def test_the_fields_that_a_pack_can_require_are_those_of_an_entry():
    from dataclasses import fields
    from typing import get_args

    assert list(get_args(EntryField)) == [each.name for each in fields(Grounds)]


def test_every_kind_of_data_has_its_period(uk):
    start = datetime(2028, 2, 29, 12, tzinfo=UTC)
    periods = {kind: uk.rules.retention.of(kind) for kind in DataKind}
    assert periods[DataKind.NON_ALERT].is_immediate
    assert periods[DataKind.NON_ALERT].due_utc(start) == start
    assert periods[DataKind.PICTURE].due_utc(start) == datetime(2028, 3, 1, 12, tzinfo=UTC)
    assert periods[DataKind.RECORDING].due_utc(start) == datetime(2028, 3, 31, 12, tzinfo=UTC)
    assert periods[DataKind.AUDIT].due_utc(start) == datetime(2035, 2, 28, 12, tzinfo=UTC)
    last = datetime(9999, 12, 31, tzinfo=UTC)
    assert periods[DataKind.AUDIT].due_utc(last) == datetime.max.replace(tzinfo=UTC)
    assert periods[DataKind.PICTURE].due_utc(last).date() == date(9999, 12, 31)

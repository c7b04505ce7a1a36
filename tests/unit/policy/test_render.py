"""The document says everything that the pack sets, and only that."""

import copy
import tomllib
from datetime import date, timedelta
from pathlib import Path

import pytest

from overt.core.errors import InputError
from overt.core.ids import Sha256
from overt.policy.pack import load_pack, pack_from_toml
from overt.policy.render import AREAS, render

POLICIES = Path(__file__).parents[3] / "policies"
PACKS = {path.stem: path.read_bytes() for path in sorted(POLICIES.glob("*.toml"))}
SAME = Sha256("0" * 64)
INVARIABLE = {
    ("format",),
    ("rules", "separation", "authoriser_is_not_requester"),
    ("rules", "separation", "cosigner_is_neither"),
    ("rules", "separation", "ratifier_did_not_authorise"),
    ("rules", "engagement", "after_adjudication"),
    ("rules", "engagement", "never_on_score_alone"),
}
"""What a pack has to write out, and cannot set otherwise."""


def leaves(part, path=()):
    """Yield path and value of everything in a TOML document that holds nothing further."""
    items = part.items() if isinstance(part, dict) else enumerate(part)
    for key, value in items:
        if isinstance(value, dict | list) and value:
            yield from leaves(value, (*path, key))
        elif not isinstance(value, dict | list):
            yield (*path, key), value


def others(value):
    """Return values that differ from a value as little as it can be."""
    match value:
        case bool():
            return [not value]
        case int():
            return [value + 1, value - 1]
        case float():
            return [value + 0.01, value - 0.01]
        case date():
            return [value + timedelta(days=1)]
        case "never" | "protest" | "always":
            return ["always", "never"]
        case "read" | "chosen" | "recalled" | "secondary":
            return ["chosen", "read"]
        case "hours" | "days" | "years":
            return ["hours", "years"]
        case "hotspot" | "intelligence":
            return ["hotspot", "intelligence"]
        case _:
            words = ["analyst", "risk_markers", "recorded", "capture", "chief-constable", "judge"]
            return [f"{value}x", *words]


def with_leaf(content, path, value):
    content = copy.deepcopy(content)
    part = content
    for step in path[:-1]:
        part = part[step]
    part[path[-1]] = value
    return content


def renamed(content, old, new):
    """Return a document in which a word is another, wherever it stands."""
    if isinstance(content, dict):
        return {key: renamed(value, old, new) for key, value in content.items()}
    if isinstance(content, list):
        return [renamed(value, old, new) for value in content]
    return new if content == old else content


@pytest.mark.parametrize("name", PACKS)
def test_no_parameter_can_change_without_the_document(name):
    content = tomllib.loads(PACKS[name].decode())
    document = render(pack_from_toml(content, SAME))
    silent, never_valid = [], []
    for path, value in leaves(content):
        if path in INVARIABLE:
            continue
        changed = next(filter(None, map(rendered, candidates(content, path, value))), None)
        if changed is None:
            never_valid.append(path)
        elif changed == document:
            silent.append(path)
    assert silent == []
    assert never_valid == [
        path for path, value in leaves(content) if "kind" in path and "periods" in path
    ]


def candidates(content, path, value):
    """Yield documents in which a value is another; most are packs."""
    for other in others(value):
        if other != value:
            yield with_leaf(content, path, other)
    if isinstance(value, str):  # a word that other rules name has to change with them
        yield renamed(content, value, f"{value}x")


def rendered(content):
    try:
        return render(pack_from_toml(content, SAME))
    except InputError:
        return None


@pytest.mark.parametrize("name", PACKS)
def test_every_kind_of_data_stands_in_the_document(name):
    pack = load_pack(PACKS[name])
    document = render(pack)
    for each in pack.rules.retention.periods:
        assert f"| {each.title} | `{each.kind}` | {each.period()} |" in document


@pytest.mark.parametrize("name", PACKS)
def test_the_document_is_deterministic_and_holds_every_rule(name):
    pack = load_pack(PACKS[name])
    document = render(pack)
    assert document == render(load_pack(PACKS[name]))
    assert document.endswith("\n")
    for rule in pack.rules.every():
        assert rule.statement() in document
        assert f"Rule `{rule.id}`. Source: " in document
        assert rule.note is None or rule.note in document
    for source in pack.sources:
        assert f"| `{source.id}` | {source.citation} | {source.standing} |" in document


def test_every_rule_stands_in_one_chapter(uk):
    placed = [rule for rules in AREAS.values() for rule in rules]
    assert sorted(placed) == sorted(rule.id for rule in uk.rules.every())


def test_every_table_is_rectangular(uk, eu):
    for pack in (uk, eu):
        widths = {}
        for number, line in enumerate(render(pack).splitlines()):
            if line.startswith("|"):
                start = widths.get(number - 1, (line.count("|"),))
                assert line.count("|") == start[0], line
                widths[number] = start


def test_who_may_be_looked_for_where(uk):
    document = render(uk)
    assert "| `victim` | no | no | no | no | yes |" in document
    assert "| `missing-at-risk` | no | yes | no | yes | yes |" in document


def test_the_document_says_what_is_not_from_a_source(uk):
    document = render(uk)
    assert "to be checked before anybody relies on it as law" in document
    assert "Of 37 rules, 33 rest at least in part on something recalled or chosen" in document

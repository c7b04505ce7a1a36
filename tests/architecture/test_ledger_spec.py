"""What ``docs/specs/ledger.md`` says of records and findings is what the code does."""

import re
import types
from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, NewType, Union, get_args, get_origin

import pytest

from overt.core.counts import FaceCounts
from overt.ledger import canonical, notes, outsider, proof_file, tiles
from overt.ledger.acts import Act
from overt.ledger.kinds import RecordKind

SPEC = Path(__file__).parents[2] / "docs" / "specs" / "ledger.md"
ACTS: dict[RecordKind, Any] = {act.kind: act for act in get_args(Act)}
NAMES = {str: "text", int: "integer", bool: "true or false", type(None): "null"}


def written(kind):
    """Return how a record writes a member of a type."""
    if isinstance(kind, NewType):
        return "SHA-256" if kind.__name__ == "Sha256" else "id"
    origin, inner = get_origin(kind), get_args(kind)
    if origin in {Union, types.UnionType}:
        return " or ".join(written(each) for each in inner)
    if origin is tuple:
        return f"list of {written(inner[0])}"
    if isinstance(origin, type) and issubclass(origin, Mapping):
        return "object"
    return NAMES[kind]


def kinds():
    """Return the table of kinds, in the order of the code."""
    lines = ["| Kind | Members of the body | What happened |", "|---|---|---|"]
    for kind in RecordKind:
        members = [f"`{f.name}` {written(f.type)}" for f in fields(ACTS[kind])]
        told = " ".join((ACTS[kind].__doc__ or "").split("\n\n")[0].split())
        told = told.replace("``", "`").replace("None", "null")
        lines.append(f"| `{kind}` | {', '.join(members)} | {told} |")
    return "".join(f"{line}\n" for line in lines)


def counts():
    """Return the table of what is counted."""
    _, _, told = (FaceCounts.__doc__ or "").partition("Attributes:\n")
    rows = re.findall(r"^ +(\w+): (.+)\.$", told, re.MULTILINE)
    assert [name for name, _ in rows] == [f.name for f in fields(FaceCounts)]
    lines = ["| Member | What it counts |", "|---|---|"]
    lines += [f"| `{name}` | {what.replace('``', '`')} |" for name, what in rows]
    return "".join(f"{line}\n" for line in lines)


@pytest.mark.parametrize(("part", "made"), [("kinds", kinds), ("counts", counts)])
def test_a_table_is_the_one_of_the_code(part, made, request):
    begins, ends = f"<!-- {part}: written by make docs -->\n\n", f"\n<!-- /{part} -->\n"
    text = SPEC.read_text("utf-8")
    before, _, rest = text.partition(begins)
    table, _, after = rest.partition(ends)
    assert rest, f"{begins} is missing"
    assert after, f"{ends} is missing"
    if request.config.getoption("--update-docs"):
        SPEC.write_text(before + begins + made() + ends + after, "utf-8")
    else:
        assert table == made(), "run make docs"


def test_every_finding_is_in_the_specification():
    source = Path(outsider.__file__).read_text("utf-8")
    raised = set(re.findall(r'Finding\(\s*"(\w+)"', source))
    raised |= {"checkpoint", "previous", "root"}  # named by a variable
    _, _, rest = SPEC.read_text("utf-8").partition("| Finding | ")
    listed = set(re.findall(r"^\| `(\w+)` \|", rest.split("\n\n")[0], re.MULTILINE))
    assert listed == raised


@pytest.mark.parametrize(
    ("said", "number"),
    [
        ("at most {} levels", canonical.MAX_DEPTH),
        ("at most {} bytes", tiles.MAX_RECORD_BYTES),
        ("{} hashes wide", tiles.TILE_WIDTH),
        ("`{}`", proof_file.HEADER),
        ("{} signatures", outsider.MAX_SIGNATURES),
    ],
)
def test_a_limit_is_the_one_of_the_code(said, number):
    text = f"{number:,}" if isinstance(number, int) else number
    assert said.format(text) in SPEC.read_text("utf-8")


def test_writer_and_outsider_have_the_same_limits():
    assert outsider.MAX_DEPTH == canonical.MAX_DEPTH
    assert outsider.MAX_INTEGER == canonical.MAX_INTEGER
    assert outsider.WIDTH == tiles.TILE_WIDTH
    assert outsider.MAX_SIGNATURES == notes._MAX_SIGNATURES
    assert outsider.MAX_NOTE_BYTES == notes._MAX_NOTE_BYTES

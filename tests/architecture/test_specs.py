"""What is published under ``docs/specs`` is what the code prints. ``make docs`` rewrites it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from overt.cli import watchlist_document
from overt.deployment import document
from overt.evaluation import record_schema

FOLDER = Path(__file__).parents[2] / "docs" / "specs"
SCHEMAS: dict[str, Callable[[], dict[str, Any]]] = {
    "deployment.schema.json": document.json_schema,
    "evaluation.schema.json": record_schema.json_schema,
    "watchlist.schema.json": watchlist_document.json_schema,
}


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_published_schema_is_the_one_of_the_code(name, request):
    text = json.dumps(SCHEMAS[name](), indent=2, ensure_ascii=False) + "\n"
    path = FOLDER / name
    if request.config.getoption("--update-docs"):
        path.write_text(text, "utf-8")
    assert path.read_text("utf-8") == text, "run make docs"


@pytest.mark.parametrize("name", SCHEMAS)
def test_a_published_schema_is_one(name):
    schema = json.loads((FOLDER / name).read_bytes())
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["$schema"].endswith("2020-12/schema")


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_member_says_what_it_is(name):
    schema = json.loads((FOLDER / name).read_bytes())
    tables = {"": schema, **schema["$defs"]}
    silent = [
        f"{table}.{member}"
        for table, about in tables.items()
        for member, each in about.get("properties", {}).items()
        if "description" not in each and "const" not in each and "$ref" not in each
    ]
    assert silent == []


def test_every_schema_is_listed():
    index = (FOLDER / "README.md").read_text("utf-8")
    assert {path.name for path in FOLDER.glob("*.json")} == set(SCHEMAS)
    assert all(f"]({name})" in index for name in SCHEMAS)

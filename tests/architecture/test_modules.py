"""What every package says of itself, and how long a file may be."""

import ast
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "overt"
PACKAGES = sorted(SOURCE.glob("*/__init__.py"), key=lambda path: path.parent.name)
FILES = sorted(path for folder in ("src", "tests") for path in (ROOT / folder).rglob("*.py"))
MAX_LINES = 400
VAGUE = {"utils", "util", "helpers", "helper", "manager", "managers", "misc", "common"}


@pytest.mark.parametrize("package", PACKAGES, ids=lambda path: path.parent.name)
def test_a_package_says_purpose_invariants_and_what_it_must_not(package):
    said = ast.get_docstring(ast.parse(package.read_text("utf-8"))) or ""
    purpose, *_ = said.split("Invariants:")
    assert len(purpose.strip()) > 20, "no purpose"
    assert "Invariants:" in said
    assert "Must not:" in said


def test_no_file_is_long():
    long = {
        str(path.relative_to(ROOT)): n
        for path in FILES
        if (n := len(path.read_text("utf-8").splitlines())) > MAX_LINES
    }
    assert long == {}


def test_no_module_has_a_name_that_says_nothing():
    assert {path for path in FILES if path.stem in VAGUE or path.parent.name in VAGUE} == set()

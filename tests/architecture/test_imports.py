"""The import contracts hold, and none of them forgets a package."""

import subprocess
import sys
import tomllib
from pathlib import Path

import grimp
import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = {path.parent.name for path in (ROOT / "src" / "overt").glob("*/__init__.py")}
CONFIGURED = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["tool"]["importlinter"]
CONTRACTS = {contract["name"]: contract for contract in CONFIGURED["contracts"]}
LAYERS = CONTRACTS["Imports point down only (DESIGN: layout)"]
ONLY_ONE_MAY = {
    "Only video opens a container or a camera": "video",
    "Only inference opens a model": "inference",
    "SQL lives in store": "store",
}


def test_the_contracts_hold():
    linter = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [linter, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stdout


def test_the_layers_name_every_package():
    assert LAYERS["exhaustive"] is True
    assert LAYERS["exhaustive_ignores"] == ["_bundled"]
    named = {name.strip(" ()") for layer in LAYERS["layers"] for name in layer.split("|")}
    assert PACKAGES - named == set()


@pytest.mark.parametrize(("contract", "exempt"), ONLY_ONE_MAY.items())
def test_what_one_package_may_is_forbidden_to_all_others(contract, exempt):
    forbidden = {name.removeprefix("overt.") for name in CONTRACTS[contract]["source_modules"]}
    assert forbidden == PACKAGES - {exempt}


@pytest.mark.parametrize("package", sorted(PACKAGES - {"cli", "simulation"}))
def test_only_the_command_line_knows_the_simulator(package):
    graph = grimp.build_graph("overt")
    chains = graph.find_shortest_chains(
        importer=f"overt.{package}", imported="overt.simulation", as_packages=True
    )
    assert chains == set()

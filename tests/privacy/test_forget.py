"""The canary, in its short form; ``overt selftest forget --runs 50`` is the long one."""

import json
import sys

import pytest
from typer.testing import CliRunner

from overt.cli.main import app
from overt.core.errors import UnavailableError

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(900),
    pytest.mark.skipif(sys.platform != "linux", reason="reads /proc"),
]


def test_a_drawn_face_is_forgotten_and_its_planted_copies_are_found():
    done = CliRunner().invoke(app, ["selftest", "forget", "--runs", "2", "--json"])
    if isinstance(done.exception, UnavailableError) and "too busy" in str(done.exception):
        pytest.skip("this machine is too busy to search a node within a second")
    found = json.loads(done.stdout)
    assert found["finds"] == []
    assert found["missed"] == []
    assert (found["runs"], found["found"], found["planted_found"]) == (2, 0, 2)
    assert found["searched_bytes"] > 2 * 100_000_000
    assert found["age_s"] <= 1
    assert found["ok"]
    assert done.exit_code == 0

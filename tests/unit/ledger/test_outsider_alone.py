"""The verifier for outsiders as one file, away from Overt."""

import ast
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from fixtures.exports import LOG, cosigned, export, record, records, signed
from fixtures.logs import key_of
from overt.ledger import outsider
from overt.ledger.cosignature import Cosigner

KEY = str(LOG.verifier)
WITNESSES = [Cosigner("witness.example/0", key_of("witness 0"))]


def run(folder, *arguments):
    """Run the file alone, as an outsider would: a copy, with nothing of Overt beside it."""
    alone = shutil.copy(outsider.__file__, folder / "checker.py")
    command = [sys.executable, "-I", alone, *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)


def test_the_file_runs_alone(tmp_path):
    log = [record(5), *records(3)]
    folder = export(tmp_path / "log", log, cosigned(signed(log), WITNESSES[0]))
    earlier = tmp_path / "earlier"
    earlier.write_bytes(signed(log[:1]))
    witness = WITNESSES[0].verifier
    given = [folder, "--key", KEY, "--witness", witness, "--quorum", 1, "--previous", earlier]
    done = run(tmp_path, *given, "--json")
    assert done.returncode == 0
    assert json.loads(done.stdout)["n_records"] == 4
    assert done.stderr.splitlines() == [
        "Record 1: its time is before 2026-01-01T12:00:05.000Z, which an earlier record has.",
        "Record 2: its time is before 2026-01-01T12:00:05.000Z, which an earlier record has.",
        "Record 3: its time is before 2026-01-01T12:00:05.000Z, which an earlier record has.",
        "All 4 records are those that were signed for.",
    ]
    (folder / "tile/0/000.p/4").write_bytes(bytes(128))
    done = run(tmp_path, *given, "--json")
    assert done.returncode == 1
    says = "Hash 0 of tile/0/000.p/4 does not follow from what lies below it."
    assert json.loads(done.stdout) == {
        "ok": False,
        "code": "hash",
        "says": says,
        "path": "tile/0/000.p/4",
        "record": 0,
    }
    assert done.stderr == f"{says}\n"
    assert run(tmp_path, *given).stdout == ""


@pytest.mark.parametrize(
    "arguments", [[], ["."], [".", "--key", "none"], [".", "--key", KEY, "--previous", "none"]]
)
def test_wrong_usage_has_its_own_exit_code(tmp_path, arguments):
    done = run(tmp_path, *arguments)
    assert (done.returncode, done.stdout) == (2, "")


def test_it_imports_the_standard_library_and_cryptography_only():
    tree = ast.parse(Path(outsider.__file__).read_text("utf-8"))
    imported = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            imported |= {name.name.partition(".")[0] for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0
            imported.add((node.module or "").partition(".")[0])
    assert imported - set(sys.stdlib_module_names) == {"cryptography"}

"""The guide to the record, typed by a shell: its keeper, an auditor, a witness."""

import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest

from overt.core.clock import SystemClock
from overt.ledger.acts import Refusal
from overt.ledger.canonical import canonical_bytes
from overt.ledger.kinds import RecordKind
from overt.ledger.notes import Checkpoint, parse_note
from overt.ledger.records import LedgerRecord
from overt.store.store import Store

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]
GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "ledger.md"
STEPS = (
    "overt ledger key",
    "overt ledger checkpoint --sign",
    "overt ledger export record",
    "overt ledger verifier",
    "overt ledger verify --export",
    "python verifier.py",
    "cp record/checkpoint",
    "overt ledger prove consistency",
    "overt ledger check-proof",
    "overt ledger prove record",
    "overt ledger witness init",
    "overt ledger witness add-log",
    "overt ledger trust-witness",
    "overt ledger request --for",
    "overt ledger witness cosign",
    "overt ledger witness status",
    "overt ledger cosigned",
    "overt ledger witnesses",
    "overt ledger export record --cosigned",
    "overt ledger verify --export record",
)
PEOPLE = """
for name in admin-1 auditor-1 officer-1; do overt people new-key $name.key; done
add() { overt people add "$1" --key "$1.key.pub" --rank r --organisation o --role "$2" "${@:3}"; }
add admin-1 administrator
add auditor-1 auditor --as admin-1.key
add officer-1 engagement-officer --as admin-1.key
"""


def commands():
    text = GUIDE.read_text("utf-8")
    blocks = re.findall(r"^```console\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    lines = [line for block in blocks for line in block.splitlines()]
    assert all(line.startswith("$ ") for line in lines)
    return [line.removeprefix("$ ") for line in lines]


class Desk:
    """A folder with files, a home with a store, and a shell."""

    def __init__(self, folder, ran):
        self.folder = folder
        self.home = folder / "home"
        self._ran = ran
        assert self.type(PEOPLE).returncode == 0

    def type(self, script, **environment):
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("OVERT_")}
        own = {"PATH": path, "COLUMNS": "200", "OVERT_HOME": str(self.home)}
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", script],
            cwd=self.folder,
            env=inherited | own | environment,
            capture_output=True,
            text=True,
            check=False,
        )
        return self._ran(done.returncode, done.stdout, done.stderr)

    def happen(self, n):
        """Let things be recorded."""
        with Store.open(self.home, SystemClock()) as store:
            for number in range(n):
                with store.ledger.transaction() as work:
                    refusal = Refusal(None, None, f"rule-{number}")
                    work.append(LedgerRecord.of(refusal, datetime.now(UTC)))

    def records(self):
        with Store.open(self.home, SystemClock()) as store:
            return [LedgerRecord.parse(each) for each in store.ledger.records()]


@pytest.fixture(scope="module")
def walked(tmp_path_factory, ran):
    """Type the guide from its beginning to its end, while things go on being recorded."""
    desk = Desk(tmp_path_factory.mktemp("ledger"), ran)
    desk.happen(300)
    typed = []
    for command in commands():
        done = desk.type(command)
        assert done.returncode == 0, (command, done.stderr)
        typed.append((command, done))
        if command.startswith("cp "):
            desk.happen(20)
            again = "overt ledger checkpoint --sign --as auditor-1.key > /dev/null"
            assert desk.type(again).returncode == 0
    return desk, typed


def test_the_guide_has_every_step_in_order():
    left = iter(commands())
    for step in STEPS:
        assert any(command.startswith(step) for command in left), step


def test_the_export_holds_and_is_witnessed(walked):
    desk, typed = walked
    assert "The export holds together" in typed[-1][1].stdout
    assert "Cosigned by witness.example/one" in typed[-1][1].stdout
    export, kept = (
        Checkpoint.parse(parse_note((desk.folder / name).read_bytes()).text)
        for name in ("record/checkpoint", "checkpoint-march")
    )
    assert export.size >= kept.size + 20
    with Store.open(desk.home, SystemClock()) as store:
        store.verify()


def test_what_left_is_on_record(walked):
    desk, _ = walked
    kinds = [(each.kind, each.body.get("what"), each.body.get("by")) for each in desk.records()]
    exports = [each for each in kinds if each[0] is RecordKind.EXPORT_MADE]
    assert exports == [
        (RecordKind.EXPORT_MADE, "ledger", "auditor-1"),
        (RecordKind.EXPORT_MADE, "ledger-record", "auditor-1"),
        (RecordKind.EXPORT_MADE, "ledger", "auditor-1"),
    ]
    assert [each for each, *_ in kinds].count(RecordKind.WITNESS_TRUSTED) == 1
    assert [each for each, *_ in kinds].count(RecordKind.CHECKPOINT_WITNESSED) == 1


def test_no_secret_is_printed(walked):
    _, typed = walked
    for _, done in typed:
        assert "PRIVATE" not in done.stdout + done.stderr


def test_an_auditor_and_a_witness_need_no_store(walked, tmp_path):
    desk, _ = walked
    offline = [
        'overt ledger verify --export record --key "$(cat log.vkey)" --json',
        'overt ledger check-proof seven.tlog-proof --key "$(cat log.vkey)" --json',
        "overt ledger witness status --state witness --json",
    ]
    for command in offline:
        done = desk.type(command, OVERT_HOME=str(tmp_path / "none"))
        assert done.returncode == 0, done.stderr
        assert done.json
    assert not (tmp_path / "none").exists()


def test_the_entry_that_is_proved_is_the_entry(walked):
    desk, _ = walked
    done = desk.type('overt ledger check-proof seven.tlog-proof --key "$(cat log.vkey)" --json')
    assert done.json["index"] == 7
    assert canonical_bytes(done.json["record"]) == desk.records()[7].to_bytes()
    assert (desk.folder / "seven.tlog-proof").stat().st_size < 2048


def test_a_store_put_back_from_a_copy_is_found_by_the_witness(ran, tmp_path):
    """The keeper goes back to an earlier copy and lets something else happen: a fork."""
    mine = Desk(tmp_path, ran)
    mine.happen(5)
    script = """
        overt ledger key > log.vkey
        overt ledger witness init witness.example/one --state witness > witness.vkey
        overt ledger witness add-log "$(cat log.vkey)" --state witness
        overt ledger checkpoint --sign --as auditor-1.key > /dev/null
        overt ledger request 0 --out first
        cp -r home copy
        overt ledger witness cosign first --state witness
    """
    assert mine.type(script).returncode == 0
    mine.happen(3)
    more = """
        overt ledger checkpoint --sign --as auditor-1.key > /dev/null
        overt ledger request "$(sed -n 4p first)" --out second
        overt ledger witness cosign second --state witness
        rm -r home; mv copy home
    """
    assert mine.type(more).returncode == 0
    mine.happen(3)
    assert mine.type("overt ledger checkpoint --sign --as auditor-1.key").returncode == 0
    # Checkpoints of the same size and another root: nobody can take that back.
    assert mine.type('overt ledger request "$(sed -n 4p first)" --out forked').returncode == 0
    done = mine.type("overt ledger witness cosign forked --state witness")
    assert done.failed_plainly(4, "history is forked")
    (log,) = mine.type("overt ledger witness status --state witness --json").json["logs"]
    assert len(log["evidence"]) == 2

"""Our logs under an implementation that is not ours, and its logs under ours.

``golang.org/x/mod/sumdb`` runs Go's checksum database. Debian packages: golang-go and
golang-golang-x-mod-dev.
"""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from fixtures.exports import LOG, export, records, signed
from overt.ledger import outsider
from overt.ledger.export import ExportedLog
from overt.ledger.merkle import leaf_hash, verify_consistency, verify_inclusion
from overt.ledger.notes import NoteVerifier, open_checkpoint
from overt.ledger.tiles import consistency_proof, inclusion_proof, root_of

SOURCE = Path(__file__).with_name("sumdb.go")
GOPATH = Path("/usr/share/gocode")  # where Debian's packages of Go sources lie
SIZES = [1, 2, 3, 255, 256, 257, 600]

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sumdb(tmp_path_factory):
    """The program, built without a network."""
    go = shutil.which("go")
    if go is None or not (GOPATH / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        pytest.skip("needs the system's packages golang-go and golang-golang-x-mod-dev")
    folder = tmp_path_factory.mktemp("go")
    environment = {
        "PATH": str(Path(go).parent) + ":/usr/bin:/bin",
        "HOME": str(folder),
        "GOCACHE": str(folder / "cache"),
        "GOPATH": str(GOPATH),
        "GO111MODULE": "off",
        "GOFLAGS": "",
        "CGO_ENABLED": "0",
    }
    program = folder / "sumdb"
    build = [go, "build", "-o", program, SOURCE]
    done = subprocess.run(
        build, env=environment, cwd=folder, capture_output=True, text=True, check=False, timeout=280
    )
    assert done.returncode == 0, done.stderr

    def run(*arguments):
        return subprocess.run(
            [program, *arguments], capture_output=True, text=True, check=False, timeout=120
        )

    return run


@pytest.mark.timeout(300)
@pytest.mark.parametrize("size", SIZES)
def test_go_verifies_our_log_and_makes_the_same_proofs(sumdb, tmp_path, size):
    exported = ExportedLog(export(tmp_path, records(size)))
    done = sumdb("check", tmp_path, str(LOG.verifier))
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert (told["size"], told["root"]) == (size, root_of(exported, size).hex())
    for index in range(size):
        ours = [step.hex() for step in inclusion_proof(exported, index, size)]
        assert told["records"][str(index)] == ours
    for old_size in range(1, size + 1):
        ours = [step.hex() for step in consistency_proof(exported, old_size, size)]
        assert told["consistency"][str(old_size)] == ours


def test_go_finds_what_was_changed_in_our_log(sumdb, tmp_path):
    export(tmp_path, records(300))
    key = str(LOG.verifier)
    for path in ("tile/0/000", "tile/0/001.p/44", "tile/1/000.p/1", "tile/entries/000"):
        before = (tmp_path / path).read_bytes()
        (tmp_path / path).write_bytes(before[:9] + bytes([before[9] ^ 1]) + before[10:])
        assert sumdb("check", tmp_path, key).returncode == 1
        (tmp_path / path).write_bytes(before)
    assert sumdb("check", tmp_path, key).returncode == 0
    (tmp_path / "checkpoint").write_bytes(signed(records(299)))
    assert sumdb("check", tmp_path, key).returncode == 1


@pytest.mark.parametrize("size", SIZES)
def test_we_verify_what_go_makes(sumdb, tmp_path, size):
    log = records(size)
    given, folder = tmp_path / "records.json", tmp_path / "log"
    given.write_text(json.dumps([record.decode() for record in log]))
    done = sumdb("make", folder, given)
    assert done.returncode == 0, done.stderr
    key = done.stdout.strip()
    assert outsider.check(folder, key)["n_records"] == size
    exported = ExportedLog(folder)
    checkpoint = open_checkpoint((folder / "checkpoint").read_bytes(), NoteVerifier.parse(key))
    assert list(exported.records()) == log
    for index, record in enumerate(log):
        proof = inclusion_proof(exported, index, size)
        verify_inclusion(leaf_hash(record), index, size, proof, checkpoint.root)
    for old_size in range(size + 1):
        proof = consistency_proof(exported, old_size, size)
        old_root = root_of(exported, old_size)
        verify_consistency(old_size, old_root, size, checkpoint.root, proof)

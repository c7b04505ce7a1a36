"""``overt ledger witness``, without a store."""

import json
from datetime import UTC, datetime

import pytest

from fixtures.logs import Log, key_of, records
from overt.cli.ledger_witness_folder import WitnessFolder
from overt.core.errors import IntegrityError, StorageError
from overt.ledger.cosignature import (
    Cosigner,
    WitnessVerifier,
    cosignatures,
    parse_lines,
    with_lines,
)

LOG = Log("example.com/log", records(300))
FORK = Log("example.com/log", records(300, first=b"altered"))
NOW_S = 1_800_000_000


@pytest.fixture
def state(tmp_path):
    return tmp_path / "witness"


@pytest.fixture
def witness(command, state):
    ran = command("ledger", "witness", "init", "witness.example/w", "--state", state)
    assert ran.returncode == 0, ran.stderr
    verifier = WitnessVerifier.parse(ran.stdout.strip())
    ran = command("ledger", "witness", "add-log", LOG.signer.verifier, "--state", state)
    assert ran.returncode == 0, ran.stderr
    return verifier


@pytest.fixture
def cosign(command, state, tmp_path):
    def do(data, *options):
        (tmp_path / "request").write_bytes(data)
        return command(
            "ledger", "witness", "cosign", tmp_path / "request", "--state", state, *options
        )

    return do


def shown(command, state):
    ran = command("ledger", "witness", "status", "--state", state, "--json")
    assert ran.returncode == 0, ran.stderr
    return ran.json


def test_a_witness_cosigns_what_grows(command, state, witness, cosign, home):
    for old_size, size in ((0, 5), (5, 300)):
        ran = cosign(LOG.request(old_size, size))
        assert ran.returncode == 0, ran.stderr
        (found,) = cosignatures(
            with_lines(LOG.note(size), parse_lines(ran.stdout.encode())), [witness]
        )
        assert abs(found.time_s - datetime.now(UTC).timestamp()) < 60
    log = shown(command, state)["logs"][0]
    assert (log["origin"], log["size"], log["root_sha256"]) == (
        "example.com/log",
        300,
        LOG.root(300).hex(),
    )
    assert "300" in command("ledger", "witness", "status", "--state", state).stdout
    assert not home.exists()  # no store was opened for it


def test_the_answer_can_be_written_to_a_file(cosign, witness, tmp_path):
    ran = cosign(LOG.request(0, 5), "--out", tmp_path / "answer", "--json")
    assert ran.returncode == 0, ran.stderr
    assert (tmp_path / "answer").read_text("utf-8") == ran.json["cosignature"] + "\n"


def test_a_conflict_says_where_to_begin(cosign, witness):
    cosign(LOG.request(0, 5))
    ran = cosign(LOG.request(0, 9), "--json")
    assert ran.returncode == 10
    assert (ran.json["status"], ran.json["known_size"]) == (409, 5)
    assert cosign(LOG.request(0, 9)).failed_plainly(10, "it has to begin at 5")


def test_an_old_checkpoint_is_not_cosigned_again(cosign, witness):
    cosign(LOG.request(0, 9))
    assert cosign(LOG.request(0, 5)).failed_plainly(10, "one of 9 was cosigned before")


def test_a_fork_is_refused_and_its_proof_is_kept(command, cosign, state, witness):
    cosign(LOG.request(0, 5))
    for _ in range(2):
        assert cosign(FORK.request(5, 5)).failed_plainly(4, "two different trees of 5 records")
    files = sorted((state / "evidence").iterdir())
    assert sorted(path.read_bytes() for path in files) == sorted([LOG.note(5), FORK.note(5)])
    (log,) = shown(command, state)["logs"]
    assert log["evidence"] == [str(path) for path in files]
    third = Log("example.com/log", records(300, first=b"a third"))
    assert cosign(third.request(5, 5)).failed_plainly(4, "two different trees")
    assert len(list((state / "evidence").iterdir())) == 2
    # It goes on with the history that it knows.
    assert cosign(LOG.request(5, 9)).returncode == 0


def test_what_cannot_be_proved_is_refused(cosign, witness):
    cosign(LOG.request(0, 5))
    assert cosign(FORK.request(5, 9)).failed_plainly(4, "does not begin with the tree of 5")


@pytest.mark.parametrize(
    ("data", "code", "says"),
    [
        (b"", 3, "empty line"),
        (b"old 0\n\nno note", 3, "not a signed note"),
        (Log("example.com/other", records(3)).request(0, 3), 3, "does not cosign for"),
        (Log("example.com/log", records(3), key_of("x")).request(0, 3), 4, "not signed by a known"),
        (bytes(1 << 21), 3, "larger than one mebibyte"),
    ],
)
def test_what_is_no_request_of_a_known_log_is_refused(cosign, witness, data, code, says):
    assert cosign(data).failed_plainly(code, says)


def test_commands_on_a_folder_without_a_witness(command, cosign, state):
    assert cosign(LOG.request(0, 5)).failed_plainly(3, "no witness in this folder")
    ran = command("ledger", "witness", "status", "--state", state)
    assert ran.failed_plainly(3, "no witness in this folder")


def test_a_witness_is_not_made_twice(command, state, witness):
    ran = command("ledger", "witness", "init", "witness.example/other", "--state", state)
    assert ran.failed_plainly(3, "keys are not replaced")


def test_a_name_that_no_key_can_have(command, state):
    for name in ("", "two words", "a+b"):
        ran = command("ledger", "witness", "init", name, "--state", state)
        assert ran.failed_plainly(3, "no spaces or plus signs")
    assert not state.exists()


def test_a_witness_is_not_its_own_log(command, state, witness):
    from overt.ledger.notes import NoteVerifier

    own = NoteVerifier("example.com/log", witness.public_key)
    ran = command("ledger", "witness", "add-log", own, "--state", state)
    assert ran.failed_plainly(3, "the witness's own")


def test_a_witness_key_is_no_log(command, state, witness):
    ran = command("ledger", "witness", "add-log", witness, "--state", state)
    assert ran.failed_plainly(3, "not of the Ed25519 type")


def test_a_log_may_have_a_second_key(command, cosign, state, witness):
    cosign(LOG.request(0, 5))
    successor = Log("example.com/log", records(300), key_of("next"))
    add = ("ledger", "witness", "add-log", successor.signer.verifier, "--state", state, "--json")
    assert len(command(*add).json["verifier_keys"]) == 2
    assert len(command(*add).json["verifier_keys"]) == 2
    assert cosign(successor.request(5, 9)).returncode == 0


def test_a_log_whose_key_has_another_name(command, cosign, state, witness):
    moved = Log("example.com/moved", records(9), key_of("moved"))
    add = ("ledger", "witness", "add-log", LOG.signer.verifier, "--state", state)
    assert command(*add, "--origin", "example.com/moved").returncode == 0
    assert cosign(moved.request(0, 9)).failed_plainly(4, "not signed by a known key")


def test_the_key_is_its_owners_alone(command, cosign, state, witness):
    assert (state / "witness.key").stat().st_mode & 0o077 == 0
    (state / "witness.key").chmod(0o644)
    assert cosign(LOG.request(0, 5)).failed_plainly(4, "can be read by others")


def test_a_public_half_of_another_key_is_found(cosign, state, witness):
    other = Cosigner("witness.example/w", key_of("other"))
    (state / "witness.vkey").write_text(f"{other.verifier}\n")
    assert cosign(LOG.request(0, 5)).failed_plainly(4, "not the one that its public half names")


def state_file(state):
    (path,) = (state / "logs").glob("*.json")
    return path


@pytest.mark.parametrize(
    "alter",
    [
        lambda data: data[:-1],
        lambda data: data.replace(b'"version":1', b'"version":2'),
        lambda data: data.replace(b"\\n5\\n", b"\\n4\\n"),
        lambda data: data.replace(b'"origin":"example.com/log"', b'"origin":"example.com/lag"'),
        lambda data: data.replace(b'"time_s":', b'"time":'),
        lambda data: data.replace(b"example.com/log+", b"example.com/log+0"),
        lambda data: b"[]",
    ],
)
def test_a_state_that_was_altered_is_found(cosign, state, witness, alter):
    cosign(LOG.request(0, 5))
    path = state_file(state)
    before = path.read_bytes()
    path.write_bytes(alter(before))
    assert path.read_bytes() != before
    assert cosign(LOG.request(5, 9)).failed_plainly(4, "was altered")


def test_a_state_in_anothers_place_is_found(command, cosign, state, witness):
    other = Log("example.com/other", records(300))
    command("ledger", "witness", "add-log", other.signer.verifier, "--state", state)
    cosign(LOG.request(0, 5))
    cosign(other.request(0, 9))
    one, two = (state / "logs").glob("*.json")
    kept = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(kept)
    assert cosign(LOG.request(9, 9)).failed_plainly(4, "another's place")


def test_a_full_disk_stops_the_witness(command, small_disk, tmp_path):
    disk = small_disk("64k")
    command("ledger", "witness", "init", "witness.example/w", "--state", disk / "w")
    command("ledger", "witness", "add-log", LOG.signer.verifier, "--state", disk / "w")
    with (disk / "ballast").open("wb", buffering=0) as file:
        try:
            while file.write(bytes(4096)):
                pass
        except OSError:
            pass
    (tmp_path / "request").write_bytes(LOG.request(0, 5))
    ask = ("ledger", "witness", "cosign", tmp_path / "request", "--state", disk / "w")
    assert command(*ask).failed_plainly(7, "cannot keep what it saw")
    (disk / "ballast").unlink()
    ran = command("ledger", "witness", "status", "--state", disk / "w", "--json")
    assert ran.json["logs"][0]["size"] == 0
    assert command(*ask).returncode == 0


def test_a_folder_that_cannot_be_locked(state, witness):
    (state / "witness.lock").unlink(missing_ok=True)
    (state / "witness.lock").mkdir()
    with pytest.raises(StorageError), WitnessFolder(state).locked():
        pass


def test_an_altered_state_stops_the_list_as_well(state, witness):
    state_file(state).write_text(json.dumps({}))
    with WitnessFolder(state).locked() as kept, pytest.raises(IntegrityError):
        kept.logs()

"""``overt ledger`` on a store of its own: what is handed out, to whom, and what is refused."""

import hashlib
import json
import shutil
from pathlib import Path

import pytest

from fixtures.logs import Book, key_of
from fixtures.record import Office, open_office
from overt.ledger import outsider
from overt.ledger.cosignature import Cosigner, WitnessVerifier, cosignatures
from overt.ledger.kinds import RecordKind
from overt.ledger.notes import NoteVerifier, open_checkpoint, parse_note
from overt.ledger.proof_file import ProofFile
from overt.ledger.witness import AddCheckpoint, Cosigned, WatchedLog, add_checkpoint

WITNESS = Cosigner("witness.example/one", key_of("one"))
OTHER = Cosigner("witness.example/two", key_of("two"))


@pytest.fixture(scope="module")
def made_office(tmp_path_factory):
    home = tmp_path_factory.mktemp("ledger") / "home"
    return home, open_office(home)


@pytest.fixture
def office(home, tmp_path, made_office):
    shutil.copytree(made_office[0], home)
    folder = tmp_path / "files"
    folder.mkdir()
    return Office(home, folder, made_office[1])


@pytest.fixture
def run(command, office):
    """Run a command that must succeed."""

    def do(*words):
        ran = command("ledger", *words)
        assert ran.returncode == 0, ran.stderr
        return ran

    return do


@pytest.fixture
def exported(run, office):
    folder = office.folder / "record"
    run("export", folder, *office.as_("auditor-1"))
    return folder


def answered(office, request):
    """Return the line of a witness that saw nothing before."""
    log = NoteVerifier.parse(office.key)
    book = Book()
    book.logs[log.name] = WatchedLog(log.name, (log,))
    answer = add_checkpoint(request, book, WITNESS, 1_800_000_000)
    assert isinstance(answer, Cosigned), answer
    return f"{answer.line}\n"


@pytest.fixture
def witnessed(run, office):
    """A checkpoint that a witness cosigned, and what it was asked with."""
    run("trust-witness", WITNESS.verifier, *office.as_("admin-1"))
    request = office.folder / "request"
    run("request", 0, "--out", request)
    line = answered(office, request.read_bytes())
    run("cosigned", office.file("answer", line))
    return AddCheckpoint.parse(request.read_bytes())


def test_the_key_and_the_newest_checkpoint_are_open_to_everybody(run, office):
    assert run("key").stdout.strip() == office.key == run("key", "--json").json["verifier_key"]
    note = run("checkpoint").stdout.encode()
    head = open_checkpoint(note, NoteVerifier.parse(office.key))
    shown = run("checkpoint", "--json").json
    assert (shown["size"], shown["root_sha256"]) == (head.size, head.root.hex())
    assert shown["content"].encode() == note
    run("checkpoint", "--out", office.folder / "checkpoint")
    assert (office.folder / "checkpoint").read_bytes() == note


def test_an_auditor_has_the_record_signed_as_it_is_now(run, office):
    office.happen(3)
    before = run("checkpoint", "--json").json["size"]
    after = run("checkpoint", "--sign", *office.as_("auditor-1"), "--json").json["size"]
    assert after == before + 3
    assert run("checkpoint", "--size", before, "--json").json["size"] == before


def test_an_export_grows_and_is_checked_by_the_outsiders_program(run, office, exported):
    first = outsider.check(exported, office.key)
    kept = (exported / "checkpoint").read_bytes()
    office.happen(500, signed=True)
    again = run("export", exported, *office.as_("auditor-1"), "--json").json
    assert again["n_records"] == first["n_records"] + 501  # and the first export itself
    assert again["n_written"] == 501
    assert outsider.check(exported, office.key, previous=kept)["n_records"] == again["n_records"]
    shown = run("verify", "--export", exported, "--key", office.key, "--json").json
    assert shown["verified"]
    assert shown["n_by_kind"]["export.made"] == 1


def test_an_export_says_what_it_lacks(run, office):
    office.happen(7)
    shown = run("export", office.folder / "record", *office.as_("auditor-1"), "--json").json
    assert shown["n_newer"] == 8


def test_an_export_of_a_smaller_checkpoint_does_not_take_back_a_larger(command, office, exported):
    ran = command("ledger", "export", exported, "--size", "303", *office.as_("auditor-1"))
    assert ran.returncode in {0, 3}
    office.happen(2, signed=True)
    command("ledger", "export", exported, *office.as_("auditor-1"))
    ran = command("ledger", "export", exported, "--size", "303", *office.as_("auditor-1"))
    assert ran.failed_plainly(3, "more than the 303")


def test_the_verifier_is_the_program_itself(run, office):
    printed = run("verifier").stdout
    assert printed == Path(outsider.__file__).read_text("utf-8")
    run("verifier", "--out", office.folder / "verifier.py")
    assert (office.folder / "verifier.py").read_text("utf-8") == printed
    digest = hashlib.sha256(printed.encode()).hexdigest()
    assert run("verifier", "--json").json == {"sha256": digest, "content": printed}


def test_an_entry_is_proved_without_being_shown(run, office):
    path = office.folder / "proof"
    run("prove", "record", 7, "--out", path)
    proof = ProofFile.parse(path.read_bytes())
    assert proof.record is None
    assert run("prove", "record", 7, "--json").json["content"].encode() == path.read_bytes()
    (office.folder / "entry").write_bytes(office.records()[7].to_bytes())
    checked = ("check-proof", path, "--key", office.key, "--record", office.folder / "entry")
    shown = run(*checked, "--json").json
    assert shown["verified"]
    assert (shown["index"], shown["record"]["kind"]) == (7, "refusal")
    assert "entry 7" in run(*checked).stderr
    assert [each.kind for each in office.records()].count(RecordKind.EXPORT_MADE) == 0


def test_an_entry_that_goes_along_is_on_record(run, office):
    path = office.folder / "proof"
    run("prove", "record", 7, "--with-record", *office.as_("auditor-1"), "--out", path)
    shown = run("check-proof", path, "--key", office.key, "--json").json
    assert shown["record"] == json.loads(office.records()[7].to_bytes())
    last = office.records()[-1]
    assert (last.kind, last.body["what"], last.body["subject"], last.body["by"]) == (
        RecordKind.EXPORT_MADE,
        "ledger-record",
        "7",
        "auditor-1",
    )


def test_growth_is_proved_from_a_checkpoint_that_was_kept(run, office):
    run("checkpoint", "--out", office.folder / "old")
    size = run("checkpoint", "--json").json["size"]
    office.happen(90, signed=True)
    run("prove", "consistency", size, "--out", office.folder / "grown")
    checked = ("check-proof", office.folder / "grown", "--key", office.key)
    shown = run(*checked, "--previous", office.folder / "old", "--json").json
    assert (shown["verified"], shown["old_size"], shown["size"]) == (True, size, size + 90)
    assert "only grew" in run(*checked, "--previous", office.folder / "old").stdout


def test_a_proof_of_growth_of_another_history_is_found(command, run, office):
    size = run("checkpoint", "--json").json["size"]
    run("checkpoint", "--out", office.folder / "old")
    office.happen(90, signed=True)
    run("prove", "consistency", size, "--out", office.folder / "grown")
    data = (office.folder / "grown").read_bytes()
    lines = data.split(b"\n")
    lines[1], lines[2] = lines[2], lines[1]
    office.file("grown", b"\n".join(lines))
    checked = ("ledger", "check-proof", office.folder / "grown", "--key", office.key)
    ran = command(*checked, "--previous", office.folder / "old")
    assert ran.failed_plainly(4, "does not begin with")


def test_a_witness_is_asked_from_where_it_ended(run, office, witnessed):
    assert (witnessed.old_size, witnessed.proof) == (0, ())
    size = witnessed.checkpoint.size
    office.happen(40, signed=True)
    again = AddCheckpoint.parse(run("request", "--for", WITNESS.name).stdout.encode())
    assert again.old_size == size
    assert again.checkpoint.size > size + 40
    assert run("request", size).stdout.encode() == again.to_bytes()
    shown = run("prove", "consistency", size, "--json").json
    assert (shown["old_size"], shown["content"].encode()) == (size, again.to_bytes())
    assert run("request", 0, "--json").json["old_size"] == 0
    (known,) = run("witnesses", "--json").json["witnesses"]
    assert (known["n_cosigned"], known["cosigned_size"]) == (1, size)
    assert str(size) in run("witnesses").stdout


def test_a_cosignature_goes_with_its_checkpoint(run, office, witnessed):
    size = witnessed.checkpoint.size
    office.happen(40, signed=True)
    note = run("checkpoint", "--cosigned").stdout.encode()
    (line,) = cosignatures(note, [WITNESS.verifier])
    assert line.time_s == 1_800_000_000
    witness = ("--witness", WITNESS.verifier)
    run("export", office.folder / "record", "--cosigned", *office.as_("auditor-1"))
    checked = ("verify", "--export", office.folder / "record", "--key", office.key, *witness)
    assert run(*checked, "--json").json["cosigned"] == [
        {"name": WITNESS.name, "at_utc": "2027-01-15T08:00:00.000Z"}
    ]
    assert "Cosigned by" in run(*checked).stdout
    run("prove", "record", 7, "--cosigned", "--out", office.folder / "proof")
    (office.folder / "entry").write_bytes(office.records()[7].to_bytes())
    given = ("--record", office.folder / "entry", "--key", office.key, *witness)
    proved = run("check-proof", office.folder / "proof", *given, "--json").json
    assert (proved["size"], len(proved["cosigned"])) == (size, 1)


def test_a_line_that_comes_late_is_kept_under_its_own_checkpoint(command, run, office, witnessed):
    office.happen(5, signed=True)
    request = office.file("second", run("request", "--for", WITNESS.name).stdout)
    text = parse_note(AddCheckpoint.parse(request.read_bytes()).note).text
    line = office.file("answer", f"{WITNESS.cosign(text, 1_800_000_001)}\n")
    office.happen(5, signed=True)
    assert command("ledger", "cosigned", line).failed_plainly(4, "for this checkpoint")
    shown = run("cosigned", line, "--request", request, "--json").json
    assert shown["size"] == AddCheckpoint.parse(request.read_bytes()).checkpoint.size
    assert [each["name"] for each in shown["cosigned"]] == [WITNESS.name]


def test_a_witness_is_taken_in_once_and_on_record(command, run, office):
    take_in = ("trust-witness", WITNESS.verifier, *office.as_("admin-1"))
    run(*take_in)
    run(*take_in)
    kinds = [each.kind for each in office.records()]
    assert kinds.count(RecordKind.WITNESS_TRUSTED) == 1
    another = Cosigner(WITNESS.name, key_of("another")).verifier
    ran = command("ledger", "trust-witness", another, *office.as_("admin-1"))
    assert ran.failed_plainly(10, "name stands for one key")


def test_nobody_is_their_own_witness(command, office):
    own = NoteVerifier.parse(office.key)
    key = WitnessVerifier("witness.example/own", own.public_key)
    ran = command("ledger", "trust-witness", key, *office.as_("admin-1"))
    assert ran.failed_plainly(3, "own witness")


def test_two_witnesses_and_a_quorum(command, run, office, witnessed):
    both = ("--witness", WITNESS.verifier, "--witness", OTHER.verifier)
    run("export", office.folder / "record", "--cosigned", *office.as_("auditor-1"))
    checked = ("ledger", "verify", "--export", office.folder / "record", "--key", office.key)
    assert command(*checked, *both).failed_plainly(4, "1 of 2 witnesses")
    assert command(*checked, *both, "--quorum", "1").returncode == 0
    assert command(*checked, *both, "--quorum", "3").failed_plainly(3, "3 of 2 witnesses")
    twice = ("--witness", WITNESS.verifier) * 2
    assert command(*checked, *twice).failed_plainly(3, "stands there twice")


@pytest.mark.parametrize("path", ["checkpoint", "tile/0/000", "tile/entries/000", "tile/1/000.p/1"])
def test_an_altered_export_is_found(command, office, exported, path):
    file = exported / path
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    checked = ("ledger", "verify", "--export", exported, "--key", office.key)
    assert command(*checked).failed_plainly(4, "")
    ran = command(*checked, "--json")
    assert (ran.returncode, ran.json["verified"]) == (4, False)
    assert ran.json["code"]


def test_who_was_refused_is_on_record(command, office):
    command("ledger", "export", office.folder / "new", *office.as_("officer-1"))
    last = office.records()[-1]
    assert (last.kind, last.body["act"], last.body["by"]) == (
        RecordKind.ACT_DENIED,
        "take the record out as files",
        "officer-1",
    )
    assert not (office.folder / "new").exists()


def test_nothing_is_exported_where_nothing_can_be_kept(command, office, small_disk):
    disk = small_disk("16k")
    ran = command("ledger", "export", disk / "record", *office.as_("auditor-1"))
    assert ran.failed_plainly(7, "cannot be written")


def test_what_an_outsider_checks_needs_no_store(command, office, exported, tmp_path, monkeypatch):
    monkeypatch.setenv("OVERT_HOME", str(tmp_path / "none"))
    assert command("ledger", "verify", "--export", exported, "--key", office.key).returncode == 0
    assert not (tmp_path / "none").exists()

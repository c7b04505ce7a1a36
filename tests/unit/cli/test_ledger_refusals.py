"""``overt ledger``: what cannot be is one plain sentence, and the promised exit code."""

import pytest

from fixtures.logs import key_of
from fixtures.record import ROLES, Office, open_office
from overt.core.clock import SystemClock
from overt.ledger.cosignature import Cosigner
from overt.ledger.export import ExportedLog
from overt.ledger.notes import Checkpoint, NoteVerifier, parse_note
from overt.ledger.proof_file import ProofFile
from overt.ledger.witness import AddCheckpoint
from overt.store.store import Store

WITNESS = Cosigner("witness.example/one", key_of("one"))
OTHER = Cosigner("witness.example/two", key_of("two"))
OTHER_KEY = NoteVerifier("example.com/other", OTHER.verifier.public_key)
AUDITOR, ADMIN, OFFICER = ("@auditor-1", "@admin-1", "@officer-1")
REFUSED = {
    "another key": (("verify", "--export", "record", "--key", OTHER_KEY), 4, "by the log's key"),
    "a witness's key for the log's": (
        ("verify", "--export", "record", "--key", OTHER.verifier),
        3,
        "not of the Ed25519 type",
    ),
    "a log's key for a witness's": (
        ("verify", "--export", "record", "--key", "KEY", "--witness", OTHER_KEY),
        3,
        "not a witness's",
    ),
    "an earlier checkpoint that is none": (
        ("verify", "--export", "record", "--key", "KEY", "--previous", "auditor-1.key"),
        4,
        "not in form",
    ),
    "no key": (("verify", "--export", "record"), 2, "--key"),
    "no export": (("verify", "--key", OTHER_KEY), 2, "go with --export"),
    "a quorum of nothing": (("verify", "--quorum", "0"), 2, "go with --export"),
    "no folder": (("verify", "--export", "none", "--key", "KEY"), 3, "no folder"),
    "no such entry": (("prove", "record", "99999"), 3, "no record 99999"),
    "no such checkpoint": (("checkpoint", "--size", "5"), 3, "no checkpoint over the first 5"),
    "a checkpoint that nobody cosigned": (("checkpoint", "--cosigned"), 3, "has cosigned"),
    "two checkpoints": (("prove", "record", "1", "--cosigned", "--size", "1"), 2, "--cosigned"),
    "an entry for nobody": (("prove", "record", "1", "--with-record"), 2, "--as"),
    "somebody for no entry": (("prove", "record", "1", AUDITOR), 2, "--with-record"),
    "an entry for somebody who may not": (
        ("prove", "record", "1", "--with-record", OFFICER),
        9,
        "may not take the record out",
    ),
    "an export for somebody who may not": (("export", "new", OFFICER), 9, "may not take the"),
    "a signature for nobody": (("checkpoint", "--sign"), 2, "--as"),
    "a signature of the past": (("checkpoint", "--sign", "--size", "5", AUDITOR), 2, "everything"),
    "a witness taken in by an auditor": (
        ("trust-witness", OTHER.verifier, AUDITOR),
        9,
        "may not take in a witness's key",
    ),
    "a log taken in as a witness": (("trust-witness", OTHER_KEY, ADMIN), 3, "not a witness's"),
    "an unknown witness": (("request", "--for", "witness.example/two"), 3, "no witness of"),
    "nobody to ask": (("request",), 2, "--for"),
    "two to ask": (("request", "5", "--for", WITNESS.name), 2, "--for"),
    "growth from more than there is": (("request", "99999"), 3, "cannot begin with one of 99999"),
    "a line of nobody": (("cosigned", "stranger"), 3, "no known witness"),
    "a line that is none": (("cosigned", "auditor-1.key"), 3, "not a signature"),
    "a file that is not there": (("cosigned", "nowhere"), 3, "cannot be read"),
    "growth alone": (("check-proof", "grown", "--key", "KEY"), 2, "--previous"),
    "growth with an entry": (
        ("check-proof", "grown", "--key", "KEY", "--previous", "old", "--record", "old"),
        2,
        "no --record",
    ),
    "growth from elsewhere": (
        ("check-proof", "grown", "--key", "KEY", "--previous", "old"),
        3,
        "the earlier checkpoint at",
    ),
    "a proof with an earlier checkpoint": (
        ("check-proof", "bare", "--key", "KEY", "--previous", "old"),
        2,
        "only grew",
    ),
    "a proof of another entry": (
        ("check-proof", "bare", "--key", "KEY", "--record", "old"),
        4,
        "does not lead from the record",
    ),
    "a proof without its entry": (("check-proof", "bare", "--key", "KEY"), 2, "--record"),
    "no proof": (("check-proof", "old", "--key", "KEY", "--previous", "old"), 3, ""),
}


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """Files that commands are given, made once; no command that is refused changes them."""
    folder = tmp_path_factory.mktemp("prepared")
    home = folder / "home"
    office = Office(home, folder, open_office(home))
    for name in ROLES:
        office.as_(name)
    with Store.open(home, SystemClock()) as store:
        note = store.ledger.checkpoint()
        ExportedLog(folder / "record").write(note, store.ledger.records)
        office.file("old", note)
        size = Checkpoint.parse(parse_note(note).text).size
        proof = store.ledger.consistency_proof(size - 5)
        office.file("grown", AddCheckpoint(size - 5, proof, note).to_bytes())
        bare = store.ledger.prove(7)
        office.file("bare", ProofFile(bare.index, bare.proof, bare.note).to_bytes())
    office.file("stranger", f"{OTHER.cosign(parse_note(note).text, 1)}\n")
    return office


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_is_one_plain_sentence(case, command, prepared, monkeypatch):
    words, code, says = REFUSED[case]
    monkeypatch.setenv("OVERT_HOME", str(prepared.home))
    monkeypatch.chdir(prepared.folder)
    typed = []
    for word in words:
        if str(word).startswith("@"):
            typed += ["--as", f"{word[1:]}.key"]
        else:
            typed.append(prepared.key if word == "KEY" else word)
    assert command("ledger", *typed).failed_plainly(code, says)

import base64

import pytest

from fixtures.logs import Log, key_of, records
from overt.core.errors import InputError, IntegrityError
from overt.ledger.cosignature import Cosigner, WitnessPolicy, with_lines
from overt.ledger.notes import Checkpoint, NoteSigner, parse_note
from overt.ledger.proof_file import ProofFile
from overt.ledger.tiles import inclusion_proof

# From C2SP tlog-proof; where it leaves out parts of a signature, others stand here.
PUBLISHED = """\
c2sp.org/tlog-proof@v1
extra YWdlLXYxLjIuMS1kYXJ3aW4tYXJtNjQudGFyLmd6kYXJ3aW4tYXJ
index 73894
gSKyXoYZUgZ6jduWYrkDOARinOMGJveXjgMkBTcdPlQ=
B95lDa8R83lS8n0eG+o0buTxRKQTYFi//1U8anccXmA=
EKNzoDWG8LGC0Yp9o+sv3qllpMP9uHQ9B20KNL+Q1zs=
RoopEkOdqkYqMB4MJXrbt/hMjOxsVn0IrWjpz1ZMMes=
AHCioX9nLjsrse6YhjRRmk1WUEirVOLLRoOQ6vfO5vk=

example.com/fancylog
109482
sFodV/vSp5O8n9a8QpW6PRY97tfOSW5bsc2Xl/EQi08=

\u2014 example.com/fancylog AAAAAAAAAAAA
\u2014 witness1.example AAAAAAAAAAAA
""".encode()

LOG = Log("example.com/log", records(300))
WITNESS = Cosigner("witness.example/w", key_of("witness"))
NONE = WitnessPolicy()
KEY = LOG.signer.verifier


def proof_of(index, size, **parts):
    return ProofFile(index, inclusion_proof(LOG.tiles, index, size), LOG.note(size), **parts)


def test_the_published_form_is_read_and_written_alike():
    proof = ProofFile.parse(PUBLISHED)
    assert (proof.index, len(proof.proof)) == (73894, 5)
    assert proof.record.startswith(b"age-v1.2.1-darwin-arm64.tar.gz")
    assert Checkpoint.parse(parse_note(proof.note).text).size == 109482
    assert proof.to_bytes() == PUBLISHED


@pytest.mark.parametrize(("index", "size"), [(0, 1), (0, 300), (255, 256), (256, 257), (299, 300)])
def test_a_proof_leads_to_the_checkpoint(index, size):
    proof = ProofFile.parse(proof_of(index, size).to_bytes())
    checkpoint, cosigned = proof.check(records(300)[index], KEY, NONE)
    assert (checkpoint.size, cosigned) == (size, ())


def test_a_proof_under_witnesses():
    note = LOG.note(9)
    line = WITNESS.cosign(parse_note(note).text, 7)
    asked = WitnessPolicy((WITNESS.verifier,), 1)
    proof = ProofFile(3, inclusion_proof(LOG.tiles, 3, 9), with_lines(note, [line]))
    (cosigned,) = proof.check(records(9)[3], KEY, asked)[1]
    assert cosigned.time_s == 7
    with pytest.raises(IntegrityError, match="0 of the 1 known witnesses"):
        proof_of(3, 9).check(records(9)[3], KEY, asked)


@pytest.mark.parametrize("index", [2, 4, 300])
def test_a_record_in_another_place_is_found(index):
    proof = proof_of(3, 9)
    moved = ProofFile(index, proof.proof, proof.note)
    with pytest.raises(IntegrityError):
        moved.check(records(9)[3], KEY, NONE)


def test_a_record_that_lies_in_the_file_is_not_believed():
    proof = proof_of(3, 9, record=b"something else")
    with pytest.raises(IntegrityError):
        proof.check(proof.record, KEY, NONE)


def test_another_logs_checkpoint_is_found():
    other = Log("example.com/log", records(300), key_of("another"))
    with pytest.raises(IntegrityError):
        proof_of(3, 9).check(records(9)[3], other.signer.verifier, NONE)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"@v1", b"@v2"),
        (b"index 3", b"index 03"),
        (b"index 3", b"index  3"),
        (b"index 3", b"index -3"),
        (b"index 3", b"Index 3"),
        (b"index 3", b"extra !!\nindex 3"),
        (b"index 3\n", b"index 3\nAAAA\n"),
        (b"index 3\n", b"index 3\n" + (base64.b64encode(bytes(32)) + b"\n") * 64),
        (b"index 3\n", b"index 3\nextra AAAA\n"),
        (b"index 3\n", b""),
        (b"\n\nexample", b"\nexample"),
    ],
)
def test_a_file_that_is_nearly_in_form_is_refused(old, new):
    data = proof_of(3, 9).to_bytes()
    assert old in data
    with pytest.raises(InputError):
        ProofFile.parse(data.replace(old, new, 1)).check(records(9)[3], KEY, NONE)


def test_a_proof_in_a_log_of_a_million_records_is_small():
    """As many hashes as the deepest path has, over a checkpoint with three witnesses."""
    signer = NoteSigner("overt.local/0123456789abcdef", key_of("log"))
    note = signer.sign(Checkpoint(signer.name, 1_000_000, bytes(32)).text)
    lines = [
        Cosigner(f"witness.example/{n}", key_of(n)).cosign(parse_note(note).text, 1)
        for n in ("one", "two", "three")
    ]
    proof = ProofFile(999_999, (bytes(32),) * 20, with_lines(note, lines))
    assert len(proof.to_bytes()) < 2048

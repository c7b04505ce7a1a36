import pytest

from fixtures.logs import key_of
from overt.core.errors import InputError, IntegrityError
from overt.ledger.cosignature import (
    Cosigner,
    WitnessPolicy,
    WitnessVerifier,
    cosignatures,
    parse_lines,
    with_lines,
)
from overt.ledger.merkle import CompactTree, leaf_hash
from overt.ledger.notes import NoteSigner, NoteVerifier, SignatureLine, parse_note, sign_checkpoint

# Made with transparency-dev/formats v0.1.1 (NewSignerForCosignatureV1) and x/mod/sumdb/note, from
# these seeds, and published as a test vector by the r2notary project.
VECTOR_LOG = NoteSigner("example.com/vector-log", key_of("r2notary test vector: log key"))
VECTOR_WITNESS = Cosigner("witness.example.com/vector", key_of("r2notary test vector: witness key"))
VECTOR_LOG_KEY = "example.com/vector-log+4516a1da+ARGkVJ4QEa2MOOLGBO6i7NVSJ1FQ97tIX+w+Ku0RZ6Em"
VECTOR_WITNESS_KEY = (
    "witness.example.com/vector+416f103d+BK/QmJFVP3SKJOqAMhFxBQPtylo3sjwWibyFDAlZKK8B"
)
VECTOR_TEXT = "example.com/vector-log\n1234\nSBNJTRN+FjG7owHVrKtue7eqdM4RhdRWVl71HXN2d7I=\n"
VECTOR_LOG_LINE = (
    "\u2014 example.com/vector-log RRah2qlLrSlk6J8DA1HmNewppUM15Quhs5cAIb1KjBsV3otVirJTW8AFVs"
    "QtJkTW1Zny7GuoAxZpI6bUPcpM68QOIgE=\n"
)
VECTOR_WITNESS_LINE = (
    "\u2014 witness.example.com/vector QW8QPQAAAABqwLUbDdj7sDNRIVjmjYgqFI6y4UJhPg/UAA8J8wAdqSd3"
    "q4PedRhkgXA4xFN/Jg5uWn7ZkBA+H/UHQs5d9hITdXmQAA==\n"
)
VECTOR_TIME_S = 1_791_014_171
VECTOR_NOTE = f"{VECTOR_TEXT}\n{VECTOR_LOG_LINE}{VECTOR_WITNESS_LINE}".encode()

# From C2SP tlog-cosignature, which publishes no key for it.
PUBLISHED_LINE = (
    "\u2014 witness.example.com/w1 jWbPPwAAAABkGFDLEZMHwSRaJNiIDoe9DYn/zXcrtPHeolMI5OWXEhZCB9dlrDJs"
    "X3b2oyin1nPZqhf5nNo0xUe+mbIUBkBIfZ+qnA==\n"
)
PUBLISHED_TIME_S = 1679315147

LOG = NoteSigner("example.com/log", key_of("log"))
ONE, TWO, THREE = (Cosigner(f"witness.example/{n}", key_of(n)) for n in ("one", "two", "three"))
NOTE = sign_checkpoint(CompactTree().extend(leaf_hash(bytes([n])) for n in range(5)), LOG)
TEXT = parse_note(NOTE).text
NOW_S = 1_800_000_000


def cosigned(*by: Cosigner, note: bytes = NOTE) -> bytes:
    return with_lines(note, [each.cosign(parse_note(note).text, NOW_S) for each in by])


def policy(*witnesses: Cosigner, quorum: int) -> WitnessPolicy:
    return WitnessPolicy(tuple(each.verifier for each in witnesses), quorum)


def test_a_cosignature_made_by_another_implementation_is_verified():
    witness = WitnessVerifier.parse(VECTOR_WITNESS_KEY)
    asked = WitnessPolicy((witness,), 1)
    checkpoint, found = asked.open(VECTOR_NOTE, NoteVerifier.parse(VECTOR_LOG_KEY))
    assert (checkpoint.size, checkpoint.text) == (1234, VECTOR_TEXT)
    assert [(each.witness, each.time_s) for each in found] == [(witness, VECTOR_TIME_S)]


def test_what_another_implementation_made_is_made_here_byte_for_byte():
    assert str(VECTOR_WITNESS.verifier) == VECTOR_WITNESS_KEY
    assert str(VECTOR_LOG.verifier) == VECTOR_LOG_KEY
    line = VECTOR_WITNESS.cosign(VECTOR_TEXT, VECTOR_TIME_S)
    assert with_lines(VECTOR_LOG.sign(VECTOR_TEXT), [line]) == VECTOR_NOTE


def test_the_published_line_is_taken_apart_and_put_together():
    (line,) = parse_lines(PUBLISHED_LINE.encode())
    assert (line.name, line.key_id.hex()) == ("witness.example.com/w1", "8d66cf3f")
    assert int.from_bytes(line.signature[:8]) == PUBLISHED_TIME_S
    assert len(line.signature) == 8 + 64
    assert f"{line}\n" == PUBLISHED_LINE


@pytest.mark.parametrize("position", range(4, 76, 5))
def test_a_changed_byte_of_a_cosignature_is_found(position):
    line = ONE.cosign(TEXT, NOW_S)
    raw = bytearray(line.key_id + line.signature)
    raw[position] ^= 1
    altered = with_lines(NOTE, [SignatureLine(line.name, bytes(raw[:4]), bytes(raw[4:]))])
    with pytest.raises(IntegrityError):
        policy(ONE, quorum=0).open(altered, LOG.verifier)


def test_a_cosignature_of_another_checkpoint_is_found():
    other = sign_checkpoint(CompactTree().append(leaf_hash(b"other")), LOG)
    moved = with_lines(NOTE, [ONE.cosign(parse_note(other).text, NOW_S)])
    with pytest.raises(IntegrityError, match="for this checkpoint"):
        cosignatures(moved, [ONE.verifier])


def test_a_cosignature_of_another_length_is_none():
    line = ONE.cosign(TEXT, NOW_S)
    for signature in (line.signature[:-1], line.signature + b"\x00", b"\x00"):
        with pytest.raises(IntegrityError, match="expected witness"):
            ONE.verifier.check(SignatureLine(line.name, line.key_id, signature), TEXT)


def test_a_time_beyond_what_the_format_allows_is_refused():
    with pytest.raises(InputError):
        ONE.cosign(TEXT, 2**63)
    with pytest.raises(InputError):
        ONE.cosign(TEXT, -1)


def test_a_plain_signature_of_the_same_key_is_no_cosignature():
    plain = NoteSigner(ONE.name, ONE.private_key).sign(TEXT)
    note = with_lines(NOTE, parse_note(plain).signatures)
    assert cosignatures(note, [ONE.verifier]) == ()


def test_only_a_checkpoint_is_cosigned():
    with pytest.raises(InputError):
        ONE.cosign("a text\n", NOW_S)


def test_unknown_witnesses_are_ignored():
    assert cosignatures(cosigned(ONE, TWO), [THREE.verifier]) == ()
    checkpoint, found = policy(TWO, quorum=1).open(cosigned(ONE, TWO), LOG.verifier)
    assert checkpoint.size == 5
    assert [each.witness.name for each in found] == [TWO.name]


@pytest.mark.parametrize(
    ("by", "quorum", "is_met"),
    [
        ((ONE, TWO), 2, True),
        ((ONE, TWO, THREE), 2, True),
        ((ONE,), 2, False),
        ((ONE, ONE), 2, False),
        ((), 0, True),
        ((), 1, False),
    ],
)
def test_a_quorum_counts_witnesses(by, quorum, is_met):
    note, asked = cosigned(*by), policy(ONE, TWO, THREE, quorum=quorum)
    if is_met:
        assert asked.open(note, LOG.verifier)[0].size == 5
    else:
        with pytest.raises(IntegrityError, match=f"where {quorum} are asked for"):
            asked.open(note, LOG.verifier)


def test_a_witness_that_signed_twice_counts_once():
    lines = [ONE.cosign(TEXT, NOW_S), ONE.cosign(TEXT, NOW_S + 1)]
    with pytest.raises(IntegrityError):
        policy(ONE, TWO, quorum=2).open(with_lines(NOTE, lines), LOG.verifier)


def test_one_key_under_two_names_is_one_witness():
    again = Cosigner("witness.example/alias", ONE.private_key)
    with pytest.raises(InputError, match="twice"):
        policy(ONE, again, quorum=2)


def test_more_witnesses_than_there_are_cannot_be_asked_for():
    with pytest.raises(InputError):
        policy(ONE, quorum=2)


def test_the_log_itself_has_to_have_signed():
    other = NoteSigner("example.com/log", key_of("another key"))
    with pytest.raises(IntegrityError):
        policy(ONE, quorum=1).open(cosigned(ONE), other.verifier)


def test_a_line_is_added_once():
    once = cosigned(ONE)
    assert with_lines(once, [ONE.cosign(TEXT, NOW_S)]) == once


@pytest.mark.parametrize(
    "text",
    [
        str(LOG.verifier),
        VECTOR_WITNESS_KEY.replace("416f103d", "416f103e"),
        VECTOR_WITNESS_KEY + "=",
        "witness+00000000+BA==",
        "",
    ],
)
def test_what_is_no_witness_key_is_refused(text):
    with pytest.raises(InputError):
        WitnessVerifier.parse(text)


def test_a_witness_key_is_no_log_key():
    with pytest.raises(InputError):
        NoteVerifier.parse(str(ONE.verifier))


@pytest.mark.parametrize("answer", [b"", b"\n", b"409\n", PUBLISHED_LINE.encode()[:-1], b"\xff\n"])
def test_what_is_no_answer_of_a_witness_is_refused(answer):
    with pytest.raises(InputError):
        parse_lines(answer)


def test_no_private_key_is_shown():
    assert "private" not in repr(ONE)

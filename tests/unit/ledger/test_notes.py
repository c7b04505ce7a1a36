import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from overt.core.errors import InputError, IntegrityError
from overt.ledger.merkle import CompactTree, leaf_hash
from overt.ledger.notes import (
    Checkpoint,
    NoteSigner,
    NoteVerifier,
    open_checkpoint,
    open_note,
    parse_note,
    sign_checkpoint,
)

# From golang.org/x/mod/sumdb/note, whose format C2SP signed-note writes down.
PUBLISHED_KEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PUBLISHED_TEXT = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
)
PUBLISHED_NOTE = (
    f"{PUBLISHED_TEXT}\n\u2014 PeterNeumann "
    "x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n"
).encode()
# From C2SP tlog-checkpoint.
PUBLISHED_CHECKPOINT = (
    "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
)
LOG = NoteSigner("example.com/log", Ed25519PrivateKey.from_private_bytes(bytes(range(32))))
OTHER = NoteSigner("example.com/other", Ed25519PrivateKey.from_private_bytes(bytes(32)))
TREE = CompactTree().extend(leaf_hash(bytes([n])) for n in range(5))


def cosigned(note: bytes, by: NoteSigner) -> bytes:
    """Return the note with a second signature, as a witness would add it."""
    text = parse_note(note).text
    return note + by.sign(text).removeprefix(f"{text}\n".encode())


def test_the_published_note_opens_under_the_published_key():
    verifier = NoteVerifier.parse(PUBLISHED_KEY)
    assert open_note(PUBLISHED_NOTE, [verifier]) == PUBLISHED_TEXT
    assert str(verifier) == PUBLISHED_KEY


def test_the_published_checkpoint_is_read_and_written_alike():
    checkpoint = Checkpoint.parse(PUBLISHED_CHECKPOINT)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20852163)
    assert checkpoint.text == PUBLISHED_CHECKPOINT


def test_a_checkpoint_survives_signing_and_opening():
    note = sign_checkpoint(TREE, LOG)
    assert open_checkpoint(note, LOG.verifier) == Checkpoint("example.com/log", 5, TREE.root)


def test_a_text_may_hold_empty_lines():
    note = LOG.sign("one\n\ntwo\n")
    assert open_note(note, [LOG.verifier]) == "one\n\ntwo\n"


def test_an_unknown_witness_is_ignored():
    note = cosigned(sign_checkpoint(TREE, LOG), by=OTHER)
    assert open_checkpoint(note, LOG.verifier).size == 5
    assert len(parse_note(note).signatures) == 2


def test_a_failing_signature_of_a_known_key_rejects_the_whole_note():
    note = cosigned(sign_checkpoint(TREE, LOG), by=OTHER)
    line = parse_note(note).signatures[1]
    encoded = base64.b64encode(line.key_id + line.signature)
    forged = base64.b64encode(line.key_id + bytes(64))
    with pytest.raises(IntegrityError):
        open_note(note.replace(encoded, forged), [LOG.verifier, OTHER.verifier])


def test_a_note_of_nobody_we_know_is_refused():
    with pytest.raises(IntegrityError, match="not signed by a known key"):
        open_note(LOG.sign("text\n"), [OTHER.verifier])


def test_the_checkpoint_of_another_log_is_refused_though_the_key_signed_it():
    note = LOG.sign(Checkpoint("example.com/elsewhere", 5, TREE.root).text)
    with pytest.raises(IntegrityError, match="another log"):
        open_checkpoint(note, LOG.verifier)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"text\n",
        b"text\n\n",
        b"text\n\n\n",
        b"text\n\nname AAAAAAA=\n",
        b"\xff\n\n",
        "text\n\n\u2014 name\n".encode(),
        "text\n\n\u2014 name AAAA\n".encode(),
        "text\n\n\u2014 na+me AAAAAAAA\n".encode(),
        "text\n\n\u2014 name AAAAAAAA".encode(),
        "te\x00xt\n\n\u2014 name AAAAAAAA\n".encode(),
        "te\rxt\n\n\u2014 name AAAAAAAA\n".encode(),
        "text\n\n\u2014 name AAAAAAB=\n".encode(),
        "text\n\n\u2014 name \u0660AAAAAAA\n".encode(),
        ("text\n\n" + "\u2014 name AAAAAAAA\n" * 101).encode(),
        b"x" * (1 << 20) + b"\n\n",
    ],
)
def test_what_is_not_a_note_is_refused(data):
    with pytest.raises(InputError):
        parse_note(data)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "log\n1\n",
        "log\n01\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "log\n-1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "log\n\u0661\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "log\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I\n",
        "log\n1\nAAAA\n",
        "\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n",
        "log\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n",
        "log\n1\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=",
    ],
)
def test_what_is_not_a_checkpoint_is_refused(text):
    with pytest.raises(InputError):
        Checkpoint.parse(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "PeterNeumann",
        "PeterNeumann+c74f20a4+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "Peter Neumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+AhpC2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW",
        "PeterNeumann+c74f20a3+AQ==",
        "PeterNeumann+c74f20a3+",
    ],
)
def test_what_is_not_a_verifier_key_is_refused(text):
    with pytest.raises(InputError):
        NoteVerifier.parse(text)


@pytest.mark.parametrize("text", ["", "no newline", "tab\there\n"])
def test_only_a_proper_text_is_signed(text):
    with pytest.raises(InputError):
        LOG.sign(text)

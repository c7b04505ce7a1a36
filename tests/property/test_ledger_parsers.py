"""Whatever bytes come in, the ledger's parsers raise only our errors; what goes out comes back."""

import contextlib
import json

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from overt.core.errors import InputError, IntegrityError
from overt.ledger.canonical import MAX_INTEGER, canonical_bytes, parse_canonical
from overt.ledger.merkle import CompactTree, leaf_hash, verify_inclusion
from overt.ledger.notes import (
    Checkpoint,
    NoteSigner,
    NoteVerifier,
    open_checkpoint,
    parse_note,
    sign_checkpoint,
)
from overt.ledger.records import LedgerRecord
from overt.ledger.tiles import MemoryTiles, inclusion_proof

LOG = NoteSigner("example.com/log", Ed25519PrivateKey.from_private_bytes(bytes(32)))
TEXTS = st.text(st.characters(exclude_categories=["Cs"]))
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-MAX_INTEGER, MAX_INTEGER) | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=12,
)
JSON_LIKE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
).map(lambda value: json.dumps(value).encode())
NOTE_PARTS = ("\n", "\n\n", "\u2014 ", "log", " ", "AAAAAAAA", "1", "+", "=", "\x00", "\u2003")
NOTE_LIKE = st.lists(st.sampled_from(NOTE_PARTS)).map(lambda parts: "".join(parts).encode())


@given(VALUES)
def test_what_is_written_is_read_back(value):
    assert parse_canonical(canonical_bytes(value)) == value


@given(VALUES)
def test_two_values_never_share_bytes(value):
    assert json.loads(canonical_bytes(value)) == value


@given(st.binary() | JSON_LIKE)
def test_foreign_bytes_raise_only_input_errors(data):
    for parse in (parse_canonical, LedgerRecord.parse):
        try:
            parse(data)
        except InputError:
            continue
        assert canonical_bytes(parse_canonical(data)) == data


@given(st.binary() | NOTE_LIKE)
def test_foreign_notes_raise_only_our_errors(data):
    with contextlib.suppress(InputError):
        Checkpoint.parse(parse_note(data).text)
    with contextlib.suppress(InputError, IntegrityError):
        open_checkpoint(data, LOG.verifier)


@given(st.text() | st.tuples(TEXTS, st.binary()).map(lambda parts: f"{parts[0]}+00000000+AQ=="))
def test_foreign_keys_raise_only_input_errors(text):
    try:
        verifier = NoteVerifier.parse(text)
    except InputError:
        return
    assert str(verifier) == text


@given(st.lists(st.binary(max_size=4), min_size=1, max_size=40), st.data())
def test_every_leaf_is_proved_and_no_other(records, data):
    leaves = [leaf_hash(record) for record in records]
    tree = CompactTree().extend(leaves)
    index = data.draw(st.integers(0, len(leaves) - 1))
    proof = inclusion_proof(MemoryTiles(leaves), index, tree.size)
    verify_inclusion(leaves[index], index, tree.size, proof, tree.root)
    assert len(proof) <= tree.size.bit_length()


@given(st.lists(st.binary(max_size=4), max_size=40), st.integers(0, 40))
def test_growing_in_two_steps_is_growing_in_one(records, split):
    leaves = [leaf_hash(record) for record in records]
    assert CompactTree().extend(leaves[:split]).extend(leaves[split:]) == CompactTree().extend(
        leaves
    )


@given(st.integers(0, 200), st.data())
def test_a_changed_byte_of_a_checkpoint_is_found(size, data):
    note = sign_checkpoint(CompactTree().extend(leaf_hash(bytes([n])) for n in range(size)), LOG)
    position = data.draw(st.integers(0, len(note) - 1))
    altered = bytearray(note)
    altered[position] ^= data.draw(st.integers(1, 255))
    try:
        open_checkpoint(bytes(altered), LOG.verifier)
    except (InputError, IntegrityError):
        return
    raise AssertionError(f"byte {position} is not covered")

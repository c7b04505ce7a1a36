"""Whatever is done to an exported log is found; writer and outsider agree on trees and records."""

import contextlib
import shutil
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fixtures.exports import LOG, cosigned, export, files, record, records, signed
from fixtures.logs import key_of
from overt.core.errors import InputError, IntegrityError
from overt.ledger import outsider
from overt.ledger.canonical import parse_canonical
from overt.ledger.cosignature import Cosigner
from overt.ledger.export import ExportedLog
from overt.ledger.merkle import CompactTree, leaf_hash, verify_consistency, verify_inclusion
from overt.ledger.notes import NoteVerifier, open_checkpoint
from overt.ledger.tiles import (
    MemoryTiles,
    bundle,
    consistency_proof,
    inclusion_proof,
    parse_tile_path,
    root_of,
    unbundle,
)

KEY = str(LOG.verifier)
WITNESS = Cosigner("witness.example/0", key_of("witness 0"))
GIVEN = {"witness_keys": [str(WITNESS.verifier)], "previous": signed(records(2))}
# Each example reads and writes files, which takes as long as the disk takes.
ON_DISK = settings(deadline=None, max_examples=40)
SIZES = st.integers(0, 300) | st.integers(500, 530)
LOGS = st.lists(st.binary(max_size=3), max_size=40)


@pytest.fixture(scope="module")
def exported(tmp_path_factory):
    """A cosigned log with full and partial tiles on two levels; each test leaves it as it was."""
    log = records(600)
    return export(tmp_path_factory.mktemp("log"), log, cosigned(signed(log), WITNESS))


@contextlib.contextmanager
def changed(path, change):
    """Change a file's bytes for a while."""
    before = path.read_bytes()
    path.write_bytes(change(before))
    try:
        yield
    finally:
        path.write_bytes(before)


def is_found(folder, **given):
    try:
        outsider.check(folder, KEY, **GIVEN, **given)
    except outsider.Finding:
        return True
    return False


def test_the_log_holds_before_anything_is_changed(exported):
    assert not is_found(exported)


@ON_DISK
@given(st.data())
def test_every_changed_byte_is_found(exported, data):
    path = data.draw(st.sampled_from(sorted(files(exported))))
    n_bytes = (exported / path).stat().st_size
    position, mask = data.draw(st.integers(0, n_bytes - 1)), data.draw(st.integers(1, 255))

    def flip(content):
        return content[:position] + bytes([content[position] ^ mask]) + content[position + 1 :]

    with changed(exported / path, flip):
        assert is_found(exported), (path, position, mask)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_every_byte_of_a_small_log_is_covered_by_every_bit(tmp_path):
    log = records(2)
    export(tmp_path, log, cosigned(signed(log), WITNESS))
    for path, content in files(tmp_path).items():
        for position in range(len(content)):
            for bit in range(8):
                altered = bytearray(content)
                altered[position] ^= 1 << bit
                (tmp_path / path).write_bytes(altered)
                assert is_found(tmp_path), (path, position, bit)
        (tmp_path / path).write_bytes(content)
    assert not is_found(tmp_path)


@ON_DISK
@given(st.data())
def test_bytes_cut_out_or_put_in_are_found(exported, data):
    path = data.draw(st.sampled_from(sorted(files(exported))))
    n_bytes = (exported / path).stat().st_size
    start = data.draw(st.integers(0, n_bytes))
    end = data.draw(st.integers(start, n_bytes))
    inside = data.draw(st.binary(max_size=40))

    def splice(content):
        return content[:start] + inside + content[end:]

    before = (exported / path).read_bytes()
    with changed(exported / path, splice):
        assert is_found(exported) == (splice(before) != before)


@ON_DISK
@given(st.data())
def test_a_file_that_is_removed_or_swapped_is_found(exported, data):
    known = files(exported)
    path, other = data.draw(st.lists(st.sampled_from(sorted(known)), min_size=2, max_size=2))
    with changed(exported / path, lambda _: known[other]):
        assert is_found(exported) == (known[path] != known[other])
    try:
        (exported / path).unlink()
        assert is_found(exported)
    finally:
        (exported / path).write_bytes(known[path])


@ON_DISK
@given(st.data())
def test_records_reordered_doubled_or_left_out_are_found(exported, data):
    path = exported / data.draw(st.sampled_from(["tile/entries/000", "tile/entries/002.p/88"]))
    before = unbundle(path.read_bytes())
    log = list(before)
    one, two = (data.draw(st.integers(0, len(log) - 1)) for _ in range(2))
    match data.draw(st.sampled_from(["reordered", "doubled", "left out"])):
        case "reordered":
            log[one], log[two] = log[two], log[one]
        case "doubled":
            log.insert(one, log[two])
        case _:
            del log[one]
    with changed(path, lambda _: bundle(log)):
        assert is_found(exported) == (tuple(log) != before)


@settings(deadline=None, max_examples=15)
@given(SIZES, st.data())
def test_a_forked_or_shortened_history_is_found_by_who_kept_a_checkpoint(size, data):
    kept = data.draw(st.integers(0, 530))
    forked_at = data.draw(st.none() | st.integers(0, 530))
    log = records(size)
    shown = [record(-1) if number == forked_at else each for number, each in enumerate(log)]
    same = forked_at is None or forked_at >= min(kept, size)
    with tempfile.TemporaryDirectory() as folder:
        export(Path(folder), shown)
        if same and kept <= size:
            outsider.check(Path(folder), KEY, previous=signed(records(kept)))
            return
        with pytest.raises(outsider.Finding) as caught:
            outsider.check(Path(folder), KEY, previous=signed(records(kept)))
        assert caught.value.code == "previous"


@settings(deadline=None, max_examples=15)
@given(SIZES, st.lists(SIZES, max_size=3))
def test_writer_and_outsider_agree_on_every_log(size, steps):
    log = records(size)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for step in sorted({*(each for each in steps if each < size), size}):
            export(folder, log[:step])
        outcome = outsider.check(folder, KEY)
        assert outcome["root"] == CompactTree().extend(map(leaf_hash, log)).root.hex()
        assert root_of(ExportedLog(folder), size).hex() == outcome["root"]
        assert list(ExportedLog(folder).records()) == log


@settings(deadline=None)
@given(st.integers(0, 1000), st.integers(0, 1000), st.integers(0, 1000))
def test_proofs_from_tiles_are_verified(size, old_size, index):
    tiles = MemoryTiles(leaf_hash(bytes([n % 251, n // 251])) for n in range(size))
    root = root_of(tiles, size)
    if old_size <= size:
        old_root = root_of(tiles, old_size)
        proof = consistency_proof(tiles, old_size, size)
        verify_consistency(old_size, old_root, size, root, proof)
    if index < size:
        proof = inclusion_proof(tiles, index, size)
        verify_inclusion(
            tiles.tile(0, index >> 8, (index & 255) + 1)[-32:], index, size, proof, root
        )


@given(LOGS, LOGS, st.data())
def test_a_history_that_was_not_continued_has_no_proof(first, second, data):
    """Neither the honest proof nor an altered one leads to a tree that does not go on from it."""
    one, two = (MemoryTiles(map(leaf_hash, log)) for log in (first, second))
    if one.size > two.size or second[: one.size] == first:
        return
    proof = list(consistency_proof(two, one.size, two.size))
    for step in range(len(proof)):
        if data.draw(st.booleans()):
            proof[step] = data.draw(st.sampled_from([*map(leaf_hash, first), bytes(32)]))
    old_root, new_root = root_of(one, one.size), root_of(two, two.size)
    with pytest.raises(IntegrityError):
        verify_consistency(one.size, old_root, two.size, new_root, proof)


JSON_PARTS = st.sampled_from(
    [
        *('{"body":{', "}", '"kind":"refusal"', '"time_utc":"2026-01-01T12:00:00.000Z"'),
        *('"version":1', ",", ":", "[", "]", " ", "\n", '"a"', '"\\u0041"', '"\U0001f600"'),
        *('"\ufb33"', "1", "-0", "1.0", "9007199254740991", "9007199254740993", "null", "true"),
    ]
)
RECORD_LIKE = st.lists(JSON_PARTS, max_size=12).map(lambda parts: "".join(parts).encode())
ENVELOPE = b'{"body":{"a":%s},"kind":"refusal","time_utc":"2026-01-01T12:00:00.000Z","version":1}'


@given(RECORD_LIKE | RECORD_LIKE.map(lambda inside: ENVELOPE % inside) | st.binary(max_size=60))
def test_writer_and_outsider_agree_on_canonical_json(data):
    try:
        value = parse_canonical(data)
    except InputError:
        with pytest.raises((ValueError, RecursionError)):
            outsider.parse_record(data)
        return
    is_enveloped = isinstance(value, dict) and value.keys() == outsider.MEMBERS.keys()
    try:
        assert outsider.parse_record(data) == value
    except ValueError:
        assert not is_enveloped or any(
            type(value[name]) is not kind for name, kind in outsider.MEMBERS.items()
        )


@given(st.binary(max_size=300) | st.just(signed(records(3))), st.data())
def test_writer_and_outsider_agree_on_checkpoints(note, data):
    cut = data.draw(st.integers(0, len(note)))
    inside = data.draw(
        st.sampled_from([b"", b"\n", b" ", b"0", b"\xe2\x80\x94 a AAAAAAAA\n", b"+"])
    )
    note = note[:cut] + inside + note[cut:]
    try:
        expected = open_checkpoint(note, LOG.verifier)
    except (InputError, IntegrityError):
        with pytest.raises(outsider.Finding):
            outsider.open_checkpoint(note, outsider.parse_key(KEY, b"\x01"), "checkpoint", None)
        return
    known = outsider.open_checkpoint(note, outsider.parse_key(KEY, b"\x01"), "checkpoint", None)
    assert (known.origin, known.size, known.root) == (expected.origin, expected.size, expected.root)


@given(st.text() | st.text("+abAQ=/0", max_size=60))
def test_writer_and_outsider_agree_on_keys(text):
    try:
        NoteVerifier.parse(text)
    except InputError:
        with pytest.raises(ValueError):
            outsider.parse_key(text, b"\x01")
    else:
        outsider.parse_key(text, b"\x01")


@given(st.binary(max_size=80))
def test_foreign_bundles_raise_only_input_errors(data):
    with contextlib.suppress(InputError):
        assert bundle(unbundle(data)) == data


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_a_bundle_gives_back_what_it_was_given(given_records):
    assert unbundle(bundle(given_records)) == tuple(given_records)


PATHS = st.lists(st.sampled_from(["tile/", "0", "1", "x001/", "000", ".p/", "255", "entries", "/"]))


@given(st.text() | PATHS.map("".join))
def test_foreign_paths_raise_only_input_errors(path):
    with contextlib.suppress(InputError):
        assert parse_tile_path(path).path == path


@settings(deadline=None, max_examples=30)
@given(st.dictionaries(st.sampled_from(["checkpoint", "tile/0/000.p/1"]), st.binary(max_size=90)))
def test_a_foreign_folder_raises_only_our_errors(contents):
    with tempfile.TemporaryDirectory() as name:
        for path, data in contents.items():
            (Path(name) / path).parent.mkdir(parents=True, exist_ok=True)
            (Path(name) / path).write_bytes(data)
        with pytest.raises(outsider.Finding):
            outsider.check(Path(name), KEY)
        with contextlib.suppress(InputError, IntegrityError):
            assert not list(ExportedLog(Path(name)).records())
        shutil.rmtree(Path(name) / "tile", ignore_errors=True)

import pytest

from overt.core.errors import InputError, IntegrityError
from overt.ledger.merkle import EMPTY_ROOT, CompactTree, leaf_hash, verify_inclusion
from overt.ledger.tiles import (
    EntriesName,
    MemoryTiles,
    RightEdge,
    TileName,
    bundle,
    bundles_of,
    completed_tiles,
    consistency_proof,
    entries_path,
    inclusion_proof,
    parse_tile_path,
    root_of,
    tile_path,
    tiles_of,
    unbundle,
)

LEAVES = [leaf_hash(number.to_bytes(3, "big")) for number in range(1100)]


class CountingReader:
    """Counts how often it is asked."""

    def __init__(self, reader):
        self.reader = reader
        self.asked = []

    def tile(self, level, index, width):
        self.asked.append(TileName(level, index, width))
        return self.reader.tile(level, index, width)


# The examples of C2SP tlog-tiles (Merkle Tree; Partial Tiles; Log entries).
@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("tile/0/x001/x234/067", TileName(0, 1_234_067)),
        ("tile/1/000.p/1", TileName(1, 0, 1)),
        ("tile/0/999", TileName(0, 999)),
        ("tile/0/x001/000", TileName(0, 1000)),
        ("tile/0/x001/234.p/8", TileName(0, 1234, 8)),
        ("tile/entries/000", EntriesName(0)),
        ("tile/entries/x001/x234/067.p/255", EntriesName(1_234_067, 255)),
    ],
)
def test_a_path_has_one_spelling(path, name):
    assert name.path == path
    assert parse_tile_path(path) == name


def test_the_tiles_of_the_published_examples():
    widths = {}
    for name in tiles_of(70_000):
        widths.setdefault((name.level, name.width), []).append(name.index)
    assert {key: len(found) for key, found in widths.items()} == {
        (0, 256): 273,
        (0, 112): 1,
        (1, 256): 1,
        (1, 17): 1,
        (2, 1): 1,
    }
    assert [name.path for name in tiles_of(256)] == ["tile/0/000", "tile/1/000.p/1"]
    assert [name.path for name in bundles_of(257)] == ["tile/entries/000", "tile/entries/001.p/1"]
    assert list(tiles_of(0)) == list(bundles_of(0)) == []


@pytest.mark.parametrize(
    "path",
    [
        "",
        "tile/0/000/",
        "/tile/0/000",
        "tile/00/000",
        "tile/8/000",
        "tile/-1/000",
        "tile/0/0",
        "tile/0/x000/000",
        "tile/0/x001",
        "tile/0/001.p/0",
        "tile/0/001.p/01",
        "tile/0/001.p/256",
        "tile/0/001.p",
        "tile/0/\u0660\u0660\u0660",
        "tile/data/000",
        "tile/0/" + "x000/" * 30 + "000",
        "tile/0/000\n",
    ],
)
def test_another_spelling_is_refused(path):
    with pytest.raises(InputError):
        parse_tile_path(path)


def test_a_bundle_is_what_the_format_says():
    assert bundle([b"", b"\x01\x02", b"x" * 258]) == b"\0\0" + b"\0\x02\x01\x02" + b"\x01\x02" + (
        b"x" * 258
    )
    assert unbundle(b"\0\0\0\x02\x01\x02") == (b"", b"\x01\x02")
    assert unbundle(b"") == ()
    largest = bytes(65_535)
    assert unbundle(bundle([largest])) == (largest,)


def test_a_record_that_no_bundle_holds_is_refused():
    with pytest.raises(InputError):
        bundle([bytes(65_536)])


@pytest.mark.parametrize("data", [b"\0", b"\0\x01", b"\0\x02a", b"\0\x01ab", b"\0\0\0"])
def test_a_bundle_that_ends_too_early_is_refused(data):
    with pytest.raises(InputError):
        unbundle(data)


@pytest.mark.parametrize("size", [0, 1, 2, 255, 256, 257, 500])
@pytest.mark.parametrize("n_more", [0, 1, 100, 600])
def test_a_tile_is_completed_once(size, n_more):
    before, after = MemoryTiles(LEAVES[:size]), MemoryTiles(LEAVES[: size + n_more])
    completed = dict(completed_tiles(before, size, LEAVES[size : size + n_more]))
    full_before = {name for name in tiles_of(size) if name.width == 256}
    full_after = {name for name in tiles_of(size + n_more) if name.width == 256}
    assert completed.keys() == full_after - full_before
    assert all(
        data == after.tile(name.level, name.index, name.width) for name, data in completed.items()
    )


def test_nothing_is_read_while_no_tile_is_completed():
    reader = CountingReader(MemoryTiles(LEAVES[:300]))
    assert list(completed_tiles(reader, 300, LEAVES[300:310])) == []
    assert reader.asked == []


def test_an_edge_grows_as_its_tree():
    whole, edge = MemoryTiles(), RightEdge(MemoryTiles(), 0)
    assert edge.root == EMPTY_ROOT
    for start in range(0, len(LEAVES), 90):
        batch = LEAVES[start : start + 90]
        whole.extend(batch)
        full = edge.extend(batch)
        size = whole.size
        assert edge.size == size
        assert edge.root == root_of(whole, size) == CompactTree().extend(LEAVES[:size]).root
        again = RightEdge(whole, size)
        assert dict(edge.partial_tiles()) == dict(again.partial_tiles())
        for name, data in [*full, *edge.partial_tiles()]:
            assert data == whole.tile(name.level, name.index, name.width)
            assert name in set(tiles_of(size))


@pytest.mark.parametrize("name", [TileName(0, 0), TileName(1, 0, 4), TileName(0, 4, 76)])
def test_a_tile_of_another_length_is_an_error(name):
    class Wrong(MemoryTiles):
        def tile(self, level, index, width):
            data = super().tile(level, index, width)
            return data[:-1] if TileName(level, index, width) == name else data

    with pytest.raises(IntegrityError, match=name.path):
        inclusion_proof(Wrong(LEAVES), 3, 1100)


def test_a_proof_reads_few_tiles_and_is_small():
    size = 1_000_000
    leaves = EqualLeaves()
    reader, leaf, root = CountingReader(leaves), leaves.hashes[0], root_of(leaves, size)
    for index in (0, 1, 255, 256, 65_535, 65_536, 500_000, 999_935, 999_999):
        reader.asked.clear()
        proof = inclusion_proof(reader, index, size)
        verify_inclusion(leaf, index, size, proof, root)
        assert len(proof) <= 20
        assert len(b"".join(proof)) < 2048
        assert len(reader.asked) == len(set(reader.asked)) <= 2 * 3
    for old_size in (1, 255, 256, 65_537, 999_999):
        reader.asked.clear()
        assert len(b"".join(consistency_proof(reader, old_size, size))) < 2048
        assert len(reader.asked) == len(set(reader.asked)) <= 2 * 3


class EqualLeaves:
    """A tree of any size, all of whose leaves are equal."""

    def __init__(self):
        self.hashes = [leaf_hash(b"same")]
        for _ in range(3):
            self.hashes.append(CompactTree().extend(self.hashes[-1:] * 256).root)

    def tile(self, level, index, width):
        return self.hashes[level] * width


@pytest.mark.parametrize(("index", "size"), [(-1, 5), (5, 5), (0, 0)])
def test_there_is_no_proof_for_a_record_that_is_not_there(index, size):
    with pytest.raises(InputError):
        inclusion_proof(MemoryTiles(LEAVES), index, size)


@pytest.mark.parametrize(("old_size", "size"), [(-1, 5), (6, 5)])
def test_there_is_no_proof_for_a_tree_that_is_not_before(old_size, size):
    with pytest.raises(InputError):
        consistency_proof(MemoryTiles(LEAVES), old_size, size)


def test_paths_of_bundles_and_tiles_are_siblings():
    assert tile_path(0, 7).replace("tile/0", "tile/entries") == entries_path(7)

import pytest

from overt.core.errors import InputError, IntegrityError
from overt.ledger.merkle import (
    EMPTY_ROOT,
    CompactTree,
    leaf_hash,
    node_hash,
    verify_consistency,
    verify_inclusion,
)
from overt.ledger.tiles import MemoryTiles, consistency_proof, inclusion_proof

# The reference tree of Certificate Transparency (google/certificate-transparency,
# merkle_tree_test.cc; also transparency-dev/merkle, testonly/constants.go), the published vectors
# for RFC 6962: eight leaves, the root over the first n of them, inclusion proofs and consistency
# proofs.
LEAVES = [
    bytes.fromhex(text)
    for text in (
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    )
]
ROOTS = [
    "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
    "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
    "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
    "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
    "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
]
PROOFS = {
    (0, 1): [],
    (0, 2): ["96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7"],
    (1, 2): ["6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d"],
    (2, 3): ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"],
    (1, 5): [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
    (0, 8): [
        "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
    ],
    (5, 8): [
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
}
CONSISTENCY = {
    (1, 1): [],
    (1, 8): PROOFS[0, 8],
    (6, 8): [
        "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
        "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
    ],
    (2, 5): [
        "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
        "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    ],
}
HASHES = [leaf_hash(leaf) for leaf in LEAVES]


@pytest.mark.parametrize("size", range(9))
def test_root_is_the_published_one(size):
    assert CompactTree().extend(HASHES[:size]).root.hex() == ROOTS[size]


def test_growing_leaves_the_smaller_tree_as_it_was():
    trees = [CompactTree()]
    for leaf in HASHES:
        trees.append(trees[-1].append(leaf))
    assert [tree.root.hex() for tree in trees] == ROOTS
    assert [tree.size for tree in trees] == list(range(9))
    assert trees[0].root == EMPTY_ROOT


@pytest.mark.parametrize(("index", "size"), PROOFS)
def test_inclusion_proof_is_the_published_one(index, size):
    proof = inclusion_proof(MemoryTiles(HASHES[:size]), index, size)
    assert [step.hex() for step in proof] == PROOFS[index, size]
    verify_inclusion(HASHES[index], index, size, proof, bytes.fromhex(ROOTS[size]))


def test_a_leaf_is_never_a_node():
    joined = HASHES[0] + HASHES[1]
    assert leaf_hash(joined) != node_hash(HASHES[0], HASHES[1])


@pytest.mark.parametrize("index", [-1, 8])
def test_no_proof_for_a_leaf_that_is_not_there(index):
    with pytest.raises(InputError):
        inclusion_proof(MemoryTiles(HASHES), index, 8)


@pytest.mark.parametrize(
    ("index", "size", "change"),
    [
        (5, 8, lambda proof: proof[:-1]),
        (5, 8, lambda proof: [*proof, proof[0]]),
        (5, 8, lambda proof: proof[::-1]),
        (5, 8, lambda proof: [proof[0][:-1], *proof[1:]]),
        (4, 8, lambda proof: proof),
        (8, 8, lambda proof: proof),
        (-1, 8, lambda proof: proof),
        (0, 0, lambda _: []),
    ],
)
def test_a_wrong_proof_is_refused(index, size, change):
    proof = change(list(inclusion_proof(MemoryTiles(HASHES), 5, 8)))
    with pytest.raises(IntegrityError):
        verify_inclusion(HASHES[5], index, size, proof, bytes.fromhex(ROOTS[8]))


@pytest.mark.parametrize(("old", "new"), CONSISTENCY)
def test_consistency_proof_is_the_published_one(old, new):
    proof = consistency_proof(MemoryTiles(HASHES), old, new)
    assert [step.hex() for step in proof] == CONSISTENCY[old, new]
    verify_consistency(old, bytes.fromhex(ROOTS[old]), new, bytes.fromhex(ROOTS[new]), proof)


@pytest.mark.parametrize("new", range(9))
@pytest.mark.parametrize("old", range(9))
def test_a_tree_begins_with_every_smaller_one_and_no_other(old, new):
    roots = [bytes.fromhex(root) for root in ROOTS]
    if old > new:
        with pytest.raises(IntegrityError):
            verify_consistency(old, roots[old], new, roots[new], ())
        return
    proof = consistency_proof(MemoryTiles(HASHES), old, new)
    verify_consistency(old, roots[old], new, roots[new], proof)
    for other in roots:
        if other != roots[old]:
            with pytest.raises(IntegrityError):
                verify_consistency(old, other, new, roots[new], proof)
        if other != roots[new] and old:
            with pytest.raises(IntegrityError):
                verify_consistency(old, roots[old], new, other, proof)


@pytest.mark.parametrize(
    ("old", "new", "change"),
    [
        (6, 8, lambda proof: []),
        (6, 8, lambda proof: proof[:-1]),
        (6, 8, lambda proof: [*proof, proof[0]]),
        (6, 8, lambda proof: proof[::-1]),
        (6, 8, lambda proof: [proof[0][:-1], *proof[1:]]),
        (5, 8, lambda proof: proof),
        (6, 7, lambda proof: proof),
        (0, 8, lambda proof: proof),
        (8, 8, lambda proof: proof),
        (-1, 8, lambda proof: proof),
        (4, 8, lambda proof: []),
    ],
)
def test_a_wrong_consistency_proof_is_refused(old, new, change):
    proof = change(list(consistency_proof(MemoryTiles(HASHES), 6, 8)))
    roots = [bytes.fromhex(root) for root in ROOTS]
    with pytest.raises(IntegrityError):
        verify_consistency(old, roots[old], new, roots[new], proof)


def test_the_empty_tree_is_before_every_other():
    verify_consistency(0, EMPTY_ROOT, 8, bytes.fromhex(ROOTS[8]), ())
    with pytest.raises(IntegrityError):
        verify_consistency(0, bytes(32), 8, bytes.fromhex(ROOTS[8]), ())


def test_an_empty_tree_has_one_root():
    verify_consistency(0, EMPTY_ROOT, 0, EMPTY_ROOT, [])
    with pytest.raises(IntegrityError, match="empty tree"):
        verify_consistency(0, EMPTY_ROOT, 0, leaf_hash(b""), [])

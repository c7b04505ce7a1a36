"""The Merkle tree of RFC 6962 §2.1: hashing, growing, checking proofs.

Invariants: a tree is a value, and growing it gives a new one, so that a transaction which fails
leaves the old tree as it was. Leaves are told from nodes by their prefix (RFC 6962 §2.1).
Must not: know what a leaf's bytes mean, or how a tree is kept (:mod:`overt.ledger.tiles`, which
also makes the proofs).
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from overt.core.errors import IntegrityError

HASH_BYTES: Final = 32
EMPTY_ROOT: Final = hashlib.sha256(b"").digest()
"""MTH({}): the root of a tree without leaves."""


def leaf_hash(record: bytes) -> bytes:
    """Return SHA-256(0x00 || record)."""
    return hashlib.sha256(b"\x00" + record).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return SHA-256(0x01 || left || right)."""
    return hashlib.sha256(b"\x01" + left + right).digest()


@dataclass(frozen=True, slots=True)
class CompactTree:
    """A tree of which only what is needed to grow it is kept.

    Attributes:
        size: number of leaves.
        peaks: roots of the complete subtrees from left to right, one for each bit set in ``size``.
    """

    size: int = 0
    peaks: tuple[bytes, ...] = ()

    def append(self, leaf: bytes) -> "CompactTree":
        """Return the tree with one more leaf hash."""
        return self.extend((leaf,))

    def extend(self, leaves: Iterable[bytes]) -> "CompactTree":
        """Return the tree with more leaf hashes, in order."""
        size, peaks = self.size, list(self.peaks)
        for leaf in leaves:
            top, completed = leaf, size
            while completed & 1:
                top = node_hash(peaks.pop(), top)
                completed >>= 1
            peaks.append(top)
            size += 1
        return CompactTree(size, tuple(peaks))

    @property
    def root(self) -> bytes:
        """The Merkle tree hash over all leaves, 32 bytes."""
        if not self.peaks:
            return EMPTY_ROOT
        *rest, top = self.peaks
        for peak in reversed(rest):
            top = node_hash(peak, top)
        return top


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> None:
    """Check that ``leaf`` stands at ``index`` in the tree of ``size`` leaves under ``root``.

    The algorithm of RFC 9162 §2.1.3.2, which proves trees of RFC 6962. ``size`` and ``root`` come
    together from one verified checkpoint: a root alone does not fix the size.

    Raises:
        IntegrityError: it does not, or the proof is malformed.
    """
    if not 0 <= index < size or any(len(step) != HASH_BYTES for step in proof):
        raise IntegrityError("The proof is not a proof for a tree of this size.")
    position, last, top = index, size - 1, leaf
    for step in proof:
        if last == 0:
            raise IntegrityError("The proof is longer than the tree is high.")
        if position & 1 or position == last:
            top = node_hash(step, top)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            top = node_hash(top, step)
        position >>= 1
        last >>= 1
    if last != 0 or top != root:
        raise IntegrityError("The proof does not lead from the record to the checkpoint's root.")


def verify_consistency(
    old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]
) -> None:
    """Check that the tree of ``new_size`` leaves begins with the tree of ``old_size`` leaves.

    The algorithm of RFC 9162 §2.1.4.2, which proves trees of RFC 6962. Every tree begins with the
    empty one, which needs no proof, and so does a tree with itself.

    Raises:
        IntegrityError: it does not, or the proof is malformed.
    """
    if not 0 <= old_size <= new_size or any(len(step) != HASH_BYTES for step in proof):
        raise IntegrityError("The proof is not a proof for trees of these sizes.")
    if new_size == 0 and new_root != EMPTY_ROOT:
        raise IntegrityError("The root is not that of an empty tree.")
    if old_size in {0, new_size}:
        _check_without_proof(old_size, old_root, new_root, proof)
        return
    steps = [old_root, *proof] if old_size.bit_count() == 1 else list(proof)
    if not steps:
        raise IntegrityError("The proof is empty.")
    n_complete = (old_size ^ (old_size - 1)).bit_length() - 1  # bits of subtrees that both share
    position, last = old_size - 1 >> n_complete, new_size - 1 >> n_complete
    old_top = new_top = steps[0]
    for step in steps[1:]:
        if last == 0:
            raise IntegrityError("The proof is longer than the tree is high.")
        if position & 1 or position == last:
            old_top, new_top = node_hash(step, old_top), node_hash(step, new_top)
            while not position & 1 and position:
                position >>= 1
                last >>= 1
        else:
            new_top = node_hash(new_top, step)
        position >>= 1
        last >>= 1
    if last != 0 or old_top != old_root or new_top != new_root:
        raise IntegrityError(
            f"The tree of {new_size} records does not begin with the tree of {old_size}: "
            "the log was rewritten, or the proof is wrong."
        )


def _check_without_proof(
    old_size: int, old_root: bytes, new_root: bytes, proof: Sequence[bytes]
) -> None:
    if proof:
        raise IntegrityError("There is a proof where none is needed.")
    if old_root != (new_root if old_size else EMPTY_ROOT):
        raise IntegrityError(f"Two different trees were signed for {old_size} records.")

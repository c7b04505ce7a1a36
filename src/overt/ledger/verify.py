"""Recompute a log from its records and compare it with what was signed.

Invariants: reads every byte of every record; the first thing that does not fit is reported.
Must not: trust a stored hash.
"""

from collections.abc import Iterable

from overt.core.errors import InputError, IntegrityError
from overt.ledger.merkle import CompactTree, leaf_hash
from overt.ledger.notes import Checkpoint
from overt.ledger.records import LedgerRecord


def grown_from(records: Iterable[bytes], tree: CompactTree | None = None) -> CompactTree:
    """Return the tree over ``records``, each checked to be a record in its only form.

    Args:
        records: their bytes, in order.
        tree: what came before them; an empty tree unless given.

    Raises:
        IntegrityError: a record is not one; the message says which.
    """
    grown = tree or CompactTree()
    for record in records:
        try:
            LedgerRecord.parse(record)
        except InputError as error:
            raise IntegrityError(f"Ledger record {grown.size} was altered: {error}") from error
        grown = grown.append(leaf_hash(record))
    return grown


def check_covers(checkpoint: Checkpoint, tree: CompactTree) -> None:
    """Check that ``tree`` is what ``checkpoint`` was signed for.

    Raises:
        IntegrityError: it has another size or another root.
    """
    if tree.size != checkpoint.size:
        raise IntegrityError(
            f"The ledger holds {tree.size} records where its checkpoint was signed for "
            f"{checkpoint.size}."
        )
    if tree.root != checkpoint.root:
        raise IntegrityError(
            f"The first {tree.size} ledger records are not what the checkpoint was signed for."
        )

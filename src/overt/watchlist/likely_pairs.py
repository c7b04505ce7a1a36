"""Which pairs of a list are put before a person: likely one person twice, likely kin.

Must not: decide, or keep how alike two people are.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

from overt.watchlist.decisions import MAX_PAIRS, LikelyPair, Relation
from overt.watchlist.kin import kin_groups
from overt.watchlist.self_comparison import Alike, find_alike
from overt.watchlist.stored import EntryCard, StoredEntry


@dataclass(frozen=True, slots=True)
class AlikeLimits:
    """From which similarity on two entries are shown for a decision; measured for the models.

    Attributes:
        duplicate_at: likely one person.
        kin_at: likely kin, or strangers who look alike.
    """

    duplicate_at: float
    kin_at: float


def likely_pairs(
    cards: Sequence[EntryCard], entries: Sequence[StoredEntry], limits: AlikeLimits
) -> tuple[tuple[LikelyPair, ...], bool]:
    """Compare a list with itself; return who looks alike, and whether that is everybody.

    Pairs that the source itself calls kin are left out.

    Args:
        cards: the whole list.
        entries: the same people with their templates; of pictures the digests suffice.
        limits: of the models that made the templates.

    Raises:
        IntegrityError: a template is missing or damaged.
    """
    groups = kin_groups(cards, with_twins=False)
    found = find_alike(
        [replace(each, kin_group=groups.get(each.entry)) for each in entries],
        duplicate_at=limits.duplicate_at,
        kin_at=limits.kin_at,
        max_pairs=MAX_PAIRS + 1,
    )
    pairs = tuple(
        LikelyPair(
            a=each.a,
            b=each.b,
            likely=Relation.SAME_PERSON if each.kind is Alike.DUPLICATE else Relation.KIN,
        )
        for each in found[:MAX_PAIRS]
    )
    return pairs, len(found) <= MAX_PAIRS

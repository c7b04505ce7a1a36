"""Who is kin to whom on a list: what the source says, what a person decided, what cannot be told.

People of one kin group are exempt from each other's margin, so that neither hides the other.

Invariants: a group is named by the ids of its members, so that no family's name gets into the
manifest; the relation is transitive, as the locks read it.
Must not: decide that two people are kin because they look alike.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Sequence

from overt.core.ids import EntryId, KinGroup
from overt.watchlist.stored import EntryCard

_SMALLEST_GROUP = 2


def kin_groups(
    cards: Sequence[EntryCard],
    decided: Iterable[tuple[EntryId, EntryId]] = (),
    *,
    with_twins: bool = True,
) -> dict[EntryId, KinGroup]:
    """Return the group of everybody who has one.

    Args:
        cards: the whole list. Those whom the source puts into one group belong together.
        decided: pairs that somebody found to be kin or one person; unknown ids count for nothing.
        with_twins: whether those with the very same picture belong together too, since nobody can
            tell them apart.
    """
    groups = _Groups(card.entry for card in cards)
    holders: dict[tuple[str, str], EntryId] = {}
    for card in cards:
        marks = {("picture", str(each.picture_sha256)) for each in card.references if with_twins}
        if card.enrolment is not None and card.enrolment.row_kin:
            marks.add(("row", card.enrolment.row_kin))
        for mark in marks:
            groups.join(holders.setdefault(mark, card.entry), card.entry)
    for one, other in decided:
        groups.join(one, other)
    return {
        entry: _name(members)
        for members in groups.members()
        if len(members) >= _SMALLEST_GROUP
        for entry in members
    }


def _name(members: Sequence[EntryId]) -> KinGroup:
    digest = hashlib.sha256("\n".join(["overt-kin/1", *sorted(members)]).encode()).hexdigest()
    return KinGroup(f"k-{digest[:16]}")


class _Groups:
    """Disjoint sets of entries."""

    def __init__(self, entries: Iterable[EntryId]) -> None:
        self._parent = {entry: entry for entry in entries}

    def join(self, one: EntryId, other: EntryId) -> None:
        if one in self._parent and other in self._parent:
            self._parent[self._root(one)] = self._root(other)

    def members(self) -> list[list[EntryId]]:
        found: defaultdict[EntryId, list[EntryId]] = defaultdict(list)
        for entry in self._parent:
            found[self._root(entry)].append(entry)
        return list(found.values())

    def _root(self, entry: EntryId) -> EntryId:
        while self._parent[entry] != entry:
            self._parent[entry] = self._parent[self._parent[entry]]
            entry = self._parent[entry]
        return entry

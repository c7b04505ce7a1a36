"""The end of an import: the list compared with itself, named by its manifest, one step on.

Invariants: what was decided before stands where neither person nor grounds changed; a list is as
old as the oldest of what it holds.
Must not: enrol anybody, or keep anything.
"""

from dataclasses import dataclass
from datetime import datetime

from overt.core.ids import ContractId, EntryId, Sha256, WatchlistId
from overt.watchlist.decisions import ImportRecord
from overt.watchlist.importing import Importer
from overt.watchlist.life import WatchlistLife
from overt.watchlist.lifecycle import Actor, Imported, joined, take_import
from overt.watchlist.likely_pairs import AlikeLimits, likely_pairs
from overt.watchlist.stored import CardIndex


@dataclass(frozen=True, slots=True)
class Concluded:
    """The list that an import came to.

    Attributes:
        life: one step on.
        cards: everybody on it.
        stays: entries that are on the list already, just as they are.
    """

    life: WatchlistLife
    cards: CardIndex
    stays: frozenset[EntryId]


@dataclass(frozen=True, slots=True)
class Target:
    """Where an import leads.

    Attributes:
        watchlist: the list.
        contract: the models' vector space.
        policy_sha256: the pack that the rows were checked under.
        before: the list's life so far; None if there was no such list.
        started_utc: when the import was first begun.
    """

    watchlist: WatchlistId
    contract: ContractId
    policy_sha256: Sha256
    before: WatchlistLife | None
    started_utc: datetime


def conclude(
    importer: Importer, n_rows: int, target: Target, limits: AlikeLimits, actor: Actor
) -> Concluded:
    """Return the list that an import, iterated to its end, came to.

    Raises:
        StateError, PolicyError: the step cannot be taken, see :mod:`overt.watchlist.lifecycle`.
    """
    entries = tuple(importer.cards[entry] for entry in sorted(importer.cards))
    unnamed = CardIndex(target.watchlist, target.watchlist, target.contract, Sha256(""), entries)
    cards = joined(unnamed, target.before)
    stays = frozenset(importer.cards) - frozenset(importer.fresh)
    pairs, complete = likely_pairs(entries, importer.light, limits)
    made_utc = target.started_utc
    if stays and target.before is not None:
        made_utc = min(made_utc, target.before.made_utc)
    found = Imported(
        ImportRecord(
            sha256=importer.digest.sha256,
            policy_sha256=target.policy_sha256,
            n_accepted=len(entries),
            n_refused=n_rows - len(entries),
        ),
        cards,
        made_utc,
        pairs,
        complete,
    )
    return Concluded(take_import(target.before, found, actor), cards, stays)

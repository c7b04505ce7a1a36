"""What the rules may know of a frozen list, from its life alone: nothing is decrypted for it.

Everybody's category and grounds are fixed by the manifest, so what the rules ask of them is counted
once, at freezing. Later only fewer people can be looked for, and children only get older: what was
counted then never says less than what is so now.
"""

from collections.abc import Collection
from datetime import datetime

from overt.core.ids import EntryId, WatchlistId
from overt.policy.checks import confirmed_since_utc
from overt.policy.facts import ListFacts
from overt.policy.pack import PolicyPack
from overt.watchlist.decisions import FrozenFacts, ListState
from overt.watchlist.life import WatchlistLife


def facts_at_freezing(facts: ListFacts, pack: PolicyPack) -> FrozenFacts:
    """Return what is kept of a list's facts when it is frozen under a pack."""
    return FrozenFacts(
        policy_sha256=pack.sha256,
        categories=dict(facts.categories),
        n_without_named_authority=facts.n_without_named_authority,
        earliest_held_until=facts.earliest_held_until,
    )


def frozen_list_facts(
    life: WatchlistLife, over: Collection[EntryId], pack: PolicyPack, now_utc: datetime
) -> ListFacts | None:
    """Return what the rules may know of a list now, or None if it is not frozen.

    Args:
        life: the list's life.
        over: whose entry has expired.
        pack: the rules, for how long a confirmation counts.
        now_utc: when the question is asked.
    """
    frozen = life.frozen
    if life.state is not ListState.FROZEN or frozen is None:
        return None
    looked_for = frozenset(map(EntryId, life.entries)) - life.withdrawn - frozenset(over)
    confirmed = life.confirmed_since(confirmed_since_utc(pack, now_utc), now_utc)
    return ListFacts(
        watchlist=WatchlistId(life.watchlist),
        n_entries=len(life.entries),
        categories=frozen.categories,
        made_utc=life.made_utc,
        n_unconfirmed=len(looked_for - confirmed),
        n_undecided_pairs=len(life.undecided()) + (not life.pairs_complete),
        n_without_named_authority=frozen.n_without_named_authority,
        earliest_held_until=frozen.earliest_held_until,
    )

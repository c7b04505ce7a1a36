"""The one transition table of a list's life, and what each step asks for.

Each function takes a life as it stands and returns it one step on, or raises and changes nothing.

Invariants: what is not in the table does not happen; every step takes its right; no step is taken
before the last one, whatever the clock says. The only way to ``frozen`` leads past every undecided
pair, every entry that policy does not allow today, and everybody who needs authority by name and
has none.
Must not: read a clock or a store.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final, TypeAlias

from overt.core.errors import InputError, PolicyError, StateError
from overt.core.ids import EntryId, PersonId, WatchlistId
from overt.policy.checks import check_entry, check_list, check_named_authority
from overt.policy.facts import SignerFacts
from overt.policy.pack import PolicyPack
from overt.policy.roles import Person, Right, Scope, check_right
from overt.watchlist.decisions import (
    Approval,
    Confirmation,
    ImportRecord,
    LikelyPair,
    ListEvent,
    ListState,
    PairDecision,
    Relation,
    Step,
    Withdrawal,
    WithdrawalReason,
)
from overt.watchlist.entry_facts import entry_facts
from overt.watchlist.frozen_facts import facts_at_freezing
from overt.watchlist.kin import kin_groups
from overt.watchlist.life import WatchlistLife, list_facts
from overt.watchlist.manifest import manifest_sha256
from overt.watchlist.stored import CardIndex, EntryCard

_S, _E = ListState, ListEvent

TRANSITIONS: Mapping[tuple[ListState | None, ListEvent], ListState] = MappingProxyType(
    {
        (None, _E.IMPORTED): _S.DRAFT,
        (_S.DRAFT, _E.IMPORTED): _S.DRAFT,
        (_S.DRAFT, _E.PAIR_DECIDED): _S.DRAFT,
        (_S.DRAFT, _E.ENTRY_APPROVED): _S.DRAFT,
        (_S.DRAFT, _E.WITHDRAWN): _S.DRAFT,
        (_S.DRAFT, _E.FROZEN): _S.FROZEN,
        (_S.FROZEN, _E.CONFIRMED): _S.FROZEN,
        (_S.FROZEN, _E.WITHDRAWN): _S.FROZEN,
        (_S.FROZEN, _E.REOPENED): _S.DRAFT,
        (_S.DRAFT, _E.PURGED): _S.PURGED,
        (_S.FROZEN, _E.PURGED): _S.PURGED,
    }
)
"""From which state which event leads to which state."""

RIGHT_FOR: Mapping[ListEvent, Right] = MappingProxyType(
    {
        _E.IMPORTED: Right.IMPORT_WATCHLIST,
        _E.PAIR_DECIDED: Right.DECIDE_WATCHLIST,
        _E.ENTRY_APPROVED: Right.APPROVE_ENTRY,
        _E.FROZEN: Right.FREEZE_WATCHLIST,
        _E.CONFIRMED: Right.CONFIRM_WATCHLIST,
        _E.WITHDRAWN: Right.CONFIRM_WATCHLIST,
        _E.REOPENED: Right.FREEZE_WATCHLIST,
        _E.PURGED: Right.FREEZE_WATCHLIST,
    }
)
"""What it takes to take each step."""

MAX_REFUSALS_TOLD: Final = 5

Pair: TypeAlias = tuple[EntryId, EntryId]


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and when."""

    person: Person
    at_utc: datetime


@dataclass(frozen=True, slots=True)
class Imported:
    """What an import came to.

    Attributes:
        record: what names it.
        cards: everybody who is on the list now.
        made_utc: when the first row of it was imported.
        pairs: who looks alike and on whom neither source nor person has decided.
        pairs_complete: whether those are all.
    """

    record: ImportRecord
    cards: CardIndex
    made_utc: datetime
    pairs: tuple[LikelyPair, ...]
    pairs_complete: bool


def take_import(before: WatchlistLife | None, found: Imported, actor: Actor) -> WatchlistLife:
    """Return the life after an import; decisions stand for those whose entries did not change.

    Raises:
        StateError, PolicyError: as every step.
    """
    cards = {card.entry: card for card in found.cards.entries}
    said = {
        "watchlist": found.cards.id,
        "made_utc": found.made_utc,
        "manifest_sha256": found.cards.manifest_sha256,
        "entries": tuple(sorted(cards)),
        "imported": found.record,
        "pairs": found.pairs,
        "pairs_complete": found.pairs_complete,
    }
    if before is not None:
        said["decisions"] = tuple(d for d in before.decisions if d.a in cards and d.b in cards)
        said["approvals"] = tuple(a for a in before.approvals if _still_holds(a, cards))
        said["withdrawals"] = tuple(w for w in before.withdrawals if w.entry in cards)
    return _stepped(before, found.cards.id, _E.IMPORTED, actor, said)


def decide(
    life: WatchlistLife, pairs: Sequence[Pair], relation: Relation, actor: Actor
) -> WatchlistLife:
    """Return the life after a decision on pairs, which counts from now on.

    Raises:
        InputError: there is no pair, or one of them is not on the list.
        StateError, PolicyError: as every step.
    """
    if not pairs:
        raise InputError("There is no pair to decide on.")
    _require_on_list(life, *(entry for pair in pairs for entry in pair))
    decided = tuple(_decision(pair, relation, actor) for pair in pairs)
    return _stepped(
        life, life.watchlist, _E.PAIR_DECIDED, actor, {"decisions": life.decisions + decided}
    )


def approve(life: WatchlistLife, card: EntryCard, pack: PolicyPack, actor: Actor) -> WatchlistLife:
    """Return the life after authority by name for one person.

    Raises:
        PolicyError: the rank does not suffice, or nobody may list this person at all.
        StateError: as every step; or the entry has no grounds that anybody could answer for.
    """
    _require_on_list(life, card.entry)
    if card.grounds is None or card.grounds_sha256 is None:
        raise StateError("The entry has no grounds: import the list again, from a manifest.")
    facts = entry_facts(card.grounds, card.expires_utc, actor.at_utc)
    who = actor.person
    signer = SignerFacts(who.id, who.rank, who.organisation, who.independent)
    check_right_for(_E.ENTRY_APPROVED, life.watchlist, who)
    check_named_authority(pack, facts, signer).require()
    approval = Approval(
        entry=card.entry,
        grounds_sha256=card.grounds_sha256,
        by=who.id,
        rank=who.rank,
        organisation=who.organisation,
        at_utc=actor.at_utc,
    )
    return _stepped(
        life,
        life.watchlist,
        _E.ENTRY_APPROVED,
        actor,
        {"approvals": (*life.approvals, approval)},
    )


def freeze(
    life: WatchlistLife, cards: CardIndex, pack: PolicyPack, actor: Actor
) -> tuple[WatchlistLife, CardIndex]:
    """Return the life and the list in the form that is signed: kin joined, manifest named.

    Raises:
        StateError: as every step; or an entry has no grounds.
        PolicyError: a pair is undecided, an entry is not allowed today, authority by name is
            missing, or the list as a whole is not allowed.
    """
    _next_state(life, _E.FROZEN)
    check_right_for(_E.FROZEN, life.watchlist, actor.person)
    if any(card.grounds is None for card in cards.entries):
        raise StateError("An entry has no grounds: import the list again, from a manifest.")
    facts = list_facts(cards, life, pack, actor.at_utc)
    check_list(pack, facts, None, None).require()
    _require_allowed(life, cards, pack, actor.at_utc)
    final = joined(cards, life)
    said = {
        "manifest_sha256": final.manifest_sha256,
        "frozen": facts_at_freezing(facts, pack),
    }
    return _stepped(life, life.watchlist, _E.FROZEN, actor, said), final


def confirm(
    life: WatchlistLife,
    entries: Collection[EntryId] | None,
    actor: Actor,
    absent: Collection[EntryId] = (),
) -> WatchlistLife:
    """Return the life after the source said who is still wanted.

    Args:
        life: frozen.
        entries: who is; None for everybody but ``absent``.
        actor: who asked the source.
        absent: whom the source was asked about and did not name; they are confirmed no more.

    Raises:
        InputError: nobody is named, or somebody who is not on the list.
        StateError, PolicyError: as every step.
    """
    if entries is not None and not entries and not absent:
        raise InputError("Nobody on the list is named.")
    _require_on_list(life, *(entries or ()), *absent)
    given = Confirmation(
        by=actor.person.id,
        step=life.version + 1,
        at_utc=actor.at_utc,
        entries=None if entries is None else tuple(sorted(entries)),
        absent=tuple(sorted(absent)),
    )
    return _stepped(
        life, life.watchlist, _E.CONFIRMED, actor, {"confirmations": (*life.confirmations, given)}
    )


def withdraw(
    life: WatchlistLife, entry: EntryId, reason: WithdrawalReason, actor: Actor
) -> WatchlistLife:
    """Return the life after somebody is found to be no longer wanted: for good, on this list.

    Raises:
        StateError: as every step; or they were withdrawn before.
        InputError, PolicyError: not on the list; as every step.
    """
    _require_on_list(life, entry)
    if entry in life.withdrawn:
        raise StateError("That entry was withdrawn before.")
    given = Withdrawal(entry=entry, reason=reason, by=actor.person.id, at_utc=actor.at_utc)
    return _stepped(
        life, life.watchlist, _E.WITHDRAWN, actor, {"withdrawals": (*life.withdrawals, given)}
    )


def reopen(life: WatchlistLife, actor: Actor) -> WatchlistLife:
    """Return the life as a draft again; what was confirmed has to be confirmed anew.

    Raises:
        StateError, PolicyError: as every step.
    """
    return _stepped(life, life.watchlist, _E.REOPENED, actor, {"frozen": None})


def purge(life: WatchlistLife, actor: Actor) -> WatchlistLife:
    """Return the life at its end: what was decided stays, and who was decided on is a mere id.

    Raises:
        StateError, PolicyError: as every step.
    """
    return _stepped(life, life.watchlist, _E.PURGED, actor, {})


def purge_at_closing(life: WatchlistLife, actor: Actor) -> WatchlistLife:
    """Return the life at its end, as :func:`purge`, with the closing of the deployment it was for.

    Whoever may close the deployment ends the list with it; that right was asked for there.

    Raises:
        StateError: as every step.
    """
    return _taken(life, _E.PURGED, actor.person.id, actor.at_utc, {})


def purge_when_due(life: WatchlistLife, at_utc: datetime) -> WatchlistLife:
    """Return the life at its end, which came of itself: the list's period is over.

    Raises:
        StateError: as every step.
    """
    return _taken(life, _E.PURGED, None, at_utc, {})


def joined(cards: CardIndex, life: WatchlistLife | None) -> CardIndex:
    """Return the list with kin groups as source and people decided them, named by its manifest."""
    decided = [
        pair
        for pair, relation in ({} if life is None else life.relations()).items()
        if relation is not Relation.DIFFERENT
    ]
    groups = kin_groups(cards.entries, decided)
    entries = tuple(replace(card, kin_group=groups.get(card.entry)) for card in cards.entries)
    return CardIndex(
        cards.id, cards.name, cards.contract, manifest_sha256(cards.contract, entries), entries
    )


def check_right_for(event: ListEvent, watchlist: WatchlistId | str, person: Person) -> None:
    """Raise unless somebody may take such a step with this list.

    Raises:
        PolicyError: they may not.
    """
    check_right(person, RIGHT_FOR[event], Scope(watchlist=WatchlistId(watchlist))).require()


def _stepped(
    before: WatchlistLife | None,
    watchlist: str,
    event: ListEvent,
    actor: Actor,
    said: Mapping[str, Any],
) -> WatchlistLife:
    _next_state(before, event)
    check_right_for(event, watchlist, actor.person)
    return _taken(before, event, actor.person.id, actor.at_utc, said)


def _taken(
    before: WatchlistLife | None,
    event: ListEvent,
    by: PersonId | None,
    at_utc: datetime,
    said: Mapping[str, Any],
) -> WatchlistLife:
    state = _next_state(before, event)
    steps = () if before is None else before.steps
    if steps and at_utc < steps[-1].at_utc:
        raise StateError("The clock was set back: this step would be taken before the last one.")
    step = Step(number=len(steps) + 1, event=event, state=state, by=by, at_utc=at_utc)
    changes = {**said, "state": state, "steps": (*steps, step)}
    return WatchlistLife(**changes) if before is None else before.replaced(**changes)


def _next_state(life: WatchlistLife | None, event: ListEvent) -> ListState:
    after = TRANSITIONS.get((None if life is None else life.state, event))
    if after is not None:
        return after
    if life is None:
        raise StateError("The list was made before lists had a life: import it again.")
    if life.state is _S.PURGED:
        raise StateError("The list was purged: nothing can be done with it, nor with its name.")
    if life.state is _S.FROZEN:
        raise StateError("The list is frozen: reopen it first, which voids what was signed for it.")
    raise StateError("The list is a draft: freeze it first.")


def _require_allowed(
    life: WatchlistLife, cards: CardIndex, pack: PolicyPack, now_utc: datetime
) -> None:
    """Raise if policy does not allow an entry as it is today, which it did when it was imported."""
    withdrawn, ranks = life.withdrawn, life.ranks()
    refused = [
        (card.entry, finding)
        for card in cards.entries
        if card.entry not in withdrawn and card.grounds is not None
        for facts in [entry_facts(card.grounds, card.expires_utc, now_utc, ranks.get(card.entry))]
        for finding in check_entry(pack, facts).refusals
    ]
    if not refused:
        return
    told = " ".join(f"{entry}: {finding}" for entry, finding in refused[:MAX_REFUSALS_TOLD])
    more = len(refused) - MAX_REFUSALS_TOLD
    rest = f" And {more:,} more." if more > 0 else ""
    raise PolicyError(told + rest, tuple(finding.rule for _, finding in refused))


def _decision(pair: Pair, relation: Relation, actor: Actor) -> PairDecision:
    a, b = sorted(pair)
    if a == b:
        raise InputError("A pair is two different entries.")
    return PairDecision(a=a, b=b, relation=relation, by=actor.person.id, at_utc=actor.at_utc)


def _still_holds(approval: Approval, cards: Mapping[EntryId, EntryCard]) -> bool:
    card = cards.get(EntryId(approval.entry))
    return card is not None and card.grounds_sha256 == approval.grounds_sha256


def _require_on_list(life: WatchlistLife, *entries: EntryId) -> None:
    listed = frozenset(life.entries)
    for entry in entries:
        if entry not in listed:
            raise InputError("There is no entry of that id on the list.")

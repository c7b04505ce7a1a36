"""Gathers what is shown of lists: from the store, the rules in force, and who asks."""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from overt.cli import wiring
from overt.cli.watchlist_document import (
    LifeDocument,
    ListDocument,
    ListStanding,
    UnfinishedImport,
    WatchlistsDocument,
    entry_document,
)
from overt.core.clock import Clock, SystemClock
from overt.core.errors import InputError, IntegrityError, StateError
from overt.core.ids import WatchlistId
from overt.policy.pack import PolicyPack
from overt.policy.roles import Person, Right, Scope
from overt.watchlist.decisions import EntryState
from overt.watchlist.life import (
    WatchlistLife,
    entry_states,
    lacks_named_authority,
    list_facts,
)
from overt.watchlist.stored import CardIndex, WatchlistSummary

if TYPE_CHECKING:
    from overt.store.store import Store


@dataclass(frozen=True, slots=True)
class OpenedList:
    """A list that somebody acts on.

    Attributes:
        store: open.
        watchlist: its id.
        life: as it stands.
        pack: the rules that its rows were checked under.
        person: who acts; None if nobody says who they are.
        clock: what time it is.
    """

    store: "Store"
    watchlist: WatchlistId
    life: WatchlistLife
    pack: PolicyPack
    person: Person | None
    clock: Clock

    def cards(self) -> CardIndex:
        """Return the list without pictures.

        Raises:
            StateError: it cannot be read any more.
        """
        cards = self.store.watchlists.cards(self.watchlist)
        if cards is None:
            raise StateError(
                "The list cannot be read: it was purged, or an import into it was interrupted."
            )
        return cards


@contextmanager
def opened_list(name: str, acting: Path | None) -> Iterator[OpenedList]:
    """Open the store, and in it a list that has a life; what is refused within is recorded.

    Raises:
        InputError: there is no list of that name.
        StateError: it is one from before lists had a life.
        PolicyError: nobody in the register has this key.
    """
    from overt.cli.identity import act_as

    clock = SystemClock()
    with wiring.open_store(clock) as store:
        person = None if acting is None else act_as(store, acting).person
        watchlist = WatchlistId(name)
        life = store.watchlist_lives.find(watchlist)
        if life is None:
            _require_kept(store, watchlist)
            raise StateError("The list was made before lists had a life: import it again.")
        with store.watchlist_lives.recording_refusals():
            yield OpenedList(store, watchlist, life, pack_of(store, life), person, clock)


def pack_of(store: "Store", life: WatchlistLife) -> PolicyPack:
    """Return the rules that a list's rows were checked under.

    Raises:
        IntegrityError: they are not here.
    """
    adopted = store.policies.get(life.policy_sha256)
    if adopted is None:
        raise IntegrityError("The policy pack that the list was made under is not here.")
    return adopted.pack


def gather(name: str | None, acting: Path | None) -> WatchlistsDocument:
    """Return every list, or one of them with everybody on it, as whoever asks may see it.

    Raises:
        InputError: there is no list of that name.
        PolicyError: whoever asks is nobody here, or may not read the list.
    """
    from overt.cli.identity import act_as, require
    from overt.store.looks import look_at_list

    clock = SystemClock()
    with wiring.open_store(clock) as store:
        reader = None if acting is None else act_as(store, acting)
        if reader is not None:
            scope = Scope(watchlist=None if name is None else WatchlistId(name))
            require(reader, Right.READ_WATCHLIST, scope)
        kept = {each.id: each for each in store.watchlists.list()}
        lives = {WatchlistId(each.watchlist): each for each in store.watchlist_lives.list()}
        if name is None:
            unfinished = tuple(
                UnfinishedImport(name=watchlist, started_utc=started_utc)
                for watchlist, started_utc in store.imports.unfinished()
            )
            shown = tuple(
                _document(store, each, kept.get(each), lives.get(each))
                for each in sorted(kept.keys() | lives.keys())
            )
            return WatchlistsDocument(watchlists=shown, unfinished_imports=unfinished)
        watchlist = WatchlistId(name)
        if watchlist not in kept and watchlist not in lives:
            raise InputError("There is no list of that name.")
        document = _document(store, watchlist, kept.get(watchlist), lives.get(watchlist))
        cards = store.watchlists.cards(watchlist)
        if cards is not None:
            document = _with_entries(
                store, document, cards, clock.now_utc(), with_details=reader is not None
            )
        if reader is not None:
            store.looks.take(look_at_list(watchlist, None, "facts", reader.person.id))
        return WatchlistsDocument(watchlists=(document,))


def standing_of(
    cards: CardIndex, life: WatchlistLife, pack: PolicyPack, now_utc: datetime
) -> ListStanding:
    """Return how a list stands, in counts."""
    facts = list_facts(cards, life, pack, now_utc)
    return ListStanding(
        n_by_category=dict(facts.categories),
        n_by_state=Counter(map(str, entry_states(cards, life, pack, now_utc).values())),
        n_with_warnings=sum(
            bool(each.enrolment and each.enrolment.warnings) for each in cards.entries
        ),
        n_undecided_pairs=len(life.undecided()),
        n_without_named_authority=facts.n_without_named_authority,
        n_unconfirmed=facts.n_unconfirmed,
        earliest_held_until=facts.earliest_held_until,
    )


def _require_kept(store: "Store", watchlist: WatchlistId) -> None:
    if watchlist not in {each.id for each in store.watchlists.list()}:
        raise InputError("There is no list of that name.")


def _document(
    store: "Store",
    watchlist: WatchlistId,
    kept: WatchlistSummary | None,
    life: WatchlistLife | None,
) -> ListDocument:
    n_entries = kept.n_entries if kept is not None else 0
    digest = kept.manifest_sha256 if kept is not None else ""
    return ListDocument(
        name=watchlist,
        sha256=digest if life is None else life.manifest_sha256,
        contract=None if kept is None else kept.contract,
        n_entries=n_entries if life is None else len(life.entries),
        life=None if life is None else _life_document(store, life),
    )


def _life_document(store: "Store", life: WatchlistLife) -> LifeDocument:
    adopted = store.policies.get(life.policy_sha256)
    return LifeDocument(
        state=life.state,
        version=life.version,
        made_utc=life.made_utc,
        frozen_utc=life.frozen_utc,
        policy_sha256=life.policy_sha256,
        policy_id=None if adopted is None else adopted.pack.id,
        policy_version=None if adopted is None else adopted.pack.version,
        imported=life.imported,
        pairs=life.pairs,
        pairs_complete=life.pairs_complete,
        decisions=life.decisions,
        approvals=life.approvals,
        confirmations=life.confirmations,
        withdrawals=life.withdrawals,
        steps=life.steps,
    )


def _with_entries(
    store: "Store",
    document: ListDocument,
    cards: CardIndex,
    now_utc: datetime,
    *,
    with_details: bool,
) -> ListDocument:
    life = store.watchlist_lives.find(cards.id)
    if life is None:
        entries = tuple(
            entry_document(
                card,
                EntryState.WAITING,
                needs_named_authority=False,
                with_details=with_details,
            )
            for card in cards.entries
        )
        return document.model_copy(update={"entries": entries})
    pack, ranks = pack_of(store, life), life.ranks()
    states = entry_states(cards, life, pack, now_utc)
    entries = tuple(
        entry_document(
            card,
            states[card.entry],
            needs_named_authority=lacks_named_authority(card, ranks.get(card.entry), pack, now_utc),
            with_details=with_details,
        )
        for card in cards.entries
    )
    standing = standing_of(cards, life, pack, now_utc)
    return document.model_copy(update={"entries": entries, "standing": standing})

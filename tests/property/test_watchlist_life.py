"""Random people, events and times look for a way around the decisions that freezing asks for."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from overt.cli import wiring
from overt.core.errors import InputError, PolicyError, StateError
from overt.core.ids import ContractId, EntryId, PersonId, Sha256, WatchlistId
from overt.policy.checks import confirmed_since_utc, needs_named_authority
from overt.policy.pack import load_pack
from overt.policy.roles import Grant, Person, Role
from overt.watchlist import lifecycle
from overt.watchlist.decisions import (
    ImportRecord,
    LikelyPair,
    ListState,
    Relation,
    WithdrawalReason,
)
from overt.watchlist.entry_facts import entry_facts
from overt.watchlist.grounds import Grounds
from overt.watchlist.life import WatchlistLife, comparable, list_facts
from overt.watchlist.lifecycle import Actor, Imported
from overt.watchlist.manifest import card_of
from overt.watchlist.stored import CardIndex, StoredEntry, StoredReference

NOON = datetime(2026, 6, 1, 12, tzinfo=UTC)
PACK = load_pack((wiring.policy_folder() / "uk-police.toml").read_bytes())
IDS = [EntryId(f"e-{n}") for n in range(5)]
PEOPLE = {
    role: Person(PersonId(f"p-{role}"), rank, "force", (Grant(role),), bytes(32))
    for role, rank in (
        (Role.WATCHLIST_MANAGER, PACK.rules.ranks.ladder[0]),
        (Role.AUTHORISING_OFFICER, PACK.rules.ranks.ladder[-1]),
        (Role.REQUESTER, PACK.rules.ranks.ladder[-1]),
        (Role.ADMINISTRATOR, PACK.rules.ranks.ladder[-1]),
        (Role.AUDITOR, PACK.rules.ranks.ladder[-1]),
    )
}


def entry(number, *, child=False, reason="Seen here", held=date(2027, 1, 1)):
    """Return somebody whom the pack allows; a child only with authority by name."""
    grounds = Grounds(
        category="missing-at-risk" if child else "wanted-on-warrant",
        lawful_basis="Warrant",
        source_system="records",
        source_reference=f"ref-{number}",
        reason_here=reason,
        requester="dc-7",
        image_source="family" if child else "custody",
        image_date=date(2026, 1, 1),
        held_until=held,
        date_of_birth=date(2016, 1, 1) if child else None,
        response_plan="Take home" if child else "",
    )
    template = np.eye(8, dtype=np.float32)[number]
    reference = StoredReference(template, b"picture %d" % number)
    return StoredEntry(
        IDS[number], f"name {number}", (reference,), NOON + timedelta(days=9), None, grounds
    )


def cards_of(entries):
    cards = tuple(card_of(each) for each in entries)
    index = CardIndex(WatchlistId("w"), "w", ContractId("c"), Sha256("a" * 64), cards)
    return lifecycle.joined(index, None)


def imported(entries, pairs, complete=True):
    cards = cards_of(entries)
    likely = tuple(
        LikelyPair(a=IDS[a], b=IDS[b], likely=Relation.KIN)
        for a, b in sorted({tuple(sorted(pair)) for pair in pairs})
        if {IDS[a], IDS[b]} <= {card.entry for card in cards.entries} and a != b
    )
    record = ImportRecord(
        sha256="b" * 64, policy_sha256=PACK.sha256, n_accepted=len(entries), n_refused=0
    )
    return Imported(record, cards, NOON, likely, complete)


MANAGER, OFFICER = Role.WATCHLIST_MANAGER, Role.AUTHORISING_OFFICER
ROLES = st.sampled_from([MANAGER] * 6 + list(PEOPLE))
OFFICERS = st.sampled_from([OFFICER] * 6 + list(PEOPLE))
NUMBERS = st.integers(0, 4)
PAIRS = st.lists(st.tuples(NUMBERS, NUMBERS), max_size=4)


class Lists(RuleBasedStateMachine):
    """One list, whatever anybody tries with it."""

    def __init__(self):
        super().__init__()
        self.life: WatchlistLife | None = None
        self.cards = None
        self.now = NOON

    def actor(self, role):
        return Actor(PEOPLE[role], self.now)

    def attempt(self, step):
        """Try a step; a refusal changes nothing."""
        before = self.life
        try:
            after = step()
        except (StateError, PolicyError, InputError):
            assert self.life is before
            return None
        taken = after[0] if isinstance(after, tuple) else after
        assert taken.version == (0 if before is None else before.version) + 1
        assert WatchlistLife.parse(taken.to_bytes()) == taken
        self.life = taken
        return after

    @initialize(children=st.sets(NUMBERS), pairs=PAIRS)
    def begin(self, children, pairs):
        self.import_(MANAGER, set(range(5)), children, pairs, "Seen here", complete=True)
        assert self.life is not None

    @rule(
        role=ROLES,
        who=st.sets(NUMBERS, min_size=1),
        children=st.sets(NUMBERS),
        pairs=PAIRS,
        reason=st.sampled_from(["Seen here", "Lives here"]),
        complete=st.sampled_from([True, True, True, False]),
    )
    def import_(self, role, who, children, pairs, reason, *, complete):
        entries = [entry(n, child=n in children, reason=reason) for n in sorted(who)]
        found = imported(entries, pairs, complete)
        if self.attempt(lambda: lifecycle.take_import(self.life, found, self.actor(role))):
            self.cards = found.cards
            assert role is MANAGER

    @rule(role=ROLES, pair=st.tuples(NUMBERS, NUMBERS), relation=st.sampled_from(Relation))
    def decide(self, role, pair, relation):
        named = (IDS[pair[0]], IDS[pair[1]])
        self.attempt(lambda: lifecycle.decide(self.life, [named], relation, self.actor(role)))

    @rule(relation=st.sampled_from(Relation))
    def decide_all(self, relation):
        pairs = [(EntryId(p.a), EntryId(p.b)) for p in self.life.undecided()]
        actor = self.actor(MANAGER)
        self.attempt(lambda: lifecycle.decide(self.life, pairs, relation, actor))

    @rule(role=OFFICERS, number=NUMBERS)
    def approve(self, role, number):
        by_id = {card.entry: card for card in self.cards.entries}
        card = by_id.get(IDS[number])
        if card is not None and self.attempt(
            lambda: lifecycle.approve(self.life, card, PACK, self.actor(role))
        ):
            assert role is OFFICER

    @rule()
    def do_it_properly(self):
        """Without this, hardly any list would ever be frozen."""
        self.decide_all(Relation.DIFFERENT)
        for number in set(range(5)) - {IDS.index(entry) for entry in self.life.ranks()}:
            self.approve(OFFICER, number)
        self.freeze(MANAGER)

    @rule(role=ROLES)
    def freeze(self, role):
        undecided, complete = self.life.undecided(), self.life.pairs_complete
        ranks, withdrawn = self.life.ranks(), self.life.withdrawn
        if not self.attempt(
            lambda: lifecycle.freeze(self.life, self.cards, PACK, self.actor(role))
        ):
            return
        assert role is MANAGER
        assert undecided == ()
        assert complete
        for card in self.cards.entries:
            if card.entry in withdrawn or card.expires_utc <= self.now:
                continue
            facts = entry_facts(card.grounds, card.expires_utc, self.now, ranks.get(card.entry))
            assert not needs_named_authority(PACK, facts)
        assert comparable(self.life, PACK, self.now) == frozenset()

    @rule(role=ROLES, who=st.none() | st.sets(NUMBERS), absent=st.sets(NUMBERS, max_size=2))
    def confirm(self, role, who, absent):
        named = None if who is None else [IDS[n] for n in who]
        gone = [IDS[n] for n in absent]
        self.attempt(lambda: lifecycle.confirm(self.life, named, self.actor(role), gone))

    @rule(role=ROLES, number=NUMBERS, reason=st.sampled_from(WithdrawalReason))
    def withdraw(self, role, number, reason):
        self.attempt(lambda: lifecycle.withdraw(self.life, IDS[number], reason, self.actor(role)))

    @rule(role=ROLES)
    def reopen(self, role):
        self.attempt(lambda: lifecycle.reopen(self.life, self.actor(role)))

    @precondition(lambda self: self.life.version > 8)
    @rule(role=ROLES)
    def purge(self, role):
        self.attempt(lambda: lifecycle.purge(self.life, self.actor(role)))

    @rule(minutes=st.sampled_from([-30, 0, 1, 10, 60, 1500]))
    def time_passes(self, minutes):
        """The clock may be set back, too."""
        self.now += timedelta(minutes=minutes)

    @invariant()
    def times_and_people_hold(self):
        if self.life is None:
            return
        times = [step.at_utc for step in self.life.steps]
        assert times == sorted(times)
        fresh = comparable(self.life, PACK, self.now)
        if self.life.state is not ListState.FROZEN:
            assert fresh == frozenset()
        assert not fresh & self.life.withdrawn
        since = confirmed_since_utc(PACK, self.now)
        for each in fresh:
            # A confirmation counts from when it was given, and for no longer than the pack says.
            assert any(
                since <= c.at_utc <= self.now and (c.entries is None or each in c.entries)
                for c in self.life.confirmations
            )
        facts = list_facts(self.cards, self.life, PACK, self.now)
        assert facts.n_entries == len(self.life.entries)
        assert facts.n_unconfirmed >= 0
        if self.life.state is ListState.FROZEN and self.life.steps[-1].event == "frozen":
            assert facts.n_undecided_pairs == 0


Lists.TestCase.settings = settings(max_examples=80, stateful_step_count=25, deadline=None)
TestLists = Lists.TestCase


def test_there_is_no_way_out_of_the_end():
    actor = Actor(PEOPLE[Role.WATCHLIST_MANAGER], NOON)
    found = imported([entry(0)], [])
    life = lifecycle.purge(lifecycle.take_import(None, found, actor), actor)
    for step in (
        lambda: lifecycle.take_import(life, found, actor),
        lambda: lifecycle.freeze(life, found.cards, PACK, actor),
        lambda: lifecycle.reopen(life, actor),
        lambda: lifecycle.confirm(life, None, actor),
        lambda: lifecycle.withdraw(life, IDS[0], WithdrawalReason.ERROR, actor),
        lambda: lifecycle.purge(life, actor),
    ):
        with pytest.raises(StateError, match="purged"):
            step()

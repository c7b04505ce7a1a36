"""A list's life as it is kept: where it stands, what was decided on it, by whom and when.

    (nothing) ──imported──▶ draft ──frozen──▶ frozen ──purged──▶ purged
                              ▲                 │
                              └────reopened─────┘

Invariants: frozen; a life only changes by :mod:`overt.watchlist.lifecycle`; every step has a
number, who took it and when, and none is before the one before it.
Must not: hold a name, a picture, a template, a similarity or grounds: entry ids, ids of those who
acted, words and counts are all there is.
"""

import hashlib
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any, Final, Protocol, Self

from pydantic import AwareDatetime, Field, ValidationError, model_validator

from overt.core.errors import IntegrityError
from overt.core.ids import EntryId, Sha256, WatchlistId
from overt.policy.checks import confirmed_since_utc, needs_named_authority
from overt.policy.facts import ListFacts
from overt.policy.pack import PolicyPack
from overt.watchlist.decisions import (
    Approval,
    Confirmation,
    Digest,
    Entry,
    EntryState,
    Frozen,
    FrozenFacts,
    ImportRecord,
    LikelyPair,
    ListEvent,
    ListState,
    Name,
    PairDecision,
    Relation,
    Step,
    Withdrawal,
)
from overt.watchlist.entry_facts import entry_facts
from overt.watchlist.grounds import Grounds

FORMAT: Final = "overt-watchlist-life/1"


class WatchlistLife(Frozen):
    """A list's whole life.

    Attributes:
        watchlist: its id.
        state: where it stands.
        made_utc: when the first row of what it holds was imported.
        manifest_sha256: names what it holds now.
        entries: who is on it, sorted.
        imported: the last import.
        pairs: who looks alike, as the last import found.
        pairs_complete: whether those are all.
        decisions: on pairs; the last one on a pair counts.
        approvals, confirmations, withdrawals: in the order in which they were given.
        frozen: what the rules may know of it as it was frozen; None while it is a draft.
        steps: everything that happened.
    """

    format: str = Field(default=FORMAT, pattern=f"^{FORMAT}$")
    watchlist: Name
    state: ListState
    made_utc: AwareDatetime
    manifest_sha256: Digest
    entries: tuple[Entry, ...]
    imported: ImportRecord
    pairs: tuple[LikelyPair, ...] = ()
    pairs_complete: bool = True
    decisions: tuple[PairDecision, ...] = ()
    approvals: tuple[Approval, ...] = ()
    confirmations: tuple[Confirmation, ...] = ()
    withdrawals: tuple[Withdrawal, ...] = ()
    frozen: FrozenFacts | None = None
    steps: tuple[Step, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if [step.number for step in self.steps] != list(range(1, len(self.steps) + 1)):
            raise ValueError("steps are numbered without a gap")
        if any(after.at_utc < before.at_utc for before, after in pairwise(self.steps)):
            raise ValueError("time does not go back")
        if self.steps[-1].state is not self.state:
            raise ValueError("a life stands where its last step led")
        if any(a >= b for a, b in pairwise(self.entries)):
            raise ValueError("entries are sorted, each once")
        return self

    @property
    def version(self) -> int:
        """How many steps were taken."""
        return len(self.steps)

    @property
    def policy_sha256(self) -> Sha256:
        """The pack that the rows were checked under."""
        return Sha256(self.imported.policy_sha256)

    @property
    def frozen_utc(self) -> datetime | None:
        """When it was last frozen; None unless it is frozen now."""
        if self.state is not ListState.FROZEN:
            return None
        return max(step.at_utc for step in self.steps if step.event is ListEvent.FROZEN)

    @property
    def withdrawn(self) -> frozenset[EntryId]:
        """Who is not wanted any more."""
        return frozenset(EntryId(each.entry) for each in self.withdrawals)

    def relations(self) -> dict[tuple[EntryId, EntryId], Relation]:
        """Return what was last decided on each pair."""
        return {(EntryId(d.a), EntryId(d.b)): d.relation for d in self.decisions}

    def ranks(self) -> dict[EntryId, str]:
        """Return by whose rank each person was approved by name."""
        return {EntryId(each.entry): each.rank for each in self.approvals}

    def undecided(self) -> tuple[LikelyPair, ...]:
        """Return the pairs on which nobody has decided."""
        decided = self.relations()
        return tuple(p for p in self.pairs if (EntryId(p.a), EntryId(p.b)) not in decided)

    def confirmed_since(self, since_utc: datetime, at_utc: datetime) -> frozenset[EntryId]:
        """Return who was confirmed within a time, since the list was last frozen."""
        if self.state is not ListState.FROZEN:
            return frozenset()
        frozen_at = max(step.number for step in self.steps if step.event is ListEvent.FROZEN)
        confirmed: set[EntryId] = set()
        for each in self.confirmations:
            if each.step > frozen_at and since_utc <= each.at_utc <= at_utc:
                named = self.entries if each.entries is None else each.entries
                confirmed.update(map(EntryId, named))
                confirmed.difference_update(map(EntryId, each.absent))
        return frozenset(confirmed)

    def to_bytes(self) -> bytes:
        """Return the bytes that are kept, and whose digest the ledger holds."""
        return self.model_dump_json().encode()

    @property
    def sha256(self) -> Sha256:
        """The digest of :meth:`to_bytes`."""
        return Sha256(hashlib.sha256(self.to_bytes()).hexdigest())

    @classmethod
    def parse(cls, data: bytes) -> "WatchlistLife":
        """Read back what was kept.

        Raises:
            IntegrityError: it is not what :meth:`to_bytes` gave.
        """
        try:
            return cls.model_validate_json(data)
        except ValidationError as error:
            raise IntegrityError(
                "What the store keeps of a watchlist's life was altered."
            ) from error

    def replaced(self, **changes: Any) -> "WatchlistLife":
        """Return a copy with changes, checked anew."""
        return WatchlistLife.model_validate(dict(self) | changes)


class ListedPerson(Protocol):
    """What a life needs to know of an entry; both with and without pictures there is."""

    @property
    def entry(self) -> EntryId:
        """Its id."""
        ...

    @property
    def expires_utc(self) -> datetime | None:
        """From when it is not compared."""
        ...

    @property
    def grounds(self) -> Grounds | None:
        """Why the person is listed."""
        ...


class WholeList(Protocol):
    """A list, with or without pictures."""

    @property
    def id(self) -> WatchlistId:
        """Its id."""
        ...

    @property
    def entries(self) -> Sequence[ListedPerson]:
        """Everybody on it."""
        ...


def list_facts(
    watchlist: WholeList, life: WatchlistLife, pack: PolicyPack, now_utc: datetime
) -> ListFacts:
    """Return what the rules may know of a list.

    Everybody in the manifest counts for size and categories, since that is what the authority
    signs. Who is withdrawn or expired, and so is never compared, needs neither confirmation nor
    authority any more.
    """
    withdrawn, ranks = life.withdrawn, life.ranks()
    looked_for = [
        each
        for each in watchlist.entries
        if each.entry not in withdrawn and not _is_over(each.expires_utc, now_utc)
    ]
    confirmed = life.confirmed_since(confirmed_since_utc(pack, now_utc), now_utc)
    held = [g.held_until for each in looked_for if (g := each.grounds) and g.held_until]
    return ListFacts(
        watchlist=watchlist.id,
        n_entries=len(watchlist.entries),
        categories=Counter(each.grounds.category for each in watchlist.entries if each.grounds),
        made_utc=life.made_utc,
        n_unconfirmed=sum(each.entry not in confirmed for each in looked_for),
        n_undecided_pairs=len(life.undecided()) + (not life.pairs_complete),
        n_without_named_authority=sum(
            lacks_named_authority(each, ranks.get(each.entry), pack, now_utc) for each in looked_for
        ),
        earliest_held_until=min(held, default=None),
    )


def lacks_named_authority(
    each: ListedPerson, rank: str | None, pack: PolicyPack, now_utc: datetime
) -> bool:
    """Whether the pack asks for authority by name, and nobody of sufficient rank gave it.

    Args:
        each: the person.
        rank: of whoever approved them by name (:meth:`WatchlistLife.ranks`); None if nobody did.
        pack: the rules.
        now_utc: decides how old they are.
    """
    if each.grounds is None:
        return True
    return needs_named_authority(pack, entry_facts(each.grounds, each.expires_utc, now_utc, rank))


def comparable(life: WatchlistLife, pack: PolicyPack, at_utc: datetime) -> frozenset[EntryId]:
    """Return who may be compared at a time: confirmed in the pack's window, and not withdrawn.

    Nobody, unless the list is frozen. Whose entry has expired the search leaves out by itself, at
    every comparison (:meth:`overt.matching.gallery.Search.search`).
    """
    return life.confirmed_since(confirmed_since_utc(pack, at_utc), at_utc) - life.withdrawn


def entry_states(
    watchlist: WholeList, life: WatchlistLife, pack: PolicyPack, now_utc: datetime
) -> dict[EntryId, EntryState]:
    """Return where everybody on the list stands."""
    withdrawn, fresh = life.withdrawn, comparable(life, pack, now_utc)

    def state(each: ListedPerson) -> EntryState:
        if each.entry in withdrawn:
            return EntryState.WITHDRAWN
        if _is_over(each.expires_utc, now_utc):
            return EntryState.EXPIRED
        if life.state is ListState.DRAFT:
            return EntryState.WAITING
        return EntryState.CONFIRMED if each.entry in fresh else EntryState.UNCONFIRMED

    return {each.entry: state(each) for each in watchlist.entries}


def _is_over(expires_utc: datetime | None, now_utc: datetime) -> bool:
    return expires_utc is not None and now_utc >= expires_utc

"""What people decide on a list: pairs, authority by name, freezing, who is still wanted, its end.

Each act is one step of the list's life, by whoever holds the key, with its ledger record.
"""

import json
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any, Final

import typer
from rich.console import Console

from overt.cli import wiring
from overt.cli.options import Acting, AsJson
from overt.cli.watchlist_view import OpenedList, opened_list
from overt.core.clock import SystemClock
from overt.core.errors import InputError, StateError, UsageError
from overt.core.ids import EntryId, WatchlistId
from overt.watchlist import lifecycle
from overt.watchlist.decisions import ListEvent, Relation, WithdrawalReason
from overt.watchlist.life import WatchlistLife, comparable
from overt.watchlist.stored import EntryCard

Name = Annotated[str, typer.Argument(help="Which list.")]
MAX_IDS_TOLD: Final = 20


def decide(
    name: Name,
    acting: Acting,
    pair_and_relation: Annotated[
        list[str] | None,
        typer.Argument(metavar="[ENTRY ENTRY same|kin|different]", help="Whom, and what they are."),
    ] = None,
    all_remaining: Annotated[
        Relation | None,
        typer.Option(help="Decide the same on every pair that is left, having looked at them."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Decide on two people who look alike: one person, kin, or different people."""
    with opened_list(name, acting) as opened:
        pairs, relation = _pairs(opened.life, pair_and_relation or [], all_remaining)
        life = lifecycle.decide(opened.life, pairs, relation, _actor(opened))
        opened.store.watchlist_lives.take(life)
    _tell(
        life,
        f"Decided on {len(pairs):,}; {len(life.undecided()):,} pairs are left.",
        as_json=as_json,
    )


def approve(
    name: Name,
    entry: Annotated[str, typer.Argument(help="The entry's id.")],
    acting: Acting,
    as_json: AsJson = False,
) -> None:
    """Give authority by name for one person, as the rules ask for children and others."""
    with opened_list(name, acting) as opened:
        card = _card(opened, EntryId(entry))
        life = lifecycle.approve(opened.life, card, opened.pack, _actor(opened))
        opened.store.watchlist_lives.take(life)
    _tell(life, f"Approved {entry} by name.", as_json=as_json)


def freeze(name: Name, acting: Acting, as_json: AsJson = False) -> None:
    """Freeze a list into the manifest that an authority signs."""
    with opened_list(name, acting) as opened:
        life, cards = lifecycle.freeze(opened.life, opened.cards(), opened.pack, _actor(opened))
        opened.store.watchlist_lives.take_freezing(life, cards)
    told = (
        f"Frozen. Its manifest is {life.manifest_sha256}\n"
        f"Before it is used, confirm who is still wanted: overt watchlist confirm {name}"
    )
    _tell(life, told, as_json=as_json)


def confirm(
    name: Name,
    acting: Acting,
    everybody: Annotated[bool, typer.Option("--all", help="Everybody on the list.")] = False,
    source: Annotated[
        Path | None,
        typer.Option(
            "--from", help="CSV with source_system and source_reference of who is still wanted."
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Confirm against the source that people are still wanted; nobody else is compared.

    A file speaks for the source systems that it names: whom it does not name is listed, and is not
    compared.
    """
    from overt.watchlist.still_wanted import answer_for, read_still_wanted

    if everybody == (source is not None):
        raise UsageError("Say who is still wanted: --all, or --from FILE.")
    wanted = None if source is None else read_still_wanted(source)
    with opened_list(name, acting) as opened:
        actor = _actor(opened)
        lifecycle.check_right_for(ListEvent.CONFIRMED, name, actor.person)
        answer = None if wanted is None else answer_for(opened.cards().entries, wanted)
        if answer is None:
            life = lifecycle.confirm(opened.life, None, actor)
        else:
            life = lifecycle.confirm(opened.life, answer.still, actor, answer.absent)
        opened.store.watchlist_lives.take(life)
        n_confirmed = len(comparable(life, opened.pack, actor.at_utc))
    told = [f"{n_confirmed:,} of {len(life.entries):,} may now be compared."]
    absent = frozenset[EntryId]() if answer is None else answer.absent
    if absent:
        told.append(f"Not in the file, and so not compared: {_ids(absent)}")
    if answer is not None and answer.n_unknown:
        told.append(f"{answer.n_unknown:,} people of the file are not on the list.")
    _tell(
        life,
        "\n".join(told),
        as_json=as_json,
        n_comparable=n_confirmed,
        absent=sorted(absent),
        n_unknown=0 if answer is None else answer.n_unknown,
    )


def withdraw(
    name: Name,
    entry: Annotated[str, typer.Argument(help="The entry's id.")],
    reason: Annotated[WithdrawalReason, typer.Option(help="Why.")],
    acting: Acting,
    as_json: AsJson = False,
) -> None:
    """Stop looking for one person, at once and for good on this list."""
    with opened_list(name, acting) as opened:
        life = lifecycle.withdraw(opened.life, EntryId(entry), reason, _actor(opened))
        opened.store.watchlist_lives.take(life)
    _tell(life, f"Withdrawn {entry}. What was signed for the list stands.", as_json=as_json)


def reopen(name: Name, acting: Acting, as_json: AsJson = False) -> None:
    """Make a frozen list a draft again, which voids what was signed for it."""
    with opened_list(name, acting) as opened:
        life = lifecycle.reopen(opened.life, _actor(opened))
        opened.store.watchlist_lives.take(life)
    _tell(life, "A draft again. Nobody is compared with it until it is frozen.", as_json=as_json)


def purge(name: Name, acting: Acting, as_json: AsJson = False) -> None:
    """Destroy a list's key and delete its people, for good.

    What was decided on it, by whom and when, stays; so do digests of who was on it.
    """
    from overt.cli.identity import act_as

    watchlist, clock = WatchlistId(name), SystemClock()
    with wiring.open_store(clock) as store:
        person = act_as(store, acting).person
        with store.watchlist_lives.recording_refusals():
            lifecycle.check_right_for(ListEvent.PURGED, watchlist, person)
        life = store.watchlist_lives.find(watchlist)
        had_list = life is not None
        if life is not None:
            life = lifecycle.purge(life, lifecycle.Actor(person, clock.now_utc()))
            store.watchlist_lives.take_purge(life)
        else:
            had_list = store.watchlist_lives.forget_without_life(watchlist, person.id)
        had_import = store.imports.discard(watchlist)
    if not had_list and not had_import:
        raise InputError("There is no list of that name.")
    told = f"Purged {name}." if had_list else f"Gave up the import into {name}."
    if life is not None:
        _tell(life, told, as_json=as_json)
    elif as_json:
        print(json.dumps({"name": name, "state": "purged"}, indent=2))
    else:
        _say(told)


def _actor(opened: OpenedList) -> lifecycle.Actor:
    person = opened.person
    if person is None:
        raise UsageError("Say who does this: --as KEY.")
    return lifecycle.Actor(person, opened.clock.now_utc())


def _pairs(
    life: WatchlistLife, words: list[str], all_remaining: Relation | None
) -> tuple[list[lifecycle.Pair], Relation]:
    if all_remaining is not None:
        if words:
            raise UsageError("Decide on one pair, or on --all-remaining.")
        left = [(EntryId(pair.a), EntryId(pair.b)) for pair in life.undecided()]
        if not left:
            raise StateError("No pair is left to decide on.")
        return left, all_remaining
    if len(words) != len(("entry", "entry", "relation")) or words[2] not in set(Relation):
        raise UsageError(f"Name two entries and what they are: {', '.join(Relation)}.")
    return [(EntryId(words[0]), EntryId(words[1]))], Relation(words[2])


def _card(opened: OpenedList, entry: EntryId) -> EntryCard:
    for card in opened.cards().entries:
        if card.entry == entry:
            return card
    raise InputError("There is no entry of that id on the list.")


def _ids(entries: Collection[EntryId]) -> str:
    told = ", ".join(sorted(entries)[:MAX_IDS_TOLD])
    more = len(entries) - MAX_IDS_TOLD
    return f"{told} and {more:,} more" if more > 0 else told


def _tell(life: WatchlistLife, told: str, *, as_json: bool, **more: Any) -> None:
    if as_json:
        document = {
            "name": life.watchlist,
            "state": str(life.state),
            "version": life.version,
            "sha256": life.manifest_sha256,
            "n_undecided_pairs": len(life.undecided()),
            **more,
        }
        print(json.dumps(document, indent=2))
        return
    _say(told)


def _say(text: str) -> None:
    Console(stderr=True).print(text, soft_wrap=True, markup=False, highlight=False)

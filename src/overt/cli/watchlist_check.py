"""``overt watchlist check``: is the list fit to be frozen and used, and who on it looks alike.

Must not: show a picture to anybody who may not see it, or a name to anybody who may not read it.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console

from overt.cli.options import AsJson
from overt.cli.watchlist_view import OpenedList, opened_list, standing_of
from overt.core.errors import UsageError
from overt.core.ids import EntryId
from overt.policy.checks import check_list
from overt.policy.roles import Right, Scope, check_right
from overt.watchlist.decisions import LikelyPair
from overt.watchlist.life import lacks_named_authority, list_facts
from overt.watchlist.stored import CardIndex

if TYPE_CHECKING:
    from overt.cli.watchlist_document import ListStanding
    from overt.policy.verdict import Verdict

MAX_TOLD: Final = 20


def check(
    name: Annotated[str, typer.Argument(help="Which list.")],
    use_case: Annotated[
        str | None, typer.Option(help="Whether it may be used for this use case, too.")
    ] = None,
    sheet: Annotated[
        Path | None,
        typer.Option(help="Write the alike pairs side by side, in clear, as .html or .png."),
    ] = None,
    acting: Annotated[
        Path | None, typer.Option("--as", help="Signing key of whoever looks at pictures.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Check a list by the rules it was made under, and show who on it looks alike."""
    from overt.cli.watchlist_sheet import write_pairs

    with opened_list(name, acting) as opened:
        _require_may_look(opened, sheet)
        cards, now_utc = opened.cards(), opened.clock.now_utc()
        facts = list_facts(cards, opened.life, opened.pack, now_utc)
        verdict = check_list(opened.pack, facts, use_case, None)
        standing = standing_of(cards, opened.life, opened.pack, now_utc)
        waiting = _waiting_for_authority(opened, cards)
        undecided = opened.life.undecided()
        if sheet is not None:
            n_shown = write_pairs(sheet, opened, cards, undecided)
            _say(f"{n_shown:,} of {len(undecided):,} pairs, in clear: {sheet}")
    if as_json:
        print(json.dumps(_document(name, standing, verdict, waiting, undecided), indent=2))
        return
    _tell(standing, verdict, waiting, undecided)


def _require_may_look(opened: OpenedList, sheet: Path | None) -> None:
    if sheet is None:
        return
    if opened.person is None:
        raise UsageError("Pictures are shown to somebody: say who looks by --as KEY.")
    scope = Scope(watchlist=opened.watchlist)
    for right in (Right.SEE_WATCHLIST_FACES, Right.READ_WATCHLIST):
        check_right(opened.person, right, scope).require()


def _waiting_for_authority(opened: OpenedList, cards: CardIndex) -> list[EntryId]:
    ranks, now_utc = opened.life.ranks(), opened.clock.now_utc()
    return [
        card.entry
        for card in cards.entries
        if card.entry not in opened.life.withdrawn
        and lacks_named_authority(card, ranks.get(card.entry), opened.pack, now_utc)
    ]


def _document(
    name: str,
    standing: "ListStanding",
    verdict: "Verdict",
    waiting: list[EntryId],
    undecided: tuple[LikelyPair, ...],
) -> dict[str, Any]:
    return {
        "name": name,
        "allowed": verdict.allowed,
        "refusals": [
            {"rule": each.rule, "source": each.source, "reason": each.reason}
            for each in verdict.refusals
        ],
        **standing.model_dump(mode="json"),
        "without_named_authority": waiting,
        "undecided_pairs": [pair.model_dump(mode="json") for pair in undecided],
    }


def _tell(
    standing: "ListStanding",
    verdict: "Verdict",
    waiting: list[EntryId],
    undecided: tuple[LikelyPair, ...],
) -> None:
    for category, n in sorted(standing.n_by_category.items()):
        _say(f"{n:>8,}  {category}")
    for state, n in sorted(standing.n_by_state.items()):
        _say(f"{n:>8,}  {state}")
    if standing.n_with_warnings:
        _say(f"{standing.n_with_warnings:>8,}  with a warning: overt watchlist show NAME --as KEY")
    for pair in undecided[:MAX_TOLD]:
        _say(f"undecided: {pair.a} {pair.b}, likely {pair.likely}")
    _more(len(undecided), "undecided pairs")
    for entry in waiting[:MAX_TOLD]:
        _say(f"needs authority by name: {entry}")
    _more(len(waiting), "entries that need authority by name")
    for refusal in verdict.refusals:
        _say(f"refused: {refusal}")
    if verdict.allowed:
        _say("Nothing stands in the way of these rules.")


def _more(n: int, what: str) -> None:
    if n > MAX_TOLD:
        _say(f"… {n:,} {what} in all.")


def _say(text: str) -> None:
    Console(stderr=True).print(text, soft_wrap=True, markup=False, highlight=False)

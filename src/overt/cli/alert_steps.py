"""``overt alerts decide|engage|outcome|result``: what officers record about an alert.

Whoever records something shows who they are by their signing key. Which rules apply is what the
policy pack says under which the deployment stands.

Must not: print a note that was just taken, or take one that the pack does not allow.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from rich.console import Console

from overt.alerts.lifecycle import AlertEvent, AlertState, words
from overt.cli import wiring
from overt.cli.options import Acting
from overt.core.clock import SystemClock
from overt.core.errors import AuthorityError, InputError, StateError
from overt.core.ids import AlertId, Sha256, WatchlistId

if TYPE_CHECKING:
    from overt.alerts.alert import Alert
    from overt.alerts.steps import StepRules
    from overt.deployment.application import Application
    from overt.policy.pack import PolicyPack
    from overt.store.store import Store

FROM_STANDARD_INPUT = "-"
MAX_NOTE_BYTES = 64 * 1024


# Written out, since the command line reads its choices from types; a test holds them to the table.
Adjudication = Literal["true", "false", "not-adjudicated"]
Engagement = Literal[
    "confirmed-true",
    "confirmed-false",
    "true-unconfirmed",
    "not-located",
    "stood-down",
    "watchlist-error",
]
Outcome = Literal["arrest", "other-disposal", "no-action", "safeguarded"]
Result = Literal["charged-or-cautioned", "no-further-action"]

AlertName = Annotated[str, typer.Argument(metavar="ALERT", help="Its id, or how it begins.")]
Note = Annotated[
    str | None,
    typer.Option(help="For the officer who comes next; - reads it from standard input."),
]


def decide(
    alert: AlertName,
    decision: Annotated[Adjudication, typer.Argument(help="What the pictures show.")],
    acting: Acting,
    note: Note = None,
) -> None:
    """Adjudicate an alert: whether the two pictures show the same person."""
    _record(alert, decision, acting, note)


def engage(
    alert: AlertName,
    engagement: Annotated[Engagement, typer.Argument(help="What came of it.")],
    acting: Acting,
    note: Note = None,
) -> None:
    """Record what came of looking for the person."""
    _record(alert, engagement, acting, note)


def outcome(
    alert: AlertName,
    what: Annotated[Outcome, typer.Argument(help="What was done.")],
    acting: Acting,
    note: Note = None,
) -> None:
    """Record what was done with a person whose identity was confirmed."""
    _record(alert, what, acting, note)


def result(
    alert: AlertName,
    what: Annotated[Result, typer.Argument(help="What followed.")],
    acting: Acting,
    note: Note = None,
) -> None:
    """Record what followed later from an arrest or another disposal."""
    _record(alert, what, acting, note)


def find_alert(store: "Store", beginning: str) -> "Alert":
    """Return the one alert whose id begins so.

    Raises:
        InputError: there is none, or several.
    """
    whole = store.alerts.get(AlertId(beginning))
    fitting = [each for each in store.alerts.list() if each.id.startswith(beginning)]
    if whole is None and len(fitting) != 1:
        raise InputError(
            "Several alerts begin with that id." if fitting else "There is no alert of that id."
        )
    return whole or fitting[0]


def _record(beginning: str, event_name: str, acting: Path, note: str | None) -> None:
    from overt.alerts.steps import StepRequest
    from overt.cli.identity import act_as

    asked = StepRequest(AlertEvent(event_name), None if note is None else text_given(note))
    with wiring.open_store(SystemClock()) as store:
        identity = act_as(store, acting)
        alert = find_alert(store, beginning)
        pack, application = _stands_under(store, alert)
        asks_category = asked.event is AlertEvent.SAFEGUARDED
        step = store.alert_steps.take(
            alert.id,
            asked,
            identity.person.id,
            _rules(pack),
            for_safeguarding=asks_category and _for_safeguarding(store, alert, pack, application),
        )
    Console(stderr=True).print(
        f"Recorded {words(step.event)} by {step.person}; the alert is {words(step.state)}"
        f"{_what_next(step.state)}.",
        soft_wrap=True,
        markup=False,
        highlight=False,
    )


def _what_next(state: AlertState) -> str:
    if state is AlertState.AWAITING_SECOND_REVIEW:
        return ": another person has to look at it, without being told what was said"
    if state is AlertState.DISPUTED:
        return ": those who looked at it disagree, so nobody is engaged"
    return ""


def _stands_under(store: "Store", alert: "Alert") -> "tuple[PolicyPack, Application]":
    """Return the policy pack and the application under which an alert's deployment stands.

    Raises:
        AuthorityError: the deployment was never authorised here, so no policy says who decides.
        IntegrityError: the pack was altered.
    """
    life = store.lives.get(alert.deployment)
    # Before it is authorised an application, and with it the pack, can still be changed.
    if life is None or life.authority is None:
        raise AuthorityError(
            "The alert's deployment was never authorised here, so no policy says who decides."
        )
    adopted = store.policies.get(Sha256(life.application.bindings.policy_sha256))
    if adopted is None:
        raise AuthorityError("The policy pack of the alert's deployment is not kept here.")
    return adopted.pack, life.application


def _rules(pack: "PolicyPack") -> "StepRules":
    from functools import partial

    from overt.alerts.steps import StepRules
    from overt.policy.checks import check_review, n_reviews, note_limit_chars

    return StepRules(n_reviews(pack), note_limit_chars(pack), partial(check_review, pack))


def _for_safeguarding(
    store: "Store", alert: "Alert", pack: "PolicyPack", application: "Application"
) -> bool:
    """Return whether the list says that the person is missing or vulnerable.

    Raises:
        StateError: the list is no longer kept, or does not say why the person is on it.
    """
    from overt.policy.checks import can_be_safeguarded

    listed = store.watchlists.cards(WatchlistId(application.watchlist))
    bound_to = application.bindings.watchlist_sha256
    cards = listed.entries if listed and listed.manifest_sha256 == bound_to else ()
    grounds = next((card.grounds for card in cards if card.entry == alert.entry), None)
    if grounds is None:
        raise StateError(
            "The list does not say, or no longer says, why the person was looked for, so nobody "
            "can tell whether they were to be safeguarded."
        )
    return can_be_safeguarded(pack, grounds.category)


def text_given(text: str) -> str:
    """Return a text as given, or from standard input, where no process list shows it.

    Raises:
        InputError: what was read is no text.
    """
    if text != FROM_STANDARD_INPUT:
        return text
    data = sys.stdin.buffer.read(MAX_NOTE_BYTES)
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise InputError("What was read is not text in UTF-8.") from error

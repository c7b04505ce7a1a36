"""``overt deployment present``: an officer says that they are there, again and again.

The node that looks counts on it: when an officer who has to be there falls silent, it pauses within
a second. The command says so three times in the time that the pack allows, until it is interrupted
or the deployment is over.

Exit codes: 0; 9 not an officer of this deployment; 10 it is not the time to be there.
Must not: go on after the officer has left, was struck off, or the deployment has ended.
"""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from types import FrameType
from typing import TYPE_CHECKING, Annotated, Final

import typer
from rich.console import Console

from overt.cli import wiring
from overt.cli.options import Acting
from overt.core.clock import SystemClock
from overt.core.errors import StateError
from overt.core.ids import DeploymentId, PersonId

if TYPE_CHECKING:
    from overt.deployment.life import Life
    from overt.store.store import Store

TIMES_WITHIN: Final = 3
"""How often an officer says so within the time that the pack allows: two may be lost."""


def present(
    deployment: Annotated[str, typer.Argument(help="Which deployment.")],
    acting: Acting,
    for_minutes: Annotated[
        float | None, typer.Option(min=0.01, help="Stop by itself after this long.")
    ] = None,
    once: Annotated[bool, typer.Option(help="Say so once, and end.")] = False,
) -> None:
    """Say that you are there, until Ctrl-C; checks you in first if you are not."""
    from overt.cli.identity import act_as

    clock, console = SystemClock(), Console(stderr=True)
    with wiring.open_store(clock) as store:
        who = act_as(store, acting).person.id
        life = _checked_in(store, DeploymentId(deployment), who)
        store.lives.beat(life.deployment, who)
        if once:
            _say(console, f"{who} is present.")
            return
        every_s = _within_s(store, life) / TIMES_WITHIN
        _say(console, f"{who} is present, and says so every {every_s:g} s until Ctrl-C.")
        until_s = None if for_minutes is None else clock.monotonic_s() + 60 * for_minutes
        with _until_interrupted() as interrupted:
            while not interrupted.wait(every_s):
                if until_s is not None and clock.monotonic_s() >= until_s:
                    break
                if not _still_needed(store, life.deployment, clock.now_utc()):
                    _say(console, f"The deployment {life.deployment} is over.")
                    return
                store.lives.beat(life.deployment, who)
        _say(console, f"{who} no longer says so; checking out is a step of its own.")


def _checked_in(store: "Store", deployment: DeploymentId, who: PersonId) -> "Life":
    """Return the deployment's life with somebody checked in."""
    from overt.deployment.acts import CheckInOfficer

    life = store.lives.get(deployment)
    if life is None:
        raise StateError(f"There is no deployment {deployment} here.")
    if who in life.present():
        return life
    return store.lives.act(deployment, CheckInOfficer(), who)


def _still_needed(store: "Store", deployment: DeploymentId, now_utc: datetime) -> bool:
    from overt.deployment.life import LifeState

    life = store.lives.get(deployment)
    over = {LifeState.ENDED, LifeState.CLOSED}
    return life is not None and life.state not in over and not life.lapsed(now_utc)


def _within_s(store: "Store", life: "Life") -> float:
    """Return how old a sign of presence may be under the deployment's pack."""
    from overt.core.ids import Sha256
    from overt.policy.checks import presence_within_s

    adopted = store.policies.get(Sha256(life.application.bindings.policy_sha256))
    if adopted is None:
        raise StateError("The deployment's policy pack is not in force here.")
    return presence_within_s(adopted.pack)


def _say(console: Console, words: str) -> None:
    console.print(words, soft_wrap=True, markup=False, highlight=False)


@contextmanager
def _until_interrupted() -> Iterator[threading.Event]:
    """Yield what Ctrl-C and SIGTERM set."""
    interrupted = threading.Event()

    def interrupt(number: int, frame: FrameType | None) -> None:
        del number, frame
        interrupted.set()

    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield interrupted
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)

"""Steps of a deployment from the command line: who acts, what they do, and what is told of it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from overt.cli import wiring
from overt.core.clock import SystemClock, format_utc
from overt.core.ids import DeploymentId

if TYPE_CHECKING:
    from overt.deployment.acts import DeploymentAct
    from overt.deployment.life import Life

DeploymentName = Annotated[str, typer.Argument(metavar="ID", help="The deployment.")]
Reason = Annotated[str, typer.Option(help="Why; it is recorded, and may be read in public.")]


def say(text: str) -> None:
    """Tell a person something, one line as it is, on standard error."""
    Console(stderr=True).print(text, soft_wrap=True, markup=False, highlight=False)


def take(deployment: str, act: "DeploymentAct", acting: Path) -> "Life":
    """Take a step as whoever holds a signing key, and return the life after it.

    Raises:
        OvertError: as :func:`overt.cli.identity.act_as` and
            :meth:`overt.store.lives.LifeArchive.act`.
    """
    from overt.cli.identity import act_as

    with wiring.open_store(SystemClock()) as store:
        identity = act_as(store, acting)
        return store.lives.act(DeploymentId(deployment), act, identity.person.id)


def say_state(life: "Life") -> None:
    """Tell where a deployment stands after a step."""
    step = life.steps[-1]
    if step.by is None and step.reason:
        say(f"{life.deployment} is {life.state}: {step.reason}")
        return
    say(f"{life.deployment} is {life.state}, at {format_utc(life.last_step_utc)}.")

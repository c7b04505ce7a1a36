"""``overt deployment list|show``: every deployment, and the whole life of one.

Exit codes: 0; 4 something kept was altered; 7 it cannot be read; 10 there is no such deployment.
"""

import json
from datetime import datetime
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Column, Table
from rich.text import Text

from overt.cli import wiring
from overt.cli.deployment_steps import DeploymentName, say
from overt.cli.options import AsJson
from overt.core.clock import SystemClock, format_utc
from overt.core.ids import DeploymentId

if TYPE_CHECKING:
    from overt.deployment.life import Life

_STYLES = {
    "live": "bold green",
    "paused": "yellow",
    "ready": "green",
    "authorised": "cyan",
    "refused": "red",
    "draft": "dim",
    "closed": "dim",
}


def list_deployments(as_json: AsJson = False) -> None:
    """List every deployment, the one that changed last first."""
    clock = SystemClock()
    with wiring.open_store(clock) as store:
        lives = store.lives.list()
    if as_json:
        print(json.dumps({"deployments": [_row(life) for life in lives]}, indent=2))
        return
    if not lives:
        say("There is no deployment yet; begin with: overt deployment template")
        return
    by_whom = Column("Authorised by", overflow="fold")
    table = Table("Deployment", "State", "Place", "Start", "End", by_whom, box=None)
    now_utc = clock.now_utc()
    for life in lives:
        asked, given = life.application, life.authority
        state = Text(_state(life, now_utc), style=_STYLES.get(life.state, ""))
        by = "" if given is None else f"{given.authoriser}, {given.rank}"
        table.add_row(
            Text(life.deployment),
            state,
            Text(asked.place.name),
            format_utc(asked.starts_utc)[:16].replace("T", " "),
            format_utc(asked.ends_utc)[:16].replace("T", " "),
            Text(f"{by} (urgent)" if given and given.awaits_ratification else by),
        )
    Console().print(table)


def show(deployment: DeploymentName, as_json: AsJson = False) -> None:
    """Show a deployment's whole life: application, authority, steps, what the policy says now."""
    from overt.cli.deployment_briefing import briefing
    from overt.deployment.document import document_of

    with wiring.open_store(SystemClock()) as store:
        document, lines = store.lives.ask(
            DeploymentId(deployment),
            lambda life, situation: (
                document_of(life, situation),
                () if as_json else tuple(briefing(life, situation)),
            ),
        )
    if as_json:
        print(document.model_dump_json(indent=2))
        return
    print("\n".join(lines))
    print(f"\n{document.deployment} is {document.state}{_over(document.authority_is_over)}.")
    for step in document.steps:
        by = f"by {step.by}" if step.by else "of itself"
        reason = f": {step.reason}" if step.reason else ""
        print(f"  {step.number:>3}  {format_utc(step.at_utc)}  {step.event} {by}{reason}")


def _row(life: "Life") -> dict[str, str | None]:
    asked, given = life.application, life.authority
    return {
        "deployment": life.deployment,
        "state": life.state,
        "place": asked.place.name,
        "starts_utc": format_utc(asked.starts_utc),
        "ends_utc": format_utc(asked.ends_utc),
        "authoriser": None if given is None else given.authoriser,
        "route": None if given is None else given.route,
        "last_step_utc": format_utc(life.last_step_utc),
    }


def _state(life: "Life", now_utc: datetime) -> str:
    return f"{life.state}{_over(life.lapsed(now_utc))}"


def _over(is_over: bool) -> str:
    return ", its authority is over" if is_over else ""

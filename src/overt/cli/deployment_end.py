"""``overt deployment report|close``: what came of it, and what is destroyed.

Exit codes: 0; 2 neither a report nor --template; 3 a report that cannot be used; 4 something kept
was altered; 7 not kept, or not yet overwritten; 9 the policy or the register does not allow it; 10
not where this can be done, or somebody was faster.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from overt.cli import wiring
from overt.cli.deployment_steps import DeploymentName, say_state, take
from overt.cli.options import Acting, AsJson
from overt.core.clock import SystemClock, format_utc
from overt.core.errors import UsageError
from overt.core.ids import DeploymentId

if TYPE_CHECKING:
    from datetime import datetime

    from overt.deployment.life import Life
    from overt.store.store import Store


def report(
    deployment: DeploymentName,
    path: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="The report, a TOML file.")
    ] = None,
    acting: Annotated[
        Path | None, typer.Option("--as", help="Signing key of whoever does this.")
    ] = None,
    blank: Annotated[
        bool, typer.Option("--template", help="Print the empty report instead.")
    ] = False,
) -> None:
    """Write the cancellation report, without which a deployment is not closed."""
    from overt.deployment.acts import WriteReport
    from overt.deployment.report_form import read_report

    if blank:
        print(_blank_report(deployment), end="")
        return
    if path is None or acting is None:
        raise UsageError("Name the report's FILE and --as, or ask for --template.")
    say_state(take(deployment, WriteReport(read_report(path)), acting))


def close(deployment: DeploymentName, acting: Acting, as_json: AsJson = False) -> None:
    """Close a deployment: destroys its list's key, and says what is kept until when."""
    from overt.cli.identity import act_as
    from overt.deployment.acts import Close

    with wiring.open_store(SystemClock()) as store:
        identity = act_as(store, acting)
        store.close_abandoned_runs()
        before = _readable(store, deployment)
        life = store.lives.act(DeploymentId(deployment), Close(), identity.person.id)
        after = _readable(store, deployment)
    destroyed = sorted(name for name, was_there in before.items() if was_there and not after[name])
    kept = sorted(name for name, is_there in after.items() if is_there)
    if as_json:
        shown = {
            "deployment": deployment,
            "destroyed": destroyed,
            "readable": kept,
            "delete_by": {kind: format_utc(when) for kind, when in life.delete_by.items()},
        }
        print(json.dumps(shown, indent=2))
        return
    say_state(life)
    for name in destroyed:
        print(f"Destroyed now: the key of {_WORDS[name]}, so nobody can read it any more.")
    for name in kept:
        print(f"Still readable: {_WORDS[name]}{_WHY_KEPT.get(name, '')}.")
    _print_deadlines(life)


_WORDS = {
    "watchlist": "the watchlist, with its pictures and templates",
    "pictures": "the pictures and notes of its alerts",
}
_WHY_KEPT = {"watchlist": ", because another deployment that is not closed names it"}


def _print_deadlines(life: "Life") -> None:
    times: dict[datetime, list[str]] = {}
    for kind, when in life.delete_by.items():
        times.setdefault(when, []).append(kind)
    print("By the policy, what is kept must be gone by:")
    for when, kinds in sorted(times.items()):
        print(f"  {format_utc(when)}  {', '.join(sorted(kinds))}")
    print("These are the latest times: Overt deletes by then, with receipts (overt retention).")


def _readable(store: "Store", deployment: str) -> dict[str, bool]:
    """Return what can still be read of a deployment's pictures and list."""

    def of(life: "Life", _: Any) -> tuple[str, str]:
        bound = life.application
        return bound.watchlist, bound.bindings.watchlist_sha256

    name, digest = store.lives.ask(DeploymentId(deployment), of)
    lists = {(each.id, each.manifest_sha256) for each in store.watchlists.list()}
    return {
        "watchlist": (name, digest) in {(str(a), str(b)) for a, b in lists},
        "pictures": store.has_deployment_key(DeploymentId(deployment)),
    }


def _blank_report(deployment: str) -> str:
    from overt.deployment.report_form import blank_report

    with wiring.open_store(SystemClock()) as store:
        return store.lives.ask(
            DeploymentId(deployment), lambda _, situation: blank_report(situation.pack)
        )

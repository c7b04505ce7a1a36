"""``overt deployment cosign|authorise|ratify|refuse|refuse-ratification``: who answers for it.

Exit codes: 0; 2 there is no terminal to ask on; 3 a file or reason that cannot be used; 4 something
kept was altered; 5 a capability that does not fit; 7 not kept or not written; 9 the policy or the
register does not allow it; 10 not where this can be done, or somebody was faster; 130 whoever was
asked said no.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from overt.cli import wiring
from overt.cli.deployment_steps import DeploymentName, Reason, say, say_state, take
from overt.cli.options import Acting
from overt.core.clock import SystemClock, format_utc
from overt.core.errors import EXIT_INTERRUPTED, StorageError, UsageError
from overt.core.ids import DeploymentId, Sha256

if TYPE_CHECKING:
    from overt.cli.identity import Identity
    from overt.deployment.life import Life
    from overt.deployment.situation import Situation
    from overt.policy.facts import Route
    from overt.store.store import Store

Yes = Annotated[bool, typer.Option("--yes", help="Do not ask; needed where there is no terminal.")]
OutFile = Annotated[
    Path | None, typer.Option("--out", help="Also write the signed capability to this file.")
]


def cosign(deployment: DeploymentName, acting: Acting, yes: Yes = False) -> None:
    """Sign an application as an independent person, before it is authorised or ratified."""
    from overt.cli.identity import act_as
    from overt.deployment.acts import Cosign
    from overt.deployment.cosignature import cosign as sign_application

    with wiring.open_store(SystemClock()) as store:
        identity = act_as(store, acting)
        life, _ = _shown(store, deployment, identity)
        _confirm(f"Co-sign the application for {deployment}?", yes)
        signature = sign_application(life.application.sha256, identity.key)
        say_state(store.lives.act(DeploymentId(deployment), Cosign(signature), identity.person.id))


def authorise(
    deployment: DeploymentName,
    acting: Acting,
    urgent: Annotated[
        bool, typer.Option("--urgent", help="By the urgent route: it ends unless ratified in time.")
    ] = False,
    reason: Annotated[
        str, typer.Option(help="With --urgent: why the ordinary route would come too late.")
    ] = "",
    out: OutFile = None,
    yes: Yes = False,
) -> None:
    """Authorise an application: shows what is signed, asks, and signs the capability for it."""
    from overt.deployment.acts import Authorise
    from overt.policy.facts import Route

    if reason and not urgent:
        raise UsageError("A --reason goes with --urgent.")
    route = Route.URGENT if urgent else Route.ORDINARY
    with wiring.open_store(SystemClock()) as store:
        identity, file = _signed(store, deployment, acting, route, yes=yes)
        act = Authorise(route, file, reason)
        life = store.lives.act(DeploymentId(deployment), act, identity.person.id)
        _record_export(store, life, identity, out)
    _tell(life, file, out)


def ratify(
    deployment: DeploymentName, acting: Acting, out: OutFile = None, yes: Yes = False
) -> None:
    """Put an ordinary authority in the place of an urgent one, which would end by itself."""
    from overt.deployment.acts import Ratify
    from overt.policy.facts import Route

    with wiring.open_store(SystemClock()) as store:
        identity, file = _signed(store, deployment, acting, Route.ORDINARY, yes=yes)
        life = store.lives.act(DeploymentId(deployment), Ratify(file), identity.person.id)
        _record_export(store, life, identity, out)
    _tell(life, file, out)


def refuse(deployment: DeploymentName, acting: Acting, reason: Reason) -> None:
    """Refuse an application, for good: it can be applied for anew under another id."""
    from overt.deployment.acts import Refuse

    say_state(take(deployment, Refuse(reason), acting))


def refuse_ratification(deployment: DeploymentName, acting: Acting, reason: Reason) -> None:
    """Refuse an urgent authority afterwards: the deployment ends at once.

    If the policy says so, the pictures that it gathered are destroyed with it.
    """
    from overt.deployment.acts import RefuseRatification

    say_state(take(deployment, RefuseRatification(reason), acting))


def _signed(
    store: "Store", deployment: str, acting: Path, route: "Route", *, yes: bool
) -> "tuple[Identity, bytes]":
    """Show what is to be signed, ask, and return who signed and the capability."""
    from overt.cli.identity import act_as
    from overt.deployment.authorising import capability_for
    from overt.deployment.capability import sign

    identity = act_as(store, acting)
    life, situation = _shown(store, deployment, identity)
    now_utc = SystemClock().now_utc()
    capability = capability_for(life, situation.pack, route, identity.person, now_utc)
    say("")
    say(
        f"You sign as {identity.person.id}, {identity.person.rank}, by the {route} route, from "
        f"{format_utc(capability.not_before_utc)} until {format_utc(capability.not_after_utc)}."
    )
    _confirm(f"Authorise {deployment}?", yes)
    return identity, sign(capability, identity.key)


def _shown(store: "Store", deployment: str, identity: "Identity") -> "tuple[Life, Situation]":
    from overt.cli.deployment_briefing import brief

    return store.lives.ask(DeploymentId(deployment), brief, identity.person.id)


def _confirm(question: str, yes: bool) -> None:
    if yes:
        return
    if not sys.stdin.isatty():
        raise UsageError("There is no terminal to ask on: read what is signed, and say --yes.")
    if not typer.confirm(question, err=True):
        say("Nothing was signed.")
        raise typer.Exit(EXIT_INTERRUPTED)


def _record_export(store: "Store", life: "Life", by: "Identity", out: Path | None) -> None:
    if out is not None and life.authority is not None:
        digest = Sha256(life.authority.capability_sha256)
        store.looks.export("capability", life.deployment, digest, by.person.id)


def _tell(life: "Life", file: bytes, out: Path | None) -> None:
    say_state(life)
    given = life.authority
    if given is not None and given.awaits_ratification:
        say(f"It ends at {format_utc(given.ends_utc)} unless somebody else ratifies it.")
    if out is None:
        return
    try:
        out.write_bytes(file)
    except OSError as error:
        raise StorageError(
            "It is authorised and kept here, but the capability file could not be written."
        ) from error

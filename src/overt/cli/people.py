"""``overt people``: who acts here, with which key and in which roles.

Exit codes: 0; 3 a file or value that cannot be used; 4 a key that others can read, or a register
that was altered; 7 not kept; 9 whoever asks may not; 10 somebody was faster, or a key or id is
taken.
"""

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from overt.cli import wiring
from overt.cli.options import Acting, AsJson
from overt.core.clock import SystemClock
from overt.core.errors import InputError
from overt.core.ids import CameraId, DeploymentId, PersonId, WatchlistId
from overt.policy.roles import Grant, Person, Role

if TYPE_CHECKING:
    from overt.store.people import RegisteredPerson
    from overt.store.store import Store

app = typer.Typer(name="people", help="The register of those who act here.", no_args_is_help=True)
PersonName = Annotated[str, typer.Argument(metavar="ID", help="Their id, for example ao-east-1.")]
_ROLE_HELP = (
    "ROLE, or ROLE:deployment=ID:watchlist=ID:camera=ID to limit it; once for each role. "
    f"Roles: {', '.join(Role)}."
)
_Roles = typer.Option("--role", metavar="ROLE", help=_ROLE_HELP)


@app.command("new-key")
def new_key(
    path: Annotated[Path, typer.Argument(help="Where the signing key is written.")],
) -> None:
    """Create a person's signing key, and its public half beside it."""
    from overt.deployment.keys import create_key

    create_key(path)
    _say(
        f"Signing key {path}: keep it with the person; whoever holds it is that person here.\n"
        f"Public key {path}.pub: an administrator registers it by: overt people add"
    )


@app.command("add")
def add(
    person: PersonName,
    key: Annotated[Path, typer.Option(help="Their public key.")],
    rank: Annotated[str, typer.Option(help="Word of the policy pack, for example inspector.")],
    organisation: Annotated[str, typer.Option(help="Whom they work for.")],
    role: Annotated[list[str], _Roles],
    acting: Annotated[
        Path | None,
        typer.Option(
            "--as", help="Signing key of the administrator; not for the first person of all."
        ),
    ] = None,
    independent: Annotated[
        bool, typer.Option("--independent", help="They are independent of the force.")
    ] = False,
) -> None:
    """Register somebody. The first person of all is an administrator."""
    from overt.cli.identity import act_as
    from overt.deployment.keys import load_public_key

    added = Person(
        id=PersonId(person),
        rank=rank,
        organisation=organisation,
        grants=_grants(role),
        public_key=load_public_key(key).public_bytes_raw(),
        independent=independent,
    )
    clock = SystemClock()
    with wiring.open_store(clock) as store:
        by = None if acting is None else act_as(store, acting).person.id
        known = _known_ranks(store)
        store.people.save(added, by, clock.now_utc())
    _warn_of_rank(rank, known)
    _say(f"Registered {person}: {', '.join(role)}")


@app.command("change")
def change(
    person: PersonName,
    acting: Acting,
    rank: Annotated[str | None, typer.Option(help="Another rank.")] = None,
    organisation: Annotated[str | None, typer.Option(help="Another organisation.")] = None,
    role: Annotated[list[str] | None, _Roles] = None,
    independent: Annotated[
        bool | None,
        typer.Option("--independent/--not-independent", help="Independent of the force, or not."),
    ] = None,
) -> None:
    """Change somebody's rank, organisation or roles; roles that are given replace the old ones."""
    named: dict[str, Any] = {
        "rank": rank,
        "organisation": organisation,
        "independent": independent,
        "grants": _grants(role) if role else None,
    }
    changes = {name: value for name, value in named.items() if value is not None}
    if not changes:
        raise InputError("Say what to change: --rank, --organisation, --independent or --role.")
    version = _replace(PersonId(person), acting, changes)
    _say(f"Changed {person}, now version {version}")


@app.command("strike-off")
def strike_off(person: PersonName, acting: Acting) -> None:
    """Take every right from somebody, for good. What they did stays on record."""
    _replace(PersonId(person), acting, {"struck_off": True})
    _say(f"Struck off {person}")


@app.command("list")
def list_people(as_json: AsJson = False) -> None:
    """List everybody who is or was in the register."""
    with wiring.open_store(SystemClock()) as store:
        people = store.people.list()
    if as_json:
        print(json.dumps({"people": [_document(each) for each in people]}, indent=2))
        return
    if not people:
        _say("Nobody is registered yet; begin with an administrator: overt people add")
        return
    table = Table("Person", "Rank", "Organisation", "Roles", "", box=None)
    for each in people:
        roles = ", ".join(_grant_words(grant) for grant in each.grants)
        words = (each.id, each.rank, each.organisation, roles, _standing(each))
        table.add_row(*map(Text, words))
    Console().print(table)


@app.command("show")
def show(person: PersonName, as_json: AsJson = False) -> None:
    """Show one person's entry."""
    with wiring.open_store(SystemClock()) as store:
        entry = _entry(store, PersonId(person))
    shown = {**_document(entry.person), "version": entry.version}
    if as_json:
        print(json.dumps(shown, indent=2))
        return
    table = Table(box=None, show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    roles = "\n".join(_grant_words(grant) for grant in entry.person.grants)
    for name, value in {**shown, "grants": roles}.items():
        table.add_row(name, Text(str(value)))
    Console().print(table)


def _replace(person: PersonId, acting: Path, changes: dict[str, Any]) -> int:
    from overt.cli.identity import act_as

    clock = SystemClock()
    with wiring.open_store(clock) as store:
        by = act_as(store, acting).person.id
        entry = _entry(store, person)
        known = _known_ranks(store) if "rank" in changes else ()
        after = dataclasses.replace(entry.person, **changes)
        version = store.people.save(after, by, clock.now_utc(), replaces=entry.version)
    _warn_of_rank(after.rank, known)
    return version


def _known_ranks(store: "Store") -> tuple[str, ...]:
    """Return the ranks of the packs in force, each once; empty if none was adopted."""
    in_force = {each.pack.id: each.pack for each in store.policies.list()}
    rules = [pack.rules.ranks for pack in in_force.values()]
    return tuple(dict.fromkeys(rank for each in rules for rank in (*each.ladder, *each.outside)))


def _warn_of_rank(rank: str, known: Sequence[str]) -> None:
    """Say that no pack in force knows a rank; no refusal, since the pack may come later."""
    if known and rank not in known:
        _say(
            f"Warning: no policy pack in force here knows the rank {rank}; whoever has it can sign "
            f"nothing under one. Ranks that are known: {', '.join(known)}."
        )


def _entry(store: "Store", person: PersonId) -> "RegisteredPerson":
    entry = store.people.entry(person)
    if entry is None:
        raise InputError("There is nobody of that id in the register of people.")
    return entry


def _grants(texts: Sequence[str]) -> tuple[Grant, ...]:
    return tuple(_grant(text) for text in texts)


def _grant(text: str) -> Grant:
    """Read ``ROLE[:deployment=ID][:watchlist=ID][:camera=ID]``."""
    name, *limits = text.split(":")
    if name not in set(Role):
        raise InputError(f"There is no such role; the roles are {', '.join(Role)}.")
    named: dict[str, set[str]] = {"deployment": set(), "watchlist": set(), "camera": set()}
    for limit in limits:
        kind, equals, value = limit.partition("=")
        if not equals or not value or kind not in named:
            raise InputError(
                "A role is limited by deployment=ID, watchlist=ID or camera=ID after a colon."
            )
        named[kind].add(value)
    return Grant(
        Role(name),
        deployments=frozenset(map(DeploymentId, named["deployment"])) or None,
        watchlists=frozenset(map(WatchlistId, named["watchlist"])) or None,
        cameras=frozenset(map(CameraId, named["camera"])) or None,
    )


def _grant_words(grant: Grant) -> str:
    limits = {
        "deployment": grant.deployments,
        "watchlist": grant.watchlists,
        "camera": grant.cameras,
    }
    words = [f"{kind}={name}" for kind, names in limits.items() for name in sorted(names or ())]
    return ":".join([str(grant.role), *words])


def _document(person: Person) -> dict[str, Any]:
    return {
        "id": person.id,
        "rank": person.rank,
        "organisation": person.organisation,
        "independent": person.independent,
        "grants": [_grant_words(grant) for grant in person.grants],
        "public_key": person.public_key.hex(),
        "struck_off": person.struck_off,
    }


def _standing(person: Person) -> str:
    if person.struck_off:
        return "struck off"
    return "independent" if person.independent else ""


def _say(text: str) -> None:
    Console(stderr=True).print(text, soft_wrap=True, markup=False, highlight=False)

"""``overt keys``: under which key this machine's store is, and a new one in its place.

Exit codes: 0; 2 contradictory settings; 3 no such list; 4 a key that is missing or another store's;
6 no system keyring; 7 not done, or not yet in every file; 9 whoever asks may not; 10 a run is open,
or another process rotates.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from overt.cli import wiring
from overt.cli.options import AsJson
from overt.core.clock import SystemClock
from overt.core.errors import InputError, PolicyError
from overt.core.ids import PersonId, WatchlistId
from overt.policy.roles import RULE, Right, Scope

if TYPE_CHECKING:
    from overt.store.store import Store

app = typer.Typer(
    name="keys", help="The keys that what is kept is encrypted under.", no_args_is_help=True
)
_OWNERS = {
    "deployments": "deployments",
    "watchlists": "watchlists",
    "watchlist_imports": "imports under way",
}


@app.command("show")
def show(as_json: AsJson = False) -> None:
    """Show where the machine key comes from, its id, and how many keys it wraps."""
    with wiring.open_store(SystemClock(), sweeps=False) as store:
        keys = store.keys.show()
    if as_json:
        wrapped = {
            owners: {"n_wrapped": each.n_wrapped, "n_destroyed": each.n_destroyed}
            for owners, each in keys.wrapped.items()
        }
        _print_json({"source": keys.source, "key_id": keys.key_id, "wrapped": wrapped})
        return
    console = Console()
    console.print(f"Machine key {keys.key_id}, from {keys.source}.", highlight=False)
    table = Table("Keys of", "In use", "Destroyed", box=None)
    for owners, each in keys.wrapped.items():
        table.add_row(_OWNERS.get(owners, owners), f"{each.n_wrapped:,}", f"{each.n_destroyed:,}")
    console.print(table)


@app.command("rotate")
def rotate(
    acting: Annotated[
        Path | None,
        typer.Option("--as", help="Signing key of the administrator, once anybody is registered."),
    ] = None,
    watchlist: Annotated[
        str | None,
        typer.Option("--list", metavar="NAME", help="Re-encrypt this list under a new key."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Put a new machine key, or a new key of one list, in the place of the old one.

    With a new machine key every deployment's and list's own key is wrapped anew; with a new key of
    a list, everything on the list is encrypted anew. No run may be open.
    """
    advice = None
    with wiring.open_store(SystemClock()) as store:
        if watchlist is None:
            by = _administrator(store, acting, Scope())
            key_id = store.keys.rotate_machine_key(by)
            advice = store.keys.after_rotation
        else:
            wanted = _list_named(store, watchlist)
            by = _administrator(store, acting, Scope(watchlist=wanted))
            key_id = store.keys.rotate_list_key(wanted, by)
    if as_json:
        scope = "machine" if watchlist is None else "watchlist"
        _print_json({"scope": scope, "list": watchlist, "key_id": key_id, "then": advice})
        return
    what = "The machine key" if watchlist is None else f"The key of the list {watchlist}"
    then = advice or "The former one is destroyed."
    Console(stderr=True).print(
        f"{what} is now {key_id}. {then}", markup=False, highlight=False, soft_wrap=True
    )


def _administrator(store: "Store", acting: Path | None, scope: Scope) -> PersonId | None:
    """Return who may rotate; None on a machine where nobody is registered yet."""
    from overt.cli.identity import act_as, require

    if acting is None:
        if store.people.list():
            raise PolicyError(
                "Say who rotates the key: --as, with an administrator's signing key.", (RULE,)
            )
        return None
    identity = act_as(store, acting)
    require(identity, Right.MANAGE_KEYS, scope)
    return identity.person.id


def _list_named(store: "Store", name: str) -> WatchlistId:
    found = [each.id for each in store.watchlists.list() if name in (each.name, each.id)]
    if len(found) != 1:
        raise InputError(
            "More than one list has that name: use its id." if found else "There is no such list."
        )
    return found[0]


def _print_json(value: object) -> None:
    print(json.dumps(value, indent=2))

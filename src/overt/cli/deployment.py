"""``overt deployment``: a deployment's life, from the application to its closing.

    template, apply, check, submit, withdraw            the application
    cosign, authorise, ratify, refuse                   who answers for it
    check-in, present, confirm-signs, ready, …, end     on the day
    report, close                                       what came of it
    list, show                                          reading

Exit codes: 0; 3 a file or value that cannot be used; 4 a key that others can read; 5 a capability
that is not valid here; 7 not written. Those of the steps stand in the modules of this name.
"""

import json
import shutil
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from overt.cli import (
    deployment_apply,
    deployment_authority,
    deployment_end,
    deployment_show,
    deployment_site,
    presence,
    wiring,
)
from overt.cli.deployment_steps import say
from overt.cli.options import AsJson
from overt.core.clock import SystemClock, format_utc
from overt.core.errors import InputError, StorageError

app = typer.Typer(
    name="deployment",
    help="A deployment's life: application, authority, the day, closing.",
    no_args_is_help=True,
)
CapabilityFile = Annotated[Path, typer.Argument(help="The signed capability file.")]

app.command("list")(deployment_show.list_deployments)
app.command("show")(deployment_show.show)
app.command("template")(deployment_apply.template)
app.command("apply")(deployment_apply.apply)
app.command("check")(deployment_apply.check)
app.command("submit")(deployment_apply.submit)
app.command("withdraw")(deployment_apply.withdraw)
app.command("cosign")(deployment_authority.cosign)
app.command("authorise")(deployment_authority.authorise)
app.command("refuse")(deployment_authority.refuse)
app.command("ratify")(deployment_authority.ratify)
app.command("refuse-ratification")(deployment_authority.refuse_ratification)
app.command("check-in")(deployment_site.check_in)
app.command("present")(presence.present)
app.command("check-out")(deployment_site.check_out)
app.command("confirm-signs")(deployment_site.confirm_signs)
app.command("ready")(deployment_site.ready)
app.command("pause")(deployment_site.pause)
app.command("resume")(deployment_site.resume)
app.command("end")(deployment_site.end)
app.command("report")(deployment_end.report)
app.command("close")(deployment_end.close)


@app.command("trust")
def trust(
    public_key: Annotated[Path, typer.Argument(help="Public key of somebody who authorises.")],
) -> None:
    """Have capability files checked against this key here; who authorises a run, the register says.

    For machines that hold no register of people: see overt deployment capability.
    """
    from overt.deployment.keys import load_public_key
    from overt.policy.signing import key_id

    known_as = key_id(load_public_key(public_key))
    folder = wiring.trusted_keys()
    try:
        wiring.home().mkdir(mode=0o700, parents=True, exist_ok=True)
        folder.mkdir(mode=0o700, exist_ok=True)
        shutil.copyfile(public_key, folder / f"{known_as}.pub")
    except OSError as error:
        raise StorageError("The public key could not be kept.") from error
    say(f"Capability files are checked against {known_as} here; a run asks the register of people.")


@app.command("capability")
def capability(path: CapabilityFile, as_json: AsJson = False) -> None:
    """Show what a signed capability file allows, and whether it is valid here and now."""
    from overt.deployment.authority import Authority
    from overt.deployment.capability import verify
    from overt.deployment.keys import load_trusted

    try:
        data = path.read_bytes()
    except OSError as error:
        raise InputError("The capability file cannot be read.") from error
    allowed = verify(data, load_trusted(wiring.trusted_keys()))
    document = json.loads(data)["capability"]
    if as_json:
        print(json.dumps(document, indent=2))
    else:
        table = Table(box=None, show_header=False)
        table.add_column()
        table.add_column(overflow="fold")
        for name, value in document.items():
            table.add_row(name, json.dumps(value) if not isinstance(value, str) else value)
        Console().print(table)
    Authority(allowed, SystemClock())
    say(f"Valid now, until {format_utc(allowed.not_after_utc)}")

"""``overt models``: which models there are, whether they are what they should be, and adding one.

Must not: know how a model is prepared or run; ``inference`` does.
"""

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.table import Table

from overt.cli import wiring

app = typer.Typer(
    name="models", help="Detectors and embedders: list, verify, add.", no_args_is_help=True
)
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


@app.command("list")
def list_models(as_json: AsJson = False) -> None:
    """List the models, where they come from and under which licence."""
    catalogue = wiring.catalogue()
    manifests = [catalogue.get(name) for name in catalogue.names()]
    if as_json:
        print(json.dumps({"models": [m.model_dump(mode="json") for m in manifests]}, indent=2))
        return
    table = Table("Name", "Role", "Licence", "Summary")
    for m in manifests:
        table.add_row(m.name, m.role, m.licence.spdx, m.summary)
    Console().print(table)


@app.command("prepare")
def prepare_models(as_json: AsJson = False) -> None:
    """Prepare every model whose prepared form is not in the cache yet."""
    from overt.inference.prepare import ensure_prepared

    catalogue = wiring.catalogue()
    done = [ensure_prepared(catalogue.get(n), wiring.models_cache()) for n in catalogue.names()]
    if as_json:
        rows = [{"name": p.manifest.name, "path": str(p.path), "sha256": p.sha256} for p in done]
        print(json.dumps({"prepared": rows}, indent=2))
        return
    for prepared in done:
        print(f"{prepared.manifest.name}: prepared, {prepared.path}")

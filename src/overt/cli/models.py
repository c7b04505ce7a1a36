"""``overt models``: which models there are, whether they are what they should be, and adding one.

Exit codes: 0; 3 a manifest or model that cannot be used; 4 a digest or golden vector that differs;
6 a package, runtime or device that is not there; 7 a folder that cannot be written.
Must not: know how a model is prepared or run; ``inference`` does.
"""

import json
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from overt.cli import wiring
from overt.core.errors import IntegrityError
from overt.inference.prepare import PreparedModel, ensure_prepared

app = typer.Typer(
    name="models", help="Detectors and embedders: list, verify, add.", no_args_is_help=True
)
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object and nothing else.")]


@app.command("list")
def list_models(as_json: AsJson = False) -> None:
    """List the models, what they are for and under which licence."""
    catalogue = wiring.catalogue()
    manifests = [catalogue.get(name) for name in catalogue.names()]
    if as_json:
        _print_json({"models": [m.model_dump(mode="json") for m in manifests]})
        return
    table = Table("Name", "Role", "Licence", "Summary", box=None)
    for m in manifests:
        table.add_row(m.name, m.role, m.licence.spdx, m.summary)
    Console().print(table)


@app.command("verify")
def verify_models(
    names: Annotated[list[str] | None, typer.Argument(help="Which models; all if none.")] = None,
    as_json: AsJson = False,
) -> None:
    """Check every digest, and the golden vectors on every runtime that is installed.

    Exits with 4 if anything differs.
    """
    from overt.inference.verify import verify_model

    catalogue = wiring.catalogue()
    checks = [
        check
        for name in names or catalogue.names()
        for check in verify_model(
            catalogue.get(name), catalogue.golden(name), wiring.models_cache()
        )
    ]
    failed = [check for check in checks if check.outcome == "failed"]
    if as_json:
        rows = [
            {"model": c.model, "check": c.subject, "outcome": c.outcome, "detail": c.detail}
            for c in checks
        ]
        _print_json({"verified": not failed, "checks": rows})
    else:
        table = Table("Model", "Check", "Outcome", "Detail", box=None)
        for c in checks:
            table.add_row(c.model, c.subject, c.outcome, c.detail)
        Console().print(table)
    if failed:
        models = ", ".join(sorted({check.model for check in failed}))
        raise IntegrityError(f"{len(failed)} of {len(checks)} checks failed, of: {models}.")


@app.command("add")
def add_model(
    model: Annotated[Path, typer.Argument(help="The ONNX file.", show_default=False)],
    manifest: Annotated[Path, typer.Option(help="Its manifest, a TOML file.", show_default=False)],
    as_json: AsJson = False,
) -> None:
    """Add your own ONNX detector or embedder; one without a licence is refused."""
    from overt.inference import adding

    added = adding.add_model(
        model,
        manifest,
        folder=wiring.user_models(),
        cache=wiring.models_cache(),
        known=wiring.catalogue(),
    )
    if as_json:
        _print_json({"added": _told(added)})
        return
    name, licence = added.manifest.name, added.manifest.licence
    print(f"{name}: added ({added.manifest.role}, {licence.spdx}), {added.path}")


@app.command("prepare")
def prepare_models(as_json: AsJson = False) -> None:
    """Prepare every model whose prepared form is not in the cache, and check the others."""
    catalogue = wiring.catalogue()
    done = [ensure_prepared(catalogue.get(n), wiring.models_cache()) for n in catalogue.names()]
    if as_json:
        _print_json({"prepared": [_told(prepared) for prepared in done]})
        return
    for prepared in done:
        print(f"{prepared.manifest.name}: prepared, {prepared.path}")


def _told(prepared: PreparedModel) -> dict[str, str]:
    return {
        "name": prepared.manifest.name,
        "role": prepared.manifest.role,
        "licence": prepared.manifest.licence.spdx,
        "sha256": prepared.sha256,
        "path": str(prepared.path),
    }


def _print_json(data: dict[str, Any]) -> None:
    print(json.dumps(data, indent=2, ensure_ascii=False))

"""``overt watchlist import`` and ``template``: from a manifest and pictures to a list.

Must not: write a name anywhere but on the screen of whoever imports.
"""

import hashlib
import json
import re
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer
from rich.console import Console

from overt.cli import wiring
from overt.cli.options import Acting, AsJson, Device, RuntimeName
from overt.cli.watchlist_report import as_csv, progress_of, row_document, tell_rows, write_report
from overt.core.clock import Clock, SystemClock
from overt.core.errors import InputError, StateError
from overt.core.ids import ContractId, Sha256, WatchlistId

if TYPE_CHECKING:
    from overt.policy.pack import PolicyPack
    from overt.policy.roles import Person
    from overt.store.medium_files import MediumFile
    from overt.store.open_import import OpenImport
    from overt.store.store import Store
    from overt.watchlist.concluding import Target
    from overt.watchlist.enrol import Enroller
    from overt.watchlist.importing import Importer, RowReport
    from overt.watchlist.life import WatchlistLife
    from overt.watchlist.rows import ManifestReading
    from overt.watchlist.stored import CardIndex

_NAME: Final = re.compile(r"[a-z0-9][a-z0-9.-]{0,63}")


@dataclass(frozen=True, slots=True)
class _Request:
    """What is to be imported, by whom, under which rules."""

    rows: "ManifestReading"
    watchlist: WatchlistId
    pack: "PolicyPack"
    contract: ContractId
    person: "Person"
    clock: Clock


def import_manifest(
    manifest: Annotated[
        Path, typer.Argument(help="CSV or JSON Lines: who, on what grounds, from which pictures.")
    ],
    name: Annotated[str, typer.Option(help="What the list is called.")],
    acting: Acting,
    policy: Annotated[str, typer.Option(help="The policy pack in force here.")] = "uk-police",
    images: Annotated[
        Path | None,
        typer.Option(help="Folder or ZIP of the pictures; the manifest's own folder if none."),
    ] = None,
    report: Annotated[
        Path | None, typer.Option(help="Write the verdict on every row as CSV, without names.")
    ] = None,
    runtime: RuntimeName = "openvino",
    device: Device = "cpu",
    as_json: AsJson = False,
) -> None:
    """Import a manifest with its pictures as a list; every row is accepted or refused.

    An import that was interrupted goes on where it stopped when it is started again.

    A second import of the same files changes nothing.
    """
    from overt.cli.identity import act_as
    from overt.watchlist.decisions import ListEvent
    from overt.watchlist.lifecycle import check_right_for

    _require_manifest(manifest)
    watchlist = _list_id(name)
    clock = SystemClock()
    console = Console(stderr=True, quiet=as_json)
    with wiring.open_store(clock) as store:
        identity = act_as(store, acting)
        with store.watchlist_lives.recording_refusals():
            check_right_for(ListEvent.IMPORTED, watchlist, identity.person)
        asked = _Request(
            _readable(manifest, images),
            watchlist,
            _pack_in_force(store, policy),
            wiring.template_contract(),
            identity.person,
            clock,
        )
        before = store.watchlist_lives.find(watchlist)
        if before is not None and _is_same(store, before, asked, console):
            store.imports.tidy(watchlist)
            store.imports.remember(watchlist, _medium(asked, console))
            _say_unchanged(console, store, before, as_json=as_json)
            return
        imported = _import(store, before, asked, console, runtime=runtime, device=device)
        if report is not None:
            written = as_csv(imported.reports)
            digest = Sha256(hashlib.sha256(written).hexdigest())
            store.looks.export("import-report", watchlist, digest, identity.person.id)
            write_report(report, written)
    tell_rows(console, imported.reports, report)
    if as_json:
        print(json.dumps(imported.document(), indent=2))
    if imported.life is None:
        raise InputError("No row could be accepted: there is no list.")
    _tell_end(console, imported)


def write_template(
    images: Annotated[Path, typer.Argument(help="A folder or ZIP of pictures.")],
) -> None:
    """Write an empty manifest for a folder of pictures, to be filled in.

    One file a person, or one folder a person.
    """
    import sys

    from overt.watchlist.row_form import write_template as write

    n_people = write(images, sys.stdout)
    Console(stderr=True).print(
        f"{n_people:,} rows, to be filled in: nobody is listed without grounds.", soft_wrap=True
    )


@dataclass(frozen=True, slots=True)
class _Imported:
    """What an import came to; ``life`` is None if no row was accepted: no file is noted then."""

    asked: _Request
    reports: "list[RowReport]"
    life: "WatchlistLife | None"
    cards: "CardIndex | None"
    n_files: int = 0

    def count(self, *outcomes: str) -> int:
        return sum(each.outcome in outcomes for each in self.reports)

    def document(self) -> dict[str, Any]:
        return {
            "name": self.asked.watchlist,
            "changed": self.life is not None,
            "state": None if self.life is None else str(self.life.state),
            "sha256": None if self.life is None else self.life.manifest_sha256,
            "contract": self.asked.contract,
            "policy": {"id": self.asked.pack.id, "sha256": self.asked.pack.sha256},
            "n_entries": 0 if self.life is None else len(self.life.entries),
            "n_accepted": self.count("accepted", "warned"),
            "n_warned": self.count("warned"),
            "n_refused": self.count("refused"),
            "n_undecided_pairs": 0 if self.life is None else len(self.life.undecided()),
            "n_medium_files": self.n_files,
            "rows": [row_document(each) for each in self.reports],
        }


def _require_manifest(path: Path) -> None:
    import zipfile

    if path.is_dir() or (path.is_file() and zipfile.is_zipfile(path)):
        raise InputError(
            "Pictures alone do not say why anybody is to be looked for. Make a manifest for them "
            "with: overt watchlist template FOLDER > list.csv, fill it in, and import that with "
            "--images FOLDER"
        )


def _list_id(name: str) -> WatchlistId:
    if not _NAME.fullmatch(name):
        raise InputError(
            "A list's name, which records will carry, is 1 to 64 lower-case letters, digits, dots "
            "and hyphens."
        )
    return WatchlistId(name)


def _readable(manifest: Path, images: Path | None) -> "ManifestReading":
    from overt.watchlist.rows import read_manifest

    return read_manifest(manifest, images)


def _pack_in_force(store: "Store", policy: str) -> "PolicyPack":
    found = store.policies.find(policy)
    if found is None:
        raise StateError(
            f"The policy pack {policy} is not in force here: somebody who may has to sign it by "
            "overt policy sign"
        )
    return found.pack


def _is_same(store: "Store", before: "WatchlistLife", asked: _Request, console: Console) -> bool:
    """Whether the list is already what this import would give; raise if it may not change."""
    from overt.watchlist.decisions import ListState
    from overt.watchlist.importing import import_sha256

    if before.state is ListState.PURGED:
        raise StateError("The list was purged: nothing can be done with it, nor with its name.")
    kept = {each.id: each.manifest_sha256 for each in store.watchlists.list()}
    if kept.get(asked.watchlist) == before.manifest_sha256:
        rows = _counted(asked, console, "reading")
        if import_sha256(rows, asked.contract, asked.pack.sha256) == before.imported.sha256:
            return True
    if before.state is ListState.FROZEN:
        raise StateError("The list is frozen: reopen it first, which voids what was signed for it.")
    return False


def _counted(asked: _Request, console: Console, what: str) -> Iterator[Any]:
    with progress_of(console) as progress:
        yield from progress.track(asked.rows, total=asked.rows.n_rows, description=what)


def _import(
    store: "Store",
    before: "WatchlistLife | None",
    asked: _Request,
    console: Console,
    *,
    runtime: RuntimeName,
    device: str,
) -> _Imported:
    from overt.watchlist.concluding import Target
    from overt.watchlist.importing import Importer

    wiring.alike_limits(asked.contract)  # Told now if nobody measured them, not after an hour.
    cards = None if before is None else store.watchlists.cards(asked.watchlist)
    with store.imports.importing(asked.watchlist) as staging, ExitStack() as models:
        importer = Importer(
            asked.pack,
            asked.contract,
            staging,
            asked.clock,
            enroller=lambda: models.enter_context(_enroller(asked.contract, runtime, device)),
            known=None if cards is None else store.imports.known(cards),
        )
        reports: list[RowReport] = []
        with progress_of(console) as progress:
            task = progress.add_task("enrolling", total=asked.rows.n_rows)
            for each in importer.reports(asked.rows):
                reports.append(each)
                progress.advance(task)
        reports.sort(key=lambda each: each.row)
        if not importer.cards:
            store.imports.discard(asked.watchlist)
            return _Imported(asked, reports, None, None)
        console.print("Comparing the list with itself, and writing it …", soft_wrap=True)
        target = Target(
            asked.watchlist, asked.contract, asked.pack.sha256, before, staging.started_utc
        )
        return _finish(store, asked, importer, reports, staging, target, console)


@contextmanager
def _enroller(contract: ContractId, runtime: RuntimeName, device: str) -> "Iterator[Enroller]":
    from overt.core.errors import IntegrityError
    from overt.watchlist.enrol import Enroller

    with wiring.open_models(runtime=runtime, device=device) as models:
        if models.contract != contract:
            raise IntegrityError("The models are others than their manifests say.")
        yield Enroller(models.still_detector, models.embedder)


def _finish(
    store: "Store",
    asked: _Request,
    importer: "Importer",
    reports: "list[RowReport]",
    staging: "OpenImport",
    target: "Target",
    console: Console,
) -> _Imported:
    from overt.store.imports import Made
    from overt.watchlist.concluding import conclude
    from overt.watchlist.lifecycle import Actor

    limits = wiring.alike_limits(asked.contract)
    actor = Actor(asked.person, asked.clock.now_utc())
    done = conclude(importer, len(reports), target, limits, actor)
    files = _medium(asked, console)
    store.imports.finish(staging, done.life, done.cards, Made(importer.fresh, done.stays, files))
    return _Imported(asked, reports, done.life, done.cards, len(files))


def _medium(asked: _Request, console: Console) -> "tuple[MediumFile, ...]":
    """Return the files that the list comes from, by their digests, so that they can be destroyed.

    One that somebody took away in the meantime is not one of them.
    """
    from overt.store.medium_files import look_at

    with progress_of(console) as progress:
        paths = progress.track(tuple(asked.rows.files()), description="noting the medium")
        return tuple(found for path in paths if (found := look_at(path)) is not None)


def _say_unchanged(
    console: Console, store: "Store", life: "WatchlistLife", *, as_json: bool
) -> None:
    console.print(
        f"Nothing has changed: the list {life.watchlist} holds {len(life.entries):,} people, "
        "just as these files say.",
        soft_wrap=True,
    )
    if not as_json:
        return
    pack = store.policies.get(life.policy_sha256)
    (kept,) = [each for each in store.watchlists.list() if each.id == life.watchlist]
    document = {
        "name": life.watchlist,
        "changed": False,
        "state": str(life.state),
        "sha256": life.manifest_sha256,
        "contract": kept.contract,
        "policy": {"id": None if pack is None else pack.pack.id, "sha256": life.policy_sha256},
        "n_entries": len(life.entries),
        "n_accepted": life.imported.n_accepted,
        "n_refused": life.imported.n_refused,
        "n_undecided_pairs": len(life.undecided()),
        "rows": [],
    }
    print(json.dumps(document, indent=2))


def _tell_end(console: Console, imported: _Imported) -> None:
    life = imported.life
    if life is None:
        return
    n = len(life.entries)
    console.print(
        f"{n:,} {'person' if n == 1 else 'people'} on the list {life.watchlist}, "
        f"{imported.count('warned'):,} of them with a warning, "
        f"{imported.count('refused'):,} refused.",
        soft_wrap=True,
    )
    n_pairs = len(life.undecided())
    if n_pairs:
        pairs = "pair looks" if n_pairs == 1 else "pairs look"
        console.print(
            f"{n_pairs:,} {pairs} like one person or kin, see: overt watchlist check "
            f"{life.watchlist}",
            soft_wrap=True,
        )
    console.print(
        f"It is a draft until it is frozen: overt watchlist freeze {life.watchlist}", soft_wrap=True
    )
    _tell_medium(console, imported)


def _tell_medium(console: Console, imported: _Imported) -> None:
    """Say that the files go, so that nobody is surprised."""
    from overt.policy.pack_data import DataKind

    rules, n = imported.asked.pack.rules, imported.n_files
    files = "file" if n == 1 else f"{n:,} files"
    console.print(
        f"This machine deletes the {files} that it was imported from "
        f"{rules.retention.of(DataKind.IMPORT_MEDIUM).period()}. A list that no deployment names "
        f"counts as ended {rules.list_age.max_h_before_start} hours after its import.",
        style="bold",
        soft_wrap=True,
    )

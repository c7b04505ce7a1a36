"""The demo, step by step: street, list, authority, run, contact sheet, closing counts."""

import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

from overt.alerts.alert import Alert
from overt.alerts.ports import StopReason
from overt.cli import wiring
from overt.cli.contact_sheet import SheetRow, as_png, contact_sheet, in_terminal, write_sheet
from overt.cli.demo_authority import REPEAT_WITHIN_S, Asked, authorise_demo
from overt.cli.demo_cast import Cast, enrol_cast, enrol_folder, own_cast, packaged_cast
from overt.cli.demo_viewer import show_until_interrupted
from overt.cli.display import RunDisplay
from overt.cli.results import TruthFigures, as_json, people, print_closing
from overt.cli.session import Session, run_session
from overt.cli.wiring import LoadedModels
from overt.core.arrays import BgrImage
from overt.core.clock import SystemClock
from overt.core.errors import StorageError
from overt.core.ids import CameraId
from overt.inference.runtimes import Runtime
from overt.simulation.config import StreetConfig
from overt.simulation.score import AlertSeen, score_alerts
from overt.simulation.street import StreetSimulator
from overt.simulation.truth import Truth, write_truth
from overt.store.store import Store
from overt.video.image import decode_still
from overt.video.sources import SourceSpec, parse_source
from overt.watchlist.stored import StoredWatchlist

CLIP_SECONDS = 24.0
PACKAGED_REPEAT_WITHIN_S = 5.0
FEW_PEOPLE = 14
"""Fewer do not fill a street: they are shown several at once, among people seen from behind."""


@dataclass(frozen=True, slots=True)
class DemoChoice:
    """What the user asked for; see the options of ``overt demo``."""

    people: Path | None
    n_listed: int | None
    fillers: tuple[Path, ...]
    n_entries: int | None
    videos: tuple[str, ...]
    watchlist: Path | None
    threshold: float | None
    one_in: int
    repeat_within_s: float | None
    seconds: float | None
    seed: int
    realtime: bool
    keep: Path | None
    sheet: Path | None
    stay: bool
    runtime: Runtime
    device: str
    quiet: bool


@dataclass(frozen=True, slots=True)
class DemoOutcome:
    """What the demo came to: the JSON object, and why the run ended."""

    document: dict[str, Any]
    reason: StopReason


def tell(choice: DemoChoice) -> DemoOutcome:
    """Tell the whole story once.

    Raises:
        OvertError: as a deployment would.
    """
    console = Console(stderr=True, quiet=choice.quiet)
    clock = SystemClock()
    with (
        _workplace(choice.keep) as (folder, home),
        wiring.open_models(runtime=choice.runtime, device=choice.device) as models,
        Store.open(home, clock) as store,
    ):
        sources, watchlist, truth, floor = _prepare(choice, models, folder, console)
        demonstration = authorise_demo(
            store, clock, models, watchlist, sources, _asked(choice, floor)
        )
        session = demonstration.session
        _say_what_starts(console, session)
        with demonstration.officers_present():
            report, display = run_session(session, store, clock, console, quiet=choice.quiet)
        figures = None if truth is None else _score(truth, session, display)
        sheet = _show_alerts(choice, console, _rows(session, store, display))
        print_closing(console, report, display, figures)
        if choice.stay and report.reason is StopReason.FINISHED:
            show_until_interrupted(sheet, console)
        document = as_json(report, display, session.authorised.labels, figures)
    return DemoOutcome(document, report.reason)


@contextmanager
def _workplace(keep: Path | None) -> Iterator[tuple[Path, Path]]:
    """Yield the clip's folder and the store's; the store's is deleted at the end."""
    with tempfile.TemporaryDirectory(prefix="overt-demo-") as temporary:
        folder = Path(temporary)
        if keep is not None:
            try:
                keep.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise StorageError("The folder for the clip cannot be made.") from error
        yield keep or folder, folder / "store"


def _prepare(
    choice: DemoChoice, models: LoadedModels, folder: Path, console: Console
) -> tuple[Mapping[CameraId, SourceSpec], StoredWatchlist, Truth | None, float]:
    """Return sources, frozen list, ground truth if any, and the least threshold for this crowd."""
    if choice.watchlist is not None:
        specs = [parse_source(text) for text in choice.videos]
        names = ["camera"] if len(specs) == 1 else [f"camera-{i}" for i in range(1, len(specs) + 1)]
        sources = {CameraId(name): spec for name, spec in zip(names, specs, strict=True)}
        return sources, enrol_folder(choice.watchlist, models, console), None, 0.0
    if choice.people is None:
        cast = packaged_cast()
    else:
        cast = own_cast(choice.people, choice.n_listed, choice.seed)
    enrolled = enrol_cast(cast, choice.fillers, choice.n_entries, models, console)
    clip = folder / "street.mp4"
    truth = _film(choice, enrolled.cast, models, clip, console)
    sources = {CameraId("street"): parse_source(str(clip))}
    return sources, enrolled.watchlist, truth, enrolled.least_threshold


def _film(
    choice: DemoChoice, cast: Cast, models: LoadedModels, clip: Path, console: Console
) -> Truth:
    """Render the street and write its truth beside it."""
    seconds = choice.seconds
    if seconds is None and choice.people is None:
        seconds = CLIP_SECONDS
    few = len(cast.portraits) < FEW_PEOPLE
    config = StreetConfig(
        seed=choice.seed,
        duration_s=seconds,
        same_person_at_once=3 if few else 1,
        n_away=4 if few else 1,
    )
    street = StreetSimulator(config, cast.portraits, models.find_landmarks)
    columns = (TextColumn("filming the street"), BarColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console, transient=True) as progress:
        task = progress.add_task("filming", total=street.n_frames)
        truth = street.render(clip, lambda done, _: progress.update(task, completed=done))
    write_truth(clip.with_name("truth.json"), truth)
    console.print(
        f"A street of {truth.duration_s:.0f} s at {config.width}×{config.height}: "
        f"{len(truth.passages)} passages of {len({p.person for p in truth.passages})} people."
    )
    return truth


def _asked(choice: DemoChoice, floor: float) -> Asked:
    return Asked(
        choice.one_in, choice.threshold, floor, _repeat_within_s(choice), realtime=choice.realtime
    )


def _repeat_within_s(choice: DemoChoice) -> float:
    """Return the folding time; short where two people pass again and again, to show both."""
    if choice.repeat_within_s is not None:
        return choice.repeat_within_s
    packaged = choice.people is None and choice.watchlist is None
    return PACKAGED_REPEAT_WITHIN_S if packaged else REPEAT_WITHIN_S


def _say_what_starts(console: Console, session: Session) -> None:
    found = session.authorised
    console.print(
        f"Authorised: {people(len(found.watchlist.entries))} on the list, threshold "
        f"{found.capability.rule.threshold:.3f}, cameras {', '.join(found.capability.cameras)}; "
        f"{session.models.runs_on}.",
        soft_wrap=True,
    )
    console.print(
        "All of it is a demonstration without legal authority: the people, the papers and the "
        "signatures are made up for this run.",
        soft_wrap=True,
    )


def _score(truth: Truth, session: Session, display: RunDisplay) -> TruthFigures:
    """Compare with who passed; a passage is found if it alerted or was folded as a repeat."""
    labels = session.authorised.labels
    alerts: list[AlertSeen] = []
    for alert in display.alerts:
        left, top, right, bottom = alert.face_box_px
        alerts.append((labels[alert.entry], alert.media_time_s, (left, top, right, bottom)))
    first = {alert.id: alert for alert in display.alerts}
    repeats: list[AlertSeen] = [
        (labels[first[id_].entry], _media_time_s(first[id_], seen_utc), None)
        for id_, seen_utc in display.repeats
    ]
    listed = set(labels.values())
    raised = score_alerts(truth, alerts, listed)
    found = score_alerts(truth, [*alerts, *repeats], listed).found
    return TruthFigures(raised.passages, found, raised.false_alerts, raised.duplicate_alerts)


def _media_time_s(alert: Alert, seen_utc: datetime) -> float:
    return alert.media_time_s + (seen_utc - alert.captured_utc).total_seconds()


def _rows(session: Session, store: Store, display: RunDisplay) -> list[SheetRow]:
    """Return the rows of the contact sheet, with pictures as the store gives them back."""
    by_id = {each.entry: each for each in session.authorised.watchlist.entries}
    rows = []
    for alert in display.alerts:
        pictures = store.alerts.pictures(alert.id)
        if pictures is None:
            raise StorageError("An alert was stored without its pictures.")
        entry = by_id[alert.entry]
        reference = decode_still(entry.references[0].picture_jpeg).bgr
        rows.append(SheetRow(alert, entry.label, reference, pictures))
    return rows


def _show_alerts(choice: DemoChoice, console: Console, rows: list[SheetRow]) -> BgrImage:
    """Show the alerts in the terminal and, if asked for, as a file; return the contact sheet."""
    sheet = contact_sheet(rows)
    if console.is_terminal and rows:
        console.print(in_terminal(rows, console.width))
    if choice.sheet is not None:
        write_sheet(choice.sheet, as_png(sheet))
        console.print(f"Contact sheet, in clear: {choice.sheet}", soft_wrap=True)
    return sheet

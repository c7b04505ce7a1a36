"""``overt demo``: the whole story on a sample clip, or on one's own video and pictures.

It runs what a deployment runs, with demonstration people who have no legal authority: a list is
enrolled, frozen and confirmed, an application is made under a signed policy pack and authorised by
somebody else, officers are present; nothing is decoded without that, alerts are stored encrypted,
everybody else is forgotten. The store is a temporary one and is deleted at the end.

Exit codes: 0; 130 interrupted, and closed properly; the others as in ``core/errors.py``.
"""

import json
from pathlib import Path
from typing import Annotated

import typer

from overt.cli.options import AsJson, Device, RuntimeName
from overt.core.errors import EXIT_INTERRUPTED, InputError, UsageError


def demo(
    people: Annotated[
        Path | None,
        typer.Option(help="A folder or ZIP of portraits, one a person, who walk in the street."),
    ] = None,
    listed: Annotated[
        int | None, typer.Option(min=1, help="How many of them are on the watchlist.")
    ] = None,
    fillers: Annotated[
        list[Path] | None,
        typer.Option(help="Folders or ZIPs of further people on the list, who do not pass."),
    ] = None,
    entries: Annotated[
        int | None, typer.Option(min=1, help="Size of the list, with the fillers.")
    ] = None,
    video: Annotated[
        list[str] | None,
        typer.Option(help="Your own video, folder or camera instead of the street; repeatable."),
    ] = None,
    watchlist: Annotated[
        Path | None,
        typer.Option(help="With --video: a folder or ZIP, a picture a person, named by the file."),
    ] = None,
    threshold: Annotated[
        float | None, typer.Option(help="Similarity from which a comparison can alert.")
    ] = None,
    one_in: Annotated[
        int, typer.Option(min=1, help="Else: one false alert in so many strangers, from evidence.")
    ] = 1000,
    repeat_within_s: Annotated[
        float | None, typer.Option(min=0, help="Repeats of one person within this are folded.")
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(min=1, help="Length of the street clip; else all pass once.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Chooses everything drawn by chance.")] = 1,
    realtime: Annotated[
        bool, typer.Option(help="Play the clip at its own pace, dropping late frames.")
    ] = False,
    keep: Annotated[
        Path | None, typer.Option(help="Keep the clip and its ground truth in this folder.")
    ] = None,
    sheet: Annotated[
        Path | None, typer.Option(help="Write the contact sheet of the alerts as a PNG, in clear.")
    ] = None,
    exit_: Annotated[
        bool, typer.Option("--exit", help="End after the run instead of showing the alerts.")
    ] = False,
    runtime: RuntimeName = "openvino",
    device: Device = "cpu",
    as_json: AsJson = False,
) -> None:
    """Run an authorised deployment from one command, on a simulated street or your own video."""
    from overt.alerts.ports import StopReason
    from overt.cli.demo_story import DemoChoice, tell

    if (video is None) != (watchlist is None):
        raise UsageError("--video and --watchlist go together.")
    if video is not None and people is not None:
        raise UsageError("--people makes a street; with --video there is none.")
    if sheet is not None and not sheet.absolute().parent.is_dir():
        raise InputError("There is no folder to write the contact sheet into.")
    choice = DemoChoice(
        people=people,
        n_listed=listed,
        fillers=tuple(fillers or ()),
        n_entries=entries,
        videos=tuple(video or ()),
        watchlist=watchlist,
        threshold=threshold,
        one_in=one_in,
        repeat_within_s=repeat_within_s,
        seconds=seconds,
        seed=seed,
        realtime=realtime,
        keep=keep,
        sheet=sheet,
        stay=not exit_ and not as_json,
        runtime=runtime,
        device=device,
        quiet=as_json,
    )
    outcome = tell(choice)
    if as_json:
        print(json.dumps(outcome.document, indent=2))
    if outcome.reason is StopReason.INTERRUPTED:
        raise typer.Exit(EXIT_INTERRUPTED)

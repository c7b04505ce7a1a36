"""What goes back and forth between a log, its witnesses and its auditors: files, times and words.

Must not: hold anything secret; keys are read by ``deployment/keys.py``.
"""

import json
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.console import Console
from rich.progress import Progress

from overt.core.clock import format_utc
from overt.core.errors import InputError, StorageError

MAX_BYTES: Final = 1 << 20
STANDARD_INPUT: Final = Path("-")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)

LogKey = Annotated[
    str, typer.Option("--key", metavar="VKEY", help="The log's public key: overt ledger key.")
]
WitnessKeys = Annotated[
    list[str] | None,
    typer.Option(
        "--witness", metavar="VKEY", help="A witness's public key; once for each that is asked for."
    ),
]
Quorum = Annotated[
    int | None, typer.Option(min=0, help="How many of the witnesses are enough; all unless given.")
]
OutFile = Annotated[
    Path | None, typer.Option("--out", help="Write it here instead of printing it.")
]


def read_file(path: Path) -> bytes:
    """Return what is in a file of at most one mebibyte, or in standard input for ``-``.

    Raises:
        InputError: it cannot be read, or is larger.
    """
    try:
        if path == STANDARD_INPUT:
            data = sys.stdin.buffer.read(MAX_BYTES + 1)
        else:
            with path.open("rb") as file:
                data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}.") from error
    if len(data) > MAX_BYTES:
        raise InputError(f"{path} is larger than one mebibyte.")
    return data


def hand_out(data: bytes, out: Path | None) -> None:
    """Write a file that anybody may read, or print it.

    Args:
        data: text in UTF-8.
        out: where to; standard output if None.

    Raises:
        StorageError: it could not be written.
    """
    if out is None:
        sys.stdout.write(data.decode())
        return
    try:
        out.write_bytes(data)
    except OSError as error:
        raise StorageError(f"{out} cannot be written: {error.strerror}.") from error


def hand_out_with(
    figures: Mapping[str, object], data: bytes, out: Path | None, *, as_json: bool
) -> None:
    """As :func:`hand_out`; as JSON, tell about it, and put it in where it is not written.

    Raises:
        StorageError: it could not be written.
    """
    if out is not None or not as_json:
        hand_out(data, out)
    if as_json:
        content = data.decode() if out is None else None
        print_json({**figures, "content": content})


def format_unix_s(time_s: int) -> str:
    """Return seconds since 1970, which a witness may put anywhere, as a time in UTC."""
    try:
        return format_utc(_EPOCH + timedelta(seconds=time_s))
    except OverflowError:
        return "after the year 9999"


@contextmanager
def progress_on_terminal(words: str) -> Iterator[Callable[[int, int], None]]:
    """Hand out what shows how many records of how many were read, where somebody watches."""
    console = Console(stderr=True)
    with Progress(console=console, transient=True, disable=not console.is_terminal) as progress:
        task = progress.add_task(words, total=None)
        yield lambda n_read, n_all: progress.update(task, completed=n_read, total=n_all)


def n_entries(number: int) -> str:
    """Return a number of entries of the record, for people."""
    return f"{number:,} {'entry' if number == 1 else 'entries'}"


def say(words: str) -> None:
    """Tell a person, apart from the results."""
    Console(stderr=True).print(words, markup=False, highlight=False, soft_wrap=True)


def print_json(value: object) -> None:
    """Print the one JSON document of a command."""
    print(json.dumps(value, indent=2))

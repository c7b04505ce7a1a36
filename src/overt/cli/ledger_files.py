"""Files and times that go back and forth between a log, its witnesses and its auditors.

Must not: hold anything secret; keys are read by ``deployment/keys.py``.
"""

import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from overt.core.clock import format_utc
from overt.core.errors import InputError, StorageError

MAX_BYTES: Final = 1 << 20
STANDARD_INPUT: Final = Path("-")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


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


def write_file(path: Path, data: bytes) -> None:
    """Write a file that anybody may read.

    Raises:
        StorageError: it could not be written.
    """
    try:
        path.write_bytes(data)
    except OSError as error:
        raise StorageError(f"{path} cannot be written: {error.strerror}.") from error


def format_unix_s(time_s: int) -> str:
    """Return seconds since 1970, which a witness may put anywhere, as a time in UTC."""
    try:
        return format_utc(_EPOCH + timedelta(seconds=time_s))
    except OverflowError:
        return "after the year 9999"

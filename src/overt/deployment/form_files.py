"""Files that an application names: read up to a limit, or only for their digest.

Invariant: whatever stands at a path (a folder, a pipe, nothing) there is an answer at once, or an
:class:`~overt.core.errors.InputError`.
"""

import hashlib
import os
import stat
from io import BufferedReader
from pathlib import Path
from typing import Final

from overt.core.errors import InputError
from overt.core.ids import Sha256

MAX_DOCUMENT_BYTES: Final = 2**30


def read_file(path: Path, limit_bytes: int, what: str) -> bytes:
    """Return a file's bytes, one more than ``limit_bytes`` at most.

    Raises:
        InputError: it cannot be read; the message begins with ``what``.
    """
    with _open(path, what) as file:
        try:
            return file.read(limit_bytes + 1)
        except OSError as error:
            raise InputError(f"{what} cannot be read.") from error


def digest_file(path: Path, what: str) -> Sha256:
    """Return a file's SHA-256.

    Raises:
        InputError: it cannot be read, or is too large; the message begins with ``what``.
    """
    with _open(path, what) as file:
        try:
            if os.fstat(file.fileno()).st_size > MAX_DOCUMENT_BYTES:
                raise InputError(f"{what} is too large to be a document.")
            return Sha256(hashlib.file_digest(file, "sha256").hexdigest())
        except OSError as error:
            raise InputError(f"{what} cannot be read.") from error


def _open(path: Path, what: str) -> BufferedReader:
    try:
        # Not blocking: a pipe would wait for a writer.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except (OSError, ValueError) as error:
        raise InputError(f"{what} cannot be read.") from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise InputError(f"{what} is not a file.")
    return os.fdopen(descriptor, "rb")

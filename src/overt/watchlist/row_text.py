"""A manifest as text: which encoding, and lines that cannot grow without end.

Accepted are UTF-8, with or without a byte order mark, and UTF-16 with one, as spreadsheets save it.

Invariants: what is not text is refused before a row is read, with the line; an error holds the
file's name and nothing of its content.
Must not: guess an encoding, or replace what cannot be decoded.
"""

import codecs
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOWrapper
from pathlib import Path
from typing import BinaryIO, Final, TextIO

from overt.core.errors import InputError

MAX_FILE_BYTES: Final = 256 * 2**20
MAX_RECORD_CHARS: Final = 2**20
"""Of one row, however many lines it takes."""

_CHUNK_BYTES = 2**18
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)


@dataclass(frozen=True, slots=True)
class ManifestText:
    """A manifest file that was checked to be text.

    Attributes:
        path: where it lies.
        encoding: in Python's name, for what follows the byte order mark.
        n_mark_bytes: length of the byte order mark.
    """

    path: Path
    encoding: str
    n_mark_bytes: int

    @contextmanager
    def open(self, newline: str) -> Iterator[TextIO]:
        """Open the text at its beginning; ``newline`` as in :func:`open`.

        Raises:
            InputError: it cannot be read, or no longer is what was checked.
        """
        try:
            with _opened(self.path) as file:
                file.seek(self.n_mark_bytes)
                yield TextIOWrapper(file, self.encoding, newline=newline)
        except UnicodeDecodeError:
            raise self.changed() from None

    def changed(self) -> InputError:
        """Return the error for a file that was altered between two readings."""
        return InputError(f"{self.path.name} was changed while it was read.")

    def error(self, line: int, reason: str) -> InputError:
        """Return the error that something stands in ``line`` (counted from 1)."""
        return InputError(f"{self.path.name}, line {line}: {reason}.")


class Lines:
    """The lines of a text, ends included; refuses a record that has no end.

    The reader calls :meth:`next_record` after each record. Without that bound an open quotation
    mark, or a line of a hundred megabytes, would be taken into memory whole.
    """

    def __init__(self, text: ManifestText, file: TextIO) -> None:
        self._text = text
        self._file = file
        self._n_chars = 0
        self.n_lines = 0

    def __iter__(self) -> "Lines":
        return self

    def __next__(self) -> str:
        line = self._file.readline(MAX_RECORD_CHARS + 1)
        if not line:
            raise StopIteration
        self.n_lines += 1
        self._n_chars += len(line)
        if self._n_chars > MAX_RECORD_CHARS:
            raise self._text.error(
                self.n_lines,
                f"a row has more than {MAX_RECORD_CHARS:,} characters; is a quotation mark open",
            )
        return line

    def next_record(self) -> None:
        """Say that a record ended, and the next may be as long again."""
        self._n_chars = 0


def check_manifest_text(path: Path) -> ManifestText:
    """Read the whole file once and return it as text that can be opened.

    Raises:
        InputError: there is no such file, it is larger than ``MAX_FILE_BYTES``, or it is not text
            in an accepted encoding.
    """
    with _opened(path) as file:
        start = file.read(len(codecs.BOM_UTF8))
        mark, encoding = next(
            ((mark, name) for mark, name in _MARKS if start.startswith(mark)), (b"", "utf-8")
        )
        text = ManifestText(path, encoding, len(mark))
        file.seek(len(mark))
        _check_encoding(text, file)
    return text


def _check_encoding(text: ManifestText, file: BinaryIO) -> None:
    decoder = codecs.getincrementaldecoder(text.encoding)()
    line = 1
    more = True
    while more:
        chunk = file.read(_CHUNK_BYTES)
        more = bool(chunk)
        try:
            decoded = decoder.decode(chunk, final=not more)
        except UnicodeDecodeError as error:
            before = error.object[: error.start].decode(text.encoding, "replace")
            said = "UTF-8" if text.encoding == "utf-8" else "UTF-16"
            raise text.error(
                line + before.count("\n"), f"this is not {said}; save the file as UTF-8"
            ) from None
        if "\0" in decoded:
            before = decoded[: decoded.index("\0")]
            raise text.error(
                line + before.count("\n"), "this is not text; save the file as UTF-8"
            ) from None
        line += decoded.count("\n")


@contextmanager
def _opened(path: Path) -> Iterator[BinaryIO]:
    """Open a file for reading; what is done within must only read, as its faults are reworded."""
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise InputError(f"{path.name} is not a file.")
        if found.st_size > MAX_FILE_BYTES:
            raise InputError(f"{path.name} is larger than {MAX_FILE_BYTES // 2**20} MiB.")
        with path.open("rb") as file:
            yield file
    except OSError as error:
        raise InputError(f"{path.name} could not be read.") from error

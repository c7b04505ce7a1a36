"""Which pictures an operator points Overt at, parsed and checked, with secrets kept out of sight.

Invariants: the address of a network camera (which often holds a password, in its user part, its
path or its query) is in no ``repr``, ``str``, log line or error; only :attr:`SourceSpec.display`
is. Parsing opens nothing and reads no video.
"""

import re
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from overt.core.errors import InputError

STILL_SUFFIXES: Final = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp"})
"""File names that are read as single pictures."""

VIDEO_SUFFIXES: Final = frozenset(
    {
        ".3gp", ".asf", ".avi", ".dav", ".flv", ".gif", ".h264", ".h265", ".hevc", ".ivf", ".m2ts",
        ".m4v", ".mjpeg", ".mjpg", ".mkv", ".mov", ".mp4", ".mpeg", ".mpg", ".mts", ".mxf",
        ".ogv", ".ts", ".vob", ".webm", ".wmv", ".y4m",
    }
)  # fmt: skip
"""File names that a folder gives as videos; a file named outright may be called anything."""

_NETWORK_SCHEMES = ("rtsp", "rtsps")
_WEBCAM = re.compile(r"webcam:([0-9]{1,3})")
_DEVICE = re.compile(r"/dev/video[0-9]{1,3}")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
_NUMBER = re.compile(r"%(?:0([0-9]{1,2}))?d")


class SourceKind(StrEnum):
    """What a source is."""

    FILE = "file"
    FOLDER = "folder"
    SEQUENCE = "image sequence"
    WEBCAM = "webcam"
    RTSP = "network camera"


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """Where pictures come from.

    Attributes:
        kind: what it is.
        display: how it may be shown to people and written to logs; no credentials.
        location: the path, device or address to open. May hold a password: never show it.
    """

    kind: SourceKind
    display: str
    location: str = field(repr=False)

    def __str__(self) -> str:
        return self.display

    @property
    def is_live(self) -> bool:
        """Whether it is a camera: late frames are dropped, and it may fall silent and return."""
        return self.kind in {SourceKind.WEBCAM, SourceKind.RTSP}

    def files(self) -> tuple[Path, ...]:
        """Return the files of a recorded source, in the order in which they are read.

        Raises:
            InputError: there is none.
        """
        path = Path(self.location)
        match self.kind:
            case SourceKind.FOLDER:
                found = _files_of_folder(path)
            case SourceKind.SEQUENCE:
                found = _files_of_sequence(path)
            # A pipe cannot be named on the command line; a program that feeds one can name it.
            case SourceKind.FILE if path.is_file() or path.is_fifo():
                found = (path,)
            case _:
                found = ()
        if not found:
            raise InputError(f"{self.display} holds no video and no pictures")
        return found


def parse_source(text: str) -> SourceSpec:
    """Read what an operator typed.

    Args:
        text: a file, a folder, a numbered pattern such as ``frame_%05d.png``, ``webcam:0``,
            ``/dev/video0``, or an address that begins with ``rtsp://`` or ``rtsps://``.

    Raises:
        InputError: it is none of these, or the file is not there.
    """
    if scheme := _SCHEME.match(text):
        return _network_camera(text, scheme[1].lower())
    if webcam := _WEBCAM.fullmatch(text):
        return SourceSpec(SourceKind.WEBCAM, text, f"/dev/video{int(webcam[1])}")
    if _DEVICE.fullmatch(text):
        return SourceSpec(SourceKind.WEBCAM, text, text)
    if not text or "\0" in text:
        raise InputError("a source needs a path, a camera or an address")
    path = Path(text).absolute()
    try:
        if path.is_dir():
            return SourceSpec(SourceKind.FOLDER, text, str(path))
        if path.is_file():
            return SourceSpec(SourceKind.FILE, text, str(path))
    except OSError as error:
        raise InputError(f"cannot look at {text!r}: {error.strerror}") from error
    if _NUMBER.search(path.name):
        return SourceSpec(SourceKind.SEQUENCE, text, str(path))
    if path.exists():
        raise InputError(f"{text!r} is neither a file nor a folder")
    raise InputError(f"there is no video, folder or camera at {text!r}")


def _network_camera(text: str, scheme: str) -> SourceSpec:
    if scheme not in _NETWORK_SCHEMES:
        raise InputError(f"cannot read from {scheme}:// addresses; use rtsp:// or rtsps://")
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        host, port = None, None
    if not host or any(character.isspace() or ord(character) < 32 for character in text):
        raise InputError(f"the {scheme}:// address has no usable host or port")
    host = f"[{host}]" if ":" in host else host
    address = host if port is None else f"{host}:{port}"
    rest = "/…" if parts.path.strip("/") or parts.query else ""
    return SourceSpec(SourceKind.RTSP, f"{scheme}://{address}{rest}", text)


def natural_order(name: str) -> tuple[tuple[int, int | str], ...]:
    """Return a sort key under which ``frame_10`` comes after ``frame_9``."""
    pieces = re.split(r"([0-9]+)", name.casefold())
    return tuple((0, int(p)) if i % 2 else (1, p) for i, p in enumerate(pieces))


def _files_of_folder(folder: Path) -> tuple[Path, ...]:
    wanted = STILL_SUFFIXES | VIDEO_SUFFIXES
    try:
        found = [
            path
            for path in folder.iterdir()
            if path.suffix.lower() in wanted and not path.name.startswith(".") and path.is_file()
        ]
    except OSError as error:
        raise InputError(f"cannot list the folder: {error.strerror}") from error
    return tuple(sorted(found, key=lambda path: (natural_order(path.name), path.name)))


def _files_of_sequence(pattern: Path) -> tuple[Path, ...]:
    number = _NUMBER.search(pattern.name)
    if number is None or not pattern.parent.is_dir():
        return ()
    before, after = pattern.name[: number.start()], pattern.name[number.end() :]
    digits = "[0-9]+" if number[1] is None else f"[0-9]{{{int(number[1])},}}"
    matcher = re.compile(f"{re.escape(before)}({digits}){re.escape(after)}")
    numbered = [
        (int(match[1]), path.name, path)
        for path in pattern.parent.iterdir()
        if (match := matcher.fullmatch(path.name)) and path.is_file()
    ]
    return tuple(path for _, _, path in sorted(numbered))

"""Pictures of people, from a folder or a ZIP: one person a file, or one person a folder.

A file at the top is a person with one picture, named by the file without its ending; a folder is a
person with several, named by the folder. A single folder that holds everything is the list's, not a
person's. What may be read at all, and how, is in :mod:`overt.video.picture_files`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from overt.core.errors import InputError
from overt.video.picture_files import is_picture, is_zip, open_pictures

MAX_PICTURES = 200_000


@dataclass(frozen=True, slots=True)
class PersonPictures:
    """The pictures of one person, not yet decoded.

    Attributes:
        label: what the file or folder was called; for the screen of those who may see it.
        pictures: the files' bytes, in order of their names.
    """

    label: str = field(repr=False)
    pictures: tuple[bytes, ...] = field(repr=False)


def read_people(source: Path) -> Iterator[PersonPictures]:
    """Yield the people in a folder or ZIP, in natural order of their names.

    Raises:
        InputError: neither folder nor ZIP, no picture in it, a damaged archive, a file over the
            size limit, or too many files.
    """
    with open_pictures(source) as files:
        for label, names in _grouped(files.names()).items():
            try:
                pictures = tuple(files.read(name) for name in names)
            except InputError as error:
                raise InputError(f"A picture {error}.") from error
            yield PersonPictures(label, pictures)


def count_people(source: Path) -> int:
    """Return how many people :func:`read_people` would yield, without reading a picture."""
    if not source.is_dir() and not is_zip(source):
        return 0
    return len(name_pictures(source))


def name_pictures(source: Path) -> dict[str, list[str]]:
    """Return each person's label and the pictures' names, in order, without reading a picture.

    Raises:
        InputError: as :func:`read_people`.
    """
    with open_pictures(source) as files:
        return _grouped(files.names())


def _grouped(names: list[str]) -> dict[str, list[str]]:
    """Return label → file names, both in natural order; files that are no pictures are left out."""
    pictures = [name for name in names if is_picture(name)]
    if not pictures:
        raise InputError("There is no picture in the folder or ZIP file.")
    if len(pictures) > MAX_PICTURES:
        raise InputError("There are more than 200,000 pictures; split the list.")
    shared = _shared_folder(pictures)
    people: dict[str, list[str]] = {}
    for name in sorted(pictures, key=natural_key):
        inner = PurePosixPath(name).relative_to(shared)
        label = inner.parts[0] if len(inner.parts) > 1 else inner.stem
        people.setdefault(label, []).append(name)
    return people


def _shared_folder(pictures: list[str]) -> PurePosixPath:
    """Return the one folder that holds the people, so that a ZIP of a folder reads as the folder.

    A single folder with pictures directly in it is the list's folder, not a person's.
    """
    first = {PurePosixPath(name).parts[0] for name in pictures}
    if len(first) == 1 and all(len(PurePosixPath(name).parts) > 1 for name in pictures):
        return PurePosixPath(first.pop())
    return PurePosixPath()


def natural_key(name: str) -> tuple[list[tuple[int, int, str]], str]:
    """Sort ``face-2`` before ``face-10``; names that count alike, such as 1 and 01, as text."""
    parts = re.split(r"(\d+)", name)
    counted = [(0, int(p), "") if p.isdecimal() and p.isascii() else (1, 0, p) for p in parts]
    return counted, name

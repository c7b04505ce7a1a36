"""One search through everything: memory at one instant, and the files of the same moment."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from overt.cli.forgetting.files import Place, read_file, read_open
from overt.cli.forgetting.forms import Form
from overt.cli.forgetting.likeness import alike
from overt.cli.forgetting.process import Snapshot
from overt.cli.forgetting.search import Needles, summary
from overt.core.arrays import Vectors

ALIKE_IN = {"f4": "like the template, float32", "f2": "like the template, float16"}


@dataclass(frozen=True, slots=True, eq=False)
class Canary:
    """What a passage had of a face.

    Attributes:
        forms: every form of it.
        needles: their pieces.
        templates: n × d, unit length.
    """

    forms: tuple[Form, ...]
    needles: Needles
    templates: Vectors


@dataclass(frozen=True, slots=True)
class Found:
    """Where a form was found."""

    where: str
    form: str


@dataclass(frozen=True, slots=True)
class Searched:
    """What one search went through.

    Attributes:
        found: what there was.
        memory_bytes: of memory, all of which was compared with what it was before.
        changed_bytes: of these, what was not the same and was searched.
        files_bytes, n_files: of files.
        left_out_bytes: of files of others that were too large.
    """

    found: tuple[Found, ...]
    memory_bytes: int
    changed_bytes: int
    files_bytes: int
    n_files: int
    left_out_bytes: int


@dataclass(frozen=True, slots=True, eq=False)
class FileBytes:
    """A file as it was read; ``name`` is for the report."""

    name: str
    data: NDArray[np.uint8]


@dataclass(frozen=True, slots=True, eq=False)
class ReadFiles:
    """What is searched beside memory.

    Attributes:
        files: as they were read.
        left_out_bytes: of files that were too large to be searched.
    """

    files: tuple[FileBytes, ...]
    left_out_bytes: int


def read_files(
    place: Place, since_s: float, open_named: Iterable[str], open_nameless: Sequence[int]
) -> "ReadFiles":
    """Read every file that is to be searched, now.

    Args:
        place: where.
        since_s: when the face was drawn, seconds since the epoch.
        open_named: what the node has open.
        open_nameless: and what has no name any more.
    """
    read: dict[str, FileBytes] = {}
    left_out = 0
    for path in [*place.paths(since_s), *(Path(name) for name in open_named)]:
        if isinstance(path, int):
            left_out += path
            continue
        name = str(path)
        if name in read or not path.is_file():
            continue
        data = read_file(path)
        if data is not None:
            read[name] = FileBytes(name, data)
    nameless = [
        FileBytes(f"an open file without a name ({number})", read_open(file))
        for number, file in enumerate(open_nameless, start=1)
    ]
    return ReadFiles((*read.values(), *nameless), left_out)


def search(canary: Canary, snapshot: Snapshot, read: ReadFiles, before: Snapshot) -> Searched:
    """Look for the canary in all of it.

    Args:
        canary: what is looked for.
        snapshot: memory.
        read: files, searched whole.
        before: memory before the face was drawn. A page that has not changed since holds nothing
            of it: every page is compared, and those that differ are searched.
    """
    changed = snapshot.changed_since(before)
    exact = canary.needles.find(changed.pages)
    found = [Found(changed.where(hit.offset), hit.form) for hit in exact]
    similar = _alike(changed.pages, canary.templates)
    found.extend(Found(changed.where(at), form) for at, form in similar)
    for file in read.files:
        hits = canary.needles.find(file.data)
        found.extend(Found(file.name, form) for form in summary(hits))
        found.extend(Found(file.name, form) for _, form in _alike(file.data, canary.templates))
    files_bytes = sum(file.data.size for file in read.files)
    return Searched(
        tuple(found),
        snapshot.n_bytes,
        changed.pages.size,
        files_bytes,
        len(read.files),
        read.left_out_bytes,
    )


def _alike(haystack: NDArray[np.uint8], templates: Vectors) -> list[tuple[int, str]]:
    return [
        (at, form) for kind, form in ALIKE_IN.items() for at in alike(haystack, templates, kind)
    ]

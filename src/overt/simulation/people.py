"""Portraits to make a street of: from a folder, a zip, or packages that happen to ship some.

Invariants: a zip is read in memory and never extracted; what is not a picture is skipped and
counted; labels are opaque and are never repeated in a message.
"""

import importlib.util
from dataclasses import dataclass
from pathlib import Path

from overt.core.arrays import BgrImage
from overt.core.errors import InputError, UnavailableError
from overt.core.frame import ArrayPicture
from overt.video.image import decode_still
from overt.video.picture_sets import read_people

_PACKAGED = (
    ("grace-hopper", "matplotlib", "mpl-data/sample_data/grace_hopper.jpg"),
    ("eileen-collins", "skimage", "data/astronaut.png"),
)
"""Label, package and file: both are photographs made by the United States government (the Navy and
NASA) and so in the public domain."""


@dataclass(frozen=True, slots=True, eq=False)
class Portrait:
    """One frontal picture of one person.

    Attributes:
        person: opaque label; where it came from a file, the file's stem.
        picture: the pixels.
    """

    person: str
    picture: BgrImage


@dataclass(frozen=True, slots=True)
class LoadedPeople:
    """What was found in a folder or zip.

    Attributes:
        portraits: ordered by label, each label once.
        n_skipped: people without a picture that could be used.
    """

    portraits: tuple[Portrait, ...]
    n_skipped: int


def load_people(path: Path) -> LoadedPeople:
    """Read the people in a folder or zip; of several pictures of one, the first that is usable.

    Raises:
        InputError: ``path`` is neither, is unsafe or too large, or holds no usable picture.
    """
    portraits: list[Portrait] = []
    n_skipped = 0
    for person in read_people(path):
        picture = next(filter(None, map(_decoded, person.pictures)), None)
        if picture is None:
            n_skipped += 1
        else:
            portraits.append(Portrait(person.label, picture.bgr))
    if not portraits:
        raise InputError("No usable picture was found among the files given as people.")
    return LoadedPeople(tuple(sorted(portraits, key=lambda each: each.person)), n_skipped)


def _decoded(data: bytes) -> ArrayPicture | None:
    try:
        return decode_still(data)
    except InputError:
        return None


def packaged_people() -> tuple[Portrait, ...]:
    """Return the public-domain portraits that ship inside matplotlib and scikit-image.

    The files are located without importing either package.

    Raises:
        UnavailableError: a package is not installed or does not carry its file.
    """
    return tuple(_packaged(person, package, inner) for person, package, inner in _PACKAGED)


def _packaged(person: str, package: str, inner: str) -> Portrait:
    spec = importlib.util.find_spec(package)
    folders = () if spec is None else spec.submodule_search_locations or ()
    for folder in folders:
        file = Path(folder, inner)
        if file.is_file():
            return Portrait(person, decode_still(file.read_bytes()).bgr)
    raise UnavailableError(
        "the sample portraits are not here: install them with pip install 'overt[demo]', "
        "or name your own with --people"
    )

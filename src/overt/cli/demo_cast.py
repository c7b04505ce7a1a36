"""Who walks in the demo's street, and who of them is on the list."""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.progress import track

from overt.cli.wiring import LoadedModels
from overt.core.arrays import BgrImage
from overt.core.errors import InputError, UsageError
from overt.core.ids import WatchlistId
from overt.simulation.people import Portrait, load_people, packaged_people
from overt.video.picture_sets import PersonPictures, count_people, read_people
from overt.watchlist.enrol import Accepted, Enroller, Refused, freeze
from overt.watchlist.stored import StoredEntry, StoredWatchlist

LIST_NAME = "demo"
LISTED_SHARE = 0.1
LISTED_OF_PACKAGED = "grace-hopper"
MOST_REFUSALS_SHOWN = 10

STRANGERS_TAIL_SD = 4.0
"""Where the crowd is of one kind with the listed, as generated portraits are, strangers are more
alike than photographs of real people. How alike is estimated from the listed people among
themselves: mean plus this many standard deviations, beyond which a normal tail leaves one pair in
30,000. The strangers who pass are not looked at for it."""


@dataclass(frozen=True, slots=True)
class Cast:
    """The people of a street.

    Attributes:
        portraits: everybody who passes.
        order: labels in the order in which they are considered for the list.
        n_listed: how many of them are to be listed.
    """

    portraits: tuple[Portrait, ...]
    order: tuple[str, ...]
    n_listed: int


@dataclass(frozen=True, slots=True)
class EnrolledCast:
    """A cast and the list made of some of it.

    Attributes:
        cast: who passes.
        watchlist: frozen.
        least_threshold: cosine similarity below which strangers of this kind look alike; 0 where
            the list is too short to say.
    """

    cast: Cast
    watchlist: StoredWatchlist
    least_threshold: float


def packaged_cast() -> Cast:
    """Return the people whose public-domain portraits ship in installed packages; one is listed."""
    portraits = packaged_people()
    first = [LISTED_OF_PACKAGED]
    rest = [each.person for each in portraits if each.person != LISTED_OF_PACKAGED]
    return Cast(portraits, (*first, *rest), 1)


def own_cast(people: Path, n_listed: int | None, seed: int) -> Cast:
    """Return the people of a folder or ZIP; who is listed is drawn by ``seed``.

    Raises:
        InputError: there is nobody.
        UsageError: more are to be listed than there are.
    """
    portraits = load_people(people).portraits
    wanted = n_listed or max(1, round(LISTED_SHARE * len(portraits)))
    if wanted > len(portraits):
        raise UsageError(f"There are {len(portraits)} people, so {wanted} cannot be listed.")
    drawn = np.random.default_rng([seed, 7]).permutation(len(portraits))
    return Cast(portraits, tuple(portraits[int(i)].person for i in drawn), wanted)


def enrol_cast(
    cast: Cast,
    fillers: Sequence[Path],
    n_entries: int | None,
    models: LoadedModels,
    console: Console,
) -> EnrolledCast:
    """Enrol the first of the cast's order that can be, then fillers up to ``n_entries``.

    Raises:
        InputError: nobody could be enrolled.
    """
    enroller = Enroller(models.still_detector, models.embedder)
    by_label = {each.person: each for each in cast.portraits}
    ordered = (_as_pictures(by_label[label]) for label in cast.order)
    listed = list(itertools.islice(_accepted(enroller, ordered), cast.n_listed))
    others = itertools.chain.from_iterable(read_people(path) for path in fillers)
    n_available = sum(count_people(path) for path in fillers)
    n_more = n_available if n_entries is None else max(0, n_entries - len(listed))
    rows = itertools.islice(_accepted(enroller, others), n_more)
    total = min(n_more, n_available)
    added = list(
        track(rows, "enrolling the list", total=total, console=console, transient=True)
        if total
        else ()
    )
    if len(added) < n_more:
        console.print(f"Only {len(added):,} of {n_more:,} fillers could be enrolled.")
    watchlist = freeze(WatchlistId(LIST_NAME), LIST_NAME, models.contract, [*listed, *added])
    return EnrolledCast(cast, watchlist, _least_threshold(listed))


def enrol_folder(source: Path, models: LoadedModels, console: Console) -> StoredWatchlist:
    """Enrol a folder or ZIP of the user's own, telling every refusal with its reason.

    Raises:
        InputError: there is no picture, or none could be enrolled.
    """
    n_people = count_people(source)
    rows = Enroller(models.still_detector, models.embedder).enrol(read_people(source))
    verdicts = list(track(rows, "enrolling", total=n_people, console=console, transient=True))
    refused = [each for each in verdicts if isinstance(each, Refused)]
    for each in refused[:MOST_REFUSALS_SHOWN]:
        console.print(f"[yellow]refused[/] {escape(each.label)}: {each.reason}", highlight=False)
    if len(refused) > MOST_REFUSALS_SHOWN:
        console.print(f"… and {len(refused) - MOST_REFUSALS_SHOWN:,} more.")
    entries = [each.entry for each in verdicts if isinstance(each, Accepted)]
    if not entries and len(refused) == 1:
        raise InputError(f"The watchlist is empty. {refused[0].reason}")
    return freeze(WatchlistId(LIST_NAME), LIST_NAME, models.contract, entries)


def _accepted(enroller: Enroller, people: Iterable[PersonPictures]) -> Iterator[StoredEntry]:
    for verdict in enroller.enrol(people):
        if isinstance(verdict, Accepted):
            yield verdict.entry


def _as_pictures(portrait: Portrait) -> PersonPictures:
    return PersonPictures(portrait.person, (_png(portrait.picture),))


def _png(picture: BgrImage) -> bytes:
    done, data = cv2.imencode(".png", picture)
    if not done:
        raise InputError("A portrait could not be read as a picture.")
    return bytes(data)


def _least_threshold(listed: Sequence[StoredEntry]) -> float:
    if len(listed) < 10:
        return 0.0
    templates = np.stack([each.references[0].template for each in listed])
    pairs = (templates @ templates.T)[np.triu_indices(len(listed), 1)]
    return float(min(0.95, pairs.mean() + STRANGERS_TAIL_SD * pairs.std()))

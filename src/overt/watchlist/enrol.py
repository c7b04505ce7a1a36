"""Enrolment: pictures to references, each refused with its reason or accepted.

What is unusable is refused, what is merely poor is taken with a warning for those who decide
whether the person belongs on the list; :mod:`overt.watchlist.quality` says which is which.

Invariants: verdicts come in the order of the people; the same bytes give the same reference, bit
for bit, however many threads work; what cannot be read ends the list only after the verdicts on
everybody before it.
"""

import hashlib
import itertools
import os
from collections import Counter, deque
from collections.abc import Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

import cv2

from overt.core.arrays import BgrImage
from overt.core.errors import InputError, OvertError
from overt.core.frame import ArrayPicture
from overt.core.ids import ContractId, EntryId, KinGroup, WatchlistId
from overt.video.image import decode_still
from overt.video.picture_sets import PersonPictures
from overt.vision.detect import FaceDetector
from overt.vision.embed import Embedder
from overt.watchlist.manifest import manifest_sha256
from overt.watchlist.quality import Assessment, ImageQuality, OwnMeasures, Verdict, sighting
from overt.watchlist.stored import StoredEntry, StoredReference, StoredWatchlist

KEPT_SIDE_PX = 512
JPEG_QUALITY = 92

MAX_WORKERS = 8
"""Each may hold a decoded picture of 150 MB."""

LOOK_AHEAD = 2
"""People under way for each worker: enough that a slow one does not leave the others idle."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A person who could not be enrolled.

    Attributes:
        row: counts from 1 in the order of the source.
        label: as the source calls the person; for the report of the one who imports.
        reason: why, in plain words.
    """

    row: int
    label: str = field(repr=False)
    reason: str


@dataclass(frozen=True, slots=True)
class Accepted:
    """A person who was enrolled.

    Attributes:
        row: counts from 1 in the order of the source.
        entry: what was made of the pictures.
        warnings: pictures that were left out or are poor, each with the reason.
        assessments: the quality of each of the entry's references, in their order.
    """

    row: int
    entry: StoredEntry = field(repr=False)
    warnings: tuple[str, ...]
    assessments: tuple[Assessment, ...] = field(default=(), repr=False)


class Enroller:
    """Enrols people with one pair of models, on every core.

    Args:
        detector: finds faces in stills; thread-safe.
        embedder: makes templates; thread-safe.
        quality: says what may be a reference; our own measures if None.
        n_workers: threads; 1 works through the people one by one; if None, one more than there are
            processors, since now and then one waits for the runtime.

    Raises:
        ValueError: ``n_workers`` is not positive.
    """

    def __init__(
        self,
        detector: FaceDetector,
        embedder: Embedder,
        quality: ImageQuality | None = None,
        *,
        n_workers: int | None = None,
    ) -> None:
        if n_workers is not None and n_workers < 1:
            raise ValueError("n_workers must be positive")
        self._detector = detector
        self._embedder = embedder
        self._quality = quality or OwnMeasures(detector)
        self._n_workers = n_workers or min(MAX_WORKERS, (os.cpu_count() or 1) + 1)

    def enrol(self, people: Iterable[PersonPictures]) -> Iterator[Accepted | Refused]:
        """Yield the verdict on each person, in order.

        A few people are read ahead of the verdict that is yielded. Whoever stops early closes the
        iterator, or drops it: what is under way is finished, the rest is not begun.

        Raises:
            OvertError: the models failed; or as ``people`` does, after the verdicts on all before.
        """
        if self._n_workers == 1:
            yield from itertools.starmap(self._enrol_one, enumerate(people, start=1))
            return
        workers = ThreadPoolExecutor(self._n_workers, "enrol")
        under_way: deque[Future[Accepted | Refused]] = deque()
        try:
            for verdict in self._begin(people, workers):
                under_way.append(verdict)
                if len(under_way) >= LOOK_AHEAD * self._n_workers:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            workers.shutdown(cancel_futures=True)

    def _begin(
        self, people: Iterable[PersonPictures], workers: ThreadPoolExecutor
    ) -> "Iterator[Future[Accepted | Refused]]":
        """Hand over one person after the other; an unreadable one is the last."""
        try:
            for row, person in enumerate(people, start=1):
                yield workers.submit(self._enrol_one, row, person)
        except OvertError as error:
            unread: Future[Accepted | Refused] = Future()
            unread.set_exception(error)
            yield unread

    def _enrol_one(self, row: int, person: PersonPictures) -> Accepted | Refused:
        if not person.pictures:
            return Refused(row, person.label, "There is no picture of this person.")
        made: list[_Made] = []
        left_out: list[str] = []
        for data in person.pictures:
            outcome = self._reference(data)
            if isinstance(outcome, str):
                left_out.append(outcome)
            else:
                made.append(outcome)
        if not made:
            return Refused(row, person.label, left_out[0])
        references = tuple(each.reference for each in made)
        return Accepted(
            row,
            StoredEntry(_entry_id(person), person.label, references),
            (
                *(f"A picture left out: {why}" for why in left_out),
                *(remark for each in made if (remark := each.remark())),
            ),
            tuple(each.assessment for each in made),
        )

    def _reference(self, data: bytes) -> "_Made | str":
        """Return a reference and its quality, or why there is none."""
        try:
            picture = decode_still(data)
        except InputError as error:
            return str(error)
        seen = sighting(picture, self._detector.detect_still(picture))
        assessment = self._quality.assess(seen)
        if seen.crop is None or assessment.verdict is Verdict.REFUSED:
            return " ".join(assessment.reasons(Verdict.REFUSED))
        template = self._embedder.embed([seen.crop])[0]
        return _Made(StoredReference(template, _kept_picture(picture)), assessment)


@dataclass(frozen=True, slots=True)
class _Made:
    """A reference and what was found of its picture."""

    reference: StoredReference
    assessment: Assessment

    def remark(self) -> str:
        """Return what is poor about it, or nothing."""
        poor = self.assessment.reasons(Verdict.POOR)
        return f"A poor picture, taken all the same. {' '.join(poor)}" if poor else ""


def _entry_id(person: PersonPictures) -> EntryId:
    """Return an id that is the same for the same pictures and label, and opaque without them."""
    digest = hashlib.sha256(b"overt-entry/1\n")
    digest.update(hashlib.sha256(person.label.encode("utf-8", "surrogatepass")).digest())
    for data in person.pictures:
        digest.update(hashlib.sha256(data).digest())
    return EntryId(f"e-{digest.hexdigest()[:20]}")


def _kept_picture(picture: ArrayPicture) -> bytes:
    scale = min(1.0, KEPT_SIDE_PX / max(picture.width_px, picture.height_px))
    size = (max(1, round(picture.width_px * scale)), max(1, round(picture.height_px * scale)))
    return _jpeg(picture.scaled(*size))


def _jpeg(image: BgrImage) -> bytes:
    done, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, JPEG_QUALITY])
    if not done:
        raise InputError("A picture could not be written as JPEG.")
    return bytes(data)


def freeze(
    watchlist: WatchlistId, name: str, contract: ContractId, entries: Iterable[StoredEntry]
) -> StoredWatchlist:
    """Return the list in its final form, named by the digest of its manifest.

    An entry that stands twice (same pictures, same label) is kept once. People listed with the very
    same picture cannot be told apart: they become kin, so that neither hides the other.

    Raises:
        InputError: there is no entry.
    """
    unique = {each.entry: each for each in entries}
    if not unique:
        raise InputError("The watchlist is empty: no picture could be enrolled.")
    ordered = _with_twins_as_kin([unique[entry] for entry in sorted(unique)])
    digest = manifest_sha256(contract, ordered)
    return StoredWatchlist(watchlist, name, contract, digest, ordered)


def _with_twins_as_kin(entries: list[StoredEntry]) -> tuple[StoredEntry, ...]:
    pictures = [
        {hashlib.sha256(reference.picture_jpeg).hexdigest() for reference in each.references}
        for each in entries
    ]
    n_people = Counter(itertools.chain.from_iterable(pictures))
    return tuple(
        each
        if each.kin_group or not twins
        else replace(each, kin_group=KinGroup(f"k-{twins[:16]}"))
        for each, own in zip(entries, pictures, strict=True)
        for twins in [min((digest for digest in own if n_people[digest] > 1), default="")]
    )

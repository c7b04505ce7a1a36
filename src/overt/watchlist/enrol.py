"""Enrolment: pictures to references, each refused with its reason or accepted.

A reference must show exactly one face; what is unusable is refused, what is merely poor is taken
with a warning for those who decide whether the person belongs on the list.
"""

import hashlib
import itertools
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import cv2
import numpy as np

from overt.core.arrays import BgrImage
from overt.core.detections import Detections
from overt.core.errors import InputError
from overt.core.frame import ArrayPicture
from overt.core.ids import ContractId, EntryId, KinGroup, WatchlistId
from overt.video.image import decode_still
from overt.video.picture_sets import PersonPictures
from overt.vision.align import align
from overt.vision.detect import FaceDetector
from overt.vision.embed import Embedder
from overt.vision.quality import (
    QualityGate,
    measure_geometry,
    measure_pixels,
)
from overt.watchlist.manifest import manifest_sha256
from overt.watchlist.stored import StoredEntry, StoredReference, StoredWatchlist

REFERENCE_GATE = QualityGate(
    min_eye_distance_px=14.0,
    max_yaw_deg=70.0,
    max_pitch=0.45,
    min_detector_score=0.5,
    min_inside=0.35,
    min_sharpness=0.04,
    brightness=(15.0, 240.0),
    min_contrast=6.0,
)
"""A picture beyond these is refused."""

GOOD_REFERENCE = QualityGate(
    min_eye_distance_px=24.0,
    max_yaw_deg=30.0,
    max_pitch=0.25,
    min_detector_score=0.8,
    min_inside=0.9,
    min_sharpness=0.09,
    brightness=(40.0, 215.0),
    min_contrast=18.0,
)
"""A picture beyond these is taken with a warning: sometimes it is all there is of a person."""

SECOND_FACE_SHARE = 0.5
"""A second face at least this share of the first one's width makes a picture ambiguous; smaller
ones are people in the background, and are ignored."""

SURE_FACE = 0.5
KEPT_SIDE_PX = 512
JPEG_QUALITY = 92


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
    """

    row: int
    entry: StoredEntry = field(repr=False)
    warnings: tuple[str, ...]


class Enroller:
    """Enrols people with one pair of models."""

    def __init__(
        self, detector: FaceDetector, embedder: Embedder, gate: QualityGate = REFERENCE_GATE
    ) -> None:
        self._detector = detector
        self._embedder = embedder
        self._gate = gate

    def enrol(self, people: Iterable[PersonPictures]) -> Iterator[Accepted | Refused]:
        """Yield the verdict on each person, in order."""
        for row, person in enumerate(people, start=1):
            yield self._enrol_one(row, person)

    def _enrol_one(self, row: int, person: PersonPictures) -> Accepted | Refused:
        if not person.pictures:
            return Refused(row, person.label, "There is no picture of this person.")
        references: list[StoredReference] = []
        left_out: list[str] = []
        poor: list[str] = []
        for data in person.pictures:
            made, remark = self._reference(data)
            if made is not None:
                references.append(made)
            if remark is not None:
                (left_out if made is None else poor).append(remark)
        if not references:
            return Refused(row, person.label, left_out[0])
        entry = StoredEntry(_entry_id(person), person.label, tuple(references))
        return Accepted(row, entry, (*(f"A picture left out: {why}" for why in left_out), *poor))

    def _reference(self, data: bytes) -> tuple[StoredReference | None, str | None]:
        """Return a reference and what is poor about it, or no reference and why."""
        try:
            picture = decode_still(data)
        except InputError as error:
            return None, str(error)
        faces = self._detector.detect_still(picture)
        chosen = _only_face(faces)
        if isinstance(chosen, str):
            return None, chosen
        geometry = measure_geometry(
            faces.landmarks_px[chosen],
            faces.boxes_px[chosen],
            float(faces.scores[chosen]),
            (picture.width_px, picture.height_px),
        )
        crop = align(picture, faces.landmarks_px[chosen])
        pixels = measure_pixels(crop)
        refused = self._gate.check_geometry(geometry) or self._gate.check_pixels(pixels)
        if refused is not None:
            return None, f"The face is {refused.value}."
        poor = GOOD_REFERENCE.check_geometry(geometry) or GOOD_REFERENCE.check_pixels(pixels)
        remark = None if poor is None else f"A poor picture, taken all the same: {poor.value}."
        return StoredReference(self._embedder.embed([crop])[0], _kept_picture(picture)), remark


def _only_face(faces: Detections) -> int | str:
    """Return the index of the picture's one face, or why there is none."""
    sure = np.flatnonzero(faces.scores >= SURE_FACE)
    if sure.size == 0:
        return "There is no face in the picture."
    widths = faces.boxes_px[sure, 2] - faces.boxes_px[sure, 0]
    order = np.argsort(-widths, kind="stable")
    if sure.size > 1 and widths[order[1]] >= SECOND_FACE_SHARE * widths[order[0]]:
        return "There is more than one face in the picture."
    return int(sure[order[0]])


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

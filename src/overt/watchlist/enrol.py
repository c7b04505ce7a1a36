"""Enrolment: pictures to references, each refused with its reason or accepted.

The gate for a reference is stricter on what it must show (exactly one face) than that for a probe,
since a bad reference is wrong at every deployment.
"""

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import cv2
import numpy as np

from overt.core.arrays import BgrImage
from overt.core.detections import Detections
from overt.core.errors import InputError
from overt.core.frame import ArrayPicture
from overt.core.ids import ContractId, EntryId, WatchlistId
from overt.video.image import decode_still
from overt.vision.align import align
from overt.vision.detect import FaceDetector
from overt.vision.embed import Embedder
from overt.vision.quality import (
    QualityGate,
    measure_geometry,
    measure_pixels,
)
from overt.watchlist.manifest import manifest_sha256
from overt.watchlist.pictures import PersonPictures
from overt.watchlist.stored import StoredEntry, StoredReference, StoredWatchlist

REFERENCE_GATE = QualityGate(
    min_eye_distance_px=18.0,
    max_yaw_deg=45.0,
    max_pitch=0.35,
    min_detector_score=0.6,
    min_inside=0.8,
    min_sharpness=0.02,
)

SECOND_FACE_SHARE = 0.5
"""A second face at least this share of the first one's width makes a picture ambiguous; smaller
ones are people in the background, and are ignored."""

SURE_FACE = 0.6
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
        warnings: pictures of the person that were left out, each with the reason.
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
        references: list[StoredReference] = []
        reasons: list[str] = []
        for data in person.pictures:
            made = self._reference(data)
            if isinstance(made, str):
                reasons.append(made)
            else:
                references.append(made)
        if not references:
            return Refused(row, person.label, reasons[0])
        entry = StoredEntry(_entry_id(person), person.label, tuple(references))
        return Accepted(row, entry, tuple(reasons))

    def _reference(self, data: bytes) -> StoredReference | str:
        """Return a reference, or why there is none."""
        try:
            picture = decode_still(data)
        except InputError as error:
            return str(error)
        faces = self._detector.detect(picture)
        chosen = _only_face(faces)
        if isinstance(chosen, str):
            return chosen
        geometry = measure_geometry(
            faces.landmarks_px[chosen],
            faces.boxes_px[chosen],
            float(faces.scores[chosen]),
            (picture.width_px, picture.height_px),
        )
        reason = self._gate.check_geometry(geometry)
        if reason is None:
            crop = align(picture, faces.landmarks_px[chosen])
            reason = self._gate.check_pixels(measure_pixels(crop))
        if reason is not None:
            return f"The face is {reason.value}."
        template = self._embedder.embed([crop])[0]
        return StoredReference(template, _kept_picture(picture))


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

    An entry that stands twice (same pictures, same label) is kept once.

    Raises:
        InputError: there is no entry.
    """
    unique = {each.entry: each for each in entries}
    if not unique:
        raise InputError("The watchlist is empty: no picture could be enrolled.")
    ordered = tuple(unique[entry] for entry in sorted(unique))
    digest = manifest_sha256(contract, ordered)
    return StoredWatchlist(watchlist, name, contract, digest, ordered)

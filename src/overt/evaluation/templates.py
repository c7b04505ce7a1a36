"""Labelled pictures to templates, once: of each the face meant, its measures and its template.

The face meant is the one that is large and near the middle, as in collections of portraits; others
are bystanders. Where no face is found, there is no template, and every search with that picture
fails (ISO/IEC 19795-1: failure to acquire).

Invariants: templates come in the order of the pictures; the same bytes give the same template,
however many threads work. A cached set holds no name and no label, is readable by its owner alone,
and one that is damaged or of other data is made anew.
"""

import contextlib
import hashlib
import io
import os
import tempfile
import zipfile
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

from overt.core.arrays import Vectors
from overt.core.detections import Detections
from overt.core.errors import InputError, StorageError
from overt.core.frame import Picture
from overt.core.ids import ContractId, Sha256
from overt.evaluation.labelled import DataDigests, LabelledSet
from overt.video.image import decode_still
from overt.vision.align import align
from overt.vision.detect import FaceDetector
from overt.vision.embed import Embedder
from overt.vision.quality import Geometry, Pixels, measure_geometry, measure_pixels

Measures: TypeAlias = NDArray[np.float64]

ACQUISITION: Final = "central-face/1"
"""Names in records how the face meant is chosen."""

SURE_FACE: Final = 0.5
"""What the detector is less sure of than this is not a face; as at enrolment."""

MEASURES: Final = (
    *("eye_distance_px", "yaw_deg", "pitch", "detector_score", "inside"),
    *("sharpness", "brightness", "contrast"),
)
"""The columns of :attr:`TemplateSet.measures`; see :mod:`overt.vision.quality`."""

_DTYPES: Final = [np.dtype(each).str for each in (np.float32, np.bool_, np.int64, np.float64)]

LOOK_AHEAD: Final = 3
MAX_WORKERS: Final = 8


@dataclass(frozen=True, slots=True, eq=False)
class TemplateSet:
    """The templates of one labelled set, in the order of its pictures.

    Attributes:
        vectors: n × d, unit length; a row of zeros where no face was found.
        acquired: n, whether a face was found.
        n_faces: n, how many faces were found.
        measures: n × :data:`MEASURES`; not a number where no face was found.
    """

    vectors: Vectors = field(repr=False)
    acquired: NDArray[np.bool_] = field(repr=False)
    n_faces: NDArray[np.int64] = field(repr=False)
    measures: Measures = field(repr=False)

    def __post_init__(self) -> None:
        """Check the shapes once, here."""
        n = len(self.vectors)
        shapes = (self.acquired.shape, self.n_faces.shape, self.measures.shape)
        if self.vectors.ndim != 2 or shapes != ((n,), (n,), (n, len(MEASURES))):
            raise ValueError("the arrays of a template set do not belong together")

    def __len__(self) -> int:
        return len(self.vectors)

    def geometry(self, index: int) -> Geometry:
        """Return what the landmarks said of one picture's face."""
        return Geometry(*(float(value) for value in self.measures[index, :5]))

    def pixels(self, index: int) -> Pixels:
        """Return what the crop said of one picture's face."""
        return Pixels(*(float(value) for value in self.measures[index, 5:]))


@dataclass(frozen=True, slots=True)
class Acquirer:
    """What turns pictures into templates.

    Attributes:
        detector: finds faces in stills; thread-safe.
        embedder: makes templates; thread-safe.
        contract: their vector space.
        dims: their length.
        detector_sha256: which detector it is.
    """

    detector: FaceDetector
    embedder: Embedder
    contract: ContractId
    dims: int
    detector_sha256: Sha256

    def key(self, data: DataDigests) -> str:
        """Return what names the templates of ``data`` made here."""
        named = "\n".join(
            [ACQUISITION, self.contract, self.detector_sha256, data.pictures_sha256, str(SURE_FACE)]
        )
        return hashlib.sha256(named.encode()).hexdigest()

    def acquire(
        self, labelled: LabelledSet, progress: Callable[[], None] = lambda: None
    ) -> TemplateSet:
        """Return the templates of every picture.

        Args:
            labelled: the pictures.
            progress: called after each.

        Raises:
            InputError: a picture cannot be read at all; one that cannot be decoded is a failure to
                acquire.
            OvertError: the models failed.
        """
        n = len(labelled.pictures)
        vectors = np.zeros((n, self.dims), np.float32)
        n_faces = np.zeros(n, np.int64)
        measures = np.full((n, len(MEASURES)), np.nan)
        for index, made in enumerate(self._each(labelled)):
            n_faces[index] = made.n_faces
            if made.template is not None:
                vectors[index], measures[index] = made.template, made.measures
            progress()
        return TemplateSet(vectors, np.isfinite(measures[:, 0]), n_faces, measures)

    def _each(self, labelled: LabelledSet) -> "Iterator[_Made]":
        n_workers = min(MAX_WORKERS, (os.cpu_count() or 1) + 1)
        workers = ThreadPoolExecutor(n_workers, "acquire")
        under_way: deque[Future[_Made]] = deque()
        try:
            for data in labelled.read():
                under_way.append(workers.submit(self._one, data))
                if len(under_way) >= LOOK_AHEAD * n_workers:
                    yield under_way.popleft().result()
            while under_way:
                yield under_way.popleft().result()
        finally:
            workers.shutdown(cancel_futures=True)

    def _one(self, data: bytes) -> "_Made":
        try:
            picture = decode_still(data)
        except InputError:
            return _Made(0, None, ())
        faces = self.detector.detect_still(picture)
        face = face_meant(faces, picture)
        if face is None:
            return _Made(0, None, ())
        crop = align(picture, faces.landmarks_px[face])
        size = (picture.width_px, picture.height_px)
        score = float(faces.scores[face])
        g = measure_geometry(faces.landmarks_px[face], faces.boxes_px[face], score, size)
        p = measure_pixels(crop)
        values = (
            *(g.eye_distance_px, g.yaw_deg, g.pitch, g.detector_score, g.inside),
            *(p.sharpness, p.brightness, p.contrast),
        )
        n_faces = int(np.count_nonzero(faces.scores >= SURE_FACE))
        return _Made(n_faces, self.embedder.embed([crop])[0], values)


@dataclass(frozen=True, slots=True)
class _Made:
    n_faces: int
    template: NDArray[np.float32] | None = field(repr=False)
    measures: tuple[float, ...] = field(repr=False)


def face_meant(faces: Detections, picture: Picture) -> int | None:
    """Return the index of the large face near the middle, or None where there is no face.

    The width of a face and its distance from the middle, both in widths of the picture, are
    weighed against each other.
    """
    sure = np.flatnonzero(faces.scores >= SURE_FACE)
    if sure.size == 0:
        return None
    boxes = faces.boxes_px[sure].astype(np.float64)
    middle = (boxes[:, :2] + boxes[:, 2:]) / 2
    off = np.hypot(middle[:, 0] - picture.width_px / 2, middle[:, 1] - picture.height_px / 2)
    return int(sure[np.argmax(boxes[:, 2] - boxes[:, 0] - off)])


def load_or_acquire(
    acquirer: Acquirer,
    labelled: LabelledSet,
    data: DataDigests,
    cache: Path | None,
    progress: Callable[[], None] = lambda: None,
) -> TemplateSet:
    """Return the templates from the cache if they are there, or make and keep them.

    Args:
        acquirer: makes them.
        labelled: the pictures.
        data: their digests.
        cache: a folder; nothing is read or kept if None.
        progress: called after each picture that is worked through.

    Raises:
        InputError: a picture cannot be read.
        StorageError: the cache cannot be written.
        OvertError: the models failed.
    """
    path = None if cache is None else cache / f"{acquirer.key(data)}.npz"
    kept = None if path is None else _load(path, len(labelled.pictures), acquirer.dims)
    if kept is not None:
        return kept
    made = acquirer.acquire(labelled, progress)
    if path is not None:
        _save(path, made)
    return made


def _load(path: Path, n: int, dims: int) -> TemplateSet | None:
    """Return a kept set; None if there is none, or what there is cannot be one."""
    try:
        with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as held:
            kept = TemplateSet(
                *(held[name] for name in ("vectors", "acquired", "n_faces", "measures"))
            )
    except (OSError, ValueError, KeyError, EOFError, zipfile.BadZipFile):
        return None
    arrays = (kept.vectors, kept.acquired, kept.n_faces, kept.measures)
    if [each.dtype.str for each in arrays] != _DTYPES or kept.vectors.shape != (n, dims):
        return None
    return kept


def _save(path: Path, made: TemplateSet) -> None:
    held = io.BytesIO()
    np.savez(
        held,
        vectors=made.vectors,
        acquired=made.acquired,
        n_faces=made.n_faces,
        measures=made.measures,
    )
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        # mkstemp's file is its owner's alone, and is moved into place whole.
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=".templates-")
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(held.getvalue())
            Path(name).replace(path)
        except BaseException:
            with contextlib.suppress(OSError):
                Path(name).unlink()
            raise
    except OSError as error:
        raise StorageError("The templates could not be kept in the cache folder.") from error

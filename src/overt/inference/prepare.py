"""From a model's original file to its prepared form in the cache, with both digests checked.

Steps of :func:`ensure_prepared`:
    1. Absent from the cache: read the source and check its size and SHA-256.
    2. Normalise it (see ``normalise``) and check the result against the digest that is pinned.
    3. Write it under a temporary name and rename it, so that two processes may do so at once.
    4. Always: read what is in the cache and check it against the pin.
The engine checks once more the very bytes that it loads (:meth:`PreparedModel.read`).

Invariants: nothing that differs from its digest is ever run or written; a damaged file is reported
and left for a person to delete, never rebuilt in silence.
Must not: run a model.
"""

import hashlib
import os
import tempfile
from dataclasses import dataclass
from pathlib import Path

from overt.core.errors import InputError, IntegrityError, StorageError, UnavailableError
from overt.core.ids import Sha256
from overt.inference.manifest import ModelDescription, ModelManifest
from overt.inference.normalise import fold_model, normalise_model


@dataclass(frozen=True, slots=True)
class PreparedModel:
    """A model in the cache that was equal to its manifest's pin when this was made.

    Attributes:
        path: the ONNX file.
        sha256: its digest.
        manifest: what it is.
    """

    path: Path
    sha256: Sha256
    manifest: ModelManifest

    def read(self) -> bytes:
        """Return the bytes of the file, checked now.

        Raises:
            IntegrityError: they changed, or the file is gone.
        """
        try:
            content = self.path.read_bytes()
        except OSError:
            content = b""
        if digest_of(content) != self.sha256:
            raise IntegrityError(
                f"The prepared model {self.path} is not the one that its manifest pins; "
                "delete the file and run `overt models prepare`."
            )
        return content


@dataclass(frozen=True, slots=True)
class ModelPair:
    """The detector and the embedder of one deployment."""

    detector: PreparedModel
    embedder: PreparedModel

    def __post_init__(self) -> None:
        """Refuse a pair whose roles are mixed up."""
        roles = (self.detector.manifest.role, self.embedder.manifest.role)
        if roles != ("detector", "embedder"):
            raise InputError(f"Expected a detector and an embedder, got {roles[0]} and {roles[1]}.")


def digest_of(content: bytes) -> Sha256:
    """Return the SHA-256 of ``content``."""
    return Sha256(hashlib.sha256(content).hexdigest())


def read_source(description: ModelDescription) -> bytes:
    """Return the bytes of the model's original file, checked against its manifest.

    Raises:
        UnavailableError: the file, or the package that carries it, is not there.
        IntegrityError: its size or SHA-256 differs.
    """
    path = description.source.locate()
    try:
        with path.open("rb") as file:
            content = file.read(description.source_bytes + 1)
    except OSError as error:
        raise UnavailableError(f"The model file {path} cannot be read: {error.strerror}.") from None
    check_source(description, content)
    return content


def check_source(description: ModelDescription, content: bytes) -> None:
    """Check the bytes of an original file against its manifest.

    Raises:
        IntegrityError: the size or SHA-256 differs.
    """
    right_size = len(content) == description.source_bytes
    if not right_size or digest_of(content) != description.source_sha256:
        raise IntegrityError(
            f"The file of model {description.name} is not the one that its manifest names: "
            "size or SHA-256 differ."
        )


def prepare(description: ModelDescription, source: bytes) -> bytes:
    """Return the prepared ONNX of a checked source.

    Raises:
        InputError: the source is not an ONNX model that fits its manifest.
    """
    return normalise_model(source, description)


def ensure_prepared(manifest: ModelManifest, cache: Path) -> PreparedModel:
    """Return the prepared model from the folder ``cache``; prepare it first if it is absent.

    Raises:
        UnavailableError: the source is needed and not there.
        IntegrityError: source, result or cached file differ from the manifest.
        InputError: the source is not a model that can be prepared.
        StorageError: the cache cannot be written.
    """
    path = cache / f"{manifest.name}-{manifest.prepared_sha256[:16]}.onnx"
    if not path.exists():
        content = prepare(manifest, read_source(manifest))
        if digest_of(content) != manifest.prepared_sha256:
            raise IntegrityError(
                f"Preparing model {manifest.name} did not give the bytes that its manifest pins."
            )
        write_atomically(path, content)
    prepared = PreparedModel(path, Sha256(manifest.prepared_sha256), manifest)
    prepared.read()
    return prepared


def prepare_plain(manifest: ModelManifest, cache: Path) -> Path:
    """Write the source with its weights unpacked and nothing else changed, for OpenCV's classes.

    The names, the float N × 3 × H × W input and the outputs stay as the authors made them. It is
    written anew each time, from the checked source, and serves only comparisons with OpenCV.

    Raises:
        UnavailableError, IntegrityError, InputError, StorageError: see :func:`ensure_prepared`.
    """
    path = cache / f"{manifest.name}-plain.onnx"
    write_atomically(path, fold_model(read_source(manifest)))
    return path


def write_atomically(path: Path, content: bytes) -> None:
    """Put ``content`` at ``path`` so that no reader ever sees a part of it.

    Raises:
        StorageError: it could not be written; nothing is left behind.
    """
    temporary: str | None = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        Path(temporary).replace(path)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise StorageError(f"{path} cannot be written: {error.strerror}.") from None

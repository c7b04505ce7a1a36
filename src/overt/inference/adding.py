"""Adds a user's own model to the catalogue.

Steps of :func:`add_model`, of which none leaves anything behind if a later one fails:
    1. Read the manifest; without a licence it is refused.
    2. Check the file against it: digest, size, and that the name is free.
    3. Prepare it, in a temporary folder, and compare with the manifest's pin if there is one.
    4. Run it on made-up pictures: the sizes of its outputs, finite values, and the same result
       alone and in a batch.
    5. Copy the file, write the golden vectors, and last the manifest, which makes it known.

A model file is a program for the runtime: the digest says that it is the file which the manifest's
author meant, not that it is harmless.
"""

import tempfile
from pathlib import Path

import numpy as np

from overt.core.errors import InputError, IntegrityError
from overt.inference.catalogue import Catalogue
from overt.inference.engine import Engine, Outputs, RuntimeFailedError
from overt.inference.golden import (
    F32_TOLERANCE,
    GoldenVectors,
    golden_path,
    golden_text,
    made_up_pictures,
    record,
)
from overt.inference.manifest import (
    MODEL_LIMIT_BYTES,
    YUNET_STRIDES_PX,
    EmbeddingOutput,
    FileSource,
    ModelDescription,
    ModelManifest,
    load_manifest,
    parse_description,
    parse_manifest,
    read_manifest_text,
)
from overt.inference.prepare import (
    PreparedModel,
    check_source,
    digest_of,
    ensure_prepared,
    prepare,
    write_atomically,
)
from overt.inference.runtimes import open_engine


def add_model(
    model: Path, manifest: Path, *, folder: Path, cache: Path, known: Catalogue
) -> PreparedModel:
    """Add the ONNX file ``model``, described by the TOML file ``manifest``.

    Args:
        model: the user's ONNX file.
        manifest: its manifest, of source kind ``file``; ``prepared_sha256`` may be absent.
        folder: of the user's models; written to.
        cache: of prepared models; written to.
        known: every model that there is; the name must be new, or the very same model's.

    Raises:
        InputError: no licence, a wrong manifest, no ONNX model, other outputs, or a name in use.
        IntegrityError: a digest differs.
        StorageError: something could not be written.
    """
    text = read_manifest_text(manifest)
    description = parse_description(text, manifest)
    content = _read_model(model)
    check_source(description, content)
    target = _target(description, folder, known)

    prepared = prepare(description, content)
    pinned = description.pinned(digest_of(prepared))
    if isinstance(description, ModelManifest):
        _check_pin(description, pinned)
    else:
        text = f'prepared_sha256 = "{pinned.prepared_sha256}"\n{text}'
    golden = _trial(prepared, pinned)

    write_atomically(target, content)
    write_atomically(golden_path(folder, pinned.name), golden_text(golden).encode())
    installed = folder / f"{pinned.name}.toml"
    parse_manifest(text, installed)
    write_atomically(installed, text.encode())
    return ensure_prepared(load_manifest(installed), cache)


def _read_model(path: Path) -> bytes:
    try:
        with path.open("rb") as file:
            content = file.read(MODEL_LIMIT_BYTES + 1)
    except OSError as error:
        raise InputError(f"The model file {path} cannot be read: {error.strerror}.") from None
    if len(content) > MODEL_LIMIT_BYTES:
        raise InputError(f"The model file {path} is larger than {MODEL_LIMIT_BYTES} bytes.")
    return content


def _target(description: ModelDescription, folder: Path, known: Catalogue) -> Path:
    """Return where the file goes; refuse a name, of model or file, that another model has."""
    if not isinstance(description.source, FileSource):
        raise InputError("The manifest of an added model needs a source of kind file.")
    target = folder / description.source.path
    for name in known.names():
        other = known.get(name)
        if other.source_sha256 == description.source_sha256 and name == description.name:
            continue
        taken = isinstance(other.source, FileSource) and other.source.locate() == target.absolute()
        if name == description.name or taken:
            raise InputError(f"There is already another model named {name}.")
    return target


def _check_pin(given: ModelManifest, found: ModelManifest) -> None:
    if given.prepared_sha256 != found.prepared_sha256:
        raise IntegrityError(
            f"Preparing model {given.name} did not give the bytes that its manifest pins."
        )


def _trial(content: bytes, manifest: ModelManifest) -> GoldenVectors:
    """Run the model once; return its golden vectors.

    Raises:
        InputError: it cannot be run, or its outputs are not those of its manifest.
    """
    with tempfile.TemporaryDirectory(prefix="overt-") as folder:
        path = Path(folder, "model.onnx")
        write_atomically(path, content)
        trial = PreparedModel(path, digest_of(content), manifest)
        try:
            with open_engine(trial, precision="f32", n_requests=1) as engine:
                _check_outputs(engine, manifest)
                return record(engine, manifest)
        except RuntimeFailedError as error:
            raise InputError(f"Model {manifest.name} cannot be run: {error}") from error


def _check_outputs(engine: Engine, manifest: ModelManifest) -> None:
    pictures = [picture.drawn() for picture in made_up_pictures(manifest)]
    together = engine.infer(np.concatenate(pictures))
    found = {name: array.shape for name, array in together.items()}
    height_px, width_px = pictures[0].shape[1:3]
    expected = _shapes(manifest, len(pictures), width_px, height_px)
    if found != expected:
        raise InputError(
            f"Model {manifest.name} does not give what its manifest says: "
            f"expected {_told(expected)}, got {_told(found)}."
        )
    if not all(np.isfinite(array).all() for array in together.values()):
        raise InputError(f"Model {manifest.name} gives values that are not finite.")
    for i, picture in enumerate(pictures):
        if not _alike(engine.infer(picture), {n: a[i : i + 1] for n, a in together.items()}):
            raise InputError(f"Model {manifest.name} gives other values in a batch than alone.")


def _shapes(
    manifest: ModelManifest, n: int, width_px: int, height_px: int
) -> dict[str, tuple[int, ...]]:
    if isinstance(manifest.output, EmbeddingOutput):
        return {name: (n, width) for name, width in manifest.output.widths.items()}
    cells = {str(s): (width_px // s) * (height_px // s) for s in YUNET_STRIDES_PX}
    return {
        name: (n, cells[name.split("_")[1]], width)
        for name, width in manifest.output.widths.items()
    }


def _told(shapes: dict[str, tuple[int, ...]]) -> str:
    return ", ".join(f"{name} {' × '.join(map(str, shape))}" for name, shape in shapes.items())


def _alike(a: Outputs, b: Outputs) -> bool:
    return all(
        np.allclose(a[name], b[name], rtol=0, atol=F32_TOLERANCE * max(1, np.abs(b[name]).max()))
        for name in b
    )

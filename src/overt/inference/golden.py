"""Golden vectors: what a model gives for made-up pictures, to within a stated tolerance.

The pictures are computed from whole numbers and show nobody. A model that reads its weights,
channels or pixels in another way gives other numbers, on any runtime.

Invariants: the pictures never change; a file of golden vectors holds no picture of a person.
"""

import json
from pathlib import Path
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, Strict, ValidationError

from overt.core.errors import InputError
from overt.inference.engine import Batch, Engine, Outputs
from overt.inference.manifest import (
    Digest,
    FixedSize,
    ModelDescription,
    ModelManifest,
    PositivePixels,
)

F32_TOLERANCE = 1e-4
"""Largest difference, as a part of the largest golden value of that output (at least of 1)."""

BF16_LEAST_COSINE = 0.999
"""Least cosine between all the values of a picture and the golden ones."""

N_PICTURES = 3
_N_SAMPLES = 16

_Values = Annotated[tuple[float, ...], Strict(strict=False)]


class GoldenPicture(BaseModel):
    """One made-up picture and what comes out.

    Attributes:
        seed: of the pattern.
        width_px, height_px: of the picture.
        outputs: the values that :func:`sample` keeps, by output name.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    seed: Annotated[int, Field(ge=0, le=1000)]
    width_px: PositivePixels
    height_px: PositivePixels
    outputs: dict[str, _Values]

    def drawn(self) -> Batch:
        """Return the picture itself, 1 × height × width × 3."""
        return pattern(self.seed, self.width_px, self.height_px)


class GoldenVectors(BaseModel):
    """All golden vectors of a model.

    Attributes:
        format: version of this format.
        model: name.
        source_sha256: of the model file that gave them.
        pictures: at least one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format: Literal[1]
    model: str
    source_sha256: Digest
    pictures: Annotated[tuple[GoldenPicture, ...], Field(min_length=1), Strict(strict=False)]


def pattern(seed: int, width_px: int, height_px: int) -> Batch:
    """Return a made-up picture, 1 × height × width × 3: gradients, rings and a little grain."""
    y, x = np.mgrid[:height_px, :width_px].astype(np.int64)
    rings = (x - width_px // 2) ** 2 + (y - height_px // 3) ** 2
    planes = [
        (3 * x + (seed + 1) * y) // 4,
        rings // (17 + 5 * seed) + x,
        x * y // (11 + seed) + (x * 7919 + y * 104_729 + seed * 31) % 23,
    ]
    return np.stack(planes, axis=-1).astype(np.uint8)[None]


def sample(outputs: Outputs) -> dict[str, NDArray[np.float32]]:
    """Return what is kept of the outputs of one picture.

    A template is kept whole; of a detector's maps, values at even distances and then the mean.
    """
    kept = {}
    for name, array in outputs.items():
        flat = array.ravel()
        if array.ndim > 2:
            at = np.linspace(0, flat.size - 1, _N_SAMPLES).astype(np.int64)
            flat = np.append(flat[at], flat.mean(dtype=np.float64)).astype(np.float32)
        kept[name] = flat
    return kept


def made_up_pictures(description: ModelDescription) -> list[GoldenPicture]:
    """Return which pictures to make up for a model, in a size that it takes."""
    size = description.input.size
    if isinstance(size, FixedSize):
        width_px, height_px = size.width_px, size.height_px
    else:
        width_px, height_px = 10 * size.multiple_of_px, 6 * size.multiple_of_px
    return [
        GoldenPicture(seed=seed, width_px=width_px, height_px=height_px, outputs={})
        for seed in range(N_PICTURES)
    ]


def record(engine: Engine, manifest: ModelDescription) -> GoldenVectors:
    """Return the golden vectors of a model as ``engine``, which must compute in f32, gives them."""
    pictures = []
    for picture in made_up_pictures(manifest):
        kept = sample(engine.infer(picture.drawn()))
        values = {name: tuple(float(f"{v:.7g}") for v in array) for name, array in kept.items()}
        pictures.append(picture.model_copy(update={"outputs": values}))
    return GoldenVectors(
        format=1,
        model=manifest.name,
        source_sha256=manifest.source_sha256,
        pictures=tuple(pictures),
    )


def fault(golden: GoldenVectors, engine: Engine) -> str | None:
    """Run ``engine`` on the golden pictures; return what is wrong, or None if nothing is."""
    for picture in golden.pictures:
        got = sample(engine.infer(picture.drawn()))
        expected = {n: np.array(v, np.float32) for n, v in picture.outputs.items()}
        if {n: a.shape for n, a in got.items()} != {n: a.shape for n, a in expected.items()}:
            return "the outputs have other names or sizes"
        found = _far_apart(got, expected, exact=engine.precision == "f32")
        if found is not None:
            return found
    return None


def _far_apart(got: Outputs, expected: Outputs, *, exact: bool) -> str | None:
    if exact:
        for name, values in expected.items():
            difference = float(np.abs(got[name] - values).max() / max(1.0, np.abs(values).max()))
            if not difference <= F32_TOLERANCE:
                return f"output {name} differs by {difference:.1e} of {F32_TOLERANCE:.0e} allowed"
        return None
    a, b = (np.concatenate([side[name] for name in expected]) for side in (got, expected))
    cosine = float(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))
    if not cosine >= BF16_LEAST_COSINE:
        return f"the cosine is {cosine:.5f}, less than {BF16_LEAST_COSINE}"
    return None


def golden_path(folder: Path, name: str) -> Path:
    """Return where the golden vectors of a model lie in the ``folder`` of its manifest."""
    return folder / "golden" / f"{name}.json"


def load_golden(path: Path, manifest: ModelManifest) -> GoldenVectors:
    """Read golden vectors.

    Raises:
        InputError: they cannot be read, or belong to another model file.
    """
    try:
        golden = GoldenVectors.model_validate(json.loads(path.read_bytes()))
    except OSError as error:
        raise InputError(f"The golden vectors {path} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError, ValidationError):
        raise InputError(f"{path} does not hold golden vectors.") from None
    if (golden.model, golden.source_sha256) != (manifest.name, manifest.source_sha256):
        raise InputError(f"The golden vectors {path} belong to another model.")
    return golden


def golden_text(golden: GoldenVectors) -> str:
    """Return the file of golden vectors as text, one output a line."""
    data = golden.model_dump(mode="json")
    lines = []
    for picture in data["pictures"]:
        head = {key: value for key, value in picture.items() if key != "outputs"}
        rows = ",\n".join(
            f"   {json.dumps(name)}: {json.dumps(values)}"
            for name, values in picture["outputs"].items()
        )
        lines.append(f'  {json.dumps(head)[:-1]}, "outputs": {{\n{rows}}}}}')
    head = {key: value for key, value in data.items() if key != "pictures"}
    return f'{json.dumps(head)[:-1]}, "pictures": [\n' + ",\n".join(lines) + "\n]}\n"

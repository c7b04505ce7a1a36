"""The manifest of a model: what its file is, who allows its use, what goes in and what comes out.

Invariants: a manifest is frozen, its keys are exactly the ones below, and it names a licence.
Must not: open the model it describes.
"""

import tomllib
from importlib import metadata
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PrivateAttr,
    Strict,
    StringConstraints,
    ValidationError,
    ValidationInfo,
    model_validator,
)

from overt.core.errors import InputError, UnavailableError
from overt.core.ids import Sha256

MANIFEST_LIMIT_BYTES = 64 * 1024
MODEL_LIMIT_BYTES = 1 << 30
YUNET_STRIDES_PX = (8, 16, 32)
TEMPLATE = "template"
MODEL_NAME_PATTERN = r"^[a-z0-9][a-z0-9._-]{0,63}$"

_WORD = r"[A-Za-z0-9_][A-Za-z0-9._-]{0,127}"

Name = Annotated[str, StringConstraints(pattern=MODEL_NAME_PATTERN)]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$"), AfterValidator(Sha256)]
Line = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=200)]
Word = Annotated[str, StringConstraints(pattern=rf"^{_WORD}$")]
InnerPath = Annotated[str, StringConstraints(pattern=rf"^{_WORD}(/{_WORD}){{0,8}}$")]
Triple = Annotated[tuple[float, float, float], Strict(strict=False)]
Pair = Annotated[tuple[float, float], Strict(strict=False)]
PositivePixels = Annotated[int, Field(gt=0, le=4096)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class PackageSource(_Part):
    """A file that an installed Python package carries; none of the package's code is run.

    Attributes:
        package: name of the distribution.
        version: the one version that is accepted.
        path: of the file, relative to where the distribution is installed.
    """

    kind: Literal["package"]
    package: Word
    version: Line
    path: InnerPath

    def locate(self) -> Path:
        """Return where the file is.

        Raises:
            UnavailableError: the package, in this version, is not installed.
        """
        try:
            distribution = metadata.distribution(self.package)
        except metadata.PackageNotFoundError:
            raise UnavailableError(
                f"The package {self.package}, which carries a model, is not installed."
            ) from None
        if distribution.version != self.version:
            raise UnavailableError(
                f"The model needs {self.package} {self.version}, "
                f"and {distribution.version} is installed."
            )
        return Path(str(distribution.locate_file(self.path)))


class FileSource(_Part):
    """A file that lies beside its manifest.

    Attributes:
        path: its plain name.
    """

    kind: Literal["file"]
    path: Word
    _folder: Path = PrivateAttr(default=Path())

    @model_validator(mode="after")
    def _beside_the_manifest(self, info: ValidationInfo) -> Self:
        self._folder = Path((info.context or {}).get("folder", Path()))
        return self

    def locate(self) -> Path:
        """Return where the file is; it may be absent."""
        return self._folder / self.path


class Licence(_Part):
    """Under which terms the weights may be used.

    Attributes:
        spdx: the SPDX expression, for example ``Apache-2.0``.
        notice: the line to reproduce: who made it and what must be said.
    """

    spdx: Line
    notice: Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]


class FixedSize(_Part):
    """The one picture size that a model takes."""

    width_px: PositivePixels
    height_px: PositivePixels


class FreeSize(_Part):
    """Any picture size of which both sides are a multiple of ``multiple_of_px``."""

    multiple_of_px: PositivePixels


class Preprocessing(_Part):
    """What the original network wants in each channel, from a pixel of 0 to 255.

    ``value = (low + pixel / 255 * (high - low) - mean) * scale``, channels in the order ``colour``.
    Preparing bakes it into the graph, so no caller ever applies it.

    Attributes:
        colour: order of the channels, and of ``mean`` and ``scale``.
        range: ``low`` and ``high``, the span in which ``mean`` is given: 0 to 255 or 0 to 1.
        mean: subtracted, a value for each channel.
        scale: multiplied, a value for each channel.
        size: of the pictures.
    """

    colour: Literal["bgr", "rgb"]
    range: Pair = (0.0, 255.0)
    mean: Triple = (0.0, 0.0, 0.0)
    scale: Triple = (1.0, 1.0, 1.0)
    size: FixedSize | FreeSize

    @model_validator(mode="after")
    def _invertible(self) -> Self:
        if self.range[0] >= self.range[1] or 0.0 in self.scale:
            raise ValueError("range must rise and scale must not hold a zero")
        return self


class YunetOutput(_Part):
    """Twelve outputs, n × cells × width, named ``<kind>_<stride>`` as YuNet's authors did."""

    decoder: Literal["yunet"]

    @property
    def widths(self) -> dict[str, int]:
        """Return the last axis of each output by its name, in the order of a prepared model."""
        kinds = {"cls": 1, "obj": 1, "bbox": 4, "kps": 10}
        return {f"{kind}_{s}": width for kind, width in kinds.items() for s in YUNET_STRIDES_PX}


class EmbeddingOutput(_Part):
    """One output ``template``, n × ``dims``, not normalised."""

    decoder: Literal["embedding"]
    dims: Annotated[int, Field(ge=16, le=8192)]

    @property
    def widths(self) -> dict[str, int]:
        """See :attr:`YunetOutput.widths`."""
        return {TEMPLATE: self.dims}


class ModelDescription(_Part):
    """All of a manifest but the digest of the prepared model, which preparing finds out.

    Attributes:
        format: version of this format.
        name: by which the model is asked for.
        role: what the model is for.
        summary: one line for a list.
        source: where the file is.
        source_sha256: its digest.
        source_bytes: its size.
        licence: of the weights.
        input: preprocessing and size.
        output: how to read what comes out.
    """

    format: Literal[1]
    name: Name
    role: Literal["detector", "embedder"]
    summary: Line
    source_sha256: Digest
    source_bytes: Annotated[int, Field(gt=0, le=MODEL_LIMIT_BYTES)]
    source: Annotated[PackageSource | FileSource, Field(discriminator="kind")]
    licence: Licence
    input: Preprocessing
    output: Annotated[YunetOutput | EmbeddingOutput, Field(discriminator="decoder")]

    @model_validator(mode="after")
    def _role_and_output_agree(self) -> Self:
        expected = {"detector": "yunet", "embedder": "embedding"}[self.role]
        if self.output.decoder != expected:
            raise ValueError(f"a {self.role} needs the output decoder {expected!r}")
        if self.role == "embedder" and isinstance(self.input.size, FreeSize):
            raise ValueError("an embedder needs a fixed input size")
        return self

    def pinned(self, prepared_sha256: Sha256) -> "ModelManifest":
        """Return the manifest of this model once it is known what preparing makes of it."""
        fields = {name: getattr(self, name) for name in ModelDescription.model_fields}
        return ModelManifest.model_construct(**fields, prepared_sha256=prepared_sha256)


class ModelManifest(ModelDescription):
    """A whole manifest.

    Attributes:
        prepared_sha256: digest of the model as Overt prepares it.
    """

    prepared_sha256: Digest


_D = TypeVar("_D", bound=ModelDescription)


def load_manifest(path: Path) -> ModelManifest:
    """Read the manifest of a model that can be used.

    Raises:
        InputError: it cannot be read, is no TOML, or has a missing, unknown or wrong key.
    """
    return parse_manifest(read_manifest_text(path), path)


def parse_manifest(text: str, path: Path) -> ModelManifest:
    """Read a manifest from ``text``; ``path`` names it in errors and locates a file beside it.

    Raises:
        InputError: see :func:`load_manifest`.
    """
    return _validated(ModelManifest, _parse_toml(text, path), path)


def parse_description(text: str, path: Path) -> ModelDescription:
    """Read a user's manifest, in which ``prepared_sha256`` may be absent; see parse_manifest.

    Raises:
        InputError: see :func:`load_manifest`.
    """
    data = _parse_toml(text, path)
    kind = ModelManifest if "prepared_sha256" in data else ModelDescription
    return _validated(kind, data, path)


def read_manifest_text(path: Path) -> str:
    """Return the text of a manifest.

    Raises:
        InputError: it cannot be read, is too large or is not UTF-8.
    """
    try:
        with path.open("rb") as file:
            raw = file.read(MANIFEST_LIMIT_BYTES + 1)
    except OSError as error:
        raise InputError(f"The manifest {path} cannot be read: {error.strerror}.") from None
    if len(raw) > MANIFEST_LIMIT_BYTES:
        raise InputError(f"{path} is too large to be the manifest of a model.")
    try:
        return raw.decode()
    except UnicodeDecodeError:
        raise InputError(f"The manifest {path} is not UTF-8 text.") from None


def _parse_toml(text: str, path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        raise InputError(f"The manifest {path} is not valid TOML.") from None


def _validated(kind: type[_D], data: dict[str, Any], path: Path) -> _D:
    try:
        return kind.model_validate(data, context={"folder": path.absolute().parent})
    except ValidationError as error:
        raise _first_fault(error, path) from None


def _first_fault(error: ValidationError, path: Path) -> InputError:
    """Return one sentence about the first fault; a missing licence is the one named first."""
    faults = error.errors(include_url=False, include_input=False, include_context=False)
    if any(fault["loc"][:1] == ("licence",) for fault in faults):
        return InputError(
            f"The manifest {path} has no complete licence: "
            "it needs [licence] with a non-empty spdx and notice."
        )
    fault = faults[0]
    where = ".".join(str(part) for part in fault["loc"]) or "the whole"
    reason = fault["msg"].removeprefix("Value error, ").rstrip(".")
    return InputError(f"The manifest {path} cannot be used: {where}: {reason}.")

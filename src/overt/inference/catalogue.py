"""Which manifests there are: those of the product and those a user added.

Invariants: a name stands for one manifest; a file that is no manifest is an error, not skipped.
"""

from collections.abc import Sequence
from pathlib import Path

from overt.core.errors import InputError
from overt.inference.golden import golden_path
from overt.inference.manifest import ModelManifest, load_manifest
from overt.inference.prepare import ModelPair, ensure_prepared

DEFAULT_DETECTOR = "yunet-2023mar"
DEFAULT_EMBEDDER = "sface-2021dec"


def bundled_folder() -> Path:
    """Return the folder of the product's own manifests: in the wheel, or in the checkout."""
    package = Path(__file__).parents[1]
    in_wheel = package / "_bundled" / "models"
    return in_wheel if in_wheel.is_dir() else package.parents[1] / "models"


class Catalogue:
    """The manifests ``*.toml`` of some folders, read once.

    Args:
        folders: searched in this order; one that does not exist holds nothing.

    Raises:
        InputError: a manifest is wrong, or two have the same name.
    """

    def __init__(self, folders: Sequence[Path]) -> None:
        self._manifests: dict[str, ModelManifest] = {}
        self._folders: dict[str, Path] = {}
        for folder in folders:
            for path in sorted(folder.glob("*.toml")):
                manifest = load_manifest(path)
                if manifest.name in self._manifests:
                    raise InputError(f"Two manifests are named {manifest.name}; one is {path}.")
                self._manifests[manifest.name] = manifest
                self._folders[manifest.name] = folder

    def names(self) -> tuple[str, ...]:
        """Return the names of all models, sorted."""
        return tuple(sorted(self._manifests))

    def get(self, name: str) -> ModelManifest:
        """Return one manifest.

        Raises:
            InputError: there is no model of this name.
        """
        try:
            return self._manifests[name]
        except KeyError:
            known = ", ".join(self.names()) or "none"
            raise InputError(f"There is no model {name}; known are: {known}.") from None

    def golden(self, name: str) -> Path:
        """Return where the golden vectors of a model that is known lie.

        Raises:
            InputError: there is no model of this name.
        """
        return golden_path(self._folders[self.get(name).name], name)


def ensure_pair(
    catalogue: Catalogue,
    cache: Path,
    *,
    detector: str = DEFAULT_DETECTOR,
    embedder: str = DEFAULT_EMBEDDER,
) -> ModelPair:
    """Return a prepared pair by name.

    Raises:
        InputError: a name is unknown or has the other role.
        UnavailableError, IntegrityError, StorageError: see ``prepare.ensure_prepared``.
    """
    return ModelPair(
        ensure_prepared(catalogue.get(detector), cache),
        ensure_prepared(catalogue.get(embedder), cache),
    )

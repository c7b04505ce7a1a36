"""Builds the object graph. The only reader of the environment.

Must not: decide anything.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import platformdirs

from overt.core.ids import ContractId, Sha256
from overt.inference.catalogue import Catalogue, bundled_folder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from overt.core.arrays import BgrImage
    from overt.core.clock import Clock
    from overt.deployment.calibration import CalibrationRecord
    from overt.inference.prepare import ModelPair
    from overt.inference.runtimes import Runtime
    from overt.live.pipeline import Recogniser
    from overt.matching.gallery import Search
    from overt.store.machine_key import MachineKeySource
    from overt.store.store import Store
    from overt.vision.detect import FaceDetector
    from overt.vision.embed import Embedder
    from overt.watchlist.likely_pairs import AlikeLimits
    from overt.watchlist.stored import StoredWatchlist


MAX_BACKUP_DIGITS = 5
PIXELATED_SCORE = 0.25
"""What may be a face with this confidence is not followed, but is pixelated in what is kept."""


def home() -> Path:
    """Return where a user's own data lies: ``OVERT_HOME``, or the system's folder for it."""
    named = os.environ.get("OVERT_HOME")
    return Path(named) if named else Path(platformdirs.user_data_dir("overt", appauthor=False))


def cache() -> Path:
    """Return where what can be rebuilt lies: ``OVERT_CACHE``, or the system's folder for it."""
    named = os.environ.get("OVERT_CACHE")
    return Path(named) if named else Path(platformdirs.user_cache_dir("overt", appauthor=False))


def node_environment(place: Path) -> dict[str, str]:
    """Return the environment of a node of its own, all of whose folders lie below ``place``.

    Only the folder of what can be rebuilt is shared, since it holds the prepared models.
    """
    kept = {"PATH", "LD_LIBRARY_PATH", "VIRTUAL_ENV", "PYTHONPATH", "LANG", "LC_ALL", "TZ"}
    inherited = {name: value for name, value in os.environ.items() if name in kept}
    return inherited | {
        "HOME": str(place / "user"),
        "OVERT_HOME": str(place / "home"),
        "OVERT_CACHE": str(cache()),
        "TMPDIR": str(place / "temporary"),
        "PYTHONDONTWRITEBYTECODE": "1",
    }


def models_cache() -> Path:
    """Return the folder of prepared models."""
    return cache() / "models"


def user_models() -> Path:
    """Return the folder of models that the user added."""
    return home() / "models"


def trusted_keys() -> Path:
    """Return the folder with the public keys of those who may authorise here."""
    return home() / "authority"


def policy_folder() -> Path:
    """Return the folder of the policy packs that ship: in the wheel, or in the checkout."""
    package = Path(__file__).parents[1]
    in_wheel = package / "_bundled" / "policies"
    return in_wheel if in_wheel.is_dir() else package.parents[1] / "policies"


def database_url() -> str | None:
    """Return the URL of the database on a server, ``OVERT_DATABASE``; None for a file at home."""
    return os.environ.get("OVERT_DATABASE") or None


def has_store() -> bool:
    """Return whether there is a store, or a server that may have one."""
    from overt.store.store import has_store

    return has_store(home(), database_url())


def open_store(clock: "Clock", *, sweeps: bool = True) -> "Store":
    """Open the store in the user's own folder, under the machine key from where it is to come.

    What is due is deleted before anything else is done, whether or not Overt ran when it fell due.

    Args:
        clock: what time it is.
        sweeps: whether to; not where somebody looks what is wrong with a store.

    Raises:
        UsageError: what the environment says does not fit together.
        OvertError: as :meth:`overt.store.store.Store.open`, and as
            :meth:`overt.store.sweeping.Sweeper.sweep`: what should be gone must not be used.
    """
    from overt.store.store import Store

    store = Store.open(
        home(), clock, machine_key_source(), database_url(), backup_days=backup_days()
    )
    if sweeps:
        _sweep(store)
    return store


def backup_days() -> int | None:
    """Return how long backups of the database are kept: ``OVERT_BACKUP_DAYS``; None if unset.

    Raises:
        UsageError: it is no number of days.
    """
    from overt.core.errors import UsageError

    said = os.environ.get("OVERT_BACKUP_DAYS", "")
    if not said:
        return None
    if not (said.isascii() and said.isdecimal() and len(said) <= MAX_BACKUP_DIGITS):
        raise UsageError("OVERT_BACKUP_DAYS must be a number of days.")
    return int(said)


def _sweep(store: "Store") -> None:
    """Delete what is due, and say so; if that fails, nothing else is done with the store."""
    from overt.cli.sweeping import sweep_aloud

    try:
        sweep_aloud(store)
    except BaseException:
        store.close()
        raise


def machine_key_source() -> "MachineKeySource":
    """Return where the machine key comes from.

    It is what ``OVERT_MACHINE_KEY_FROM`` says (``file``, ``environment``, ``keyring``); without it
    the environment, if a key is set there (``OVERT_MACHINE_KEY``), and a key file otherwise.

    Raises:
        UsageError: it says something else, or a key is set that would not be used.
    """
    from overt.core.errors import UsageError
    from overt.store import machine_key
    from overt.store.store import KEYS, MACHINE_KEY

    value = os.environ.get(machine_key.KEY_VARIABLE)
    next_value = os.environ.get(machine_key.NEXT_KEY_VARIABLE)
    is_set = value is not None or next_value is not None
    chosen = os.environ.get("OVERT_MACHINE_KEY_FROM") or ("environment" if is_set else "file")
    if chosen == "environment":
        return machine_key.EnvironmentSource(value, next_value)
    if is_set:
        raise UsageError(
            f"A machine key is set in the environment, but OVERT_MACHINE_KEY_FROM says {chosen!r}."
        )
    if chosen == "file":
        return machine_key.KeyFileSource(home() / KEYS / MACHINE_KEY)
    if chosen == "keyring":
        return machine_key.KeyringSource(machine_key.KEYRING_SERVICE, home())
    raise UsageError("OVERT_MACHINE_KEY_FROM must be file, environment or keyring.")


def catalogue() -> Catalogue:
    """Return the product's models and those that the user added."""
    return Catalogue([bundled_folder(), user_models()])


def calibrations() -> "tuple[CalibrationRecord, ...]":
    """Return the evidence for thresholds: the product's and what the user added."""
    from overt.deployment.calibration import load_records

    return load_records(bundled_folder() / "calibration") + load_records(
        user_models() / "calibration"
    )


def alike_limits(contract: ContractId) -> "AlikeLimits":
    """Return from which similarity on two people of a list are alike, as measured.

    Raises:
        InputError: nobody measured it for these models.
    """
    from overt.deployment.calibration import measured_likeness
    from overt.watchlist.likely_pairs import AlikeLimits

    measured = measured_likeness(calibrations(), contract)
    return AlikeLimits(measured.duplicate_at, measured.kin_at)


def template_contract() -> ContractId:
    """Return the vector space of the default embedder's templates, without opening it.

    Raises:
        InputError: the default model is no embedder.
    """
    from overt.inference.catalogue import DEFAULT_EMBEDDER
    from overt.inference.contract import contract_id
    from overt.vision.align import ALIGNMENT
    from overt.vision.embed import AUGMENTATION

    manifest = catalogue().get(DEFAULT_EMBEDDER)
    return contract_id(manifest, alignment=ALIGNMENT, augmentation=AUGMENTATION)


@dataclass(frozen=True, slots=True)
class LoadedModels:
    """An open pair of models and what names it.

    Attributes:
        pair: the prepared files.
        detector: finds faces in video, in the fastest precision the device has.
        still_detector: finds faces in stills, in full precision, so that the same picture gives the
            same reference on every machine.
        embedder: makes templates.
        contract: the vector space of the templates.
        dims: their length.
        runs_on: runtime, device and precision, for people.
    """

    pair: "ModelPair"
    detector: "FaceDetector"
    still_detector: "FaceDetector"
    embedder: "Embedder"
    contract: ContractId
    dims: int
    runs_on: str

    @property
    def detector_sha256(self) -> Sha256:
        """The digest by which a capability names the detector."""
        return self.pair.detector.sha256

    def find_landmarks(self, picture: "BgrImage") -> "NDArray[np.float32] | None":
        """Return the five landmarks of the surest face in a still, 5 × 2, or None."""
        from overt.core.frame import ArrayPicture

        found = self.still_detector.detect_still(ArrayPicture(picture))
        return found.landmarks_px[0] if len(found) else None

    @property
    def software(self) -> dict[str, Sha256]:
        """The digests that a run records."""
        return {
            self.pair.detector.manifest.name: self.pair.detector.sha256,
            self.pair.embedder.manifest.name: self.pair.embedder.sha256,
        }


@dataclass(frozen=True, slots=True)
class ModelPins:
    """What names the default pair in an application; nothing is opened for it.

    Attributes:
        detector_sha256: the digest by which a capability names the detector.
        contract: the vector space of the templates.
    """

    detector_sha256: Sha256
    contract: ContractId


def model_pins() -> ModelPins:
    """Return what names the default pair.

    Raises:
        IntegrityError: a model file is not the one that its manifest pins.
    """
    from overt.inference.catalogue import ensure_pair
    from overt.inference.contract import contract_id
    from overt.vision.align import ALIGNMENT
    from overt.vision.embed import AUGMENTATION

    pair = ensure_pair(catalogue(), models_cache())
    manifest = pair.embedder.manifest
    return ModelPins(
        pair.detector.sha256, contract_id(manifest, alignment=ALIGNMENT, augmentation=AUGMENTATION)
    )


@contextmanager
def open_models(
    *, runtime: "Runtime" = "openvino", device: str = "cpu", n_threads: int | None = None
) -> Iterator[LoadedModels]:
    """Open the default pair on the runtime and device asked for, and close it afterwards.

    Raises:
        UnavailableError: runtime or device is not there; there is no other one instead.
        IntegrityError: a model file is not the one that its manifest pins.
    """
    from overt.inference.catalogue import ensure_pair
    from overt.inference.contract import contract_id
    from overt.inference.manifest import EmbeddingOutput
    from overt.inference.runtimes import open_engine
    from overt.vision.align import ALIGNMENT
    from overt.vision.detect import DetectorSettings, FaceDetector
    from overt.vision.embed import AUGMENTATION, Embedder

    pair = ensure_pair(catalogue(), models_cache())
    output = pair.embedder.manifest.output
    if not isinstance(output, EmbeddingOutput):
        raise TypeError("ModelPair holds an embedder")
    engine = partial(open_engine, runtime=runtime, device=device, n_threads=n_threads)
    with (
        engine(pair.detector, n_requests=4) as detector,
        engine(pair.detector, precision="f32") as still_detector,
        engine(pair.embedder) as embedder,
    ):
        yield LoadedModels(
            pair,
            FaceDetector(detector, DetectorSettings(min_score=PIXELATED_SCORE)),
            FaceDetector(still_detector, DetectorSettings(min_score=0.4)),
            Embedder(embedder),
            contract_id(pair.embedder.manifest, alignment=ALIGNMENT, augmentation=AUGMENTATION),
            output.dims,
            f"{runtime} on {detector.device}, detector {detector.precision}, "
            f"embedder {embedder.precision}",
        )


def recogniser(
    models: LoadedModels,
    watchlist: "StoredWatchlist",
    search: "Search | None" = None,
) -> "Recogniser":
    """Return the frame path's shared parts for one watchlist.

    Args:
        models: opened.
        watchlist: the list, whole.
        search: among those of it who may be compared; among everybody if None.

    Raises:
        IntegrityError: the list was made in another vector space.
        InputError: there is nobody to compare with.
    """
    from overt.core.errors import IntegrityError
    from overt.live.pipeline import Recogniser
    from overt.matching.exact import ExactSearch
    from overt.watchlist.manifest import as_gallery

    if watchlist.contract != models.contract:
        raise IntegrityError(
            "The watchlist was made with another model; import its pictures again with this one."
        )
    among = search or ExactSearch(as_gallery(watchlist))
    return Recogniser(models.detector, models.embedder, among, models.dims)

"""Is every model what its manifest says, on every runtime of this machine?

Two kinds of check: the digests of the original and of the prepared file, and the golden vectors on
each runtime and precision. A runtime that is not installed is a skipped check and says so.

Must not: stop at the first fault; the caller shows them all.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from overt.core.errors import OvertError, UnavailableError
from overt.inference.engine import Precision
from overt.inference.golden import GoldenVectors, fault, load_golden
from overt.inference.manifest import ModelManifest
from overt.inference.prepare import PreparedModel, ensure_prepared, read_source
from overt.inference.runtimes import Runtime, open_engine

Outcome: TypeAlias = Literal["passed", "failed", "skipped"]

_COMBINATIONS: tuple[tuple[Runtime, Precision], ...] = (
    ("openvino", "f32"),
    ("openvino", "bf16"),
    ("onnxruntime", "f32"),
)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked.

    Attributes:
        model: name.
        subject: ``source``, ``prepared``, or ``<runtime> <precision>``.
        outcome: passed, failed or skipped.
        detail: why it failed or was skipped; else empty.
    """

    model: str
    subject: str
    outcome: Outcome
    detail: str = ""


def verify_model(manifest: ModelManifest, golden: Path, cache: Path) -> list[Check]:
    """Check one model: its files, and its golden vectors at the path ``golden``."""
    try:
        read_source(manifest)
    except OvertError as error:
        return [Check(manifest.name, "source", "failed", str(error))]
    checks = [Check(manifest.name, "source", "passed")]
    try:
        prepared = ensure_prepared(manifest, cache)
        vectors = load_golden(golden, manifest)
    except OvertError as error:
        return [*checks, Check(manifest.name, "prepared", "failed", str(error))]
    checks.append(Check(manifest.name, "prepared", "passed"))
    checks += [_run(prepared, vectors, runtime, p) for runtime, p in _COMBINATIONS]
    return checks


def _run(
    prepared: PreparedModel, golden: GoldenVectors, runtime: Runtime, precision: Precision
) -> Check:
    name, subject = prepared.manifest.name, f"{runtime} {precision}"
    try:
        with open_engine(prepared, runtime=runtime, precision=precision, n_requests=1) as engine:
            wrong = fault(golden, engine)
    except UnavailableError as error:
        return Check(name, subject, "skipped", str(error))
    except OvertError as error:
        return Check(name, subject, "failed", str(error))
    return Check(name, subject, "failed" if wrong else "passed", wrong or "")

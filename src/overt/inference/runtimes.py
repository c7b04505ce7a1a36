"""Opens a prepared model in the runtime and on the device that were asked for, or says why not."""

from importlib import import_module
from types import ModuleType
from typing import Literal, TypeAlias, cast

from overt.core.errors import UnavailableError
from overt.inference.engine import Engine, Precision
from overt.inference.prepare import PreparedModel

Runtime: TypeAlias = Literal["openvino", "onnxruntime"]
RUNTIMES: tuple[Runtime, ...] = ("openvino", "onnxruntime")


def open_engine(
    prepared: PreparedModel,
    *,
    runtime: Runtime = "openvino",
    device: str = "cpu",
    precision: Precision = "auto",
    n_requests: int = 2,
    n_threads: int | None = None,
    scrub: bool | None = None,
) -> Engine:
    """Open ``prepared`` and return it ready to run.

    Args:
        prepared: the model; its bytes are checked again before they are loaded.
        runtime: ``openvino``, or ``onnxruntime`` (an extra).
        device: for OpenVINO ``cpu`` or ``gpu``; for ONNX Runtime ``cpu``, ``cuda`` or ``tensorrt``.
        precision: see :data:`overt.inference.engine.Precision`.
        n_requests: how many inferences may be under way at once.
        n_threads: processor threads that the runtime may use in all; its own choice if None.
        scrub: overwrite the runtime's buffers with zeros once a result was copied out; by default
            for embedders, whose outputs are templates.

    Raises:
        UnavailableError: the runtime, the device or the precision is not there.
        IntegrityError: the file changed since it was prepared.
        ValueError: n_requests or n_threads is not positive.
    """
    if n_requests < 1 or (n_threads is not None and n_threads < 1):
        raise ValueError("n_requests and n_threads must be positive")
    if runtime not in RUNTIMES:
        raise UnavailableError(f"There is no runtime {runtime}; there are: {', '.join(RUNTIMES)}.")
    module = _load(runtime)
    opened = module.open_model(
        prepared.read(),
        prepared.manifest,
        device=device.lower(),
        precision=precision,
        n_requests=n_requests,
        n_threads=n_threads,
        scrub=prepared.manifest.role == "embedder" if scrub is None else scrub,
    )
    return cast("Engine", opened)


_EXTRA = {"onnxruntime": "onnxruntime (or gpu)"}


def _load(runtime: Runtime) -> ModuleType:
    """Import a runtime only when it is asked for: each takes long, and one is optional."""
    try:
        return import_module(f"overt.inference.{runtime}_engine")
    except ModuleNotFoundError as error:
        if error.name != runtime:
            raise
        how = f"; install the extra {_EXTRA[runtime]}" if runtime in _EXTRA else ""
        raise UnavailableError(f"The runtime {runtime} is not installed{how}.") from None

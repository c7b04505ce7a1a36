"""Runs a prepared model in ONNX Runtime: on the processor, or on a GPU through CUDA or TensorRT.

Invariants: the execution provider asked for is the one that runs every node, checked after loading;
its own fallback is switched off. With ``scrub``, outputs are written straight into the caller's
array and the copy of the input is zeroed; what the runtime holds between layers is overwritten with
a blank batch as soon as the model stands still.
Must not: fall back.
"""

import threading
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Self

import numpy as np
import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as _state

from overt.core.errors import UnavailableError
from overt.inference.engine import (
    Batch,
    Outputs,
    Pending,
    Precision,
    RuntimeFailedError,
    check_batch,
)
from overt.inference.manifest import EmbeddingOutput, FixedSize, ModelManifest
from overt.inference.washing import Washer

_Options = dict[str, str]
PROVIDERS: dict[str, list[tuple[str, _Options]]] = {
    "cpu": [("CPUExecutionProvider", {})],
    "cuda": [("CUDAExecutionProvider", {"use_tf32": "0"})],
    "tensorrt": [
        ("TensorrtExecutionProvider", {}),
        ("CUDAExecutionProvider", {"use_tf32": "0"}),
    ],
}
_ONLY_FATAL = 4


def _is_error(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Exception)


_FAILURES = (
    RuntimeError,
    ValueError,
    *(kind for kind in vars(_state).values() if _is_error(kind)),
)
"""What ONNX Runtime raises; its own classes have no root but ``Exception``."""


def open_model(
    content: bytes,
    manifest: ModelManifest,
    *,
    device: str,
    precision: Precision,
    n_requests: int,
    n_threads: int | None,
    scrub: bool,
) -> "OnnxRuntimeEngine":
    """Load a prepared model; see ``runtimes.open_engine``.

    Raises:
        UnavailableError: the device or the precision is not there.
        RuntimeFailedError: ONNX Runtime cannot load the model.
    """
    if precision == "bf16":
        raise UnavailableError("ONNX Runtime runs these models in f32 only; use f32.")
    wanted = _providers(device)
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _ONLY_FATAL
    # A detector and an embedder share the cores: waiting threads must not spin on them.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    if n_threads is not None:
        options.intra_op_num_threads = n_threads
    if device != "cpu":
        options.add_session_config_entry("session.disable_cpu_ep_fallback", "1")
    try:
        session = onnxruntime.InferenceSession(content, options, providers=wanted)
    except _FAILURES as error:
        if device != "cpu":
            raise UnavailableError(f"ONNX Runtime cannot use {device} on this machine.") from error
        raise RuntimeFailedError(f"ONNX Runtime cannot load model {manifest.name}.") from error
    session.disable_fallback()
    require_active(session.get_providers(), device)
    return OnnxRuntimeEngine(session, manifest, device, n_requests, scrub=scrub)


def _providers(device: str) -> list[tuple[str, _Options]]:
    if device not in PROVIDERS:
        raise UnavailableError(
            f"ONNX Runtime has no device {device}; it knows: {', '.join(PROVIDERS)}."
        )
    there = onnxruntime.get_available_providers()
    missing = [name for name, _ in PROVIDERS[device] if name not in there]
    if missing:
        usable = [d for d, p in PROVIDERS.items() if all(name in there for name, _ in p)]
        raise UnavailableError(
            f"ONNX Runtime has no device {device} here; there is: {', '.join(usable)}. "
            "GPUs need the extra gpu."
        )
    return PROVIDERS[device]


def require_active(active: list[str], device: str) -> None:
    """Check that a session really got the providers of ``device``, in that order.

    Raises:
        UnavailableError: it runs on something else.
    """
    names = [name for name, _ in PROVIDERS[device]]
    if active[: len(names)] != names:
        raise UnavailableError(f"ONNX Runtime cannot use {device} on this machine.")


class _OnnxRuntimePending:
    def __init__(self, future: "Future[Outputs]") -> None:
        self._future = future

    def result(self) -> Outputs:
        """See :meth:`overt.inference.engine.Pending.result`."""
        return self._future.result()


class OnnxRuntimeEngine:
    """See :class:`overt.inference.engine.Engine`; made by :func:`open_model`.

    Attributes:
        runtime: ``onnxruntime``.
        device: ``cpu``, ``cuda`` or ``tensorrt``.
        precision: ``f32``.
    """

    runtime = "onnxruntime"
    precision = "f32"

    def __init__(
        self,
        session: Any,
        manifest: ModelManifest,
        device: str,
        n_requests: int,
        *,
        scrub: bool,
    ) -> None:
        self.device = device
        self._session = session
        self._manifest = manifest
        self._scrub = scrub
        self._input_name = session.get_inputs()[0].name
        self._output_names = list(manifest.output.widths)
        self._pool = ThreadPoolExecutor(n_requests, thread_name_prefix="onnxruntime")
        self._lock = threading.Lock()
        self._closed = False
        self._washer = Washer(self._wash) if scrub else None

    def infer(self, batch: Batch) -> Outputs:
        """See :meth:`overt.inference.engine.Engine.infer`."""
        return self.submit(batch).result()

    def submit(self, batch: Batch) -> Pending:
        """See :meth:`overt.inference.engine.Engine.submit`."""
        pending = self._start(batch)
        if self._washer is not None:
            self._washer.note(len(batch))
        return pending

    def _wash(self, n_rows: int) -> None:
        """Run a blank batch; see :class:`overt.inference.washing.Washer`."""
        size = self._manifest.input.size
        if isinstance(size, FixedSize):
            blank = np.zeros((n_rows, size.height_px, size.width_px, 3), np.uint8)
            self._start(blank).result()

    def _start(self, batch: Batch) -> Pending:
        check_batch(batch, self._manifest.input)
        own = np.array(batch, order="C")
        with self._lock:
            if self._closed:
                raise RuntimeFailedError("The engine is closed.")
            return _OnnxRuntimePending(self._pool.submit(self._run, own))

    def _run(self, batch: Batch) -> Outputs:
        try:
            if self._scrub and isinstance(self._manifest.output, EmbeddingOutput):
                return self._run_into(batch, self._manifest.output.dims)
            arrays = self._session.run(self._output_names, {self._input_name: batch})
        except _FAILURES as error:
            raise RuntimeFailedError("ONNX Runtime failed to run the model.") from error
        finally:
            if self._scrub:
                batch[...] = 0
        return dict(zip(self._output_names, arrays, strict=True))

    def _run_into(self, batch: Batch, n_dims: int) -> Outputs:
        (name,) = self._output_names
        template = np.zeros((len(batch), n_dims), np.float32)
        binding = self._session.io_binding()
        binding.bind_cpu_input(self._input_name, batch)
        binding.bind_ortvalue_output(name, onnxruntime.OrtValue.ortvalue_from_numpy(template))
        self._session.run_with_iobinding(binding)
        return {name: template}

    def close(self) -> None:
        """See :meth:`overt.inference.engine.Engine.close`."""
        if self._washer is not None:
            self._washer.close()
        with self._lock:
            self._closed = True
        self._pool.shutdown()
        self._session = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

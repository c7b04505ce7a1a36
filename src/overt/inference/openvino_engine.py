"""Runs a prepared model in OpenVINO.

A few infer requests are kept; a batch is copied into one and the outputs are copied out of it. When
all are under way, ``submit`` first finishes the oldest, so no order of calls can lock up.

Invariants: the device and precision asked for are the ones used; with ``scrub``, input and output
buffers are zero whenever a request is idle, and the layers in between, to which OpenVINO gives no
access, are overwritten with a blank batch as soon as the model stands still. All requests of such
an engine share one stream, so that one batch overwrites what any of them has left.
Must not: fall back, or send anything anywhere.
"""

import threading
from collections import deque
from typing import Any, Self

import numpy as np
import openvino
from openvino import properties
from openvino.properties import hint

from overt.core.errors import UnavailableError
from overt.inference.engine import (
    Batch,
    Outputs,
    Pending,
    Precision,
    RuntimeFailedError,
    check_batch,
)
from overt.inference.manifest import FixedSize, ModelManifest
from overt.inference.washing import Washer


def _settle_bindings() -> None:
    """Let OpenVINO's bindings set themselves up while one thread alone can run this.

    The first look at a tensor's data does. Where two threads take it together, one waits for the
    interpreter, which the other holds while it waits for the first: seen twice, under load.
    """
    _ = openvino.Tensor(openvino.Type.u8, openvino.Shape([1])).data


_settle_bindings()


def open_model(
    content: bytes,
    manifest: ModelManifest,
    *,
    device: str,
    precision: Precision,
    n_requests: int,
    n_threads: int | None,
    scrub: bool,
) -> "OpenVinoEngine":
    """Compile a prepared model; see ``runtimes.open_engine``.

    Raises:
        UnavailableError: the device or the precision is not there.
        RuntimeFailedError: OpenVINO cannot compile the model.
    """
    core = openvino.Core()
    target = _target(core, device)
    chosen = chosen_precision(core, target, precision, manifest)
    options: dict[str, Any] = {
        hint.inference_precision(): openvino.Type.f32 if chosen == "f32" else openvino.Type.bf16,
        hint.num_requests(): n_requests,
    }
    if target == "CPU":
        # One stream a request: two faces on two cores side by side take less time than one after
        # the other on both. Not pinned: detector and embedder would be pinned to the same cores.
        options |= {properties.num_streams(): n_requests, hint.enable_cpu_pinning(): False}
        if n_threads is not None:
            options |= {
                properties.inference_num_threads(): n_threads,
                properties.num_streams(): min(n_requests, n_threads),
            }
        if scrub:
            options[properties.num_streams()] = 1
    _set_up_arrays()
    try:
        compiled = core.compile_model(core.read_model(content), target, options)
    except RuntimeError as error:
        raise RuntimeFailedError(f"OpenVINO cannot compile model {manifest.name}.") from error
    return OpenVinoEngine(compiled, manifest, device, chosen, n_requests, scrub=scrub)


def _set_up_arrays() -> None:
    """Let the binding make its table of number types now, on this thread alone.

    It makes it at first use and lets go of Python's lock in between: of two threads whose first use
    falls together, each then waits for the other, for ever.
    """
    _ = openvino.Tensor(np.zeros(1, np.float32)).data


def _target(core: openvino.Core, device: str) -> str:
    there: list[str] = list(core.available_devices)
    matching = [name for name in there if name.split(".")[0] == device.upper()]
    if not matching:
        raise UnavailableError(
            f"OpenVINO has no device {device} here; there is: {', '.join(there).lower()}."
        )
    return matching[0]


def chosen_precision(
    core: openvino.Core, target: str, wanted: Precision, manifest: ModelManifest
) -> Precision:
    """Return the precision to compute in, never ``auto``.

    Raises:
        UnavailableError: bf16 was asked for and the device does not have it.
    """
    has_bf16 = "BF16" in core.get_property(target, "OPTIMIZATION_CAPABILITIES")
    if wanted == "bf16" and not has_bf16:
        raise UnavailableError(f"The device {target.lower()} does not compute in bf16; use f32.")
    if wanted == "auto":
        return "bf16" if has_bf16 and manifest.role == "detector" else "f32"
    return wanted


class _OpenVinoPending:
    """One request under way. Whoever needs it first, the caller or the engine, finishes it."""

    def __init__(self, engine: "OpenVinoEngine", request: openvino.InferRequest) -> None:
        self._engine = engine
        self._request: openvino.InferRequest | None = request
        self._lock = threading.Lock()
        self._outputs: Outputs | None = None

    def finish(self) -> None:
        """Wait, copy the outputs out and give the request back; once."""
        with self._lock:
            request, self._request = self._request, None
            if request is None:
                return
            try:
                request.wait()
                self._outputs = {
                    name: np.array(request.get_tensor(name).data, np.float32)
                    for name in self._engine.output_names
                }
            except RuntimeError:
                self._outputs = None  # result() says so to whoever asks
            finally:
                self._engine.take_back(self, request)

    def result(self) -> Outputs:
        """See :meth:`overt.inference.engine.Pending.result`."""
        self.finish()
        if self._outputs is None:
            raise RuntimeFailedError("OpenVINO failed to run the model.")
        return self._outputs


class OpenVinoEngine:
    """See :class:`overt.inference.engine.Engine`; made by :func:`open_model`.

    Attributes:
        runtime: ``openvino``.
        device: ``cpu`` or ``gpu``.
        precision: ``f32`` or ``bf16``.
        output_names: of the model.
    """

    runtime = "openvino"

    def __init__(
        self,
        compiled: openvino.CompiledModel,
        manifest: ModelManifest,
        device: str,
        precision: str,
        n_requests: int,
        *,
        scrub: bool,
    ) -> None:
        self.device = device
        self.precision = precision
        self.output_names = tuple(manifest.output.widths)
        self._manifest = manifest
        self._scrub = scrub
        self._changed = threading.Condition()
        self._compiled: openvino.CompiledModel | None = compiled
        self._requests = tuple(compiled.create_infer_request() for _ in range(n_requests))
        self._idle = deque(self._requests)
        self._under_way: deque[_OpenVinoPending] = deque()
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
        request = self._take_idle()
        pending = _OpenVinoPending(self, request)
        try:
            tensor = request.get_input_tensor()
            tensor.shape = batch.shape
            tensor.data[...] = batch
            request.start_async()
        except RuntimeError as error:
            self.take_back(pending, request)
            raise RuntimeFailedError("OpenVINO failed to start the model.") from error
        with self._changed:
            self._under_way.append(pending)
            self._changed.notify_all()
        return pending

    def _take_idle(self) -> openvino.InferRequest:
        while True:
            with self._changed:
                if self._closed:
                    raise RuntimeFailedError("The engine is closed.")
                if self._idle:
                    return self._idle.popleft()
                if not self._under_way:  # another thread is about to start what it took
                    self._changed.wait()
                    continue
                oldest = self._under_way[0]
            oldest.finish()

    def take_back(self, pending: _OpenVinoPending, request: openvino.InferRequest) -> None:
        """Make a finished request idle again, its buffers zeroed if the engine scrubs."""
        if self._scrub:
            for tensor in (request.get_input_tensor(), *request.output_tensors):
                tensor.data[...] = 0
        with self._changed:
            if pending in self._under_way:
                self._under_way.remove(pending)
            self._idle.append(request)
            self._changed.notify_all()

    def close(self) -> None:
        """See :meth:`overt.inference.engine.Engine.close`."""
        if self._washer is not None:
            self._washer.close()
        with self._changed:
            self._closed = True
            self._changed.notify_all()
            left = list(self._under_way)
        for pending in left:
            pending.finish()
        with self._changed:
            while len(self._idle) < len(self._requests):
                self._changed.wait()
            self._idle.clear()
            self._requests = ()
            self._compiled = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

"""The port behind which a model runs.

A batch is N × H × W × 3 uint8, blue first, 0 to 255, C-contiguous. The outputs of a detector are
those of its decoder; an embedder has one, ``template``, N × d, which is not normalised.

Invariants of every implementation: arrays in a result belong to the caller; a batch may be reused
as soon as ``infer`` or ``submit`` returns; all methods may be called from several threads; a wrong
shape is refused before anything runs; after ``close`` nothing runs.
Must not: fall back to another device or precision.
"""

from typing import Literal, Protocol, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from overt.core.errors import OvertError
from overt.inference.manifest import FixedSize, Preprocessing

Batch: TypeAlias = NDArray[np.uint8]
"""N × H × W × 3, uint8, blue first, 0 to 255."""

Outputs: TypeAlias = dict[str, NDArray[np.float32]]
"""The arrays of one inference by output name; the first axis of each is N."""

Precision: TypeAlias = Literal["auto", "f32", "bf16"]
"""``auto`` is bf16 for a detector where the device has it, and f32 for everything else."""


class RuntimeFailedError(OvertError):
    """A runtime could not load or run a model that is what its manifest says."""


class Pending(Protocol):
    """An inference under way."""

    def result(self) -> Outputs:
        """Wait for the inference and return its outputs; the same ones each time.

        Raises:
            RuntimeFailedError: the runtime failed.
        """
        ...


class Engine(Protocol):
    """One model on one device.

    Attributes:
        runtime: ``openvino`` or ``onnxruntime``.
        device: where it really runs, for example ``cpu`` or ``cuda``.
        precision: in which it really computes, ``f32`` or ``bf16``.
    """

    @property
    def runtime(self) -> str:
        """See the class."""
        ...

    @property
    def device(self) -> str:
        """See the class."""
        ...

    @property
    def precision(self) -> str:
        """See the class."""
        ...

    def infer(self, batch: Batch) -> Outputs:
        """Run the model and wait.

        Raises:
            ValueError: the batch has the wrong shape or type.
            RuntimeFailedError: the engine is closed, or the runtime failed.
        """
        ...

    def submit(self, batch: Batch) -> Pending:
        """Start the model and return at once, or as soon as one of the requests is free.

        Raises:
            ValueError: the batch has the wrong shape or type.
            RuntimeFailedError: the engine is closed.
        """
        ...

    def close(self) -> None:
        """Finish what is under way and release the model. Closing twice is allowed."""
        ...

    def __enter__(self) -> Self:
        """Return itself; leaving the block closes it."""
        ...

    def __exit__(self, *exception: object) -> None:
        """Close it."""
        ...


def check_batch(batch: Batch, wanted: Preprocessing) -> None:
    """Check a batch against what the model takes.

    Raises:
        ValueError: the batch has the wrong shape or type.
    """
    if batch.ndim != 4 or batch.shape[3] != 3 or batch.dtype != np.uint8 or 0 in batch.shape:
        raise ValueError(f"expected n × h × w × 3 uint8, got {batch.shape} {batch.dtype}")
    height, width = batch.shape[1:3]
    size = wanted.size
    if isinstance(size, FixedSize):
        if (width, height) != (size.width_px, size.height_px):
            raise ValueError(
                f"expected pictures of {size.width_px} × {size.height_px}, got {width} × {height}"
            )
    elif width % size.multiple_of_px or height % size.multiple_of_px:
        raise ValueError(
            f"expected sides that are multiples of {size.multiple_of_px}, got {width} × {height}"
        )

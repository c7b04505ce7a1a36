"""Aligned crops to templates, and several templates of one passage to one.

A template is the mean of the crop's and its mirror image's vectors, of unit length. Measured on
LFW it finds 1 to 2 in 100 people more than the crop alone at the same false-positive rate.
"""

from collections.abc import Sequence
from contextlib import suppress

import numpy as np

from overt.core.arrays import BgrImage, Scores, Vector, Vectors
from overt.core.memory import ArrayPool
from overt.inference.engine import Engine, Pending, RuntimeFailedError
from overt.vision.align import CROP_SIZE_PX

AUGMENTATION = "mirror-mean"
"""Names this augmentation in the model contract."""

OUTPUT = "template"


class Embedder:
    """Turns aligned crops into templates; thread-safe as far as its engine is."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._batches = ArrayPool((2, CROP_SIZE_PX, CROP_SIZE_PX, 3), np.uint8, n_at_once=4)

    def embed(self, crops: Sequence[BgrImage]) -> Vectors:
        """Return one unit-length template for each crop.

        A crop and its mirror image are one batch, always of this size, so that each overwrites
        whatever the engine still held of the one before.

        Args:
            crops: n arrays of 112 × 112 × 3.

        Returns:
            n × d, float32. The caller owns it and may overwrite it.
        """
        if not crops:
            return np.zeros((0, 0), np.float32)
        under_way: list[Pending] = []
        made: list[Vectors] = []
        try:
            under_way.extend(self._submit(crop) for crop in crops)
            made.extend(pending.result()[OUTPUT] for pending in under_way)
            templates = np.empty((len(made), made[0].shape[1]), np.float32)
            for pair, template in zip(made, templates, strict=True):
                normalise(pair)
                np.add(pair[0], pair[1], out=template)
        finally:
            for pending in under_way:
                with suppress(RuntimeFailedError):
                    pending.result()[OUTPUT].fill(0)
        normalise(templates)
        return templates

    def _submit(self, crop: BgrImage) -> Pending:
        batch = self._batches.take()
        try:
            batch[0] = crop
            batch[1] = crop[:, ::-1]
            return self.engine.submit(batch)
        finally:
            self._batches.give_back(batch)


def normalise(vectors: Vectors) -> None:
    """Bring the rows of ``vectors`` (n × d) to unit length, in place; a zero row stays zero."""
    # Row by row, as a product: a norm over an axis would leave the squares behind.
    for row in vectors:
        length = np.float32(max(float(np.dot(row, row)) ** 0.5, 1e-12))
        np.divide(row, length, out=row)


def fuse(templates: Vectors, weights: Scores, out: Vector) -> None:
    """Write the weighted mean of one passage's templates (n × d), of unit length, into ``out``.

    Args:
        templates: at least one, of unit length.
        weights: n, positive; better shots weigh more.
        out: d.
    """
    np.matmul(weights, templates, out=out)
    normalise(out[np.newaxis])

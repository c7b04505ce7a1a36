"""Aligned crops to templates, and several templates of one passage to one.

A template is the mean of the crop's and its mirror image's vectors, of unit length. Measured on
LFW it finds 1 to 2 in 100 people more than the crop alone at the same false-positive rate.
"""

from collections.abc import Sequence

import numpy as np

from overt.core.arrays import BgrImage, Scores, Vector, Vectors
from overt.inference.engine import Engine
from overt.vision.align import CROP_SIZE_PX

AUGMENTATION = "mirror-mean"
"""Names this augmentation in the model contract."""

OUTPUT = "template"


class Embedder:
    """Turns aligned crops into templates; thread-safe as far as its engine is."""

    def __init__(self, engine: Engine) -> None:
        self.engine = engine

    def embed(self, crops: Sequence[BgrImage]) -> Vectors:
        """Return one unit-length template for each crop.

        Args:
            crops: n arrays of 112 × 112 × 3.

        Returns:
            n × d, float32. The caller owns it and may overwrite it.
        """
        n = len(crops)
        batch = np.empty((2 * n, CROP_SIZE_PX, CROP_SIZE_PX, 3), np.uint8)
        for i, crop in enumerate(crops):
            batch[i] = crop
            batch[n + i] = crop[:, ::-1]
        raw = self.engine.infer(batch)[OUTPUT]
        batch.fill(0)
        unit = normalised(raw)
        raw.fill(0)
        np.add(unit[:n], unit[n:], out=unit[:n])
        templates = normalised(unit[:n])
        unit.fill(0)
        return templates


def normalised(vectors: Vectors) -> Vectors:
    """Return the rows of ``vectors`` (n × d) at unit length; a zero row stays zero."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), np.float32)


def fuse(templates: Vectors, weights: Scores) -> Vector:
    """Return the weighted mean of one passage's templates (n × d), of unit length.

    Args:
        templates: at least one, of unit length.
        weights: n, positive; better shots weigh more.
    """
    weighted = templates * weights[:, np.newaxis]
    mean = weighted.sum(axis=0, keepdims=True)
    weighted.fill(0)
    fused = normalised(mean)
    mean.fill(0)
    return np.asarray(fused[0], np.float32)

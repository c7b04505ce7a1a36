"""Where the faces of one camera lie while they pass: room taken once, overwritten each time.

Invariants: whatever is given back is zero; nothing of a passage lies anywhere else for longer than
the call that needs it.
"""

import numpy as np

from overt.core.memory import ArrayPool
from overt.vision.align import CROP_SIZE_PX

N_CROPS = 32
N_PASSAGES = 32
"""How many to make room for at a time; a crowd that needs more gets as much again."""


class FaceMemory:
    """The room for crops and templates of one camera; thread-safe.

    Args:
        dims: length of a template.
        max_shots: templates of one passage.

    Attributes:
        crops: 112 × 112 × 3, uint8.
        templates: max_shots + 1 × d, float32, for each passage; the last row is for their mean.
    """

    def __init__(self, dims: int, max_shots: int) -> None:
        self.crops = ArrayPool((CROP_SIZE_PX, CROP_SIZE_PX, 3), np.uint8, N_CROPS)
        self.templates = ArrayPool((max_shots + 1, dims), np.float32, N_PASSAGES)

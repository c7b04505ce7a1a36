"""Names for the array shapes that pass between parts. Shapes are checked where they enter."""

from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

BgrImage: TypeAlias = NDArray[np.uint8]
"""Height × width × 3, uint8, blue first, 0 to 255, C-contiguous."""

GreyImage: TypeAlias = NDArray[np.uint8]
"""Height × width, uint8, 0 to 255."""

Vectors: TypeAlias = NDArray[np.float32]
"""n × d, float32; templates have unit length."""

Vector: TypeAlias = NDArray[np.float32]
"""d, float32; a template has unit length."""

Box: TypeAlias = NDArray[np.float32]
"""4, float32: left, top, right, bottom in pixels of the full picture."""

Boxes: TypeAlias = NDArray[np.float32]
"""n × 4, float32: left, top, right, bottom in pixels of the full picture."""

Landmarks: TypeAlias = NDArray[np.float32]
"""n × 5 × 2, float32: x, y of the subject's right eye, left eye, nose tip, right and left mouth
corner, in pixels of the full picture. The subject's right is at the left of the picture."""

Scores: TypeAlias = NDArray[np.float32]
"""n, float32."""

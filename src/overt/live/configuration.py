"""The digest of everything that decides, beside models and threshold, what a camera's faces become.

Two runs with the same digest followed, chose and refused faces by the same rules, on the same kind
of device. A run records it, so that what was measured with other settings is known to be another
thing.

Must not: hold a setting; each stands where it is used.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import fields
from typing import TYPE_CHECKING

from overt.core.ids import Sha256
from overt.ledger.canonical import JsonValue, canonical_bytes

if TYPE_CHECKING:
    from _typeshed import DataclassInstance

    from overt.live.pipeline import Recogniser


def configuration_sha256(parts: "Recogniser", runs_on: str) -> Sha256:
    """Return the digest of a run's settings.

    Args:
        parts: what the cameras share.
        runs_on: runtime, device and precision of the models.
    """
    settings: dict[str, JsonValue] = {
        "best_shot": _as_text(parts.shots),
        "detector": _as_text(parts.detector.settings),
        "quality_gate": _as_text(parts.gate),
        "runs_on": runs_on,
        "tracker": _as_text(parts.tracking),
    }
    return Sha256(hashlib.sha256(canonical_bytes(settings)).hexdigest())


def _as_text(settings: "DataclassInstance") -> Mapping[str, JsonValue]:
    # The shortest text that reads back as the same float; canonical JSON has no floats.
    return {field.name: repr(getattr(settings, field.name)) for field in fields(settings)}

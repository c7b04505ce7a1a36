"""Keeps the runtimes from reporting to their makers; imported before any of them.

OpenVINO's package sends an event to Google Analytics whenever it is imported, and writes a client
id below the user's home. ONNX Runtime's official builds send events to Microsoft from the moment
they are loaded, and write a device id. Both are switched off here in the way that their makers
provide, for this process only: without the package ``openvino_telemetry`` OpenVINO uses its own
empty stand-in; ONNX Runtime obeys ``ORT_DISABLE_TELEMETRY`` if it is set before it is loaded.

Invariant: :func:`silence_runtimes` has run before a module of this package imports a runtime.
Must not: touch what the user has chosen for other programs, or write a file.
"""

import os
import sys
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from types import ModuleType


def silence_runtimes() -> None:
    """Switch the reporting of both runtimes off in this process."""
    # None makes an import fail as if the package were not installed.
    modules = cast("dict[str, ModuleType | None]", sys.modules)
    modules["openvino_telemetry"] = None
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"

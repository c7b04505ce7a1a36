"""Importing and running a model opens no connection and leaves nothing in the user's home."""

import os
import subprocess
import sys

import pytest

RUN_BOTH = """
import sys
connections = []
sys.addaudithook(lambda name, args: connections.append(name)
                 if name in ("socket.connect", "socket.getaddrinfo", "urllib.Request", "os.fork")
                 else None)

import numpy as np
from pathlib import Path
from overt.cli import wiring
from overt.inference.prepare import ensure_prepared
from overt.inference.runtimes import open_engine

model = ensure_prepared(wiring.catalogue().get("sface-2021dec"), Path(sys.argv[1]))
for runtime in sys.argv[2:]:
    with open_engine(model, runtime=runtime) as engine:
        engine.infer(np.zeros((1, 112, 112, 3), np.uint8))

assert "openvino_telemetry.main" not in sys.modules
assert not connections, connections
import os
held = []
for number in os.listdir("/proc/self/fd"):
    try:
        held.append(os.readlink(f"/proc/self/fd/{number}"))
    except FileNotFoundError:
        pass
assert not [name for name in held if name.startswith("socket:")], held
"""


@pytest.mark.skipif(sys.platform != "linux", reason="looks at the process through /proc")
@pytest.mark.parametrize("runtimes", [["openvino"], ["onnxruntime"], ["onnxruntime", "openvino"]])
def test_a_runtime_reports_nothing(runtimes, tmp_path):
    if "onnxruntime" in runtimes:
        pytest.importorskip("onnxruntime")
    home, models = tmp_path / "home", tmp_path / "models"
    home.mkdir()
    # CI would silence OpenVINO by itself; what counts is a user's machine.
    kept = {"PATH", "LD_LIBRARY_PATH", "VIRTUAL_ENV"}
    environment = {name: value for name, value in os.environ.items() if name in kept}
    done = subprocess.run(
        [sys.executable, "-c", RUN_BOTH, str(models), *runtimes],
        env=environment | {"HOME": str(home), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    assert sorted(str(path.relative_to(home)) for path in home.rglob("*")) == []

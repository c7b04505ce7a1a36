"""Threads that use a model for the first time together must not lock each other up."""

import subprocess
import sys

SCRIPT = """
import sys, threading
import numpy as np
from overt.cli.wiring import open_models

sys.setswitchinterval(1e-6)
with open_models() as models:
    start = threading.Barrier(6)

    def first_use():
        start.wait()
        models.embedder.embed([np.zeros((112, 112, 3), np.uint8)])

    threads = [threading.Thread(target=first_use) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
print("done")
"""


def test_models_opened_in_a_fresh_process_answer_every_thread():
    done = subprocess.run(
        [sys.executable, "-c", SCRIPT], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.stdout == "done\n", done.stderr

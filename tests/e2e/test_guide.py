"""The guide to a first deployment, typed by a shell, with a short clip in place of the camera."""

import json
import os
import re
import shutil
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

import cv2
import numpy as np
import pytest

from overt.video.writer import VideoWriter

GUIDE = Path(__file__).parents[2] / "docs" / "guides" / "first-deployment.md"
N_FRAMES = 40


def commands(guide):
    """Return what the guide lets its reader type: lines after ``$``, with their continuations."""
    typed = []
    for block in re.findall(r"^```console\n(.*?)^```", guide, re.DOTALL | re.MULTILINE):
        for line in block.splitlines():
            if line.startswith("$ "):
                typed.append(line.removeprefix("$ "))
            elif typed and typed[-1].endswith("\\"):
                typed[-1] += "\n" + line
            else:
                raise AssertionError(f"not a command, nor the rest of one: {line}")
    return typed


def film(portrait, clip):
    """Write a clip in which the portrait comes nearer."""
    face = cv2.imread(str(portrait))
    with VideoWriter(clip, 640, 480, fps=20) as writer:
        for number in range(N_FRAMES):
            height = 260 + 4 * number
            shown = cv2.resize(face, (height * face.shape[1] // face.shape[0], height))
            frame = np.full((480, 640, 3), 90, np.uint8)
            frame[30 : 30 + height, 60 : 60 + shown.shape[1]] = shown
            writer.write(frame)


@pytest.mark.slow
def test_the_guide_leads_to_an_alert_and_a_record_that_holds(tmp_path):
    portrait = Path(str(files("matplotlib") / "mpl-data" / "sample_data" / "grace_hopper.jpg"))
    (tmp_path / "pictures").mkdir()
    shutil.copy(portrait, tmp_path / "pictures" / "grace-hopper.jpg")
    film(portrait, tmp_path / "clip.mp4")
    script = "\n".join(commands(GUIDE.read_text("utf-8")))
    assert script.count("CAMERA=webcam:0") == 1
    script = script.replace("CAMERA=webcam:0", "CAMERA=clip.mp4")
    environment = os.environ | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "COLUMNS": "200",
    }
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script + "\novert alerts list --json"],
        cwd=tmp_path,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=240,
    )
    assert done.returncode == 0, done.stderr
    assert "faces compared" in done.stderr
    document = json.loads(done.stdout[done.stdout.rindex("\n{") :])
    assert [alert["camera"] for alert in document["alerts"]] == ["gate-1"]


def test_the_guide_names_every_step_once():
    script = "\n".join(commands(GUIDE.read_text("utf-8")))
    for step in (
        "overt deployment new-key",
        "overt deployment trust",
        "overt watchlist import",
        "overt deployment authorise",
        "overt run",
    ):
        assert script.count(step) == 1

"""The guides, typed by a shell: the walk-through to its end, with a clip in place of the camera."""

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

from fixtures.ready_overt import ready_overt
from overt.video.writer import VideoWriter

GUIDES = Path(__file__).parents[2] / "docs" / "guides"
WALK_THROUGH = ("first-deployment.md", "deployment-day.md")
"""In this order, in one shell."""

STEPS = (
    "overt people new-key",
    "overt people add",
    "overt policy show",
    "overt policy sign",
    "overt watchlist template",
    "overt watchlist import",
    "overt watchlist check",
    "overt watchlist decide",
    "overt watchlist freeze",
    "overt watchlist confirm",
    "overt deployment template",
    "overt deployment apply",
    "overt deployment check ",
    "overt deployment submit",
    "overt deployment authorise",
    "overt deployment trust",
    "overt deployment check-in",
    "overt deployment confirm-signs",
    "overt deployment ready",
    "overt deployment present",
    "overt run",
    "overt alerts list",
    "overt alerts decide",
    "overt alerts engage",
    "overt alerts outcome",
    "overt deployment end",
    "overt deployment report",
    "overt deployment close",
    "overt ledger verify",
)
N_FRAMES = 40


def commands(*guides):
    """Return what guides let their reader type: lines after ``$``, with what belongs to them."""
    typed = []
    for guide in guides:
        text = (GUIDES / guide).read_text("utf-8")
        for block in re.findall(r"^```console\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
            assert block.startswith("$ ")
            for line in block.splitlines():
                if line.startswith("$ "):
                    typed.append(line.removeprefix("$ "))
                else:
                    typed[-1] += "\n" + line
    return typed


def is_whole(command):
    """Whether a shell would take a command as it is, instead of waiting for more lines."""
    if command.endswith("\\"):
        return False
    read = subprocess.run(
        ["bash", "-n", "-c", command], capture_output=True, text=True, check=False
    )
    return read.returncode == 0 and not read.stderr  # it warns of a text without its end


INSTALLED = Path(sys.executable).parent


def type_into_bash(script, folder, bin_=INSTALLED, **environment):
    """Run lines in one shell that stops at the first that fails; return what it came to."""
    path = f"{bin_}{os.pathsep}{INSTALLED}{os.pathsep}{os.environ['PATH']}"
    unset = ("OVERT_MACHINE_KEY", "OVERT_MACHINE_KEY_NEXT", "OVERT_MACHINE_KEY_FROM")
    inherited = {name: value for name, value in os.environ.items() if name not in unset}
    return subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=folder,
        env=inherited | {"PATH": path, "COLUMNS": "200"} | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=1700,
    )


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


@pytest.fixture(scope="module")
def ready(tmp_path_factory):
    """A folder with an ``overt`` that need not import anything."""
    with ready_overt(tmp_path_factory.mktemp("bin")) as folder:
        yield folder


@pytest.fixture(scope="module")
def walked(tmp_path_factory, ready):
    """Where the walk-through was typed, and what it came to."""
    folder = tmp_path_factory.mktemp("walk")
    portrait = Path(str(files("matplotlib") / "mpl-data" / "sample_data" / "grace_hopper.jpg"))
    (folder / "pictures").mkdir()
    shutil.copy(portrait, folder / "pictures" / "volunteer-1.jpg")
    face = cv2.imread(str(portrait))
    smaller = cv2.resize(face, None, fx=0.9, fy=0.9, interpolation=cv2.INTER_AREA)
    cv2.imwrite(str(folder / "pictures" / "volunteer-2.jpg"), smaller)
    film(portrait, folder / "clip.mp4")
    script = "\n".join(commands(*WALK_THROUGH))
    assert script.count("CAMERA=webcam:0") == 1
    done = type_into_bash(script.replace("CAMERA=webcam:0", "CAMERA=clip.mp4"), folder, ready)
    assert done.returncode == 0, done.stderr
    return folder, done


@pytest.fixture
def asked(walked, ready):
    """Ask a command for its JSON in the home that the walk-through left."""
    folder, _ = walked

    def do(words):
        home = str(folder / "overt-home")
        ran = type_into_bash(f"overt {words} --json", folder, ready, OVERT_HOME=home)
        assert ran.returncode == 0, ran.stderr
        return json.loads(ran.stdout)

    return do


@pytest.mark.slow
@pytest.mark.timeout(1800)
class TestAfterTheWalkThrough:
    """One walk, and what it left."""

    def test_there_was_one_alert_and_its_whole_life(self, walked, asked):
        assert "faces compared = 1 alerted" in walked[1].stderr
        (alert,) = asked("alerts list trial-1")["alerts"]
        assert alert["label"] is None
        assert "The volunteer" in walked[1].stdout
        assert (alert["camera"], alert["state"]) == ("gate-1", "no-action")
        steps = asked(f"alerts show {alert['id']}")["steps"]
        assert [(each["event"], each["by"]) for each in steps] == [
            ("true", "operator"),
            ("true", "reviewer"),
            ("confirmed-true", "engager"),
            ("no-action", "engager"),
        ]

    def test_the_deployment_is_closed_and_says_what_must_go_when(self, asked):
        shown = asked("deployment show trial-1")
        assert shown["state"] == "closed"
        assert {"alert", "picture", "watchlist"} <= set(shown["delete_by"])

    def test_the_key_of_the_list_is_destroyed(self, walked, asked):
        assert "Destroyed now: the key of the watchlist" in walked[1].stdout
        (life,) = [each["life"] for each in asked("watchlist show trial-list")["watchlists"]]
        assert life["state"] == "purged"

    def test_the_record_holds(self, asked):
        record = asked("ledger verify")
        assert record["verified"]
        assert record["n_records"] > 30

    def test_nothing_is_left_running_and_nobody_is_left_in_clear(self, walked):
        folder, done = walked
        assert done.stderr.count("The deployment trial-1 is over.") == 2
        left = [path for path in folder.rglob("*") if path.suffix in {".jpg", ".png", ".csv"}]
        assert [path.name for path in left] == ["empty.csv"]


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_people_and_a_policy_of_ones_own_as_the_guides_say(tmp_path):
    """Typed with the executable itself, which imports all anew for every command."""
    shipped = (GUIDES.parents[1] / "policies" / "uk-police.toml").read_text("utf-8")
    own = shipped.replace('id = "uk-police"', 'id = "avon"', 1)
    (tmp_path / "avon.toml").write_text(own, "utf-8")
    before = """
        overt people new-key chief-1.key
        overt people add chief-1 --key chief-1.key.pub --rank chief-constable \
            --organisation "Avon" --role authorising-officer --as admin-1.key
    """
    script = [*commands("roles.md"), before, *commands("policy.md"), "overt policy list"]
    home = str(tmp_path / "home")
    done = type_into_bash("\n".join(script), tmp_path, OVERT_HOME=home)
    assert done.returncode == 0, done.stderr
    assert "avon" in done.stdout
    assert (tmp_path / "avon.signature").exists()


ENTRIES = """
    read ONE OTHER <<< "$(overt watchlist show saturday --json \
        | sed -n 's/^ *"entry_id": "\\(.*\\)",$/\\1/p' | head -n 2 | tr '\\n' ' ')"
"""


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_the_life_of_a_list_as_its_guide_says(tmp_path, portraits, ready):
    (tmp_path / "pictures").mkdir()
    columns = "name,images,category,lawful_basis,source_system,source_reference,reason_here,"
    rows = [columns + "requester,image_source,image_date,held_until"]
    for number, (who, scale) in enumerate([("hopper", 1.0), ("hopper", 0.9), ("collins", 1.0)]):
        (face,) = [each for name, each in portraits.items() if who in name]
        picture = cv2.resize(face, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        cv2.imwrite(str(tmp_path / "pictures" / f"{number}.png"), picture)
        grounds = "blue-list,Consent,trial"
        rows.append(
            f"V{number},{number}.png,{grounds},V-{number},Trial,me,blue-list,2026-01-01,2999-01-01"
        )
    (tmp_path / "filled.csv").write_text("\n".join(rows), "utf-8")
    still = "source_system,source_reference\ntrial,V-0\ntrial,V-2\n"
    (tmp_path / "still-wanted.csv").write_text(still, "utf-8")
    force = """
        add() {
            overt people new-key "$1.key"
            overt people add "$1" --key "$1.key.pub" --rank "$2" --role "$3" \\
                --organisation E "${@:4}"
        }
        add admin civilian administrator
        add officer chief-constable authorising-officer --as admin.key
        add manager civilian watchlist-manager --as admin.key
        overt policy sign uk-police --as officer.key
    """
    script = [force]
    for command in commands("watchlists.md"):
        script.append(command.replace("e-5e0c", "$ONE").replace("e-b71b", "$OTHER"))
        if " template " in command:
            script.append("mv filled.csv list.csv")
        if " import " in command:
            script.append(ENTRIES)
    done = type_into_bash("\n".join(script), tmp_path, ready, OVERT_HOME=str(tmp_path / "home"))
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "pairs.html").exists()
    assert (tmp_path / "rows.csv").read_text("utf-8").count("accepted") == 3
    assert "Purged saturday." in done.stderr


@pytest.mark.parametrize("guide", [path.name for path in sorted(GUIDES.glob("*.md"))])
def test_a_guide_shows_commands_and_what_belongs_to_them_and_no_output(guide):
    for command in commands(guide):
        lines = command.split("\n")
        assert is_whole(command), command
        for n_lines in range(1, len(lines)):
            assert not is_whole("\n".join(lines[:n_lines])), f"ends before its end: {command}"


def test_the_walk_through_has_every_step_in_this_order():
    script = "\n".join(commands(*WALK_THROUGH))
    places = [script.find(step) for step in STEPS]
    assert -1 not in places, STEPS[places.index(-1)]
    assert places == sorted(places)


def test_whoever_decides_something_in_the_walk_through_says_who_they_are():
    decides = re.compile(
        r"overt (watchlist (import|decide|freeze|confirm)|run|alerts (decide|engage|outcome)"
        r"|policy sign|deployment (apply|submit|authorise|check-in|confirm-signs|ready|present|end"
        r"|close))"
    )
    deciding = [each for each in commands(*WALK_THROUGH) if decides.match(each)]
    assert len(deciding) > 15
    assert [each for each in deciding if " --as keys/" not in each] == []

"""The repository: nothing in it points to a registry, and what is locked is locked by digest."""

import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

import overt
from overt.inference.catalogue import Catalogue, bundled_folder

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
LOCK = ROOT / "requirements" / "dev.lock"
# Written so that this file does not hold what it looks for.
REGISTRY = re.compile(
    "|".join(
        [
            r"--(extra-)?index" + r"-url[ =]\S",
            r"--find" + r"-links[ =]\S",
            r"pypi\." + r"org/(simple|packages)",
            r"files\.python" + r"hosted",
            r"https?://\S+\.(whl|tar\.gz|onnx)\b",
        ]
    )
)
MAX_PICTURE_BYTES = 400_000


def tracked():
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    done = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [ROOT / name for name in done.stdout.split("\0") if name and (ROOT / name).is_file()]


def test_no_file_names_where_packages_come_from():
    found = {}
    for path in tracked():
        try:
            text = path.read_text("utf-8")
        except UnicodeDecodeError:
            continue
        if match := REGISTRY.search(text):
            found[path.name] = match.group()
    assert found == {}


def test_everything_locked_has_a_version_and_digests():
    text = LOCK.read_text("utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    assert len(lines) > 50
    for line in lines:
        assert re.match(r"^[a-z0-9-]+==\S+( ; .*?)?( +--hash=sha256:[0-9a-f]{64})+ *$", line), line


def test_every_dependency_is_locked():
    locked = set(re.findall(r"^([a-z0-9-]+)==", LOCK.read_text("utf-8"), re.MULTILINE))
    extra = PROJECT["optional-dependencies"]["demo"]
    assert {re.split("[=>]", each)[0] for each in PROJECT["dependencies"] + extra} <= locked


def test_one_version():
    assert PROJECT["version"] == overt.__version__
    changes = (ROOT / "CHANGELOG.md").read_text("utf-8")
    assert re.search(rf"^## \[{re.escape(overt.__version__)}\]", changes, re.MULTILINE)


def test_every_model_has_a_licence_and_a_notice():
    catalogue = Catalogue([bundled_folder()])
    assert len(catalogue.names()) >= 2
    for name in catalogue.names():
        licence = catalogue.get(name).licence
        assert licence.spdx in {"MIT", "Apache-2.0", "BSD-3-Clause"}
        assert len(licence.notice) > 20


def test_no_picture_or_model_is_large():
    heavy = {".png", ".jpg", ".jpeg", ".gif", ".onnx", ".mp4", ".zip"}
    files = [path for path in tracked() if path.suffix.lower() in heavy]
    assert {p.name for p in files if p.stat().st_size > MAX_PICTURE_BYTES} == set()
    assert {p.suffix for p in files} <= {".png", ".jpg"}

"""The command as a person runs it: its output and its exit code."""

import hashlib
import json
import sys
from dataclasses import dataclass

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from overt.cli.main import main

MANIFEST = """
format = 1
name = "mine"
role = "embedder"
summary = "made up"
source_sha256 = "{sha256}"
source_bytes = {size}
source = {{ kind = "file", path = "mine.onnx" }}
[licence]
spdx = "CC0-1.0"
notice = "Made up for a test."
[input]
colour = "bgr"
size = {{ width_px = 8, height_px = 8 }}
[output]
decoder = "embedding"
dims = 16
"""


@pytest.fixture(scope="module")
def cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@dataclass
class Result:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def overt(tmp_path, cache, monkeypatch, capsys):
    monkeypatch.setenv("OVERT_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("COLUMNS", "200")

    def run(*arguments, cache=cache):
        monkeypatch.setenv("OVERT_CACHE", str(cache))
        monkeypatch.setattr(sys, "argv", ["overt", "models", *map(str, arguments)])
        try:
            main()
        except SystemExit as end:
            code = end.code or 0
        else:
            code = 0
        return Result(code, *capsys.readouterr())

    return run


@pytest.fixture
def mine(tmp_path):
    weights = np.random.default_rng(7).normal(size=(16, 192)).astype(np.float32)
    graph = helper.make_graph(
        [
            helper.make_node("Flatten", ["x"], ["r"]),
            helper.make_node("Gemm", ["r", "w"], ["y"], transB=1),
        ],
        "mine",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 16])],
        [numpy_helper.from_array(weights, "w")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    content = model.SerializeToString()
    (tmp_path / "anything.onnx").write_bytes(content)
    manifest = tmp_path / "anything.toml"
    sha256 = hashlib.sha256(content).hexdigest()
    manifest.write_text(MANIFEST.format(sha256=sha256, size=len(content)))
    return tmp_path / "anything.onnx", manifest


def failed_plainly(result, code, says):
    assert result.returncode == code, result.stderr
    assert says in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1
    assert "Traceback" not in result.stderr


def test_list_shows_licences(overt):
    result = overt("list")
    assert result.returncode == 0
    assert "yunet-2023mar" in result.stdout
    assert "Apache-2.0" in result.stdout
    models = json.loads(overt("list", "--json").stdout)["models"]
    assert {m["name"]: m["role"] for m in models} == {
        "sface-2021dec": "embedder",
        "yunet-2023mar": "detector",
    }
    assert all(m["licence"]["notice"] for m in models)


def test_prepare_then_verify(overt):
    prepared = overt("prepare")
    assert prepared.returncode == 0
    assert len(prepared.stdout.splitlines()) == 2
    report = overt("verify", "--json")
    assert report.returncode == 0
    checks = json.loads(report.stdout)
    assert checks["verified"] is True
    assert {c["model"] for c in checks["checks"]} == {"sface-2021dec", "yunet-2023mar"}


def test_verify_of_a_damaged_cache_fails_with_4(overt, tmp_path):
    damaged = tmp_path / "damaged"
    overt("prepare", cache=damaged)
    (path,) = (damaged / "models").glob("yunet*")
    path.write_bytes(b"")
    result = overt("verify", "yunet-2023mar", cache=damaged)
    failed_plainly(result, 4, "1 of 2 checks failed, of: yunet-2023mar.")
    assert "failed" in result.stdout
    report = overt("verify", "yunet-2023mar", "--json", cache=damaged)
    assert json.loads(report.stdout)["verified"] is False
    failed_plainly(overt("prepare", cache=damaged), 4, "delete the file and run")


def test_an_unknown_model_fails_with_3(overt):
    failed_plainly(overt("verify", "other"), 3, "There is no model other")


def test_add_list_and_verify_ones_own(overt, mine):
    model, manifest = mine
    added = overt("add", model, "--manifest", manifest, "--json")
    assert added.returncode == 0, added.stderr
    assert json.loads(added.stdout)["added"]["name"] == "mine"
    assert "mine" in overt("list").stdout
    report = json.loads(overt("verify", "mine", "--json").stdout)
    assert report["verified"] is True
    assert "mine: added (embedder, CC0-1.0)" in overt("add", model, "--manifest", manifest).stdout


def test_add_without_a_licence_fails_with_3(overt, mine):
    model, manifest = mine
    manifest.write_text(manifest.read_text().replace('spdx = "CC0-1.0"', ""))
    failed_plainly(overt("add", model, "--manifest", manifest), 3, "no complete licence")


def test_add_of_another_file_fails_with_4(overt, mine):
    model, manifest = mine
    model.write_bytes(model.read_bytes() + b"\0")
    failed_plainly(overt("add", model, "--manifest", manifest), 4, "SHA-256 differ")


def test_a_home_that_cannot_be_written_fails_with_7(overt, mine, tmp_path):
    model, manifest = mine
    (tmp_path / "home").write_text("in the way")
    failed_plainly(overt("add", model, "--manifest", manifest), 7, "cannot be written")

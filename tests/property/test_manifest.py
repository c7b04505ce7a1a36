"""Bytes from outside, whatever they are, give a value or an error of ours."""

import json
import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from overt.core.errors import InputError
from overt.inference.catalogue import bundled_folder
from overt.inference.golden import load_golden
from overt.inference.manifest import (
    ModelManifest,
    load_manifest,
    parse_description,
    parse_manifest,
)
from overt.inference.normalise import fold_model, normalise_model

HERE = Path("manifest.toml")
SFACE_TEXT = (bundled_folder() / "sface-2021dec.toml").read_text()
SFACE = parse_manifest(SFACE_TEXT, HERE)

toml_values = st.recursive(
    st.booleans()
    | st.integers(-(2**70), 2**70)
    | st.floats()
    | st.text(max_size=20)
    | st.just("file")
    | st.just("\0"),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)


def as_toml(value):
    if isinstance(value, dict):
        return "{" + ", ".join(f"{json.dumps(k)} = {as_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_toml, value)) + "]"
    return json.dumps(value).replace("NaN", "nan").replace("Infinity", "inf")


def accepted_or_refused(parse, text):
    try:
        manifest = parse(text, HERE)
    except InputError:
        return None
    assert manifest.licence.notice.strip()
    assert manifest.licence.spdx.strip()
    return manifest


@given(st.text())
@example("\ud800")
@example("a = " + "[" * 5000)
def test_any_text(text):
    accepted_or_refused(parse_manifest, text)


@given(raw=st.binary(max_size=300))
def test_any_bytes(raw):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "m.toml")
        path.write_bytes(raw)
        with pytest.raises(InputError):
            load_manifest(path)


@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_any_value_for_any_key(data):
    lines = SFACE_TEXT.splitlines()
    keyed = [i for i, line in enumerate(lines) if " = " in line]
    at = data.draw(st.sampled_from(keyed))
    lines[at] = lines[at].split(" = ")[0] + " = " + as_toml(data.draw(toml_values))
    manifest = accepted_or_refused(parse_manifest, "\n".join(lines))
    if manifest is not None:
        assert isinstance(manifest, ModelManifest)


@given(st.integers(0, len(SFACE_TEXT)), st.integers(0, 40), st.text(max_size=5))
def test_any_cut_or_insertion(at, length, inserted):
    text = SFACE_TEXT[:at] + inserted + SFACE_TEXT[at + length :]
    accepted_or_refused(parse_manifest, text)
    accepted_or_refused(parse_description, text)


def tiny_source():
    """A small block-quantised model, so that mutations reach every step of preparing."""
    graph = helper.make_graph(
        [
            helper.make_node("DequantizeLinear", ["q", "s", "z"], ["d"], axis=1, block_size=4),
            helper.make_node("Reshape", ["d", "as"], ["w"]),
            helper.make_node("Reshape", ["x", "flat"], ["r"]),
            helper.make_node("Gemm", ["r", "w"], ["y"], transB=1),
        ],
        "t",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [1, 3, 2, 2])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [1, 16])],
        [
            numpy_helper.from_array(np.arange(192, dtype=np.int8).reshape(16, 12), "q"),
            numpy_helper.from_array(np.ones((16, 3), np.float32), "s"),
            numpy_helper.from_array(np.zeros((16, 3), np.int8), "z"),
            numpy_helper.from_array(np.array([16, 12]), "as"),
            numpy_helper.from_array(np.array([1, -1]), "flat"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 21)])
    return model.SerializeToString()


SOURCE = tiny_source()


def prepared_or_refused(source):
    for act in (fold_model, lambda content: normalise_model(content, SFACE)):
        try:
            assert act(source)
        except InputError:
            continue


def test_the_small_model_itself_is_prepared():
    assert normalise_model(SOURCE, SFACE)


@given(st.lists(st.tuples(st.integers(0, len(SOURCE) - 1), st.integers(0, 255)), max_size=6))
@settings(max_examples=400)
def test_a_model_with_any_bytes_changed(changes):
    changed = bytearray(SOURCE)
    for at, value in changes:
        changed[at] = value
    prepared_or_refused(bytes(changed))


@given(st.integers(0, len(SOURCE)), st.binary(max_size=40), st.integers(0, 20))
@settings(max_examples=200)
def test_a_model_with_any_cut_or_insertion(at, inserted, length):
    prepared_or_refused(SOURCE[:at] + inserted + SOURCE[at + length :])


@given(st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_any_golden_file(raw):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "g.json")
        path.write_bytes(raw)
        with pytest.raises(InputError):
            load_golden(path, SFACE)

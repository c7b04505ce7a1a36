import sys

import numpy as np
import pytest
from onnx import helper, numpy_helper

from overt.core.errors import UnavailableError
from overt.inference.engine import RuntimeFailedError
from overt.inference.golden import pattern
from overt.inference.manifest import parse_description
from overt.inference.prepare import PreparedModel, digest_of, prepare
from overt.inference.runtimes import RUNTIMES, open_engine


def test_a_runtime_that_is_not_installed_names_its_extra(pair, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.delitem(sys.modules, "overt.inference.onnxruntime_engine", raising=False)
    with pytest.raises(UnavailableError, match="not installed; install the extra onnxruntime"):
        open_engine(pair.detector, runtime="onnxruntime")


def test_an_unknown_runtime_is_refused(pair):
    with pytest.raises(UnavailableError, match="openvino, onnxruntime"):
        open_engine(pair.detector, runtime="other")


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_failure_inside_the_runtime_is_ours_and_the_engine_goes_on(tiny, tiny_kit, runtime):
    """A Reshape to exactly one row fails, in the middle of the graph, for two pictures."""
    pytest.importorskip(runtime)
    model = tiny_kit.build()
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.array([-1, 192]), "flat"))
    model.graph.node.append(helper.make_node("Reshape", ["y", "one"], ["z"]))
    model.graph.node.append(helper.make_node("Unsqueeze", ["z", "first"], ["out"]))
    for value, name in (([16], "one"), ([0], "first")):
        model.graph.initializer.append(numpy_helper.from_array(np.array(value), name))
    model.graph.output[0].name = "out"
    tiny.write(model)
    description = parse_description(tiny.manifest.read_text(), tiny.manifest)
    content = prepare(description, tiny.model.read_bytes())
    path = tiny.folder / "prepared.onnx"
    path.write_bytes(content)
    digest = digest_of(content)
    prepared = PreparedModel(path, digest, description.pinned(digest))
    with open_engine(prepared, runtime=runtime, n_requests=1) as engine:
        two = np.concatenate([pattern(0, 8, 8), pattern(1, 8, 8)])
        pending = [engine.submit(two) for _ in range(3)]
        for p in pending:
            with pytest.raises(RuntimeFailedError, match="failed"):
                p.result()
        assert engine.infer(pattern(0, 8, 8))["template"].shape == (1, 16)


@pytest.mark.parametrize("runtime", RUNTIMES)
def test_a_model_that_the_runtime_cannot_load_is_said(tiny, pair, runtime):
    pytest.importorskip(runtime)
    path = tiny.folder / "prepared.onnx"
    path.write_bytes(b"not a model")
    prepared = PreparedModel(path, digest_of(b"not a model"), pair.embedder.manifest)
    with pytest.raises(RuntimeFailedError, match="model sface-2021dec"):
        open_engine(prepared, runtime=runtime)

"""A tiny embedder of our own, so that most tests need neither weights nor seconds."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from overt.inference.catalogue import Catalogue, bundled_folder, ensure_pair

SIZE_PX = 8
DIMS = 16

MANIFEST = """
format = 1
name = "{name}"
role = "embedder"
summary = "made up"
source_sha256 = "{sha256}"
source_bytes = {size}
source = {{ kind = "file", path = "tiny.onnx" }}
{licence}
[input]
colour = "rgb"
range = [0, 1]
mean = [0.5, 0.25, 0.125]
scale = [2.0, 4.0, 8.0]
size = {{ width_px = 8, height_px = 8 }}
[output]
decoder = "embedding"
dims = {dims}
"""
LICENCE = '[licence]\nspdx = "CC0-1.0"\nnotice = "Made up for a test."'


def tiny_weights():
    return np.random.default_rng(7).normal(size=(DIMS, 3 * SIZE_PX * SIZE_PX)).astype(np.float32)


def build_tiny(extra_nodes=(), extra_initializers=(), output="y", batch=1):
    """Reshape to 1 × 192, a matrix product: 16 numbers from a picture of 8 × 8."""
    nodes = [
        helper.make_node("Reshape", ["x", "flat"], ["r"]),
        helper.make_node("Gemm", ["r", "w"], [output], transB=1),
        *extra_nodes,
    ]
    initializers = [
        numpy_helper.from_array(np.array([1, -1], np.int64), "flat"),
        numpy_helper.from_array(tiny_weights(), "w"),
        *extra_initializers,
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [batch, 3, SIZE_PX, SIZE_PX])],
        [helper.make_tensor_value_info(output, TensorProto.FLOAT, [batch, DIMS])],
        initializers,
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])


def tiny_template(bgr):
    """What the tiny model must give for n × 8 × 8 × 3 pictures, computed without any runtime."""
    rgb = bgr[..., ::-1].astype(np.float64) / 255
    planes = ((rgb - [0.5, 0.25, 0.125]) * [2, 4, 8]).transpose(0, 3, 1, 2)
    return planes.reshape(len(bgr), -1) @ tiny_weights().T.astype(np.float64)


class Tiny:
    """Writes the tiny model and its manifest into a folder."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.model = folder / "tiny.onnx"
        self.manifest = folder / "tiny.toml"
        self.write()

    def write(self, model=None, name="tiny", dims=DIMS, licence=LICENCE, content=None, **digests):
        content = (model or build_tiny()).SerializeToString() if content is None else content
        self.folder.mkdir(parents=True, exist_ok=True)
        self.model.write_bytes(content)
        fields = {"sha256": hashlib.sha256(content).hexdigest(), "size": len(content)} | digests
        self.manifest.write_text(MANIFEST.format(name=name, dims=dims, licence=licence, **fields))
        return self


@pytest.fixture
def tiny(tmp_path):
    return Tiny(tmp_path / "theirs")


@pytest.fixture(scope="session")
def models_cache(tmp_path_factory):
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def pair(models_cache):
    return ensure_pair(Catalogue([bundled_folder()]), models_cache)


@pytest.fixture(scope="session")
def tiny_kit():
    """The builders above, for tests that vary them."""
    import types

    return types.SimpleNamespace(
        build=build_tiny, template=tiny_template, weights=tiny_weights, dims=DIMS, size_px=SIZE_PX
    )

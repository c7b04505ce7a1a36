import json

import numpy as np
import onnx
import pytest
from onnx import numpy_helper

from overt.core.errors import InputError
from overt.inference.catalogue import bundled_folder
from overt.inference.golden import (
    GoldenVectors,
    fault,
    golden_path,
    golden_text,
    load_golden,
    pattern,
    record,
    sample,
)
from overt.inference.prepare import PreparedModel, digest_of
from overt.inference.runtimes import open_engine


def test_the_pictures_never_change():
    """A change here would make every recorded golden vector meaningless."""
    assert digest_of(pattern(0, 112, 112).tobytes())[:16] == "2a812957052c637f"
    assert digest_of(pattern(2, 320, 192).tobytes())[:16] == "01481f4cd76508bf"


@pytest.mark.parametrize(("width_px", "height_px"), [(1, 1), (8, 8), (320, 192)])
def test_a_picture_has_the_size_that_was_asked_for(width_px, height_px):
    assert pattern(1, width_px, height_px).shape == (1, height_px, width_px, 3)
    assert pattern(1, width_px, height_px).dtype == np.uint8


def test_a_template_is_kept_whole_and_a_map_in_part():
    kept = sample(
        {
            "template": np.arange(128, dtype=np.float32)[None],
            "map": np.arange(6400, dtype=np.float32).reshape(1, 1600, 4),
        }
    )
    assert kept["template"].shape == (128,)
    assert kept["map"].shape == (17,)
    assert (kept["map"][0], kept["map"][15]) == (0, 6399)
    assert kept["map"][16] == pytest.approx(3199.5)


def test_what_is_recorded_can_be_read_back(pair, tmp_path):
    with open_engine(pair.detector, precision="f32") as engine:
        golden = record(engine, pair.detector.manifest)
        path = tmp_path / "golden.json"
        path.write_text(golden_text(golden))
        assert load_golden(path, pair.detector.manifest) == golden
        assert fault(golden, engine) is None


@pytest.fixture
def sface_golden(pair):
    manifest = pair.embedder.manifest
    return load_golden(golden_path(bundled_folder(), manifest.name), manifest)


def test_swapped_channels_are_found(pair, tmp_path, sface_golden):
    model = onnx.load_from_string(pair.embedder.path.read_bytes())
    (order,) = [t for t in model.graph.initializer if t.name == "overt.order"]
    order.CopyFrom(numpy_helper.from_array(np.array([0, 1, 2]), "overt.order"))
    assert "differs" in judge(model, pair, tmp_path, sface_golden, "f32")


def test_a_changed_weight_is_found(pair, tmp_path, sface_golden):
    model = onnx.load_from_string(pair.embedder.path.read_bytes())
    (bias,) = [t for t in model.graph.initializer if t.name == "pre_fc1_bias_dequantized"]
    value = numpy_helper.to_array(bias).copy()
    value[5] += 0.01
    bias.CopyFrom(numpy_helper.from_array(value, bias.name))
    assert "template differs" in judge(model, pair, tmp_path, sface_golden, "f32")


def judge(model, pair, tmp_path, golden, precision):
    content = model.SerializeToString()
    path = tmp_path / "changed.onnx"
    path.write_bytes(content)
    changed = PreparedModel(path, digest_of(content), pair.embedder.manifest)
    with open_engine(changed, precision=precision) as engine:
        return fault(golden, engine)


class Giving:
    """An engine that gives what it is told."""

    def __init__(self, outputs, precision):
        self.outputs, self.precision = outputs, precision

    def infer(self, batch):
        return self.outputs


GOLDEN = GoldenVectors.model_validate(
    {
        "format": 1,
        "model": "m",
        "source_sha256": "0" * 64,
        "pictures": [
            {"seed": 0, "width_px": 8, "height_px": 8, "outputs": {"template": [3.0, 0.0, 4.0]}}
        ],
    }
)


@pytest.mark.parametrize(
    ("precision", "values", "says"),
    [
        ("f32", [3, 0, 4], None),
        ("f32", [3, 0, 4.0003], None),
        ("f32", [3, 0, 4.001], "differs"),
        ("f32", [3, 0, float("nan")], "differs"),
        ("bf16", [3, 0.1, 4], None),
        ("bf16", [3, 1, 4], "cosine"),
        ("bf16", [0, 0, 0], "cosine"),
        ("bf16", [3, 0, float("inf")], "cosine"),
        ("f32", [3, 0], "sizes"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value encountered:RuntimeWarning")
def test_tolerances(precision, values, says):
    engine = Giving({"template": np.array([values], np.float32)}, precision)
    found = fault(GOLDEN, engine)
    assert (found is None) if says is None else (says in found)


def test_another_output_name_is_a_fault():
    engine = Giving({"other": np.array([[3, 0, 4]], np.float32)}, "f32")
    assert "names" in fault(GOLDEN, engine)


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", "\xff", "[" * 50_000, '{"format": 1, "model": "m"}', "NaN"]
)
def test_what_is_no_golden_file_is_refused(pair, tmp_path, content):
    path = tmp_path / "golden.json"
    path.write_text(content, encoding="latin-1")
    with pytest.raises(InputError, match="does not hold golden vectors"):
        load_golden(path, pair.detector.manifest)


def test_golden_vectors_of_another_file_are_refused(pair, tmp_path):
    path = golden_path(bundled_folder(), "sface-2021dec")
    with pytest.raises(InputError, match="another model"):
        load_golden(path, pair.detector.manifest)
    data = json.loads(path.read_text()) | {"source_sha256": "0" * 64}
    (tmp_path / "g.json").write_text(json.dumps(data))
    with pytest.raises(InputError, match="another model"):
        load_golden(tmp_path / "g.json", pair.embedder.manifest)
    with pytest.raises(InputError, match="cannot be read"):
        load_golden(tmp_path / "absent.json", pair.embedder.manifest)

import hashlib

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from overt.core.errors import InputError
from overt.inference.catalogue import bundled_folder
from overt.inference.manifest import load_manifest, parse_description
from overt.inference.normalise import PICTURES, affine_of, fold_model, normalise_model


@pytest.fixture
def description(tiny):
    return parse_description(tiny.manifest.read_text(), tiny.manifest)


def evaluate(content, pictures):
    """Run a prepared model in ONNX's own, slow reference implementation."""
    (template,) = ReferenceEvaluator(onnx.load_from_string(content)).run(None, {PICTURES: pictures})
    return template


def pictures(n):
    return np.random.default_rng(n).integers(0, 256, (n, 8, 8, 3), dtype=np.uint8)


@pytest.mark.parametrize("n", [1, 2, 5])
def test_the_preprocessing_is_in_the_graph_and_the_batch_is_free(tiny_kit, description, n):
    content = normalise_model(tiny_kit.build().SerializeToString(), description)
    batch = pictures(n)
    np.testing.assert_allclose(evaluate(content, batch), tiny_kit.template(batch), rtol=1e-4)


def test_a_model_whose_batch_was_already_free_stays_so(tiny_kit, description):
    model = tiny_kit.build()
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "batch"
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(np.array([0, -1]), "flat"))
    content = normalise_model(model.SerializeToString(), description)
    batch = pictures(3)
    np.testing.assert_allclose(evaluate(content, batch), tiny_kit.template(batch), rtol=1e-4)


def test_a_shape_in_a_constant_node_is_freed_too(tiny_kit, description):
    model = tiny_kit.build()
    flat = model.graph.initializer.pop(0)
    model.graph.node.insert(0, helper.make_node("Constant", [], ["flat"], value=flat))
    content = normalise_model(model.SerializeToString(), description)
    batch = pictures(2)
    np.testing.assert_allclose(evaluate(content, batch), tiny_kit.template(batch), rtol=1e-4)


def test_the_form_is_always_the_same(tiny_kit, description):
    content = normalise_model(tiny_kit.build(output="whatever").SerializeToString(), description)
    graph = onnx.load_from_string(content).graph
    (given,), (made,) = graph.input, graph.output
    assert (given.name, given.type.tensor_type.elem_type) == ("pictures", TensorProto.UINT8)
    sides = [d.dim_param or d.dim_value for d in given.type.tensor_type.shape.dim]
    assert sides == ["n", 8, 8, 3]
    assert made.name == "template"
    assert not graph.value_info


@pytest.mark.parametrize(
    ("low_high", "mean", "scale", "pixel", "value"),
    [
        ((0, 255), (0, 0, 0), (1, 1, 1), 200, 200),
        ((0, 255), (127.5,) * 3, (1 / 128,) * 3, 255, 127.5 / 128),
        ((0, 1), (0.5,) * 3, (2,) * 3, 255, 1),
        ((0, 1), (0.485,) * 3, (1 / 0.229,) * 3, 0, -0.485 / 0.229),
        ((-1, 1), (0,) * 3, (1,) * 3, 51, -0.6),
    ],
)
def test_the_usual_ways_to_scale_pixels(description, low_high, mean, scale, pixel, value):
    wanted = description.input.model_copy(update={"range": low_high, "mean": mean, "scale": scale})
    centre, factor = affine_of(wanted)
    np.testing.assert_allclose((np.float32(pixel) - centre) * factor, [value] * 3, rtol=1e-5)


def test_nothing_is_computed_where_nothing_is_wanted():
    """YuNet takes pixels as they are: a Cast and a Transpose and no arithmetic."""
    yunet = load_manifest(bundled_folder() / "yunet-2023mar.toml")
    centre, factor = affine_of(yunet.input)
    assert not centre.any()
    assert (factor == 1).all()


@pytest.mark.parametrize("how", ["tensor", "axis 0", "axis 1", "blocks of 8", "ragged blocks"])
@pytest.mark.parametrize("dtype", [np.int8, np.uint8])
@pytest.mark.parametrize("zero_point", [True, False])
def test_weights_are_unpacked_as_onnx_defines_it(tiny_kit, description, how, dtype, zero_point):
    rng = np.random.default_rng(3)
    info = np.iinfo(dtype)
    quantised = rng.integers(info.min, info.max, (16, 192)).astype(dtype)
    shape, attributes = {
        "tensor": ((), {}),
        "axis 0": ((16,), {"axis": 0}),
        "axis 1": ((192,), {"axis": 1}),
        "blocks of 8": ((16, 24), {"axis": 1, "block_size": 8}),
        "ragged blocks": ((16, 3), {"axis": -1, "block_size": 70}),
    }[how]
    scale = rng.uniform(0.001, 0.1, shape).astype(np.float32)
    zero = rng.integers(0, 9, shape).astype(dtype)
    constants = [("q", quantised), ("s", scale), *([("z", zero)] if zero_point else [])]
    model = tiny_kit.build(
        extra_initializers=[numpy_helper.from_array(value, name) for name, value in constants]
    )
    names = [name for name, _ in constants]
    model.opset_import[0].version = 21
    model.ir_version = 10
    model.graph.node.insert(0, helper.make_node("DequantizeLinear", names, ["d"], **attributes))
    model.graph.node[2].input[1] = "d"
    content = normalise_model(model.SerializeToString(), description)
    graph = onnx.load_from_string(content).graph
    assert "DequantizeLinear" not in {node.op_type for node in graph.node}
    (unpacked,) = [numpy_helper.to_array(t) for t in graph.initializer if t.name == "d"]

    block = attributes.get("block_size")
    axis = attributes.get("axis", 1) % 2

    def at(values, row, column):
        if values.ndim == 0:
            return values
        if values.ndim == 1:
            return values[(row, column)[axis]]
        return values[row, column // block]

    for row, column in [(0, 0), (15, 191), (7, 100), (3, 69), (3, 70)]:
        offset = int(at(zero, row, column)) if zero_point else 0
        expected = np.float32(int(quantised[row, column]) - offset) * at(scale, row, column)
        assert unpacked[row, column] == expected


def test_inputs_that_are_weights_or_read_by_nobody_are_dropped(tiny_kit, description):
    model = tiny_kit.build()
    for name in ("w", "stale"):
        model.graph.input.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, [16, 192]))
    graph = onnx.load_from_string(fold_model(model.SerializeToString())).graph
    assert [i.name for i in graph.input] == ["x"]
    graph = onnx.load_from_string(normalise_model(model.SerializeToString(), description)).graph
    assert [i.name for i in graph.input] == [PICTURES]


def without_nodes(kit):
    model = kit.build()
    del model.graph.node[:]
    return model


def of_an_old_opset(kit):
    model = kit.build()
    model.opset_import[0].version = 9
    return model


def with_weights_elsewhere(kit):
    model = kit.build()
    tensor = model.graph.initializer[1]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../../secret")
    return model


def with_two_inputs(kit):
    model = kit.build(extra_nodes=[helper.make_node("Identity", ["second"], ["unused"])])
    model.graph.input.append(helper.make_tensor_value_info("second", TensorProto.FLOAT, [1]))
    return model


def with_two_outputs(kit):
    model = kit.build(extra_nodes=[helper.make_node("Identity", ["y"], ["again"])])
    model.graph.output.append(helper.make_tensor_value_info("again", TensorProto.FLOAT, [1, 16]))
    return model


def of_interleaved_input(kit):
    model = kit.build()
    sides = model.graph.input[0].type.tensor_type.shape.dim
    sides[1].dim_value, sides[3].dim_value = 8, 3
    return model


def with_an_unknown_operator(kit):
    return kit.build(extra_nodes=[helper.make_node("NoSuchOperator", ["y"], ["z"])])


def with_blocks_that_do_not_fit(kit):
    model = kit.build(
        extra_initializers=[
            numpy_helper.from_array(np.zeros((16, 192), np.int8), "q"),
            numpy_helper.from_array(np.ones((16, 24), np.float32), "s"),
        ]
    )
    node = helper.make_node("DequantizeLinear", ["q", "s"], ["d"], axis=1, block_size=1 << 60)
    model.graph.node.insert(0, node)
    model.graph.node[2].input[1] = "d"
    return model


def with_a_name_of_ours(kit):
    return kit.build(extra_nodes=[helper.make_node("Identity", ["y"], ["template"])])


@pytest.mark.parametrize(
    "wrong",
    [
        without_nodes,
        of_an_old_opset,
        with_weights_elsewhere,
        with_two_inputs,
        with_two_outputs,
        of_interleaved_input,
        with_an_unknown_operator,
        with_blocks_that_do_not_fit,
        with_a_name_of_ours,
    ],
)
def test_a_model_that_cannot_be_prepared_is_refused(tiny_kit, description, wrong):
    with pytest.raises(InputError) as caught:
        normalise_model(wrong(tiny_kit).SerializeToString(), description)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"not onnx", b"\x08\x06", b"PK\x03\x04" * 100])
def test_what_is_not_onnx_is_refused(description, content):
    for act in (fold_model, lambda source: normalise_model(source, description)):
        with pytest.raises(InputError, match="not an ONNX model"):
            act(content)


def test_a_detector_without_its_outputs_is_refused(tiny_kit):
    yunet = load_manifest(bundled_folder() / "yunet-2023mar.toml")
    with pytest.raises(InputError, match="twelve outputs of YuNet"):
        normalise_model(tiny_kit.build().SerializeToString(), yunet)


def test_the_same_source_gives_the_same_bytes(tiny_kit, description):
    source = tiny_kit.build().SerializeToString()
    digests = {hashlib.sha256(normalise_model(source, description)).digest() for _ in range(3)}
    assert len(digests) == 1

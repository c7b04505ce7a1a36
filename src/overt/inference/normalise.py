"""Brings an ONNX model into the one form that Overt runs.

Steps of :func:`normalise_model`:
    1. Parse; refuse what is no self-contained ONNX model.
    2. Unpack weights: each DequantizeLinear of constants, and a Reshape of constants, becomes a
       float32 initialiser.
    3. Drop graph inputs that are weights or that no node reads; one input must remain.
    4. Free the batch, and the picture size if the manifest says so; drop stale shapes.
    5. Put the preprocessing in front: uint8 N × H × W × 3, blue first, is all a caller hands over.
    6. Name the outputs, check the graph and write it deterministically.

Invariants: the same source and manifest give the same bytes; everything wrong with a source is an
:class:`InputError`.
Must not: run the model, read a file or the manifest's digests.
"""

from collections.abc import Iterable
from typing import Any

import numpy as np
import onnx
from google.protobuf.message import DecodeError
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

from overt.core.errors import InputError
from overt.inference.manifest import (
    TEMPLATE,
    EmbeddingOutput,
    FixedSize,
    ModelDescription,
    Preprocessing,
)

PICTURES = "pictures"

_MALFORMED = (ValueError, LookupError, TypeError, OverflowError, onnx.checker.ValidationError)
_IR_VERSION = 10
_QUANTISED = {np.dtype(name) for name in ("int8", "uint8", "int16", "uint16", "int32")}
_FIRST_OPSET = 11
_PREFIX = "overt."


def normalise_model(source: bytes, description: ModelDescription) -> bytes:
    """Return the prepared form of ``source``; see the module.

    Raises:
        InputError: ``source`` is not a self-contained ONNX model that fits ``description``.
    """
    try:
        model = _parse(source)
        graph = model.graph
        _unpack_weights(graph)
        pictures = _only_input(graph)
        _free_sizes(graph, pictures)
        _put_preprocessing_in_front(graph, pictures, description.input)
        _name_outputs(graph, description)
        return _written(model)
    except _MALFORMED as error:
        raise InputError(
            f"The file of model {description.name} is not an ONNX model that can be prepared."
        ) from error


def fold_model(source: bytes) -> bytes:
    """Return ``source`` after steps 1, 2 and 3 only, with its input, sizes and names untouched.

    Raises:
        InputError: ``source`` is not a self-contained ONNX model.
    """
    try:
        model = _parse(source)
        _unpack_weights(model.graph)
        _only_input(model.graph)
        return _written(model)
    except _MALFORMED as error:
        raise InputError("The file is not an ONNX model whose weights can be unpacked.") from error


# 1 ------------------------------------------------------------------------------------------------


def _parse(source: bytes) -> onnx.ModelProto:
    try:
        model = onnx.load_model_from_string(source)
    except DecodeError:
        raise InputError("The file is not an ONNX model.") from None
    opsets = {entry.domain: entry.version for entry in model.opset_import}
    if not model.graph.node or not opsets.get("", 0):
        raise InputError("The file is not an ONNX model.")
    if opsets[""] < _FIRST_OPSET:
        raise InputError(f"The ONNX model uses an opset older than {_FIRST_OPSET}; convert it.")
    if any(t.data_location == TensorProto.EXTERNAL for t in _tensors(model.graph)):
        raise InputError("The ONNX model keeps weights in another file; save it as one file.")
    return model


def _tensors(graph: onnx.GraphProto) -> Iterable[onnx.TensorProto]:
    yield from graph.initializer
    for node in graph.node:
        for attribute in node.attribute:
            yield from ([attribute.t] if attribute.HasField("t") else attribute.tensors)


# 2 ------------------------------------------------------------------------------------------------


def _unpack_weights(graph: onnx.GraphProto) -> None:
    """Compute what depends on constants alone, and drop the constants that nothing reads."""
    constants = {tensor.name: tensor for tensor in graph.initializer}
    kept = []
    for node in graph.node:
        value = _computed(node, constants)
        if value is None:
            kept.append(node)
        else:
            constants[node.output[0]] = numpy_helper.from_array(value, node.output[0])
    del graph.node[:]
    graph.node.extend(kept)
    del graph.initializer[:]
    graph.initializer.extend(constants.values())
    _drop_unread(graph)


def _computed(
    node: onnx.NodeProto, constants: dict[str, onnx.TensorProto]
) -> NDArray[np.generic] | None:
    """Return the value of a node that only repacks constants; None for every other node."""
    attributes = {a.name: helper.get_attribute_value(a) for a in node.attribute}
    if node.op_type == "Constant" and "value" in attributes:
        return np.asarray(numpy_helper.to_array(attributes["value"]))
    if not node.input or not all(name in constants for name in node.input):
        return None
    operands = [numpy_helper.to_array(constants[name]) for name in node.input]
    if node.op_type == "DequantizeLinear" and operands[0].dtype in _QUANTISED:
        axis, block = attributes.get("axis", 1), attributes.get("block_size", 0)
        return _dequantised(operands, axis, block)
    if node.op_type == "Reshape":
        value, shape = operands
        sides = [value.shape[i] if side == 0 else side for i, side in enumerate(shape.tolist())]
        return np.ascontiguousarray(value.reshape(sides))
    return None


def _dequantised(operands: list[NDArray[np.generic]], axis: int, block: int) -> NDArray[np.float32]:
    """Compute ``(quantised - zero_point) * scale`` as the ONNX operator defines it."""
    quantised = operands[0].astype(np.int64)
    factors = [operands[1].astype(np.float32)]
    factors += [operand.astype(np.int64) for operand in operands[2:]]
    scale, *zero_point = [_spread(factor, quantised.shape, axis, block) for factor in factors]
    difference = quantised - zero_point[0] if zero_point else quantised
    with np.errstate(over="ignore", invalid="ignore"):  # refused below, not warned of
        weights = np.ascontiguousarray(difference.astype(np.float32) * scale, np.float32)
    if not np.isfinite(weights).all():
        raise ValueError("a weight is not a finite number")
    return weights


def _spread(factor: NDArray[Any], shape: tuple[int, ...], axis: int, block: int) -> NDArray[Any]:
    """Bring scales or zero points to a shape that broadcasts to ``shape``."""
    if factor.size == 1:
        return factor.reshape(())
    if block == 0:
        sides = [1] * len(shape)
        sides[axis] = -1
        return factor.reshape(sides)
    if not 0 < block <= shape[axis] or factor.shape[axis] != -(-shape[axis] // block):
        raise InputError("The ONNX model has weights whose blocks do not fit them.")
    return np.take(np.repeat(factor, block, axis), range(shape[axis]), axis)


def _drop_unread(graph: onnx.GraphProto) -> None:
    """Keep the initialisers that something reads, in the order of their names."""
    read = set(_names_read(graph)) | {output.name for output in graph.output}
    kept = sorted((t for t in graph.initializer if t.name in read), key=lambda t: t.name)
    del graph.initializer[:]
    graph.initializer.extend(kept)


def _names_read(graph: onnx.GraphProto) -> Iterable[str]:
    for node in graph.node:
        yield from node.input
        for attribute in node.attribute:
            for inner in (*attribute.graphs, *([attribute.g] if attribute.HasField("g") else [])):
                yield from _names_read(inner)


# 3 ------------------------------------------------------------------------------------------------


def _only_input(graph: onnx.GraphProto) -> onnx.ValueInfoProto:
    """Drop the inputs that are none; return the one that takes pictures."""
    weights = {tensor.name for tensor in graph.initializer}
    read = set(_names_read(graph))
    inputs = [i for i in graph.input if i.name in read and i.name not in weights]
    if len(inputs) != 1:
        raise InputError(f"The ONNX model has {len(inputs)} inputs; expected one for pictures.")
    tensor = inputs[0].type.tensor_type
    sides = tensor.shape.dim
    if tensor.elem_type != TensorProto.FLOAT or len(sides) != 4 or sides[1].dim_value not in {0, 3}:
        raise InputError("The input of the ONNX model is not float32, n × 3 × height × width.")
    kept = onnx.ValueInfoProto()
    kept.CopyFrom(inputs[0])
    del graph.input[:]
    graph.input.append(kept)
    del graph.value_info[:]
    return graph.input[0]


# 4 ------------------------------------------------------------------------------------------------


def _free_sizes(graph: onnx.GraphProto, pictures: onnx.ValueInfoProto) -> None:
    """Let n be anything: a Reshape of data that says 1 first means 'as many as came in'."""
    was = pictures.type.tensor_type.shape.dim[0].dim_value
    constants = {tensor.name: tensor for tensor in graph.initializer}
    for node in graph.node:
        if node.op_type != "Reshape" or node.input[1] not in constants:
            continue
        shape = numpy_helper.to_array(constants[node.input[1]]).copy()
        if shape.size < 2 or shape[0] != was or was < 1:
            continue
        shape[0] = 0
        name = f"{_PREFIX}shape.{node.output[0]}"
        graph.initializer.append(numpy_helper.from_array(shape, name))
        node.input[1] = name
    _drop_unread(graph)


# 5 ------------------------------------------------------------------------------------------------


def _put_preprocessing_in_front(
    graph: onnx.GraphProto, pictures: onnx.ValueInfoProto, wanted: Preprocessing
) -> None:
    nodes = [_node("Cast", PICTURES, "float", to=int(TensorProto.FLOAT))]
    if wanted.colour == "rgb":
        order = _constant(graph, "order", np.array([2, 1, 0], np.int64))
        nodes.append(_node("Gather", nodes[-1].output[0], "swapped", order, axis=3))
    centre, factor = affine_of(wanted)
    if np.any(centre):
        subtrahend = _constant(graph, "centre", centre)
        nodes.append(_node("Sub", nodes[-1].output[0], "centred", subtrahend))
    if np.any(factor != 1):
        multiplier = _constant(graph, "factor", factor)
        nodes.append(_node("Mul", nodes[-1].output[0], "scaled", multiplier))
    nodes.append(_node("Transpose", nodes[-1].output[0], "planes", perm=[0, 3, 1, 2]))
    last = nodes[-1].output[0]
    for node in graph.node:
        for i, name in enumerate(node.input):
            if name == pictures.name:
                node.input[i] = last
    rest = list(graph.node)
    del graph.node[:]
    graph.node.extend([*nodes, *rest])
    del graph.input[:]
    graph.input.append(helper.make_tensor_value_info(PICTURES, TensorProto.UINT8, _shape(wanted)))


def affine_of(wanted: Preprocessing) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return ``centre`` and ``factor``, each of 3, with value = (pixel - centre) * factor."""
    low, high = wanted.range
    pixels_per_unit = 255.0 / (high - low)
    centre = (np.array(wanted.mean) - low) * pixels_per_unit
    factor = np.array(wanted.scale) / pixels_per_unit
    return centre.astype(np.float32), factor.astype(np.float32)


def _node(
    operator: str, data: str, output: str, *constants: str, **attributes: object
) -> onnx.NodeProto:
    return helper.make_node(
        operator, [data, *constants], [_PREFIX + output], _PREFIX + output, **attributes
    )


def _constant(graph: onnx.GraphProto, name: str, value: NDArray[np.generic]) -> str:
    graph.initializer.append(numpy_helper.from_array(value, _PREFIX + name))
    return _PREFIX + name


def _shape(wanted: Preprocessing) -> list[int | str]:
    size = wanted.size
    if isinstance(size, FixedSize):
        return ["n", size.height_px, size.width_px, 3]
    return ["n", "height", "width", 3]


# 6 ------------------------------------------------------------------------------------------------


def _name_outputs(graph: onnx.GraphProto, description: ModelDescription) -> None:
    """Rename an embedder's one output; check that a detector has the outputs of its decoder."""
    widths = description.output.widths
    names = [output.name for output in graph.output]
    if isinstance(description.output, EmbeddingOutput):
        if len(names) != 1:
            raise InputError(f"The ONNX model has {len(names)} outputs; an embedder has one.")
        _rename(graph, names[0], TEMPLATE)
    elif sorted(names) != sorted(widths):
        raise InputError("The ONNX model does not have the twelve outputs of YuNet.")
    del graph.output[:]
    for name, width in widths.items():
        cells: list[int | str] = [] if name == TEMPLATE else [f"cells_{name.split('_')[1]}"]
        info = helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", *cells, width])
        graph.output.append(info)


def _rename(graph: onnx.GraphProto, old: str, new: str) -> None:
    taken = {name for node in graph.node for name in node.output} - {old}
    if new in taken:
        raise InputError(f"A node of the ONNX model is already named {new}.")
    for node in graph.node:
        for names in (node.input, node.output):
            for i, name in enumerate(names):
                if name == old:
                    names[i] = new


def _written(model: onnx.ModelProto) -> bytes:
    model.ir_version = _IR_VERSION
    del model.metadata_props[:]
    model.doc_string = ""
    onnx.checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))

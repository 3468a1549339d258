"""What a graph from a stranger may hold before an engine sees it.

ONNX can name other files to read, run loops, and ask for tensors of any size in a few bytes. A
graph of ours does none of that: it is a plain list of a few operators on its own constants.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Final

import onnx
from onnx.shape_inference import InferenceError

OPERATORS: Final = frozenset(
    {
        *("Add", "Cast", "Concat", "Conv", "DequantizeLinear", "Flatten", "GlobalAveragePool"),
        *("LRN", "MaxPool", "Mean", "Mul", "Pad", "QuantizeLinear", "ReduceMax", "ReduceSum"),
        *("Relu", "Sigmoid", "Slice", "Softmax", "Split", "Sub", "Transpose", "Unsqueeze"),
    }
)
"""All that `detector.engines.onnx_graph` makes use of."""

_MOST_NODES: Final = 20_000  # some three hundred a network
_MOST_VALUES: Final = 1 << 24  # in what one node gives for one window; conv1's are 0.8 million
_INPUT: Final = "windows"
_BYTES: Final[Mapping[int, int]] = {
    onnx.TensorProto.FLOAT: 4,
    onnx.TensorProto.FLOAT16: 2,
    onnx.TensorProto.INT64: 8,
    onnx.TensorProto.INT8: 1,
    onnx.TensorProto.UINT8: 1,
}  # a value of a constant


def check_graph(model: onnx.ModelProto) -> None:
    """Refuse a graph of another kind than `detector.engines.onnx_graph.build_onnx` makes.

    Parameters
    ----------
    model : onnx.ModelProto

    Raises
    ------
    onnx.checker.ValidationError
        If it is not valid ONNX.
    ValueError
        If constants lie in other files or do not fill their shapes, if it holds other operators,
        functions or graphs within graphs, or if a node gives more than 16 million values for one
        window, or nobody knows how many.
    """
    graph = model.graph
    for constant in graph.initializer:
        if not _is_whole(constant):
            raise ValueError(f"its constant '{constant.name}' is not there, or not of its shape")
    strange = sorted({node.op_type for node in graph.node} - OPERATORS)
    if strange or len(graph.node) > _MOST_NODES:
        raise ValueError(f"no detector has its {len(graph.node)} operators {strange[:3] or ''}")
    domains = any(node.domain not in ("", "ai.onnx") for node in graph.node)
    within = any(_holds_more(one) for node in graph.node for one in node.attribute)
    if domains or within or model.functions or model.training_info or graph.sparse_initializer:
        raise ValueError("no detector has functions, graphs within its graph or sparse constants")
    onnx.checker.check_model(model)
    _check_sizes(model)


def _is_whole(constant: onnx.TensorProto) -> bool:
    """Return whether a constant's bytes stand in the file, as many as its shape says."""
    size = _BYTES.get(constant.data_type)
    outside = constant.data_location == onnx.TensorProto.EXTERNAL
    if size is None or outside or min(constant.dims, default=1) < 0:
        return False
    return bool(len(constant.raw_data) == size * prod(constant.dims))


def _holds_more(attribute: onnx.AttributeProto) -> bool:
    """Return whether an attribute is more than numbers and texts."""
    return attribute.type not in (
        onnx.AttributeProto.INT,
        onnx.AttributeProto.INTS,
        onnx.AttributeProto.FLOAT,
        onnx.AttributeProto.FLOATS,
        onnx.AttributeProto.STRING,
    )


def _check_sizes(model: onnx.ModelProto) -> None:
    """Follow the shapes through the graph for one window."""
    inputs = model.graph.input
    sides = len(inputs[0].type.tensor_type.shape.dim) if len(inputs) == 1 else 0
    if sides != 4 or inputs[0].name != _INPUT:
        raise ValueError(f"its graph must take '{_INPUT}' of four sides alone")
    one_window = onnx.ModelProto()
    one_window.CopyFrom(model)
    one_window.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 1
    del one_window.graph.value_info[:]  # what the file says of them, not what they are
    for output in one_window.graph.output:
        output.type.tensor_type.ClearField("shape")
    try:
        inferred = onnx.shape_inference.infer_shapes(one_window, strict_mode=True, data_prop=True)
    except InferenceError as error:
        raise ValueError(f"the shapes in its graph do not fit each other ({error})") from error
    graph = inferred.graph
    values = (*graph.input, *graph.value_info, *graph.output)
    known = {one.name: one.type.tensor_type for one in values}
    for name in (_INPUT, *(name for node in graph.node for name in node.output)):
        if name not in known or not _is_bearable(known[name].shape):
            raise ValueError(f"what its graph gives as '{name}' is too large, or of no known size")


def _is_bearable(shape: onnx.TensorShapeProto) -> bool:
    sides = [side.dim_value if side.HasField("dim_value") else -1 for side in shape.dim]
    return min(sides, default=1) >= 0 and prod(sides) <= _MOST_VALUES

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper

from detector.engines.onnx_check import check_graph
from foundation.graph_builder import GraphBuilder

SIDES = (np.uint8, ["N", 4, 4, 3])


def model_of(
    build: Callable[[GraphBuilder], str], sides: tuple[int | str, ...] = ("N", 4, 4, 3)
) -> onnx.ModelProto:
    """Return a graph of which the last node is what ``build`` names."""
    graph = GraphBuilder()
    graph.node("Relu", [graph.to_float(build(graph))], output="probabilities")
    return graph.build(
        "small",
        inputs={"windows": (np.uint8, sides)},
        outputs={"probabilities": (np.float32, ["a", "b", "c", "d"])},
    )


def plain(graph: GraphBuilder) -> str:
    return graph.node("Transpose", ["windows"], perm=[0, 3, 1, 2])


def doubled(graph: GraphBuilder) -> str:
    found = "windows"
    for _ in range(30):
        found = graph.node("Concat", [found, found], axis=1)
    return found


def padded(graph: GraphBuilder) -> str:
    border = graph.constant(np.array([0, 0, 0, 0, 0, 10**9, 10**9, 0]))
    return graph.node("Pad", ["windows", border])


def spread(graph: GraphBuilder) -> str:
    column = graph.constant(np.zeros((1, 1, 70_000, 1), np.float32))
    row = graph.constant(np.zeros((1, 1, 1, 70_000), np.float32))
    return graph.node("Mul", [column, row])


def of_unknown_size(graph: GraphBuilder) -> str:
    ends = graph.node("ReduceSum", ["windows"], keepdims=0)
    whole = graph.node("Unsqueeze", [graph.node("Cast", [ends], to=TensorProto.INT64),
                                     graph.constant(np.array([0]))])  # fmt: skip
    return graph.node("Slice", ["windows", graph.constant(np.array([0])), whole])


def test_a_graph_of_known_operators_is_taken() -> None:
    check_graph(model_of(plain))


@pytest.mark.parametrize("build", [doubled, padded, spread, of_unknown_size])
def test_a_small_file_cannot_ask_for_much_memory(build: Callable[[GraphBuilder], str]) -> None:
    model = model_of(build)
    assert model.ByteSize() < 1_000_000
    with pytest.raises(ValueError, match="is too large, or of no known size"):
        check_graph(model)


@pytest.mark.parametrize(
    "sides", [("N", 10**5, 10**5, 3), ("N", "H", 4, 3), ("N", 4, 4), ("N", 1, 4, 4, 3)]
)
def test_the_input_has_four_sides_of_a_bearable_size(sides: tuple[int | str, ...]) -> None:
    def build(graph: GraphBuilder) -> str:
        return graph.node("Relu", ["windows"])

    with pytest.raises(ValueError, match=r"too large|no known size|four sides alone|not fit"):
        check_graph(model_of(build, sides))


def outside(model: onnx.ModelProto) -> None:
    constant = model.graph.initializer.add()
    constant.CopyFrom(onnx.numpy_helper.from_array(np.zeros(4, np.float32), "secret"))
    constant.ClearField("raw_data")
    constant.data_location = TensorProto.EXTERNAL
    constant.external_data.add(key="location", value="../../etc/passwd")


def outside_and_inside(model: onnx.ModelProto) -> None:
    outside(model)
    model.graph.initializer[-1].raw_data = b"\0" * 16


def without_its_values(model: onnx.ModelProto) -> None:
    model.graph.initializer.add(name="huge", data_type=TensorProto.FLOAT, dims=[10**9])


def of_negative_sides(model: onnx.ModelProto) -> None:
    model.graph.initializer.add(
        name="odd", data_type=TensorProto.FLOAT, dims=[-1, -1], raw_data=b"\0" * 4
    )


def of_texts(model: onnx.ModelProto) -> None:
    model.graph.initializer.add(
        name="odd", data_type=TensorProto.STRING, dims=[1], string_data=[b"a"]
    )


def filled(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("ConstantOfShape", ["windows"], ["huge"]))


def with_a_loop(model: onnx.ModelProto) -> None:
    body = helper.make_graph([], "body", [], [])
    model.graph.node.append(helper.make_node("Relu", ["windows"], ["more"], body=body))


def of_another_domain(model: onnx.ModelProto) -> None:
    model.graph.node.append(helper.make_node("Relu", ["windows"], ["more"], domain="somebody's"))


def sparse(model: onnx.ModelProto) -> None:
    model.graph.sparse_initializer.add(dims=[10**6, 10**6])


def with_a_function(model: onnx.ModelProto) -> None:
    model.functions.add(name="Relu", domain="somebody's")


def long(model: onnx.ModelProto) -> None:
    model.graph.node.extend([model.graph.node[0]] * 20_001)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (outside, "constant 'secret' is not there, or not of its shape"),
        (outside_and_inside, "constant 'secret' is not there"),
        (without_its_values, "constant 'huge' is not there"),
        (of_negative_sides, "constant 'odd' is not there"),
        (of_texts, "constant 'odd' is not there"),
        (filled, r"operators \['ConstantOfShape'\]"),
        (with_a_loop, "graphs within its graph"),
        (of_another_domain, "functions"),
        (sparse, "sparse constants"),
        (with_a_function, "functions"),
        (long, r"no detector has its 2000\d operators"),
    ],
)
def test_what_no_detector_holds_is_refused(
    change: Callable[[onnx.ModelProto], None], message: str
) -> None:
    model = model_of(plain)
    change(model)
    with pytest.raises(ValueError, match=message):
        check_graph(model)


def test_a_graph_that_is_not_valid_is_refused() -> None:
    model = model_of(plain)
    model.graph.node[0].input[0] = "nowhere"
    with pytest.raises(onnx.checker.ValidationError):
        check_graph(model)

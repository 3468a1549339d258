"""A thin layer over `onnx.helper`: nodes by what they take, constants by their values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
_IR_VERSION = 9  # that OPSET's runtimes read; the installed onnx would write its newest

ValueType = tuple[type[np.generic], Sequence[int | str]]
"""Type and shape of an input or output."""

_LEVELS = 255  # steps from 0 to the largest 8-bit number
_WEIGHT_LEVELS = 127  # steps from 0 to the largest signed one


class GraphBuilder:
    """Collects nodes and constants; every method returns the name of what it added."""

    def __init__(self) -> None:
        self._nodes: list[onnx.NodeProto] = []
        self._constants: dict[str, onnx.TensorProto] = {}

    def node(
        self,
        operator: str,
        inputs: Sequence[str],
        *,
        output: str | None = None,
        **attributes: Any,  # noqa: ANN401 - whatever the operator takes
    ) -> str:
        """Add an operator with one output."""
        output = output or f"{operator.lower()}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(operator, list(inputs), [output], **attributes))
        return output

    def split(self, x: str, count: int, *, axis: int) -> list[str]:
        """Cut a tensor into equal parts."""
        parts = [f"split_{len(self._nodes)}_{number}" for number in range(count)]
        self._nodes.append(helper.make_node("Split", [x], parts, axis=axis))
        return parts

    def constant(self, values: NDArray[Any], name: str | None = None) -> str:
        """Add a constant tensor."""
        name = name or f"constant_{len(self._constants)}"
        self._constants[name] = numpy_helper.from_array(np.ascontiguousarray(values), name)
        return name

    def half_constant(self, values: NDArray[Any], name: str) -> str:
        """Add a tensor, stored as float16; return the name of its float32 values."""
        return self.to_float(self.constant(values.astype(np.float16), name))

    def to_float(self, x: str) -> str:
        """Turn a tensor into float32."""
        return self.node("Cast", [x], to=TensorProto.FLOAT)

    def linear(self, x: str, weight: str, bias: str) -> str:
        """Map (N, I) to (N, O) by a weight (O, I) and a bias (O,).

        Written out as products and sums: the result of a product of matrices would be rounded
        to bfloat16 by OpenVINO in that arithmetic; what follows the last one stays in float32.
        """
        columns = self.node("Transpose", [weight], perm=[1, 0])  # (I, O)
        column = self.node("Unsqueeze", [x, self.constant(np.array([2]))])  # (N, I, 1)
        products = self.node("Mul", [column, columns])  # (N, I, O)
        sums = self.node("ReduceSum", [products, self.constant(np.array([1]))], keepdims=0)
        return self.node("Add", [sums, bias])

    def rounded(self, x: str, largest: float) -> str:
        """Round what is not negative to 256 steps from 0 to ``largest``."""
        scale = self.constant(np.array(largest / _LEVELS, np.float32))
        zero = self.constant(np.array(0, np.uint8))
        whole = self.node("QuantizeLinear", [x, scale, zero])
        return self.node("DequantizeLinear", [whole, scale, zero])

    def eight_bit_weight(
        self, weight: NDArray[np.float32], name: str
    ) -> tuple[str, NDArray[np.float32]]:
        """Add a weight (O, I, h, w) in 8 bits; return its name and the values it stands for."""
        largest = np.abs(weight).max(axis=(1, 2, 3))
        scale = np.where(largest > 0, largest / _WEIGHT_LEVELS, 1).astype(np.float32)  # (O,)
        column = scale[:, None, None, None]
        whole = np.rint(weight / column).astype(np.int8)
        inputs = [
            self.constant(whole, name),
            self.constant(scale),
            self.constant(np.zeros(len(scale), np.int8)),
        ]
        used: NDArray[np.float32] = whole * column
        return self.node("DequantizeLinear", inputs, axis=0), used

    def build(
        self, name: str, *, inputs: Mapping[str, ValueType], outputs: Mapping[str, ValueType]
    ) -> onnx.ModelProto:
        """Return the model.

        Parameters
        ----------
        name : str
            Of the graph.
        inputs, outputs : mapping
            Type and shape of each, by name; a name in place of a number is a side of any length.
        """
        body = helper.make_graph(
            self._nodes,
            name,
            _value_infos(inputs),
            _value_infos(outputs),
            initializer=list(self._constants.values()),
        )
        opset = helper.make_opsetid("", OPSET)
        return helper.make_model(body, opset_imports=[opset], ir_version=_IR_VERSION)


def _value_infos(values: Mapping[str, ValueType]) -> list[onnx.ValueInfoProto]:
    return [
        helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(kind)), shape)
        for name, (kind, shape) in values.items()
    ]

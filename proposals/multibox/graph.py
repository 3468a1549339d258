"""MultiBox as an ONNX graph, made from arrays without PyTorch.

Input ``images``: (N, S, S, 3) uint8 RGB. Output ``predictions``: (N, K, 5), of each prior four
residuals and a logit, as `proposals.multibox.network` has them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from proposals.multibox.layout import (
    CONVOLUTIONAL_LAYERS,
    POOLED_SIDE,
    VALUES,
    ConvLayer,
    head_shapes,
)
from proposals.multibox.weights_file import MultiBoxWeights

if TYPE_CHECKING:
    import onnx

    from foundation.graph_builder import GraphBuilder

_BACKBONE, _HEAD = "backbone.", "head."  # where names of tensors begin
_COARSE_STRIDE = 32  # pixels of the input under a cell of the coarser map


class BackboneGraph(Protocol):
    """A backbone that can be added to a graph, for example ``backbones.graph.GoogLeNetMaps``."""

    def shapes(self) -> Mapping[str, tuple[int, ...]]:
        """Return the shape of each of its tensors, by name."""
        ...

    def add(
        self,
        graph: GraphBuilder,
        images: str,
        tensors: Mapping[str, NDArray[Any]],
        mean_rgb: Sequence[float],
    ) -> tuple[str, str]:
        """Add it; return (N, 832, S / 16, S / 16) and (N, 1024, S / 32, S / 32)."""
        ...


def build_multibox(weights: MultiBoxWeights, backbone: BackboneGraph) -> onnx.ModelProto:
    """Return the graph of a network whose tensors are those that ``network_shapes`` lists."""
    from foundation.graph_builder import GraphBuilder  # and onnx, which a warm start can spare

    graph = GraphBuilder()
    own = {
        name.removeprefix(_BACKBONE): tensor
        for name, tensor in weights.tensors.items()
        if name.startswith(_BACKBONE)
    }
    at_4e, at_5b = backbone.add(graph, "images", own, weights.mean_rgb)
    head = _HeadGraph(graph, weights)
    if weights.head == "convolutional":
        head.convolutional(at_4e, at_5b)
    else:
        head.over_whole_image(at_5b)
    size, count = weights.size, len(weights.priors)
    return graph.build(
        "multibox",
        inputs={"images": (np.uint8, ["N", size, size, 3])},
        outputs={"predictions": (np.float32, ["N", count, VALUES])},
    )


def network_shapes(weights: MultiBoxWeights, backbone: BackboneGraph) -> dict[str, tuple[int, ...]]:
    """Return the shape that each tensor of a network must have, by name."""
    shapes = {f"{_BACKBONE}{name}": shape for name, shape in backbone.shapes().items()}
    for name, shape in head_shapes(weights.head, len(weights.priors)).items():
        shapes[f"{_HEAD}{name}"] = shape
    return shapes


class _HeadGraph:
    """Adds the layers of a head, by the names of its modules in `proposals.multibox.network`."""

    def __init__(self, graph: GraphBuilder, weights: MultiBoxWeights) -> None:
        self._graph = graph
        self._weights = weights

    def convolutional(self, at_4e: str, at_5b: str) -> str:
        """Add `ConvolutionalHead`; return its predictions."""
        fine = self._conv_relu("fine", self._conv_relu("reduce_4e", at_4e))
        middle = self._conv_relu("middle", self._conv_relu("reduce_5b", at_5b))
        coarse = self._conv_relu("halve", middle)
        coarsest = self._conv_relu("quarter", coarse)
        whole = self._graph.node("GlobalAveragePool", [coarsest])
        raw = []
        for number, grid in enumerate((fine, middle, coarse, coarsest, whole)):
            grid = self._conv(f"predict.{number}", grid, ConvLayer(0, 0, 1))
            cells = self._graph.node("Transpose", [grid], perm=[0, 2, 3, 1])
            raw.append(self._reshaped(cells, 0, -1, VALUES))
        return self._graph.node("Concat", raw, output="predictions", axis=1)

    def over_whole_image(self, at_5b: str) -> str:
        """Add `GlobalHead`; return its predictions."""
        reduced = self._conv_relu("reduce", at_5b)
        down = self._graph.constant(_pooling_matrix(-(-self._weights.size // _COARSE_STRIDE)))
        across = self._graph.node("Transpose", [down], perm=[1, 0])
        pooled = self._graph.node("MatMul", [self._graph.node("MatMul", [down, reduced]), across])
        hidden = self._graph.node("Relu", [self._linear("hidden", self._reshaped(pooled, 0, -1))])
        raw = self._linear("predict", hidden)
        shape = self._graph.constant(np.array([0, -1, VALUES]))
        return self._graph.node("Reshape", [raw, shape], output="predictions")

    def _conv_relu(self, name: str, x: str) -> str:
        layer = CONVOLUTIONAL_LAYERS.get(name, ConvLayer(0, 0, 1))
        return self._graph.node("Relu", [self._conv(name, x, layer)])

    def _conv(self, name: str, x: str, layer: ConvLayer) -> str:
        inputs = [x, self._tensor(f"{name}.weight"), self._tensor(f"{name}.bias")]
        return self._graph.node(
            "Conv", inputs, strides=[layer.stride] * 2, pads=[layer.side // 2] * 4
        )

    def _linear(self, name: str, x: str) -> str:
        return self._graph.linear(x, self._tensor(f"{name}.weight"), self._tensor(f"{name}.bias"))

    def _reshaped(self, x: str, *shape: int) -> str:
        return self._graph.node("Reshape", [x, self._graph.constant(np.array(shape))])

    def _tensor(self, name: str) -> str:
        return self._graph.half_constant(self._weights.tensors[f"{_HEAD}{name}"], f"{_HEAD}{name}")


def _pooling_matrix(cells: int) -> NDArray[np.float32]:
    """Return the means (P, cells) that bring a side to P cells, as PyTorch's adaptive pooling."""
    matrix = np.zeros((POOLED_SIDE, cells), np.float32)
    for row in range(POOLED_SIDE):
        first, end = row * cells // POOLED_SIDE, -(-(row + 1) * cells // POOLED_SIDE)
        matrix[row, first:end] = 1 / (end - first)
    return matrix

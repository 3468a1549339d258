"""GoogLeNet as a part of an ONNX graph, in float32 or with 8-bit convolutions.

The graph is made from arrays, without PyTorch. Weights are stored as float16, as in the files that
they come from, or in 8 bits.

The frame that the first convolution pads is filled with the mean colour. In 8 bits the mean is
not subtracted: the bias takes in what it would have contributed, so that images stay 8-bit
numbers up to the first multiplication. In floats it is subtracted: where bfloat16 rounds the
weights, a bias made for the exact ones would shift a whole channel.

In 8 bits, weights have one scale for each output channel, symmetric about 0; activations one
scale for each place of `backbones.layout.range_points`, from 0 to its range. Sums, biases, local
response normalisation and the classifier stay in floats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from backbones.layout import INCEPTION_WIDTHS, LRN, STEM_BLOCKS, parameter_shapes

if TYPE_CHECKING:  # the caller made the builder, and so has onnx
    from foundation.graph_builder import GraphBuilder

_CONV1_PADDING = 3

Tensors = Mapping[str, NDArray[Any]]
"""Weights by the names of `backbones.layout.parameter_shapes`, of a float type."""


def framed_images(graph: GraphBuilder, images: str, mean_rgb: Sequence[float]) -> str:
    """Add the padding of the first convolution, filled with the mean colour.

    Parameters
    ----------
    graph : GraphBuilder
    images : str
        Name of (N, S, S, 3) uint8 RGB.
    mean_rgb : sequence of 3 float
        0-255.

    Returns
    -------
    str
        Name of (N, 3, S + 6, S + 6) uint8.
    """
    planes = graph.node("Transpose", [images], perm=[0, 3, 1, 2])
    border = np.array([0, 0, _CONV1_PADDING, _CONV1_PADDING] * 2)
    framed = [
        graph.node(
            "Pad",
            [plane, graph.constant(border), graph.constant(np.array(round(value), np.uint8))],
            mode="constant",
        )
        for plane, value in zip(graph.split(planes, 3, axis=1), mean_rgb, strict=True)
    ]
    return graph.node("Concat", framed, axis=1)


class GoogLeNetMaps:
    """GoogLeNet without its classifier, in floats, as a part of another network's graph."""

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Return the shape of each tensor that `add` looks at, by name."""
        shapes = parameter_shapes(1)
        return {name: shape for name, shape in shapes.items() if "classifier" not in name}

    def add(
        self, graph: GraphBuilder, images: str, tensors: Tensors, mean_rgb: Sequence[float]
    ) -> tuple[str, str]:
        """Add what `backbones.GoogLeNet.maps` gives of images.

        Parameters
        ----------
        graph, images, mean_rgb
            As `framed_images` takes them.
        tensors : mapping
            Of the names and shapes of ``shapes``.

        Returns
        -------
        tuple of two str
            Names of (N, 832, S / 16, S / 16) and (N, 1024, S / 32, S / 32).
        """
        network = GoogLeNetGraph(graph, tensors, mean_rgb)
        return network.maps(network.stem(framed_images(graph, images, mean_rgb)))


class GoogLeNetGraph:
    """Adds the layers of one `backbones.GoogLeNet` to a graph, by the names of its modules.

    Parameters
    ----------
    graph : GraphBuilder
    tensors : mapping
        Its weights.
    mean_rgb : sequence of 3 float
        Colour that the input has subtracted, 0-255.
    ranges : mapping of str to float, optional
        The largest activation at each of `backbones.layout.range_points`, for 8-bit
        convolutions; floats where it is left out.
    prefix : str
        Of the names of its constants, which tells networks of one graph apart.
    """

    def __init__(
        self,
        graph: GraphBuilder,
        tensors: Tensors,
        mean_rgb: Sequence[float],
        ranges: Mapping[str, float] | None = None,
        prefix: str = "",
    ) -> None:
        self._graph = graph
        self._tensors = tensors
        self._mean = np.array(mean_rgb, np.float32)
        self._ranges = ranges
        self._prefix = prefix

    def stem(self, framed: str) -> str:
        """Add conv1 to 3b and the max-pool after it, on framed images; return their output."""
        x = self._pool(self._conv1(framed), stride=2)
        x = self._round("lrn1", self._lrn(x))
        x = self._round("conv2_reduce", self._conv("conv2_reduce", x))
        x = self._lrn(self._conv("conv2", x, padding=1))
        x = self._round("lrn2", self._pool(x, stride=2))
        for block in STEM_BLOCKS:
            x = self._inception(f"inception_{block}", x)
        return self._pool(x, stride=2)

    def maps(self, x: str) -> tuple[str, str]:
        """Add 4a to 5b on a stem's output; return the grids of 4e and of 5b."""
        at_4e = ""
        for block in INCEPTION_WIDTHS:
            if block not in STEM_BLOCKS:
                x = self._inception(f"inception_{block}", x)
            if block == "4e":
                at_4e, x = x, self._pool(x, stride=2)
        return at_4e, x

    def logits(self, x: str) -> str:
        """Add 4a to the classifier on a stem's output; return the logits (N, C) in float32."""
        _, at_5b = self.maps(x)
        features = self._graph.node("Flatten", [self._graph.node("GlobalAveragePool", [at_5b])])
        return self._graph.linear(
            features, self._floats("classifier.weight"), self._floats("classifier.bias")
        )

    def _floats(self, name: str) -> str:
        """Add a tensor of the network, stored as float16; return its float32 name."""
        return self._graph.half_constant(self._tensors[name], self._prefix + name)

    def _inception(self, name: str, x: str) -> str:
        narrow = [
            self._round(f"{name}.{path}_reduce", self._conv(f"{name}.{path}_reduce", x))
            for path in ("conv3x3", "conv5x5")
        ]
        branches = [
            self._conv(f"{name}.conv1x1", x),
            self._conv(f"{name}.conv3x3", narrow[0], padding=1),
            self._conv(f"{name}.conv5x5", narrow[1], padding=2),
            self._conv(f"{name}.pool_proj", self._pool(x, stride=1)),
        ]
        return self._graph.node("Concat", [self._round(name, one) for one in branches], axis=1)

    def _conv1(self, framed: str) -> str:
        weight, used = self._weight("conv1")
        bias = self._tensors["conv1.bias"].astype(np.float32)
        x = self._graph.to_float(framed)
        if self._ranges is None:
            x = self._graph.node("Sub", [x, self._graph.constant(self._mean[:, None, None])])
        else:
            x = self._graph.rounded(x, 255.0)
            bias = bias - used.sum(axis=(2, 3)) @ self._mean
        name = self._graph.constant(bias, f"{self._prefix}conv1.bias")
        y = self._graph.node("Conv", [x, weight, name], strides=[2, 2])
        return self._graph.node("Relu", [y])

    def _conv(self, name: str, x: str, *, padding: int = 0) -> str:
        weight, _ = self._weight(name)
        y = self._graph.node("Conv", [x, weight, self._floats(f"{name}.bias")], pads=[padding] * 4)
        return self._graph.node("Relu", [y])

    def _weight(self, name: str) -> tuple[str, NDArray[np.float32]]:
        """Add the weight of a convolution; return its name, and its values as they are used."""
        key = f"{name}.weight"
        values = self._tensors[key].astype(np.float32)
        if self._ranges is None:
            return self._floats(key), values
        return self._graph.eight_bit_weight(values, self._prefix + key)

    def _round(self, point: str, x: str) -> str:
        if self._ranges is None or point not in self._ranges:
            return x
        return self._graph.rounded(x, self._ranges[point])

    def _lrn(self, x: str) -> str:
        return self._graph.node(
            "LRN", [x], size=LRN.size, alpha=LRN.alpha, beta=LRN.beta, bias=LRN.k
        )

    def _pool(self, x: str, *, stride: int) -> str:
        # Caffe rounds the size up and lets the last window hang over the border.
        border = [1, 1, 1, 1] if stride == 1 else [0, 0, 0, 0]
        return self._graph.node(
            "MaxPool", [x], kernel_shape=[3, 3], strides=[stride] * 2, pads=border,
            ceil_mode=int(stride == 2),
        )  # fmt: skip

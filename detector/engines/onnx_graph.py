"""The networks of an ensemble as one ONNX graph, in float32 or with 8-bit convolutions.

Input ``windows``: (N, S, S, 3) uint8 RGB, as warped. Outputs: ``probabilities`` (N, C + 1)
float32, the mean of the members' scores, and ``member_probabilities`` (M, N, C + 1).

Members with the same stem share it: conv1 to 3b stand in the graph once for all of them.

The frame that the first convolution pads is filled with the mean colour. In 8 bits the mean is
not subtracted: the bias takes in what it would have contributed, so that windows stay 8-bit
numbers up to the first multiplication. In floats it is subtracted: where bfloat16 rounds the
weights, a bias made for the exact ones would shift a whole channel.

In 8 bits, weights have one scale for each output channel, symmetric about 0; activations one
scale a place, from 0 to the range of `calibration`; of a shared stem, to the largest of its
members' ranges. Sums, biases, local response normalisation
and the classifier stay in floats.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import TensorProto, helper

from backbones.googlenet import INCEPTION_WIDTHS
from backbones.lrn import LocalResponseNorm
from detector.engines.engine import check_members
from detector.engines.graph_builder import GraphBuilder
from detector.engines.stem import same_stems, stem_ranges
from detector.members.network import Member

OPSET = 17
_IR_VERSION = 9  # that OPSET's runtimes read; the installed onnx would write its newest
_CONV1_PADDING = 3
_STEM_BLOCKS = ("3a", "3b")


def build_onnx(members: Sequence[Member], *, eight_bits: bool) -> onnx.ModelProto:
    """Return the graph of an ensemble.

    Parameters
    ----------
    members : sequence of Member
        Of the same classes and input.
    eight_bits : bool
        Whether convolutions take 8-bit numbers; else float32. Their weights are stored as
        float16, as in member files.

    Raises
    ------
    ValueError
        If the members do not agree, or one is not calibrated and ``eight_bits`` is set.
    """
    check_members(members)
    statistics, outputs = members[0].statistics, len(members[0].classes) + 1
    graph = GraphBuilder()
    framed = _frame(graph, "windows", statistics.mean_rgb)
    scores = _scores_of_each(graph, framed, members, eight_bits=eight_bits)
    each = [graph.node("Unsqueeze", [one, graph.constant(np.array([0]))]) for one in scores]
    graph.node("Concat", each, output="member_probabilities", axis=0)
    graph.node("Mean", scores, output="probabilities")
    side = statistics.size
    body = graph.build(
        [helper.make_tensor_value_info("windows", TensorProto.UINT8, ["N", side, side, 3])],
        [
            helper.make_tensor_value_info("probabilities", TensorProto.FLOAT, ["N", outputs]),
            helper.make_tensor_value_info(
                "member_probabilities", TensorProto.FLOAT, [len(members), "N", outputs]
            ),
        ],
    )
    opset = helper.make_opsetid("", OPSET)
    return helper.make_model(body, opset_imports=[opset], ir_version=_IR_VERSION)


def _frame(graph: GraphBuilder, windows: str, mean_rgb: Sequence[float]) -> str:
    """Return (N, 3, S + 6, S + 6) uint8: the padding of the first convolution, filled."""
    planes = graph.node("Transpose", [windows], perm=[0, 3, 1, 2])
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


def _scores_of_each(
    graph: GraphBuilder, framed: str, members: Sequence[Member], *, eight_bits: bool
) -> list[str]:
    """Add every stem once and every trunk; return the scores (N, C + 1) of each member."""
    if eight_bits and not all(member.activation_ranges for member in members):
        raise ValueError(
            "8-bit arithmetic needs a calibrated member: run inception-rcnn calibrate on its file,"
            " or choose another precision"
        )
    stems: dict[int, str] = {}
    scores = []
    firsts = same_stems(members)
    for number, (first, member) in enumerate(zip(firsts, members, strict=True)):
        if first == number:
            alike = [other for at, other in zip(firsts, members, strict=True) if at == first]
            common = stem_ranges(alike) if eight_bits else None
            stem = _NetworkBuilder(graph, member, common, f"stem{number}/")
            stems[first] = stem.stem(framed)
        own = member.activation_ranges if eight_bits else None
        trunk = _NetworkBuilder(graph, member, own, f"member{number}/")
        scores.append(trunk.scores(stems[first]))
    return scores


class _NetworkBuilder:
    """Adds the layers of one `GoogLeNet`, by the names of its modules."""

    def __init__(
        self,
        graph: GraphBuilder,
        member: Member,
        ranges: Mapping[str, float] | None,
        prefix: str,
    ) -> None:
        self._graph = graph
        self._member = member
        self._weights = {
            name: tensor.detach().float().cpu().numpy()
            for name, tensor in member.network.state_dict().items()
        }
        self._ranges = ranges
        self._prefix = prefix

    def stem(self, framed: str) -> str:
        """Add what `GoogLeNet.stem` does, on framed windows; return its output."""
        mean = np.array(self._member.statistics.mean_rgb, np.float32)
        x = self._pool(self._conv1(framed, mean), stride=2)
        x = self._round("lrn1", self._lrn(x, self._member.network.lrn1))
        x = self._round("conv2_reduce", self._conv("conv2_reduce", x))
        x = self._lrn(self._conv("conv2", x, padding=1), self._member.network.lrn2)
        x = self._round("lrn2", self._pool(x, stride=2))
        for block in _STEM_BLOCKS:
            x = self._inception(f"inception_{block}", x)
        return self._pool(x, stride=2)

    def scores(self, x: str) -> str:
        """Add 4a to the classifier, on a stem's output; return the scores."""
        for block in INCEPTION_WIDTHS:
            if block not in _STEM_BLOCKS:
                x = self._inception(f"inception_{block}", x)
            if block == "4e":
                x = self._pool(x, stride=2)
        features = self._graph.node("Flatten", [self._graph.node("GlobalAveragePool", [x])])
        classifier = self._floats("classifier.weight"), self._floats("classifier.bias")
        outputs = self._graph.linear(features, *classifier)
        if self._member.classifier == "softmax":
            return self._graph.node("Softmax", [outputs], axis=1)
        return self._svm_scores(outputs)

    def _svm_scores(self, outputs: str) -> str:
        """Do what `detector.members.network` does with the margins of SVMs."""
        graph, count = self._graph, len(self._member.classes)
        first, end, axis = (graph.constant(np.array([at])) for at in (1, count + 1, 1))
        of_classes = graph.node("Sigmoid", [graph.node("Slice", [outputs, first, end, axis])])
        largest = graph.node("ReduceMax", [of_classes], axes=[1], keepdims=1)
        background = graph.node("Sub", [graph.constant(np.array(1, np.float32)), largest])
        return graph.node("Concat", [background, of_classes], axis=1)

    def _floats(self, name: str) -> str:
        """Add a tensor of the network, stored as float16; return its float32 name."""
        half = self._graph.constant(self._weights[name].astype(np.float16), self._prefix + name)
        return self._graph.node("Cast", [half], to=TensorProto.FLOAT)

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

    def _conv1(self, framed: str, mean: NDArray[np.float32]) -> str:
        weight, used = self._weight("conv1")
        bias = self._weights["conv1.bias"]
        x = self._graph.node("Cast", [framed], to=TensorProto.FLOAT)
        if self._ranges is None:
            x = self._graph.node("Sub", [x, self._graph.constant(mean[:, None, None])])
        else:
            x = self._graph.rounded(x, 255.0)
            bias = bias - used.sum(axis=(2, 3)) @ mean
        y = self._graph.node(
            "Conv", [x, weight, self._graph.constant(bias, f"{self._prefix}conv1.bias")],
            strides=[2, 2],
        )  # fmt: skip
        return self._graph.node("Relu", [y])

    def _conv(self, name: str, x: str, *, padding: int = 0) -> str:
        weight, _ = self._weight(name)
        y = self._graph.node("Conv", [x, weight, self._floats(f"{name}.bias")], pads=[padding] * 4)
        return self._graph.node("Relu", [y])

    def _weight(self, name: str) -> tuple[str, NDArray[np.float32]]:
        """Add the weight of a convolution; return its name, and its values as they are used."""
        key = f"{name}.weight"
        if self._ranges is None:
            return self._floats(key), self._weights[key]
        return self._graph.eight_bit_weight(self._weights[key], self._prefix + key)

    def _round(self, point: str, x: str) -> str:
        if self._ranges is None or point not in self._ranges:
            return x
        return self._graph.rounded(x, self._ranges[point])

    def _lrn(self, x: str, lrn: LocalResponseNorm) -> str:
        return self._graph.node(
            "LRN", [x], size=lrn.size, alpha=lrn.alpha, beta=lrn.beta, bias=lrn.k
        )

    def _pool(self, x: str, *, stride: int) -> str:
        # Caffe rounds the size up and lets the last window hang over the border.
        border = [1, 1, 1, 1] if stride == 1 else [0, 0, 0, 0]
        return self._graph.node(
            "MaxPool", [x], kernel_shape=[3, 3], strides=[stride] * 2, pads=border,
            ceil_mode=int(stride == 2),
        )  # fmt: skip

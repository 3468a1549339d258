"""The networks of an ensemble as one ONNX graph, in float32 or with 8-bit convolutions.

Input ``windows``: (N, S, S, 3) uint8 RGB, as warped. Outputs: ``probabilities`` (N, C + 1)
float32, the mean of the members' scores, and ``member_probabilities`` (M, N, C + 1).

Members with the same stem share it: conv1 to 3b stand in the graph once for all of them. In 8 bits
a shared stem's activations are rounded to the largest of its members' ranges.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import onnx

from backbones.graph import GoogLeNetGraph, framed_images
from detector.engines.engine import check_calibrated
from detector.engines.stem import same_stems, stem_ranges
from detector.members.member import Member
from detector.members.settings import check_members
from foundation.graph_builder import GraphBuilder


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
    if eight_bits:
        check_calibrated(members)
    statistics, outputs = members[0].statistics, len(members[0].classes) + 1
    graph = GraphBuilder()
    framed = framed_images(graph, "windows", statistics.mean_rgb)
    scores = _scores_of_each(graph, framed, members, eight_bits=eight_bits)
    each = [graph.node("Unsqueeze", [one, graph.constant(np.array([0]))]) for one in scores]
    graph.node("Concat", each, output="member_probabilities", axis=0)
    graph.node("Mean", scores, output="probabilities")
    return graph.build(
        "ensemble",
        inputs={"windows": (np.uint8, ["N", statistics.size, statistics.size, 3])},
        outputs={
            "probabilities": (np.float32, ["N", outputs]),
            "member_probabilities": (np.float32, [len(members), "N", outputs]),
        },
    )


def _scores_of_each(
    graph: GraphBuilder, framed: str, members: Sequence[Member], *, eight_bits: bool
) -> list[str]:
    """Add every stem once and every trunk; return the scores (N, C + 1) of each member."""
    stems: dict[int, str] = {}
    scores = []
    firsts = same_stems(members)
    for number, (first, member) in enumerate(zip(firsts, members, strict=True)):
        mean_rgb = member.statistics.mean_rgb
        if first == number:
            alike = [other for at, other in zip(firsts, members, strict=True) if at == first]
            common = stem_ranges(alike) if eight_bits else None
            stem = GoogLeNetGraph(graph, member.tensors, mean_rgb, common, f"stem{number}/")
            stems[first] = stem.stem(framed)
        own = member.activation_ranges if eight_bits else None
        trunk = GoogLeNetGraph(graph, member.tensors, mean_rgb, own, f"member{number}/")
        scores.append(_scores(graph, trunk.logits(stems[first]), member))
    return scores


def _scores(graph: GraphBuilder, logits: str, member: Member) -> str:
    """Add what makes scores (N, C + 1) of the last layer's outputs."""
    if member.classifier == "softmax":
        return graph.node("Softmax", [logits], axis=1)
    count = len(member.classes)  # margins of SVMs, as `detector.members.network` treats them
    first, end, axis = (graph.constant(np.array([at])) for at in (1, count + 1, 1))
    of_classes = graph.node("Sigmoid", [graph.node("Slice", [logits, first, end, axis])])
    largest = graph.node("ReduceMax", [of_classes], axes=[1], keepdims=1)
    background = graph.node("Sub", [graph.constant(np.array(1, np.float32)), largest])
    return graph.node("Concat", [background, of_classes], axis=1)

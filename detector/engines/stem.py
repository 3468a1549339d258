"""Which members of an ensemble have the same stem, so that it need run only once.

Members that were fine-tuned from the same weights with conv1 to 3b frozen differ in their
trunks alone. That is seen from the weights themselves; no file and no setting says it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backbones.layout import STEM_MODULES
from detector.members.member import Member
from detector.members.settings import MemberSettings


def same_stems(members: Sequence[Member]) -> tuple[int, ...]:
    """Return for each member the number of the first one whose stem has the same weights.

    Members of different stems may be mixed: each stem runs once.
    """
    stems = [_stem_weights(member) for member in members]
    return tuple(
        next(number for number, other in enumerate(stems) if _are_equal(stem, other))
        for stem in stems
    )


def stem_ranges(members: Sequence[MemberSettings]) -> dict[str, float]:
    """Return the largest activation of any of the members at each place of their common stem.

    They may have been calibrated on different regions; the largest clips none of them.
    """
    ranges: dict[str, float] = {}
    for member in members:
        for point, value in member.activation_ranges.items():
            if _is_in_stem(point):
                ranges[point] = max(ranges.get(point, 0.0), value)
    return ranges


def _is_in_stem(point: str) -> bool:
    return point.startswith("lrn") or point.split(".")[0] in STEM_MODULES


def _stem_weights(member: Member) -> list[NDArray[Any]]:
    return [
        member.tensors[name]
        for name in sorted(member.tensors)
        if name.split(".")[0] in STEM_MODULES
    ]


def _are_equal(weights: Sequence[NDArray[Any]], others: Sequence[NDArray[Any]]) -> bool:
    return all(np.array_equal(one, other) for one, other in zip(weights, others, strict=True))

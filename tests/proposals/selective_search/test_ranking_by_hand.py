"""The order of proposals, worked out by hand.

Three plain blocks in a row, A of 10 x 12 pixels, B of 30 x 12, C of 5 x 12. By size the two
smallest neighbours are joined first, B and C; by fill all neighbours are as good (a row has no
gaps), and of equal pairs the first is joined, A and B. So there are two hierarchies of two joins
for each k, and both k leave the three blocks as they are.
"""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from proposals import SelectiveSearch, SelectiveSearchConfig

A, B, C = (0, 0, 10, 12), (10, 0, 40, 12), (40, 0, 45, 12)
AB, BC, ALL = (0, 0, 40, 12), (10, 0, 45, 12), (0, 0, 45, 12)

# Box, priority, and the number that RandomState(0).random_sample gives it. Of two joins the
# first has priority 2 and the last 1; the blocks have 3, and are listed once for each k.
LISTED = [
    # k = 10, by size
    (A, 3, 0.5488135039273248),  # 1.646
    (B, 3, 0.7151893663724195),  # 2.146
    (C, 3, 0.6027633760716439),
    (BC, 2, 0.5448831829968969),  # 1.090
    (ALL, 1, 0.4236547993389047),  # 0.424
    # k = 10, by fill
    (AB, 2, 0.6458941130666561),  # 1.292
    (ALL, 1, 0.4375872112626925),  # 0.438
    # k = 20, by size
    (A, 3, 0.8917730007820798),  # 2.675
    (B, 3, 0.9636627605010293),  # 2.891
    (C, 3, 0.3834415188257777),
    (BC, 2, 0.7917250380826646),  # 1.583
    (ALL, 1, 0.5288949197529045),  # 0.529
    # k = 20, by fill
    (AB, 2, 0.5680445610939323),  # 1.136
    (ALL, 1, 0.925596638292661),  # 0.926
]
# By the products, the lowest first; C is narrower than 10 pixels; each box where it comes first.
RANKED = [LISTED[index] for index in (4, 3, 12, 0, 1)]  # ALL, BC, AB, A, B


def blocks() -> NDArray[np.uint8]:
    colours = np.array([[250, 0, 0], [0, 250, 0], [0, 0, 250]], np.uint8)
    return colours.repeat([10, 30, 5], axis=0)[None].repeat(12, axis=0)


def search(seed: int = 0, min_side: int = 10) -> SelectiveSearch:
    config = SelectiveSearchConfig(
        ks=(10, 20),
        colour_spaces=("rgb",),
        similarities=(("size",), ("fill",)),
        sigma=0,
        working_width=None,
        min_side=min_side,
    )
    return SelectiveSearch(config, seed=seed)


def test_boxes_come_by_priority_times_a_random_number() -> None:
    found = search()(blocks())
    assert [tuple(box) for box in found.boxes_xyxy] == [box for box, _, _ in RANKED]
    products = [priority * number for _, priority, number in RANKED]
    assert found.scores.tolist() == [np.float32(-product) for product in products]
    assert found.ranks.tolist() == [0, 1, 2, 3, 4]


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_another_seed_draws_other_numbers_for_the_same_list(seed: int) -> None:
    numbers = np.random.RandomState(seed).random_sample(len(LISTED))
    keys = [priority * number for (_, priority, _), number in zip(LISTED, numbers, strict=True)]
    order = sorted(range(len(LISTED)), key=keys.__getitem__)
    expected = dict.fromkeys(LISTED[index][0] for index in order if LISTED[index][0] != C)
    found = search(seed)(blocks())
    assert [tuple(box) for box in found.boxes_xyxy] == list(expected)


def test_a_side_too_short_in_either_direction_drops_a_box() -> None:
    lying = np.ascontiguousarray(blocks().transpose(1, 0, 2))
    for picture in (blocks(), lying):
        assert len(search(min_side=10)(picture)) == 5  # 10 pixels are enough
        assert len(search(min_side=11)(picture)) == 4  # without A
        assert len(search(min_side=5)(picture)) == 6  # with C
        assert len(search(min_side=13)(picture)) == 0

from __future__ import annotations

import numpy as np
import pytest

from proposals.selective_search.working_size import to_width, working_size


@pytest.mark.parametrize(
    ("height", "width", "expected"),
    [
        (375, 500, (375, 500)),
        (300, 400, (375, 500)),
        (300, 451, (333, 500)),  # 332.6: MATLAB's imresize rounds up
        (333, 499, (334, 500)),  # 333.67
        (201, 300, (335, 500)),  # just 335, no rounding of floats above it
        (1, 4000, (1, 500)),
        (4000, 1000, (2000, 500)),
        (4001, 1000, (2000, 500)),  # held to four times the width
        (4000, 1, (2000, 1)),
    ],
)
def test_heights_are_rounded_up_and_bounded(
    height: int, width: int, expected: tuple[int, int]
) -> None:
    assert working_size(height, width, 500) == expected
    assert to_width(np.zeros((height, width, 3), np.uint8), 500).shape[:2] == expected


def test_a_picture_of_the_width_is_left_as_it_is() -> None:
    picture = np.zeros((40, 60, 3), np.uint8)
    assert to_width(picture, 60) is picture

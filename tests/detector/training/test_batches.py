from __future__ import annotations

import pytest
import torch

from backbones.training.loop import TrainingBatch
from detector.training.batches import first_windows


class Numbered:
    """Windows of a pixel that hold their step and place."""

    batch_size = 4

    def load(self, step: int, places: range) -> TrainingBatch:
        inputs = torch.tensor([10 * step + place for place in places], dtype=torch.uint8)
        return TrainingBatch(inputs, torch.zeros(len(places), dtype=torch.int64))


@pytest.mark.parametrize(
    ("count", "steps", "expected"),
    [
        (2, 3, [[10, 11]]),
        (4, 3, [[10, 11, 12, 13]]),
        (6, 3, [[10, 11, 12, 13], [20, 21]]),
        (99, 2, [[10, 11, 12, 13], [20, 21, 22, 23]]),
    ],
)
def test_the_first_windows_of_a_run_are_as_many_as_asked_for(
    count: int, steps: int, expected: list[list[int]]
) -> None:
    assert [windows.tolist() for windows in first_windows(Numbered(), count, steps)] == expected

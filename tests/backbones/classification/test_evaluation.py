from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from backbones import CropGeometry, ImageClassifier, InputStatistics
from backbones.classification.evaluation import ErrorRates, error_rates


class FirstPixel(nn.Module):
    """Logits of 8 classes: the closer a class's number to the first pixel's red, the larger."""

    def __init__(self) -> None:
        super().__init__()
        self.classes = nn.Parameter(torch.arange(8.0))

    def forward(self, x: Tensor) -> Tensor:
        return -(x[:, 0, :1, 0] - self.classes).abs()


CLASSIFIER = ImageClassifier(
    FirstPixel(), InputStatistics((0, 0, 0)), list("abcdefgh"), CropGeometry.WARPED
)


def paint(path: Path) -> NDArray[np.uint8]:
    return np.full((30, 40, 3), int(path.stem), np.uint8)


def count(pictures: list[tuple[str, int]], crops: int = 1) -> tuple[ErrorRates, list[str]]:
    """Classify pictures of (name, label)."""
    lines: list[str] = []

    def read(path: Path) -> NDArray[np.uint8]:
        if path.stem == "broken":
            raise ValueError(f"{path}: broken")
        return paint(path)

    paths, labels = [Path(name) for name, _ in pictures], [label for _, label in pictures]
    steps: list[int] = []
    found = error_rates(CLASSIFIER, paths, labels, crops, read, lines.append, steps.append)
    assert steps == list(range(1, len(pictures) + 1))
    return found, lines


@pytest.mark.parametrize("pictures", [[], [("broken", 0)]])
def test_of_no_pictures_there_is_no_error_rate(pictures: list[tuple[str, int]]) -> None:
    found, _ = count(pictures)
    assert found.pictures == 0
    assert math.isnan(found.top1)
    assert math.isnan(found.top5)


@pytest.mark.parametrize("crops", [1, 10, 144])
def test_errors_are_the_pictures_whose_class_is_not_among_the_first(crops: int) -> None:
    # Red 0: the classes come in their order, so a label is its own rank.
    pictures = [("0", 0), ("0", 1), ("0", 4), ("0", 5), ("broken", 0)]
    found, lines = count(pictures, crops)
    assert found == ErrorRates(pictures=4, top1=0.75, top5=0.25)
    assert lines == ["broken: broken"]


def test_of_equal_classes_the_first_wins_as_in_classify() -> None:
    found, _ = count([("200", 7)])  # class 7 is the closest
    assert found.top1 == 0
    flat = ImageClassifier(nn.Conv2d(3, 3, 224), InputStatistics(), "abc", CropGeometry.WARPED)
    nn.init.zeros_(flat.network.weight)  # type: ignore[arg-type]
    nn.init.zeros_(flat.network.bias)  # type: ignore[arg-type]
    flat.network = nn.Sequential(flat.network, nn.Flatten())
    for label, error in ((0, 0), (1, 1)):
        one = error_rates(flat, [Path("9")], [label], 1, paint, print, lambda _done: None)
        assert one.top1 == error


def test_other_numbers_of_crops_are_refused() -> None:
    with pytest.raises(ValueError, match="count must be one of"):
        count([("0", 0)], crops=2)

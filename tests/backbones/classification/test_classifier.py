from __future__ import annotations

import numpy as np
import pytest
import torch
from skimage import data
from torch import Tensor, nn

from backbones import CropGeometry, ImageClassifier, InputStatistics, crop_picture


class MeanColour(nn.Module):
    """Three logits: the mean of each colour."""

    def __init__(self) -> None:
        super().__init__()
        self.scale = nn.Parameter(torch.tensor(0.01))

    def forward(self, x: Tensor) -> Tensor:
        return x.mean(dim=(2, 3)) * self.scale


@pytest.fixture(params=CropGeometry)
def classifier(request: pytest.FixtureRequest) -> ImageClassifier:
    return ImageClassifier(MeanColour(), InputStatistics(), ["red", "green", "blue"], request.param)


@pytest.mark.parametrize("crops", [1, 10, 144])
def test_probabilities_are_the_mean_softmax_over_crops(
    classifier: ImageClassifier, crops: int
) -> None:
    picture = data.astronaut()[:, 100:]
    distinct = crop_picture(picture, crops, classifier.geometry)
    windows = np.repeat(distinct.pixels, distinct.repeats, axis=0)
    assert len(windows) == crops
    with torch.no_grad():
        logits = classifier.network(classifier.statistics.normalise(torch.as_tensor(windows)))
    expected = logits.softmax(dim=1).mean(dim=0).numpy()
    found = classifier.probabilities(picture, crops)
    assert found.dtype == np.float32
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_the_best_classes_come_first_by_name(classifier: ImageClassifier) -> None:
    picture = np.full((30, 40, 3), (10, 250, 90), np.uint8)
    found = classifier.classify(picture, top=2)
    assert [(one.index, one.name) for one in found] == [(1, "green"), (2, "blue")]
    assert found[0].probability > found[1].probability


def test_no_more_classes_are_given_than_there_are(classifier: ImageClassifier) -> None:
    found = classifier.classify(data.chelsea(), top=9)
    assert sum(one.probability for one in found) == pytest.approx(1)
    assert len(found) == 3

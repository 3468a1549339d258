"""What a whole picture shows: the mean softmax of a network over crops of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from backbones.classification.crops import CropGeometry, PictureCrops, crop_picture
from backbones.preprocess import InputStatistics

_BATCH = 16  # crops that pass the network together: few enough for a processor's caches


@dataclass(frozen=True)
class ClassScore:
    """A class of a picture.

    Attributes
    ----------
    index : int
        Of the network's output.
    name : str
    probability : float
        Mean softmax over the crops.
    """

    index: int
    name: str
    probability: float


class ImageClassifier:
    """Classifies pictures.

    Parameters
    ----------
    network : nn.Module
        From (N, 3, 224, 224) to (N, C) logits. It is used as it stands, on its own device and
        in its own arithmetic; `prepare_network` brings it there.
    statistics : InputStatistics
        What the network expects of its input.
    names : sequence of str
        Of the C classes.
    geometry : CropGeometry
        How its pictures are cut: that which it was trained with.
    """

    def __init__(
        self,
        network: nn.Module,
        statistics: InputStatistics,
        names: Sequence[str],
        geometry: CropGeometry,
    ) -> None:
        self.network = network
        self.statistics = statistics
        self.names = tuple(names)
        self.geometry = geometry

    def probabilities(self, image: NDArray[np.uint8], crops: int = 1) -> NDArray[np.float32]:
        """Return the mean softmax scores ``(C,)`` over crops of an (H, W, 3) uint8 picture.

        Raises
        ------
        ValueError
            If the picture, or the number of crops, is none that `crop_picture` takes.
        """
        return self.mean_scores(crop_picture(image, crops, self.geometry))

    def mean_scores(self, crops: PictureCrops) -> NDArray[np.float32]:
        """Return the mean softmax scores ``(C,)`` over crops, each counted as often as it says."""
        windows = torch.from_numpy(crops.pixels)
        starts = range(0, len(windows), _BATCH)
        scores = torch.cat([self._scores(windows[start : start + _BATCH]) for start in starts])
        weights = torch.from_numpy(crops.repeats / crops.repeats.sum()).to(scores.dtype)  # (K,)
        mean: NDArray[np.float32] = (weights[:, None] * scores).sum(dim=0).numpy()
        return mean

    def classify(self, image: NDArray[np.uint8], crops: int = 1, top: int = 5) -> list[ClassScore]:
        """Return the ``top`` most probable classes of a picture, the best first."""
        scores = self.probabilities(image, crops)
        best = np.argsort(-scores, kind="stable")[:top]
        return [ClassScore(int(i), self.names[i], float(scores[i])) for i in best]

    @torch.inference_mode()
    def _scores(self, windows: Tensor) -> Tensor:
        weight = next(self.network.parameters())
        inputs = self.statistics.normalise(windows.to(weight.device)).to(weight.dtype)
        logits: Tensor = self.network(inputs)
        return logits.float().softmax(dim=1).cpu()

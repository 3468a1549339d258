"""What runs a MultiBox network, as `MultiBox` sees it."""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]


class Predictions(NamedTuple):
    """What a network says of N images."""

    residuals: FloatArray  # (N, K, 4) to add to the priors, in units of the scales
    logits: FloatArray  # (N, K) confidences before the logistic function


class Predictor(Protocol):
    """A network with its priors, on whatever engine.

    Attributes
    ----------
    size : int
        Height and width of the input in pixels.
    priors, scales : ndarray, (K, 4) float32
        Prior boxes in shares of the image, and the units of the residuals.
    """

    @property
    def size(self) -> int: ...  # noqa: D102 - see the class

    @property
    def priors(self) -> FloatArray: ...  # noqa: D102 - see the class

    @property
    def scales(self) -> FloatArray: ...  # noqa: D102 - see the class

    def __call__(self, images: NDArray[np.uint8]) -> Predictions:
        """Predict from RGB images (N, size, size, 3)."""
        ...


def decode(residuals: FloatArray, priors: FloatArray, scales: FloatArray) -> FloatArray:
    """Return boxes (K, 4) in shares of the image, inside it, edges in order.

    Parameters
    ----------
    residuals, priors, scales : ndarray, (K, 4) float32
    """
    edges = np.clip(priors + residuals * scales, 0, 1)
    low = np.minimum(edges[..., :2], edges[..., 2:])
    high = np.maximum(edges[..., :2], edges[..., 2:])
    return np.concatenate([low, high], axis=-1)

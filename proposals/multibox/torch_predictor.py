"""MultiBox on PyTorch: the reference that other engines are held to."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray

from proposals.multibox.network import MultiBoxNetwork
from proposals.multibox.network_file import LoadedMultiBox
from proposals.multibox.predictor import FloatArray, Predictions


class TorchPredictor:
    """Runs a network on the CPU; see `proposals.multibox.predictor.Predictor`.

    Parameters
    ----------
    weights : LoadedMultiBox
        Of `load_multibox`.
    dtype : torch.dtype
        Arithmetic of the network.
    """

    def __init__(self, weights: LoadedMultiBox, dtype: torch.dtype = torch.float32) -> None:
        head = weights.network.head
        self.size = weights.network.size
        self.priors: FloatArray = head.priors.numpy().copy()
        self.scales: FloatArray = head.scales.numpy().copy()
        network: MultiBoxNetwork = weights.network.to(dtype)
        self._network = network.to(memory_format=torch.channels_last)
        self._mean_rgb = torch.tensor(weights.mean_rgb)
        self._dtype = dtype

    @torch.inference_mode()
    def __call__(self, images: NDArray[np.uint8]) -> Predictions:
        """Predict from RGB images (N, size, size, 3)."""
        pixels = torch.from_numpy(np.ascontiguousarray(images)).float() - self._mean_rgb
        batch = pixels.permute(0, 3, 1, 2).to(self._dtype)
        raw = self._network(batch.contiguous(memory_format=torch.channels_last))
        return Predictions(raw.residuals.float().numpy(), raw.logits.float().numpy())

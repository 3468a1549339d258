"""A trained network with its settings, and the device and arithmetic that it runs in."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from backbones.googlenet import GoogLeNet
from backbones.hardware import choose_device, choose_dtype
from detector.config import Execution
from detector.members.settings import MemberSettings


@dataclass(frozen=True, eq=False, kw_only=True)
class Member(MemberSettings):
    """A trained network with all that is needed to use it.

    Attributes
    ----------
    network : GoogLeNet
        With C + 1 outputs: output 0 is the background, output i + 1 is ``classes[i]``.

    Raises
    ------
    ValueError
        If the parts do not fit each other.
    """

    network: GoogLeNet

    def __post_init__(self) -> None:
        super().__post_init__()
        outputs = self.network.classifier.out_features
        if outputs != len(self.classes) + 1:
            raise ValueError(
                f"network must have {len(self.classes) + 1} outputs (the background, then"
                f" {len(self.classes)} classes) but got {outputs}"
            )

    def prepared(self, execution: Execution) -> Member:
        """Return a copy in evaluation mode on the device and in the arithmetic to run with.

        The classifier stays in float32, so that reduced precision does not round the logits.
        """
        device = choose_device(execution.device)
        network = copy.deepcopy(self.network).eval().requires_grad_(requires_grad=False)
        network.to(device=device, dtype=choose_dtype(execution.precision, device))
        network.to(memory_format=torch.channels_last)
        network.classifier.float().load_state_dict(self.network.classifier.state_dict())
        return replace(self, network=network)

    @torch.inference_mode()
    def probabilities(self, windows: NDArray[np.uint8] | Tensor) -> Tensor:
        """Return the scores of warped regions: softmax, or of SVMs as ``classifier`` says.

        The network runs as it stands, on its own device; see ``prepared``.

        Parameters
        ----------
        windows : (R, S, S, 3) uint8 array or tensor
            RGB windows of ``warp_regions``.

        Returns
        -------
        (R, C + 1) float32 tensor
            Column 0 is the background. On the network's device.

        Raises
        ------
        ValueError
            If the windows are of another shape or type.
        """
        return self.probabilities_of_grids(self.stem_grids(windows))

    @torch.inference_mode()
    def stem_grids(self, windows: NDArray[np.uint8] | Tensor) -> Tensor:
        """Return what the network's stem makes of warped regions, (R, 480, h, w).

        Parameters and errors are those of ``probabilities``.
        """
        windows = torch.as_tensor(windows)
        check_windows(windows.shape, str(windows.dtype).removeprefix("torch."), self)
        weight = next(self.network.parameters())
        inputs = self.statistics.normalise(windows.to(weight.device))  # (R, 3, S, S)
        return self.network.stem(inputs.to(weight.dtype))

    @torch.inference_mode()
    def probabilities_of_grids(self, grids: Tensor) -> Tensor:
        """Return the scores ``(R, C + 1)`` of what ``stem_grids`` gives.

        The grids may be another member's where the stems have the same weights.
        """
        features = self.network.trunk(grids)  # (R, 1024)
        outputs: Tensor = self.network.classifier(features.float())  # (R, C + 1)
        return outputs.softmax(dim=1) if self.classifier == "softmax" else _svm_scores(outputs)


def _svm_scores(outputs: Tensor) -> Tensor:
    """Map margins (R, C + 1) to scores; the background, whose output is not used, comes first."""
    of_classes = outputs[:, 1:].sigmoid()  # (R, C)
    return torch.cat([1 - of_classes.amax(dim=1, keepdim=True), of_classes], dim=1)


def check_windows(shape: tuple[int, ...], dtype: str, settings: MemberSettings) -> None:
    """Raise ValueError unless windows are (R, S, S, 3) uint8 of the member's size."""
    expected = (settings.statistics.size, settings.statistics.size, 3)
    if dtype != "uint8" or len(shape) != 4 or tuple(shape[1:]) != expected:
        raise ValueError(
            f"windows must be (R, {', '.join(map(str, expected))}) uint8 but got"
            f" {tuple(shape)} {dtype}"
        )

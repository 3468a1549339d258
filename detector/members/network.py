"""A member as a network of PyTorch, and the device and arithmetic that it runs in."""

from __future__ import annotations

import copy
from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from backbones.googlenet import GoogLeNet
from backbones.hardware import choose_device, choose_dtype
from backbones.no_init import NoInit
from detector.config import Execution
from detector.members.member import Member
from detector.members.settings import MemberSettings, check_windows


@dataclass(frozen=True, eq=False, kw_only=True)
class TorchMember(MemberSettings):
    """A trained or untrained network of PyTorch with a member's settings.

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

    @classmethod
    def of(cls, member: Member) -> TorchMember:
        """Return a member's network: float32, on the CPU, in evaluation mode."""
        with NoInit():
            network = GoogLeNet(len(member.classes) + 1).eval()
        network.load_state_dict(
            {name: torch.from_numpy(np.array(tensor)) for name, tensor in member.tensors.items()}
        )
        return cls(network=network, **_settings(member))

    def to_member(self) -> Member:
        """Return settings and tensors, float32.

        Auxiliary heads are left out: they serve training only.
        """
        tensors = {
            name: tensor.detach().to("cpu", torch.float32).numpy().copy()
            for name, tensor in self.network.state_dict().items()
            if not name.startswith("auxiliary")
        }
        return Member(tensors=tensors, **_settings(self))

    def prepared(self, execution: Execution) -> TorchMember:
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


def _settings(settings: MemberSettings) -> dict[str, Any]:
    return {one.name: getattr(settings, one.name) for one in fields(MemberSettings)}


def _svm_scores(outputs: Tensor) -> Tensor:
    """Map margins (R, C + 1) to scores; the background, whose output is not used, comes first."""
    of_classes = outputs[:, 1:].sigmoid()  # (R, C)
    return torch.cat([1 - of_classes.amax(dim=1, keepdim=True), of_classes], dim=1)

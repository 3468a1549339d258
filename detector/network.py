"""From warped regions to class probabilities: one network, and the mean of several."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from backbones.googlenet import GoogLeNet
from backbones.preprocess import InputStatistics
from detector.classes import ObjectClass
from detector.config import DetectorConfig, Execution
from detector.warp import WarpConfig


@dataclass(frozen=True, eq=False)
class Member:
    """A trained network with all that is needed to use it.

    Attributes
    ----------
    network : GoogLeNet
        With C + 1 outputs: output 0 is the background, output i + 1 is ``classes[i]``.
    classes : tuple of ObjectClass
        The C classes.
    statistics : InputStatistics
        Mean colour and size of the input.
    warp : WarpConfig
        How regions were warped in training.
    detection : DetectorConfig
        Settings that the network was tuned with.
    provenance : mapping
        How it was trained: free, but writable as JSON.

    Raises
    ------
    ValueError
        If the parts do not fit each other.
    """

    network: GoogLeNet
    classes: tuple[ObjectClass, ...]
    statistics: InputStatistics = field(default_factory=InputStatistics)
    warp: WarpConfig = field(default_factory=WarpConfig)
    detection: DetectorConfig = field(default_factory=DetectorConfig)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if not self.classes:
            raise ValueError("Member.classes must hold at least one class but got none")
        outputs = self.network.classifier.out_features
        if outputs != len(self.classes) + 1:
            raise ValueError(
                f"Member.network must have {len(self.classes) + 1} outputs (the background, then"
                f" {len(self.classes)} classes) but got {outputs}"
            )
        if self.warp.size != self.statistics.size:
            raise ValueError(
                f"Member.warp.size must be the network's input size {self.statistics.size} but got"
                f" {self.warp.size}"
            )
        rounded_mean = tuple(round(value) for value in self.statistics.mean_rgb)
        if self.warp.outside_rgb != rounded_mean:
            raise ValueError(
                f"Member.warp.outside_rgb must be the mean colour {rounded_mean}, 0 after the mean"
                f" is subtracted, but got {self.warp.outside_rgb}"
            )

    def prepared(self, execution: Execution) -> Member:
        """Return a copy in evaluation mode on the device and in the arithmetic to run with.

        The classifier stays in float32, so that reduced precision does not round the logits.
        """
        device = choose_device(execution.device)
        network = copy.deepcopy(self.network).eval().requires_grad_(requires_grad=False)
        network.to(device=device, dtype=choose_dtype(execution.precision, device))
        network.to(memory_format=torch.channels_last)
        network.classifier.float()
        return replace(self, network=network)

    @torch.inference_mode()
    def probabilities(self, windows: NDArray[np.uint8] | Tensor) -> Tensor:
        """Return the softmax scores of warped regions.

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
        windows = torch.as_tensor(windows)
        expected = (self.statistics.size, self.statistics.size, 3)
        if windows.dtype != torch.uint8 or windows.ndim != 4 or windows.shape[1:] != expected:
            raise ValueError(
                f"windows must be (R, {', '.join(map(str, expected))}) uint8 but got"
                f" {tuple(windows.shape)} {windows.dtype}"
            )
        weight = next(self.network.parameters())
        if len(windows) == 0:
            return torch.empty((0, len(self.classes) + 1), device=weight.device)
        inputs = self.statistics.normalise(windows.to(weight.device))  # (R, 3, S, S)
        features = self.network.features(inputs.to(weight.dtype))  # (R, 1024)
        logits: Tensor = self.network.classifier(features.float())  # (R, C + 1)
        return logits.softmax(dim=1)


class Ensemble:
    """Networks whose softmax scores are averaged; one is an ensemble too.

    The mean of the softmax scores is our choice: the paper (section 8) does not say how its
    six networks were combined in detection; in classification (section 7) it is this mean.

    Parameters
    ----------
    members : sequence of Member
        One or more, of the same classes and warp.
    execution : Execution, optional
        Device and arithmetic. The members are copied to them.

    Attributes
    ----------
    members : tuple of Member
    execution : Execution
    classes : tuple of ObjectClass
    warp : WarpConfig

    Raises
    ------
    ValueError
        If there is no member, or the members do not agree.
    """

    def __init__(self, members: Sequence[Member], execution: Execution | None = None) -> None:
        if not members:
            raise ValueError("Ensemble.members must hold one or more members but got none")
        for number, member in enumerate(members[1:], start=1):
            if member.classes != members[0].classes or member.warp != members[0].warp:
                raise ValueError(
                    "Ensemble.members must share classes and warp but member"
                    f" {number} differs from member 0: combine networks of one training set"
                )
        self.execution = execution or Execution()
        self.members = tuple(member.prepared(self.execution) for member in members)
        self.classes = members[0].classes
        self.warp = members[0].warp

    def probabilities(self, windows: NDArray[np.uint8] | Tensor) -> Tensor:
        """Return the mean softmax scores ``(R, C + 1)``; see ``Member.probabilities``."""
        return self.member_probabilities(windows).mean(dim=0)

    def member_probabilities(self, windows: NDArray[np.uint8] | Tensor) -> Tensor:
        """Return every member's own scores, ``(M, R, C + 1)``."""
        return torch.stack([member.probabilities(windows) for member in self.members])


def choose_device(name: str) -> torch.device:
    """Return the device that ``Execution.device`` names."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def choose_dtype(precision: str, device: torch.device) -> torch.dtype:
    """Return the arithmetic that ``Execution.precision`` names on a device."""
    if precision == "auto":
        precision = "bfloat16" if _multiplies_bfloat16(device) else "float32"
    return {"float32": torch.float32, "bfloat16": torch.bfloat16}[precision]


def _multiplies_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)  # Ampere and later
    # Older releases of torch cannot be asked in public; they run in float32.
    ask = getattr(torch.cpu, "get_capabilities", None)
    capabilities: Mapping[str, Any] = ask() if ask else {}
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16"))

"""The reference engine: PyTorch, on the CPU or a GPU."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from backbones.hardware import choose_device, choose_dtype
from detector.config import Execution
from detector.engines.engine import Piece
from detector.engines.fixed_batch import FixedBatch
from detector.engines.stem import same_stems
from detector.members.member import Member
from detector.members.network import TorchMember
from detector.members.settings import check_members
from detector.regions.warp import warp_regions
from detector.regions.warp_torch import warp_regions_on_device


class TorchEngine:
    """Networks run by PyTorch, channels last; see `Engine` for the methods.

    A stem that several members share runs once.

    On the CPU regions are warped by ``warp_regions``; on a GPU the image goes up once and
    its regions are sampled there. On CUDA the networks are recorded as a graph, for batches of
    one size; see `FixedBatch`.

    Parameters
    ----------
    members : sequence of Member
        One or more, of the same classes and warp. Their networks are made on the device.
    execution : Execution, optional
        Device, arithmetic and batch size.

    Attributes
    ----------
    members : tuple of TorchMember
        The networks that run.
    device : torch.device

    Raises
    ------
    ValueError
        If the members do not agree, or torch has no such precision.
    """

    def __init__(self, members: Sequence[Member], execution: Execution | None = None) -> None:
        execution = execution or Execution()
        check_members(members)
        self.device = choose_device(execution.device)
        self.members = tuple(TorchMember.of(member).prepared(execution) for member in members)
        self._stems = same_stems(members)
        self.batch_size = execution.batch_size_on(self.device.type)
        dtype = choose_dtype(execution.precision, self.device)
        self.name = f"torch {str(dtype).removeprefix('torch.')} on {self.device}"
        self._recorded = self._record() if self.device.type == "cuda" else None

    @property
    def settings(self) -> Sequence[TorchMember]:
        """The settings of the members."""
        return self.members

    def prepare(self) -> None:
        """Do nothing: the networks are ready."""

    def upload(self, image: NDArray[np.uint8]) -> NDArray[np.uint8] | Tensor:
        """Copy an (H, W, 3) picture to the GPU; on the CPU it stays as it is."""
        if self.device.type == "cpu":
            return image
        return torch.from_numpy(np.ascontiguousarray(image)).to(self.device)

    def warp(self, pieces: Sequence[Piece]) -> Tensor:
        """Warp the regions of a batch to (B, S, S, 3) on the device."""
        config = self.members[0].warp
        if self.device.type == "cpu":
            windows = [warp_regions(image, boxes, config) for image, boxes in pieces]
            return torch.from_numpy(np.concatenate(windows))
        return torch.cat([warp_regions_on_device(image, boxes, config) for image, boxes in pieces])

    def member_scores(
        self, batches: Iterable[NDArray[np.uint8] | Tensor]
    ) -> Iterator[NDArray[np.float32]]:
        """Score batches one after the other."""
        score = self._recorded or self._probabilities
        for windows in batches:
            yield score(windows).cpu().numpy()

    def _record(self) -> FixedBatch:
        return FixedBatch(
            self._probabilities, self.members[0], batch_size=self.batch_size, device=self.device
        )

    def _probabilities(self, windows: NDArray[np.uint8] | Tensor) -> Tensor:
        """Return the scores ``(M, B, C + 1)`` of a batch, on the device."""
        grids = {first: self.members[first].stem_grids(windows) for first in set(self._stems)}
        return torch.stack(
            [
                member.probabilities_of_grids(grids[first])
                for first, member in zip(self._stems, self.members, strict=True)
            ]
        )

"""Windows cut from pictures while the network learns from those before."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from detector.prefetch import prefetched
from detector.training.windows import WindowSampler, WindowTable
from detector.warp import WarpConfig, warp_regions
from proposals.images import read_image

_CACHED_IMAGES = 4096  # about 2.5 GB of pictures of 500 x 400


class TrainingBatch(NamedTuple):
    """What one step learns from."""

    windows: torch.Tensor  # (B, S, S, 3) uint8
    labels: torch.Tensor  # (B,) int64


class BatchLoader:
    """Cuts, warps and mirrors the windows of each step's batch in the background.

    Parameters
    ----------
    image_paths : sequence of Path
        Pictures, in the order of the table's image numbers.
    table : WindowTable
    sampler : WindowSampler
    warp : WarpConfig
    """

    def __init__(
        self,
        image_paths: Sequence[Path],
        table: WindowTable,
        sampler: WindowSampler,
        warp: WarpConfig,
    ) -> None:
        self._image_paths = image_paths
        self._table = table
        self._sampler = sampler
        self._warp = warp
        self._read = lru_cache(maxsize=_CACHED_IMAGES)(read_image)

    def batches(self, start: int, stop: int) -> Iterator[TrainingBatch]:
        """Return the batches of the steps ``start`` to ``stop - 1``, a few prepared ahead."""
        return prefetched(self.load, range(start, stop))

    def load(self, step: int) -> TrainingBatch:
        """Return the batch of one step."""
        rows, mirrored = self._sampler.batch(step)
        size = self._warp.size
        windows = np.empty((len(rows), size, size, 3), np.uint8)
        images = self._table.images[rows]
        for image in np.unique(images):
            places = np.flatnonzero(images == image)
            pixels = self._read(self._image_paths[image])
            boxes = self._table.boxes_xyxy[rows[places]]
            windows[places] = warp_regions(pixels, boxes, self._warp)
        _mirror(windows, mirrored)
        labels = torch.from_numpy(self._table.labels[rows])
        return TrainingBatch(torch.from_numpy(windows), labels)


def _mirror(windows: NDArray[np.uint8], mirrored: NDArray[np.bool_]) -> None:
    windows[mirrored] = windows[mirrored, :, ::-1]

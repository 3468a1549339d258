"""Windows cut from pictures, for the training loop."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from backbones.training.colours import ColourConfig, distort_colours
from backbones.training.loop import BatchSource, TrainingBatch
from detector.regions.warp import warp_regions
from detector.regions.warp_config import WarpConfig
from detector.training.windows import WindowSampler, WindowTable
from proposals.images import read_image

_COLOURS = 2  # a stream of random numbers apart from the sampler's
_CACHED_IMAGES = 4096  # about 2.5 GB of pictures of 500 x 400


class WindowCutter:
    """Cuts windows out of pictures, warps and mirrors them.

    Parameters
    ----------
    image_paths : sequence of Path
        Pictures, in the order of the table's image numbers.
    table : WindowTable
    warp : WarpConfig
    """

    def __init__(self, image_paths: Sequence[Path], table: WindowTable, warp: WarpConfig) -> None:
        self._image_paths = image_paths
        self._table = table
        self._warp = warp
        self._read = lru_cache(maxsize=_CACHED_IMAGES)(read_image)

    def cut(self, rows: NDArray[np.int64], mirrored: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """Return the windows ``(R, S, S, 3)`` of some rows of the table."""
        size = self._warp.size
        windows = np.empty((len(rows), size, size, 3), np.uint8)
        images = self._table.images[rows]
        for image in np.unique(images):
            places = np.flatnonzero(images == image)
            pixels = self._read(self._image_paths[image])
            boxes = self._table.boxes_xyxy[rows[places]]
            windows[places] = warp_regions(pixels, boxes, self._warp)
        windows[mirrored] = windows[mirrored, :, ::-1]
        return windows


class WindowBatches:
    """Batches drawn from all windows; a `backbones.training.loop.BatchSource`.

    Parameters
    ----------
    cutter : WindowCutter
    sampler : WindowSampler
        Of the same table.
    colour_seed : int, optional
        Of changes of brightness, contrast and colours; none are made where it is left out.
    """

    def __init__(
        self, cutter: WindowCutter, sampler: WindowSampler, colour_seed: int | None = None
    ) -> None:
        self._cutter = cutter
        self._sampler = sampler
        self._colour_seed = colour_seed

    @property
    def batch_size(self) -> int:
        """Windows of a step."""
        return self._sampler.batch_size

    def load(self, step: int, places: range) -> TrainingBatch:
        """Return windows (B, S, S, 3) uint8 and their labels."""
        chosen = slice(places.start, places.stop)
        rows = self._sampler.rows(step)[chosen]
        windows = self._cutter.cut(rows, self._sampler.mirrored(step)[chosen])
        if self._colour_seed is not None:
            for place, window in zip(places, windows, strict=True):
                generator = np.random.default_rng([self._colour_seed, step, place, _COLOURS])
                window[:] = distort_colours(Image.fromarray(window), generator, ColourConfig())
        return TrainingBatch(
            torch.from_numpy(windows), torch.from_numpy(self._sampler.labels[rows])
        )


def first_windows(source: BatchSource, count: int, steps: int) -> Iterator[NDArray[np.uint8]]:
    """Yield the first windows (B, S, S, 3) that a run learns from, a batch at a time.

    Parameters
    ----------
    source : BatchSource
    count : int
        Of windows; fewer where the run has seen fewer.
    steps : int
        Of the run.
    """
    for step in range(1, steps + 1):
        wanted = min(source.batch_size, count - (step - 1) * source.batch_size)
        if wanted < 1:
            return
        yield source.load(step, range(wanted)).inputs.numpy()

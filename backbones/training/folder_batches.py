"""Batches of views from a folder of pictures."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from pathlib import Path
from threading import Lock

import numpy as np
import torch
from numpy.typing import NDArray

from backbones.preprocess import CROP_SIDE
from backbones.training.image_folder import ImageFolder
from backbones.training.loop import TrainingBatch
from backbones.training.views import ViewConfig, draw_view

# Streams of random numbers that must not run alike.
_ORDER, _VIEW = 1, 2

Pixels = NDArray[np.uint8]


class FolderBatches:
    """Views of pictures in an order that is new each epoch; a `BatchSource`.

    An epoch shows each picture once, in an order that depends on the seed and the epoch; a
    batch may end one and begin the next. A view depends on the seed and how many came before
    it, so that a run can be resumed or shared. In the place of a picture that cannot be read
    stands the next of the order that can.

    Parameters
    ----------
    folder : ImageFolder
    batch_size : int
    seed : int
        Of order and views; 0 or more.
    read : callable
        From a path to (H, W, 3) uint8 RGB; raises ValueError where that cannot be.
    report_skipped : callable
        Called once for each picture that cannot be read, with the reason.
    views : ViewConfig, optional
    size : int
        Height and width of a view in pixels.
    threads : int
        Pictures that are read at the same time; changes nothing but the time.

    Raises
    ------
    ValueError
        If ``batch_size`` or ``threads`` is below 1, or ``seed`` below 0.
    """

    def __init__(
        self,
        folder: ImageFolder,
        batch_size: int,
        seed: int,
        read: Callable[[Path], Pixels],
        report_skipped: Callable[[str], None],
        *,
        views: ViewConfig | None = None,
        size: int = CROP_SIDE,
        threads: int = 1,
    ) -> None:
        if batch_size < 1 or seed < 0:
            raise ValueError(
                f"batch_size must be 1 or more and seed 0 or more but got {batch_size} and {seed}"
            )
        self.batch_size = batch_size
        self._folder = folder
        self._seed = seed
        self._read = read
        self._report_skipped = report_skipped
        self._views = views or ViewConfig()
        self._size = size
        self._unreadable: set[int] = set()
        self._lock = Lock()
        self._readers = ThreadPoolExecutor(threads)  # which refuses less than one
        self._order = lru_cache(maxsize=2)(self._draw_order)

    def load(self, step: int, places: range) -> TrainingBatch:
        """Return views at some places (0, 1, ...) of the batch of a step (1, 2, ...).

        Returns
        -------
        TrainingBatch
            Inputs (B, size, size, 3) uint8 RGB, and labels.

        Raises
        ------
        ValueError
            If no picture at all can be read.
        """
        first = (step - 1) * self.batch_size
        examples = self._readers.map(self._example, (first + place for place in places))
        inputs = np.empty((len(places), self._size, self._size, 3), np.uint8)
        labels = np.empty(len(places), np.int64)
        for row, (view, label) in enumerate(examples):
            inputs[row], labels[row] = view, label
        return TrainingBatch(torch.from_numpy(inputs), torch.from_numpy(labels))

    def _example(self, number: int) -> tuple[Pixels, int]:
        """Return the view at a place in the endless order, and its label."""
        picture, label = self._readable(number)
        generator = np.random.default_rng([_VIEW, self._seed, number])
        return draw_view(picture, generator, self._views, self._size), label

    def _readable(self, number: int) -> tuple[Pixels, int]:
        """Return the picture of a place in the endless order, or the next that can be read."""
        for later in range(number, number + 2 * len(self._folder)):
            epoch, place = divmod(later, len(self._folder))
            index = int(self._order(epoch)[place])
            picture = None if index in self._unreadable else self._try(index)
            if picture is not None:
                return picture, self._folder.labels[index]
        raise ValueError(
            f"none of the {len(self._folder)} pictures can be read; the first is"
            f" {self._folder.paths[0]}"
        )

    def _try(self, index: int) -> Pixels | None:
        try:
            return self._read(self._folder.paths[index])
        except ValueError as error:
            with self._lock:  # so that each is reported once
                if index not in self._unreadable:
                    self._unreadable.add(index)
                    self._report_skipped(str(error))
            return None

    def _draw_order(self, epoch: int) -> NDArray[np.int64]:
        generator = np.random.default_rng([_ORDER, self._seed, epoch])
        return generator.permutation(len(self._folder))

"""Views of labelled pictures: what MultiBox learns from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from backbones import InputStatistics
from detector.datasets.annotation import ImageAnnotation
from detector.training.multibox.config import MultiBoxTrainingConfig, ViewConfig
from foundation.prefetch import prefetched
from proposals.boxes import box_areas
from proposals.images import read_image

_CACHED_IMAGES = 4096  # about 2.5 GB of pictures of 500 x 400

Rectangle = tuple[float, float, float, float]


class ViewBatch(NamedTuple):
    """What one step learns from."""

    images: torch.Tensor  # (N, S, S, 3) uint8 RGB
    targets: list[torch.Tensor]  # N of (G, 4), true boxes in shares of the view
    unclear: list[torch.Tensor]  # N of (D, 4), difficult objects and crowds


class ViewLoader:
    """Makes each step's batch in the background; it depends on the seed and the step alone.

    Every image is seen once before any is seen again.

    Parameters
    ----------
    annotations : sequence of ImageAnnotation
    statistics : InputStatistics
        Size of the views and colour outside the picture.
    config : MultiBoxTrainingConfig
    """

    def __init__(
        self,
        annotations: Sequence[ImageAnnotation],
        statistics: InputStatistics,
        config: MultiBoxTrainingConfig,
    ) -> None:
        self._annotations = annotations
        self._statistics = statistics
        self._config = config
        self._read = lru_cache(maxsize=_CACHED_IMAGES)(read_image)

    def batches(self, steps: range) -> Iterator[ViewBatch]:
        """Return the batches of steps (1, 2, ...)."""
        return prefetched(self.load, steps)

    def load(self, step: int) -> ViewBatch:
        """Return the batch of a step (1, 2, ...)."""
        done = step - 1
        random = np.random.RandomState((self._config.seed * 1_000_003 + done) % 2**32)
        count = self._config.batch_size
        views = [self._view(done * count + i, random) for i in range(count)]
        images, targets, unclear = zip(*views, strict=True)
        return ViewBatch(
            torch.from_numpy(np.stack(images)),
            [torch.from_numpy(boxes) for boxes in targets],
            [torch.from_numpy(boxes) for boxes in unclear],
        )

    def _view(
        self, number: int, random: np.random.RandomState
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32], NDArray[np.float32]]:
        """Return a view, and the clear and the unclear objects that it shows."""
        annotation = self._annotations[self._choose(number)]
        image = self._read(annotation.image_path)
        settings = self._config.views
        rectangle = draw_rectangle((image.shape[0], image.shape[1]), settings, random)
        view = cut_view(image, rectangle, self._statistics)
        clear = annotation.clear()
        clear_boxes, unclear_boxes = (
            boxes_in_view(annotation.boxes_xyxy[rows], rectangle, settings)
            for rows in (clear, ~clear)
        )
        if random.random_sample() < 0.5:
            view = np.ascontiguousarray(view[:, ::-1])
            clear_boxes, unclear_boxes = mirrored_boxes(clear_boxes), mirrored_boxes(unclear_boxes)
        return _distort(view, settings, random), clear_boxes, unclear_boxes

    def _choose(self, number: int) -> int:
        epoch, place = divmod(number, len(self._annotations))
        shuffle = np.random.RandomState((self._config.seed * 7919 + epoch) % 2**32)
        return int(shuffle.permutation(len(self._annotations))[place])


def draw_rectangle(
    image_size: tuple[int, int], config: ViewConfig, random: np.random.RandomState
) -> Rectangle:
    """Return what a view shows, x1, y1, x2, y2 in pixels; it may reach over the border."""
    height, width = image_size
    if random.random_sample() < config.whole:
        return 0.0, 0.0, float(width), float(height)
    area = np.exp(random.uniform(np.log(config.least_area), np.log(config.most_area)))
    stretch = np.exp(random.uniform(-1, 1) * np.log(config.aspect))
    sides = width * np.sqrt(area * stretch), height * np.sqrt(area / stretch)
    # Inside where the rectangle is smaller than the image, around it where it is larger.
    left, top = (
        random.uniform(min(0.0, whole - side), max(0.0, whole - side))
        for side, whole in zip(sides, (width, height), strict=True)
    )
    return left, top, left + float(sides[0]), top + float(sides[1])


def cut_view(
    image: NDArray[np.uint8], rectangle: Rectangle, statistics: InputStatistics
) -> NDArray[np.uint8]:
    """Return a rectangle of an image as (S, S, 3); what lies outside has the mean colour."""
    size = statistics.size
    x1, y1, x2, y2 = rectangle
    height, width = image.shape[:2]
    inner = max(x1, 0.0), max(y1, 0.0), min(x2, float(width)), min(y2, float(height))
    scale_x, scale_y = size / (x2 - x1), size / (y2 - y1)
    left, right = round((inner[0] - x1) * scale_x), round((inner[2] - x1) * scale_x)
    top, bottom = round((inner[1] - y1) * scale_y), round((inner[3] - y1) * scale_y)
    view = np.empty((size, size, 3), np.uint8)
    view[:] = np.rint(statistics.mean_rgb)
    part = Image.fromarray(image).resize(
        (right - left, bottom - top), Image.Resampling.BILINEAR, box=inner
    )
    view[top:bottom, left:right] = np.asarray(part)
    return view


def boxes_in_view(
    boxes_xyxy: NDArray[np.float32], rectangle: Rectangle, config: ViewConfig
) -> NDArray[np.float32]:
    """Return the objects (G, 4) that a view shows, in shares of the view."""
    origin = np.array([*rectangle[:2], *rectangle[:2]], np.float32)
    sides = np.array([rectangle[2] - rectangle[0], rectangle[3] - rectangle[1]] * 2, np.float32)
    moved = (boxes_xyxy - origin) / sides
    clipped = np.clip(moved, 0, 1).astype(np.float32)
    visible = box_areas(clipped) >= config.least_visible * box_areas(moved)
    large = (clipped[:, 2:] - clipped[:, :2] >= config.least_side).all(axis=1)
    shown: NDArray[np.float32] = clipped[visible & large]
    return shown


def mirrored_boxes(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return boxes (G, 4) in shares of a view, as its mirror image shows them."""
    return np.stack([1 - boxes[:, 2], boxes[:, 1], 1 - boxes[:, 0], boxes[:, 3]], axis=1)


def _distort(
    view: NDArray[np.uint8], config: ViewConfig, random: np.random.RandomState
) -> NDArray[np.uint8]:
    """Change contrast and brightness."""
    contrast = 1 + config.contrast * random.uniform(-1, 1)
    brightness = config.brightness * random.uniform(-1, 1)
    levels = (np.arange(256) - 128) * contrast + 128 + brightness
    table = np.clip(np.rint(levels), 0, 255).astype(np.uint8)
    distorted: NDArray[np.uint8] = table[view]
    return distorted

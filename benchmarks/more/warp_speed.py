"""Time the warping of regions against a loop of OpenCV's resize, region by region.

Command: ``python benchmarks/more/warp_speed.py`` (one thread, about 30 seconds). Regions are
Selective Search's on three pictures of scikit-image. Both ways alternate within the one run,
and make the same windows but for rounding; the line says how many values are the same.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray
from skimage import data

from detector.regions.warp import place_regions, warp_regions
from detector.regions.warp_config import WarpConfig
from proposals import MODES, SelectiveSearch

CONFIG = WarpConfig()
REGIONS = 500
ROUNDS = 7


def main() -> None:
    """Print one line per picture."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    cv2.setNumThreads(1)
    search = SelectiveSearch(MODES["fast"], threads=1)
    for picture in (data.astronaut, data.chelsea, data.coffee):
        image = picture()
        found = search(image).boxes_xyxy
        boxes = found[:: max(1, len(found) // REGIONS)]
        ways = (warp_regions, resize_each)
        same = np.mean(warp_regions(image, boxes, CONFIG) == resize_each(image, boxes, CONFIG))
        ours, opencv = (seconds / len(boxes) * 1e6 for seconds in best_seconds(ways, image, boxes))
        print(
            f"{picture.__name__:9} {len(boxes)} regions: {ours:.0f} microseconds a region,"
            f" OpenCV {opencv:.0f}, ratio {opencv / ours:.2f}; {same:.4%} of values the same"
        )


def resize_each(
    image: NDArray[np.uint8], boxes_xyxy: NDArray[np.float32], config: WarpConfig
) -> NDArray[np.uint8]:
    """Warp as R-CNN does, one region after the other."""
    size = config.size
    columns, rows = place_regions(boxes_xyxy, (image.shape[0], image.shape[1]), config)
    blank = np.full((size, size, 3), config.outside_rgb, np.uint8)
    windows = np.repeat(blank[np.newaxis], len(boxes_xyxy), axis=0)
    places = zip(np.stack(columns, 1).tolist(), np.stack(rows, 1).tolist(), strict=True)
    for window, ((x1, x2, left, right), (y1, y2, top, bottom)) in zip(windows, places, strict=True):
        window[top:bottom, left:right] = cv2.resize(
            image[y1 : y2 + 1, x1 : x2 + 1],
            (right - left, bottom - top),
            interpolation=cv2.INTER_LINEAR,
        )
    return windows


def best_seconds(
    ways: tuple[Callable[..., NDArray[np.uint8]], ...],
    image: NDArray[np.uint8],
    boxes_xyxy: NDArray[np.float32],
) -> list[float]:
    """Return each way's least seconds of several alternating rounds."""
    best = [float("inf")] * len(ways)
    for _ in range(ROUNDS):
        for index, way in enumerate(ways):
            start = time.perf_counter()
            way(image, boxes_xyxy, CONFIG)
            best[index] = min(best[index], time.perf_counter() - start)
    return best


if __name__ == "__main__":
    main()

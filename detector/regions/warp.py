"""Warping of regions to the network's square input, as R-CNN does it.

R-CNN warps in two places, with the same rules: ``rcnn_im_crop.m`` (test) and Caffe's
``window_data_layer.cpp`` (fine-tuning). This module keeps their behaviour for whole-pixel
boxes, and extends it to boxes with fractions of pixels:

1. Half-widths are taken from the box's size, and the box is grown about its centre by
   S / (S - 2p), without keeping the aspect ratio, so that p pixels of the S x S frame show
   context on each side.
2. Both edges of the grown box are rounded, halves away from zero as C's ``round`` does.
   The rounded right (bottom) edge is then used as an *inclusive* pixel. The window is
   therefore one pixel wider than the grown box. The original does so; we keep it.
3. The window is clipped to the image. Only the clipped part is resized, bilinearly and
   without antialiasing, to its share of S x S, and pasted at its offset; the rest of the
   frame is the mean colour, which is 0 after the mean is subtracted.

With p = 0 the original leaves the box as it is, and so do steps 1 and 2 here.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from detector.regions.warp_config import WarpConfig
from detector.regions.warp_kernel import Placement, Taps, find_taps, resize_regions
from foundation.kernels import read_only
from proposals.boxes import check_boxes

FloatArray = NDArray[np.float64]


def warp_regions(
    image: NDArray[np.uint8], boxes_xyxy: NDArray[np.float32], config: WarpConfig
) -> NDArray[np.uint8]:
    """Warp regions of an image to squares.

    Parameters
    ----------
    image : (H, W, 3) uint8 array
        RGB picture.
    boxes_xyxy : (R, 4) float32 array
        Regions in pixels of the image, right and bottom edges exclusive. They may reach
        over the border of the image, but each must share some area with it.
    config : WarpConfig
        Size, context and colour outside the image.

    Returns
    -------
    (R, S, S, 3) uint8 array
        RGB windows.

    Raises
    ------
    ValueError
        If the image is not (H, W, 3) uint8, or a box is without area or outside the image.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != np.uint8:
        raise ValueError(f"image must be (H, W, 3) uint8 but got {image.shape} {image.dtype}")
    height, width, _ = image.shape
    columns, rows = place_regions(boxes_xyxy, (height, width), config)
    size = config.size
    across = find_taps(columns, size)
    windows = np.empty((len(columns.source_first), size, size, 3), np.uint8)
    resize_regions(
        read_only(image, np.uint8).reshape(height, 3 * width),
        columns,
        rows,
        Taps(3 * across.first, 3 * across.second, across.weight),
        find_taps(rows, size),
        np.tile(np.array(config.outside_rgb, np.uint8), size),
        np.empty((2, 3 * size), np.int16),
        windows.reshape(-1, size, 3 * size),
    )
    return windows


def place_regions(
    boxes_xyxy: NDArray[np.float32], image_size: tuple[int, int], config: WarpConfig
) -> tuple[Placement, Placement]:
    """Find the pixels of the image that regions show, and their places in the frames.

    Parameters
    ----------
    boxes_xyxy : (R, 4) float32 array
        Regions, as `warp_regions` takes them.
    image_size : (height, width)
        In pixels.
    config : WarpConfig
        Size and context.

    Returns
    -------
    columns, rows : Placement
        Of R regions each.

    Raises
    ------
    ValueError
        If a box is without area or outside the image.
    """
    boxes_xyxy = check_boxes(boxes_xyxy, "boxes to warp")
    _refuse_boxes_without_pixels(boxes_xyxy, image_size)
    x1, y1, x2, y2 = boxes_xyxy.T.astype(np.float64)
    height, width = image_size
    return _place_spans(x1, x2, width, config), _place_spans(y1, y2, height, config)


def _refuse_boxes_without_pixels(
    boxes_xyxy: NDArray[np.float32], image_size: tuple[int, int]
) -> None:
    height, width = image_size
    x1, y1, x2, y2 = boxes_xyxy.T
    bad = (x2 <= x1) | (y2 <= y1) | (x1 >= width) | (y1 >= height) | (x2 <= 0) | (y2 <= 0)
    if bad.any():
        index = int(np.flatnonzero(bad)[0])
        raise ValueError(
            f"box {index} must have an area inside the {width}x{height} image but got"
            f" {boxes_xyxy[index].tolist()}: clip the boxes and drop the empty ones first"
        )


def _place_spans(low: FloatArray, high: FloatArray, length: int, config: WarpConfig) -> Placement:
    """Grow, round and clip one axis of the boxes, and find its share of the S x S frames."""
    # Pixel numbers stay floats until they are clipped: boxes may reach beyond any integer.
    first, last = _grown_spans(low, high, config)
    clipped_first = np.clip(first, 0, length - 1)
    clipped_last = np.maximum(np.minimum(last, length - 1), clipped_first)
    scale = config.size / (last - first + 1)
    # A sliver of image at the far edge may round to no pixel at all; it keeps one.
    offset = np.minimum(_round_half_away(np.maximum(0, -first) * scale), config.size - 1)
    share = np.maximum(1, _round_half_away((clipped_last - clipped_first + 1) * scale))
    # Offset and share are rounded on their own and may overflow the frame by one pixel.
    end = np.minimum(offset + share, config.size)
    return Placement(*(a.astype(np.int64) for a in (clipped_first, clipped_last, offset, end)))


def _grown_spans(
    low: FloatArray, high: FloatArray, config: WarpConfig
) -> tuple[FloatArray, FloatArray]:
    """Return the first and the last pixels, both inclusive, of one axis of the windows."""
    if config.context_padding == 0:
        first = _round_half_away(low)
        return first, np.maximum(_round_half_away(high) - 1, first)
    # With inclusive edges the original computes (x2 - x1 + 1) / 2: our exclusive (x2 - x1) / 2.
    half = (high - low) / 2
    centre = low + half
    grown_half = half * (config.size / (config.size - 2 * config.context_padding))
    return _round_half_away(centre - grown_half), _round_half_away(centre + grown_half)


def _round_half_away(values: FloatArray) -> FloatArray:
    """Round as C's ``round`` and MATLAB's do; numpy's own rounds halves to even."""
    return np.copysign(np.floor(np.abs(values) + 0.5), values)

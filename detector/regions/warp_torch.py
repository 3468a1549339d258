"""Warping of regions on the device where the image lies, by the rules of `warp_regions`."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from detector.regions.warp import place_regions
from detector.regions.warp_config import WarpConfig
from detector.regions.warp_kernel import COLUMN_SHIFT, ONE, ROW_SHIFT, Placement, find_taps


def warp_regions_on_device(
    image: Tensor, boxes_xyxy: NDArray[np.float32], config: WarpConfig
) -> Tensor:
    """Warp regions of an image to squares on the image's device, all at once.

    The windows equal those of `warp_regions` byte for byte. Memory of some 17 times their size
    is needed on the way, so pass the boxes of a batch and not of a whole data set.

    Parameters
    ----------
    image : (H, W, 3) uint8 tensor
        RGB picture, on any device.
    boxes_xyxy : (R, 4) float32 array
        Regions, as `warp_regions` takes them.
    config : WarpConfig
        Size, context and colour outside the image.

    Returns
    -------
    (R, S, S, 3) uint8 tensor
        RGB windows, on the image's device.

    Raises
    ------
    ValueError
        If the image is not (H, W, 3) uint8, or a box is without area or outside the image.
    """
    if image.ndim != 3 or image.shape[2] != 3 or image.dtype != torch.uint8:
        raise ValueError(
            f"image must be (H, W, 3) uint8 but got {tuple(image.shape)} {image.dtype}"
        )
    columns, rows = place_regions(boxes_xyxy, (image.shape[0], image.shape[1]), config)
    # One array, so that the tables go to the device in one transfer.
    tables = np.stack([_tables(columns, config.size), _tables(rows, config.size)])
    across, down = torch.from_numpy(tables).to(image.device)  # (4, R, S) each
    left, right, share_x, inside_x = across[:, :, None, :]  # (R, 1, S) each
    top, bottom, share_y, inside_y = down[:, :, :, None]  # (R, S, 1) each
    upper = _blend_columns(image, top, left, right, share_x)
    lower = _blend_columns(image, bottom, left, right, share_x)
    windows = _blend_rows(upper, lower, share_y)
    outside = torch.tensor(config.outside_rgb, dtype=torch.uint8, device=image.device)
    return torch.where((inside_x & inside_y).bool()[..., None], windows, outside)


def _tables(placement: Placement, size: int) -> NDArray[np.int32]:
    """Return the taps of one axis, and 1 where the frame holds the image, else 0: (4, R, S)."""
    x = np.arange(size)
    inside = (x >= placement.target_first[:, None]) & (x < placement.target_end[:, None])
    return np.stack([*find_taps(placement, size), inside.astype(np.int32)])


def _blend_columns(
    image: Tensor, rows: Tensor, left: Tensor, right: Tensor, share: Tensor
) -> Tensor:
    """Blend two pixels of a row for every pixel of the windows, to (R, S, S, 3) int32."""
    rows = rows.long()
    share = share[..., None]
    blended = image[rows, left.long()] * (ONE - share)
    blended += image[rows, right.long()] * share
    return blended.bitwise_right_shift_(COLUMN_SHIFT)


def _blend_rows(upper: Tensor, lower: Tensor, share: Tensor) -> Tensor:
    """Blend two rows, which are overwritten, to grey levels (R, S, S, 3) uint8."""
    share = share[..., None]
    upper.mul_(ONE - share).bitwise_right_shift_(ROW_SHIFT)
    lower.mul_(share).bitwise_right_shift_(ROW_SHIFT)
    return upper.add_(lower).add_(2).bitwise_right_shift_(2).to(torch.uint8)

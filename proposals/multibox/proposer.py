"""MultiBox as a proposal generator."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor

from proposals.boxes import box_areas
from proposals.images import as_rgb_uint8, read_image
from proposals.multibox.network import Backbone, MultiBoxNetwork, decode
from proposals.multibox.weights_file import LoadedMultiBox, load_multibox, pretrained_path
from proposals.nms import non_maximum_suppression
from proposals.result import Proposals

Crop = tuple[float, float, float, float]

WHOLE: Crop = (0.0, 0.0, 1.0, 1.0)
"""The image in one look."""

_QUARTERS: tuple[Crop, ...] = (
    (0.0, 0.0, 0.6, 0.6),
    (0.4, 0.0, 1.0, 0.6),
    (0.0, 0.4, 0.6, 1.0),
    (0.4, 0.4, 1.0, 1.0),
)  # overlapping, so that an object on a seam is whole in one of them


@dataclass(frozen=True)
class MultiBoxConfig:
    """What is looked at, and what is kept.

    Attributes
    ----------
    max_boxes : int
        Proposals an image (GoogLeNet, section 7: 200).
    crops : tuple of tuple of float
        Parts of the image that the network sees one by one: x1, y1, x2, y2 in shares of it.
    nms_iou : float
        Of two boxes above this IoU, the less confident is dropped.
    cut_margin : float
        In a crop, boxes that end within this share of it from an edge inside the image are
        dropped: their objects are cut.
    """

    max_boxes: int = 200
    crops: tuple[Crop, ...] = (WHOLE, *_QUARTERS)
    nms_iou: float = 0.75
    cut_margin: float = 0.02

    def __post_init__(self) -> None:
        if self.max_boxes < 0:
            raise ValueError(f"max_boxes must be 0 or more, but got {self.max_boxes}")
        for crop in self.crops:
            x1, y1, x2, y2 = crop
            if not (0 <= x1 < x2 <= 1 and 0 <= y1 < y2 <= 1):
                raise ValueError(f"crops must be (x1, y1, x2, y2) within 0 to 1, but got {crop}")
        if not self.crops:
            raise ValueError("crops must name at least one part of the image")
        if not 0 < self.nms_iou <= 1:
            raise ValueError(f"nms_iou must be above 0 and at most 1, but got {self.nms_iou}")


class MultiBox:
    """Propose boxes with a network that sees the whole image.

    Parameters
    ----------
    weights : LoadedMultiBox
        Of `load_multibox`.
    config : MultiBoxConfig, optional
    dtype : torch.dtype
        Arithmetic of the network.

    Examples
    --------
    >>> from backbones import GoogLeNet
    >>> from proposals.multibox import MultiBox
    >>> from skimage.data import astronaut
    >>> found = MultiBox.from_pretrained(GoogLeNet(1))(astronaut())
    >>> len(found) <= 200
    True
    """

    def __init__(
        self,
        weights: LoadedMultiBox,
        config: MultiBoxConfig | None = None,
        *,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        self.config = config or MultiBoxConfig()
        network: MultiBoxNetwork = weights.network.to(dtype)
        self._network = network.to(memory_format=torch.channels_last)
        self._mean_rgb = weights.mean_rgb
        self._dtype = dtype

    @classmethod
    def from_pretrained(
        cls,
        backbone: Backbone,
        config: MultiBoxConfig | None = None,
        *,
        dtype: torch.dtype = torch.float32,
    ) -> MultiBox:
        """Load the weights that come with the package into a fresh GoogLeNet."""
        return cls(load_multibox(pretrained_path(), backbone), config, dtype=dtype)

    def __call__(self, image: NDArray[Any] | str | Path) -> Proposals:
        """Propose boxes for one image.

        Parameters
        ----------
        image : ndarray, (H, W, 3) uint8, or str or Path
            RGB; grey and other types as `proposals.images.as_rgb_uint8` takes them.

        Returns
        -------
        Proposals
            At most ``max_boxes``, the most confident first, all of some area; scores are
            confidences in [0, 1].
        """
        rgb = read_image(image) if isinstance(image, str | Path) else as_rgb_uint8(image)
        height, width = rgb.shape[:2]
        found = [self._look(rgb, crop) for crop in self.config.crops]
        boxes = np.concatenate([boxes for boxes, _ in found])
        confidences = np.concatenate([confidences for _, confidences in found])
        pixels = (boxes * np.array([width, height] * 2)).astype(np.float32)
        has_area = box_areas(pixels) > 0
        pixels, confidences = pixels[has_area], confidences[has_area]
        kept = non_maximum_suppression(pixels, confidences, self.config.nms_iou)
        kept = kept[: self.config.max_boxes]
        return Proposals.of_one_source(pixels[kept], (height, width), "multibox", confidences[kept])

    def _look(
        self, image: NDArray[np.uint8], crop: Crop
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Return one crop's boxes (K, 4) in shares of the image, and confidences (K,)."""
        head = self._network.head
        with torch.inference_mode():
            raw = self._network(self._input(image, crop))
            logits = raw.logits[0].float()
            best = logits.topk(min(4 * self.config.max_boxes, len(logits))).indices
            boxes = decode(
                raw.residuals[0, best].float(), head.priors[best].float(), head.scales[best].float()
            )
        inside = boxes.numpy()
        confidences = logits[best].sigmoid().numpy()
        whole = _whole_objects(inside, crop, self.config.cut_margin)
        origin, sides = np.array(crop[:2] * 2), np.array([crop[2] - crop[0], crop[3] - crop[1]] * 2)
        return (origin + inside * sides)[whole].astype(np.float32), confidences[whole]

    def _input(self, image: NDArray[np.uint8], crop: Crop) -> Tensor:
        """Return what the network sees of a crop, (1, 3, S, S)."""
        size = self._network.size
        height, width = image.shape[:2]
        box = (crop[0] * width, crop[1] * height, crop[2] * width, crop[3] * height)
        seen = Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR, box=box)
        pixels = torch.from_numpy(np.asarray(seen, np.float32)) - torch.tensor(self._mean_rgb)
        batch = pixels.permute(2, 0, 1)[None].to(self._dtype)
        return batch.contiguous(memory_format=torch.channels_last)


def _whole_objects(boxes: NDArray[np.float32], crop: Crop, margin: float) -> NDArray[np.bool_]:
    """Return which boxes, in shares of a crop, are not cut by an edge inside the image."""
    cut = (boxes[:, 0] < margin) & (crop[0] > 0)
    cut |= (boxes[:, 1] < margin) & (crop[1] > 0)
    cut |= (boxes[:, 2] > 1 - margin) & (crop[2] < 1)
    cut |= (boxes[:, 3] > 1 - margin) & (crop[3] < 1)
    return ~cut

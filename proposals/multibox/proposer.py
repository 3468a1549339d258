"""MultiBox as a proposal generator."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from proposals.boxes import box_areas
from proposals.images import ImageLike, as_rgb_uint8
from proposals.multibox.predictor import FloatArray, Predictor, decode
from proposals.multibox.weights_file import pretrained_path
from proposals.nms import non_maximum_suppression
from proposals.result import Proposals

if TYPE_CHECKING:
    from proposals.multibox.network import Backbone

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
        Proposals of an image (GoogLeNet, section 7: 200). On held-out training photographs, 200
        raise the coverage of doubled Selective Search from 0.913 to 0.952, 300 to 0.958, 400 to
        0.960.
    crops : tuple of tuple of float
        Parts of the image that the network sees one by one: x1, y1, x2, y2 in shares of it.
    nms_iou : float
        Of two boxes above this IoU, the less confident is dropped.
    cut_margin : float
        In a crop, boxes that end within this share of it from an edge inside the image are
        dropped: their objects are cut.
    """

    max_boxes: int = 300
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
    predictor : Predictor
        Runs the network: an `OpenVinoPredictor` or a `TorchPredictor`.
    config : MultiBoxConfig, optional

    Examples
    --------
    >>> from backbones import GoogLeNet
    >>> from proposals.multibox import MultiBox
    >>> from skimage.data import astronaut
    >>> found = MultiBox.from_pretrained(GoogLeNet(1))(astronaut())
    >>> len(found) <= 300
    True
    """

    def __init__(self, predictor: Predictor, config: MultiBoxConfig | None = None) -> None:
        self.config = config or MultiBoxConfig()
        self._predict = predictor

    @classmethod
    def from_pretrained(cls, backbone: Backbone, config: MultiBoxConfig | None = None) -> MultiBox:
        """Load the weights that come with the package into a fresh GoogLeNet of PyTorch.

        `detector.proposers` makes the same on OpenVINO, which is faster on processors.
        """
        from proposals.multibox.network_file import load_multibox
        from proposals.multibox.torch_predictor import TorchPredictor

        return cls(TorchPredictor(load_multibox(pretrained_path(), backbone)), config)

    def __call__(self, image: ImageLike) -> Proposals:
        """Propose boxes for one image.

        Parameters
        ----------
        image : str, path, PIL.Image.Image or ndarray
            As `proposals.images.as_rgb_uint8` takes it; arrays are RGB.

        Returns
        -------
        Proposals
            At most ``max_boxes``, the most confident first, all of some area; scores are
            confidences in [0, 1].
        """
        rgb = as_rgb_uint8(image)
        height, width = rgb.shape[:2]
        crops = self.config.crops
        raw = self._predict(np.stack([self._resized(rgb, crop) for crop in crops]))
        found = [self._boxes_of_crop(*one) for one in zip(crops, *raw, strict=True)]
        boxes = np.concatenate([boxes for boxes, _ in found])
        confidences = np.concatenate([confidences for _, confidences in found])
        pixels = (boxes * np.array([width, height] * 2)).astype(np.float32)
        has_area = box_areas(pixels) > 0
        pixels, confidences = pixels[has_area], confidences[has_area]
        kept = non_maximum_suppression(pixels, confidences, self.config.nms_iou)
        kept = kept[: self.config.max_boxes]
        return Proposals.of_one_source(pixels[kept], (height, width), "multibox", confidences[kept])

    def _boxes_of_crop(
        self, crop: Crop, residuals: FloatArray, logits: FloatArray
    ) -> tuple[FloatArray, FloatArray]:
        """Return one crop's boxes (K, 4) in shares of the image, and confidences (K,)."""
        best = np.argsort(-logits, kind="stable")[: 4 * self.config.max_boxes]
        inside = decode(residuals[best], self._predict.priors[best], self._predict.scales[best])
        confidences = np.exp(-np.logaddexp(0, -logits[best])).astype(np.float32)  # logistic
        whole = _whole_objects(inside, crop, self.config.cut_margin)
        origin, sides = np.array(crop[:2] * 2), np.array([crop[2] - crop[0], crop[3] - crop[1]] * 2)
        return (origin + inside * sides)[whole].astype(np.float32), confidences[whole]

    def _resized(self, image: NDArray[np.uint8], crop: Crop) -> NDArray[np.uint8]:
        """Return what the network sees of a crop, (S, S, 3)."""
        size = self._predict.size
        height, width = image.shape[:2]
        box = (crop[0] * width, crop[1] * height, crop[2] * width, crop[3] * height)
        seen = Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR, box=box)
        return np.asarray(seen)


def _whole_objects(boxes: NDArray[np.float32], crop: Crop, margin: float) -> NDArray[np.bool_]:
    """Return which boxes, in shares of a crop, are not cut by an edge inside the image."""
    cut = (boxes[:, 0] < margin) & (crop[0] > 0)
    cut |= (boxes[:, 1] < margin) & (crop[1] > 0)
    cut |= (boxes[:, 2] > 1 - margin) & (crop[2] < 1)
    cut |= (boxes[:, 3] > 1 - margin) & (crop[3] < 1)
    return ~cut

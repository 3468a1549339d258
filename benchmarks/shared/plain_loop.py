"""R-CNN as one would write it down: the peer of the detection benchmark."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from detector.detections.results import Detections
from detector.detections.selection import select_detections
from detector.members.member import Member
from detector.members.network import TorchMember
from proposals.evaluation.peers import OpenCvSelectiveSearch

_BATCH = 32


class PlainLoop:
    """OpenCV's Selective Search, a resize for each region, and PyTorch in float32, in turn.

    Parameters
    ----------
    members : sequence of Member
        Weights, as the detector has them; their scores are averaged.
    """

    def __init__(self, members: Sequence[Member]) -> None:
        member = members[0]
        self._member = member
        self._networks = [TorchMember.of(one).network for one in members]
        self._propose = OpenCvSelectiveSearch("fast")
        self._mean = torch.tensor(member.statistics.mean_rgb)

    def detect(self, image: NDArray[np.uint8]) -> Detections:
        """Detect on an (H, W, 3) picture."""
        boxes = self._propose(image).boxes_xyxy
        scores = np.concatenate(
            [self._score(image, boxes[i : i + _BATCH]) for i in range(0, len(boxes), _BATCH)]
        )
        height, width = image.shape[:2]
        member = self._member
        return select_detections(boxes, scores, member.classes, (height, width), member.detection)

    @torch.inference_mode()
    def _score(self, image: NDArray[np.uint8], boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        windows = np.stack([self._warp(image, box) for box in boxes])
        x = torch.from_numpy(windows).float() - self._mean
        x = x.permute(0, 3, 1, 2).contiguous()
        each = [network(x).softmax(dim=1).numpy() for network in self._networks]
        scores: NDArray[np.float32] = np.mean(each, axis=0)
        return scores

    def _warp(self, image: NDArray[np.uint8], box: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Cut a region with its context out of the picture and resize it."""
        config = self._member.warp
        height, width = image.shape[:2]
        grow = config.size / (config.size - 2 * config.context_padding)
        centre, half = (box[:2] + box[2:]) / 2, (box[2:] - box[:2]) / 2 * grow
        x1, y1 = np.minimum(np.round(centre - half).astype(int), (width - 1, height - 1))
        x2, y2 = np.maximum(np.round(centre + half).astype(int), (max(x1, 0) + 1, max(y1, 0) + 1))
        patch = image[max(y1, 0) : min(y2, height), max(x1, 0) : min(x2, width)]
        over = (max(-y1, 0), max(y2 - height, 0), max(-x1, 0), max(x2 - width, 0))
        patch = cv2.copyMakeBorder(patch, *over, cv2.BORDER_CONSTANT, value=config.outside_rgb)
        return cv2.resize(patch, (config.size, config.size))

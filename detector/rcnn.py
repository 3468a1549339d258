"""The detector: propose regions, warp them, score them, select detections.

Each step can be called alone. ``Detector.detect`` runs all of them::

    detector = Detector.from_pretrained()
    detections = detector.detect(read_image("street.jpg"))
"""

from __future__ import annotations

from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from backbones.weights import WeightsError
from detector.classes import ObjectClass
from detector.config import DetectorConfig, Execution
from detector.member_file import load_member
from detector.network import Ensemble
from detector.results import Detections
from detector.warp import warp_regions
from proposals import Proposer, SelectiveSearch
from proposals.boxes import box_areas, check_boxes, clip_boxes
from proposals.images import as_rgb_uint8
from proposals.nms import non_maximum_suppression


class Detector:
    """R-CNN with a softmax network: region proposals in, detections out.

    Parameters
    ----------
    ensemble : Ensemble
        Scores warped regions.
    proposer : callable, optional
        From an (H, W, 3) uint8 RGB image to its ``Proposals``; Selective Search when left out.
    config : DetectorConfig, optional
        Settings that decide the results; the first member's when left out.

    Attributes
    ----------
    ensemble : Ensemble
    proposer : callable
    config : DetectorConfig
    classes : tuple of ObjectClass
        What can be detected.
    """

    def __init__(
        self,
        ensemble: Ensemble,
        proposer: Proposer | None = None,
        config: DetectorConfig | None = None,
    ) -> None:
        self.ensemble = ensemble
        self.proposer = proposer or SelectiveSearch()
        self.config = config or ensemble.members[0].detection

    @classmethod
    def load(
        cls,
        *paths: str | Path,
        proposer: Proposer | None = None,
        execution: Execution | None = None,
        **settings: Any,  # noqa: ANN401 - fields of DetectorConfig, which checks them
    ) -> Detector:
        """Load a detector from member files.

        Parameters
        ----------
        *paths : str or Path
            One file, or several whose scores are averaged.
        proposer, execution
            As in ``Detector`` and ``Ensemble``.
        **settings
            Fields of ``DetectorConfig`` that replace those of the first file.

        Raises
        ------
        WeightsError
            If a file cannot be used.
        ValueError
            If no path is given, the members do not agree, or a setting is impossible.
        """
        members = [load_member(path) for path in paths]
        ensemble = Ensemble(members, execution)
        return cls(ensemble, proposer, replace(members[0].detection, **settings))

    @classmethod
    def from_pretrained(
        cls,
        *,
        proposer: Proposer | None = None,
        execution: Execution | None = None,
        **settings: Any,  # noqa: ANN401 - as in load
    ) -> Detector:
        """Load the weights that come with the package; parameters as in ``load``."""
        return cls.load(*pretrained_paths(), proposer=proposer, execution=execution, **settings)

    @property
    def classes(self) -> tuple[ObjectClass, ...]:
        """The classes that can be detected."""
        return self.ensemble.classes

    def detect(
        self, image: NDArray[Any], proposals: NDArray[np.float32] | None = None
    ) -> Detections:
        """Detect objects in an image.

        Parameters
        ----------
        image : array
            RGB of (H, W, 3) uint8, or anything that ``as_rgb_uint8`` takes.
        proposals : (N, 4) float32 array, optional
            Regions to score, xyxy in pixels with exclusive right and bottom edges, best
            first; those of the proposer when left out.

        Returns
        -------
        Detections
            In the image's frame, best first.

        Raises
        ------
        ValueError
            If the image or the proposals are malformed.
        """
        image = as_rgb_uint8(image)
        image_size = (image.shape[0], image.shape[1])
        candidates = self.propose(image) if proposals is None else proposals
        boxes_xyxy = admit_regions(candidates, image_size, self.config.max_proposals)
        probabilities = self.score_regions(image, boxes_xyxy)
        return select_detections(boxes_xyxy, probabilities, self.classes, image_size, self.config)

    def propose(self, image: NDArray[np.uint8]) -> NDArray[np.float32]:
        """Return the proposer's regions ``(N, 4)`` of an (H, W, 3) image, best first."""
        return self.proposer(image).boxes_xyxy

    def score_regions(
        self, image: NDArray[np.uint8], boxes_xyxy: NDArray[np.float32]
    ) -> NDArray[np.float32]:
        """Warp and score regions, a batch at a time.

        Parameters
        ----------
        image : (H, W, 3) uint8 array
            RGB picture.
        boxes_xyxy : (R, 4) float32 array
            Regions with an area inside the image, as ``admit_regions`` returns them.

        Returns
        -------
        (R, C + 1) float32 array
            Softmax scores; column 0 is the background.
        """
        step = self.ensemble.execution.batch_size
        scores = np.empty((len(boxes_xyxy), len(self.classes) + 1), np.float32)
        for start in range(0, len(boxes_xyxy), step):
            batch = slice(start, start + step)
            windows = warp_regions(image, boxes_xyxy[batch], self.ensemble.warp)  # (B, S, S, 3)
            scores[batch] = self.ensemble.probabilities(windows).cpu().numpy()
        return scores


def admit_regions(
    boxes_xyxy: NDArray[np.float32], image_size: tuple[int, int], limit: int
) -> NDArray[np.float32]:
    """Clip regions to the image, drop those left without area, keep the first ``limit``.

    Parameters
    ----------
    boxes_xyxy : (N, 4) array
        Best first.
    image_size : (int, int)
        Height and width of the image.
    limit : int
        How many to keep at most.

    Returns
    -------
    (R, 4) float32 array

    Raises
    ------
    ValueError
        If the boxes are malformed.
    """
    clipped = clip_boxes(check_boxes(boxes_xyxy, "proposals"), image_size)
    return clipped[box_areas(clipped) > 0][:limit]


def select_detections(
    boxes_xyxy: NDArray[np.float32],
    probabilities: NDArray[np.float32],
    classes: tuple[ObjectClass, ...],
    image_size: tuple[int, int],
    config: DetectorConfig,
) -> Detections:
    """Keep the best regions of every class.

    Every region is a candidate for every class: a floor on the score, suppression within
    the class, and a limit a class (R-CNN, section 2.2).

    Parameters
    ----------
    boxes_xyxy : (R, 4) float32 array
        Regions inside the image.
    probabilities : (R, C + 1) float32 array
        Their softmax scores; column 0 is the background.
    classes : tuple of ObjectClass
        The C classes.
    image_size : (int, int)
        Height and width of the image.
    config : DetectorConfig
        Floor, threshold of suppression and limit.

    Returns
    -------
    Detections
    """
    kept_by_class = [
        _best_of_class(boxes_xyxy, probabilities[:, label + 1], config)
        for label in range(len(classes))
    ]
    labels = np.repeat(np.arange(len(classes)), [len(kept) for kept in kept_by_class])
    regions = np.concatenate([np.empty(0, np.int64), *kept_by_class])  # (K,)
    # Softmax and mean may round to a hair above 1.
    scores = np.minimum(probabilities[regions, labels + 1], np.float32(1))
    order = np.argsort(-scores, kind="stable")
    return Detections(
        boxes_xyxy=boxes_xyxy[regions[order]],
        scores=scores[order],
        labels=labels[order],
        classes=classes,
        image_size=image_size,
    )


def _best_of_class(
    boxes_xyxy: NDArray[np.float32], scores: NDArray[np.float32], config: DetectorConfig
) -> NDArray[np.int64]:
    """Return the indices ``(K,)`` of the regions that one class keeps, best first."""
    candidates = np.flatnonzero(scores >= config.min_score)
    kept = non_maximum_suppression(boxes_xyxy[candidates], scores[candidates], config.nms_iou)
    return candidates[kept[: config.max_detections_per_class]]


def pretrained_paths() -> tuple[Path, ...]:
    """Return the member files that come with the package.

    Raises
    ------
    WeightsError
        If there is none.
    """
    folder = Path(str(files("detector").joinpath("weights")))
    paths = tuple(sorted(folder.glob("*.safetensors")))
    if not paths:
        raise WeightsError(
            f"{folder}: no weights (*.safetensors) come with this installation; train a member"
            " with tools/train.py and load its file"
        )
    return paths

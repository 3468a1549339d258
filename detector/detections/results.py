"""What a detector returns for one image."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from detector.classes import ObjectClass, select_classes
from proposals.boxes import check_boxes

if TYPE_CHECKING:
    import fiftyone
    import supervision

_NO_THRESHOLDS: Final[Mapping[str, float]] = MappingProxyType({})


class VideoFrame(NamedTuple):
    """What files call a frame of a video, as they call a picture by its file name.

    Attributes
    ----------
    file_name : str
        Of the video.
    frame : int
        Its place in the video, from 0.
    seconds : float
        When it is shown, from the start of the video.
    """

    file_name: str
    frame: int
    seconds: float


@dataclass(frozen=True, eq=False)
class Detections:
    """Objects found in one image, best first.

    Attributes
    ----------
    boxes_xyxy : (N, 4) float32 array
        Boxes in pixels of the image, right and bottom edges exclusive, inside the image.
    scores : (N,) float32 array
        Scores in [0, 1], descending.
    labels : (N,) int64 array
        Indices into ``classes``.
    classes : tuple of ObjectClass
        Every class that the detector can name.
    image_size : (int, int)
        Height and width of the image in pixels.

    Raises
    ------
    ValueError
        If an attribute does not fit this description.
    """

    boxes_xyxy: NDArray[np.float32]
    scores: NDArray[np.float32]
    labels: NDArray[np.int64]
    classes: tuple[ObjectClass, ...]
    image_size: tuple[int, int]

    def __post_init__(self) -> None:
        _check(
            len(self.image_size) == 2 and min(self.image_size) >= 1,
            "image_size must be a positive (height, width)",
            self.image_size,
        )
        object.__setattr__(self, "boxes_xyxy", check_boxes(self.boxes_xyxy, "Detections"))
        self._check_boxes_inside()
        self._check_scores()
        self._check_labels()

    def __len__(self) -> int:
        return len(self.scores)

    @classmethod
    def empty(cls, classes: Sequence[ObjectClass], image_size: tuple[int, int]) -> Detections:
        """Return the detections of an image in which nothing was found."""
        return cls(
            boxes_xyxy=np.empty((0, 4), np.float32),
            scores=np.empty(0, np.float32),
            labels=np.empty(0, np.int64),
            classes=tuple(classes),
            image_size=image_size,
        )

    def above(self, threshold: float, by_class: Mapping[str, float] = _NO_THRESHOLDS) -> Detections:
        """Return the detections that score at least ``threshold``.

        Parameters
        ----------
        threshold : float
        by_class : mapping of str to float
            Thresholds that hold for some classes in its place. Keys are as
            `detector.classes.select_classes` takes them: names, WordNet ids or numbers.

        Raises
        ------
        ValueError
            If a key names none of ``classes``, or two keys name the same one.
        """
        of_label = np.full(len(self.classes), threshold, np.float32)
        for one, value in zip(
            select_classes(by_class, self.classes), by_class.values(), strict=True
        ):
            of_label[self.classes.index(one)] = value
        return self._where(self.scores >= of_label[self.labels])

    def of_classes(self, *keys: str) -> Detections:
        """Return the detections of some classes; ``classes`` and labels stay as they are.

        This is all that a detector of those classes alone could do: every network scores all
        classes at once, and suppression and limits go class by class
        (`detector.detections.selection`), so that no class changes what is found of another.

        Parameters
        ----------
        *keys : str
            As `detector.classes.select_classes` takes them: names, WordNet ids or numbers.

        Raises
        ------
        ValueError
            If a key names none of ``classes``, or two keys name the same one.
        """
        labels = [self.classes.index(one) for one in select_classes(keys, self.classes)]
        return self._where(np.isin(self.labels, labels))

    def to_supervision(self) -> supervision.Detections:
        """Return the detections as those of Roboflow's supervision (``pip install supervision``).

        ``xyxy`` are the boxes, ``confidence`` the scores, ``class_id`` the labels, and
        ``data["class_name"]`` the names of the classes. All are copies.
        """
        from detector.detections.neighbours.supervision import to_supervision

        return to_supervision(self)

    @classmethod
    def from_supervision(
        cls,
        found: supervision.Detections,
        classes: Sequence[ObjectClass],
        image_size: tuple[int, int],
    ) -> Detections:
        """Return supervision's detections as ours; boxes are cut at the image's border.

        Parameters
        ----------
        found : supervision.Detections
            Classes go by ``data["class_name"]`` where there is one, else by ``class_id``, an index
            into ``classes``. Masks and trackers' numbers are left out.
        classes : sequence of ObjectClass
            What the detections may be.
        image_size : (int, int)
            Height and width of the image in pixels.

        Raises
        ------
        ValueError
            If there are no scores, they leave [0, 1], or a class is none of ``classes``.
        """
        from detector.detections.neighbours.supervision import from_supervision

        return cls(*from_supervision(found, classes, image_size))

    def to_fiftyone(self) -> fiftyone.Detections:
        """Return the detections as a label of FiftyOne (``pip install fiftyone``).

        Boxes are ``[x, y, width, height]`` as shares of the image's sides, ``confidence`` the
        scores and ``label`` the names of the classes: ``sample["found"] = found.to_fiftyone()``.
        """
        from detector.detections.neighbours.fiftyone import to_fiftyone

        return to_fiftyone(self)

    @classmethod
    def from_fiftyone(
        cls,
        found: fiftyone.Detections,
        classes: Sequence[ObjectClass],
        image_size: tuple[int, int],
    ) -> Detections:
        """Return FiftyOne's detections as ours; the rest is as in `from_supervision`."""
        from detector.detections.neighbours.fiftyone import from_fiftyone

        return cls(*from_fiftyone(found, classes, image_size))

    def to_label_studio(self, image: str, model_version: str) -> dict[str, Any]:
        """Return a task of Label Studio with the detections as its prediction, ready for ``json``.

        Rectangles are in percent of the image's sides and have their scores; that of the prediction
        is their mean. `detector.detections.neighbours.label_studio.label_studio_config` makes the
        project's labelling interface, and `detector.datasets.label_studio.LabelStudioExport` reads
        what was corrected.

        Parameters
        ----------
        image : str
            Address by which Label Studio finds the picture, for example
            ``"/data/local-files/?d=pictures/street.jpg"``.
        model_version : str
            What Label Studio calls the detector.
        """
        from detector.detections.neighbours.label_studio import to_label_studio

        return to_label_studio(self, image, model_version)

    @classmethod
    def from_label_studio(
        cls,
        task: Mapping[str, Any],
        classes: Sequence[ObjectClass],
        image_size: tuple[int, int],
    ) -> Detections:
        """Return the one prediction of a task as detections; the rest is as in `from_supervision`.

        What people drew has no scores: `detector.datasets.label_studio` reads that.
        """
        from detector.detections.neighbours.label_studio import from_label_studio

        return cls(*from_label_studio(task, classes, image_size))

    def to_transformers(self) -> list[dict[str, Any]]:
        """Return what the object-detection pipeline of Hugging Face's transformers returns.

        That is ``{"score", "label", "box": {"xmin", "ymin", "xmax", "ymax"}}`` for each detection.
        The pipeline gives whole pixels: boxes are rounded to the nearest.
        """
        from detector.detections.neighbours.transformers import to_transformers

        return to_transformers(self)

    @classmethod
    def from_transformers(
        cls,
        found: Sequence[Mapping[str, Any]],
        classes: Sequence[ObjectClass],
        image_size: tuple[int, int],
    ) -> Detections:
        """Return the pipeline's result of one image as ours; the rest as in `from_supervision`."""
        from detector.detections.neighbours.transformers import from_transformers

        return cls(*from_transformers(found, classes, image_size))

    def _where(self, chosen: slice | NDArray[np.bool_]) -> Detections:
        return replace(
            self,
            boxes_xyxy=self.boxes_xyxy[chosen],
            scores=self.scores[chosen],
            labels=self.labels[chosen],
        )

    def _check_boxes_inside(self) -> None:
        if len(self.boxes_xyxy) == 0:
            return
        height, width = self.image_size
        low, high = self.boxes_xyxy.min(), self.boxes_xyxy[:, 2:].max(axis=0)
        _check(
            bool(low >= 0 and high[0] <= width and high[1] <= height),
            f"boxes_xyxy must lie inside the {width}x{height} image",
            f"boxes from {low} to {high.tolist()}",
        )

    def _check_scores(self) -> None:
        scores, count = self.scores, len(self.boxes_xyxy)
        _check(
            scores.shape == (count,) and scores.dtype == np.float32,
            f"scores must be ({count},) float32, one a box,",
            f"{scores.shape} {scores.dtype}",
        )
        if count == 0:
            return
        descending = bool((scores[1:] <= scores[:-1]).all())
        _check(
            bool(scores[0] <= 1 and scores[-1] >= 0 and descending),
            "scores must be in [0, 1] and descending",
            f"{scores[0]} first, {scores[-1]} last" + ("" if descending else ", out of order"),
        )

    def _check_labels(self) -> None:
        labels, count = self.labels, len(self.boxes_xyxy)
        _check(
            labels.shape == (count,) and labels.dtype == np.int64,
            f"labels must be ({count},) int64, one a box,",
            f"{labels.shape} {labels.dtype}",
        )
        if count == 0:
            return
        _check(
            bool(labels.min() >= 0 and labels.max() < len(self.classes)),
            f"labels must be indices of the {len(self.classes)} classes",
            f"{labels.min()} to {labels.max()}",
        )


def _check(holds: bool, requirement: str, value: object) -> None:
    if not holds:
        raise ValueError(f"Detections.{requirement} but got {value}")

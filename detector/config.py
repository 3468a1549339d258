"""Settings of a detector: those that decide its results, and those that decide how it runs."""

from __future__ import annotations

from dataclasses import dataclass
from math import inf
from types import MappingProxyType
from typing import Final

DEFAULT_MODEL: Final = "voc9"
"""The shipped model that is taken where none is named; see `detector.members.models`."""

ENGINES = ("auto", "torch", "openvino")
PRECISIONS = ("auto", "float32", "bfloat16", "float16", "int8")

_BATCH_SIZES = MappingProxyType({"cpu": 16, "cuda": 256})  # by type of device


@dataclass(frozen=True)
class DetectorConfig:
    """Settings that decide what is detected.

    A member's file holds those for the member alone, a model's `detector.members.ensemble_file`
    those for its members together.

    Attributes
    ----------
    max_proposals : int
        The best so many proposals of an image are scored.
    duplicate_iou : float
        Of two proposals above this IoU, only the better one is scored.
    nms_iou : float
        Of two overlapping detections of a class above this IoU, the lesser is dropped
        (R-CNN: 0.3).
    voting_iou : float
        Each box that suppression kept becomes the mean of the class's regions that have this
        IoU or more with it; see `detector.detections.voting`. At 1, boxes stay as proposed.
    voting_exponent : float
        In that mean a region weighs its score to this power.
    max_detections_per_class : int
        At most so many detections of one class in one image (R-CNN: 100).
    min_score : float
        Floor of the score. It only keeps prediction lists short: what lies beneath
        is far down the ranking. Our choice; R-CNN tunes one threshold a class.
    cascade_threshold : float
        Of several members, the first scores every region, and all of them those to which it
        gives a class this score or more; the others keep its scores. At 0 all members score
        every region. `inception-rcnn tune-cascade` finds a value.
    """

    max_proposals: int = 1400
    duplicate_iou: float = 0.95
    nms_iou: float = 0.3
    voting_iou: float = 1.0
    voting_exponent: float = 3.0
    max_detections_per_class: int = 100
    min_score: float = 0.01
    cascade_threshold: float = 0.0

    def __post_init__(self) -> None:
        _check_count("DetectorConfig.max_proposals", self.max_proposals)
        _check_count("DetectorConfig.max_detections_per_class", self.max_detections_per_class)
        _check_share("DetectorConfig.duplicate_iou", self.duplicate_iou)
        _check_share("DetectorConfig.nms_iou", self.nms_iou)
        _check_share("DetectorConfig.voting_iou", self.voting_iou)
        _check_number("DetectorConfig.voting_exponent", self.voting_exponent, "0 or more", inf)
        _check_share("DetectorConfig.min_score", self.min_score)
        _check_share("DetectorConfig.cascade_threshold", self.cascade_threshold)


@dataclass(frozen=True)
class Execution:
    """Settings that decide how networks run; results agree up to rounding errors.

    Attributes
    ----------
    engine : {"auto", "torch", "openvino"}
        What runs the networks. ``"auto"``: PyTorch on a GPU, OpenVINO on the CPU.
    device : str
        ``"auto"`` (CUDA where there is one, else the CPU) or a torch device.
    precision : {"auto", "float32", "bfloat16", "float16", "int8"}
        Arithmetic of the convolutions. ``"auto"`` is the fastest that the processor has in
        hardware and the weights are made for. int8 is OpenVINO's alone and needs calibrated
        weights; float16 is PyTorch's on a GPU.
    batch_size : int, optional
        Regions that are warped and scored together; bounds the memory. When left out, 16 on
        the CPU, which fits its caches, and 256 on CUDA.
    """

    engine: str = "auto"
    device: str = "auto"
    precision: str = "auto"
    batch_size: int | None = None

    def __post_init__(self) -> None:
        _check_choice("Execution.engine", self.engine, ENGINES)
        _check_choice("Execution.precision", self.precision, PRECISIONS)
        if self.batch_size is not None:
            _check_count("Execution.batch_size", self.batch_size)

    def batch_size_on(self, device_type: str) -> int:
        """Return ``batch_size``, or what suits a type of torch device where it was left out."""
        if self.batch_size is not None:
            return self.batch_size
        return _BATCH_SIZES.get(device_type, _BATCH_SIZES["cpu"])


def _check_choice(name: str, value: str, choices: tuple[str, ...]) -> None:
    if value not in choices:
        raise ValueError(f"{name} must be one of {', '.join(choices)} but got {value!r}")


def _check_count(name: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name} must be a whole number of at least 1 but got {value!r}")


def _check_share(name: str, value: object) -> None:
    _check_number(name, value, "from 0 to 1", 1)


def _check_number(name: str, value: object, expected: str, most: float) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= most:
        raise ValueError(f"{name} must be a number {expected} but got {value!r}")

"""Settings of a detector: those that decide its results, and those that decide how it runs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class DetectorConfig:
    """Settings that decide what is detected; they are stored beside trained weights.

    Attributes
    ----------
    max_proposals : int
        The best so many proposals of an image are scored.
    nms_iou : float
        Of two overlapping detections of a class above this IoU, the lesser is dropped
        (R-CNN: 0.3).
    max_detections_per_class : int
        At most so many detections of one class in one image (R-CNN: 100).
    min_score : float
        Floor of the softmax score. It only keeps prediction lists short: what lies beneath
        is far down the ranking. Our choice; R-CNN tunes one threshold a class.
    """

    max_proposals: int = 1400
    nms_iou: float = 0.3
    max_detections_per_class: int = 100
    min_score: float = 0.01

    def __post_init__(self) -> None:
        _check_count("DetectorConfig.max_proposals", self.max_proposals)
        _check_count("DetectorConfig.max_detections_per_class", self.max_detections_per_class)
        _check_share("DetectorConfig.nms_iou", self.nms_iou)
        _check_share("DetectorConfig.min_score", self.min_score)


@dataclass(frozen=True)
class Execution:
    """Settings that decide how networks run; results agree up to rounding errors.

    Attributes
    ----------
    device : str
        ``"auto"`` (CUDA where there is one, else the CPU) or a torch device.
    precision : {"auto", "float32", "bfloat16"}
        Arithmetic of the convolutions. ``"auto"`` takes bfloat16 where the processor
        multiplies it in hardware: faster, and scores stay within 0.05 (tested).
    batch_size : int
        Regions that are warped and scored together; bounds the memory. 16 is the fastest of
        16, 32 and 64 on a CPU, whose caches it fits; a GPU wants more.
    """

    device: str = "auto"
    precision: str = "auto"
    batch_size: int = 16

    def __post_init__(self) -> None:
        if self.precision not in {"auto", "float32", "bfloat16"}:
            raise ValueError(
                "Execution.precision must be 'auto', 'float32' or 'bfloat16' but got"
                f" {self.precision!r}"
            )
        _check_count("Execution.batch_size", self.batch_size)


def _check_count(name: str, value: object) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise ValueError(f"{name} must be a whole number of at least 1 but got {value!r}")


def _check_share(name: str, value: object) -> None:
    if not isinstance(value, int | float) or isinstance(value, bool) or not 0 <= value <= 1:
        raise ValueError(f"{name} must be a number from 0 to 1 but got {value!r}")

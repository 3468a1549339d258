"""Settings of a fine-tuning run."""

from __future__ import annotations

from dataclasses import dataclass, field
from types import MappingProxyType

from backbones.training.config import OptimizationConfig
from detector.regions.warp_config import WarpConfig

FROZEN_PARTS = ("nothing", "stem", "features")


@dataclass(frozen=True)
class SamplingConfig:
    """How windows are labelled and mixed; the defaults are R-CNN's (section 2.3).

    Attributes
    ----------
    foreground : int
        Windows of a batch that show an object.
    background : int
        Windows of a batch that show none.
    foreground_iou : float
        Least IoU with a true box to count as showing its object.
    background_iou : float
        Windows whose largest IoU is below this are background; between the two, windows are
        left out.
    near_share : float, optional
        Of the background windows, those that overlap an object by 0.1 or more: parts of it and
        boxes too large. As they come where it is left out.
    balanced : bool
        Whether foreground windows are drawn evenly over the classes, not over all windows.
    """

    foreground: int = 32
    background: int = 96
    foreground_iou: float = 0.5
    background_iou: float = 0.5
    near_share: float | None = None
    balanced: bool = False

    def __post_init__(self) -> None:
        if self.foreground < 1 or self.background < 1:
            raise ValueError(
                "foreground and background must be 1 or more,"
                f" but got {self.foreground} and {self.background}"
            )
        if not 0 < self.background_iou <= self.foreground_iou <= 1:
            raise ValueError(
                "0 < background_iou <= foreground_iou <= 1 must hold, but got"
                f" {self.background_iou} and {self.foreground_iou}"
            )
        if self.near_share is not None and not 0 <= self.near_share <= 1:
            raise ValueError(f"near_share must be from 0 to 1, but got {self.near_share}")


POLICIES = MappingProxyType(
    {
        "r-cnn": SamplingConfig(),
        "tight": SamplingConfig(foreground_iou=0.6, near_share=0.4),
        "tight-balanced": SamplingConfig(foreground_iou=0.6, near_share=0.4, balanced=True),
        "tight-near": SamplingConfig(foreground_iou=0.6, near_share=0.6),
        "tighter": SamplingConfig(foreground_iou=0.7, near_share=0.4, balanced=True),
        "tighter-near": SamplingConfig(foreground_iou=0.7, near_share=0.6),
    }
)
"""Ways to draw windows, by which the members of an ensemble differ. Our choice: the paper says
only that its networks differed in sampling and order (section 7). With ``tight`` ones, boxes of
an IoU from 0.5 to 0.6 are left out, with ``tighter`` ones those from 0.5 to 0.7, so
that a network learns to prefer the box that fits better."""


def _rcnn_optimization() -> OptimizationConfig:
    return OptimizationConfig(steps=50_000, learning_rate=0.001, drop_every=20_000, drop_factor=0.1)


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of a fine-tuning run; the defaults are R-CNN's for ILSVRC.

    Attributes
    ----------
    optimization : OptimizationConfig
        Its seed is that of the new classifier and the batches, too.
    sampling : SamplingConfig
    freeze : {"nothing", "stem", "features"}
        What keeps its weights: the stem, which is conv1 to 3b and more than half of the
        work, or everything but the classifier.
    pool_windows : int, optional
        Learn from so many windows, drawn once, whose way through the frozen part is computed
        once; see `detector.training.pool`. Where left out, every batch is drawn from all.
    pool_seed : int
        Of the draw of those windows, and of which of them are mirrored.
    context_padding : int
        Of `WarpConfig`: pixels of context on each side of a warped region.
    distort_colours : bool
        Whether brightness, contrast and colours of windows are changed at random, as those of
        pictures in classification (GoogLeNet, section 6). R-CNN does not.
    calibration_regions : int
        Regions that the result is calibrated on for 8-bit arithmetic, out of those that it was
        trained on; fewer where it saw fewer.
    """

    optimization: OptimizationConfig = field(default_factory=_rcnn_optimization)
    sampling: SamplingConfig = field(default_factory=SamplingConfig)
    freeze: str = "nothing"
    pool_windows: int | None = None
    pool_seed: int = 0
    context_padding: int = WarpConfig.context_padding
    distort_colours: bool = False
    calibration_regions: int = 512

    def __post_init__(self) -> None:
        if self.freeze not in FROZEN_PARTS:
            raise ValueError(
                f"freeze must be one of {', '.join(FROZEN_PARTS)}, but got {self.freeze!r}"
            )
        if self.pool_windows is not None and self.freeze == "nothing":
            raise ValueError("pool_windows needs a frozen part: set freeze to stem or features")
        if self.pool_windows is not None and self.distort_colours:
            raise ValueError(
                "distort_colours changes windows anew each time, which a pool cannot: leave one of"
                " distort_colours and pool_windows out"
            )
        if self.pool_windows is not None and self.pool_windows < 1:
            raise ValueError(f"pool_windows must be 1 or more, but got {self.pool_windows}")
        if self.calibration_regions < 1:
            raise ValueError(
                f"calibration_regions must be 1 or more, but got {self.calibration_regions}"
            )

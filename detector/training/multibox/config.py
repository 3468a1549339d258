"""Settings of a MultiBox training run."""

from __future__ import annotations

import math
from dataclasses import dataclass, field


@dataclass(frozen=True)
class ViewConfig:
    """How a training image is shown.

    Attributes
    ----------
    whole : float
        Share of views that show the whole image, as `proposals.multibox.MultiBox` does.
    least_area, most_area : float
        The others show a rectangle of an area between these shares of the image's, drawn
        evenly in the logarithm; above 1 it reaches over the border.
    aspect : float
        The rectangle's aspect is the image's times a factor between 1 / ``aspect`` and this.
    least_visible : float
        An object counts when at least this share of its area is in the view.
    least_side : float
        And when both sides are at least this share of the view.
    contrast : float
        Contrast is changed by a factor between 1 - this and 1 + this.
    brightness : float
        At most so much, of 0-255, is added or taken away.
    """

    whole: float = 0.3
    least_area: float = 0.15
    most_area: float = 1.6
    aspect: float = 4 / 3
    least_visible: float = 0.5
    least_side: float = 0.03
    contrast: float = 0.3
    brightness: float = 25.0

    def __post_init__(self) -> None:
        if not 0 <= self.whole <= 1:
            raise ValueError(f"whole must be a share from 0 to 1, but got {self.whole}")
        if not 0 < self.least_area <= self.most_area:
            raise ValueError(
                "least_area must be above 0 and at most most_area, but got"
                f" {self.least_area} and {self.most_area}"
            )
        if self.aspect < 1:
            raise ValueError(f"aspect must be 1 or more, but got {self.aspect}")


@dataclass(frozen=True)
class MultiBoxTrainingConfig:
    """Settings of a run.

    Attributes
    ----------
    steps : int
        Batches to learn from.
    batch_size : int
        Views a batch.
    size : int
        Side of the network's input, in pixels.
    priors : {"grid", "kmeans"}
        Multi-scale convolutional priors, or centroids of the training boxes.
    prior_count : int
        Number of centroids.
    head_rate, backbone_rate : float
        Learning rates of AdamW after the warm-up; they fall to 0 along a half cosine.
    warm_up : int
        Steps over which the rates rise.
    weight_decay : float
    freeze : {"nothing", "stem", "backbone"}
        What keeps its ImageNet weights.
    frozen_precision : str
        Arithmetic of what is frozen, as `Execution.precision`.
    matches : int
        Predictions that are matched with each object (paper: 1).
    max_gradient_norm : float
        Longer gradients are shortened to this.
    seed : int
        Of the new head and the views.
    checkpoint_every : int
        Steps between checkpoints.
    views : ViewConfig
    """

    steps: int = 4000
    batch_size: int = 8
    size: int = 320
    priors: str = "grid"
    prior_count: int = 600
    head_rate: float = 1e-3
    backbone_rate: float = 1e-4
    warm_up: int = 100
    weight_decay: float = 1e-4
    freeze: str = "stem"
    frozen_precision: str = "auto"
    matches: int = 1
    max_gradient_norm: float = 10.0
    seed: int = 0
    checkpoint_every: int = 100
    views: ViewConfig = field(default_factory=ViewConfig)

    def __post_init__(self) -> None:
        for name in ("steps", "batch_size", "prior_count", "matches", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, but got {getattr(self, name)}")
        if self.size < 64:
            raise ValueError(f"size must be 64 or more, but got {self.size}")
        if self.priors not in {"grid", "kmeans"}:
            raise ValueError(f"priors must be 'grid' or 'kmeans', but got {self.priors!r}")
        if self.freeze not in {"nothing", "stem", "backbone"}:
            raise ValueError(
                f"freeze must be 'nothing', 'stem' or 'backbone', but got {self.freeze!r}"
            )

    def share_of_rate(self, step: int) -> float:
        """Return the share of both learning rates at a step (1, 2, ...)."""
        if step <= self.warm_up:
            return step / self.warm_up
        share = (step - self.warm_up) / max(self.steps - self.warm_up, 1)
        return (1 + math.cos(math.pi * min(share, 1.0))) / 2

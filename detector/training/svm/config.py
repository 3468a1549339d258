"""Settings of the training of linear SVMs."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class SvmConfig:
    """How linear SVMs are trained; what R-CNN says, it says in section 2.3 and its code.

    Attributes
    ----------
    windows : int
        That pass through the network: all true boxes, the rest proposals. Our choice: R-CNN
        looks at all proposals of all photographs.
    near_share : float
        Of the proposals, those that overlap an object by 0.1 or more, as far as there are such.
        Our choice: what is hard is found there.
    negative_iou : float
        A window is a negative of a class when its IoU with every object of it is below this.
    cost : float
        C of the loss.
    bias_scale : float
        The number of which the bias is a weight, so that the penalty hardly holds it.
    positive_weight : float
        What an error on a positive counts, that on a negative being 1.
    feature_norm : float
        Features are scaled to this mean Euclidean norm.
    seed : int
        Of the proposals drawn and of the solver.

    Raises
    ------
    ValueError
        If a value is impossible.
    """

    windows: int = 15_000
    near_share: float = 0.5
    negative_iou: float = 0.3
    cost: float = 1e-3
    bias_scale: float = 10.0
    positive_weight: float = 2.0
    feature_norm: float = 20.0
    seed: int = 0

    def __post_init__(self) -> None:
        if self.windows < 2:
            raise ValueError(f"windows must be 2 or more, but got {self.windows}")
        if not 0 <= self.near_share <= 1:
            raise ValueError(f"near_share must be from 0 to 1, but got {self.near_share}")
        if not 0 < self.negative_iou <= 1:
            raise ValueError(f"negative_iou must be in (0, 1], but got {self.negative_iou}")
        for name in ("cost", "bias_scale", "positive_weight", "feature_norm"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, but got {getattr(self, name)}")

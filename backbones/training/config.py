"""How weights are learned, whatever from."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class OptimizationConfig:
    """Settings of stochastic gradient descent.

    GoogLeNet was trained with momentum 0.9, a rate that falls by 4 % every 8 epochs, the mean
    of the weights (Polyak and Juditsky 1992) and auxiliary losses of weight 0.3 (paper,
    sections 5 and 6); R-CNN's rate falls to a tenth after each 20,000 batches.

    Attributes
    ----------
    steps : int
        Batches to learn from.
    learning_rate : float
        At the start.
    drop_every : int
        The rate is multiplied by ``drop_factor`` after each so many steps.
    drop_factor : float
    momentum, weight_decay : float
    average_from : int, optional
        The result is the mean of the weights after each step from this one on; where it is left
        out, the weights after the last step.
    auxiliary_weight : float
        Of the losses of the auxiliary classifiers, where the network has them.
    precision : {"auto", "float32", "bfloat16"}
        Arithmetic of the convolutions; weights, sums and losses are float32. ``"auto"`` is
        bfloat16 where the hardware multiplies it.
    seed : int
        Of dropout. Batches have their own.
    checkpoint_every : int
        Steps between checkpoints.
    """

    steps: int
    learning_rate: float
    drop_every: int
    drop_factor: float
    momentum: float = 0.9
    weight_decay: float = 5e-4
    average_from: int | None = None
    auxiliary_weight: float = 0.0
    precision: str = "auto"
    seed: int = 0
    checkpoint_every: int = 100

    def __post_init__(self) -> None:
        for name in ("steps", "drop_every", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, but got {getattr(self, name)}")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate must be above 0, but got {self.learning_rate}")
        if not 0 < self.drop_factor <= 1:
            raise ValueError(f"drop_factor must be in (0, 1], but got {self.drop_factor}")
        if self.auxiliary_weight < 0:
            raise ValueError(f"auxiliary_weight must be 0 or more, but got {self.auxiliary_weight}")
        if self.average_from is not None and not 1 <= self.average_from <= self.steps:
            raise ValueError(
                f"average_from must be a step from 1 to {self.steps}, but got {self.average_from}"
            )
        if self.precision not in {"auto", "float32", "bfloat16"}:
            raise ValueError(
                f"precision must be auto, float32 or bfloat16, but got {self.precision!r}"
            )

    def rate(self, step: int) -> float:
        """Return the learning rate of a step (1, 2, ...)."""
        return self.learning_rate * self.drop_factor ** ((step - 1) // self.drop_every)

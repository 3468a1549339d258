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


@dataclass(frozen=True, kw_only=True)
class ClassifierConfig:
    """How a classifier is trained; the defaults are the paper's recipe.

    What the paper leaves open is as in BVLC's training of the same network: the rate at the
    start, the weight decay, the size of a batch and about 60 epochs (Caffe, models/
    bvlc_googlenet).

    Attributes
    ----------
    epochs : float
        How often each picture is shown.
    steps : int, optional
        Batches to learn from, in place of ``epochs``.
    batch_size : int
        Over all processes.
    learning_rate : float
        At the start.
    drop_epochs : float
        The rate is multiplied by ``drop_factor`` after each so many epochs.
    drop_factor : float
    weight_decay : float
    average_last : float
        Share of the steps, the last ones, over which the weights are averaged; 0: none.
    auxiliary_weight : float
        Of the two auxiliary losses; 0: none.
    precision, checkpoint_every
        As `OptimizationConfig`'s.
    seed : int
        Of order, views and dropout. The first weights are the same for all seeds, as those of
        the paper's seven networks were.

    Raises
    ------
    ValueError
        If ``epochs``, ``batch_size`` or ``drop_epochs`` is not above 0, or ``average_last`` not
        in [0, 1].
    """

    epochs: float = 64
    steps: int | None = None
    batch_size: int = 32
    learning_rate: float = 0.01
    drop_epochs: float = 8
    drop_factor: float = 0.96
    weight_decay: float = 2e-4
    average_last: float = 0.25
    auxiliary_weight: float = 0.3
    precision: str = "auto"
    seed: int = 0
    checkpoint_every: int = 100

    def __post_init__(self) -> None:
        for name in ("epochs", "batch_size", "drop_epochs"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, but got {getattr(self, name)}")
        if not 0 <= self.average_last <= 1:
            raise ValueError(f"average_last must be in [0, 1], but got {self.average_last}")

    def optimization(self, pictures: int) -> OptimizationConfig:
        """Return the settings of the training loop for a number of pictures."""
        steps = self._steps(self.epochs, pictures) if self.steps is None else self.steps
        averaged = round(steps * self.average_last)
        return OptimizationConfig(
            steps=steps,
            learning_rate=self.learning_rate,
            drop_every=self._steps(self.drop_epochs, pictures),
            drop_factor=self.drop_factor,
            weight_decay=self.weight_decay,
            average_from=steps - averaged + 1 if averaged else None,
            auxiliary_weight=self.auxiliary_weight,
            precision=self.precision,
            seed=self.seed,
            checkpoint_every=self.checkpoint_every,
        )

    def _steps(self, epochs: float, pictures: int) -> int:
        return max(1, round(epochs * pictures / self.batch_size))

"""Settings of a fine-tuning run."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class SamplingConfig:
    """How windows are labelled and mixed (R-CNN, section 2.3).

    Attributes
    ----------
    foreground : int
        Windows of a batch that show an object.
    background : int
        Windows of a batch that show none.
    foreground_iou : float
        Least IoU with a true box to count as showing its object.
    """

    foreground: int = 32
    background: int = 96
    foreground_iou: float = 0.5

    def __post_init__(self) -> None:
        if self.foreground < 1 or self.background < 1:
            raise ValueError(
                "foreground and background must be 1 or more,"
                f" but got {self.foreground} and {self.background}"
            )
        if not 0 < self.foreground_iou <= 1:
            raise ValueError(f"foreground_iou must be in (0, 1], but got {self.foreground_iou}")


@dataclass(frozen=True)
class TrainingConfig:
    """Settings of a fine-tuning run; the defaults are R-CNN's for ILSVRC.

    Attributes
    ----------
    steps : int
        Batches to learn from.
    learning_rate : float
    drop_every : int
        The rate is multiplied by ``drop_factor`` after each so many steps.
    drop_factor : float
    momentum, weight_decay : float
    freeze_stem : bool
        Whether conv1 to 3b keep their weights, which saves more than half of a step.
    stem_precision : str
        Arithmetic of a frozen stem, as `Execution.precision`. What is trained is float32.
    seed : int
        Of the new classifier, the batches and dropout.
    checkpoint_every : int
        Steps between checkpoints.
    sampling : SamplingConfig
    """

    steps: int = 50_000
    learning_rate: float = 0.001
    drop_every: int = 20_000
    drop_factor: float = 0.1
    momentum: float = 0.9
    weight_decay: float = 5e-4
    freeze_stem: bool = False
    stem_precision: str = "auto"
    seed: int = 0
    checkpoint_every: int = 100
    sampling: SamplingConfig = field(default_factory=SamplingConfig)

    def __post_init__(self) -> None:
        for name in ("steps", "drop_every", "checkpoint_every"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, but got {getattr(self, name)}")
        if not self.learning_rate > 0:
            raise ValueError(f"learning_rate must be above 0, but got {self.learning_rate}")

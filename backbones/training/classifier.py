"""One training run from a folder of pictures to a classifier file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from backbones.classification.classifier_file import save_classifier
from backbones.googlenet import AuxiliaryLogits, GoogLeNet
from backbones.hardware import choose_device
from backbones.preprocess import InputStatistics
from backbones.training.config import OptimizationConfig
from backbones.training.folder_batches import FolderBatches, Pixels
from backbones.training.image_folder import ImageFolder
from backbones.training.loop import StepReport, train
from backbones.training.processes import process_rank
from backbones.weights.bvlc import load_imagenet_weights

_INITIAL_SEED = 0  # whatever the run's: the paper's seven networks began alike


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


def train_classifier(
    folder: ImageFolder,
    config: ClassifierConfig,
    imagenet_weights: Path | None,
    run_folder: Path,
    read: Callable[[Path], Pixels],
    report_skipped: Callable[[str], None],
    report: Callable[[StepReport], None],
    threads: int = 1,
) -> Path:
    """Train GoogLeNet on a folder of pictures, and write it as a classifier file.

    Parameters
    ----------
    folder : ImageFolder
    config : ClassifierConfig
    imagenet_weights : Path, optional
        For `load_imagenet_weights`: where all layers but the classifiers start. Fresh weights
        when left out.
    run_folder : Path
        Of checkpoint, log and result; a run that was cut off goes on from there.
    read, report_skipped : callable
        As `FolderBatches` takes them.
    report : callable
        Called with each step's `StepReport`.
    threads : int
        Pictures that are read at the same time.

    Returns
    -------
    Path
        ``classifier.safetensors`` in the run folder; of several processes the first writes it.

    Raises
    ------
    WeightsError, CheckpointError, NonFiniteLossError
        As `load_imagenet_weights` and `train` raise them.
    """
    optimization = config.optimization(len(folder))
    network = _initial_network(len(folder.names), imagenet_weights, config)
    network.to(choose_device("auto"))
    source = FolderBatches(
        folder, config.batch_size, config.seed, read, report_skipped, threads=threads
    )
    statistics = InputStatistics()
    data = {
        "pictures": len(folder),
        "classes": list(folder.names),
        "batch_size": config.batch_size,
        "imagenet_weights": imagenet_weights.name if imagenet_weights else None,
    }

    def predict(images_uint8: Tensor) -> Tensor | AuxiliaryLogits:
        images = statistics.normalise(images_uint8)
        if config.auxiliary_weight > 0:
            return network.forward_with_auxiliary(images)
        logits: Tensor = network(images)
        return logits

    train(network, predict, source, optimization, data, run_folder, report)
    path = run_folder / "classifier.safetensors"
    if process_rank() == 0:
        provenance = {"training": asdict(optimization), **data}
        save_classifier(path, network, folder.names, statistics, provenance)
    return path


def _initial_network(
    class_count: int, imagenet_weights: Path | None, config: ClassifierConfig
) -> GoogLeNet:
    auxiliary = config.auxiliary_weight > 0
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(_INITIAL_SEED)
        if imagenet_weights is None:
            return GoogLeNet(class_count, auxiliary_heads=auxiliary)
        network = GoogLeNet(1000, auxiliary_heads=auxiliary)
    # Not strict, as the file has no auxiliary heads; it is checked to have all else.
    network.load_state_dict(load_imagenet_weights(imagenet_weights), strict=False)
    generator = torch.Generator().manual_seed(_INITIAL_SEED)
    network.replace_classifier(class_count, generator=generator)
    return network

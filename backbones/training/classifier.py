"""One training run from a folder of pictures to a classifier file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor

from backbones.classification.classifier_file import save_classifier
from backbones.googlenet import AuxiliaryLogits, GoogLeNet
from backbones.hardware import choose_device
from backbones.preprocess import InputStatistics
from backbones.training.config import ClassifierConfig
from backbones.training.folder_batches import FolderBatches, Pixels
from backbones.training.image_folder import ImageFolder
from backbones.training.loop import StepReport, train
from backbones.training.processes import process_rank
from backbones.weights.bvlc import load_imagenet_weights

_INITIAL_SEED = 0  # whatever the run's: the paper's seven networks began alike


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

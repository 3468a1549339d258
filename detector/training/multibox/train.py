"""One MultiBox training run, from labelled pictures to a weights file."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from backbones import GoogLeNet, InputStatistics, load_imagenet_weights
from backbones.hardware import choose_dtype
from backbones.training.loop import NonFiniteLossError
from backbones.training.steps import take_steps
from detector.datasets.annotation import ImageAnnotation, digest_of
from detector.training.calibration import IMAGES, calibrate_multibox, spread
from detector.training.multibox.config import MultiBoxTrainingConfig
from detector.training.multibox.views import ViewBatch, ViewLoader, mirrored_boxes
from proposals.images import read_image
from proposals.multibox import (
    ConvolutionalHead,
    GlobalHead,
    MultiBoxNetwork,
    kmeans_priors,
    save_multibox,
)
from proposals.multibox.loss import multibox_loss
from proposals.multibox.network import Head, RawPredictions
from proposals.multibox.weights_file import read_multibox, write_multibox


class MultiBoxStep(NamedTuple):
    """What is known after a step; a line of the log."""

    step: int  # steps done
    location_loss: float
    confidence_loss: float
    gradient_norm: float
    learning_rate: float  # of the head
    seconds: float  # since the step before


def train_multibox(
    annotations: Sequence[ImageAnnotation],
    imagenet_weights: Path,
    config: MultiBoxTrainingConfig,
    run_folder: Path,
    report: Callable[[MultiBoxStep], None],
) -> Path:
    """Train a network and write it to ``multibox.safetensors`` in the run folder.

    A run that was cut off goes on at its last checkpoint and ends in the same weights.

    Parameters
    ----------
    annotations : sequence of ImageAnnotation
        Objects of all classes count alike, as far as they lie in their images. What finds a
        difficult object or a crowd is neither right nor wrong.
    imagenet_weights : Path
        For `backbones.load_imagenet_weights`.
    config : MultiBoxTrainingConfig
    run_folder : Path
        Of checkpoint, log and result.
    report : callable
        Called with each step's `MultiBoxStep`.

    Raises
    ------
    NonFiniteLossError
        If the network's output, and with it the loss, is no longer finite.
    CheckpointError
        If the folder's checkpoint is damaged or of a run with other settings.
    """
    annotations = [annotation.clipped() for annotation in annotations]
    learner = _Learner(build_network(annotations, imagenet_weights, config), config)
    loader = ViewLoader(annotations, learner.statistics, config)
    take_steps(
        learner,
        loader.batches,
        config.steps,
        checkpoint_every=config.checkpoint_every,
        settings=_lasting_settings(config, annotations),
        run_folder=run_folder,
        report=lambda line: report(MultiBoxStep(**line)),
    )
    provenance = {"training": asdict(config), "images": len(annotations)}
    path = run_folder / "multibox.safetensors"
    save_multibox(path, learner.network, learner.statistics.mean_rgb, provenance)
    if config.priors == "grid":  # 8 bits are for the head that is used
        seen = (annotations[place].image_path for place in spread(len(annotations), IMAGES))
        ranges = calibrate_multibox(path, (read_image(image_path) for image_path in seen))
        write_multibox(path, replace(read_multibox(path), activation_ranges=ranges))
    return path


def build_network(
    annotations: Sequence[ImageAnnotation], imagenet_weights: Path, config: MultiBoxTrainingConfig
) -> MultiBoxNetwork:
    """Return the network before its first step."""
    backbone = GoogLeNet(1000)
    backbone.load_state_dict(load_imagenet_weights(imagenet_weights))
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(config.seed)
        network = MultiBoxNetwork(backbone, _head(annotations, config), config.size)
    backbone.classifier.requires_grad_(False)
    if config.freeze == "stem":
        backbone.freeze_stem()
    if config.freeze == "backbone":
        backbone.requires_grad_(False)
    return network.train().to(memory_format=torch.channels_last)


def _head(annotations: Sequence[ImageAnnotation], config: MultiBoxTrainingConfig) -> Head:
    if config.priors == "grid":
        return ConvolutionalHead(config.size)
    boxes = np.concatenate(
        [
            a.boxes_xyxy[a.clear()] / np.array([*a.image_size[::-1]] * 2, np.float32)
            for a in annotations
        ]
    )
    both = np.concatenate([boxes, mirrored_boxes(boxes)]).astype(np.float32)
    return GlobalHead(kmeans_priors(both, config.prior_count, seed=config.seed))


def _optimizer(network: MultiBoxNetwork, config: MultiBoxTrainingConfig) -> torch.optim.AdamW:
    groups = [
        {"params": list(network.head.parameters()), "rate": config.head_rate},
        {"params": _trained(network.backbone), "rate": config.backbone_rate},
    ]
    return torch.optim.AdamW(
        [group for group in groups if group["params"]],
        lr=config.head_rate,
        weight_decay=config.weight_decay,
    )


def _trained(module: Any) -> list[Tensor]:  # noqa: ANN401 - a backbone that is a module too
    return [parameter for parameter in module.parameters() if parameter.requires_grad]


def _lasting_settings(
    config: MultiBoxTrainingConfig, annotations: Sequence[ImageAnnotation]
) -> dict[str, Any]:
    """Return what a resumed run must share."""
    settings = json.loads(json.dumps(asdict(config)))
    del settings["checkpoint_every"]
    return {**settings, "images": len(annotations), "data_set": digest_of(annotations)}


class _Learner:
    """A network that learns to propose."""

    average = None

    def __init__(self, network: MultiBoxNetwork, config: MultiBoxTrainingConfig) -> None:
        self.statistics = InputStatistics(size=config.size)
        self.network = network
        self.optimizer = _optimizer(network, config)
        self._config = config
        device = next(network.parameters()).device
        self._frozen_dtype = choose_dtype(config.frozen_precision, device)
        self._frozen = None
        if config.freeze != "nothing":
            self._frozen = copy.deepcopy(network.backbone).to(self._frozen_dtype)  # type: ignore[attr-defined]

    def step(self, step: int, batch: ViewBatch) -> dict[str, float]:
        """Take one step (1, 2, ...)."""
        share = self._config.share_of_rate(step)
        for group in self.optimizer.param_groups:
            group["lr"] = group["rate"] * share
        self.optimizer.zero_grad()
        raw = self._predict(self.statistics.normalise(batch.images))
        if not bool(torch.isfinite(raw.residuals.sum() + raw.logits.sum())):
            raise NonFiniteLossError(
                f"the network's output is no longer finite at step {step}: lower the learning"
                " rates and start again in another folder"
            )
        targets = [boxes.repeat(self._config.matches, 1) for boxes in batch.targets]
        head = self.network.head
        loss = multibox_loss(
            raw.residuals, raw.logits, head.priors, head.scales, targets, batch.unclear
        )
        loss.total.backward()  # type: ignore[no-untyped-call]
        norm = torch.nn.utils.clip_grad_norm_(
            _trained(self.network), self._config.max_gradient_norm
        )
        self.optimizer.step()
        return {
            "location_loss": loss.location.item(),
            "confidence_loss": loss.confidence.item(),
            "gradient_norm": norm.item(),
            "learning_rate": share * self._config.head_rate,
        }

    def _predict(self, images: Tensor) -> RawPredictions:
        """Run the network, its frozen part in other arithmetic and without gradient."""
        if self._frozen is None:
            predictions: RawPredictions = self.network(images)
            return predictions
        with torch.no_grad():
            inner = self._frozen.stem(images.to(self._frozen_dtype))
            if self._config.freeze == "backbone":
                maps = self._frozen.maps(inner)
                at_4e, at_5b = (grid.float() for grid in maps)
        if self._config.freeze != "backbone":
            at_4e, at_5b = self.network.backbone.maps(inner.float())
        learned: RawPredictions = self.network.head(at_4e, at_5b)
        return learned

"""One training run from a labelled data set to a member file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from backbones import GoogLeNet, load_imagenet_weights
from detector.classes import ObjectClass
from detector.datasets.annotation import ImageAnnotation
from detector.member_file import save_member
from detector.network import Member
from detector.proposal_file import load_proposals, propose_for_files, save_proposals
from detector.training.batches import BatchLoader
from detector.training.config import TrainingConfig
from detector.training.finetune import StepReport, finetune
from detector.training.windows import WindowSampler, build_window_table
from proposals import ImageError, Proposer


@dataclass(frozen=True)
class ProposedImages:
    """The readable images of a data set with their proposals.

    Attributes
    ----------
    annotations : tuple of ImageAnnotation
    boxes_xyxy : tuple of ndarray, each (N, 4) float32
        Proposals of each image.
    skipped : tuple of str
        Why the others were left out, a line each.
    """

    annotations: tuple[ImageAnnotation, ...]
    boxes_xyxy: tuple[NDArray[np.float32], ...]
    skipped: tuple[str, ...]


def propose_for_data_set(
    annotations: Sequence[ImageAnnotation],
    proposer: Proposer,
    path: Path,
    threads: int,
    report: Callable[[int], None],
) -> ProposedImages:
    """Return every image's proposals, from the file ``path`` where an earlier run left it.

    Parameters
    ----------
    annotations : sequence of ImageAnnotation
    proposer : callable
    path : Path
        Of the npz file that is read, or made.
    threads : int
    report : callable
        Called with the number of images done.
    """
    if path.exists():
        boxes_by_id = load_proposals(path)
        skipped = [
            f"{annotation.image_path}: {path} holds no proposals of it; delete that to try again"
            for annotation in annotations
            if annotation.image_id not in boxes_by_id
        ]
    else:
        boxes_by_id, skipped = _propose(annotations, proposer, threads, report)
        save_proposals(path, boxes_by_id)
    usable = tuple(a for a in annotations if a.image_id in boxes_by_id)
    return ProposedImages(usable, tuple(boxes_by_id[a.image_id] for a in usable), tuple(skipped))


def _propose(
    annotations: Sequence[ImageAnnotation],
    proposer: Proposer,
    threads: int,
    report: Callable[[int], None],
) -> tuple[dict[str, NDArray[np.float32]], list[str]]:
    """Return the boxes by image id, and why some images have none."""
    boxes_by_id: dict[str, NDArray[np.float32]] = {}
    skipped: list[str] = []
    paths = (annotation.image_path for annotation in annotations)
    found = propose_for_files(paths, proposer, threads)
    for done, (annotation, boxes) in enumerate(zip(annotations, found, strict=True), start=1):
        if isinstance(boxes, ImageError):
            skipped.append(str(boxes))
        else:
            boxes_by_id[annotation.image_id] = boxes
        report(done)
    return boxes_by_id, skipped


def train_member(
    images: ProposedImages,
    classes: Sequence[ObjectClass],
    imagenet_weights: Path,
    config: TrainingConfig,
    run_folder: Path,
    report: Callable[[StepReport], None],
) -> Path:
    """Fine-tune the ImageNet network on a data set, and write it as a member file.

    Parameters
    ----------
    images : ProposedImages
    classes : sequence of ObjectClass
        What the member is to tell apart; output 0 is the background.
    imagenet_weights : Path
        For `backbones.load_imagenet_weights`.
    config : TrainingConfig
    run_folder : Path
        Of checkpoint, log and result; a run that was cut off goes on from there.
    report : callable
        Called with each step's `StepReport`.

    Returns
    -------
    Path
        ``member.safetensors`` in the run folder.
    """
    network = GoogLeNet(1000)
    network.load_state_dict(load_imagenet_weights(imagenet_weights))
    generator = torch.Generator().manual_seed(config.seed)
    network.replace_classifier(1 + len(classes), generator=generator)
    wnids = [object_class.wnid for object_class in classes]
    data = {"images": len(images.annotations), "classes": wnids}
    member = Member(
        network=network,
        classes=tuple(classes),
        provenance={"training": asdict(config), **data},
    )
    table = build_window_table(images.annotations, images.boxes_xyxy, wnids, config.sampling)
    paths = [annotation.image_path for annotation in images.annotations]
    sampler = WindowSampler(table, config.sampling, config.seed)
    loader = BatchLoader(paths, table, sampler, member.warp)
    finetune(network, loader, member.statistics, config, data, run_folder, report)
    path = run_folder / "member.safetensors"
    save_member(path, member)
    return path

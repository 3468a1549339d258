"""One training run from a labelled data set to a member file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from backbones import GoogLeNet, load_imagenet_weights
from detector.classes import ObjectClass
from detector.datasets.annotation import ImageAnnotation
from detector.engines.calibration import REGIONS, calibrate
from detector.member_file import save_member
from detector.network import Member
from detector.training.batches import BatchLoader
from detector.training.config import TrainingConfig
from detector.training.finetune import StepReport, finetune
from detector.training.windows import WindowSampler, build_window_table
from proposals import ProposalFile, ProposalFileError, Proposer
from proposals.batch import propose_to_file
from proposals.parts import Picture
from proposals.proposal_header import ProposalSettings


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
    make_proposer: Callable[[], Proposer],
    path: Path,
    settings: ProposalSettings,
    threads: int,
    report: Callable[[int], None],
) -> None:
    """Make the file of every image's proposals, or what an earlier run left undone of it.

    Parameters
    ----------
    annotations : sequence of ImageAnnotation
    make_proposer : callable
        Makes a proposer for each thread.
    path : Path
        Of the file; nothing is done when it is complete.
    settings : ProposalSettings
        What ``make_proposer`` makes.
    threads : int
        Images that are worked on at the same time.
    report : callable
        Called with the number of images done.

    Raises
    ------
    ProposalFileError
        If the file is there with other settings or images.
    """
    pictures = [Picture(a.image_id, str(a.image_path)) for a in annotations]
    propose_to_file(pictures, make_proposer, path, settings, workers=threads, report=report)


def load_proposals(annotations: Sequence[ImageAnnotation], path: Path) -> ProposedImages:
    """Read every image's proposals from a file.

    An image that the file has no proposals of, or those of a picture of another size, is
    skipped.

    Raises
    ------
    ProposalFileError
        If the file cannot be used, or has proposals of none of the images.
    """
    usable: list[ImageAnnotation] = []
    boxes_xyxy: list[NDArray[np.float32]] = []
    skipped: list[str] = []
    with ProposalFile(path) as file:
        for annotation in annotations:
            try:
                found = file.for_image(annotation.image_id, annotation.image_size)
            except ProposalFileError as error:
                skipped.append(str(error))
            else:
                usable.append(annotation)
                boxes_xyxy.append(found.boxes_xyxy)
    if skipped and not usable:
        raise ProposalFileError(f"no image has proposals; the first: {skipped[0]}")
    return ProposedImages(tuple(usable), tuple(boxes_xyxy), tuple(skipped))


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
    batches = -(-REGIONS // (config.sampling.foreground + config.sampling.background))
    ranges = calibrate(member, (loader.load(step).windows.numpy() for step in range(batches)))
    path = run_folder / "member.safetensors"
    save_member(path, replace(member, activation_ranges=ranges))
    return path

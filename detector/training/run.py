"""One training run from a labelled data set to a member file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from backbones import GoogLeNet
from backbones.hardware import choose_device
from backbones.training.loop import BatchSource, StepReport, train
from backbones.training.processes import process_rank, wait_for_all
from detector.classes import ObjectClass
from detector.datasets.annotation import ImageAnnotation
from detector.members.file import save_member
from detector.members.network import TorchMember
from detector.regions.warp_config import WarpConfig
from detector.training.batches import WindowBatches, WindowCutter, first_windows
from detector.training.calibration import calibrate
from detector.training.config import TrainingConfig
from detector.training.frozen import Predict, freeze, frozen_part, trained_part
from detector.training.pool import PoolBatches, make_pool
from detector.training.start import digest
from detector.training.windows import WindowSampler, WindowTable, build_window_table
from proposals import ProposalFile, ProposalFileError, Proposer
from proposals.boxes import boxes_inside
from proposals.storage.batch import propose_to_file
from proposals.storage.header import ProposalSettings
from proposals.storage.parts import Picture


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
    """Make the file or folder of all images' proposals, or what an earlier run left undone of it.

    Parameters
    ----------
    annotations : sequence of ImageAnnotation
    make_proposer : callable
        Makes a proposer for each thread.
    path : Path
        As `propose_to_file` takes it; nothing is done when all is complete.
    settings : ProposalSettings
        What ``make_proposer`` makes.
    threads : int
        Images that are worked on at the same time.
    report : callable
        Called with the number of images done.

    Raises
    ------
    ProposalFileError
        If it is there with other settings or images.
    """
    pictures = [Picture(a.image_id, str(a.image_path)) for a in annotations]
    propose_to_file(pictures, make_proposer, path, settings, workers=threads, report=report)


def load_proposals(annotations: Sequence[ImageAnnotation], path: Path) -> ProposedImages:
    """Read every image's proposals from a file or folder.

    Boxes are cut at the image's borders, and those without area left out. An image that the
    file has no proposals of, or those of a picture of another size, is skipped.

    Raises
    ------
    ProposalFileError
        If it cannot be used, or has proposals of none of the images.
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
                boxes_xyxy.append(boxes_inside(found.boxes_xyxy, annotation.image_size))
    if skipped and not usable:
        raise ProposalFileError(f"no image has proposals; the first: {skipped[0]}")
    return ProposedImages(tuple(usable), tuple(boxes_xyxy), tuple(skipped))


def train_member(
    network: GoogLeNet,
    images: ProposedImages,
    classes: Sequence[ObjectClass],
    config: TrainingConfig,
    run_folder: Path,
    reports: Reports,
    pool_file: Path | None = None,
) -> Path:
    """Fine-tune a network on a data set, and write it as a member file.

    Parameters
    ----------
    network : GoogLeNet
        Where to start, of `detector.training.start`; trained in place.
    images : ProposedImages
    classes : sequence of ObjectClass
        What the member is to tell apart; output 0 is the background.
    config : TrainingConfig
    run_folder : Path
        Of checkpoint, log and result; a run that was cut off goes on from there.
    reports : Reports
        Called as the run goes on.
    pool_file : Path, optional
        Of the pool, where the configuration asks for one: other runs from the same frozen
        weights can share it. ``pool.npy`` in the run folder when left out.

    Returns
    -------
    Path
        ``member.safetensors`` in the run folder.

    Raises
    ------
    NonFiniteLossError, CheckpointError
        As `backbones.training.loop.train`.
    PoolError
        If the pool's file is of other windows or weights.
    """
    network.to(choose_device("auto"))
    freeze(network, config)
    keys = [object_class.key for object_class in classes]
    table = build_window_table(images.annotations, images.boxes_xyxy, keys)
    warp = WarpConfig(context_padding=config.context_padding)
    data = _Data([annotation.image_path for annotation in images.annotations], table, warp)
    settings = _settings(network, data, keys, config)
    provenance = {"optimization": asdict(config.optimization), **settings}
    member = TorchMember(network=network, classes=tuple(classes), warp=warp, provenance=provenance)
    path = pool_file or run_folder / "pool.npy"
    source, predict = _windows(member, data, config, path, reports.pool)
    train(network, predict, source, config.optimization, settings, run_folder, reports.step)
    return _save(member, data, config, run_folder)


class Reports(NamedTuple):
    """What is called as a run goes on."""

    pool: Callable[[int], None]  # with the number of the pool's windows that are done
    step: Callable[[StepReport], None]


class _Data(NamedTuple):
    """All windows of a data set, and what they are cut from."""

    image_paths: Sequence[Path]
    table: WindowTable
    warp: WarpConfig

    @property
    def cutter(self) -> WindowCutter:
        return WindowCutter(self.image_paths, self.table, self.warp)


def _settings(
    network: GoogLeNet, data: _Data, class_keys: Sequence[str], config: TrainingConfig
) -> dict[str, Any]:
    """Return what decides a run beside its optimization, in values that JSON knows."""
    return {
        "sampling": asdict(config.sampling),
        "freeze": config.freeze,
        "pool_windows": config.pool_windows,
        "pool_seed": config.pool_seed,
        "context_padding": config.context_padding,
        "distort_colours": config.distort_colours,
        "images": len(data.image_paths),
        "windows": data.table.digest(),
        "classes": class_keys,
        "start": digest(network),
    }


def _windows(
    member: TorchMember,
    data: _Data,
    config: TrainingConfig,
    pool_file: Path,
    report: Callable[[int], None],
) -> tuple[BatchSource, Predict]:
    """Return where windows come from, and the part of the network that learns from them."""
    frozen = frozen_part(member.network, member.statistics, config)
    trained = trained_part(member.network, config)
    if config.pool_windows is None:
        seed = config.optimization.seed if config.distort_colours else None
        batches = WindowBatches(data.cutter, _sampler(data.table, config), seed)
        return batches, lambda windows: trained(frozen(windows))
    key = {
        "frozen": digest(member.network, frozen_only=True),
        "context_padding": config.context_padding,
    }
    drawn = (config.pool_windows, config.pool_seed)
    pool = make_pool(pool_file, data.cutter, data.table, frozen, *drawn, key, report)
    return PoolBatches(pool, _sampler(pool.table, config)), trained


def _sampler(table: WindowTable, config: TrainingConfig) -> WindowSampler:
    return WindowSampler(table, config.sampling, config.optimization.seed)


def _save(member: TorchMember, data: _Data, config: TrainingConfig, run_folder: Path) -> Path:
    """Calibrate the trained member and write it; in the first process only."""
    path = run_folder / "member.safetensors"
    if process_rank() == 0:
        source = WindowBatches(data.cutter, _sampler(data.table, config))
        windows = first_windows(source, config.calibration_regions, config.optimization.steps)
        trained = member.to_member()
        ranges = calibrate(trained, windows)
        save_member(path, replace(trained, activation_ranges=ranges))
    wait_for_all()
    return path

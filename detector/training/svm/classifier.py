"""R-CNN's linear SVMs in place of the softmax: one a class, on the features of a trained network.

Every class is told from all else by a hinge loss. One pass over hard negatives: SVMs of the true
boxes and some of the negatives look at the rest of them, and learn again with those that they
do not clear by their margin (Girshick et al. 2014, section 2.3).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from detector.members.member import Member
from detector.members.network import TorchMember
from detector.regions.warp import warp_regions
from detector.training.config import TrainingConfig
from detector.training.frozen import frozen_part
from detector.training.pool import single_threads
from detector.training.run import ProposedImages
from detector.training.svm.config import SvmConfig
from detector.training.svm.windows import NEGATIVE, POSITIVE, SvmWindows, draw_windows
from foundation.prefetch import ordered_map
from proposals.images import read_image

_MARGIN = 1.0  # of the hinge loss
_MOST_ROUNDS = 10_000  # of the solver; it needs some hundred


class LinearSvm(NamedTuple):
    """The margin of features (F,) is their product with the weight, plus the bias."""

    weight: NDArray[np.float64]  # (F,)
    bias: float

    def margins(self, features: NDArray[np.floating[Any]]) -> NDArray[np.float64]:
        """Return the margins (W,) of features (W, F)."""
        found: NDArray[np.float64] = features @ self.weight + self.bias
        return found


def train_svms(
    member: Member, images: ProposedImages, config: SvmConfig, report: Callable[[int], None]
) -> Member:
    """Return a member that has SVMs in place of its classifier.

    All else stays: also the ranges for 8-bit arithmetic, which end before the classifier. The
    cascade's threshold is set to 0, as it was chosen for other scores.

    Parameters
    ----------
    member : Member
    images : ProposedImages
        Training photographs with objects of all the member's classes.
    config : SvmConfig
    report : callable
        Called with the number of images whose windows passed the network.

    Raises
    ------
    ValueError
        If a class has no object in the images, or there are more true boxes than windows.
    ImportError
        If scikit-learn is not installed.
    """
    solver_class()  # before the network works for it
    keys = [object_class.key for object_class in member.classes]
    windows = draw_windows(images.annotations, images.boxes_xyxy, keys, config)
    features = _features(member, images, windows, report)
    scale = config.feature_norm / float(np.linalg.norm(features, axis=1).mean())
    features *= scale
    svms = [
        fit_with_hard_negatives(features, windows.targets[:, column], windows.is_mined, config)
        for column in range(len(keys))
    ]
    drawn = {
        "images": len(images.annotations),
        "positives": [int(n) for n in (windows.targets == POSITIVE).sum(axis=0)],
        "feature_scale": scale,
    }
    return replace(
        member,
        tensors=_with_svms(member.tensors, svms, scale),
        classifier="svm",
        detection=replace(member.detection, cascade_threshold=0.0),
        provenance={**member.provenance, "svm": {**asdict(config), **drawn}},
    )


def fit_with_hard_negatives(
    features: NDArray[np.float32],
    targets: NDArray[np.int8],
    is_mined: NDArray[np.bool_],
    config: SvmConfig,
) -> LinearSvm:
    """Fit the SVM of a class in two rounds.

    Parameters
    ----------
    features : (W, F) float array
        Scaled.
    targets : (W,) int8 array
        Of `SvmWindows`, for this class.
    is_mined : (W,) bool array
        Negatives that only take part in the second round, and only if the first SVM does not
        clear them by its margin.
    config : SvmConfig
    """
    learned = (targets == POSITIVE) | ((targets == NEGATIVE) & ~is_mined)
    first = fit_svm(features[learned], targets[learned], config)
    rest = np.flatnonzero((targets == NEGATIVE) & is_mined)
    learned[rest[first.margins(features[rest]) > -_MARGIN]] = True
    return fit_svm(features[learned], targets[learned], config)


def fit_svm(
    features: NDArray[np.float32], targets: NDArray[np.int8], config: SvmConfig
) -> LinearSvm:
    """Fit one SVM to features (W, F) of positives and negatives, (W,) int8.

    Raises
    ------
    ValueError
        If one of the two is missing.
    """
    if not {POSITIVE, NEGATIVE} <= set(targets.tolist()):
        raise ValueError(
            f"an SVM needs positives and negatives, but got {(targets == POSITIVE).sum()} and"
            f" {(targets == NEGATIVE).sum()}; take more windows or photographs"
        )
    solver = solver_class()(
        loss="hinge",
        dual=True,
        C=config.cost,
        intercept_scaling=config.bias_scale,
        class_weight={POSITIVE: config.positive_weight},
        max_iter=_MOST_ROUNDS,
        random_state=config.seed,
    ).fit(features, targets)
    return LinearSvm(solver.coef_[0], float(solver.intercept_[0]))


def solver_class() -> Any:  # noqa: ANN401 - scikit-learn has no types
    """Return scikit-learn's LinearSVC, which is liblinear.

    Raises
    ------
    ImportError
        If scikit-learn is not installed; names the extra.
    """
    try:
        from sklearn.svm import LinearSVC
    except ImportError as error:
        raise ImportError(
            f"training SVMs needs scikit-learn ({error}): run pip install -e '.[svm]' in the"
            " folder of pyproject.toml",
            name="sklearn",
        ) from error
    return LinearSVC


def _features(
    member: Member,
    images: ProposedImages,
    windows: SvmWindows,
    report: Callable[[int], None],
) -> NDArray[np.float32]:
    """Return what the classifier sees of the windows, (W, 1024), in their order."""
    network = TorchMember.of(member).network
    run = frozen_part(network, member.statistics, TrainingConfig(freeze="features"))

    def of_image(group: tuple[int, NDArray[np.float32]]) -> NDArray[np.float32]:
        image, boxes = group
        pixels = read_image(images.annotations[image].image_path)
        warped = torch.from_numpy(warp_regions(pixels, boxes, member.warp))
        found: NDArray[np.float32] = run(warped).cpu().numpy()
        return found

    numbers, starts = np.unique(windows.images, return_index=True)
    groups = zip(numbers.tolist(), np.split(windows.boxes_xyxy, starts[1:]), strict=True)
    parts = []
    with single_threads() as workers:
        for part in ordered_map(of_image, groups, workers):
            parts.append(part)
            report(len(parts))
    return np.concatenate(parts)


def _with_svms(
    tensors: Mapping[str, NDArray[Any]], svms: Sequence[LinearSvm], scale: float
) -> dict[str, NDArray[Any]]:
    """Return a network's tensors with the SVMs as its classifier, the features' scale folded in."""
    weight = np.zeros(tensors["classifier.weight"].shape, np.float32)
    bias = np.zeros(tensors["classifier.bias"].shape, np.float32)
    for output, svm in enumerate(svms, start=1):
        weight[output], bias[output] = svm.weight * scale, svm.bias
    return {**tensors, "classifier.weight": weight, "classifier.bias": bias}

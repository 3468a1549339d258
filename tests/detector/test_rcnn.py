from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torchvision
from numpy.typing import NDArray
from skimage import data
from torch import as_tensor

from backbones import WeightsError
from detector import rcnn
from detector.classes import select_classes
from detector.config import DetectorConfig, Execution
from detector.member_file import save_member
from detector.network import Ensemble, Member
from detector.rcnn import Detector, admit_regions, pretrained_paths, select_detections
from proposals import Proposals

CLASSES = select_classes(["person", "dog", "domestic cat"])


def stub_proposals(image: NDArray[np.uint8]) -> Proposals:
    """Propose nine windows of a third of the image's sides, and the whole image."""
    height, width = image.shape[:2]
    boxes = [
        (x * width / 3, y * height / 3, (x + 1) * width / 3, (y + 1) * height / 3)
        for y in range(3)
        for x in range(3)
    ]
    boxes_xyxy = np.array([(0, 0, width, height), *boxes], np.float32)
    return Proposals.of_one_source(boxes_xyxy, (height, width), "stub")


def no_proposals(image: NDArray[np.uint8]) -> Proposals:
    return Proposals.of_one_source(
        np.empty((0, 4), np.float32), (image.shape[0], image.shape[1]), "none"
    )


def make_detector(
    member: Member,
    proposer: Callable[[NDArray[np.uint8]], Proposals] = stub_proposals,
    batch_size: int = 4,
    config: DetectorConfig | None = None,
) -> Detector:
    execution = Execution(device="cpu", precision="float32", batch_size=batch_size)
    return Detector(Ensemble([member], execution), proposer, config)


def random_boxes(count: int, seed: int = 0) -> NDArray[np.float32]:
    corners = np.random.default_rng(seed).uniform(0, 100, (count, 2, 2))
    return np.hstack([corners.min(axis=1), corners.max(axis=1)]).astype(np.float32)


def random_probabilities(count: int, seed: int = 0) -> NDArray[np.float32]:
    return np.random.default_rng(seed).dirichlet(np.ones(4), count).astype(np.float32)


@pytest.mark.parametrize(
    "given", [None, np.empty((0, 4), np.float32), np.zeros((3, 4), np.float32)]
)
def test_no_usable_proposals_give_no_detections(
    member: Member, given: NDArray[np.float32] | None
) -> None:
    detections = make_detector(member, no_proposals).detect(data.chelsea(), given)
    assert len(detections) == 0
    assert detections.classes == CLASSES
    assert detections.image_size == data.chelsea().shape[:2]


def test_scores_are_those_of_each_region_warped_alone(member: Member) -> None:
    image = data.chelsea()
    detector = make_detector(member)
    boxes = detector.propose(image)
    batched = detector.score_regions(image, boxes)
    alone = [detector.score_regions(image, boxes[i : i + 1])[0] for i in range(len(boxes))]
    np.testing.assert_allclose(batched, alone, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize("batch_size", [1, 3, 32])
def test_result_does_not_depend_on_the_batch_size(member: Member, batch_size: int) -> None:
    image = data.astronaut()
    expected = make_detector(member, batch_size=4).detect(image)
    found = make_detector(member, batch_size=batch_size).detect(image)
    assert len(found) > 0
    assert len(found) == len(expected)
    np.testing.assert_allclose(found.scores, expected.scores, rtol=1e-3, atol=1e-4)
    # Compared in an order that nearly equal scores cannot upset.
    assert rows(found) == rows(expected)


def rows(detections: object) -> list[tuple[int, ...]]:
    labels, boxes = detections.labels, detections.boxes_xyxy  # type: ignore[attr-defined]
    return sorted((int(label), *box) for label, box in zip(labels, boxes.tolist(), strict=True))


def test_given_proposals_take_the_place_of_the_proposer(member: Member) -> None:
    image = data.chelsea()
    found = make_detector(member, no_proposals).detect(image, stub_proposals(image).boxes_xyxy)
    assert rows(found) == rows(make_detector(member).detect(image))


def test_grey_images_are_taken(member: Member) -> None:
    grey = data.chelsea()[:, :, 0]
    as_rgb = np.repeat(grey[:, :, None], 3, axis=2)
    detector = make_detector(member)
    assert rows(detector.detect(grey)) == rows(detector.detect(as_rgb))


def test_memory_is_bounded_by_the_batch(member: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes: list[int] = []
    warp_regions = rcnn.warp_regions

    def spy(*arguments: object) -> NDArray[np.uint8]:
        windows = warp_regions(*arguments)  # type: ignore[arg-type]
        sizes.append(len(windows))
        return windows

    monkeypatch.setattr(rcnn, "warp_regions", spy)
    make_detector(member, batch_size=4).detect(data.chelsea())
    assert sizes == [4, 4, 2]


def test_at_most_the_configured_number_of_proposals_is_scored(member: Member) -> None:
    config = DetectorConfig(max_proposals=1, min_score=0)
    found = make_detector(member, config=config).detect(data.chelsea())
    assert len(found) == len(CLASSES)  # the first region, once a class
    assert {tuple(box) for box in found.boxes_xyxy.tolist()} == {(0.0, 0.0, 451.0, 300.0)}


def test_admitted_regions_are_clipped_have_area_and_keep_their_order() -> None:
    boxes = np.array(
        [[-5, -5, 0, 9], [-5, -5, 9, 9], [3, 3, 3, 9], [50, 40, 99, 99], [1, 2, 3, 4]], np.float32
    )
    admitted = admit_regions(boxes, (60, 80), limit=2)
    assert admitted.tolist() == [[0, 0, 9, 9], [50, 40, 80, 60]]


@pytest.mark.parametrize("boxes", [[[0, 0, 1]], [[5, 0, 1, 1]], [[0, 0, np.inf, 1]]])
def test_malformed_proposals_are_refused(member: Member, boxes: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="proposals: boxes must be"):
        make_detector(member).detect(data.chelsea(), np.array(boxes, np.float32))


def test_no_regions_select_no_detections() -> None:
    selected = select_detections(
        random_boxes(0), random_probabilities(3)[:0], CLASSES, (100, 100), DetectorConfig()
    )
    assert len(selected) == 0


def test_selection_equals_torchvisions_batched_suppression() -> None:
    boxes, probabilities = random_boxes(200), random_probabilities(200)
    config = DetectorConfig(min_score=0.1, max_detections_per_class=1000)
    selected = select_detections(boxes, probabilities, CLASSES, (100, 100), config)
    region, label = np.nonzero(probabilities[:, 1:] >= 0.1)
    kept = torchvision.ops.batched_nms(
        as_tensor(boxes[region]),
        as_tensor(probabilities[region, label + 1]),
        as_tensor(label),
        config.nms_iou,
    ).numpy()
    np.testing.assert_array_equal(selected.boxes_xyxy, boxes[region[kept]])
    np.testing.assert_array_equal(selected.labels, label[kept])
    np.testing.assert_array_equal(selected.scores, probabilities[region, label + 1][kept])


def test_each_class_keeps_at_most_its_limit_of_the_best() -> None:
    boxes, probabilities = random_boxes(200), random_probabilities(200)
    many = DetectorConfig(min_score=0, max_detections_per_class=1000, nms_iou=1)
    few = DetectorConfig(min_score=0, max_detections_per_class=2, nms_iou=1)
    everything = select_detections(boxes, probabilities, CLASSES, (100, 100), many)
    limited = select_detections(boxes, probabilities, CLASSES, (100, 100), few)
    assert len(everything) == 600
    assert np.bincount(limited.labels).tolist() == [2, 2, 2]
    for label in range(3):
        best = everything.scores[everything.labels == label][:2]
        np.testing.assert_array_equal(limited.scores[limited.labels == label], best)


def test_background_is_never_detected() -> None:
    probabilities = np.array([[0.97, 0.01, 0.01, 0.01]], np.float32)
    config = DetectorConfig(min_score=0.02)
    assert len(select_detections(random_boxes(1), probabilities, CLASSES, (100, 100), config)) == 0


def test_loaded_detector_takes_the_files_settings_and_what_replaces_them(
    member: Member, tmp_path: Path
) -> None:
    path = tmp_path / "m.safetensors"
    save_member(path, member)
    assert Detector.load(path).config == member.detection
    changed = Detector.load(path, path, max_proposals=7, execution=Execution(batch_size=2))
    assert changed.config == DetectorConfig(max_proposals=7, min_score=0.0)
    assert len(changed.ensemble.members) == 2
    with pytest.raises(ValueError, match="max_proposals must be a whole number"):
        Detector.load(path, max_proposals=0)


def test_loading_no_file_is_refused() -> None:
    with pytest.raises(ValueError, match="one or more members but got none"):
        Detector.load()


def test_pretrained_weights_are_those_of_the_package_folder(
    member: Member, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rcnn, "files", lambda _: tmp_path)
    with pytest.raises(WeightsError, match=r"no weights .* come with this installation"):
        pretrained_paths()
    save_member(tmp_path / "weights" / "m.safetensors", member)
    assert pretrained_paths() == (tmp_path / "weights" / "m.safetensors",)
    assert Detector.from_pretrained(max_proposals=3).config.max_proposals == 3


def test_classes_and_scoring_are_imported_without_torch() -> None:
    code = "import sys, detector.classes, detector.scoring; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)

from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import NoReturn
from unittest.mock import Mock

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from detector.cascade import apply_cascade, survivors
from detector.classes import select_classes
from detector.config import DetectorConfig, Execution
from detector.engines.torch_engine import TorchEngine
from detector.members.ensemble_file import Ensemble, save_ensemble
from detector.members.file import save_member
from detector.members.member import Member
from detector.rcnn import Detector, Task
from proposals import ImageError, Proposals

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
    return Detector(TorchEngine([member], execution), proposer, config)


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


def test_a_file_and_a_pillow_image_are_taken_as_they_are(member: Member, tmp_path: Path) -> None:
    picture = Image.fromarray(data.chelsea()).quantize(64)
    picture.save(tmp_path / "cat.png")
    detector = make_detector(member)
    of_pixels = rows(detector.detect(np.asarray(picture.convert("RGB"))))
    assert rows(detector.detect(picture)) == of_pixels
    assert rows(detector.detect(tmp_path / "cat.png")) == of_pixels


def test_at_most_the_configured_number_of_proposals_is_scored(member: Member) -> None:
    config = DetectorConfig(max_proposals=1, min_score=0)
    found = make_detector(member, config=config).detect(data.chelsea())
    assert len(found) == len(CLASSES)  # the first region, once a class
    assert {tuple(box) for box in found.boxes_xyxy.tolist()} == {(0.0, 0.0, 451.0, 300.0)}


@pytest.mark.parametrize("boxes", [[[0, 0, 1]], [[5, 0, 1, 1]], [[0, 0, np.inf, 1]]])
def test_malformed_proposals_are_refused(member: Member, boxes: list[list[float]]) -> None:
    with pytest.raises(ValueError, match="proposals: boxes must be"):
        make_detector(member).detect(data.chelsea(), np.array(boxes, np.float32))


def test_loaded_detector_takes_the_files_settings_and_what_replaces_them(
    member: Member, tmp_path: Path
) -> None:
    path = tmp_path / "m.safetensors"
    save_member(path, member)
    assert Detector.load(path).config == member.detection
    changed = Detector.load(path, path, max_proposals=7, execution=Execution(batch_size=2))
    assert changed.config == DetectorConfig(max_proposals=7, min_score=0.0)
    assert len(changed.engine.settings) == 2
    with pytest.raises(ValueError, match="max_proposals must be a whole number"):
        Detector.load(path, max_proposals=0)


def test_loading_no_file_is_refused() -> None:
    with pytest.raises(ValueError, match="one or more members but got none"):
        Detector.load()


def test_a_models_settings_hold_in_place_of_its_members(member: Member, tmp_path: Path) -> None:
    for name in ("a", "b"):
        save_member(tmp_path / f"{name}.safetensors", member)
    assert Detector.from_pretrained(tmp_path).config == member.detection  # no file of an ensemble
    config = DetectorConfig(nms_iou=0.4, cascade_threshold=0.5)
    save_ensemble(tmp_path / "ensemble.json", Ensemble("Two networks.", config))
    detector = Detector.from_pretrained(tmp_path, max_proposals=3)
    assert detector.config == replace(config, max_proposals=3)
    assert detector.others is not None
    alone = Detector.from_pretrained(tmp_path, members="b")
    assert (alone.config, alone.others) == (config, None)
    assert Detector.load(tmp_path / "a.safetensors").config == member.detection


@pytest.fixture(scope="module")
def files(
    make_sibling: Callable[[int], Member], tmp_path_factory: pytest.TempPathFactory
) -> list[Path]:
    """Return three members of one stem, whose first one asks for a cascade."""
    paths = []
    for seed, name in enumerate(["a", "b", "c"]):
        member = make_sibling(seed)
        detection = replace(member.detection, cascade_threshold=0.6)
        paths.append(tmp_path_factory.getbasetemp() / "three" / "weights" / f"{name}.safetensors")
        save_member(paths[-1], replace(member, detection=detection))
    return paths


FLOAT32 = Execution(device="cpu", precision="float32", batch_size=4)


@pytest.mark.parametrize("engine", ["torch", "openvino"])
def test_a_cascade_scores_as_the_members_do_region_by_region(
    files: list[Path], engine: str
) -> None:
    execution = replace(FLOAT32, engine=engine)
    detector = Detector.load(*files, proposer=stub_proposals, execution=execution)
    assert detector.others is not None
    image = data.astronaut()
    boxes = detector.propose(image)
    by_member = detector.score_members(image, boxes)
    assert by_member.shape == (3, len(boxes), 4)
    for scores, path in zip(by_member, files, strict=True):
        alone = Detector.load(path, proposer=stub_proposals, execution=execution)
        assert alone.others is None
        np.testing.assert_allclose(scores, alone.score_regions(image, boxes), atol=1e-5)
    assert 0 < survivors(by_member[0], 0.6).sum() < len(boxes)
    found = detector.score_regions(image, boxes)
    np.testing.assert_allclose(found, apply_cascade(by_member, 0.6), rtol=0, atol=1e-6)


def test_without_a_threshold_all_members_score_every_region(files: list[Path]) -> None:
    exact = Detector.load(*files, proposer=stub_proposals, execution=FLOAT32, cascade_threshold=0)
    assert exact.others is None
    assert len(exact.engine.settings) == 3
    image = data.astronaut()
    boxes = exact.propose(image)
    by_member = exact.score_members(image, boxes)
    np.testing.assert_allclose(exact.score_regions(image, boxes), by_member.mean(axis=0), atol=1e-6)


def test_a_cascade_detects_in_many_images_as_in_each_alone(files: list[Path]) -> None:
    detector = Detector.load(*files, proposer=stub_proposals, execution=FLOAT32)
    images = [data.chelsea(), data.astronaut(), data.coffee()]
    outcomes = detector.detect_all(Task(n, lambda v=v: (v, None)) for n, v in enumerate(images))
    for image, outcome in zip(images, outcomes, strict=True):
        alone = detector.detect(image)
        assert outcome.detections is not None
        np.testing.assert_allclose(outcome.detections.scores, alone.scores, rtol=1e-3, atol=1e-4)
        assert rows(outcome.detections) == rows(alone)


def test_the_members_of_a_cascade_must_agree(
    member: Member, make_member: Callable[[int], Member]
) -> None:
    other = replace(make_member(1), classes=select_classes(["dog", "person", "domestic cat"]))
    engines = [TorchEngine([one], FLOAT32) for one in (member, other)]
    with pytest.raises(ValueError, match="member 1 differs from member 0"):
        Detector(engines[0], stub_proposals, others=engines[1])


def test_members_of_a_model_stand_in_the_order_in_which_they_are_chosen(files: list[Path]) -> None:
    detector = Detector.from_pretrained(
        files[0].parent, members=["c", 0], proposer=stub_proposals, execution=FLOAT32
    )
    assert detector.others is not None
    settings = [*detector.engine.settings, *detector.others.settings]
    assert [one.provenance["seed"] for one in settings] == [2, 0]


def test_many_images_are_detected_as_each_alone_and_in_order(member: Member) -> None:
    images = {"a": data.chelsea(), "b": data.astronaut(), "c": data.coffee()}
    detector = make_detector(member, batch_size=7)
    outcomes = list(detector.detect_all(Task(k, lambda v=v: (v, None)) for k, v in images.items()))
    assert [outcome.key for outcome in outcomes] == list(images)
    for outcome in outcomes:
        alone = detector.detect(images[outcome.key])
        assert outcome.error is None
        assert outcome.detections is not None
        np.testing.assert_array_equal(outcome.image, images[outcome.key])
        np.testing.assert_allclose(outcome.detections.scores, alone.scores, rtol=1e-3, atol=1e-4)
        assert rows(outcome.detections) == rows(alone)


def test_no_images_give_no_outcomes(member: Member) -> None:
    assert list(make_detector(member).detect_all([])) == []


def test_an_image_that_cannot_be_read_does_not_stop_the_rest(member: Member) -> None:
    def broken() -> NoReturn:
        raise ImageError("b.jpg: no picture")

    good = (data.chelsea(), np.array([[10, 20, 90, 80]], np.float32))
    tasks = [Task("a", lambda: good), Task("b", broken), Task("c", lambda: good)]
    first, second, third = make_detector(member).detect_all(tasks)
    assert second == ("b", None, None, second.error)
    assert str(second.error) == "b.jpg: no picture"
    assert first.detections is not None
    assert third.detections is not None
    assert rows(first.detections) == rows(third.detections)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (MemoryError(), "b.jpg: the memory does not suffice; "),
        (OSError(5, "Input/output error"), "b.jpg: cannot be read (Input/output error); see to"),
        (RuntimeError("two\nlines"), "b.jpg: the proposer failed (RuntimeError: two lines); "),
    ],
)
def test_an_image_at_which_the_proposer_fails_does_not_stop_the_rest(
    member: Member, error: Exception, message: str
) -> None:
    def propose(image: NDArray[np.uint8]) -> Proposals:
        if image.shape == (9, 9, 3):
            raise error
        return stub_proposals(image)

    images = {"a.jpg": data.chelsea(), "b.jpg": np.zeros((9, 9), np.uint8), "c.jpg": data.coffee()}
    tasks = [Task(Path(name), lambda v=v: (v, None)) for name, v in images.items()]
    first, second, third = make_detector(member, propose).detect_all(tasks)
    assert first.error is third.error is None
    assert second.detections is None
    assert str(second.error).startswith(message)
    assert "\n" not in str(second.error)
    with pytest.raises(type(error)):
        make_detector(member, propose).detect(images["b.jpg"])


def test_what_is_detected_before_the_tasks_end_in_an_error_comes_first(member: Member) -> None:
    good = (data.chelsea(), np.array([[10, 20, 90, 80]], np.float32))

    def tasks() -> Iterator[Task]:
        for number in range(4):
            yield Task(number, lambda: good)
        raise RuntimeError("a bug")

    found: list[object] = []
    with pytest.raises(RuntimeError, match="a bug"):
        found.extend(outcome.key for outcome in make_detector(member).detect_all(tasks()))
    assert found == [0, 1, 2, 3]


def test_no_image_is_prepared_behind_an_error_of_the_engine(
    member: Member, monkeypatch: pytest.MonkeyPatch
) -> None:
    threads = set(threading.enumerate())
    detector = make_detector(member)
    monkeypatch.setattr(detector.engine, "warp", Mock(side_effect=RuntimeError("a bug")))
    good = (data.chelsea(), np.array([[10, 20, 90, 80]] * 99, np.float32))
    outcomes = detector.detect_all(Task(number, lambda: good) for number in range(99))
    with pytest.raises(RuntimeError, match="a bug") as held:
        list(outcomes)
    assert held.value is not None  # its frames still hold the stages
    assert not set(threading.enumerate()) - threads


def test_an_interruption_while_proposing_ends_the_work(member: Member) -> None:
    def propose(_image: NDArray[np.uint8]) -> NoReturn:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        list(make_detector(member, propose).detect_all([Task("a", lambda: (data.coffee(), None))]))


def test_images_are_opened_no_more_than_a_few_ahead(member: Member) -> None:
    opened: list[int] = []

    def open_image(number: int) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        opened.append(number)
        return data.chelsea(), np.array([[10, 20, 90, 80]], np.float32)

    tasks = (Task(number, partial(open_image, number)) for number in range(100))
    outcomes = make_detector(member, batch_size=1).detect_all(tasks)
    next(outcomes)
    assert len(opened) < 12
    outcomes.close()
    assert len(opened) < 12


def test_classes_and_scoring_are_imported_without_torch() -> None:
    code = "import sys, detector.classes, detector.scoring; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


def test_a_detector_of_loose_files_is_saved_as_a_model_in_their_order(
    make_member: Callable[[int], Member], tmp_path: Path
) -> None:
    paths = [tmp_path / run / "member.safetensors" for run in ("second", "first")]
    for seed, path in enumerate(paths):
        save_member(path, make_member(seed))
    execution = Execution(engine="torch", device="cpu", precision="float32")
    detector = Detector.load(
        *paths, proposer=stub_proposals, execution=execution, cascade_threshold=0, nms_iou=0.4
    )
    detector.save_pretrained(tmp_path / "mine")
    again = Detector.from_pretrained(
        tmp_path / "mine", proposer=stub_proposals, execution=execution
    )
    assert again.config == detector.config
    assert again.config.nms_iou == 0.4
    image = data.chelsea()
    boxes = detector.propose(image)
    np.testing.assert_array_equal(
        again.score_members(image, boxes), detector.score_members(image, boxes)
    )


def test_a_detector_without_member_files_is_not_saved(member: Member, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="only a detector of member files can be saved"):
        make_detector(member).save_pretrained(tmp_path / "mine")
    assert not (tmp_path / "mine").exists()

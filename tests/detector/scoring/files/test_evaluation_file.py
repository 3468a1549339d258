from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.classes import ObjectClass, select_classes
from detector.scoring import ScoringFileError
from detector.scoring.coco import COCO_NUMBERS, CocoResult
from detector.scoring.evaluation import Evaluation
from detector.scoring.files.evaluation_file import read_evaluation, write_evaluation
from detector.scoring.outcomes import PROTOCOLS, Outcomes, Protocol
from detector.scoring.protocols import score_outcomes

CAR, DOG = select_classes(["car", "dog"])
SOFA = ObjectClass(7, "", "sofa")
CLASSES = (DOG, SOFA, CAR)
IMAGES = ("first", "folder/second", "dritter Größe")
Row = tuple[int, int, float, bool]  # image, class id, score, whether it finds an object


def evaluation_of(
    rows: list[Row],
    objects: list[tuple[int, int]],
    protocol: Protocol = "ilsvrc",
    classes: tuple[ObjectClass, ...] = CLASSES,
    image_ids: tuple[str, ...] = IMAGES,
) -> Evaluation:
    outcomes = Outcomes(
        protocol=protocol,
        image_count=len(image_ids),
        image_indices=np.array([row[0] for row in rows], np.int64),
        class_ids=np.array([row[1] for row in rows], np.int64),
        scores=np.array([row[2] for row in rows], np.float64),
        found=np.array([row[3] for row in rows], np.bool_),
        object_image_indices=np.array([one[0] for one in objects], np.int64),
        object_class_ids=np.array([one[1] for one in objects], np.int64),
    )
    return Evaluation("theirs.txt", outcomes, classes, image_ids)


# Of two cars, one is found; the dog after a false alarm; no sofa is asked for.
SMALL = evaluation_of(
    [(0, CAR.id, 0.25, True), (2, DOG.id, 0.9, False), (1, DOG.id, 0.7, True), (0, 7, 0.5, False)],
    [(0, CAR.id), (1, DOG.id), (1, CAR.id)],
)


def by_class(outcomes: Outcomes) -> dict[int, tuple[list[Any], ...]]:
    """Return what counts: detections of each class as they rank, and images of its objects."""
    order = np.argsort(-outcomes.scores, kind="stable")
    ranked = [
        getattr(outcomes, name)[order] for name in ("image_indices", "scores", "found", "class_ids")
    ]
    found: dict[int, tuple[list[Any], ...]] = {}
    for class_id in (one.id for one in CLASSES):
        columns = [column[ranked[-1] == class_id].tolist() for column in ranked[:-1]]
        objects = outcomes.object_image_indices[outcomes.object_class_ids == class_id]
        found[class_id] = (*columns, sorted(objects.tolist()))
    return found


def test_the_file_is_as_it_is_described(tmp_path: Path) -> None:
    path = tmp_path / "deep/a.json"
    write_evaluation(path, SMALL)
    assert [one.name for one in path.parent.iterdir()] == ["a.json"]
    assert json.loads(path.read_text()) == {
        "mAP": 0.5,
        "AP": {str(DOG.id): 0.5, "7": None, str(CAR.id): 0.5},
        "format": "inception-rcnn evaluation",
        "version": 1,
        "name": "theirs.txt",
        "protocol": "ilsvrc",
        "images": {"count": 3, "names": list(IMAGES)},
        "classes": [{"id": one.id, "wnid": one.wnid, "name": one.name} for one in CLASSES],
        "detections": {
            str(DOG.id): {"images": [2, 1], "scores": [0.9, 0.7], "found": [0, 1]},
            "7": {"images": [0], "scores": [0.5], "found": [0]},
            str(CAR.id): {"images": [0], "scores": [0.25], "found": [1]},
        },
        "objects": {str(DOG.id): [1], "7": [], str(CAR.id): [0, 1]},
    }
    assert max(len(line) for line in path.read_text().splitlines()) < 200  # one line a class


images, ids = st.integers(0, len(IMAGES) - 1), st.sampled_from([one.id for one in CLASSES])
scores = st.sampled_from([0.0, 0.5]) | st.floats(-(2.0**100), 2.0**100, width=32)


@settings(max_examples=60)
@given(
    st.lists(st.tuples(images, ids, scores, st.booleans()), max_size=12),
    st.lists(st.tuples(images, ids), max_size=4),
    st.sampled_from(PROTOCOLS),
)
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[Row],
    more: list[tuple[int, int]],
    protocol: Protocol,
) -> None:
    # An object for each detection that finds one, and more.
    written = evaluation_of(rows, [*more, *(row[:2] for row in rows if row[3])], protocol)
    path = tmp_path_factory.mktemp("round") / "a.json"
    write_evaluation(path, written)
    read = read_evaluation(path)
    assert (read.name, read.classes, read.image_ids) == ("theirs.txt", CLASSES, IMAGES)
    assert (read.outcomes.protocol, read.outcomes.image_count) == (protocol, 3)
    rounded = by_class(read.outcomes)
    for class_id, (image_indices, exact, *rest) in by_class(written.outcomes).items():
        assert (rounded[class_id][0], list(rounded[class_id][2:])) == (image_indices, rest)
        assert np.array(rounded[class_id][1], np.float32).tolist() == exact  # to the last bit
    expected = score_outcomes(written.outcomes, [one.id for one in CLASSES])
    found = score_outcomes(read.outcomes, [one.id for one in CLASSES])
    np.testing.assert_array_equal(
        list(found.ap_by_class.values()), list(expected.ap_by_class.values())
    )
    np.testing.assert_array_equal(
        json.loads(path.read_text())["mAP"] or np.nan, found.mean_ap or np.nan
    )


def test_scores_that_nine_digits_do_not_tell_apart_keep_their_order(tmp_path: Path) -> None:
    close = [(1, CAR.id, 0.5, False), (0, CAR.id, 0.5 + 1e-12, True)]
    write_evaluation(tmp_path / "a.json", evaluation_of(close, [(0, CAR.id)]))
    outcomes = read_evaluation(tmp_path / "a.json").outcomes
    assert outcomes.scores.tolist() == [0.5, 0.5]
    assert outcomes.found.tolist() == [True, False]


@pytest.mark.parametrize("image_ids", [(), ("a",)])
def test_no_class_and_no_image_are_read_back(tmp_path: Path, image_ids: tuple[str, ...]) -> None:
    write_evaluation(tmp_path / "a.json", evaluation_of([], [], classes=(), image_ids=image_ids))
    read = read_evaluation(tmp_path / "a.json")
    assert (read.classes, read.image_ids, len(read.outcomes.scores)) == ((), image_ids, 0)


def test_by_cocos_rules_the_numbers_of_pycocotools_stand_beside(tmp_path: Path) -> None:
    path, outcomes = tmp_path / "a.json", replace(SMALL.outcomes, protocol="coco")
    numbers = {number.name: i / 100 for i, number in enumerate(COCO_NUMBERS)} | {"APs": np.nan}
    aps = {DOG.id: 0.25, 7: np.nan, CAR.id: 0.75}
    coco = CocoResult(outcomes, numbers, 0.5, {}, aps)
    write_evaluation(path, replace(SMALL, outcomes=outcomes), coco)
    content = json.loads(path.read_text())
    assert content["COCO"] == numbers | {"APs": None}
    assert content["mAP"] == 0.5
    assert content["AP"] == {str(DOG.id): 0.25, "7": None, str(CAR.id): 0.75}
    assert by_class(read_evaluation(path).outcomes) == by_class(outcomes)
    for damage, message in (
        ({"AP": 0.5}, "'COCO' lacks the key \"AP50\""),
        (content["COCO"] | {"ARl": 2}, "'COCO', 'ARl' must be null or from 0 to 1, but is 2"),
        (7, "'COCO' must be an object"),
    ):
        path.write_text(json.dumps(content | {"COCO": damage}))
        with pytest.raises(ScoringFileError, match=message):
            read_evaluation(path)


DETECTIONS = ("detections", "7")


@pytest.mark.parametrize(
    ("place", "value", "message"),
    [
        ((), [], "holds nothing of the format 'inception-rcnn evaluation'"),
        ((), {"mAP": 0.5, "AP": {}}, "holds nothing of the format"),
        (("format",), "COCO", 'is of format "COCO", version 1, but'),
        (("version",), 2, "version 2, but 'inception-rcnn evaluation', version 1, is read"),
        (("more",), 1, "the file has a key that is unknown, \"more\""),
        (("name",), None, "'name' must be a text, but is null"),
        (("protocol",), "mine", "'protocol' must be one of ilsvrc, voc2007, voc, coco, but is"),
        (("protocol",), ["voc"], "but is a list of 1"),
        (("mAP",), 1.5, "'mAP' must be null or from 0 to 1, but is 1.5"),
        (("mAP",), True, "'mAP' must be null or from 0 to 1, but is true"),
        (("AP", "7"), "0.5", "'AP' of '7' must be null or from 0 to 1, but is \"0.5\""),
        (("AP",), {}, "'AP' lacks the key"),
        (("images",), 3, "'images' must be an object with keys, but is 3"),
        (("images", "count"), 4, "'images', 'count' must be 3 as there are names, but is 4"),
        (("images", "names"), "abc", "'images', 'names' must be a list, but is \"abc\""),
        (("images", "names", 1), 5, "'images', 'names', place 1 must be a text, but is 5"),
        (("images", "names", 1), "first", "each image name must stand once, but 'first' stands"),
        (("images", "names", 1), "a\n", "'names', place 1 must be printable, but holds \"\\n\""),
        (("classes",), {}, "'classes' must be a list, but is an object of 0 keys"),
        (("classes", 0, "id"), -1, "'classes', place 0, 'id' must be a whole number from 0 to"),
        (("classes", 0, "id"), 7, "'AP' has a key that is unknown, \"58\""),
        (("classes", 0, "extra"), 7, "'classes', place 0 has a key that is unknown, \"extra\""),
        (("classes", 0, "name"), 7, "'classes', place 0, 'name' must be a text"),
        (("classes", 0, "name"), "\x1b[2J", "'name' must be printable, but holds \"\\u001b\""),
        (("classes", 0, "name"), "\ud800", "'name' must be printable, but holds \"\\ud800\""),
        (("classes", 0, "wnid"), CAR.wnid, f"each class must stand once, but '{CAR.wnid}'"),
        (("detections", "8"), {}, "'detections' has a key that is unknown, \"8\""),
        (("objects", "8"), [], "'objects' has a key that is unknown, \"8\""),
        (DETECTIONS, [], "'detections' of '7' must be an object with keys, but is a list of 0"),
        ((*DETECTIONS, "boxes"), [], "'detections' of '7' has a key that is unknown, \"boxes\""),
        ((*DETECTIONS, "images"), [3], "'images', place 0 must be a whole number from 0 to 2"),
        ((*DETECTIONS, "images"), [1.0], "but is 1.0"),
        ((*DETECTIONS, "images"), [True], "but is true"),
        ((*DETECTIONS, "images"), [10**30], "but is 1000000"),
        ((*DETECTIONS, "images"), [[[0]]], "but is a list of 1"),
        ((*DETECTIONS, "images"), [0, 0], "of one length, but they are 2, 1 and 1 long"),
        ((*DETECTIONS, "scores"), [None], "'scores', place 0 must be a finite number, but is null"),
        ((*DETECTIONS, "scores"), [10**400], "'scores', place 0 must be a finite number"),
        ((*DETECTIONS, "scores"), ["x" * 999], 'must be a finite number, but is "xxx'),
        ((*DETECTIONS, "found"), [2], "'found', place 0 must be a whole number from 0 to 1"),
        ((*DETECTIONS, "found"), [1], "'detections' of '7' find more objects in image 0 than it"),
        (("objects", "7"), [-1], "'objects' of '7', place 0 must be a whole number from 0 to 2"),
    ],
)  # fmt: skip
def test_what_is_not_as_described_is_refused_by_name(
    damaged: Callable[..., Path], place: tuple[str | int, ...], value: object, message: str
) -> None:
    path = damaged(place, value)
    with pytest.raises(ScoringFileError, match=re.escape(message)) as caught:
        read_evaluation(path)
    assert str(caught.value).startswith(f"{path}: ")
    assert str(caught.value).endswith("; write it anew with inception-rcnn eval-map --json")
    assert len(str(caught.value)) < 350 + len(str(path))


@pytest.fixture
def damaged(tmp_path: Path) -> Callable[..., Path]:
    """Return a function that writes a file with another value at one place."""

    def write(place: tuple[str | int, ...], value: object) -> Path:
        path = tmp_path / "a.json"
        write_evaluation(path, SMALL)
        content = value
        if place:
            content = part = json.loads(path.read_text())
            for key in place[:-1]:
                part = part[key]
            part[place[-1]] = value
        path.write_text(json.dumps(content))
        return path

    return write


@pytest.mark.parametrize(
    "content",
    [b"", b"\xff\xfe", b"{", b'{"mAP": NaN}', b'{"a": 1, "a": 2}', b"[" * 100_000, b'"\\ud800"'],
)
def test_what_is_no_json_of_an_evaluation_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(ValueError, match=re.escape(str(path))):
        read_evaluation(path)


def test_every_file_cut_short_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "a.json"
    write_evaluation(path, SMALL)
    content = path.read_bytes().rstrip()
    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        with pytest.raises(ValueError, match=re.escape(str(path))):
            read_evaluation(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=re.escape(str(tmp_path / "absent.json"))):
        read_evaluation(tmp_path / "absent.json")


@pytest.mark.parametrize(
    ("image_ids", "classes", "message"),
    [
        (("a", "b"), CLASSES, "image_ids must be 3, one an image, but got 2"),
        (("a", "b", "a"), CLASSES, "each image name must stand once, but 'a' stands twice"),
        (IMAGES, (CAR, DOG), "of the classes that were scored, but got 7"),
        (IMAGES, (*CLASSES, ObjectClass(8, "", "sofa")), "each class must stand once, but 'sofa'"),
        (IMAGES, (*CLASSES, ObjectClass(7, "", "x")), "each class id must stand once, but '7'"),
    ],
)
def test_an_evaluation_that_does_not_fit_together_is_refused(
    image_ids: tuple[str, ...], classes: tuple[ObjectClass, ...], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        Evaluation("theirs.txt", SMALL.outcomes, classes, image_ids)

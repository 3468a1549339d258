from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import datetime
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pytest
from hypothesis import strategies as st
from PIL import Image

from detector.classes import ObjectClass, ilsvrc_classes
from detector.datasets import ImageAnnotation
from detector.report import Matches, ReportInput, match_rows, write_report
from detector.scoring import GroundTruth, Predictions
from proposals.evaluation.bootstrap import Interval

Box = tuple[float, float, float, float]  # x1, y1, x2, y2, exclusive
Object = tuple[int, int, Box]  # image, class
Detection = tuple[int, int, Box, float]


class Page(HTMLParser):
    """What a page is made of."""

    def __init__(self, text: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str]]] = []
        self.open: list[str] = []
        self.words = ""
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {key: value or "" for key, value in attrs}))
        if tag not in ("meta", "img"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, {key: value or "" for key, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.words += f"{data} "

    def of(self, tag: str) -> list[dict[str, str]]:
        return [attributes for name, attributes in self.tags if name == tag]


CLASSES = (1, 2, 3)
IMAGES = 3


def build(objects: Sequence[Object], detections: Sequence[Detection]) -> Matches:
    ground_truth = GroundTruth(
        np.array([o[0] for o in objects]),
        np.array([o[1] for o in objects]),
        np.array([o[2] for o in objects], np.float32),
    )
    predictions = Predictions(
        np.array([d[0] for d in detections]),
        np.array([d[1] for d in detections]),
        np.array([d[2] for d in detections], np.float32),
        np.array([d[3] for d in detections]),
    )
    return match_rows(ground_truth, predictions, CLASSES, protocol="ilsvrc", image_count=IMAGES)


@pytest.fixture(scope="session")
def make_matches() -> Callable[[Sequence[Object], Sequence[Detection]], Matches]:
    """Match lists of (image, class, box) and (image, class, box, score), of classes 1 to 3."""
    return build


@pytest.fixture(scope="session")
def scenes() -> st.SearchStrategy[Matches]:
    """Give objects and detections that crowd a few images, so that all kinds of errors occur."""
    edges = st.integers(0, 6).map(lambda value: 20.0 * value)
    sides = st.sampled_from([10.0, 20.0, 40.0, 60.0, 110.0])
    boxes = st.tuples(edges, edges, sides, sides).map(
        lambda b: (b[0], b[1], b[0] + b[2], b[1] + b[3])
    )
    images, classes = st.integers(0, IMAGES - 1), st.sampled_from(CLASSES)
    scores = st.integers(0, 9).map(lambda value: value / 10)
    objects = st.lists(st.tuples(images, classes, boxes), max_size=8)
    detections = st.lists(st.tuples(images, classes, boxes, scores), max_size=12)
    return st.builds(build, objects, detections)


@pytest.fixture(scope="session")
def parse_page() -> Callable[[str], Page]:
    return Page


@pytest.fixture(scope="session")
def written() -> Callable[[Path, ReportInput], tuple[Page, str]]:
    """Write a report into a folder; return what the page is made of, and its text."""

    def write(folder: Path, report: ReportInput) -> tuple[Page, str]:
        path = write_report(folder, report)
        assert path == folder / "report.html"
        text = path.read_text(encoding="utf-8")
        return Page(text), text

    return write


@pytest.fixture
def report(tmp_path: Path) -> ReportInput:
    """Return what a report of three pictures is made of, with errors of every kind."""
    classes = (
        ObjectClass(1, "", "cat"),
        ObjectClass(2, "", "dog"),
        ObjectClass(3, "", "traffic_light"),
    )
    left, right = (10.0, 20.0, 80.0, 90.0), (110.0, 20.0, 180.0, 90.0)
    objects = {
        0: [("cat", left), ("dog", right)],
        1: [("cat", left), ("traffic_light", right)],
        2: [("dog", (0.0, 0.0, 9.0, 9.0))],
    }
    found = [
        (0, 1, left, 0.9),  # found
        (0, 1, (12.0, 20.0, 80.0, 90.0), 0.8),  # a duplicate
        (0, 1, right, 0.7),  # a dog taken for a cat
        (1, 1, (10.0, 20.0, 80.0, 50.0), 0.6),  # too far off
        (1, 1, (110.0, 20.0, 180.0, 40.0), 0.5),  # both
        (2, 3, (100.0, 10.0, 190.0, 60.0), 0.4),  # in the background
        (1, 3, right, 0.3),  # found
    ]
    annotations = {}
    for index, rows in objects.items():
        path = tmp_path / "pictures" / f"{index}.png"
        path.parent.mkdir(exist_ok=True)
        pixels = np.random.default_rng(index).integers(0, 255, (10, 20, 3), dtype=np.uint8)
        Image.fromarray(pixels).resize((200, 100)).save(path)
        boxes = np.array([box for _, box in rows], np.float32)
        keys = tuple(key for key, _ in rows)
        annotations[index] = ImageAnnotation(f"image {index}", path, (100, 200), boxes, keys)
    return ReportInput(
        annotations=annotations,
        predictions=Predictions(
            np.array([row[0] for row in found]),
            np.array([row[1] for row in found]),
            np.array([row[2] for row in found], np.float32),
            np.array([row[3] for row in found]),
        ),
        classes=classes,
        blacklist=frozenset(),
        protocol="ilsvrc",
        mean_ap=Interval(0.412, 0.3, 0.5),
        scored="theirs.txt",
        command="inception-rcnn eval-map --report out",
        date=datetime(2026, 11, 25, 6, 7),
    )


@pytest.fixture
def report_of_classes(report: ReportInput) -> Callable[[int], ReportInput]:
    """Make a report of so many classes, all confused with each other; its pictures are missing."""

    def of(count: int) -> ReportInput:
        random = np.random.default_rng(0)
        classes = ilsvrc_classes()[:count]
        corners = random.integers(0, 50, (3000, 2))
        boxes = np.concatenate([corners, corners + 50], axis=1).astype(np.float32)
        keys = np.array([one.key for one in classes])
        annotations = {
            index: ImageAnnotation(
                one.image_id, Path("absent.jpg"), (100, 100), boxes[:500],
                tuple(random.choice(keys, 500).tolist()),
            )
            for index, one in report.annotations.items()
        }  # fmt: skip
        predictions = Predictions(
            random.integers(0, 3, 3000), random.integers(1, count + 1, 3000), boxes,
            random.random(3000),
        )  # fmt: skip
        return replace(report, annotations=annotations, classes=classes, predictions=predictions)

    return of

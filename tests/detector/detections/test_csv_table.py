from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np
import pytest

from detector.classes import ObjectClass, select_classes
from detector.detections.csv_table import CSV_COLUMNS, csv_table
from detector.detections.results import Detections, VideoFrame

CLASSES = (*select_classes(["person", "domestic cat"]), ObjectClass(777, "", "=gnome"))
FOUND = Detections(
    boxes_xyxy=np.array([[0, 0, 5, 5], [2.5, 3, 40, 30], [1 / 3, 0, 1, 1]], np.float32),
    scores=np.array([0.9, 0.25, 0.125], np.float32),
    labels=np.array([1, 0, 2]),
    classes=CLASSES,
    image_size=(30, 40),
)
EMPTY = Detections.empty(CLASSES, (10, 20))


def table_of(path: Path, results: Sequence[tuple[str | VideoFrame, Detections]]) -> list[list[str]]:
    with csv_table(path) as add:
        for name, detections in results:
            add(name, detections)
    return list(csv.reader(io.StringIO(path.read_text(encoding="utf-8"))))


def test_nothing_found_is_a_table_with_a_head(tmp_path: Path) -> None:
    for results in ([], [("a.jpg", EMPTY)]):
        assert table_of(tmp_path / "new/found.csv", results) == [list(CSV_COLUMNS)]


def test_a_detection_is_a_row(tmp_path: Path) -> None:
    results = [("b/c.jpg", EMPTY), ("b/d.jpg", FOUND), (VideoFrame("e.mp4", 3, 0.12), FOUND)]
    head, *rows = table_of(tmp_path / "found.csv", results)
    assert " ".join(head) == (
        "image frame seconds width height class wnid det_id score xmin ymin xmax ymax"
    )
    size, cat, person = ["40", "30"], ["domestic_cat", "n02121808", "59"], ["person", "n00007846"]
    assert rows[:2] == [
        ["b/d.jpg", "", "", *size, *cat, "0.9", "0.0", "0.0", "5.0", "5.0"],
        ["b/d.jpg", "", "", *size, *person, "124", "0.25", "2.5", "3.0", "40.0", "30.0"],
    ]
    assert rows[2][-4:] == ["0.333", "0.0", "1.0", "1.0"]
    assert [row[:3] for row in rows[3:]] == [["e.mp4", "3", "0.12"]] * 3
    assert [row[3:] for row in rows[3:]] == [row[3:] for row in rows[:3]]


@pytest.mark.parametrize(
    ("name", "cell"),
    [
        ("=1+1.jpg", "./=1+1.jpg"),
        ("+a.jpg", "./+a.jpg"),
        ("-a.jpg", "./-a.jpg"),
        ("@a.jpg", "./@a.jpg"),
        ("\t=1.jpg", "./\t=1.jpg"),
        ("\r=1.jpg", "./\r=1.jpg"),
        ("＝1.jpg", "./＝1.jpg"),  # noqa: RUF001 - wide, which spreadsheets take, too
        ("a=1.jpg", "a=1.jpg"),
        ("/=1.jpg", "/=1.jpg"),
        ('a";=1,b\n.jpg', 'a";=1,b\n.jpg'),
        ("\udcff.jpg", "\\udcff.jpg"),
    ],
)
def test_no_name_becomes_a_formula_or_breaks_the_table(
    tmp_path: Path, name: str, cell: str
) -> None:
    path = tmp_path / "found.csv"
    with csv_table(path) as add:
        add(name, FOUND)
        add(VideoFrame(name, 0, 0), FOUND)
    with path.open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))[1:]
    assert [row[0] for row in rows] == [cell] * 6
    assert {len(row) for row in rows} == {len(CSV_COLUMNS)}
    assert [row[5] for row in rows[:3]] == ["domestic_cat", "person", "'=gnome"]
    # Where a semicolon parts cells texts begin and end with quotes still.
    assert path.read_text(encoding="utf-8").splitlines()[1].startswith('"')


def test_pandas_reads_it(tmp_path: Path) -> None:
    pandas = pytest.importorskip("pandas")
    table_of(tmp_path / "found.csv", [("a,b.jpg", FOUND), (VideoFrame("c.mp4", 3, 0.12), FOUND)])
    frame = pandas.read_csv(tmp_path / "found.csv")
    assert list(frame.columns) == list(CSV_COLUMNS)
    assert frame["image"].tolist() == ["a,b.jpg"] * 3 + ["c.mp4"] * 3
    assert frame["frame"].isna().tolist() == [True] * 3 + [False] * 3
    boxes = frame[["xmin", "ymin", "xmax", "ymax"]].to_numpy()[:3]
    np.testing.assert_allclose(boxes, FOUND.boxes_xyxy, atol=1e-3)
    np.testing.assert_allclose(frame["score"][:3], FOUND.scores, atol=1e-7)


def test_a_table_that_is_not_finished_is_not_there(tmp_path: Path) -> None:
    path = tmp_path / "found.csv"
    path.write_text("before")
    with suppress(KeyboardInterrupt), csv_table(path) as add:
        add("a.jpg", FOUND)
        raise KeyboardInterrupt
    assert path.read_text() == "before"
    assert list(tmp_path.iterdir()) == [path]

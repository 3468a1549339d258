from __future__ import annotations

import contextlib
import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from detector.classes import ObjectClass
from detector.scoring import (
    ImageIndex,
    Predictions,
    ScoringFileError,
    read_predictions,
    write_predictions,
)

IMAGES = ImageIndex(["first", "folder/second", "third"], [11, 22, 33])
CAR, DOG = 37, 58
GOOD = "11 37 0.5 1 2 3 4\n"


def predictions(*rows: tuple[int, int, tuple[float, ...], float]) -> Predictions:
    return Predictions(
        np.array([row[0] for row in rows]),
        np.array([row[1] for row in rows]),
        np.array([row[2] for row in rows], np.float32),
        np.array([row[3] for row in rows]),
    )


def test_no_predictions_make_an_empty_file_and_back(tmp_path: Path) -> None:
    write_predictions(tmp_path / "p.txt", predictions(), IMAGES)
    assert (tmp_path / "p.txt").read_bytes() == b""
    assert len(read_predictions(tmp_path / "p.txt", IMAGES)) == 0


def test_a_line_holds_the_number_of_the_image_and_inclusive_pixels(tmp_path: Path) -> None:
    rows = predictions((2, CAR, (0, 1, 10, 20.5), 0.75), (0, DOG, (5, 5, 6, 6), 1e-7))
    write_predictions(tmp_path / "p.txt", rows, IMAGES)
    assert (tmp_path / "p.txt").read_text() == "33 37 0.75 0 1 9 19.5\n11 58 1e-07 5 5 5 5\n"
    assert [path.name for path in tmp_path.iterdir()] == ["p.txt"]


pixels = st.floats(0, 4096, width=32).map(lambda value: round(value * 64) / 64)


@settings(max_examples=50, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 2),
            st.integers(1, 200),
            st.tuples(pixels, pixels, pixels, pixels),
            st.floats(0, 1, width=32),
        ),
        max_size=20,
    )
)
def test_what_is_written_is_read_back(
    tmp_path_factory: pytest.TempPathFactory,
    rows: list[tuple[int, int, tuple[float, ...], float]],
) -> None:
    ordered = [
        (image, det_id, (min(a, c), min(b, d), max(a, c), max(b, d)), confidence)
        for image, det_id, (a, b, c, d), confidence in rows
    ]
    path = tmp_path_factory.mktemp("round") / "p.txt"
    written = predictions(*ordered)
    write_predictions(path, written, IMAGES)
    read = read_predictions(path, IMAGES)
    assert read.image_indices.tolist() == written.image_indices.tolist()
    assert read.class_ids.tolist() == written.class_ids.tolist()
    assert read.boxes_xyxy.tolist() == written.boxes_xyxy.tolist()
    assert read.scores.astype(np.float32).tolist() == written.scores.astype(np.float32).tolist()


def test_an_image_may_be_given_by_number_or_by_name(tmp_path: Path) -> None:
    path = tmp_path / "p.txt"
    path.write_text("\n22 37 0.5 1 2 3 4\r\n  folder/second 58 -3e2 1.5 2 3 4 \n\n")
    read = read_predictions(path, IMAGES)
    assert read.image_indices.tolist() == [1, 1]
    assert read.boxes_xyxy.tolist() == [[1, 2, 4, 5], [1.5, 2, 4, 5]]
    assert read.scores.tolist() == [0.5, -300]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("11 37 0.5 1 2 3", "must be 'image_id det_id confidence xmin ymin xmax ymax', but is"),
        ("11 37 0.5 1 2 3 4 5", "must be 'image_id det_id"),
        ("44 37 0.5 1 2 3 4", "image_id '44' is neither a number nor a name"),
        ("11 0 0.5 1 2 3 4", "det_id must be that of a known class, but is '0'"),
        ("11 201 0.5 1 2 3 4", "det_id must be that of a known class, but is '201'"),
        ("11 3.5 0.5 1 2 3 4", "det_id must be that of a known class, but is '3.5'"),
        ("11 car 0.5 1 2 3 4", "det_id must be a finite number, but is 'car'"),
        ("11 37 nan 1 2 3 4", "confidence must be a finite number, but is 'nan'"),
        ("11 37 inf 1 2 3 4", "confidence must be a finite number, but is 'inf'"),
        ("11 37 0.5 1 2 1e39 4", "xmax must be a finite number, but is '1e39'"),
        ("11 37 0.5 1_0 2 30 4", "xmin must be a finite number, but is '1_0'"),
        ("11 37 0.5 \N{ARABIC-INDIC DIGIT ONE} 2 30 4", "xmin must be a finite number"),
        ("11 37 0,5 1 2 3 4", "confidence must be a finite number, but is '0,5'"),
        ("11 37 0.5 9 2 3 4", "xmax must be xmin or more, but is '3'"),
        ("11 37 0.5 1 9 3 4", "ymax must be ymin or more, but is '4'"),
    ],
)
def test_a_damaged_line_is_refused_with_its_number(tmp_path: Path, line: str, message: str) -> None:
    path = tmp_path / "p.txt"
    path.write_text(f"{GOOD}\n{GOOD}{line}\n{GOOD}", encoding="utf-8")
    with pytest.raises(ScoringFileError, match=message) as caught:
        read_predictions(path, IMAGES)
    assert str(caught.value).startswith(f"{path}, line 4: ")


@settings(max_examples=200, deadline=None)
@given(st.integers(0, len(GOOD)), st.integers(0, 6), st.text(max_size=4))
def test_damage_of_any_kind_is_refused_as_such_or_harmless(
    tmp_path_factory: pytest.TempPathFactory, start: int, length: int, patch: str
) -> None:
    path = tmp_path_factory.getbasetemp() / "damaged.txt"
    damaged = GOOD + GOOD[:start] + patch + GOOD[start + length :]
    path.write_text(damaged, encoding="utf-8", errors="surrogatepass")
    with contextlib.suppress(ScoringFileError):
        assert 1 <= len(read_predictions(path, IMAGES)) <= 4


@pytest.mark.parametrize("start", [f"{GOOD}\n", f"{GOOD}11 0 0.5 1 2 3 4\n"])
def test_a_line_without_end_is_refused(tmp_path: Path, start: str) -> None:
    path = tmp_path / "p.txt"
    path.write_text(start + "x" * 10_000, encoding="utf-8")
    with pytest.raises(ScoringFileError, match=r"line 3: longer than 1000 characters"):
        read_predictions(path, IMAGES)


def test_a_message_does_not_obey_what_a_file_says(tmp_path: Path) -> None:
    path = tmp_path / "p.txt"
    path.write_text(f"{GOOD}11 37 \x1b[2J 1 2 3 4\n", encoding="utf-8")
    with pytest.raises(ScoringFileError) as caught:
        read_predictions(path, IMAGES)
    assert "\x1b" not in str(caught.value)
    assert r"'\x1b[2J'" in str(caught.value)


def test_the_line_number_is_right_far_down_the_file(tmp_path: Path) -> None:
    path = tmp_path / "p.txt"
    path.write_text(GOOD * 70_000 + "nonsense\n")
    with pytest.raises(ScoringFileError, match="line 70001: must be"):
        read_predictions(path, IMAGES)


@pytest.mark.parametrize("between", [" ", "  ", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\n\n"])
@settings(max_examples=30)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["11", "first", "folder/second", "33"]),
            st.sampled_from([str(CAR), str(DOG), "58.0"]),
            st.floats(-1, 1).map(repr) | st.sampled_from(["+1", "1e-3", ".5", "-0", "007"]),
            st.floats(-100, 100).map(repr) | st.integers(-100, 100).map(str),
            st.floats(-100, 100, width=32).map("{:.9g}".format),
        ),
        max_size=8,
    )
)
def test_values_are_those_of_python_however_they_are_parted(
    tmp_path_factory: pytest.TempPathFactory,
    between: str,
    end: str,
    rows: list[tuple[str, str, str, str, str]],
) -> None:
    path = tmp_path_factory.getbasetemp() / "parted.txt"
    lines = [[*row, "250.5", "1e3"] for row in rows]
    path.write_text("".join(between.join(line) + end for line in lines), newline="")
    read = read_predictions(path, IMAGES)
    keys = [line[0] for line in lines]
    assert read.image_indices.tolist() == IMAGES.indices_of(keys).tolist()
    assert read.class_ids.tolist() == [int(float(line[1])) for line in lines]
    assert read.scores.tolist() == [float(line[2]) for line in lines]
    corners = [[float(x), float(y), 251.5, 1001] for _, _, _, x, y, _, _ in lines]
    assert read.boxes_xyxy.tolist() == np.array(corners, np.float32).tolist()


def test_a_file_that_is_absent_or_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "p.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ScoringFileError, match=r"p\.txt: not a text file"):
        read_predictions(tmp_path / "p.txt", IMAGES)
    with pytest.raises(ScoringFileError, match=r"absent\.txt: cannot be read \(No such file"):
        read_predictions(tmp_path / "absent.txt", IMAGES)


def test_what_gzip_packed_reads_as_its_content(tmp_path: Path) -> None:
    plain, packed = tmp_path / "p.txt", tmp_path / "packed"
    plain.write_text(GOOD)
    packed.write_bytes(gzip.compress(GOOD.encode()))
    read, expected = (read_predictions(path, IMAGES) for path in (packed, plain))
    assert len(read) == len(expected) > 0
    assert read.boxes_xyxy.tolist() == expected.boxes_xyxy.tolist()
    packed.write_bytes(gzip.compress(f"{GOOD}11 37 inf 1 2 3 4\n".encode()))
    with pytest.raises(ScoringFileError, match=r"packed, line \d+: confidence must be"):
        read_predictions(packed, IMAGES)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (gzip.compress(GOOD.encode() * 99)[:-9], "damaged gzip"),
        (gzip.compress(GOOD.encode())[:14] + b"\xff" * 40, "damaged gzip"),
        (gzip.compress(b"")[:10] + b"\xff" * 40, "damaged gzip"),  # no kind of block that there is
        (b"\x1f\x8b", "damaged gzip"),
        (gzip.compress(b"\n" * 3_000_000), "unpacks to more than 1000000 bytes"),
        (gzip.compress(b"\xff\xfe\x00"), "not a text file"),
    ],
)
def test_packed_files_that_are_damaged_or_bombs_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, message: str
) -> None:
    monkeypatch.setattr("detector.scoring.files.prediction_file._MAX_UNPACKED", 1_000_000)
    (tmp_path / "p.txt.gz").write_bytes(content)
    with pytest.raises(ScoringFileError, match=message):
        read_predictions(tmp_path / "p.txt.gz", IMAGES)


def test_classes_other_than_ilsvrcs_can_be_given(tmp_path: Path) -> None:
    path = tmp_path / "p.txt"
    path.write_text("11 777 0.5 1 2 3 4\n")
    assert read_predictions(path, IMAGES, [ObjectClass(777, "n7", "seven")]).class_ids == [777]


def test_a_failed_write_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "p.txt"
    path.write_text(GOOD)
    beyond = predictions((0, CAR, (0, 0, 1, 1), 0.5), (9, CAR, (0, 0, 1, 1), 0.5))
    with pytest.raises(IndexError):
        write_predictions(path, beyond, IMAGES)
    assert path.read_text() == GOOD
    assert [entry.name for entry in tmp_path.iterdir()] == ["p.txt"]


def test_the_line_of_a_wrong_value_is_right_after_blank_lines_too(tmp_path: Path) -> None:
    path = tmp_path / "p.txt"
    path.write_text(f"\n{GOOD}  \n\n{GOOD}{GOOD}11 37 inf 1 2 3 4\n{GOOD}")
    with pytest.raises(ScoringFileError, match="line 7: confidence must be"):
        read_predictions(path, IMAGES)

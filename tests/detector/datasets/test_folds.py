from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from detector.datasets import DatasetError, IlsvrcDet
from detector.datasets.folds import FOLDS, fold_of, parse_folds


@given(st.text())
def test_every_id_is_in_one_of_the_folds(image_id: str) -> None:
    assert fold_of(image_id) in range(FOLDS)
    assert fold_of(image_id) == fold_of(image_id)


def test_folds_are_of_about_one_size_and_never_change() -> None:
    counts = Counter(fold_of(f"VOC2007_{number:06d}") for number in range(5000))
    assert all(400 < counts[fold] < 600 for fold in range(FOLDS))
    # Files of weights name the folds they learned from: another rule would mix those with others.
    assert [fold_of(f"VOC2007_{number:06d}") for number in range(1, 6)] == [3, 4, 3, 2, 8]


@pytest.mark.parametrize(
    ("text", "folds"),
    [("0", {0}), ("1-9", set(range(1, 10))), ("0, 5-7", {0, 5, 6, 7}), ("3-3,3", {3})],
)
def test_folds_are_read(text: str, folds: set[int]) -> None:
    assert parse_folds(text) == folds


@pytest.mark.parametrize("text", ["", "10", "a", "-1", "5-2", "1-", "0,", "1 2"])
def test_what_is_no_fold_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="such as 0 or 1-9"):
        parse_folds(text)


@pytest.fixture
def whole(tmp_path: Path) -> IlsvrcDet:
    """Twelve images, without objects."""
    for folder in ("ImageSets/DET", "Annotations/DET/val", "Data/DET/val"):
        (tmp_path / folder).mkdir(parents=True)
    names = [f"image{number}" for number in range(12)]
    lines = "".join(f"{name} {number}\n" for number, name in enumerate(names, start=101))
    (tmp_path / "ImageSets/DET/val.txt").write_text(lines, encoding="utf-8")
    empty = "<annotation><size><width>9</width><height>9</height></size></annotation>"
    for name in names:
        (tmp_path / f"Annotations/DET/val/{name}.xml").write_text(empty, encoding="utf-8")
    return IlsvrcDet(tmp_path, "val")


def test_a_data_set_is_cut_by_folds(whole: IlsvrcDet) -> None:
    parts = [whole.of_folds({fold}) for fold in {fold_of(name) for name in whole.image_ids}]
    assert len(parts) > 2
    assert sorted(i for part in parts for i in part.image_ids) == sorted(whole.image_ids)
    for part in parts:
        assert [annotation.image_id for annotation in part] == list(part.image_ids)
        assert part.image_numbers == tuple(whole.number_of(i) for i in part.image_ids)
    assert len(whole) == 12


def test_what_is_not_in_the_folds_is_not_in_the_data_set(whole: IlsvrcDet) -> None:
    gone = whole.image_ids[0]
    others = whole.of_folds(set(range(FOLDS)) - {fold_of(gone)})
    assert gone not in others.image_ids
    with pytest.raises(DatasetError, match=gone):
        others.read(gone)


def test_folds_without_images_are_refused(whole: IlsvrcDet) -> None:
    empty = set(range(FOLDS)) - {fold_of(name) for name in whole.image_ids}
    with pytest.raises(DatasetError, match="no image is in these folds"):
        whole.of_folds(empty)

from __future__ import annotations

from pathlib import Path

import pytest

from detector.scoring import ImageIndex, ScoringFileError, read_blacklist

IMAGES = ImageIndex(["first", "folder/second", "third"], [11, 22, 33])
CAR, DOG = 37, 58


def test_a_blacklist_is_a_set_of_image_and_class(tmp_path: Path) -> None:
    path = tmp_path / "b.txt"
    path.write_text("")
    assert read_blacklist(path, IMAGES) == frozenset()
    path.write_text("11 n02958343\n\nthird n02084071\n11 n02958343\n")
    assert read_blacklist(path, IMAGES) == {(0, CAR), (2, DOG)}


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("11", "must be 'image_id wnid', but is '11'"),
        ("11 n02958343 1", "must be 'image_id wnid'"),
        ("11 car", "'car' is the WordNet id of no class"),
        ("12 n02958343", "image_id '12' is neither a number nor a name"),
        ("11 " + "n" * 2000, "longer than 1000 characters"),
    ],
)
def test_a_damaged_blacklist_is_refused_with_its_line(
    tmp_path: Path, line: str, message: str
) -> None:
    path = tmp_path / "b.txt"
    path.write_text(f"11 n02958343\n{line}\n")
    with pytest.raises(ScoringFileError, match=message) as caught:
        read_blacklist(path, IMAGES)
    assert str(caught.value).startswith(f"{path}, line 2: ")


def test_a_file_that_is_absent_or_not_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "b.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ScoringFileError, match=r"b\.txt: not a text file"):
        read_blacklist(tmp_path / "b.txt", IMAGES)
    with pytest.raises(ScoringFileError, match=r"absent\.txt: cannot be read \(No such file"):
        read_blacklist(tmp_path / "absent.txt", IMAGES)

from __future__ import annotations

import pytest

from detector.scoring import ImageIndex


def test_a_name_that_is_another_images_number_is_refused() -> None:
    images = ImageIndex(["2", "b", "3"], [1, 2, 3])
    assert images.indices_of(["1", "b", "3"]).tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="'2' is the number of one image and the name of another"):
        images.indices_of(["1", "2"])


def test_pictures_lead_to_their_images() -> None:
    images = ImageIndex(["000000005001", "street/4.5", "COCO_val_0017"], [5001, 3, 17])
    keys = ["000000005001.jpg", "000000005001", "street/4.5.PNG", "17.jpg", "00017", "3", "5001"]
    assert images.indices_of(keys).tolist() == [0, 0, 1, 2, 2, 1, 0]
    assert images.index_of("00017") == 2  # a second time, too
    of_voc = ImageIndex(["000012", "000026"], [1, 12])
    assert of_voc.index_of("000012.jpg") == 0


def test_paths_of_pictures_lead_to_the_longest_name_that_they_end_in() -> None:
    images = ImageIndex(["n01/1", "1", "COCO_val_0017"], [4, 5, 17])
    paths = ["ILSVRC/Data/n01/1.JPEG", "/n02/1.JPEG", r"C:\\pictures\\1.jpg", "val/000017.jpg"]
    assert [images.index_of_file(path) for path in paths] == [0, 1, 1, 2]
    for path in ("", "a/2.jpg", "1/a.jpg", "5"):
        with pytest.raises(ValueError, match="is the picture of no image"):
            images.index_of_file(path)


@pytest.mark.parametrize("key", ["000012.jpg", "12.gz", "0000.jpg", ".jpg", "", "c.jpg", "0x1"])
def test_the_number_of_a_line_is_no_pictures_name(key: str) -> None:
    # Line 12 holds another picture than 000012.jpg, which is not in the list.
    images = ImageIndex(["000026", "b7", "000000"], [12, 9, 5])
    with pytest.raises(ValueError, match="is neither a number nor a name"):
        images.index_of(key)


@pytest.mark.parametrize(
    ("names", "numbers"), [(["a"], []), (["a", "a"], [1, 2]), (["a", "b"], [1, 1])]
)
def test_names_and_numbers_must_be_unique(names: list[str], numbers: list[int]) -> None:
    with pytest.raises(ValueError, match="of one length, each value once"):
        ImageIndex(names, numbers)

from __future__ import annotations

import pytest

from detector.scoring import ImageIndex


def test_a_name_that_is_another_images_number_is_refused() -> None:
    images = ImageIndex(["2", "b", "3"], [1, 2, 3])
    assert images.indices_of(["1", "b", "3"]).tolist() == [0, 1, 2]
    with pytest.raises(ValueError, match="'2' is the number of one image and the name of another"):
        images.indices_of(["1", "2"])


@pytest.mark.parametrize(
    ("names", "numbers"), [(["a"], []), (["a", "a"], [1, 2]), (["a", "b"], [1, 1])]
)
def test_names_and_numbers_must_be_unique(names: list[str], numbers: list[int]) -> None:
    with pytest.raises(ValueError, match="of one length, each value once"):
        ImageIndex(names, numbers)

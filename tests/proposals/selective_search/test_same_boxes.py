"""All boxes of all modes, by their hashes: a change of one is a change of everybody's proposals.

To make the table anew: ``python tests/proposals/selective_search/test_same_boxes.py``. Do so only
where boxes are meant to change, and say why: files of proposals, rankings and networks that were
made before no longer fit what the search gives.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from skimage import data

from proposals import MODES, Proposals, SelectiveSearch

PICTURES: dict[str, Callable[[], NDArray[np.uint8]]] = {
    "astronaut": data.astronaut,  # 512 x 512: made smaller
    "chelsea": data.chelsea,  # 451 x 300: made larger
    "coffee": data.coffee,
    "camera": data.camera,  # grey
}

# Picture and mode: number of boxes, hash of the boxes whatever their order, of the boxes in
# order, and of the scores.
TABLE = {
    ("astronaut", "doubled"): (1678, "15327f885a387c31", "c3a61422c97fbb28", "3192c2a7b00a54af"),
    ("astronaut", "fast"): (2982, "78f49abbbbc4c8c3", "446ed13db1c18fa8", "37ec6483c299bd8c"),
    ("astronaut", "single"): (473, "dea43323925ca8f8", "e7d2feda3f2cc05d", "dfff52d679881c96"),
    ("astronaut", "quality"): (15584, "6acd05f26ea10541", "d6cab5419a8c9d70", "f741b4acda4f6d7d"),
    ("chelsea", "doubled"): (408, "f84cc7e96d68c3de", "2d5c3163a4d190a9", "53d7911e532c76e9"),
    ("chelsea", "fast"): (1107, "f187104204c17cfb", "c6e7e9fdb957ed1b", "f75f1cfe09b59d9c"),
    ("chelsea", "single"): (134, "353edd1b1d07f96e", "eec978a256db69ec", "6a30f42a3be1e51f"),
    ("chelsea", "quality"): (4845, "d4fec53a6417ee9c", "0b463554e70272bf", "d7c14892bc1dd8f7"),
    ("coffee", "doubled"): (647, "25e195fbf51904fc", "32ff99a1ec4a2805", "9946dc0f926c4612"),
    ("coffee", "fast"): (1488, "8b89462a748f4179", "f5359e2e3e5e0521", "240f86d593223ec4"),
    ("coffee", "single"): (207, "6992ea3abc605656", "5fb18d73f0b193de", "1cbb549726907029"),
    ("coffee", "quality"): (6213, "7f3e8454d55708ae", "db03a395d7742e51", "757085c2c7822fe9"),
    ("camera", "doubled"): (719, "4e0fdd9c64f8bebe", "8ae3f2e7639b79b5", "6e63ee18ceaef5fc"),
    ("camera", "fast"): (1466, "6e322f8fce8a0f44", "79e849bb8281a88c", "94d4a93a91943c61"),
    ("camera", "single"): (189, "54bf1cf223720d8a", "32ad5317cc5fd701", "0e19049e96503409"),
    ("camera", "quality"): (4855, "1badde963e95081a", "fa4beadc6d0df5d4", "c285edaaa5fa58c8"),
}


def summary(found: Proposals) -> tuple[int, str, str, str]:
    boxes = found.boxes_xyxy.astype("<f4")
    return (
        len(boxes),
        digest(boxes[np.lexsort(boxes.T)]),
        digest(boxes),
        digest(found.scores.astype("<f4")),
    )


def digest(values: NDArray[np.float32]) -> str:
    return hashlib.sha256(values.tobytes()).hexdigest()[:16]


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("picture", PICTURES)
def test_boxes_stay_what_they_are(picture: str, mode: str) -> None:
    assert summary(SelectiveSearch(mode)(PICTURES[picture]())) == TABLE[picture, mode]


if __name__ == "__main__":
    for picture, load in PICTURES.items():
        for mode in MODES:
            found = summary(SelectiveSearch(mode)(load()))
            print(f'    ("{picture}", "{mode}"): {found},'.replace("'", '"'))  # noqa: T201

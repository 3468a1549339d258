from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from backbones import GoogLeNet
from proposals import Proposals, SelectiveSearch
from proposals.boxes import pairwise_iou
from proposals.merging import (
    DUPLICATE_IOU,
    MAX_BOXES,
    SELECTIVE_SEARCH,
    MergedProposals,
    merge,
)
from proposals.multibox import MultiBox, MultiBoxConfig
from proposals.multibox.proposer import WHOLE
from proposals.ranking import pretrained_ranking

SIZE = (60, 80)
BOXES = np.array([[0, 0, 40, 40], [10, 10, 70, 50], [50, 5, 75, 30]], np.float32)


def of(source: str, count: int) -> Proposals:
    return Proposals.of_one_source(BOXES[:count], SIZE, source, [0.9, 0.5, 0.1][:count])


@pytest.mark.parametrize(("ours", "theirs", "kept"), [(0, 0, 0), (2, 0, 2), (0, 2, 2), (3, 2, 3)])
def test_the_union_holds_each_box_once(ours: int, theirs: int, kept: int) -> None:
    found = merge(of("selective_search", ours), of("multibox", theirs), pretrained_ranking())
    assert len(found) == kept
    assert found.image_size == SIZE
    assert found.sources == ("selective_search", "multibox")


def test_each_box_keeps_its_source_and_rank() -> None:
    first = Proposals.of_one_source(BOXES[:2], SIZE, "selective_search")
    second = Proposals.of_one_source(BOXES[2:], SIZE, "multibox", [0.7])
    found = merge(first, second, pretrained_ranking())
    told = {
        tuple(box): (name, rank)
        for box, name, rank in zip(
            found.boxes_xyxy.tolist(), found.source_names(), found.ranks.tolist(), strict=True
        )
    }
    assert told[tuple(BOXES[0].tolist())] == ("selective_search", 0)
    assert told[tuple(BOXES[1].tolist())] == ("selective_search", 1)
    assert told[tuple(BOXES[2].tolist())] == ("multibox", 0)


def test_the_best_so_many_boxes_are_kept() -> None:
    ranking = pretrained_ranking()
    everything = merge(of("selective_search", 3), of("multibox", 2), ranking)
    for count in (1, 2, 3, 4):
        some = merge(of("selective_search", 3), of("multibox", 2), ranking, count)
        np.testing.assert_array_equal(some.boxes_xyxy, everything.boxes_xyxy[:count])
        np.testing.assert_array_equal(some.scores, everything.scores[:count])
    with pytest.raises(ValueError, match="max_boxes must be 1 or more, but got 0"):
        MergedProposals(SelectiveSearch(), SelectiveSearch(), ranking, max_boxes=0)


def test_proposals_of_two_images_are_not_merged() -> None:
    other = Proposals.of_one_source(BOXES, (61, 80), "multibox", [0.9, 0.5, 0.1])
    with pytest.raises(ValueError, match="must be of one image"):
        merge(of("selective_search", 1), other, pretrained_ranking())


def test_a_pillow_image_gives_what_its_file_gives(tmp_path: Path) -> None:
    seen: list[NDArray[np.uint8]] = []

    def propose(image: NDArray[np.uint8]) -> Proposals:
        seen.append(image)
        return Proposals.of_one_source(BOXES[:0], image.shape[:2], "none")

    merged = MergedProposals(propose, propose, pretrained_ranking())
    Image.fromarray(data.chelsea()).quantize(64).save(tmp_path / "cat.png")
    merged(tmp_path / "cat.png")
    with Image.open(tmp_path / "cat.png") as opened:
        merged(opened)
    assert len(seen) == 4
    for image in seen[1:]:
        np.testing.assert_array_equal(image, seen[0])


def test_the_shipped_parts_work_together_on_a_picture() -> None:
    multibox = MultiBox.from_pretrained(GoogLeNet(1), MultiBoxConfig(crops=(WHOLE,)))
    search = SelectiveSearch(SELECTIVE_SEARCH)
    propose = MergedProposals(search, multibox, pretrained_ranking())
    found = propose(data.astronaut())
    assert len(found) <= MAX_BOXES
    assert {"selective_search", "multibox"} == set(found.source_names())
    ious = pairwise_iou(found.boxes_xyxy, found.boxes_xyxy)
    assert ious[~np.eye(len(found), dtype=bool)].max() <= DUPLICATE_IOU + 1e-5
    # The woman fills most of the picture; a good order has her among the first few.
    woman = np.array([[15, 0, 430, 512]], np.float32)
    assert pairwise_iou(found.first(20).boxes_xyxy, woman).max() > 0.7

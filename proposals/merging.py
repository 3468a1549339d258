"""Selective Search and MultiBox in one list (GoogLeNet, section 7)."""

from __future__ import annotations

from typing import Final

import numpy as np

from proposals.images import ImageLike, as_rgb_uint8
from proposals.ranking import Ranking, best_first, describe
from proposals.result import Proposals, Proposer
from proposals.selective_search.config import SelectiveSearchConfig

SELECTIVE_SEARCH: Final = SelectiveSearchConfig(ks=(50, 100, 200), min_side=8)
"""What the shipped ranking is learned for: more and smaller boxes than those of R-CNN's call.

The small ones find small objects; which of them come early is the ranking's to say.
"""

DUPLICATE_IOU: Final = 0.95
"""Of two boxes above this IoU the lesser is left out of the union."""

MAX_BOXES: Final = 2000
"""Boxes of the union that are kept when nothing else is asked."""


class MergedProposals:
    """Propose with Selective Search and MultiBox together.

    Parameters
    ----------
    selective_search, multibox : callable
        From an (H, W, 3) uint8 RGB image to its `Proposals`.
    ranking : Ranking
        Of `proposals.ranking.pretrained_ranking`, for example.
    max_boxes : int
        So many boxes are kept, the best ones.

    Raises
    ------
    ValueError
        If ``max_boxes`` is less than 1.

    Examples
    --------
    >>> from backbones import GoogLeNet
    >>> from proposals import SelectiveSearch
    >>> from proposals.merging import SELECTIVE_SEARCH, MergedProposals
    >>> from proposals.multibox import MultiBox
    >>> from proposals.ranking import pretrained_ranking
    >>> multibox = MultiBox.from_pretrained(GoogLeNet(1))
    >>> propose = MergedProposals(SelectiveSearch(SELECTIVE_SEARCH), multibox, pretrained_ranking())
    """

    def __init__(
        self,
        selective_search: Proposer,
        multibox: Proposer,
        ranking: Ranking,
        max_boxes: int = MAX_BOXES,
    ) -> None:
        if max_boxes < 1:
            raise ValueError(f"max_boxes must be 1 or more, but got {max_boxes}")
        self.selective_search = selective_search
        self.multibox = multibox
        self.ranking = ranking
        self.max_boxes = max_boxes

    def __call__(self, image: ImageLike) -> Proposals:
        """Propose boxes for one image, the best first, so that any prefix can be taken.

        Parameters
        ----------
        image : str, path, PIL.Image.Image or ndarray
            As `proposals.images.as_rgb_uint8` takes it; arrays are RGB.
        """
        rgb = as_rgb_uint8(image)
        found = self.selective_search(rgb), self.multibox(rgb)
        return merge(*found, self.ranking, self.max_boxes)


def merge(
    selective_search: Proposals,
    multibox: Proposals,
    ranking: Ranking,
    max_boxes: int = MAX_BOXES,
) -> Proposals:
    """Return the best of the union of both, near-duplicates left out, in the ranking's order.

    Each box keeps the name of its generator and its place there. Scores are what each box
    was worth when it was taken, from 0 to 1.

    Parameters
    ----------
    selective_search, multibox : Proposals
        Of one image.
    ranking : Ranking
    max_boxes : int

    Raises
    ------
    ValueError
        If the two are of images of different sizes.
    """
    if selective_search.image_size != multibox.image_size:
        raise ValueError(
            "proposals must be of one image to be merged, but got sizes"
            f" {selective_search.image_size} and {multibox.image_size}"
        )
    boxes = np.concatenate([selective_search.boxes_xyxy, multibox.boxes_xyxy])
    sources = np.repeat(np.array([0, 1], np.uint8), [len(selective_search), len(multibox)])
    ranks = np.concatenate([selective_search.ranks, multibox.ranks])
    confidences = np.concatenate([np.zeros(len(selective_search), np.float32), multibox.scores])
    features = describe(boxes, multibox.image_size, sources == 1, confidences, ranks)
    chosen, worth = best_first(
        boxes, ranking.qualities(features), ranking.likeness_power, DUPLICATE_IOU, max_boxes
    )
    return Proposals(
        boxes_xyxy=boxes[chosen],
        scores=worth,
        image_size=multibox.image_size,
        sources=("selective_search", "multibox"),
        source_indices=sources[chosen],
        ranks=ranks[chosen],
    )

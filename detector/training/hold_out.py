"""A part of the training images that is kept from a network, to choose settings on."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from detector.datasets.annotation import ImageAnnotation


def split_held_out(
    annotations: Iterable[ImageAnnotation], one_in: int
) -> tuple[list[ImageAnnotation], list[ImageAnnotation]]:
    """Return the images to train on, and about one in ``one_in`` that are held out.

    Which are held out depends on their ids alone, so that every run and tool agrees; none
    are when ``one_in`` is 0.
    """
    kept: list[ImageAnnotation] = []
    held_out: list[ImageAnnotation] = []
    for annotation in annotations:
        chosen = one_in > 0 and _number(annotation.image_id) % one_in == 0
        (held_out if chosen else kept).append(annotation)
    return kept, held_out


def _number(image_id: str) -> int:
    return int.from_bytes(hashlib.sha256(image_id.encode("utf-8")).digest()[:8], "big")

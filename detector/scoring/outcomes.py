"""What matching decided, from which every average precision and interval follows."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal

from detector.scoring.records import BoolArray, DoubleArray, IntArray

Protocol = Literal["ilsvrc", "voc2007", "voc", "coco"]
PROTOCOLS: Final[tuple[Protocol, ...]] = ("ilsvrc", "voc2007", "voc", "coco")


@dataclass(frozen=True, eq=False)
class Outcomes:
    """The detections that count under a protocol, and whether each found an object.

    Attributes
    ----------
    protocol : Protocol
        By whose rules.
    image_count : int
        Number of images, those without objects and detections too.
    image_indices : (D,) int64
        Image of each detection that counts; what the protocol ignores is not among them.
    class_ids : (D,) int64
    scores : (D,) float64
        Of equal ones, the earlier row ranks first.
    found : (D,) bool
    object_image_indices : (G,) int64
        Image of each object that is asked for.
    object_class_ids : (G,) int64
    """

    protocol: Protocol
    image_count: int
    image_indices: IntArray
    class_ids: IntArray
    scores: DoubleArray
    found: BoolArray
    object_image_indices: IntArray
    object_class_ids: IntArray

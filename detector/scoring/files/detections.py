"""Detections of any format that is scored, told apart by the name of the file."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from detector.classes import ObjectClass
from detector.scoring.files.coco_results import read_coco_results
from detector.scoring.files.image_index import ImageIndex
from detector.scoring.files.prediction_file import read_predictions
from detector.scoring.records import Predictions


def read_detections(
    path: Path | str, images: ImageIndex, classes: Sequence[ObjectClass]
) -> Predictions:
    """Read a file of detections, which gzip may have packed; its order is kept.

    One that is called ``.json`` or ``.json.gz`` is read by `read_coco_results`, any other by
    `read_predictions`; their parameters and errors are these.
    """
    suffixes = [suffix.lower() for suffix in Path(path).suffixes]
    if suffixes[-1:] == [".gz"]:
        suffixes.pop()
    read = read_coco_results if suffixes[-1:] == [".json"] else read_predictions
    return read(path, images, classes)

"""Writer of COCO's tree."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, ClassVar

from detector.classes import ObjectClass
from detector.datasets.annotation import ImageAnnotation
from detector.datasets.conversion.placing import SourcePicture
from detector.datasets.conversion.writer import DatasetWriter, Mark, shortest_decimal
from foundation.files import write_text


class CocoWriter(DatasetWriter):
    """Writes a split in COCO's layout; the file of annotations is the list.

    Categories have the classes' numbers and, beside what COCO's own have, a ``"wnid"``.

    Parameters
    ----------
    root : Path
        Of the tree; made where it is missing.
    split : str
    classes : sequence of ObjectClass
    copy : bool
        Copy pictures instead of giving them a second name.
    """

    marks: ClassVar[frozenset[Mark]] = frozenset({"crowd", "areas"})

    def __init__(
        self, root: Path, split: str, classes: Sequence[ObjectClass], *, copy: bool = False
    ) -> None:
        path = root / "annotations" / f"instances_{split}.json"
        super().__init__(path, (c.key for c in classes), copy=copy)
        self._pictures = root / split
        self._category_ids = {c.key: c.id for c in classes}
        self._categories = [{"id": c.id, "name": c.name, "wnid": c.wnid} for c in classes]
        self._images: list[dict[str, Any]] = []
        self._objects: list[dict[str, Any]] = []

    def add(self, annotation: ImageAnnotation, number: int, picture: SourcePicture) -> None:
        """Write an image with its objects."""
        file_name = f"{annotation.image_id}{picture.path.suffix}"
        self._link(picture, self._pictures / file_name)
        height, width = annotation.image_size
        self._images.append(
            {"id": number, "file_name": file_name, "width": width, "height": height}
        )
        for row, key in enumerate(annotation.class_keys):
            self._objects.append(
                {
                    "id": len(self._objects) + 1,
                    "image_id": number,
                    "category_id": self._category_ids[key],
                    "bbox": _corner_and_size(annotation, row),
                    "area": annotation.areas[row],
                    "iscrowd": int(annotation.crowd[row]),
                }
            )

    def finish(self) -> None:
        """Write the file of annotations."""
        self._pictures.mkdir(parents=True, exist_ok=True)  # readers ask for it, if empty
        document = {
            "images": self._images,
            "categories": self._categories,
            "annotations": self._objects,
        }
        write_text(self.list_path, json.dumps(document, allow_nan=False) + "\n")


def _corner_and_size(annotation: ImageAnnotation, row: int) -> list[float]:
    """Return a box as COCO writes it, in numbers without the noise of float32."""
    x1, y1, x2, y2 = map(shortest_decimal, annotation.boxes_xyxy[row])
    return [_number(value) for value in (x1, y1, x2 - x1, y2 - y1)]


def _number(value: Decimal) -> float:
    return int(value) if value == value.to_integral_value() else float(value)

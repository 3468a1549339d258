"""Pictures of the worst errors, small enough to stand in a page."""

from __future__ import annotations

from base64 import b64encode
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from io import BytesIO
from itertools import groupby
from pathlib import Path
from typing import Final

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from detector.datasets.annotation import ImageAnnotation
from detector.report.analysis.errors import Errors, FalsePositive
from detector.report.analysis.matches import Matches
from detector.report.analysis.pairs import NO_OBJECT
from detector.scoring.records import IntArray
from proposals.boxes import box_areas
from proposals.images import ImageError, read_image

Pair = tuple[int, int]  # rows of a detection and of an object, -1 for none
Colour = tuple[int, int, int]
Box = tuple[float, float, float, float]  # x1, y1, x2, y2, exclusive

# A blue and an orange, which people with any colour vision tell apart, light enough for the dark.
OBJECT_COLOUR: Final[Colour] = (86, 180, 233)
DETECTION_COLOUR: Final[Colour] = (255, 176, 0)
MAX_SIDE: Final = 320  # pixels of a thumbnail, unless another is asked for
PER_KIND: Final = 12
PER_IMAGE: Final = 2  # so that one crowded picture does not fill a gallery
_QUALITY: Final = 70
_BEYOND: Final = 10  # pixels that are drawn outside the thumbnail, unseen
_RIM: Final = (20, 20, 20)


@dataclass(frozen=True, eq=False)
class Thumbnail:
    """A picture with boxes drawn in.

    Attributes
    ----------
    image_index : int
    detection, object : int
        Rows of the `Matches`; -1 where there is none.
    webp : bytes
    size : (int, int)
        Height and width in pixels.
    """

    image_index: int
    detection: int
    object: int
    webp: bytes
    size: tuple[int, int]

    @property
    def data_url(self) -> str:
        """The picture as a URL that holds it."""
        return f"data:image/webp;base64,{b64encode(self.webp).decode('ascii')}"


def worst_false_positives(matches: Matches, errors: Errors, kind: FalsePositive) -> list[int]:
    """Return the rows of the false positives of a kind with the highest scores, worst first."""
    rows = np.flatnonzero(errors.of_kind(kind))
    rows = rows[np.argsort(-matches.predictions.scores[rows], kind="stable")]
    return _spread(rows, matches.predictions.image_indices)


def largest_missed(matches: Matches, errors: Errors) -> list[int]:
    """Return the rows of the largest missed objects, largest first."""
    rows = np.flatnonzero(errors.missed)
    areas = box_areas(matches.ground_truth.boxes_xyxy[rows])
    return _spread(rows[np.argsort(-areas, kind="stable")], matches.ground_truth.image_indices)


def thumbnails(
    matches: Matches,
    annotations: Mapping[int, ImageAnnotation],
    pairs: Iterable[Pair],
    side: int = MAX_SIDE,
) -> tuple[list[Thumbnail], list[str]]:
    """Draw detections with the objects that they are errors about.

    Parameters
    ----------
    matches : Matches
    annotations : mapping of int to ImageAnnotation
        By image index.
    pairs : iterable of (int, int)
        Row of a detection and of an object; -1 for none, but not both. The picture is read
        once for neighbours of one image.
    side : int
        Longer side in pixels.

    Returns
    -------
    list of Thumbnail
    list of str
        Why pictures were left out: one line each.
    """
    drawn: list[Thumbnail] = []
    skipped: dict[str, None] = {}  # each reason once, in order
    for image, of_image in groupby(pairs, key=lambda pair: image_of(matches, *pair)):
        try:
            picture = read_image(annotations[image].image_path)
        except ImageError as error:
            skipped[str(error)] = None
            continue
        for pair in of_image:
            webp, size = draw_thumbnail(picture, _boxes_of(matches, *pair), side)
            drawn.append(Thumbnail(image, *pair, webp, size))
    return drawn, list(skipped)


def draw_thumbnail(
    picture: NDArray[np.uint8], boxes: list[tuple[Box, Colour]], side: int = MAX_SIDE
) -> tuple[bytes, tuple[int, int]]:
    """Return the part of a picture (H, W, 3) around boxes, with them drawn in, as WebP.

    The part is twice as wide and high as the boxes together, no side shorter than half the
    other, and within the picture. Also returns its height and width in pixels; the longer is
    ``side``.
    """
    x1, y1, x2, y2 = _window([box for box, _ in boxes], picture.shape[:2])
    scale = side / max(x2 - x1, y2 - y1)
    width, height = max(1, round((x2 - x1) * scale)), max(1, round((y2 - y1) * scale))
    part = Image.fromarray(picture).resize(
        (width, height), Image.Resampling.LANCZOS, box=(x1, y1, x2, y2)
    )
    canvas = ImageDraw.Draw(part)
    for box, colour in boxes:
        placed = [(value - origin) * scale for value, origin in zip(box, (x1, y1) * 2, strict=True)]
        # Files may hold boxes that end far away, where Pillow's whole numbers do not reach.
        _draw_box(canvas, np.clip(placed, -_BEYOND, side + _BEYOND).tolist(), colour)
    return _as_webp(part), (height, width)


def whole_thumbnail(image_index: int, path: Path) -> Thumbnail:
    """Return a whole picture, without boxes; its longer side is 320 pixels.

    Raises
    ------
    ImageError
        If it cannot be read.
    """
    picture = read_image(path)
    height, width = (
        max(1, round(side * MAX_SIDE / max(picture.shape[:2]))) for side in picture.shape[:2]
    )
    part = Image.fromarray(picture).resize((width, height), Image.Resampling.LANCZOS)
    return Thumbnail(image_index, NO_OBJECT, NO_OBJECT, _as_webp(part), (height, width))


def _as_webp(picture: Image.Image) -> bytes:
    file = BytesIO()
    picture.save(file, "WEBP", quality=_QUALITY)
    return file.getvalue()


def _spread(rows: IntArray, images: IntArray) -> list[int]:
    """Return the first rows, but only so many of one image."""
    chosen: list[int] = []
    of_image: Counter[int] = Counter()
    for row in rows.tolist():
        of_image[images[row]] += 1
        if of_image[images[row]] <= PER_IMAGE:
            chosen.append(row)
        if len(chosen) == PER_KIND:
            break
    return chosen


def image_of(matches: Matches, detection: int, its_object: int) -> int:
    """Return the image of a pair."""
    if detection == NO_OBJECT:
        return int(matches.ground_truth.image_indices[its_object])
    return int(matches.predictions.image_indices[detection])


def _boxes_of(matches: Matches, detection: int, its_object: int) -> list[tuple[Box, Colour]]:
    """Return what to draw: the object first, so that the detection lies on top."""
    boxes: list[tuple[Box, Colour]] = []
    if its_object != NO_OBJECT:
        boxes.append((_box(matches.ground_truth.boxes_xyxy[its_object]), OBJECT_COLOUR))
    if detection != NO_OBJECT:
        boxes.append((_box(matches.predictions.boxes_xyxy[detection]), DETECTION_COLOUR))
    return boxes


def _box(row: NDArray[np.float32]) -> Box:
    x1, y1, x2, y2 = row.tolist()
    return x1, y1, x2, y2


def _window(boxes: list[Box], image_size: tuple[int, ...]) -> Box:
    """Return the part to show, within the picture and at least a pixel wide and high."""
    columns = list(zip(*boxes, strict=True))
    low, high = (min(columns[0]), min(columns[1])), (max(columns[2]), max(columns[3]))
    longest = max(high[0] - low[0], high[1] - low[1], 1)
    edges: list[tuple[float, float]] = []
    for start, end, side in zip(low, high, image_size[1::-1], strict=True):
        span = min(side, max(end - start, longest / 2) * 2)
        first = min(max(0, (start + end - span) / 2), side - span)
        edges.append((first, first + span))
    (x1, x2), (y1, y2) = edges
    return x1, y1, x2, y2


def _draw_box(canvas: ImageDraw.ImageDraw, box: list[float], colour: Colour) -> None:
    x1, y1, x2, y2 = box
    right, bottom = max(x2 - 1, x1), max(y2 - 1, y1)  # PIL's edges are inclusive
    # A dark rim on both sides sets the line off from a background of its own colour.
    canvas.rectangle((x1 - 1, y1 - 1, right + 1, bottom + 1), outline=_RIM, width=5)
    canvas.rectangle((x1, y1, right, bottom), outline=colour, width=3)

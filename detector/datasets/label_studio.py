"""What was labelled in Label Studio, read from its JSON export.

The export is a list of tasks. A task has the address of its picture under ``data``, and its
``annotations`` hold what people drew: rectangles in percent of the picture's width and height::

    [{"id": 1, "data": {"image": "/data/local-files/?d=pictures/street.jpg"},
      "annotations": [{"was_cancelled": false, "result": [
          {"type": "rectanglelabels", "original_width": 640, "original_height": 480,
           "image_rotation": 0, "value": {"x": 10.0, "y": 20.0, "width": 30.0, "height": 40.0,
           "rotation": 0, "rectanglelabels": ["car"]}}]}]}]
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from reprlib import repr as short_repr
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qs, unquote, urlsplit

import numpy as np

from detector.classes import ObjectClass, ilsvrc_classes
from detector.datasets.annotation import ImageAnnotation
from detector.datasets.dataset import Dataset
from detector.datasets.problems import Problem, Report, refuse
from detector.datasets.reading.borders import MAX_SIDE, Box, lies_outside
from detector.datasets.reading.pictures import read_header
from detector.datasets.reading.safe_json import read_json
from detector.datasets.reading.text_file import leads_astray
from proposals.images import ImageError

_MAX_BYTES: Final = 1 << 30
_UPLOADED: Final = re.compile(r"[0-9a-f]{8}-")  # what Label Studio puts before a file's name
_DRAWN: Final = re.compile(r".*labels|rectangle|polygon|brush|ellipse|keypoint|bitmask")


class Region(NamedTuple):
    """A rectangle with one label."""

    name: str
    box_xyxy: Box  # pixels; may leave the image
    image_size: tuple[int, int]  # height and width
    score: float | None  # of a prediction


class LabelStudioExport(Dataset):
    """Tasks of Label Studio that somebody annotated, as a data set.

    Tasks without an annotation, or whose annotations were all skipped, are left out. The classes
    are the labels that were given, by their names in alphabetical order and numbered from 1; one
    that is called as a class of ILSVRC DET has its WordNet id. Images are numbered from 1 in the
    order of the file. `detector.datasets.conversion.convert` makes a tree of it.

    Parameters
    ----------
    path : Path or str
        The file of Label Studio's export as JSON.
    pictures : Path or str
        The folder that holds the pictures; a picture is found by the end of its address. Files
        that were uploaded may be called there as they were before.
    report : callable
        Is told of each task or rectangle that cannot be used, which is left out; raises the first
        when left out.

    Raises
    ------
    DatasetError
        If the file cannot be read, or is no such export.
    """

    def __init__(self, path: Path | str, pictures: Path | str, report: Report = refuse) -> None:
        path, pictures = Path(path), Path(pictures)
        tasks = read_json(path, max_bytes=_MAX_BYTES)
        if not isinstance(tasks, list):
            refuse(Problem(path, "must hold a list of tasks: export as JSON from Label Studio"))
        images: dict[str, _Image] = {}
        for image_id, image in _images(path, tasks, pictures, report):
            if image_id in images:
                report(Problem(path, f"two tasks show {image.path}: keep one of them"))
            else:
                images[image_id] = image
        names = sorted({region.name for image in images.values() for region in image.regions})
        numbers = {image_id: number for number, image_id in enumerate(images, 1)}
        super().__init__(pictures, path.stem, path, numbers, _classes(names), labelled=True)
        self._images = images
        self._keys = {c.name: c.key for c in self.classes}

    def image_path(self, image_id: str) -> Path:
        """Return where the picture of that name lies."""
        self.number_of(image_id)
        return self._images[image_id].path

    def annotation_path(self, image_id: str) -> Path:  # noqa: ARG002 - one file for all
        """Return the export."""
        return self.source

    def unlisted_files(self) -> list[Path]:
        """Return nothing: pictures that no task shows may lie beside the others."""
        return []

    def _examine(self, image_id: str, report: Report) -> ImageAnnotation:  # noqa: ARG002
        # All problems were reported when the file was parsed.
        image = self._images[image_id]
        boxes = np.array([one.box_xyxy for one in image.regions], np.float32).reshape(-1, 4)
        keys = tuple(self._keys[one.name] for one in image.regions)
        return ImageAnnotation(image_id, image.path, image.size, boxes, keys)


class _Image(NamedTuple):
    path: Path
    size: tuple[int, int]
    regions: tuple[Region, ...]


def read_regions(path: Path, where: str, results: object, report: Report) -> Iterator[Region]:
    """Yield the rectangles of an annotation's or a prediction's ``result``.

    Choices, texts and relations are passed over.

    Parameters
    ----------
    path : Path
        Of the file, for messages.
    where : str
        What holds the list, for messages.
    results : object
        Out of JSON.
    report : callable
        Is told of drawings that are no upright rectangles with one label.
    """
    if not isinstance(results, list):
        report(Problem(path, f'{where}: "result" must be a list: export as JSON'))
        return
    for at, one in enumerate(results):
        if not isinstance(one, dict) or not _DRAWN.fullmatch(str(one.get("type", ""))):
            continue
        region = _region(one)
        if isinstance(region, Region):
            yield region
        else:
            report(Problem(path, f"{where}, result[{at}]: {region}"))


def _region(one: Mapping[str, Any]) -> Region | str:
    """Return a rectangle, or what is wrong with it."""
    value = one.get("value")
    if one.get("type") != "rectanglelabels" or not isinstance(value, dict):
        return f"is of type {short_repr(one.get('type'))}: draw rectangles with RectangleLabels"
    names = value.get("rectanglelabels")
    if not (isinstance(names, list) and len(names) == 1 and _is_name(names[0])):
        return f"must have one label, but has {short_repr(names)}: give it one"
    size: tuple[Any, Any] = (one.get("original_height"), one.get("original_width"))
    if not all(type(side) is int and 1 <= side <= MAX_SIDE for side in size):
        wanted = "original_height and original_width must be pixels"
        return f"{wanted}, but are {short_repr(size)}: correct them"
    if one.get("image_rotation") or value.get("rotation"):
        return "is turned: turn rectangle and picture upright in Label Studio"
    percent: list[Any] = [value.get(key) for key in ("x", "y", "width", "height")]
    if not all(type(number) in {int, float} and abs(number) < 1e6 for number in percent):
        return f"x, y, width and height must be percent, but are {short_repr(percent)}: correct it"
    score: Any = one.get("score")
    shares_xywh = [number / 100 for number in percent]
    return _placed(names[0], shares_xywh, size, score if type(score) in {int, float} else None)


def _placed(
    name: str, shares_xywh: Sequence[float], size: tuple[int, int], score: float | None
) -> Region | str:
    height, width = size
    x, y, box_width, box_height = shares_xywh
    box = (x * width, y * height, (x + box_width) * width, (y + box_height) * height)
    if box_width < 0 or box_height < 0 or lies_outside(box, size):
        return f"lies outside the picture, or is negative ({short_repr(box)}): correct it"
    return Region(name, box, size, score)


def _is_name(value: object) -> bool:
    return isinstance(value, str) and value.strip() == value != "" and value.isprintable()


def _images(
    path: Path, tasks: Sequence[object], pictures: Path, report: Report
) -> Iterator[tuple[str, _Image]]:
    for at, task in enumerate(tasks):
        where = f"task[{at}]"
        if not (isinstance(task, dict) and isinstance(task.get("annotations"), list)):
            report(Problem(path, f"{where} has no annotations: export as JSON, not as JSON-MIN"))
            continue
        annotation = _annotation(path, where, task["annotations"], report)
        if annotation is None:
            continue
        picture = _picture(task.get("data"), pictures)
        if picture is None:
            lies = f"{short_repr(task.get('data'))}, which is no picture below {pictures}"
            report(Problem(path, f"{where} shows {lies}: put it there"))
            continue
        regions = tuple(read_regions(path, where, annotation.get("result"), report))
        image_id = picture.relative_to(pictures).with_suffix("").as_posix()
        try:
            # Rectangles state the size; a picture that holds none is asked.
            size = regions[0].image_size if regions else read_header(picture).size
        except ImageError as error:
            report(Problem(path, f"{where}: {error}"))
            continue
        yield image_id, _Image(picture, size, regions)


def _annotation(
    path: Path, where: str, annotations: Sequence[object], report: Report
) -> Mapping[str, Any] | None:
    """Return what was drawn on a task; None where nobody annotated it, or several did."""
    done = [a for a in annotations if isinstance(a, dict) and not a.get("was_cancelled")]
    chosen = [one for one in done if one.get("ground_truth")] or done
    if len(chosen) > 1:
        report(Problem(path, f"{where} has {len(chosen)} annotations: mark one as ground truth"))
    return chosen[0] if len(chosen) == 1 else None


def _picture(data: object, pictures: Path) -> Path | None:
    """Return the file below a folder that fits most of the end of a picture's address."""
    values = data.values() if isinstance(data, dict) else ()
    for text in (value for value in values if isinstance(value, str)):
        parts = PurePosixPath(_address_path(text)).parts
        for start in range(len(parts)):
            name = "/".join(parts[start:]).lstrip("/")
            names = [name, _UPLOADED.sub("", name, count=1)] if start == len(parts) - 1 else [name]
            for one in names:
                if not leads_astray(one) and (pictures / one).is_file():
                    return pictures / one
    return None


def _address_path(address: str) -> str:
    """Return the path of an address; of local files it is the query ``d``."""
    try:
        split = urlsplit(address)
    except ValueError:
        return ""
    local = parse_qs(split.query).get("d")
    return local[0] if local else unquote(split.path)


def _classes(names: Sequence[str]) -> tuple[ObjectClass, ...]:
    wnids = {_plain(c.name): c.wnid for c in ilsvrc_classes()}
    # Of two spellings of a class the first has its WordNet id.
    found = [wnids.pop(_plain(name), "") for name in names]
    numbered = enumerate(zip(names, found, strict=True), 1)
    return tuple(ObjectClass(number, wnid, name) for number, (name, wnid) in numbered)


def _plain(name: str) -> str:
    return name.lower().replace("_", " ")

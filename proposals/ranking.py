"""A learned order of proposals: what looks like an object first, and no two alike in a row.

Selective Search's own order is half random (`selective_search`), MultiBox's confidences
know its own boxes alone. Here every box, wherever it comes from, is described by a few
numbers that cost next to nothing, a small network turns them into a quality, and boxes are
taken one by one, each by its quality less a penalty for what has been taken already.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foundation.kernels import kernel, read_only, subroutine
from foundation.spelling import one_line
from proposals.boxes import area, box_areas, box_at, iou, pairwise_iou

FloatArray = NDArray[np.float32]

FEATURES = (
    "is_multibox",
    "confidence",
    "best_confident_overlap",
    "sum_of_confident_overlaps",
    "boxes_at_0.8",
    "boxes_at_0.6",
    "rank",
    "area",
    "aspect",
    "at_left",
    "at_top",
    "at_right",
    "at_bottom",
    "off_centre_x",
    "off_centre_y",
    "shorter_side",
    "longer_side",
)
"""What `describe` tells of a box, column by column."""

_ALIKE = (0.6, 0.8)  # IoUs from which on boxes are counted; ascending
_EDGE = 0.01  # of a side; boxes this close to the border touch it
_FORMAT = "proposal ranking 2"


class RankingFileError(ValueError):
    """A file of a learned ranking that cannot be used."""


@dataclass(frozen=True, eq=False)
class Ranking:
    """A network from `FEATURES` to a quality, and how much likeness costs.

    Attributes
    ----------
    means, scales : ndarray, (F,) float32
        Features have the means subtracted and are divided by the scales first.
    layers : tuple of (weights, biases)
        Weights (outputs, inputs) float32 and biases (outputs,) float32; hyperbolic tangents
        between them, a logistic function after the last.
    likeness_power : float
        0 or more: what `best_first` raises 1 - IoU to. The higher, the sooner other objects
        come, and the later a closer box of the same one.
    """

    means: FloatArray
    scales: FloatArray
    layers: tuple[tuple[FloatArray, FloatArray], ...]
    likeness_power: float

    def qualities(self, features: FloatArray) -> FloatArray:
        """Return a number (N,) of 0 to 1 for each row of features (N, F)."""
        values = (features - self.means) / self.scales
        for weights, biases in self.layers[:-1]:
            values = np.tanh(values @ weights.T + biases)
        weights, biases = self.layers[-1]
        logits = (values @ weights.T + biases)[:, 0]
        qualities: FloatArray = (1 / (1 + np.exp(-logits))).astype(np.float32)
        return qualities


def describe(
    boxes_xyxy: FloatArray,
    image_size: tuple[int, int],
    from_multibox: NDArray[np.bool_],
    confidences: FloatArray,
    ranks: NDArray[np.int32],
) -> FloatArray:
    """Describe boxes by `FEATURES`.

    Parameters
    ----------
    boxes_xyxy : ndarray, (N, 4) float32
        All boxes of an image, in its pixels.
    image_size : tuple of int
        Height and width.
    from_multibox : ndarray, (N,) bool
    confidences : ndarray, (N,) float32
        Of MultiBox, in [0, 1]; not looked at elsewhere.
    ranks : ndarray, (N,) int32
        In the order of each box's own generator.

    Returns
    -------
    ndarray, (N, F) float32
    """
    own = np.where(from_multibox, confidences, 0).astype(np.float32)
    confident, total, close, near = _overlaps(
        boxes_xyxy, boxes_xyxy[from_multibox], own[from_multibox]
    )
    height, width = image_size
    shares = boxes_xyxy / np.array([width, height, width, height], np.float32)
    sides = np.maximum(boxes_xyxy[:, 2:] - boxes_xyxy[:, :2], 1e-3)  # (N, 2)
    areas = sides.prod(axis=1)
    centres = (shares[:, :2] + shares[:, 2:]) / 2
    columns = [
        from_multibox,
        _log_odds(own) * from_multibox,
        confident,
        np.log1p(total),
        np.log1p(close),
        np.log1p(near),
        np.log1p(ranks),
        np.log(areas / (height * width)),
        np.log(sides[:, 0] / sides[:, 1]),
        *(shares[:, :2] < _EDGE).T,
        *(shares[:, 2:] > 1 - _EDGE).T,
        *np.abs(centres - 0.5).T,
        np.log(sides.min(axis=1)),  # pixels: few of them show little, however small the image
        np.log(sides.max(axis=1)),
    ]
    return np.stack([np.asarray(column, np.float32) for column in columns], axis=1)


def best_first(
    boxes_xyxy: FloatArray,
    qualities: FloatArray,
    likeness_power: float,
    duplicate_iou: float,
    max_boxes: int | None = None,
) -> tuple[NDArray[np.int64], FloatArray]:
    """Take boxes one by one, the best of what is left each time.

    A box is worth its quality times ``(1 - IoU) ** likeness_power``, where the IoU is the
    largest with a box already taken; of boxes worth the same, the first is taken. Boxes above
    ``duplicate_iou`` with one already taken are left out.

    Parameters
    ----------
    boxes_xyxy : ndarray, (N, 4) float32
    qualities : ndarray, (N,) float32
        0 or more.
    likeness_power, duplicate_iou : float
    max_boxes : int, optional
        So many are taken at most; all when left out.

    Returns
    -------
    indices : ndarray, (M,) int64
    values : ndarray, (M,) float32
        What each was worth when it was taken; they never rise.
    """
    count = len(boxes_xyxy)
    room = count if max_boxes is None else min(count, max_boxes)
    taken, values = np.empty(room, np.int64), np.empty(room, np.float32)
    found = _best_first(
        read_only(boxes_xyxy, np.float32),
        read_only(qualities, np.float32),
        np.float32(likeness_power),
        np.float32(duplicate_iou),
        np.array(qualities, np.float32),
        np.zeros(count, np.float32),
        np.zeros(count, np.int64),
        np.argsort(-qualities, kind="stable"),
        taken,
        values,
    )
    return taken[:found], values[:found]


def load_ranking(path: str | Path) -> Ranking:
    """Read a ranking from a JSON file of `ranking_document`'s form.

    Raises
    ------
    RankingFileError
        If the file is missing, damaged, or of another form.
    """
    path = Path(path)
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
        if document["format"] != _FORMAT or document["features"] != list(FEATURES):
            raise ValueError("another format or other features")  # noqa: TRY301 - one remedy
        return _ranking_from(document)
    except (
        OSError, ValueError, LookupError, TypeError, AttributeError, ArithmeticError, RecursionError
    ) as error:  # fmt: skip
        raise RankingFileError(
            f"{path}: not a ranking of this version ({one_line(error)}); make it with"
            " inception-rcnn train-ranking"
        ) from None


def pretrained_ranking() -> Ranking:
    """Return the ranking that comes with the package."""
    return load_ranking(Path(str(files("proposals").joinpath("data/ranking.json"))))


def ranking_document(ranking: Ranking, provenance: dict[str, Any]) -> str:
    """Return a ranking as the JSON text that `load_ranking` reads."""
    document = {
        "format": _FORMAT,
        "features": list(FEATURES),
        "means": _rounded(ranking.means),
        "scales": _rounded(ranking.scales),
        "layers": [[_rounded(weights), _rounded(biases)] for weights, biases in ranking.layers],
        "likeness_power": ranking.likeness_power,
        "provenance": provenance,
    }
    return json.dumps(document) + "\n"


def _ranking_from(document: dict[str, Any]) -> Ranking:
    ranking = Ranking(
        means=_floats(document["means"]),
        scales=_floats(document["scales"]),
        layers=tuple((_floats(w), _floats(b)) for w, b in document["layers"]),
        likeness_power=float(document["likeness_power"]),
    )
    if not 0 <= ranking.likeness_power < float("inf"):
        raise ValueError(f"likeness_power is {ranking.likeness_power}, not 0 or more")
    if not np.isfinite(ranking.qualities(np.zeros((1, len(FEATURES)), np.float32))).all():
        raise ValueError("its numbers are not finite")
    return ranking


def _floats(values: Any) -> FloatArray:  # noqa: ANN401 - nested lists from JSON
    return np.asarray(values, np.float32)


def _rounded(values: FloatArray) -> Any:  # noqa: ANN401 - nested lists for JSON
    return np.round(values.astype(np.float64), 5).tolist()


def _log_odds(shares: FloatArray) -> FloatArray:
    inside = np.clip(shares, 1e-4, 1 - 1e-4)
    odds: FloatArray = np.log(inside / (1 - inside))
    return odds


def _overlaps(
    boxes: FloatArray, multibox: FloatArray, confidences: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return, of each box, two sums over MultiBox's boxes and two counts over all."""
    ious = pairwise_iou(boxes, multibox) * confidences  # (N, K)
    none = np.zeros(len(boxes), np.float32)
    confident = ious.max(axis=1) if ious.size else none
    by_area = np.argsort(box_areas(boxes), kind="stable")
    counts = np.ones((len(boxes), len(_ALIKE)), np.float32)  # each with itself
    _count_alike(read_only(boxes[by_area], np.float32), counts, np.array(_ALIKE, np.float32))
    near, close = counts[np.argsort(by_area)].T
    return confident, ious.sum(axis=1), close, near


@kernel
def _count_alike(boxes: FloatArray, alike: FloatArray, at_least: FloatArray) -> None:
    """Add to ``alike`` (N, T) how many other boxes have an IoU of ``at_least`` (T,) with each.

    Boxes come smallest first. No IoU is above the share of the areas, so a box has its like
    among the next few only.
    """
    largest = 1 / (0.999 * at_least[0])  # times the area; 0.999 is for rounding
    for one in range(boxes.shape[0]):
        box = box_at(boxes, one)
        limit = area(box) * largest
        for other in range(one + 1, boxes.shape[0]):
            larger = box_at(boxes, other)
            if area(larger) > limit:
                break
            likeness = iou(box, larger)
            for level in range(at_least.size):
                if likeness >= at_least[level]:
                    alike[one, level] += 1
                    alike[other, level] += 1


@kernel
def _best_first(
    boxes: FloatArray,
    qualities: FloatArray,
    power: np.float32,
    duplicate_iou: np.float32,
    worth: FloatArray,
    likeness: FloatArray,
    compared: NDArray[np.int64],
    heap: NDArray[np.int64],
    taken: NDArray[np.int64],
    values: FloatArray,
) -> int:
    """Fill ``taken`` and ``values``, and return how many.

    A box's worth only falls. So a box is compared with what was taken since it was last looked
    at when it comes to the top of the heap, and taken when it is still there: most boxes are
    compared with few others. ``worth`` are the qualities at first, ``heap`` their order.
    """
    count, size = 0, heap.size
    while size > 0 and count < taken.size:
        top = heap[0]
        if compared[top] == count:
            taken[count], values[count] = top, worth[top]
            count += 1
            size = _drop_top(heap, worth, size)
            continue
        box, most = box_at(boxes, top), likeness[top]
        while compared[top] < count and most <= duplicate_iou:
            most = max(most, iou(box, box_at(boxes, taken[compared[top]])))
            compared[top] += 1
        if most > duplicate_iou:
            size = _drop_top(heap, worth, size)
        else:
            likeness[top] = most
            worth[top] = qualities[top] * (1 - most) ** power
            _sink(heap, worth, size)
    return count


@subroutine
def _drop_top(heap: NDArray[np.int64], worth: FloatArray, size: int) -> int:
    """Take the first box out of a heap of so many, and return how many are left."""
    heap[0] = heap[size - 1]
    _sink(heap, worth, size - 1)
    return size - 1


@subroutine
def _sink(heap: NDArray[np.int64], worth: FloatArray, size: int) -> None:
    """Let the first box of a heap sink below all that are worth more, or as much but earlier."""
    place, box = 0, heap[0]
    while 2 * place + 1 < size:
        child = 2 * place + 1
        if child + 1 < size and _before(heap[child + 1], heap[child], worth):
            child += 1
        if not _before(heap[child], box, worth):
            break
        heap[place] = heap[child]
        place = child
    heap[place] = box


@subroutine
def _before(box: int, other: int, worth: FloatArray) -> bool:
    return bool(worth[box] > worth[other] or (worth[box] == worth[other] and box < other))

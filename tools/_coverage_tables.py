"""The figures of coverage as tables and as JSON; not a tool itself."""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from proposals.evaluation.bootstrap import Interval
    from proposals.evaluation.coverage import Quality
    from proposals.evaluation.report import GeneratorReport

_CONVENTIONS = {
    "any": "an object's IoU is that of its best box, which may serve several objects (R-CNN's"
    " coverage, ABO, MABO)",
    "one_to_one": "a box serves one object; pairs are matched by IoU over the whole image, highest"
    " first (Hosang et al. 2015)",
    "average": "average recall: twice the integral of recall over IoU from 0.5 to 1, exact",
    "mabo": "mean over the classes of abo, the average best overlap (any)",
    "by_budget": "of the first n boxes of each image, or as many as there are",
    "by_size": "all boxes; area of the object's box in square pixels: small < 32^2 <= medium <"
    " 96^2 <= large",
    "recall_by_iou": "one-to-one recall at each of iou_thresholds",
    "against_baseline": "ratios of mean boxes and of median seconds; differences with all boxes and"
    " a 95 % interval by paired bootstrap over images",
}


def print_tables(reports: Mapping[str, GeneratorReport], baseline: str) -> None:
    """Print all figures but curves and single classes."""
    _print_summary(reports)
    by_budget = {name: one.by_budget for name, one in reports.items()}
    _print_qualities(
        "coverage at IoU 0.5 (any) of the first N boxes", by_budget, lambda q: q.any.at_50
    )
    _print_qualities(
        "recall at IoU 0.5 (one-to-one) of the first N boxes",
        by_budget,
        lambda q: q.one_to_one.at_50,
    )
    _print_qualities(
        "average recall (one-to-one) of the first N boxes",
        by_budget,
        lambda q: q.one_to_one.average,
    )
    _print_sizes(reports)
    if len(reports) > 1:
        _print_comparisons(reports, baseline)


def _print_summary(reports: Mapping[str, GeneratorReport]) -> None:
    header = ["all boxes", "boxes", "median", "cov .5", "cov .7", "AR", "MABO", "s/image"]
    rows = []
    for name, one in reports.items():
        quality = one.by_budget["all"]
        shares = (quality.any.at_50, quality.any.at_70, quality.one_to_one.average, quality.mabo)
        rows.append(
            [
                name,
                _number(one.boxes_mean, ".1f"),
                _number(one.boxes_median, ".0f"),
                *(_number(share, ".4f") for share in shares),
                _number(one.seconds_median, ".3f"),
            ]
        )
    _print_table(header, rows)
    print("cov: coverage (any); AR: average recall (one-to-one); s/image: median")


def _print_qualities(
    title: str,
    qualities: Mapping[str, Mapping[str, Quality]],
    figure: Callable[[Quality], float],
) -> None:
    print(f"\n{title}")
    columns = next(iter(qualities.values()))
    rows = [
        [name, *(_number(figure(quality), ".4f") for quality in by_column.values())]
        for name, by_column in qualities.items()
    ]
    _print_table(["", *columns], rows)


def _print_sizes(reports: Mapping[str, GeneratorReport]) -> None:
    by_size = {name: one.by_size for name, one in reports.items()}
    objects = ", ".join(
        f"{quality.objects} {size}" for size, quality in next(iter(by_size.values())).items()
    )
    _print_qualities(
        f"coverage at IoU 0.5 (any) by size of the objects: {objects}",
        by_size,
        lambda q: q.any.at_50,
    )
    _print_qualities(
        "average recall (one-to-one) by size of the objects",
        by_size,
        lambda q: q.one_to_one.average,
    )


def _print_comparisons(reports: Mapping[str, GeneratorReport], baseline: str) -> None:
    print(f"\nagainst {baseline}: ratios; differences of all boxes with 95 % intervals")
    rows = []
    for name, one in reports.items():
        if (beside := one.against_baseline) is not None:
            rows.append(
                [
                    name,
                    _number(beside.boxes, ".3f"),
                    _number(beside.seconds, ".2f"),
                    _interval(beside.coverage_50),
                    _interval(beside.average_recall),
                ]
            )
    _print_table(["", "boxes", "time", "coverage .5 (any)", "AR (one-to-one)"], rows)


def _interval(interval: Interval) -> str:
    if math.isnan(interval.estimate):
        return "-"
    return f"{interval.estimate:+.4f} ({interval.low:+.4f} to {interval.high:+.4f})"


def _number(value: float, form: str) -> str:
    return "-" if math.isnan(value) else format(value, form)


def _print_table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print columns as wide as their content: the first to the left, numbers to the right."""
    lines = [header, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for name, *numbers in lines:
        cells = (f"{text:>{width}}" for text, width in zip(numbers, widths[1:], strict=True))
        print("  ".join([f"{name:<{widths[0]}}", *cells]).rstrip())


def write_json(
    path: Path, header: Mapping[str, object], reports: Mapping[str, GeneratorReport]
) -> None:
    """Write all figures; ``header`` says what was measured. A figure that is NaN becomes null."""
    from foundation.files import write_text
    from proposals.evaluation.report import IOU_THRESHOLDS

    content = {
        **header,
        "versions": _versions(),
        "conventions": _CONVENTIONS,
        "iou_thresholds": IOU_THRESHOLDS,
        "generators": {name: asdict(one) for name, one in reports.items()},
    }
    write_text(path, json.dumps(_without_nan(content), indent=2, allow_nan=False) + "\n")


def _versions() -> dict[str, str]:
    import numba
    import numpy as np
    import PIL

    from proposals.opencv import cv2
    from proposals.storage.header import package_version

    return {
        "package": package_version(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "numba": numba.__version__,
        "opencv": cv2.__version__,
        "pillow": PIL.__version__,
    }


def _without_nan(value: Any) -> Any:  # noqa: ANN401 - whatever JSON holds
    if isinstance(value, dict):
        return {key: _without_nan(one) for key, one in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nan(one) for one in value]
    return None if isinstance(value, float) and math.isnan(value) else value

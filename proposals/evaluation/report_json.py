"""The figures of coverage as JSON, with what they mean and what they were measured with."""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

import numba
import numpy as np
import PIL

from foundation.files import write_text
from proposals.evaluation.report import IOU_THRESHOLDS, GeneratorReport
from proposals.opencv import cv2
from proposals.storage.header import package_version

_CONVENTIONS: Final = {
    "any": "an object's IoU is that of its best box, which may serve several objects (R-CNN's"
    " coverage, ABO, MABO)",
    "one_to_one": "a box serves one object; pairs are matched by IoU over the whole image, highest"
    " first (Hosang et al. 2015)",
    "average": "average recall: twice the integral of recall over IoU from 0.5 to 1, exact",
    "mabo": "mean over the classes of abo, the average best overlap (any)",
    "by_budget": "of the first n boxes of each image, or as many as there are",
    "by_size": "by_budget for the objects of a size: area of the object's box in square pixels,"
    " small < 32^2 <= medium < 96^2 <= large",
    "recall_by_iou": "one-to-one recall at each of iou_thresholds",
    "against_baseline": "ratios of mean boxes and of median seconds; differences with all boxes and"
    " a 95 % interval by paired bootstrap over images",
}


def write_report_json(
    path: Path, header: Mapping[str, object], reports: Mapping[str, GeneratorReport]
) -> None:
    """Write all figures; one that is NaN becomes null.

    Parameters
    ----------
    path : Path
    header : mapping of str to object
        What was measured, for the beginning of the document.
    reports : mapping of str to GeneratorReport
        By name of the generator.
    """
    content = {
        **header,
        "versions": _versions(),
        "conventions": _CONVENTIONS,
        "iou_thresholds": IOU_THRESHOLDS,
        "generators": {name: asdict(one) for name, one in reports.items()},
    }
    write_text(path, json.dumps(_without_nan(content), indent=2, allow_nan=False) + "\n")


def _versions() -> dict[str, str]:
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

"""R-CNN detection with GoogLeNet: warp, score and select regions, score against ILSVRC DET.

``Detector`` and ``Detections`` are loaded when they are asked for, so that
``detector.scoring`` and ``detector.classes`` do not wait for torch.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from detector.detections.results import Detections
    from detector.rcnn import Detector

__all__ = ["Detections", "Detector"]

_HOMES = {"Detector": "detector.rcnn", "Detections": "detector.detections.results"}


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'detector' has no attribute '{name}'")
    return getattr(import_module(_HOMES[name]), name)

"""What a benchmark ran on."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from foundation.processors import available_processors

_PACKAGES = (
    "torch", "torchvision", "openvino", "onnx", "onnxruntime", "numpy", "numba",
    "opencv-contrib-python-headless", "pyarrow", "pycocotools", "faster-coco-eval",
)  # fmt: skip


def describe_machine() -> dict[str, str | int]:
    """Return the processor, its number of threads, and the versions of what was measured."""
    versions = {package: _version(package) for package in _PACKAGES}
    return {
        "processor": _processor_name(),
        "threads": available_processors(),
        "python": platform.python_version(),
        **{package: number for package, number in versions.items() if number},
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _processor_name() -> str:
    info = Path("/proc/cpuinfo")
    if info.is_file():
        for line in info.read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()

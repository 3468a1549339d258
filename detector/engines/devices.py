"""On which kind of device networks run, found out without PyTorch where it can be."""

from __future__ import annotations

import ctypes
from importlib.util import find_spec

_DRIVER = "libcuda.so.1"


def device_type(name: str) -> str:
    """Return the type of the device that ``Execution.device`` names: "cpu", "cuda" or another.

    PyTorch is imported only where there is a driver for GPUs, or a device is named that is no
    processor.

    Raises
    ------
    ValueError
        If PyTorch knows no such device, or it is not there.
    ModuleNotFoundError
        If the device needs PyTorch and it is not installed.
    """
    if name == "cpu" or (name == "auto" and not (_has_driver() and find_spec("torch"))):
        return "cpu"
    from backbones.hardware import choose_device

    return choose_device(name).type


def _has_driver() -> bool:
    try:
        ctypes.CDLL(_DRIVER)
    except OSError:
        return False
    return True

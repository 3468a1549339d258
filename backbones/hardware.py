"""Where networks run, and in which arithmetic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch


def choose_device(name: str) -> torch.device:
    """Return the device that ``Execution.device`` names."""
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    return torch.device(name)


def choose_dtype(precision: str, device: torch.device) -> torch.dtype:
    """Return the torch type that a precision of ``Execution`` names on a device.

    Raises
    ------
    ValueError
        If the precision is none of torch's.
    """
    if precision == "auto":
        precision = "bfloat16" if _multiplies_bfloat16(device) else "float32"
    types = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
    if precision not in types:
        raise ValueError(
            f"the engine torch has no precision {precision!r}: choose from {', '.join(types)},"
            " or the engine openvino"
        )
    return types[precision]


def _multiplies_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)  # Ampere and later
    # Older releases of torch cannot be asked in public; they run in float32.
    ask = getattr(torch.cpu, "get_capabilities", None)
    capabilities: Mapping[str, Any] = ask() if ask else {}
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16"))

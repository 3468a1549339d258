"""Where networks run, and in which arithmetic."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn


def choose_device(name: str) -> torch.device:
    """Return the device that ``Execution.device`` names.

    Raises
    ------
    ValueError
        If PyTorch knows no such device, or cannot compute on it here.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError:
        raise ValueError(
            f"device '{name}' is none that PyTorch knows: use cpu, or cuda for a GPU"
        ) from None
    try:
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:  # the latter of a PyTorch without CUDA
        reason = str(error).partition("\n")[0]
        raise ValueError(
            f"device '{name}' cannot be used here ({reason}): use cpu, or install the GPU's driver"
            " and a PyTorch that is built for it"
        ) from error
    return device


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


def prepare_network(network: nn.Module, device: str, precision: str) -> None:
    """Make a network ready to be used, not trained, on a device and in an arithmetic.

    ``device`` and ``precision`` are as `choose_device` and `choose_dtype` take them.
    """
    chosen = choose_device(device)
    network.eval().requires_grad_(requires_grad=False)
    network.to(device=chosen, dtype=choose_dtype(precision, chosen))
    network.to(memory_format=torch.channels_last)


def _multiplies_bfloat16(device: torch.device) -> bool:
    if device.type == "cuda":
        return torch.cuda.get_device_capability(device) >= (8, 0)  # Ampere and later
    # Older releases of torch cannot be asked in public; they run in float32.
    ask = getattr(torch.cpu, "get_capabilities", None)
    capabilities: Mapping[str, Any] = ask() if ask else {}
    return any(capabilities.get(name, False) for name in ("avx512_bf16", "amx_bf16"))

"""Time LocalResponseNorm at GoogLeNet's two shapes against torch's and against shifted adds.

Command: ``python benchmarks/more/lrn.py`` (one thread, about 15 seconds). Ratios above 1 say
how many times faster LocalResponseNorm is; all forms alternate within the one run.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from backbones import LocalResponseNorm

BATCH = 16
CHANNELS = (64, 192)
SIDE = 56
ROUNDS = 7


def main() -> None:
    """Print one line per shape and direction."""
    argparse.ArgumentParser(description=__doc__).parse_args()
    torch.set_num_threads(1)
    for channels in CHANNELS:
        forms: dict[str, Callable[[Tensor], Tensor]] = {
            "LocalResponseNorm": LocalResponseNorm(channels),
            "torch": lambda x: F.local_response_norm(x, 5, 1e-4, 0.75, 1.0),
            "shifted adds": shifted_adds,
        }
        x = torch.randn(BATCH, channels, SIDE, SIDE).mul(50).relu()
        x = x.contiguous(memory_format=torch.channels_last)
        for backward in (False, True):
            seconds = best_seconds(forms, x, backward=backward)
            ours = seconds["LocalResponseNorm"]
            ratios = ", ".join(f"{name} x{value / ours:.2f}" for name, value in seconds.items())
            direction = "forward + backward" if backward else "forward"
            print(f"{tuple(x.shape)} {direction}: {ours * 1e3:.1f} ms; {ratios}")


def best_seconds(
    forms: dict[str, Callable[[Tensor], Tensor]], x: Tensor, *, backward: bool
) -> dict[str, float]:
    """Return each form's least seconds of several alternating rounds."""
    best = dict.fromkeys(forms, float("inf"))
    for _ in range(ROUNDS):
        for name, form in forms.items():
            start = time.perf_counter()
            with torch.set_grad_enabled(backward):
                y = form(x.detach().requires_grad_(backward))
                if backward:
                    y.backward(x)
            best[name] = min(best[name], time.perf_counter() - start)
    return best


def shifted_adds(x: Tensor) -> Tensor:
    """Normalise with the window summed from shifted slices."""
    square = x.square()
    padded = F.pad(square, (0, 0, 0, 0, 2, 2))
    energy = sum((padded[:, i : i + x.shape[1]] for i in range(1, 5)), padded[:, : x.shape[1]])
    root = energy.mul(1e-4 / 5).add(1.0).rsqrt()
    return x * (root * root.sqrt())


if __name__ == "__main__":
    main()

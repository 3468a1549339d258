"""Batches of one size, so that a GPU can record the networks once and replay them.

Run call by call, a network is some two hundred kernels that the host launches one after the
other, which can take it longer than the GPU takes to run them. A CUDA graph launches them all
at once, but knows one place in memory for the input and one shape: windows are copied there,
and a batch that is not full is scored with what was left in the other rows, which is dropped.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from detector.members.settings import MemberSettings, check_windows

Run = Callable[[], Tensor]
Capture = Callable[[Run, torch.device], Run]
"""Returns what repeats a run on a device. Its results may all be the same tensor."""

_WARM_UP_RUNS = 3  # libraries choose their kernels and take their memory in the first runs


class FixedBatch:
    """Scores windows in batches of one size; call it with a batch.

    Parameters
    ----------
    score : callable
        Maps (B, S, S, 3) uint8 windows on the device to scores (M, B, C + 1) there,
        each window for itself, without a transfer from or to the host.
    settings : MemberSettings
        Of a member; all have the same input.
    batch_size : int
        Windows of a batch.
    device : torch.device
        Where the networks are.
    capture : callable, optional
        Records a run; `cuda_graph` when left out. Where it raises RuntimeError, a warning says
        so, and the networks run call by call.
    """

    def __init__(
        self,
        score: Callable[[Tensor], Tensor],
        settings: MemberSettings,
        *,
        batch_size: int,
        device: torch.device,
        capture: Capture | None = None,
    ) -> None:
        side = settings.statistics.size
        self._settings = settings
        self._windows = torch.zeros((batch_size, side, side, 3), dtype=torch.uint8, device=device)
        self._run = _captured(lambda: score(self._windows), device, capture or cuda_graph)

    def __call__(self, windows: NDArray[np.uint8] | Tensor) -> Tensor:
        """Return the scores (M, B, C + 1) of a batch, on the device.

        Raises
        ------
        ValueError
            If the batch has another shape or type than (B, S, S, 3) uint8, or too many windows.
        """
        windows = torch.as_tensor(windows)
        check_windows(windows.shape, str(windows.dtype).removeprefix("torch."), self._settings)
        count, room = len(windows), len(self._windows)
        if count > room:
            raise ValueError(f"a batch must hold {room} windows at most but got {count}")
        self._windows[:count].copy_(windows)
        return self._run()[:, :count].clone()  # the next run overwrites what this one returned


def cuda_graph(run: Run, device: torch.device) -> Run:
    """Record what a run does on a GPU; return what replays it there.

    Parameters
    ----------
    run : callable
        Reads and writes the same memory each time and waits for nothing on the host.
    device : torch.device
        The GPU.

    Raises
    ------
    RuntimeError
        If the run does what a graph cannot hold, or memory runs out.
    """
    with torch.cuda.device(device):
        _warm_up(run)
        graph = torch.cuda.CUDAGraph()
        # Only this thread is watched: others may warp regions on the GPU meanwhile.
        with torch.cuda.graph(graph, capture_error_mode="thread_local"):
            output = run()

    def replay() -> Tensor:
        graph.replay()
        return output

    return replay


def _warm_up(run: Run) -> None:
    """Run a few times beside the default stream, where nothing can be recorded."""
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(stream):
        for _ in range(_WARM_UP_RUNS):
            run()
    torch.cuda.current_stream().wait_stream(stream)


def _captured(run: Run, device: torch.device, capture: Capture) -> Run:
    try:
        return capture(run, device)
    except RuntimeError as error:
        warnings.warn(
            f"{device} did not record the networks as a graph, so they run call by call, which is"
            f" slower: {error}",
            RuntimeWarning,
            stacklevel=3,
        )
        return run

"""The engine for processors: OpenVINO, with bfloat16 or 8-bit arithmetic where they have it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from detector.engines.engine import Piece
from detector.members.settings import MemberSettings, check_members, check_windows
from detector.regions.warp import warp_regions
from foundation.compiled_models import (
    Build,
    CompileSettings,
    NetworkInPreparation,
    compiled_folder,
)
from foundation.quiet_openvino import openvino


class OpenVinoEngine:
    """Networks run by OpenVINO on the CPU, several batches at a time; see `Engine`.

    They are compiled, or read from the cache, in a thread once ``prepare`` is called; the first
    batch waits for that.

    Parameters
    ----------
    read : callable
        Returns what makes the ONNX graph of `build_onnx`.
    identity : sequence
        What the graph is made from; for both see `foundation.compiled_models.NetworkInPreparation`.
    settings : sequence of MemberSettings
        Of the graph's members.
    precision : {"float32", "bfloat16", "int8"}
        Arithmetic; int8 where the graph is of 8-bit operators.
    batch_size : int
        Windows of a batch.
    """

    def __init__(
        self,
        read: Callable[[], Build],
        identity: Sequence[object],
        settings: Sequence[MemberSettings],
        *,
        precision: str,
        batch_size: int,
    ) -> None:
        check_members(settings)
        self.settings = tuple(settings)
        self.batch_size = batch_size
        self.name = f"openvino {precision} on cpu"
        side = self.settings[0].statistics.size
        how = CompileSettings((batch_size, side, side, 3), precision)
        self._network = NetworkInPreparation(read, identity, how, compiled_folder())
        self._idle: deque[openvino.InferRequest] = deque()  # of all calls

    def prepare(self) -> None:
        """Begin to compile the networks, or to read them from the cache."""
        self._network.start()

    def upload(self, image: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return the picture as it is."""
        return image

    def warp(self, pieces: Sequence[Piece]) -> NDArray[np.uint8]:
        """Warp the regions of a batch to (B, S, S, 3)."""
        config = self.settings[0].warp
        return np.concatenate([warp_regions(image, boxes, config) for image, boxes in pieces])

    def member_scores(self, batches: Iterable[NDArray[np.uint8]]) -> Iterator[NDArray[np.float32]]:
        """Score batches; as many run at a time as suits the processor."""
        running: deque[tuple[openvino.InferRequest, int]] = deque()
        network = self._network.result()
        most: int = network.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
        try:
            for windows in batches:
                if len(running) == most:
                    yield self._finish(running)
                filled = self._filled_up(windows)
                request = self._take()
                running.append((request, len(windows)))
                request.start_async({"windows": filled})
            while running:
                yield self._finish(running)
        finally:  # also when the reader stops early
            for request, _ in running:
                request.wait()
                self._idle.append(request)

    def _take(self) -> openvino.InferRequest:
        """Return a request that no call uses: another may have stopped half way."""
        try:
            return self._idle.popleft()
        except IndexError:
            return self._network.result().create_infer_request()

    def _finish(self, running: deque[tuple[openvino.InferRequest, int]]) -> NDArray[np.float32]:
        request, count = running[0]
        request.wait()
        scores: NDArray[np.float32] = request.get_tensor("member_probabilities").data
        found = scores[:, :count].copy()
        running.popleft()
        self._idle.append(request)
        return found

    def _filled_up(self, windows: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Return a batch of the full size, which is what the network is compiled for."""
        check_windows(windows.shape, str(windows.dtype), self.settings[0])
        missing = self.batch_size - len(windows)
        if missing < 0:
            raise ValueError(
                f"a batch must hold {self.batch_size} windows at most but got {len(windows)}"
            )
        if missing == 0:
            return windows
        return np.concatenate([windows, np.zeros((missing, *windows.shape[1:]), np.uint8)])

"""MultiBox on OpenVINO, without PyTorch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from foundation.compiled_models import (
    CompileSettings,
    compiled_folder,
    fastest_floats,
    start_compiling,
)
from proposals.multibox.graph import BackboneGraph, build_multibox, network_shapes
from proposals.multibox.predictor import Predictions
from proposals.multibox.weights_file import read_multibox


class OpenVinoPredictor:
    """Runs a network on the CPU; see `proposals.multibox.predictor.Predictor`.

    The network is compiled, or read from the cache, in a thread; the first image waits for that.

    Parameters
    ----------
    path : str or Path
        File of the weights.
    backbone : BackboneGraph
        Of the kind that the weights were trained with, ``backbones.graph.GoogLeNetMaps()`` for
        those of the package.
    images : int
        That are predicted from at once.
    threads : int, optional
        All processors when left out.
    precision : {"float32", "bfloat16"}, optional
        Arithmetic; the faster one on this processor when left out.

    Raises
    ------
    WeightsError
        If the file cannot be used.
    """

    def __init__(
        self,
        path: str | Path,
        backbone: BackboneGraph,
        *,
        images: int,
        threads: int | None = None,
        precision: str | None = None,
    ) -> None:
        weights = read_multibox(path)
        weights.check(Path(path), network_shapes(weights, backbone))
        self.size = weights.size
        self.priors = weights.priors
        self.scales = weights.scales
        self._images = images
        settings = CompileSettings(
            (images, self.size, self.size, 3),
            precision or fastest_floats(),
            throughput=False,
            threads=threads,
        )
        self._compiling = start_compiling(
            lambda: build_multibox(weights, backbone).SerializeToString(),
            ["multibox", weights.digest()],
            settings,
            compiled_folder(),
        )

    def __call__(self, images: NDArray[np.uint8]) -> Predictions:
        """Predict from RGB images (N, size, size, 3), as many as it was made for."""
        request = self._compiling.result().create_infer_request()
        request.infer({"images": np.ascontiguousarray(images)})
        raw: NDArray[np.float32] = request.get_tensor("predictions").data.copy()
        return Predictions(raw[..., :4], raw[..., 4])

"""MultiBox on OpenVINO, without PyTorch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from foundation.compiled_models import (
    Build,
    CompileSettings,
    NetworkInPreparation,
    compiled_folder,
    fastest_precision,
)
from foundation.digests import file_digest
from proposals.multibox.graph import BackboneGraph, build_multibox, network_shapes
from proposals.multibox.predictor import Predictions
from proposals.multibox.weights_file import read_multibox, read_settings


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
        How many are predicted from at once.
    threads : int, optional
        All processors when left out.
    precision : {"float32", "bfloat16", "int8"}, optional
        Arithmetic; when left out, the fastest that the processor has in hardware. int8 needs
        weights that were calibrated for it.

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
        settings = read_settings(path)
        self.size = settings.size
        self.priors = settings.priors
        self.scales = settings.scales
        chosen = precision or fastest_precision(calibrated=bool(settings.activation_ranges))
        eight_bits = chosen == "int8"
        self._network = NetworkInPreparation(
            lambda: _read(Path(path), backbone, eight_bits=eight_bits),
            ["multibox", eight_bits, file_digest(path)],
            CompileSettings(
                (images, self.size, self.size, 3), chosen, throughput=False, threads=threads
            ),
            compiled_folder(),
        )
        self._network.start()

    def __call__(self, images: NDArray[np.uint8]) -> Predictions:
        """Predict from RGB images (N, size, size, 3), as many as it was made for."""
        request = self._network.result().create_infer_request()
        request.infer({"images": np.ascontiguousarray(images)})
        raw: NDArray[np.float32] = request.get_tensor("predictions").data.copy()
        return Predictions(raw[..., :4], raw[..., 4])


def _read(path: Path, backbone: BackboneGraph, *, eight_bits: bool) -> Build:
    weights = read_multibox(path)
    weights.check(path, network_shapes(weights, backbone))
    if eight_bits and not weights.activation_ranges:
        raise ValueError(f"{path}: 8-bit arithmetic needs calibrated weights: choose bfloat16")
    return lambda: build_multibox(weights, backbone, eight_bits=eight_bits).SerializeToString()

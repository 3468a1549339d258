"""Files of trained MultiBox networks: tensors and settings in one safetensors file, no pickle.

The tensors are float16 under their names in `MultiBoxNetwork`, without the backbone's classifier.
The file's metadata holds one JSON document under the key ``multibox``::

    {"format": "multibox", "version": 1, "head": "convolutional", "size": 320,
     "mean_rgb": [123.0, 117.0, 104.0], "provenance": {...}}
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foundation.tensor_file import FileKind, WeightsError
from proposals.multibox.layout import residual_scales

HEADS = ("convolutional", "global")

_KIND = FileKind(
    "multibox",
    {"format": "multibox", "version": 1},
    "give a file that inception-rcnn train-multibox wrote",
)
_PRIORS = "head.priors"


@dataclass(frozen=True, eq=False)
class MultiBoxWeights:
    """A trained network as arrays, with all that is needed to run it.

    Attributes
    ----------
    head : {"convolutional", "global"}
    size : int
        Height and width of the input in pixels.
    mean_rgb : tuple of float
        Colour that the input has subtracted, 0-255.
    tensors : mapping of str to ndarray
        By the names of `MultiBoxNetwork`; ``head.priors`` are (K, 4) float32.
    """

    head: str
    size: int
    mean_rgb: tuple[float, float, float]
    tensors: Mapping[str, NDArray[Any]]

    @property
    def priors(self) -> NDArray[np.float32]:
        """Prior boxes (K, 4) in shares of the image."""
        return self.tensors[_PRIORS].astype(np.float32)

    @property
    def scales(self) -> NDArray[np.float32]:
        """Units (K, 4) of the residuals."""
        return residual_scales(self.priors)

    def digest(self) -> str:
        """Return a name that differs wherever settings or tensors do."""
        state = hashlib.blake2b(f"{self.head} {self.size} {self.mean_rgb}".encode())
        for name in sorted(self.tensors):
            tensor = self.tensors[name]
            state.update(f"{name} {tensor.dtype} {tensor.shape}".encode())
            state.update(np.ascontiguousarray(tensor).data)
        return state.hexdigest()

    def check(self, path: Path, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Raise WeightsError, which names the file, unless the tensors have these shapes."""
        _KIND.check_tensors(path, self.tensors, shapes)


def pretrained_path() -> Path:
    """Return the weights that come with the package."""
    return Path(str(files("proposals").joinpath("multibox/weights/multibox.safetensors")))


def read_multibox(path: str | Path) -> MultiBoxWeights:
    """Read a network from a file.

    Raises
    ------
    WeightsError
        If the file is missing, damaged or of another format.
    """
    path = Path(path)
    document, tensors = _KIND.read(path)
    try:
        red, green, blue = (float(value) for value in document["mean_rgb"])
        size, head = int(document["size"]), document["head"]
        if head not in HEADS or size < 1:
            raise ValueError(f"head is {head!r}, size {size}")  # noqa: TRY301 - one remedy
        priors = tensors[_PRIORS]
        if priors.ndim != 2 or priors.shape[1] != 4:
            raise ValueError(f"{_PRIORS} is of shape {priors.shape}")  # noqa: TRY301
    except (KeyError, TypeError, ValueError) as error:
        raise WeightsError(f"{path}: settings are unusable ({error}); {_KIND.remedy}") from None
    return MultiBoxWeights(head, size, (red, green, blue), tensors)


def write_multibox(
    path: str | Path, weights: MultiBoxWeights, provenance: Mapping[str, Any]
) -> None:
    """Write a network to a file, whole or not at all; all but the priors as float16.

    Parameters
    ----------
    path : str or Path
    weights : MultiBoxWeights
    provenance : mapping
        How the weights were made, in values that JSON knows.

    Raises
    ------
    WeightsError
        If a weight is not finite in float16, or the provenance cannot be written as JSON.
    """
    with np.errstate(over="ignore"):  # what is too large for float16 is refused by its name
        tensors = {
            name: tensor.astype(np.float32 if name == _PRIORS else np.float16)
            for name, tensor in weights.tensors.items()
        }
    settings = {"head": weights.head, "size": weights.size, "mean_rgb": list(weights.mean_rgb)}
    _KIND.write(Path(path), {**settings, "provenance": dict(provenance)}, tensors)

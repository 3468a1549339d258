"""Files of trained MultiBox networks: tensors and settings in one safetensors file, no pickle.

The tensors are float16 under their names in `MultiBoxNetwork`, without the backbone's classifier.
The file's metadata holds one JSON document under the key ``multibox``::

    {"format": "multibox", "version": 1, "head": "convolutional", "size": 320,
     "mean_rgb": [123.0, 117.0, 104.0], "provenance": {...},
     "activation_ranges": {"backbone.lrn1": 138.2, "head.fine": 7.4, ...}}

Older files have no ranges: they were not calibrated for 8-bit arithmetic.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from foundation.spelling import one_line
from foundation.tensor_file import FileKind, WeightsError
from proposals.multibox.layout import residual_scales

HEADS = ("convolutional", "global")

_KIND = FileKind(
    "multibox",
    {"format": "multibox", "version": 1},
    "give a file that inception-rcnn train-multibox wrote",
)
_PRIORS = "head.priors"
_MOST_SIZE = 4096  # of an input in pixels; memory grows with its square


@dataclass(frozen=True, eq=False, kw_only=True)
class MultiBoxSettings:
    """What is needed to use a network, whatever runs it.

    Attributes
    ----------
    head : {"convolutional", "global"}
    size : int
        Height and width of the input in pixels.
    mean_rgb : tuple of float
        Colour that the input has subtracted, 0-255.
    priors : ndarray, (K, 4) float32
        In shares of the image.
    activation_ranges : mapping of str to float
        The largest activation at each place that 8-bit arithmetic rounds, by the name of its
        module. Empty where the network was not calibrated.
    provenance : mapping
        How it was trained, in values that JSON knows.

    Raises
    ------
    ValueError
        If a value is impossible.
    """

    head: str
    size: int
    mean_rgb: tuple[float, float, float]
    priors: NDArray[np.float32]
    activation_ranges: Mapping[str, float] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.head not in HEADS:
            raise ValueError(f"head must be one of {', '.join(HEADS)} but is {self.head!r}")
        if not 1 <= self.size <= _MOST_SIZE:
            raise ValueError(f"size must be from 1 to {_MOST_SIZE} but is {self.size}")
        if self.priors.ndim != 2 or self.priors.shape[1] != 4:
            raise ValueError(f"priors must be of shape (K, 4) but are of {self.priors.shape}")
        for name, value in self.activation_ranges.items():
            if not (isinstance(value, float) and math.isfinite(value) and value > 0):
                raise ValueError(
                    f"activation_ranges must be finite numbers above 0 but {name} is {value!r}"
                )

    @property
    def scales(self) -> NDArray[np.float32]:
        """Units (K, 4) of the residuals."""
        return residual_scales(self.priors)


@dataclass(frozen=True, eq=False, kw_only=True)
class MultiBoxWeights(MultiBoxSettings):
    """A trained network as arrays, with all that is needed to run it.

    Attributes
    ----------
    tensors : mapping of str to ndarray
        By the names of `MultiBoxNetwork`, but for the priors.
    """

    tensors: Mapping[str, NDArray[Any]]

    def check(self, path: Path, shapes: Mapping[str, tuple[int, ...]]) -> None:
        """Raise WeightsError, which names the file, unless the tensors have these shapes."""
        _KIND.check_tensors(path, self.tensors, shapes)


def pretrained_path() -> Path:
    """Return the weights that come with the package."""
    return Path(str(files("proposals").joinpath("multibox/weights/multibox.safetensors")))


def read_settings(path: str | Path) -> MultiBoxSettings:
    """Read the settings of a network's file, and leave its tensors for later.

    Raises
    ------
    WeightsError
        If the file is missing, damaged or of another format.
    """
    document, tensors = _KIND.read(Path(path), only={_PRIORS})
    return MultiBoxSettings(**_settings(Path(path), document, tensors))


def read_multibox(path: str | Path) -> MultiBoxWeights:
    """Read a network from a file.

    Raises
    ------
    WeightsError
        As `read_settings`.
    """
    document, tensors = _KIND.read(Path(path))
    settings = _settings(Path(path), document, tensors)
    del tensors[_PRIORS]
    return MultiBoxWeights(tensors=tensors, **settings)


def write_multibox(path: str | Path, weights: MultiBoxWeights) -> None:
    """Write a network to a file, whole or not at all; all but the priors as float16.

    Raises
    ------
    WeightsError
        If a weight is not finite in float16, or the provenance cannot be written as JSON.
    """
    with np.errstate(over="ignore"):  # what is too large for float16 is refused by its name
        tensors = {name: tensor.astype(np.float16) for name, tensor in weights.tensors.items()}
    document = {
        "head": weights.head,
        "size": weights.size,
        "mean_rgb": list(weights.mean_rgb),
        "provenance": dict(weights.provenance),
        "activation_ranges": dict(weights.activation_ranges),
    }
    _KIND.write(Path(path), document, {**tensors, _PRIORS: weights.priors})


def _settings(
    path: Path, document: Mapping[str, Any], tensors: Mapping[str, NDArray[Any]]
) -> dict[str, Any]:
    """Return the fields of `MultiBoxSettings`, checked."""
    try:
        red, green, blue = (float(value) for value in document["mean_rgb"])
        settings = {
            "head": document["head"],
            "size": int(document["size"]),
            "mean_rgb": (red, green, blue),
            "priors": tensors[_PRIORS].astype(np.float32),
            "activation_ranges": dict(document.get("activation_ranges", {})),
            "provenance": dict(document.get("provenance", {})),
        }
        MultiBoxSettings(**settings)
    except (KeyError, TypeError, ValueError, ArithmeticError) as error:
        raise WeightsError(
            f"{path}: settings are unusable ({one_line(error)}); {_KIND.remedy}"
        ) from None
    return settings

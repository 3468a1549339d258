"""From uint8 pictures to what the network takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

CROP_SIDE = 224
"""Height and width of a crop in pixels."""

_MOST_SIZE = 4096  # of an input; memory grows with its square


@dataclass(frozen=True)
class InputStatistics:
    """What a network expects of its input pictures.

    Attributes
    ----------
    mean_rgb : tuple of 3 float
        Mean of the training pictures, red, green, blue, 0-255; Caffe's for ImageNet.
    size : int
        Height and width of the input in pixels.

    Raises
    ------
    ValueError
        If the mean is not three numbers in [0, 255] or the size is no integer from 1 to 4096.
    """

    mean_rgb: tuple[float, float, float] = (123.0, 117.0, 104.0)
    size: int = 224

    def __post_init__(self) -> None:
        in_range = [0 <= value <= 255 for value in self.mean_rgb]
        if in_range != [True, True, True]:
            raise ValueError(f"mean_rgb must be 3 numbers in [0, 255] but got {self.mean_rgb}")
        if type(self.size) is not int or not 1 <= self.size <= _MOST_SIZE:
            raise ValueError(
                f"size must be an integer from 1 to {_MOST_SIZE} but got {self.size!r}"
            )

    def normalise(self, images_uint8: Tensor) -> Tensor:
        """Subtract the mean and move the colours to the front.

        Parameters
        ----------
        images_uint8 : Tensor
            (N, size, size, 3) uint8 RGB.

        Returns
        -------
        Tensor
            (N, 3, size, size) float32 in channels-last memory format, on the same device.

        Raises
        ------
        ValueError
            If type or shape differ from the above.
        """
        import torch

        wanted = (self.size, self.size, 3)
        if images_uint8.dtype != torch.uint8 or images_uint8.shape[1:] != wanted:
            raise ValueError(
                f"images must be uint8 of shape (N, {self.size}, {self.size}, 3) but got"
                f" {images_uint8.dtype} of shape {tuple(images_uint8.shape)}"
            )
        # Filled in on the device: a graph of a GPU cannot hold a copy from the host.
        device = images_uint8.device
        mean = torch.stack(
            [torch.full((), value, dtype=torch.float32, device=device) for value in self.mean_rgb]
        )  # (3,)
        centred = images_uint8.to(torch.float32) - mean  # (N, size, size, 3)
        return centred.permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)

"""How regions are warped."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class WarpConfig:
    """How regions are warped.

    Attributes
    ----------
    size : int
        Side of the square output in pixels (S; ``crop_size`` in R-CNN).
    context_padding : int
        Pixels of context on each side of the region in the output frame (p; ``padding``).
    outside_rgb : tuple of int
        Colour where the window leaves the image, 0-255; the mean that is subtracted later.
    """

    size: int = 224
    context_padding: int = 16
    outside_rgb: tuple[int, int, int] = (123, 117, 104)

    def __post_init__(self) -> None:
        if not isinstance(self.size, int) or self.size < 1:
            raise ValueError(
                f"WarpConfig.size must be a whole number of at least 1 but got {self.size}"
            )
        padding = self.context_padding
        if not isinstance(padding, int) or not 0 <= 2 * padding < self.size:
            raise ValueError(
                "WarpConfig.context_padding must be a whole number from 0 to under half of size"
                f" {self.size} but got {self.context_padding}"
            )
        if len(self.outside_rgb) != 3 or not all(0 <= value <= 255 for value in self.outside_rgb):
            raise ValueError(
                f"WarpConfig.outside_rgb must be three values of 0-255 but got {self.outside_rgb}"
            )

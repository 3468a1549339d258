"""What Selective Search combines, and the combinations that have a name."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from foundation.checks import check_finite, check_whole
from proposals.selective_search.colour import COLOUR_SPACES
from proposals.selective_search.grouping import SIMILARITIES

_WITHOUT_COLOUR = ("texture", "size", "fill")


@dataclass(frozen=True)
class SelectiveSearchConfig:
    """What is combined: each colour space with each k and each similarity is one hierarchy.

    Attributes
    ----------
    ks : tuple of int
        Scales of the initial segmentation: the k of Felzenszwalb & Huttenlocher and at the
        same time the smallest region in pixels.
    colour_spaces : tuple of str
        Out of `proposals.selective_search.colour.COLOUR_SPACES`.
    similarities : tuple of tuple of str
        Each the terms of one similarity, out of `proposals.selective_search.grouping.SIMILARITIES`.
    sigma : float
        Smoothing before the segmentation, in pixels.
    texture_sigma : float
        Scale of the texture's Gaussian derivatives, in pixels (paper: 1).
    working_width : int or None
        Width in pixels that images are brought to first, larger or smaller; None leaves
        them as they are.
    min_side : int
        Boxes with a shorter side, in pixels of the working image, are dropped.

    Raises
    ------
    ValueError
        If a setting is impossible or of another type; lists are taken for tuples.
    """

    ks: tuple[int, ...]
    colour_spaces: tuple[str, ...] = ("hsv", "lab")
    similarities: tuple[tuple[str, ...], ...] = (SIMILARITIES, _WITHOUT_COLOUR)
    sigma: float = 0.8
    texture_sigma: float = 1.0
    working_width: int | None = 500
    min_side: int = 20

    def __post_init__(self) -> None:
        object.__setattr__(self, "ks", _as_tuple(self.ks))
        object.__setattr__(self, "colour_spaces", _as_tuple(self.colour_spaces))
        object.__setattr__(self, "similarities", _as_tuple(self.similarities, _as_tuple))
        _require(_is_filled(self.ks), "ks must be one or more numbers, such as (50, 100)", self.ks)
        for k in self.ks:
            check_whole("each of ks", k, 1)
        _require(
            _are_out_of(self.colour_spaces, tuple(COLOUR_SPACES)),
            f"colour_spaces must be out of {tuple(COLOUR_SPACES)}",
            self.colour_spaces,
        )
        _require(
            _is_filled(self.similarities)
            and all(_are_out_of(terms, SIMILARITIES) for terms in self.similarities),
            f"similarities must be tuples of terms out of {SIMILARITIES}",
            self.similarities,
        )
        check_finite("sigma", self.sigma)
        check_finite("texture_sigma", self.texture_sigma, above_zero=True)
        if self.working_width is not None:
            check_whole("working_width", self.working_width, 1)
        check_whole("min_side", self.min_side, 0)


def _require(condition: bool, rule: str, value: object) -> None:
    if not condition:
        raise ValueError(f"{rule}, but got {value!r}")


def _as_tuple(value: Any, inner: Callable[[Any], Any] = lambda part: part) -> Any:  # noqa: ANN401
    """Return a list, as JSON has them, as a tuple; all else is left to the checks."""
    return tuple(map(inner, value)) if isinstance(value, list | tuple) else value


def _is_filled(value: object) -> bool:
    return isinstance(value, tuple) and len(value) > 0


def _are_out_of(names: tuple[str, ...], known: tuple[str, ...]) -> bool:
    return _is_filled(names) and all(name in known for name in names)


MODES: Mapping[str, SelectiveSearchConfig] = MappingProxyType(
    {
        # GoogLeNet, section 7: superpixels of twice R-CNN's size. The paper gives no numbers; both
        # k and the smallest region are doubled.
        "doubled": SelectiveSearchConfig(ks=(100, 200)),
        # R-CNN's call, «fast» in Selective Search's own code.
        "fast": SelectiveSearchConfig(ks=(50, 100)),
        # The paper's single strategy and its 80, in the names of the published code.
        "single": SelectiveSearchConfig(
            ks=(100,), colour_spaces=("hsv",), similarities=(SIMILARITIES,)
        ),
        "quality": SelectiveSearchConfig(
            ks=(50, 100, 150, 300),
            colour_spaces=("hsv", "lab", "rgi", "h", "intensity"),
            similarities=(SIMILARITIES, _WITHOUT_COLOUR, ("fill",), ("size",)),
        ),
    }
)
"""Configurations by name."""

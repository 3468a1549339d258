"""Checks of numbers that users set; a refusal names the setting, its rule and the value."""

from __future__ import annotations

import math

import numpy as np

LARGEST_SEED = 2**32 - 1
"""Largest seed that NumPy's generators of fixed sequence take."""


def check_whole(name: str, value: object, least: int, most: int | None = None) -> None:
    """Refuse what is not a whole number of a range; both ends belong to it.

    Truth values are refused, numbers of NumPy are not.

    Raises
    ------
    ValueError
        If the value is of another type or outside the range.
    """
    whole = isinstance(value, int | np.integer) and not isinstance(value, bool)
    if not (whole and least <= value and (most is None or value <= most)):  # type: ignore[operator]
        span = f"{least} or more" if most is None else f"from {least} to {most}"
        raise ValueError(f"{name} must be a whole number, {span}, but got {value!r}")


def check_finite(name: str, value: object, *, above_zero: bool = False) -> None:
    """Refuse what is not a finite number of 0 or more, or with ``above_zero`` of more than 0.

    Raises
    ------
    ValueError
        If the value is of another type or outside the range.
    """
    number = isinstance(value, int | float | np.integer | np.floating)
    truth = isinstance(value, bool)
    finite = number and not truth and math.isfinite(value)  # type: ignore[arg-type]
    if not (finite and value >= 0 and (value > 0 or not above_zero)):  # type: ignore[operator]
        span = "above 0" if above_zero else "0 or more"
        raise ValueError(f"{name} must be a finite number, {span}, but got {value!r}")

"""How every compiled kernel of the project is built."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, ParamSpec, TypeVar, cast

import numba

P = ParamSpec("P")
R = TypeVar("R")

Number = Any
"""A scalar inside a kernel: Python's or numpy's to the type checker, one machine type to numba."""


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile ``function`` with numba: cached on disk, and free of the interpreter lock.

    Fast-math stays off: sums keep their order, so results are the same on every processor.
    """
    return cast("Callable[P, R]", numba.njit(cache=True, nogil=True, error_model="numpy")(function))

"""How every compiled kernel of the project is built."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NoReturn, ParamSpec, TypeVar, cast

import numba
import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from foundation.kernel_cache import KernelCache

P = ParamSpec("P")
R = TypeVar("R")

_numba: Any = numba  # whose annotations are incomplete

Number = Any
"""A scalar inside a kernel: Python's or numpy's to the type checker, one machine type to numba."""


def kernel(function: Callable[P, R]) -> Callable[P, R]:
    """Compile ``function`` with numba: kept on disk, and free of the interpreter lock.

    Fast-math stays off: sums keep their order, so results are the same on every processor.
    Kernels work in arrays that they are given. Whatever they would allocate, and any function
    of numpy's on whole arrays, is compiled with them, and more slowly than they are themselves.
    """
    compiled = _compiled(function)
    if not _numba.config.DISABLE_JIT:
        compiled._cache = KernelCache(function)  # where `cache=True` puts numba's own
    return cast("Callable[P, R]", compiled)


def subroutine(function: Callable[P, R]) -> Callable[P, R]:
    """Compile ``function`` into the kernels that call it; Python itself cannot call it."""
    compiled = _compiled(function, no_cpython_wrapper=True)
    if not _numba.config.DISABLE_JIT:
        compiled = _Subroutine(compiled)
    return cast("Callable[P, R]", compiled)


class _Subroutine:
    """A compiled function without an entry from Python, where a call would be a crash.

    Parameters
    ----------
    dispatcher : numba.core.dispatcher.Dispatcher
    """

    def __init__(self, dispatcher: Any) -> None:  # noqa: ANN401 - of numba
        self._dispatcher = dispatcher

    @property
    def _numba_type_(self) -> Any:  # noqa: ANN401 - of numba
        """The type that numba takes an object of no type it knows for."""
        return self._dispatcher._numba_type_

    def __call__(self, *_: object) -> NoReturn:
        """Refuse to be called.

        Raises
        ------
        TypeError
            In any case.
        """
        name = self._dispatcher.py_func.__qualname__
        raise TypeError(f"{name} is compiled into kernels; call it in a kernel")


def _compiled(function: Callable[P, R], **options: bool) -> Any:  # noqa: ANN401 - of numba
    settings: dict[str, Any] = {"nogil": True, "error_model": "numpy", "no_cfunc_wrapper": True}
    return _numba.njit(**settings, **options)(function)


def read_only(values: ArrayLike, dtype: DTypeLike) -> NDArray[Any]:
    """Return an array, copied only where it must be, as kernels take what they only read.

    To numba, arrays that may be written, or are not contiguous, are of other types, and a kernel
    is compiled for each type that it meets.
    """
    array = np.ascontiguousarray(values, dtype=dtype).view()
    array.flags.writeable = False
    return array

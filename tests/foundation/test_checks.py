from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from foundation.checks import check_finite, check_whole


@pytest.mark.parametrize("value", [1, 5, np.int64(1), np.uint8(5)])
def test_whole_numbers_of_the_range_pass(value: Any) -> None:
    check_whole("count", value, 1)
    check_whole("count", value, 1, 5)


@pytest.mark.parametrize(
    "value", [0, 6, -1, np.int64(6), 2.0, np.float32(2), True, np.True_, "2", None, [2], math.nan]
)
def test_all_else_is_refused(value: Any) -> None:
    with pytest.raises(ValueError, match=r"^count must be a whole number, from 1 to 5, but got "):
        check_whole("count", value, 1, 5)


def test_a_range_may_be_open() -> None:
    check_whole("count", 1 << 70, 0)
    with pytest.raises(ValueError, match=r"^count must be a whole number, 0 or more, but got -1$"):
        check_whole("count", -1, 0)


@pytest.mark.parametrize("value", [0, 0.0, 0.5, np.float32(2), np.int8(3)])
def test_finite_numbers_pass(value: Any) -> None:
    check_finite("scale", value)


@pytest.mark.parametrize("value", [-0.1, math.nan, math.inf, -math.inf, True, "1", None, 1j, [1.0]])
@pytest.mark.parametrize("above_zero", [False, True])
def test_what_is_no_finite_number_of_0_or_more_is_refused(value: Any, above_zero: bool) -> None:
    with pytest.raises(ValueError, match=r"^scale must be a finite number, .*, but got "):
        check_finite("scale", value, above_zero=above_zero)


def test_zero_may_be_left_out() -> None:
    check_finite("scale", 1e-9, above_zero=True)
    with pytest.raises(ValueError, match=r"^scale must be a finite number, above 0, but got 0$"):
        check_finite("scale", 0, above_zero=True)

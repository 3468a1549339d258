from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from foundation.kernels import kernel, read_only
from proposals.boxes import area

WITHOUT_COMPILING = """
import numpy as np
from proposals.boxes import pairwise_iou
print(pairwise_iou(np.array([[0, 0, 2, 2]]), np.array([[0, 0, 2, 1]]))[0, 0])
"""


@kernel
def total(values: np.ndarray) -> float:
    result = 0.0
    for value in values:
        result += value
    return result


def test_a_subroutine_refuses_to_be_called_outside_a_kernel() -> None:
    with pytest.raises(TypeError, match="area is compiled into kernels; call it in a kernel"):
        area((0.0, 0.0, 1.0, 1.0))


def test_a_read_only_array_shares_what_need_not_be_copied() -> None:
    values = np.arange(4, dtype=np.float32)
    shared = read_only(values, np.float32)
    assert np.shares_memory(shared, values)
    assert values.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        shared[0] = 1


@pytest.mark.parametrize("values", [[1, 2], np.arange(8)[::2], np.ones((2, 3), order="F")])
def test_a_read_only_array_is_contiguous_and_of_the_type_asked_for(values: object) -> None:
    array = read_only(values, np.float64)  # type: ignore[arg-type]
    assert array.flags.c_contiguous
    assert array.dtype == np.float64
    np.testing.assert_array_equal(array, values)


def test_a_kernel_meets_one_type_whatever_the_array_was() -> None:
    frozen = np.ones(6)
    frozen.flags.writeable = False
    for values in (np.ones(6), frozen, np.ones(12)[::2]):
        assert total(read_only(values, np.float64)) == 6
    assert len(total.signatures) == 1  # type: ignore[attr-defined]


def test_kernels_run_as_plain_python_where_numba_is_told_not_to_compile() -> None:
    ended = subprocess.run(
        [sys.executable, "-c", WITHOUT_COMPILING],
        env={**os.environ, "NUMBA_DISABLE_JIT": "1"},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    assert ended.stdout == "0.5\n"

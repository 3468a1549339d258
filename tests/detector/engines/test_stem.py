"""A stem that members share runs once and changes no score."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np
import pytest
from numpy.typing import NDArray

from detector.config import Execution
from detector.engines import make_engine
from detector.engines.onnx_graph import build_onnx
from detector.engines.stem import same_stems, stem_ranges
from detector.members.member import Member
from detector.training.calibration import calibrate

Make = Callable[[int], Member]
Windows = Callable[[int], NDArray[np.uint8]]

pytestmark = pytest.mark.usefixtures("cache_folder")


@pytest.fixture(scope="module")
def siblings(make_sibling: Make, random_windows: Windows) -> list[Member]:
    """Return three members of one stem, calibrated on the same windows."""
    return [
        replace(one, activation_ranges=calibrate(one, [random_windows(16)]))
        for one in map(make_sibling, range(3))
    ]


def scores_of(
    members: Sequence[Member], windows: NDArray[np.uint8], engine: str, precision: str
) -> NDArray[np.float32]:
    execution = Execution(engine=engine, device="cpu", precision=precision, batch_size=8)
    (scores,) = make_engine(members, execution).member_scores([windows])
    return scores


def test_no_members_have_no_stems() -> None:
    assert same_stems([]) == ()
    assert stem_ranges([]) == {}


def test_equal_weights_make_one_stem_and_a_single_other_weight_another(
    make_member: Make, make_sibling: Make
) -> None:
    changed = make_sibling(2)
    changed.tensors["inception_3b.pool_proj.bias"][-1] += 1e-6
    members = [make_member(0), make_sibling(1), changed, make_member(3), make_sibling(3)]
    assert same_stems(members) == (0, 0, 2, 3, 0)


def test_the_ranges_of_a_stem_are_the_largest_of_its_members(siblings: list[Member]) -> None:
    first, second = (dict(member.activation_ranges) for member in siblings[:2])
    first["lrn1"], second["inception_3b.conv5x5_reduce"] = 900.0, 800.0
    second["inception_4a"] = 700.0
    changed = [
        replace(siblings[0], activation_ranges=first),
        replace(siblings[1], activation_ranges=second),
    ]
    found = stem_ranges(changed)
    assert found.pop("lrn1") == 900
    assert found.pop("inception_3b.conv5x5_reduce") == 800
    assert found == {
        point: first[point]
        for point in (
            "conv2_reduce", "lrn2", "inception_3a.conv3x3_reduce", "inception_3a.conv5x5_reduce",
            "inception_3a", "inception_3b.conv3x3_reduce", "inception_3b",
        )
    }  # fmt: skip


@pytest.mark.parametrize(
    ("engine", "precision", "tolerance"),
    [("torch", "float32", 1e-6), ("openvino", "float32", 1e-5), ("openvino", "int8", 1e-5)],
)
def test_members_of_one_stem_score_as_each_alone(
    siblings: list[Member], random_windows: Windows, engine: str, precision: str, tolerance: float
) -> None:
    windows = random_windows(8)
    together = scores_of(siblings, windows, engine, precision)
    alone = [scores_of([member], windows, engine, precision)[0] for member in siblings]
    np.testing.assert_allclose(together, alone, rtol=0, atol=tolerance)
    assert np.abs(together[0] - together[1]).max() > 0.1  # so that a mix-up would show


@pytest.mark.parametrize("engine", ["torch", "openvino"])
def test_stems_may_be_mixed(
    make_member: Make, make_sibling: Make, random_windows: Windows, engine: str
) -> None:
    members = [make_member(7), make_sibling(1), make_member(8), make_sibling(2)]
    windows = random_windows(4)
    together = scores_of(members, windows, engine, "float32")
    alone = [scores_of([member], windows, engine, "float32")[0] for member in members]
    np.testing.assert_allclose(together, alone, rtol=0, atol=1e-5)


@pytest.mark.parametrize("eight_bits", [False, True])
def test_a_graph_holds_a_shared_stem_once(siblings: list[Member], *, eight_bits: bool) -> None:
    names = [
        weight.name for weight in build_onnx(siblings, eight_bits=eight_bits).graph.initializer
    ]
    stem = [name for name in names if name.startswith("stem") and name.endswith(".weight")]
    assert len(stem) == 3 + 2 * 6
    assert all(name.startswith("stem0/") for name in stem)
    trunks = [name for name in names if name.startswith("member") and name.endswith(".weight")]
    assert len(trunks) == 3 * (7 * 6 + 1)


def test_a_stem_calibrated_on_other_regions_is_no_clipped_one(
    siblings: list[Member], random_windows: Windows
) -> None:
    narrow = {point: value / 4 for point, value in siblings[1].activation_ranges.items()}
    trunk = {
        p: v for p, v in siblings[1].activation_ranges.items() if p not in stem_ranges(siblings)
    }
    mixed = [siblings[0], replace(siblings[1], activation_ranges=narrow | trunk)]
    windows = random_windows(8)
    np.testing.assert_allclose(
        scores_of(mixed, windows, "openvino", "int8"),
        scores_of(siblings[:2], windows, "openvino", "int8"),
        rtol=0,
        atol=1e-5,
    )

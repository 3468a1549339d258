"""Batches of one size; what a GPU records is emulated on the CPU, where there is none."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from backbones import GoogLeNet
from detector.config import Execution
from detector.engines.fixed_batch import FixedBatch, Run
from detector.engines.torch_engine import TorchEngine
from detector.members.member import Member
from detector.members.network import TorchMember
from detector.members.settings import MemberSettings

Windows = Callable[[int], NDArray[np.uint8]]

SIZE = 4
CPU = torch.device("cpu")

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device")


def recorded(run: Run, _device: torch.device) -> Run:
    """Return what writes every result over the last one, as a graph's replay does."""
    output = run()

    def replay() -> Tensor:
        with torch.inference_mode():
            return output.copy_(run())

    return replay


def refused(_run: Run, _device: torch.device) -> Run:
    raise RuntimeError("operation not permitted when stream is capturing")


def sums(windows: Tensor) -> Tensor:
    """Score each of two members' windows by a number of its own: (2, B, 1)."""
    one = windows.double().mean(dim=(1, 2, 3))[:, None]  # (B, 1)
    return torch.stack([one, 2 * one])


def make(member: Member, score: Callable[[Tensor], Tensor] = sums) -> FixedBatch:
    return FixedBatch(score, member, batch_size=SIZE, device=CPU, capture=recorded)


@pytest.mark.parametrize("counts", [[0], [1], [SIZE], [SIZE, 1, SIZE, 3, 0, 2]])
def test_every_window_gets_its_own_scores_whatever_was_scored_before(
    member: Member, random_windows: Windows, counts: list[int]
) -> None:
    fixed = make(member)
    batches = [random_windows(count) for count in counts]
    found = [fixed(windows) for windows in batches]  # read only when all have run
    for windows, scores in zip(batches, found, strict=True):
        torch.testing.assert_close(scores, sums(torch.from_numpy(windows)), rtol=0, atol=0)


def test_the_network_sees_one_shape_only(member: Member, random_windows: Windows) -> None:
    shapes = set()

    def score(windows: Tensor) -> Tensor:
        shapes.add(tuple(windows.shape))
        return sums(windows)

    fixed = make(member, score)
    for count in (1, SIZE, 2):
        fixed(torch.from_numpy(random_windows(count)))
    assert shapes == {(SIZE, 64, 64, 3)}


def test_scores_of_a_network_are_those_of_its_windows_alone(
    member: Member, random_windows: Windows
) -> None:
    network = TorchMember.of(member)
    fixed = make(member, lambda windows: network.probabilities(windows)[None])
    windows = random_windows(3)
    expected = network.probabilities(windows)
    torch.testing.assert_close(fixed(windows)[0], expected, rtol=1e-3, atol=1e-4)


@pytest.mark.parametrize(
    ("windows", "message"),
    [
        (np.zeros((5, 64, 64, 3), np.uint8), "must hold 4 windows at most but got 5"),
        (np.zeros((2, 32, 32, 3), np.uint8), r"windows must be \(R, 64, 64, 3\) uint8 but got"),
        (np.zeros((2, 64, 64, 3), np.float32), r"windows must be \(R, 64, 64, 3\) uint8 but got"),
    ],
)
def test_batches_that_do_not_fit_are_refused(
    member: Member, windows: NDArray[np.generic], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        make(member)(windows)


def test_where_nothing_can_be_recorded_a_warning_says_so_and_networks_run(
    member: Member, random_windows: Windows
) -> None:
    with pytest.warns(RuntimeWarning, match="call by call, which is slower: operation not perm"):
        fixed = FixedBatch(sums, member, batch_size=SIZE, device=CPU, capture=refused)
    windows = random_windows(2)
    torch.testing.assert_close(fixed(windows), sums(torch.from_numpy(windows)))


def test_a_run_copies_nothing_between_the_gpu_and_the_host(member: Member) -> None:
    """A graph could not hold it. The tensors say that they lie on a GPU, and hold no numbers."""
    settings = {one.name: getattr(member, one.name) for one in fields(MemberSettings)}
    with FakeTensorMode():
        with torch.device("cuda"):
            pretended = TorchMember(network=GoogLeNet(4).eval(), **settings)
            windows = torch.zeros((3, 64, 64, 3), dtype=torch.uint8)
        with _Devices() as devices:
            scores = pretended.probabilities(windows)
    assert scores.shape == (3, 4)
    assert devices.seen == {"cuda"}


class _Devices(TorchDispatchMode):
    """Notes the devices of all that operators take and give."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[str] = set()

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any = None
    ) -> object:
        output = func(*args, **(kwargs or {}))
        tensors = [x for x in tree_leaves((args, kwargs, output)) if isinstance(x, Tensor)]
        self.seen |= {tensor.device.type for tensor in tensors}
        return output


@needs_cuda
@pytest.mark.parametrize("precision", ["float32", "float16", "bfloat16"])
def test_a_recorded_graph_scores_as_the_networks_call_by_call(
    make_member: Callable[[int], Member], random_windows: Windows, precision: str
) -> None:
    execution = Execution(device="cuda", precision=precision, batch_size=SIZE)
    members = [make_member(seed) for seed in (0, 1)]
    engine = TorchEngine(members, execution)  # a warning that nothing was recorded fails the test
    batches = [random_windows(count) for count in (SIZE, 1, SIZE, 3)]
    found = list(engine.member_scores(batches))
    for windows, scores in zip(batches, found, strict=True):
        expected = [member.probabilities(windows).cpu().numpy() for member in engine.members]
        np.testing.assert_allclose(scores, expected, rtol=0, atol=0.02)

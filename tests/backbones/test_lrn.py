from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F  # noqa: N812

from backbones import LocalResponseNorm


def activations(*shape: int, seed: int = 0, scale: float = 100.0) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(*shape, generator=generator) * scale


def slow_lrn(x: Tensor, size: int, alpha: float, beta: float, k: float) -> Tensor:
    y = torch.empty_like(x, dtype=torch.float64)
    for c in range(x.shape[1]):
        energy = torch.zeros_like(y[:, 0])
        for j in range(c - size // 2, c + (size - 1) // 2 + 1):
            if 0 <= j < x.shape[1]:
                energy += x[:, j].double() ** 2
        y[:, c] = x[:, c].double() / (k + alpha / size * energy) ** beta
    return y


@pytest.mark.parametrize(
    "shape",
    [
        pytest.param((0, 8, 3, 3), id="no pictures"),
        pytest.param((1, 1, 1, 1), id="one channel"),
        pytest.param((2, 3, 2, 4), id="fewer channels than the window"),
        pytest.param((2, 5, 3, 3), id="as many channels as the window"),
        pytest.param((2, 64, 5, 7), id="first of GoogLeNet"),
    ],
)
def test_equals_slow_loop(shape: tuple[int, ...]) -> None:
    x = activations(*shape)
    torch.testing.assert_close(
        LocalResponseNorm(shape[1])(x).double(),
        slow_lrn(x, 5, 1e-4, 0.75, 1.0),
        rtol=1e-5,
        atol=1e-6,
    )


@settings(max_examples=40, deadline=None)
@given(
    batch=st.integers(0, 2),
    channels=st.integers(1, 12),
    height=st.integers(1, 4),
    width=st.integers(1, 4),
    size=st.integers(1, 7),
    alpha=st.sampled_from([1e-4, 1e-2, 1.0]),
    beta=st.sampled_from([0.75, 0.5, 1.0]),
    k=st.sampled_from([1.0, 2.0]),
    channels_last=st.booleans(),
    seed=st.integers(0, 99),
)
def test_values_and_gradients_equal_torch(
    batch: int,
    channels: int,
    height: int,
    width: int,
    size: int,
    alpha: float,
    beta: float,
    k: float,
    channels_last: bool,
    seed: int,
) -> None:
    layout = torch.channels_last if channels_last else torch.contiguous_format
    x = activations(batch, channels, height, width, seed=seed).contiguous(memory_format=layout)
    ours_in, torch_in = x.clone().requires_grad_(), x.clone().requires_grad_()
    ours = LocalResponseNorm(channels, size, alpha, beta, k)(ours_in)
    theirs = F.local_response_norm(torch_in, size, alpha, beta, k)
    torch.testing.assert_close(ours, theirs, rtol=2e-5, atol=1e-5)
    weight = activations(*x.shape, seed=seed + 1, scale=1.0)
    ours.backward(weight)
    theirs.backward(weight)
    torch.testing.assert_close(ours_in.grad, torch_in.grad, rtol=2e-5, atol=1e-5)


def test_gradient_equals_finite_differences() -> None:
    x = activations(1, 7, 2, 2, scale=2.0).double().requires_grad_()
    assert torch.autograd.gradcheck(LocalResponseNorm(7, alpha=0.5), (x,))


def test_second_derivative_is_refused_rather_than_wrong() -> None:
    x = activations(1, 7, 2, 2).requires_grad_()
    (first,) = torch.autograd.grad(LocalResponseNorm(7)(x).square().sum(), x, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()


def test_gradient_is_accurate_under_autocast() -> None:
    norm, x = LocalResponseNorm(16), activations(2, 16, 5, 5).requires_grad_()
    (exact,) = torch.autograd.grad(norm(x).sum(), x)
    with torch.autocast("cpu", torch.bfloat16):
        (ours,) = torch.autograd.grad(norm(x).sum(), x)
    assert torch.equal(ours, exact)


def test_keeps_channels_last_forward_and_backward() -> None:
    x = activations(2, 8, 4, 4).contiguous(memory_format=torch.channels_last).requires_grad_()
    y = LocalResponseNorm(8)(x)
    y.sum().backward()
    assert y.is_contiguous(memory_format=torch.channels_last)
    assert x.grad is not None
    assert x.grad.is_contiguous(memory_format=torch.channels_last)


def test_float16_loses_only_the_rounding_of_the_result() -> None:
    x = activations(2, 16, 5, 5, scale=3000.0).half()  # whose squares float16 cannot hold
    y = LocalResponseNorm(16).half()(x)
    assert y.dtype == torch.float16
    exact = slow_lrn(x, 5, 1e-4, 0.75, 1.0)
    torch.testing.assert_close(y.double(), exact, rtol=6e-4, atol=1e-6)


@pytest.mark.parametrize("scale", [1.0, 100.0, 3000.0])
def test_bfloat16_stays_within_a_few_roundings(scale: float) -> None:
    x = activations(2, 16, 9, 9, scale=scale).bfloat16()
    y = LocalResponseNorm(16).bfloat16()(x)
    assert y.dtype == torch.bfloat16
    exact = slow_lrn(x, 5, 1e-4, 0.75, 1.0)
    error = (y.double() - exact) / exact
    assert error.abs().max() < 0.02
    assert error.square().mean().sqrt() < 0.005


@pytest.mark.parametrize(("dtype", "bound"), [(torch.float16, 1e-3), (torch.bfloat16, 0.02)])
def test_half_precision_gradient_stays_near_float64s(dtype: torch.dtype, bound: float) -> None:
    norm, x = LocalResponseNorm(16), activations(2, 16, 9, 9, scale=300.0).to(dtype)
    weight = activations(2, 16, 9, 9, seed=1, scale=1.0).to(dtype)
    gradients = []
    for one in (x.clone().requires_grad_(), x.double().requires_grad_()):
        gradients += torch.autograd.grad(norm(one), one, weight.to(one.dtype))
    ours, exact = gradients
    assert ours.dtype == dtype
    assert (ours.double() - exact).norm() < bound * exact.norm()


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_autocast_changes_nothing(dtype: torch.dtype) -> None:
    norm = LocalResponseNorm(16)
    x = activations(2, 16, 5, 5, scale=1000.0).to(dtype)
    with torch.autocast("cpu", torch.bfloat16):
        y = norm(x)
    assert y.dtype == dtype
    assert torch.equal(y, norm(x))


def test_adds_nothing_to_the_state_dict() -> None:
    assert not LocalResponseNorm(64).state_dict()


@pytest.mark.parametrize(("channels", "size"), [(0, 5), (-1, 5), (8, 0)])
def test_refuses_impossible_sizes(channels: int, size: int) -> None:
    with pytest.raises(ValueError, match=f"channels={channels}, size={size}"):
        LocalResponseNorm(channels, size)


def test_repr_names_the_settings() -> None:
    assert repr(LocalResponseNorm(64)) == (
        "LocalResponseNorm(64, size=5, alpha=0.0001, beta=0.75, k=1.0)"
    )

"""Local response normalisation across channels, as Caffe and GoogLeNet have it."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable
from torch.nn import functional as F  # noqa: N812

from backbones.layout import LRN


class LocalResponseNorm(nn.Module):
    """Divide each activation by a power of its channel neighbourhood's energy.

    ``y[c] = x[c] / (k + alpha / size * sum(x[j]**2))**beta``, the sum over the ``size``
    channels centred on ``c`` (channels outside the tensor count as 0). The defaults are
    GoogLeNet's; the result is that of ``torch.nn.functional.local_response_norm``.

    The sum runs as a 1x1 convolution with a banded matrix of ones, which keeps
    channels-last tensors as they are and has a fast gradient. Autocast changes nothing:
    the input's own type rules. float16 is widened to float32 and only the result rounded;
    bfloat16 stays as it is, each step rounded, which costs 0.4 % rms where rounding the
    result alone costs 0.17 %. There is no second derivative.

    Parameters
    ----------
    channels : int
        Number of channels of the input; may be smaller than ``size``.
    size : int
        Width of the channel window (``local_size`` in Caffe).
    alpha, beta, k : float
        As in the formula above.

    Raises
    ------
    ValueError
        If ``channels`` or ``size`` is below 1.
    """

    band: Tensor

    def __init__(
        self,
        channels: int,
        size: int = LRN.size,
        alpha: float = LRN.alpha,
        beta: float = LRN.beta,
        k: float = LRN.k,
    ) -> None:
        super().__init__()
        if channels < 1 or size < 1:
            raise ValueError(
                f"channels and size must be at least 1 but got channels={channels}, size={size}"
            )
        self.size = size
        self.alpha = alpha
        self.beta = beta
        self.k = k
        # Ones and zeros are exact in every float type, so model.half() loses nothing.
        self.register_buffer("band", _channel_band(channels, size), persistent=False)

    def forward(self, x: Tensor) -> Tensor:
        """Return the normalised ``x``: (N, C, H, W), same shape, type and memory format."""
        # bfloat16 has float32's range, and stays: a third of the time. In float16 the square
        # of an activation above 255 would overflow.
        narrow = x.dtype == torch.bfloat16
        wide = x.dtype if narrow else torch.promote_types(x.dtype, torch.float32)
        weight = self.band.to(wide) * (self.alpha / self.size)  # (C, C, 1, 1)
        y: Tensor = _Normalise.apply(x, weight, self.k, self.beta)
        return y

    def extra_repr(self) -> str:
        """Name the settings in ``repr``."""
        return (
            f"{self.band.shape[0]}, size={self.size}, alpha={self.alpha}, beta={self.beta},"
            f" k={self.k}"
        )


def _channel_band(channels: int, size: int) -> Tensor:
    """Return (C, C, 1, 1) with 1 where the second channel lies in the first one's window."""
    index = torch.arange(channels)
    offset = index[None, :] - index[:, None]  # (C, C)
    inside = (offset >= -(size // 2)) & (offset <= (size - 1) // 2)
    return inside.to(torch.float32)[:, :, None, None]


class _Normalise(torch.autograd.Function):
    """``y = x * e**-beta`` with ``e = k + W x**2``, W the scaled band.

    Its gradient, written out, is ``g e**-beta - 2 beta x W'(g x e**(-beta - 1))``: half
    the passes over memory that autograd would make, and two tensors kept rather than five.

    Measured with benchmarks/more/lrn.py on one core of an AMD EPYC (AVX-512), float32, 16
    channels-last pictures of 56 x 56: forward and backward take 1/6.7 (64 channels) and
    1/3.3 (192) of the time of torch's function, 1/3.5 and 1/3.1 of shifted adds'.
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, k: float, beta: float) -> Tensor:  # noqa: ANN401
        base = weight.new_full((weight.shape[0],), k)  # (C,)
        with torch.autocast(x.device.type, enabled=False):
            energy = F.conv2d(x.to(weight.dtype).square(), weight, base)  # (N, C, H, W)
        ctx.save_for_backward(x, energy, weight)
        ctx.beta = beta
        return _inverse_power(energy, beta).mul_(x).to(x.dtype)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, grad: Tensor) -> tuple[Tensor, None, None, None]:  # noqa: ANN401
        x, energy, weight = ctx.saved_tensors
        direct = _inverse_power(energy, ctx.beta).mul_(grad)  # (N, C, H, W)
        back = weight.transpose(0, 1) * (-2 * ctx.beta)
        with torch.autocast(x.device.type, enabled=False):
            through_energy = F.conv2d((direct / energy).mul_(x), back).mul_(x)
        return direct.add_(through_energy).to(x.dtype), None, None, None


def _inverse_power(energy: Tensor, beta: float) -> Tensor:
    if beta == 0.75:  # two square roots cost less than pow
        root = energy.rsqrt()
        return root.mul_(root.sqrt())
    return energy.pow(-beta)

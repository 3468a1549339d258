"""The Inception block with dimension reductions (GoogLeNet paper, figure 2b)."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from backbones.layout import InceptionWidths


class Inception(nn.Module):
    """Four parallel branches over one input, joined along the channels.

    The branches are 1x1; 1x1 then 3x3; 1x1 then 5x5; 3x3 max-pool then 1x1. A ReLU
    follows every convolution; height and width stay as they are.

    Parameters
    ----------
    in_channels : int
        Number of channels of the input.
    widths : InceptionWidths
        Numbers of filters; the output has ``widths.out_channels`` channels.
    """

    def __init__(self, in_channels: int, widths: InceptionWidths) -> None:
        super().__init__()
        self.conv1x1 = nn.Conv2d(in_channels, widths.n1x1, 1)
        self.conv3x3_reduce = nn.Conv2d(in_channels, widths.n3x3_reduce, 1)
        self.conv3x3 = nn.Conv2d(widths.n3x3_reduce, widths.n3x3, 3, padding=1)
        self.conv5x5_reduce = nn.Conv2d(in_channels, widths.n5x5_reduce, 1)
        self.conv5x5 = nn.Conv2d(widths.n5x5_reduce, widths.n5x5, 5, padding=2)
        self.pool_proj = nn.Conv2d(in_channels, widths.pool_proj, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, H, W) to (N, out_channels, H, W): 1x1, 3x3, 5x5, pool proj."""
        pooled = F.max_pool2d(x, 3, stride=1, padding=1)
        branches = (
            _conv_relu(self.conv1x1, x),
            _conv_relu(self.conv3x3, _conv_relu(self.conv3x3_reduce, x)),
            _conv_relu(self.conv5x5, _conv_relu(self.conv5x5_reduce, x)),
            _conv_relu(self.pool_proj, pooled),
        )
        return torch.cat(branches, dim=1)


def _conv_relu(conv: nn.Conv2d, x: Tensor) -> Tensor:
    return F.relu(conv(x), inplace=True)

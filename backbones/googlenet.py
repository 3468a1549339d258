"""GoogLeNet as in Szegedy et al. 2014: local response normalisation, biases, true 5x5."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from backbones.inception import Inception
from backbones.layout import INCEPTION_WIDTHS, STEM_CHANNELS, STEM_MODULES
from backbones.lrn import LocalResponseNorm


class AuxiliaryLogits(NamedTuple):
    """Logits of the three classifiers in training, each (N, num_classes).

    The paper adds the losses of the auxiliary ones with weight 0.3.
    """

    main: Tensor
    auxiliary_4a: Tensor
    auxiliary_4d: Tensor


class GoogLeNet(nn.Module):
    """The 22-layer network of the paper's Table 1.

    Fresh weights are Caffe's Xavier: uniform within ``sqrt(3 / fan_in)``, biases 0.2, and
    0 on the classifiers. Images are (N, 3, 224, 224) float RGB, 0-255, minus the mean
    (``InputStatistics.normalise``); other sizes work where no auxiliary head is asked.

    Parameters
    ----------
    num_classes : int
        Number of logits.
    auxiliary_heads : bool
        Whether to build the two classifiers on 4a and 4d that help in training.
    dropout : float
        Share of features dropped before the classifier in training mode.

    Raises
    ------
    ValueError
        If ``num_classes`` is below 1 or ``dropout`` lies outside [0, 1].
    """

    def __init__(
        self, num_classes: int, *, auxiliary_heads: bool = False, dropout: float = 0.4
    ) -> None:
        super().__init__()
        _check_num_classes(num_classes)
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3)
        self.lrn1 = LocalResponseNorm(64)
        self.conv2_reduce = nn.Conv2d(64, 64, 1)
        self.conv2 = nn.Conv2d(64, STEM_CHANNELS, 3, padding=1)
        self.lrn2 = LocalResponseNorm(STEM_CHANNELS)
        self.inception_3a = Inception(STEM_CHANNELS, INCEPTION_WIDTHS["3a"])
        self.inception_3b = _block_after("3a", "3b")
        self.inception_4a = _block_after("3b", "4a")
        self.inception_4b = _block_after("4a", "4b")
        self.inception_4c = _block_after("4b", "4c")
        self.inception_4d = _block_after("4c", "4d")
        self.inception_4e = _block_after("4d", "4e")
        self.inception_5a = _block_after("4e", "5a")
        self.inception_5b = _block_after("5a", "5b")
        self.dropout = nn.Dropout(dropout)
        self.classifier = nn.Linear(INCEPTION_WIDTHS["5b"].out_channels, num_classes)
        self.auxiliary_4a: AuxiliaryHead | None = None
        self.auxiliary_4d: AuxiliaryHead | None = None
        if auxiliary_heads:
            self.auxiliary_4a = AuxiliaryHead(INCEPTION_WIDTHS["4a"].out_channels, num_classes)
            self.auxiliary_4d = AuxiliaryHead(INCEPTION_WIDTHS["4d"].out_channels, num_classes)
        self._initialise()

    def forward(self, x: Tensor) -> Tensor:
        """Map images (N, 3, 224, 224) to logits (N, num_classes)."""
        return self.classify(self.features(x))

    def forward_with_auxiliary(self, x: Tensor) -> AuxiliaryLogits:
        """Map images (N, 3, 224, 224) to the logits of all three classifiers.

        Raises
        ------
        ValueError
            If the network was built without auxiliary heads.
        """
        return self.trunk_with_auxiliary(self.stem(x))

    def trunk_with_auxiliary(self, x: Tensor) -> AuxiliaryLogits:
        """Map what ``stem`` gives, (N, 480, 14, 14), to the logits of all three classifiers.

        Raises
        ------
        ValueError
            If the network was built without auxiliary heads.
        """
        if self.auxiliary_4a is None or self.auxiliary_4d is None:
            raise ValueError("this GoogLeNet has no auxiliary heads: set auxiliary_heads=True")
        at_4a = self.inception_4a(x)  # (N, 512, 14, 14)
        at_4d = self._from_4a_to_4d(at_4a)  # (N, 528, 14, 14)
        return AuxiliaryLogits(
            main=self.classify(self._from_4d_to_features(at_4d)),
            auxiliary_4a=self.auxiliary_4a(at_4a),
            auxiliary_4d=self.auxiliary_4d(at_4d),
        )

    def features(self, x: Tensor) -> Tensor:
        """Map images (N, 3, 224, 224) to what the classifier sees, (N, 1024)."""
        return self.trunk(self.stem(x))

    def stem(self, x: Tensor) -> Tensor:
        """Run conv1 to 3b and the max-pool after it: (N, 3, 224, 224) to (N, 480, 14, 14)."""
        x = _halve(F.relu(self.conv1(x), inplace=True))  # (N, 64, 56, 56)
        x = F.relu(self.conv2_reduce(self.lrn1(x)), inplace=True)
        x = F.relu(self.conv2(x), inplace=True)  # (N, 192, 56, 56)
        x = _halve(self.lrn2(x))  # (N, 192, 28, 28)
        x = self.inception_3b(self.inception_3a(x))  # (N, 480, 28, 28)
        return _halve(x)

    def trunk(self, x: Tensor) -> Tensor:
        """Run 4a to 5b and the global average pool: (N, 480, 14, 14) to (N, 1024)."""
        return self._from_4d_to_features(self._from_4a_to_4d(self.inception_4a(x)))

    def maps(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Run 4a to 5b on what ``stem`` gives and keep the grids of 4e and 5b.

        Parameters
        ----------
        x : Tensor
            (N, 480, h, w); a cell covers 16 x 16 pixels of the image.

        Returns
        -------
        tuple of two Tensors
            (N, 832, h, w), and (N, 1024, h / 2, w / 2) rounded up.
        """
        return self._from_4d_to_maps(self._from_4a_to_4d(self.inception_4a(x)))

    def classify(self, features: Tensor) -> Tensor:
        """Map features (N, 1024) to logits (N, num_classes), with dropout in training."""
        logits: Tensor = self.classifier(self.dropout(features))
        return logits

    def freeze_stem(self) -> None:
        """Take the weights of ``stem`` out of training."""
        for name in STEM_MODULES:
            self.get_submodule(name).requires_grad_(False)

    def freeze_features(self) -> None:
        """Take all weights but the classifier's out of training."""
        self.requires_grad_(False)
        self.classifier.requires_grad_(True)

    def replace_classifier(
        self, num_classes: int, *, std: float = 0.01, generator: torch.Generator | None = None
    ) -> None:
        """Put fresh classifiers in place, the auxiliary ones too: N(0, std), biases 0.

        This is R-CNN's start for fine-tuning (Girshick et al. 2014, section 2.3).

        Parameters
        ----------
        num_classes : int
            Number of logits of the new classifiers.
        std : float
            Standard deviation of the new weights.
        generator : torch.Generator, optional
            CPU generator to draw from, whatever the network's device; torch's own when
            left out.

        Raises
        ------
        ValueError
            If ``num_classes`` is below 1.
        """
        _check_num_classes(num_classes)
        for owner in (self, self.auxiliary_4a, self.auxiliary_4d):
            if owner is not None:
                owner.classifier = _normal_linear(owner.classifier, num_classes, std, generator)

    def _from_4a_to_4d(self, x: Tensor) -> Tensor:
        at_4d: Tensor = self.inception_4d(self.inception_4c(self.inception_4b(x)))
        return at_4d

    def _from_4d_to_features(self, x: Tensor) -> Tensor:
        _, at_5b = self._from_4d_to_maps(x)
        return at_5b.mean(dim=(2, 3))

    def _from_4d_to_maps(self, x: Tensor) -> tuple[Tensor, Tensor]:
        at_4e = self.inception_4e(x)  # (N, 832, 14, 14)
        at_5b = self.inception_5b(self.inception_5a(_halve(at_4e)))  # (N, 1024, 7, 7)
        return at_4e, at_5b

    def _initialise(self) -> None:
        for name, parameter in self.named_parameters():
            if name.endswith("weight"):
                # Caffe's «xavier» divides by the fan-in alone, unlike xavier_uniform_.
                nn.init.kaiming_uniform_(parameter, nonlinearity="linear")
            else:
                nn.init.constant_(parameter, 0.0 if name.endswith("classifier.bias") else 0.2)


class AuxiliaryHead(nn.Module):
    """Classifier on an inner block (paper, section 5): average pool, 1x1, two linear layers.

    Parameters
    ----------
    in_channels : int
        Channels of the block's output, which is 14 x 14 for images of 224 x 224.
    num_classes : int
        Number of logits.
    """

    def __init__(self, in_channels: int, num_classes: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(in_channels, 128, 1)
        self.hidden = nn.Linear(128 * 4 * 4, 1024)
        self.dropout = nn.Dropout(0.7)
        self.classifier = nn.Linear(1024, num_classes)

    def forward(self, x: Tensor) -> Tensor:
        """Map (N, in_channels, 14, 14) to logits (N, num_classes)."""
        x = F.avg_pool2d(x, 5, stride=3)  # (N, in_channels, 4, 4)
        x = F.relu(self.conv(x), inplace=True).flatten(1)  # (N, 2048)
        x = F.relu(self.hidden(x), inplace=True)
        logits: Tensor = self.classifier(self.dropout(x))
        return logits


def _block_after(previous: str, name: str) -> Inception:
    return Inception(INCEPTION_WIDTHS[previous].out_channels, INCEPTION_WIDTHS[name])


def _halve(x: Tensor) -> Tensor:
    # Caffe rounds the size up and lets the last window hang over the border.
    return F.max_pool2d(x, 3, stride=2, ceil_mode=True)


def _normal_linear(
    old: nn.Linear, num_classes: int, std: float, generator: torch.Generator | None
) -> nn.Linear:
    weight = torch.randn(num_classes, old.in_features, generator=generator) * std
    with torch.random.fork_rng(devices=[]):  # its first weights must not move torch's generator
        new = nn.Linear(old.in_features, num_classes)
    with torch.no_grad():
        new.weight.copy_(weight)
        new.bias.zero_()
    return new.to(old.weight)


def _check_num_classes(num_classes: int) -> None:
    if num_classes < 1:
        raise ValueError(f"num_classes must be at least 1 but got {num_classes}")

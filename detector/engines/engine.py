"""What every engine offers: warped regions in, class scores of every member out.

An engine runs the networks of an ensemble on one kind of hardware. `Detector` knows engines
by this protocol only, so that each can be exchanged for any other.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from detector.members.settings import MemberSettings

Windows = Any
"""(B, S, S, 3) uint8 windows where the engine wants them: a NumPy array or a torch tensor."""

Image = Any
"""An (H, W, 3) uint8 RGB picture where the engine warps it: a NumPy array or a torch tensor."""


class Piece(NamedTuple):
    """Regions of one image that are part of a batch."""

    image: Image  # as `Engine.upload` returns it
    boxes_xyxy: NDArray[np.float32]  # (R, 4) pixels of the image


class Engine(Protocol):
    """Runs the M networks of an ensemble.

    Attributes
    ----------
    name : str
        Of the engine, its arithmetic and device, for people.
    settings : sequence of MemberSettings
        One a member; classes and warp are the same in all.
    batch_size : int
        Windows that a batch holds at most.
    """

    @property
    def name(self) -> str: ...  # noqa: D102 - see the class

    @property
    def settings(self) -> Sequence[MemberSettings]: ...  # noqa: D102 - see the class

    @property
    def batch_size(self) -> int: ...  # noqa: D102 - see the class

    def prepare(self) -> None:
        """Begin to make the networks ready, beside other work; scoring waits for them.

        Further calls do nothing.
        """
        ...

    def upload(self, image: NDArray[np.uint8]) -> Image:
        """Bring a picture to where its regions are warped."""
        ...

    def warp(self, pieces: Sequence[Piece]) -> Windows:
        """Warp the regions of a batch, ``batch_size`` at most, in their order."""
        ...

    def member_scores(self, batches: Iterable[Windows]) -> Iterator[NDArray[np.float32]]:
        """Score batches; yield ``(M, B, C + 1)`` scores for each, in their order.

        Column 0 is the background; `MemberSettings.classifier` says what a score is. May take
        several batches before it yields the first.

        Raises
        ------
        ValueError
            If a batch has another shape or type than ``warp`` gives, or too many windows.
        """
        ...


def mean_scores(member_scores: NDArray[np.float32]) -> NDArray[np.float32]:
    """Average the members' scores: ``(M, B, C + 1)`` to ``(B, C + 1)``.

    The mean of the scores is our choice: the paper (section 8) does not say how its
    six networks were combined in detection; in classification (section 7) it is this mean.
    """
    mean: NDArray[np.float32] = member_scores.mean(axis=0, dtype=np.float32)
    return mean


def check_calibrated(members: Sequence[MemberSettings]) -> None:
    """Raise ValueError unless every member is prepared for 8-bit arithmetic."""
    if not all(member.activation_ranges for member in members):
        raise ValueError(
            "8-bit arithmetic needs a calibrated member: run inception-rcnn calibrate on its file,"
            " or choose another precision"
        )

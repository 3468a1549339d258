"""How far the first n boxes of an image overlap its objects, for every n at once."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from foundation.kernels import kernel, read_only, subroutine


@dataclass(frozen=True, eq=False)
class OverlapSteps:
    """The overlap of each object with what the first n boxes of its image give it.

    More boxes never take an overlap away, so a few steps an object hold the overlaps for
    every n.

    Attributes
    ----------
    starts : ndarray, (G,) int64
        First step of each object. Each has at least one: an IoU of 0 from 0 boxes on.
    counts : ndarray, (S,) int32
        Number of boxes from which on a step holds.
    ious : ndarray, (S,) float32
        IoU of a step; the steps of an object ascend.
    """

    starts: NDArray[np.int64]
    counts: NDArray[np.int32]
    ious: NDArray[np.float32]

    def __len__(self) -> int:
        """Return the number of objects."""
        return len(self.starts)

    def at(self, count: int | None = None) -> NDArray[np.float32]:
        """Return each object's IoU ``(G,)`` with the first ``count`` boxes, or with all."""
        if count is None:
            reached = self.ious
        else:
            reached = np.where(self.counts <= count, self.ious, np.float32(0))
        return np.maximum.reduceat(reached, self.starts).astype(np.float32)

    @classmethod
    def join(cls, parts: Iterable[OverlapSteps]) -> OverlapSteps:
        """Return the objects of several images, in their order."""
        parts = [_running_steps(np.zeros((0, 0), np.float32)), *parts]
        before = np.cumsum([0, *(len(part.ious) for part in parts)])
        starts = [part.starts + offset for part, offset in zip(parts, before[:-1], strict=True)]
        return cls(
            np.concatenate(starts),
            np.concatenate([part.counts for part in parts]),
            np.concatenate([part.ious for part in parts]),
        )


def best_overlaps(ious: NDArray[np.float32]) -> OverlapSteps:
    """Follow the highest IoU of any box with each object.

    One box may serve several objects, as R-CNN and Selective Search count.

    Parameters
    ----------
    ious : ndarray, (N, G) float32
        Of each proposal, best first, with each object of one image.
    """
    return _running_steps(np.maximum.accumulate(ious, axis=0))


def matched_overlaps(ious: NDArray[np.float32]) -> OverlapSteps:
    """Follow the IoU of each object with the one box that is matched to it.

    The matching is greedy over the whole image: the pair of highest IoU first, then the
    highest of the boxes and objects that are left (Hosang et al. 2015). Of equal pairs the
    earlier box, then the earlier object, comes first. A box serves one object.

    Parameters
    ----------
    ious : ndarray, (N, G) float32
        Of each proposal, best first, with each object of one image.
    """
    so_far = np.empty(ious.shape, np.float32)
    holders, held = np.full(ious.shape[1], -1, np.int64), np.zeros(ious.shape[1], np.float32)
    _match(read_only(ious, np.float32), holders, held, so_far)
    return _running_steps(so_far)


@kernel
def _match(
    ious: NDArray[np.float32],
    holders: NDArray[np.int64],
    held: NDArray[np.float32],
    so_far: NDArray[np.float32],
) -> None:
    """Fill in each object's matched IoU after each box, (N, G).

    Greedy matching is the stable matching in which boxes and objects prefer the higher IoU.
    A newcomer takes the object it likes best of those that prefer it, the box it displaces
    looks again, and the matching is that of all boxes so far: nothing starts anew.
    """
    for newcomer in range(ious.shape[0]):
        box = newcomer
        while box >= 0:
            box = _settle(box, ious[box], holders, held)
        for i in range(held.size):
            so_far[newcomer, i] = held[i]


@subroutine
def _settle(
    box: int,
    overlaps: NDArray[np.float32],
    holders: NDArray[np.int64],
    held: NDArray[np.float32],
) -> int:
    """Give a box the best object that prefers it; return the box displaced there, or -1."""
    choice = -1
    for i in range(overlaps.size):
        earlier = overlaps[i] == held[i] and box < holders[i]
        preferred = overlaps[i] > held[i] or earlier
        if preferred and (choice < 0 or overlaps[i] > overlaps[choice]):
            choice = i
    if choice < 0:
        return -1
    displaced = int(holders[choice])
    holders[choice] = box
    held[choice] = overlaps[choice]
    return displaced


def _running_steps(so_far: NDArray[np.float32]) -> OverlapSteps:
    """Keep where the IoUs ``(N, G)``, which only grow down each column, do grow."""
    with_none = np.concatenate([np.zeros((1, so_far.shape[1]), np.float32), so_far])  # (N + 1, G)
    grows = np.ones_like(with_none, dtype=np.bool_)
    grows[1:] = with_none[1:] > with_none[:-1]
    objects, counts = np.nonzero(grows.T)  # by object, then by number of boxes
    return OverlapSteps(
        starts=np.flatnonzero(counts == 0).astype(np.int64),
        counts=counts.astype(np.int32),
        ious=with_none[counts, objects],
    )

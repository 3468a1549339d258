"""Cheap evidence first: one member scores every region, all members those that can matter."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import closing

import numpy as np
from numpy.typing import NDArray

from detector.engines.engine import Engine, mean_scores
from detector.pipeline import MemberScored, Prepared, Scored, score_by_member

# What goes on is scored by the other members as soon as it fills so many batches, so that the
# last one, which is not full, weighs little; and after so many images at most, whose pictures
# wait in memory.
_BATCHES_A_GROUP = 8
_IMAGES_A_GROUP = 8

_Group = Sequence[tuple[MemberScored, NDArray[np.bool_]]]
"""Images with which of their regions go on."""


def score_in_cascade(
    images: Iterable[Prepared], first: Engine, others: Engine, threshold: float
) -> Generator[Scored, None, None]:
    """Score the regions of images, in their order: all by one engine, survivors by both.

    The same as `apply_cascade` on the scores of all members.

    Parameters
    ----------
    images : iterable of Prepared
        Taken a few ahead of what is yielded.
    first, others : Engine
        Of the member in front and of the rest, so that nothing but a stem is worked out twice.
    threshold : float
        As in `survivors`.
    """
    with closing(score_by_member(images, first, upcoming=others)) as by_first:
        for group in _groups(by_first, threshold, _BATCHES_A_GROUP * others.batch_size):
            yield from _scored_by_all(group, others)


def _scored_by_all(group: _Group, others: Engine) -> Iterator[Scored]:
    again = [
        one.prepared._replace(boxes_xyxy=one.prepared.boxes_xyxy[going_on])
        for one, going_on in group
    ]
    for (one, going_on), more in zip(group, score_by_member(again, others), strict=True):
        scores = mean_scores(one.member_scores)
        of_all = [one.member_scores[:, going_on], more.member_scores]
        scores[going_on] = mean_scores(np.concatenate(of_all))
        yield Scored(one.prepared, scores)


def _groups(by_first: Iterable[MemberScored], threshold: float, enough: int) -> Iterator[_Group]:
    """Yield images with their survivors, as many together as have enough of them."""
    group: list[tuple[MemberScored, NDArray[np.bool_]]] = []
    count = 0
    failure = None
    try:
        for one in by_first:
            going_on = survivors(mean_scores(one.member_scores), threshold)
            group.append((one, going_on))
            count += int(going_on.sum())
            if count >= enough or len(group) == _IMAGES_A_GROUP:
                yield group
                group, count = [], 0
    except Exception as error:  # noqa: BLE001 - raised when what came before it is done
        failure = error
    if group:
        yield group
    if failure is not None:
        raise failure


def survivors(scores: NDArray[np.float32], threshold: float) -> NDArray[np.bool_]:
    """Return which regions all members are to score.

    Parameters
    ----------
    scores : (R, C + 1) float32 array
        Of the first member; column 0 is the background.
    threshold : float
        Least score of any class.

    Returns
    -------
    (R,) bool array
    """
    going_on: NDArray[np.bool_] = scores[:, 1:].max(axis=1) >= threshold
    return going_on


def apply_cascade(member_scores: NDArray[np.float32], threshold: float) -> NDArray[np.float32]:
    """Return the scores that a cascade gives, from what every member gives every region.

    Parameters
    ----------
    member_scores : (M, R, C + 1) float32 array
    threshold : float
        As in `survivors`; at 0 the result is the mean of all members.

    Returns
    -------
    (R, C + 1) float32 array
    """
    scores: NDArray[np.float32] = member_scores[0].copy()
    going_on = survivors(scores, threshold)
    scores[going_on] = mean_scores(member_scores[:, going_on])
    return scores

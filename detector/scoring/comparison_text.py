"""What a comparison of two detectors comes to, in sentences."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from detector.scoring.comparison import FEWEST_IMAGES, Change, Comparison

_LUCK: Final = 0.05  # share of intervals of 95 % that keep off 0 where nothing has changed
_NAMED: Final = 10  # classes on a line


def statement(second: str, first: str, change: Change, image_count: int) -> str:
    """Say whether the second is better than the first, and by how much.

    Parameters
    ----------
    second, first : str
        What they are called.
    change : Change
        Of the mAP, from the first to the second.
    image_count : int
    """
    points, share = change.points, f"better in {change.better} of {change.resamples} resamples"
    if change.verdict == "undecided":
        return (
            f"{second} and {first} cannot be told apart on these {image_count} images:"
            f" {points.estimate:+.2f} points (95 % interval {points.low:+.2f} to"
            f" {points.high:+.2f}), {share}"
        )
    low, high = sorted((abs(points.low), abs(points.high)))
    return (
        f"{second} is {change.verdict} than {first} by {abs(points.estimate):.2f} points"
        f" (95 % interval {low:.2f} to {high:.2f}): {share}"
    )


def remarks(comparison: Comparison) -> Iterator[str]:
    """Yield what is to be said of the classes together."""
    changes = [one for one in comparison.by_class.values() if one.images]
    enough = [one for one in changes if one.images >= FEWEST_IMAGES]
    moved = sum(one.verdict != "undecided" for one in enough)
    yield (
        f"intervals of {moved} of {len(enough)} classes keep off 0; of as many that have not"
        f" changed, {_LUCK * len(enough):.1f} would by luck"
    )
    if few := len(changes) - len(enough):
        yield f"not judged, as fewer than {FEWEST_IMAGES} images hold them: {few} classes"
    if without := len(comparison.by_class) - len(changes):
        yield f"left out, as they have no objects: {without} classes"
    if names := [one.name for one in comparison.left_out]:
        more = f" and {len(names) - _NAMED} more" if len(names) > _NAMED else ""
        yield f"left out, as one file lacks them: {', '.join(names[:_NAMED])}{more}"

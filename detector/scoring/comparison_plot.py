"""The changes of average precisions as a plot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

from foundation.files import whole_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from detector.classes import ObjectClass
    from detector.scoring.comparison import Change, Comparison

# Okabe and Ito's colours, which people with any colour vision tell apart.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_MARKERS = ("o", "s", "^", "D")  # files beyond the colours differ in these, too
_INK, _GRID = "#333333", "#DDDDDD"
_DOTS_PER_INCH = 150
_WIDTH = 7.0  # inches
_HIGHEST = 300.0  # inches; PNG files of more than 2^16 pixels are not written
_ROOM = 0.7  # of a class's row, for the marks of all files

Changes = Mapping["ObjectClass | None", "Change"]
"""By class; that of the mean by None."""


def write_plot(path: Path, first: str, comparisons: Mapping[str, Comparison]) -> None:
    """Write a PNG: a row a class, the mean on top, a mark with an interval for each file.

    Parameters
    ----------
    path : Path
    first : str
        Name of the file that the others are compared with.
    comparisons : mapping of str to Comparison
        By name of the file.
    """
    from matplotlib.figure import Figure

    by_file = {name: _changes(one) for name, one in comparisons.items()}
    rows = _rows(by_file)
    height = min(1.6 + len(rows) * (0.14 + 0.12 * len(by_file)), _HIGHEST)
    figure = Figure((_WIDTH, height), layout="constrained")
    panel = figure.subplots()
    for number, (name, changes) in enumerate(by_file.items()):
        offset = _ROOM * ((number + 0.5) / len(by_file) - 0.5)
        _draw(panel, rows, changes, offset, number, name)
    _dress(panel, rows, first)
    figure.legend(loc="outside lower center", frameon=False, labelcolor=_INK)
    with whole_file(path) as temporary:
        figure.savefig(temporary, dpi=_DOTS_PER_INCH)


def _changes(comparison: Comparison) -> dict[ObjectClass | None, Change]:
    """Return the changes that are known, the mean first."""
    changes: dict[ObjectClass | None, Change] = {None: comparison.mean_ap}
    changes.update((one, change) for one, change in comparison.by_class.items() if change.resamples)
    return changes


def _rows(by_file: Mapping[str, Changes]) -> list[ObjectClass | None]:
    """Return the mean, then all classes, the greatest gain first."""
    gains: dict[ObjectClass, list[float]] = {}
    for changes in by_file.values():
        for one, change in changes.items():
            if one is not None:
                gains.setdefault(one, []).append(change.points.estimate)
    return [None, *sorted(gains, key=lambda one: -fmean(gains[one]))]


def _draw(
    panel: Axes,
    rows: Sequence[ObjectClass | None],
    changes: Changes,
    offset: float,
    number: int,
    name: str,
) -> None:
    """Draw the changes of one file, each a little off the middle of its row."""
    places = [place for place, row in enumerate(rows) if row in changes]
    points = [changes[rows[place]].points for place in places]
    heights = [place + offset for place in places]
    round_, colour = divmod(number, len(_COLOURS))
    panel.hlines(
        heights, [one.low for one in points], [one.high for one in points],
        color=_COLOURS[colour], linewidth=1.4,
    )  # fmt: skip
    panel.plot(
        [one.estimate for one in points], heights, color=_COLOURS[colour], linestyle="none",
        marker=_MARKERS[round_ % len(_MARKERS)], markersize=4, label=_plain(name),
    )  # fmt: skip


def _dress(panel: Axes, rows: Sequence[ObjectClass | None], first: str) -> None:
    names = ["mAP" if row is None else row.name.replace("_", " ") for row in rows]
    panel.axvline(0, color=_INK, linewidth=1)
    panel.axhline(0.5, color=_GRID, linewidth=1)  # below the mean
    panel.set_yticks(range(len(rows)), [_plain(name) for name in names])
    panel.set_ylim(len(rows) - 0.5, -0.5)
    panel.set_xlabel(f"points of AP more than {_plain(first)}, and 95 % intervals", color=_INK)
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(color=_GRID, linewidth=0.8, axis="x")
    panel.set_axisbelow(True)


def _plain(text: str) -> str:
    return text.replace("$", r"\$")  # what stands between dollars is set as mathematics

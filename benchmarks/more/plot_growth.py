"""Draw how the seconds of a picture grow, from the figures of the detection benchmark.

Command: ``python benchmarks/more/plot_growth.py detection.json growth.png``, with the file that
``benchmarks/detection.py --json`` writes. The line against the number of regions is the
straight one that lies nearest to the points.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# As in the plots of coverage.
_COLOUR, _FAINT = "#0072B2", "#56B4E9"
_INK, _GRID = "#333333", "#DDDDDD"
_DOTS_PER_INCH = 110
_SIZE = (8.0, 3.3)  # inches
_HEADROOM = 1.15

Points = Mapping[int, float]


def main() -> None:
    """Read the figures and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("figures", type=Path, help="JSON of benchmarks/detection.py")
    parser.add_argument("picture", type=Path, help="PNG to write")
    options = parser.parse_args()
    document = json.loads(options.figures.read_text(encoding="utf-8"))
    if "growth" not in document:
        parser.error(f"{options.figures}: holds no growth; run detection.py --only growth again")
    draw(document).savefig(options.picture, dpi=_DOTS_PER_INCH)


def draw(document: Mapping[str, Any]) -> Figure:
    """Return the figure of a document of the detection benchmark."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    machine = document["machine"]
    layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.08)  # inches
    figure = Figure(_SIZE, layout=layout)
    figure.suptitle(
        f"Seconds a picture ({document['engine']}: {machine['processor']},"
        f" {machine['threads']} threads)",
        color=_INK,
        fontweight="bold",
    )
    by_regions, by_width = (
        {int(at): seconds for at, seconds in document["growth"][name].items()}
        for name in ("regions", "width")
    )
    left, right = figure.subplots(1, 2)
    plot_regions(left, by_regions)
    plot_width(right, by_width)
    return figure


def plot_regions(panel: Axes, points: Points) -> None:
    """Draw seconds against regions, and the line that fits them."""
    counts, seconds = np.array(list(points)), np.array(list(points.values()))
    slope, start = np.polyfit(counts, seconds, 1)
    ends = np.array([0, counts.max()])
    panel.plot(ends, start + slope * ends, color=_FAINT, linewidth=1.8)
    _finish(panel, points, shift=-6)  # beside the line, not on it
    panel.set(xlabel="regions scored", ylabel="seconds without proposals")
    _note(panel, f"line: {start:.2f} s, and {slope * 1e3:.1f} ms a region")


def plot_width(panel: Axes, points: Points) -> None:
    """Draw seconds against the width of the picture."""
    panel.plot(list(points), list(points.values()), color=_FAINT, linewidth=1.8)
    _finish(panel, points)
    panel.set(xlabel="width of the picture, pixels", ylabel="seconds with proposals")
    _note(panel, "300 regions scored")


def _note(panel: Axes, text: str) -> None:
    panel.text(0.97, 0.06, text, color=_INK, transform=panel.transAxes, horizontalalignment="right")


def _finish(panel: Axes, points: Points, *, shift: float = 0) -> None:
    """Mark the points, label them above and a shift beside, and give the panel its look."""
    panel.plot(list(points), list(points.values()), "o", color=_COLOUR, markersize=5)
    for at, seconds in points.items():
        panel.annotate(
            f"{seconds:.2f}", (at, seconds), (shift, 7), textcoords="offset points",
            color=_INK, fontsize=8, horizontalalignment="center",
        )  # fmt: skip
    panel.set_xlim(0, max(points) * _HEADROOM)
    panel.set_ylim(0, max(points.values()) * _HEADROOM)
    panel.set_xticks([0, *points], [f"{at:,}" for at in (0, *points)])
    panel.spines[["top", "right"]].set_visible(False)
    panel.grid(color=_GRID, linewidth=0.8, axis="y")
    panel.set_axisbelow(True)


if __name__ == "__main__":
    main()

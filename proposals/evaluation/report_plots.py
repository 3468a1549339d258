"""The figures of coverage as plots."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from foundation.files import whole_file
from proposals.evaluation.report import IOU_THRESHOLDS

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from numpy.typing import NDArray

    from proposals.evaluation.report import GeneratorReport

# Okabe and Ito's colours, which people with any colour vision tell apart; without the yellow,
# which is faint as a line.
_COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
_DASHES = ("-", "--", ":")  # generators beyond the colours differ in these, too
_HATCHES = ("", "///", "...")
_INK, _GRID = "#333333", "#DDDDDD"
_DOTS_PER_INCH = 150
_PANEL = (4.0, 3.3)  # inches
_HIGHEST = 300.0  # inches; PNG files of more than 2^16 pixels are not written
_PANELS_A_ROW = 3
_BARS = 0.8  # of the room that a group of bars has

Reports = Mapping[str, "GeneratorReport"]


class _Style(NamedTuple):
    label: str
    colour: str
    dash: str
    hatch: str


def write_plots(folder: Path, reports: Reports) -> None:
    """Write each plot as a PNG into ``folder``."""
    for name, plot in (
        ("recall_by_iou", _plot_recall_by_iou),
        ("by_boxes", _plot_by_boxes),
        ("by_size", _plot_by_size),
        ("abo_by_class", _plot_abo),
    ):
        with whole_file(folder / f"{name}.png") as temporary:
            plot(reports).savefig(temporary, dpi=_DOTS_PER_INCH)


def _plot_recall_by_iou(reports: Reports) -> Figure:
    keys = list(next(iter(reports.values())).recall_by_iou)
    figure, panels = _panels(len(keys), "Recall against IoU, one box an object")
    for panel, key in zip(panels, keys, strict=True):
        for name, style in _styles(reports):
            _line(panel, IOU_THRESHOLDS, reports[name].recall_by_iou[key], style)
        panel.set_title("all boxes" if key == "all" else f"first {int(key):,} boxes")
        panel.set(xlabel="IoU", xlim=(0.5, 1), ylim=(0, 1))
    for panel in panels[::_PANELS_A_ROW]:
        panel.set_ylabel("recall (one-to-one)")
    _add_legend(figure, panels[0])
    return figure


def _plot_by_boxes(reports: Reports) -> Figure:
    fields = {
        "coverage_50": "coverage at IoU 0.5 (any)",
        "recall_50": "recall at IoU 0.5 (one-to-one)",
        "average_recall": "average recall (one-to-one)",
    }
    figure, panels = _panels(len(fields), "The first N boxes of each image")
    for panel, (field, label) in zip(panels, fields.items(), strict=True):
        for name, style in _styles(reports):
            curve = reports[name].curve
            _line(panel, curve.boxes, getattr(curve, field), style, end="o")
        panel.set(xlabel="N", ylabel=label, xscale="log", ylim=(0, 1))
        panel.set_xlim(left=1)
        panel.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
    _add_legend(figure, panels[0])
    return figure


def _plot_by_size(reports: Reports) -> Figure:
    sizes = {size: one["all"] for size, one in next(iter(reports.values())).by_size.items()}
    figure, panels = _panels(2, "All boxes, by size of the object")
    for name, style, places in _bar_places(reports, len(sizes)):
        qualities = [by_budget["all"] for by_budget in reports[name].by_size.values()]
        coverage = [quality.any.at_50 for quality in qualities]
        average = [quality.one_to_one.average for quality in qualities]
        for panel, heights in zip(panels, (coverage, average), strict=True):
            bars = panel.bar(
                places, heights, _BARS / len(reports), label=style.label, color=style.colour,
                hatch=style.hatch, edgecolor="white",
            )  # fmt: skip
            if len(reports) <= 4:
                panel.bar_label(bars, fmt=_two_digits, fontsize=7, padding=1, color=_INK)
    labels = [f"{size}\n{quality.objects:,} objects" for size, quality in sizes.items()]
    for panel, label in zip(
        panels, ("coverage at IoU 0.5 (any)", "average recall (one-to-one)"), strict=True
    ):
        panel.set(ylabel=label, ylim=(0, 1.05))
        panel.set_xticks(range(len(sizes)), labels)
        panel.grid(visible=False, axis="x")
    _add_legend(figure, panels[0])
    return figure


def _plot_abo(reports: Reports) -> Figure:
    """Plot a group of bars a class, the best class on top; the figure grows with the classes."""
    counts = {name: one.objects for name, one in next(iter(reports.values())).abo.items()}
    classes = sorted(counts, key=lambda name: -sum(one.abo[name].abo for one in reports.values()))
    figure, (panel,) = _panels(1, "Average best overlap of each class (and its objects)")
    rows = min(len(classes) * (0.12 + 0.13 * len(reports)), _HIGHEST)
    figure.set_size_inches(7, 1.8 + rows)
    for name, style, places in _bar_places(reports, len(classes)):
        mabo = reports[name].by_budget["all"].mabo
        lengths = [reports[name].abo[class_name].abo for class_name in classes]
        panel.barh(
            places, lengths, _BARS / len(reports), label=f"{style.label} (MABO {mabo:.3f})",
            color=style.colour, hatch=style.hatch, edgecolor="white",
        )  # fmt: skip
        panel.axvline(mabo, color=style.colour, linestyle=style.dash, linewidth=1)
    panel.set_yticks(
        range(len(classes)), [f"{name} ({counts[name]:,})".replace("_", " ") for name in classes]
    )
    panel.set(xlabel="average best overlap (any), all boxes; lines: MABO", xlim=(0, 1))
    panel.set_ylim(len(classes) - 0.4, -0.6)  # the best on top
    panel.grid(visible=False, axis="y")
    _add_legend(figure, panel)
    return figure


def _panels(count: int, title: str) -> tuple[Figure, list[Axes]]:
    """Return a figure, and ``count`` of its panels in rows."""
    from matplotlib.figure import Figure
    from matplotlib.layout_engine import ConstrainedLayoutEngine

    columns = min(count, _PANELS_A_ROW)
    rows = -(-count // columns)
    layout = ConstrainedLayoutEngine(w_pad=0.12, h_pad=0.08)  # inches
    figure = Figure((_PANEL[0] * columns, _PANEL[1] * rows + 0.8), layout=layout)
    figure.suptitle(title, color=_INK, fontweight="bold")
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for panel in panels[count:]:
        panel.remove()
    for panel in panels[:count]:
        panel.spines[["top", "right"]].set_visible(False)
        panel.grid(color=_GRID, linewidth=0.8)
        panel.set_axisbelow(True)
    return figure, panels[:count]


def _styles(reports: Reports) -> Iterator[tuple[str, _Style]]:
    for index, name in enumerate(reports):
        round_, colour = divmod(index, len(_COLOURS))
        look = round_ % len(_DASHES)
        label = name.replace("$", r"\$")  # what stands between dollars is set as mathematics
        yield name, _Style(label, _COLOURS[colour], _DASHES[look], _HATCHES[look])


def _bar_places(
    reports: Reports, groups: int
) -> Iterator[tuple[str, _Style, NDArray[np.floating]]]:
    """Yield each generator with the middle of its bar in each group, groups one apart."""
    for index, (name, style) in enumerate(_styles(reports)):
        yield name, style, np.arange(groups) + _BARS * ((index + 0.5) / len(reports) - 0.5)


def _line(
    panel: Axes, x: Sequence[float], y: Sequence[float], style: _Style, *, end: str = ""
) -> None:
    """Draw a curve, with a marker at its end if one is named."""
    panel.plot(
        x, y, color=style.colour, linestyle=style.dash, linewidth=1.8, label=style.label,
        marker=end, markersize=4, markevery=[-1],
    )  # fmt: skip


def _two_digits(value: float) -> str:
    return "" if np.isnan(value) else f"{value:.2f}"


def _add_legend(figure: Figure, panel: Axes) -> None:
    """List the generators once, below all panels; the figure grows with the list."""
    handles, labels = panel.get_legend_handles_labels()
    letters = int(figure.get_figwidth() * 11)  # that fit side by side
    columns = min(len(labels), max(1, letters // (max(map(len, labels)) + 8)))
    rows = -(-len(labels) // columns)
    figure.set_figheight(figure.get_figheight() + 0.22 * (rows - 1))
    figure.legend(handles, labels, loc="outside lower center", ncols=columns, frameon=False)

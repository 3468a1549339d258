"""The figures of coverage as tables of text."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from proposals.evaluation.bootstrap import Interval
    from proposals.evaluation.coverage import Quality
    from proposals.evaluation.report import GeneratorReport


def report_lines(reports: Mapping[str, GeneratorReport], baseline: str) -> Iterator[str]:
    """Yield the lines of tables of all figures but curves and single classes.

    Parameters
    ----------
    reports : mapping of str to GeneratorReport
        By name of the generator.
    baseline : str
        The one that the others are compared with.
    """
    yield from _summary(reports)
    by_budget = {name: one.by_budget for name, one in reports.items()}
    yield from _qualities(
        "coverage at IoU 0.5 (any) of the first N boxes", by_budget, lambda q: q.any.at_50
    )
    yield from _qualities(
        "recall at IoU 0.5 (one-to-one) of the first N boxes",
        by_budget,
        lambda q: q.one_to_one.at_50,
    )
    yield from _qualities(
        "average recall (one-to-one) of the first N boxes",
        by_budget,
        lambda q: q.one_to_one.average,
    )
    yield from _sizes(reports)
    if len(reports) > 1:
        yield from _comparisons(reports, baseline)


def _summary(reports: Mapping[str, GeneratorReport]) -> Iterator[str]:
    header = ["all boxes", "boxes", "median", "cov .5", "cov .7", "AR", "MABO", "s/image"]
    rows = []
    for name, one in reports.items():
        quality = one.by_budget["all"]
        shares = (quality.any.at_50, quality.any.at_70, quality.one_to_one.average, quality.mabo)
        rows.append(
            [
                name,
                _number(one.boxes_mean, ".1f"),
                _number(one.boxes_median, ".0f"),
                *(_number(share, ".4f") for share in shares),
                _number(one.seconds_median, ".3f"),
            ]
        )
    yield from _table(header, rows)
    yield "cov: coverage (any); AR: average recall (one-to-one); s/image: median"


def _qualities(
    title: str,
    qualities: Mapping[str, Mapping[str, Quality]],
    figure: Callable[[Quality], float],
) -> Iterator[str]:
    yield f"\n{title}"
    columns = next(iter(qualities.values()))
    rows = [
        [name, *(_number(figure(quality), ".4f") for quality in by_column.values())]
        for name, by_column in qualities.items()
    ]
    yield from _table(["", *columns], rows)


def _sizes(reports: Mapping[str, GeneratorReport]) -> Iterator[str]:
    with_all = {
        name: {size: by_budget["all"] for size, by_budget in one.by_size.items()}
        for name, one in reports.items()
    }
    objects = {size: quality.objects for size, quality in next(iter(with_all.values())).items()}
    counted = ", ".join(f"{count} {size}" for size, count in objects.items())
    yield from _qualities(
        f"coverage at IoU 0.5 (any) by size of the objects: {counted}",
        with_all,
        lambda q: q.any.at_50,
    )
    yield from _qualities(
        "average recall (one-to-one) by size of the objects",
        with_all,
        lambda q: q.one_to_one.average,
    )
    for size, count in objects.items():
        yield from _qualities(
            f"recall at IoU 0.5 (one-to-one) of the first N boxes, {count} {size} objects",
            {name: one.by_size[size] for name, one in reports.items()},
            lambda q: q.one_to_one.at_50,
        )


def _comparisons(reports: Mapping[str, GeneratorReport], baseline: str) -> Iterator[str]:
    yield f"\nagainst {baseline}: ratios; differences of all boxes with 95 % intervals"
    rows = []
    for name, one in reports.items():
        if (beside := one.against_baseline) is not None:
            rows.append(
                [
                    name,
                    _number(beside.boxes, ".3f"),
                    _number(beside.seconds, ".2f"),
                    _interval(beside.coverage_50),
                    _interval(beside.average_recall),
                ]
            )
    yield from _table(["", "boxes", "time", "coverage .5 (any)", "AR (one-to-one)"], rows)


def _interval(interval: Interval) -> str:
    if math.isnan(interval.estimate):
        return "-"
    return f"{interval.estimate:+.4f} ({interval.low:+.4f} to {interval.high:+.4f})"


def _number(value: float, form: str) -> str:
    return "-" if math.isnan(value) else format(value, form)


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    """Yield lines of columns as wide as their content, the first to the left, numbers right."""
    lines = [header, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    for name, *numbers in lines:
        cells = (f"{text:>{width}}" for text, width in zip(numbers, widths[1:], strict=True))
        yield "  ".join([f"{name:<{widths[0]}}", *cells]).rstrip()

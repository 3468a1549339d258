"""Say whether one detector is better than another: the difference in mAP and its interval.

Examples
--------
Score two detectors on the same images, each into a file, and compare the files:

    inception-rcnn eval-map --root ILSVRC --split val --json a.json
    inception-rcnn eval-map --root ILSVRC --split val --predictions theirs.txt --json b.json
    inception-rcnn compare a.json b.json

Compare several with the first, write the figures, draw the change of every class:

    inception-rcnn compare a.json b.json c.json --json changes.json --plot changes.png

Show two side by side on one page (docs/report.md), with the pictures on which they differ most:

    inception-rcnn compare a.json b.json --report change.html --pictures ILSVRC/Data/DET/val

Neither pictures nor annotations are needed: a file holds what every detection found. Images are
drawn with replacement 1,000 times, the same ones for both files, and an interval holds 95 % of
the differences that come of it. A file is called better or worse than the first where the
interval lies above or below 0. An interval of one class does so by luck once in twenty times
even where nothing has changed: of many classes, some will. A class that fewer than six images hold
is called neither.

Files must be of the same images, objects and rules (of COCO's, AP is that at an IoU of 0.5). The
classes that both have are compared, the others named. Points are hundredths of mAP or AP.
Exit codes: 0 done, whatever came of it; 2 a file cannot be used, or two cannot be compared.
"""

from __future__ import annotations

import argparse
import json
import shlex
from collections.abc import Mapping, Sequence
from datetime import datetime
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Any

from detector.commands.shared.command import refuse_usage, teaching_parser
from detector.commands.shared.inputs import list_pictures
from detector.commands.shared.progress import progress
from detector.commands.shared.values import existing_folder, output_file

if TYPE_CHECKING:
    from detector.scoring.comparison import Change, Comparison, Resampled
    from detector.scoring.evaluation import Evaluation

_SEED = 0  # of the drawn images


def build_parser(program: str | None) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = teaching_parser(__doc__, program)
    add = parser.add_argument
    # fmt: off
    add("files", type=Path, nargs="+", metavar="FILE",
        help="what eval-map --json wrote; the second and all others are compared with"
        " the first")
    add("-j", "--json", type=output_file, metavar="FILE", help="write all figures there, too")
    add("--plot", type=output_file, metavar="FILE",
        help="draw the changes of mAP and of every class with their intervals (PNG)")
    add("--report", type=output_file, metavar="FILE",
        help="write two files side by side there, as a page of HTML that needs nothing else")
    add("--pictures", type=existing_folder, metavar="DIR",
        help="folder of the pictures, which may be in folders there: the report shows those on"
        " which the two differ most")
    # fmt: on
    return parser


def run(options: argparse.Namespace) -> int:
    """Compare all files with the first, print, write and draw; return the exit code."""
    _check(options)
    first, *others = _read(options.files)
    pictures = _pictures(options.pictures, first) if options.pictures is not None else {}
    comparisons = _compare(first, others, options.files)
    _print_header(options.files[0], first)
    for path, comparison in comparisons.items():
        _print_comparison(path, options.files[0], comparison, first)
    if options.json is not None:
        _write_json(options.json, options.files[0], first, comparisons)
    if options.plot is not None:
        from detector.scoring.comparison_plot import write_plot

        write_plot(options.plot, str(options.files[0]), comparisons)
    if options.report is not None:
        (comparison,) = comparisons.values()
        _write_report(options, first, others[0], comparison, pictures)
    return 0


def _check(options: argparse.Namespace) -> None:
    if len(options.files) < 2:
        refuse_usage("one file is nothing to compare: give two or more")
    if len(set(options.files)) < len(options.files):
        refuse_usage("a file is named twice: give each once")
    if options.report is not None and len(options.files) > 2:
        refuse_usage("argument --report: shows two files side by side, so give two")
    if options.pictures is not None and options.report is None:
        refuse_usage("argument --pictures: is for --report; give that, too")
    if options.plot is not None and options.plot.suffix.lower() != ".png":
        refuse_usage(f"argument --plot: must end in .png, but is '{options.plot}'")


def _read(paths: Sequence[Path]) -> list[Evaluation]:
    """Return all evaluations, once it is known that all can be compared with the first."""
    from detector.scoring.comparison import check_comparable
    from detector.scoring.files.evaluation_file import read_evaluation

    first = read_evaluation(paths[0])
    others = []
    for path in paths[1:]:
        other = read_evaluation(path)
        try:
            check_comparable(first, other)
        except ValueError as error:
            raise ValueError(f"{path} cannot be compared with {paths[0]}: {error}") from error
        others.append(other)
    return [first, *others]


def _compare(
    first: Evaluation, others: Sequence[Evaluation], paths: Sequence[Path]
) -> dict[str, Comparison]:
    """Return what each file after the first changes, by its path."""
    from detector.scoring.comparison import compare, resample

    resampled: list[Resampled] = []
    with progress(len(paths), "resampling", "file") as advance_to:
        for evaluation in (first, *others):
            resampled.append(resample(evaluation, seed=_SEED))
            advance_to(len(resampled))
    return {
        str(path): compare(resampled[0], other)
        for path, other in zip(paths[1:], resampled[1:], strict=True)
    }


def _print_header(path: Path, first: Evaluation) -> None:
    outcomes = first.outcomes
    print(
        f"{outcomes.image_count} images, rules of {outcomes.protocol};"
        f" the first file is {path}, of {json.dumps(first.name)}"
    )


def _print_comparison(
    path: str, first_path: Path, comparison: Comparison, first: Evaluation
) -> None:
    from detector.scoring.comparison_text import remarks, statement

    objects = _objects_by_class(first)
    shown = {one: change for one, change in comparison.by_class.items() if objects[one.id]}
    width = max(len("name"), *(len(one.name) for one in shown))
    print(f"\n{path} against {first_path}")
    print(f"{'name':<{width}}  objects   first    this  points     95 % interval  better in")
    for one, change in shown.items():
        print(f"{one.name:<{width}}  {objects[one.id]:>7}  {_figures(change)}")
    print(f"{'mAP':<{width}}  {'':>7}  {_figures(comparison.mean_ap)}")
    print(*remarks(comparison), sep="\n")
    print(statement(path, str(first_path), comparison.mean_ap, first.outcomes.image_count))


def _objects_by_class(evaluation: Evaluation) -> dict[int, int]:
    ids = evaluation.outcomes.object_class_ids
    return {one.id: int((ids == one.id).sum()) for one in evaluation.classes}


def _figures(change: Change) -> str:
    points = change.points
    interval = f"{points.low:+.2f} to {points.high:+.2f}"
    share = f"{100 * change.better / change.resamples:.1f} %" if change.resamples else "-"
    return (
        f"{change.first:.4f}  {change.second:.4f}  {points.estimate:+6.2f}  {interval:>16}"
        f"  {share:>9}"
    )


def _pictures(folder: Path, evaluation: Evaluation) -> dict[str, Path]:
    """Return the pictures of a folder by the names of the images."""
    names = set(evaluation.image_ids)
    found: dict[str, Path] = {}
    for path in map(Path, list_pictures([str(folder)])):
        parts = path.relative_to(folder).with_suffix("").parts
        ends = ("/".join(parts[start:]) for start in range(len(parts)))
        if (name := next((end for end in ends if end in names), None)) is not None:
            found.setdefault(name, path)
    if not found:
        raise ValueError(
            f"{folder}: holds no picture of these images, such as"
            f" '{evaluation.image_ids[0]}.jpg'; name the folder that does"
        )
    return found


def _write_report(
    options: argparse.Namespace,
    first: Evaluation,
    second: Evaluation,
    comparison: Comparison,
    pictures: Mapping[str, Path],
) -> None:
    from detector.report import ComparisonFacts, write_comparison

    write_comparison(
        options.report,
        ComparisonFacts(
            names=(str(options.files[0]), str(options.files[1])),
            evaluations=(first, second),
            comparison=comparison,
            command=shlex.join(["inception-rcnn", "compare", *options.arguments]),
            date=datetime.now().astimezone(),
            pictures=pictures,
        ),
    )
    print(f"report written to {options.report}")


def _write_json(
    path: Path, first_path: Path, first: Evaluation, comparisons: Mapping[str, Comparison]
) -> None:
    from foundation.files import write_text

    content = {
        "first": str(first_path),
        "images": first.outcomes.image_count,
        "protocol": first.outcomes.protocol,
        "compared": {
            name: {
                "mAP": _as_json(one.mean_ap),
                "AP": {c.key: {"name": c.name, **_as_json(ap)} for c, ap in one.by_class.items()},
                "left_out": [c.name for c in one.left_out],
            }
            for name, one in comparisons.items()
        },
    }
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def _as_json(change: Change) -> dict[str, Any]:
    points = change.points
    return {
        "first": _or_null(change.first),
        "this": _or_null(change.second),
        "points": _or_null(points.estimate),
        "interval": [_or_null(points.low), _or_null(points.high)],
        "better": change.better,
        "resamples": change.resamples,
        "verdict": change.verdict,
    }


def _or_null(value: float) -> float | None:
    return None if isnan(value) else value

r"""Measure how well proposals cover the objects of a labelled split of a data set.

Examples
--------
The default proposals beside those of R-CNN's setting and of OpenCV:

    inception-rcnn coverage --root ILSVRC --split val --generators doubled fast opencv-fast

All figures to a file, and plots to a folder:

    inception-rcnn coverage --root ILSVRC --split val --generators doubled fast \
        --json coverage.json --plots plots

Proposals that were saved before, beside fresh ones; a quick look at every tenth image:

    inception-rcnn coverage --root ILSVRC --split val --every 10 \
        --generators file:boxes.parquet fast

There are two conventions, and every figure says which it follows. «any»: an object counts when
any box has the IoU with it; coverage (R-CNN), ABO and MABO (Selective Search). «one-to-one»: a
box serves one object, pairs are matched by IoU, highest first; recall and AR, twice the integral
of recall over IoU from 0.5 to 1 (Hosang et al.).

Every generator sees each image in turn, so that a busy machine slows all alike, and runs once
before the clock; quote ratios of times. Sizes are COCO's, by the area of the box: small below
32 x 32 pixels, large from 96 x 96 on. What VOC marks as difficult, and COCO's crowds, do not count.
Recall at 0.5 stands for each number of boxes, of all objects and of each size. Intervals are of
95 %, by bootstrap over images.
Exit codes: 0 done; 1 done, but some images were skipped; 2 the command or an input cannot be used.
"""

from __future__ import annotations

import argparse
import sys
import time
from itertools import compress
from typing import TYPE_CHECKING, NamedTuple

from detector.commands.shared.command import refuse_usage, teaching_parser
from detector.commands.shared.datasets import (
    add_dataset_flags,
    add_folds_flag,
    chosen_format,
    open_split,
)
from detector.commands.shared.progress import progress
from detector.commands.shared.proposers import MIN_SIDE, PROPOSERS, source_or_file
from detector.commands.shared.values import count_from_one, output_file, output_folder, seed

if TYPE_CHECKING:
    from collections.abc import Container, Iterator, Mapping, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from detector.classes import ObjectClass
    from detector.datasets import ImageAnnotation
    from detector.proposers import Source
    from proposals import Proposals
    from proposals.evaluation.report import Objects, Tally

_BUDGETS = (100, 200, 500, 1000, 2000)


class Split(NamedTuple):
    """What is looked at: some images of a data set, and all its classes."""

    annotations: Sequence[ImageAnnotation]
    classes: Sequence[ObjectClass]


class Truth(NamedTuple):
    """The objects of one image that count."""

    boxes_xyxy: NDArray[np.float32]  # (G, 4)
    class_names: list[str]


class Answer(NamedTuple):
    """What a source found in one image, and how long it took; None where that says nothing."""

    found: Proposals
    seconds: float | None


class Measured(NamedTuple):
    """What came of all images; ``skipped`` says why some are missing."""

    objects: Objects
    tallies: dict[str, Tally]
    skipped: list[str]


def build_parser(program: str | None) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = teaching_parser(__doc__, program)
    add_dataset_flags(parser)
    add_folds_flag(parser)
    add = parser.add_argument
    # fmt: off
    add("--split", required=True, help="for example val")
    add("--generators", type=source_or_file, nargs="+", required=True, metavar="NAME",
        help=f"what to measure: {PROPOSERS}, or file:PATH, a file or"
        " folder of propose, or multibox:PATH, weights of train-multibox")
    add("--baseline", metavar="NAME",
        help="the generator that the others are compared with (default: the first)")
    add("--budgets", type=count_from_one, nargs="+", default=list(_BUDGETS), metavar="N",
        help=f"numbers of boxes to measure at (default: {' '.join(map(str, _BUDGETS))})")
    add("--classes", nargs="+", metavar="KEY",
        help="count these objects only, by name, WordNet id or number (default: all)")
    add("--every", type=count_from_one, default=1, metavar="N",
        help="look at every Nth image only (default: %(default)s)")
    add("-j", "--json", type=output_file, metavar="FILE", help="write all figures there")
    add("--plots", type=output_folder, metavar="DIR",
        help="write plots (PNG) into that folder")
    add("--min-side", type=int, metavar="N", help=MIN_SIDE)
    add("--threads", type=count_from_one, metavar="N",
        help="threads that share one image (default: one a processor)")
    add("--seed", type=seed, default=0, metavar="N",
        help="of rankings and of the bootstrap (default: %(default)s)")
    # fmt: on
    return parser


def run(options: argparse.Namespace) -> int:
    """Measure, print, write and plot; return the exit code."""
    _check_generators(options)
    measured = _measure(_read_split(options), options)
    _publish(measured, options)
    if measured.skipped:
        print(f"skipped {len(measured.skipped)} images:", file=sys.stderr)
        print(*(f"  {reason}" for reason in measured.skipped), sep="\n", file=sys.stderr)
    return 1 if measured.skipped else 0


def _check_generators(options: argparse.Namespace) -> None:
    from detector.proposers import takes_min_side

    names = options.generators
    if len(set(names)) < len(names):
        refuse_usage("argument --generators: give each once")
    if options.min_side is not None and not any(map(takes_min_side, names)):
        refuse_usage("argument --min-side: none of these generators has a smallest side")
    if options.baseline not in (None, *names):
        refuse_usage(
            f"argument --baseline: must be one of {', '.join(names)}, but is '{options.baseline}'"
        )


def _read_split(options: argparse.Namespace) -> Split:
    dataset = open_split(options)
    annotations = dataset[:: options.every]
    if not annotations:
        raise ValueError(f"split {options.split} of {options.root} lists no image to measure on")
    return Split(annotations, dataset.classes)


def _measure(split: Split, options: argparse.Namespace) -> Measured:
    from detector.classes import select_classes
    from proposals.evaluation.report import Objects, Tally

    chosen = options.classes and {c.key for c in select_classes(options.classes, split.classes)}
    names = {c.key: c.name for c in split.classes}
    sources = _sources(options)
    tallies = {source.name: Tally() for source in sources}
    truths: list[Truth] = []
    skipped: list[str] = []
    for annotation, answers in _propose_all(split.annotations, sources, skipped):
        truth = _truth(annotation, names, chosen)
        truths.append(truth)
        for name, (found, seconds) in answers.items():
            tallies[name].add(found.boxes_xyxy, truth.boxes_xyxy, seconds)
    if not truths:
        raise ValueError(f"no image could be measured; the first: {skipped[0]}")
    return Measured(Objects.gather(truths), tallies, skipped)


def _sources(options: argparse.Namespace) -> list[Source]:
    from detector.proposers import make_source

    return [
        make_source(name, seed=options.seed, threads=options.threads, min_side=options.min_side)
        for name in options.generators
    ]


def _propose_all(
    annotations: Sequence[ImageAnnotation], sources: Sequence[Source], skipped: list[str]
) -> Iterator[tuple[ImageAnnotation, dict[str, Answer]]]:
    """Yield each image with what all sources found; note in ``skipped`` why others are missing."""
    from proposals import ImageError, read_image
    from proposals.many import why_skipped
    from proposals.storage.proposal_file import ProposalFileError

    warm = False
    with progress(len(annotations), "measuring", "image") as advance_to:
        for number, annotation in enumerate(annotations):
            try:
                image = read_image(annotation.image_path)
                if not warm:  # the first call compiles kernels or reads them from disk
                    _ask(sources, annotation.image_id, image)
                    warm = True
                turn = number % len(sources)  # none is always first after the picture was read
                order = [*sources[turn:], *sources[:turn]]
                yield annotation, _ask(order, annotation.image_id, image)
            except (ImageError, ProposalFileError) as error:
                skipped.append(str(error))
            except Exception as error:  # noqa: BLE001 - what is measured must not be lost
                skipped.append(why_skipped(str(annotation.image_path), error))
            advance_to(number + 1)


def _ask(sources: Sequence[Source], image_id: str, image: NDArray[np.uint8]) -> dict[str, Answer]:
    """Return the proposals of each source, and the seconds it took."""
    answers: dict[str, Answer] = {}
    for source in sources:
        start = time.perf_counter()
        found = source.propose(image_id, image)
        seconds = time.perf_counter() - start
        answers[source.name] = Answer(found, seconds if source.timed else None)
    return answers


def _truth(
    annotation: ImageAnnotation, names: Mapping[str, str], chosen: Container[str] | None
) -> Truth:
    counts = [
        (chosen is None or key in chosen) and not (difficult or crowd)
        for key, difficult, crowd in zip(
            annotation.class_keys, annotation.difficult, annotation.crowd, strict=True
        )
    ]
    return Truth(
        annotation.boxes_xyxy[counts],
        [names.get(key, key) for key in compress(annotation.class_keys, counts)],
    )


def _publish(measured: Measured, options: argparse.Namespace) -> None:
    """Print the tables, and write the files that were asked for."""
    from proposals.evaluation.report import report
    from proposals.evaluation.report_tables import report_lines

    baseline = options.baseline or options.generators[0]
    reports = report(
        measured.objects,
        measured.tallies,
        budgets=sorted(set(options.budgets)),
        baseline=baseline,
        seed=options.seed,
    )
    images, objects = len(measured.objects.counts), len(measured.objects.areas)
    print(f"{images} images of {options.split}, {objects} objects")
    print(*report_lines(reports, baseline), sep="\n")
    if options.json is not None:
        from proposals.evaluation.report_json import write_report_json

        header = {
            "settings": _settings(options, baseline),
            "images": images,
            "objects": objects,
            "skipped": measured.skipped,
        }
        write_report_json(options.json, header, reports)
    if options.plots is not None:
        from proposals.evaluation.report_plots import write_plots

        write_plots(options.plots, reports)


def _settings(options: argparse.Namespace, baseline: str) -> dict[str, object]:
    """Return what decides the figures, for the JSON."""
    asked = ("split", "every", "classes", "generators", "threads", "seed", "min_side")
    named = {name: getattr(options, name) for name in asked}
    folds = None if options.folds is None else sorted(options.folds)
    return {"format": chosen_format(options), "folds": folds, "baseline": baseline, **named}

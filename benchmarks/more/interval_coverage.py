"""Count how often 95 % intervals hold the truth, on simulated image sets of a known truth.

Command: ``python benchmarks/more/interval_coverage.py --json FILE``. The file is written after
every cell; rerun the same command to resume, ``--cells 80x260`` takes some.

The sets have the frequencies of real ones: few classes are in many images, most in few, as a
lognormal distribution has it, and an image holds 0.8 (of 2 classes) to 2.9 (of 80) of them. An
image that is hard is so for all objects in it, and classes differ in recall, in the scores of
objects, in duplicates and in false positives. A cell is a number of classes and of images; its
trials are spread over several populations of classes, each with a detector of its own. There are
as many as ``--trials`` says, but no more than a million images hold.

The truth is what the interval says that it is of: the mean of the mAP over sets of as many images,
worked out from all trials of a population. Beside it stands the limit of ever more images, which
lies below where classes are rare. Parts:

means       the interval of eval-map: coverage of the truth and of the limit, and its width
classes     likewise of the AP of single classes, by the images that hold them
candidates  other ways to an interval, on the same trials: the bootstrap's percentiles, the same
            reflected at the mAP (basic), corrected for bias (BC), and a normal interval of its
            standard deviation
pairs       compare's interval of the difference of two detectors on the same images, equal ones
            and of which one is better; and how many classes it tells apart where they are equal
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

from detector.classes import ObjectClass
from detector.scoring import (
    Evaluation,
    Outcomes,
    Protocol,
    bootstrap_outcomes,
    class_ap_intervals,
    mean_ap_interval,
    score_outcomes,
)
from detector.scoring.comparison import Resampled, compare, resample
from proposals.evaluation.bootstrap import Interval

Floats = NDArray[np.float64]
Integers = NDArray[np.int64]
Figures = dict[str, Any]
Band = tuple[int, int | None]

CLASSES_AN_IMAGE: Final = {2: 0.8, 5: 1.0, 20: 1.5, 80: 2.9, 200: 2.0}
CELLS: Final = ("2x100", "5x100", "20x100", "80x100", "200x100", "80x260", "2x1000", "20x1000",
    "80x1000", "200x1000", "200x3000", "2x10000", "20x10000", "80x10000", "200x10000")  # fmt: skip
CANDIDATE_CELLS: Final = ("2x100", "20x1000", "80x260", "200x1000", "200x3000")
PAIR_CELLS: Final = ("2x100", "20x1000", "80x260", "200x1000")
MOST_IMAGES: Final = 1_000_000  # of all trials of a cell
LIMIT_IMAGES: Final = 1000  # with a class, of the set that stands for ever more images
BANDS: Final[tuple[Band, ...]] = ((1, 1), (2, 2), (3, 5), (6, 9), (10, 19), (20, 49), (50, None))


def main() -> None:
    """Work out all cells that the file does not have, and print each."""
    options = parse()
    asked = ("trials", "populations", "resamples", "protocol", "false_positives")
    document: Figures = {**{name: getattr(options, name) for name in asked}, "cells": {}}
    if options.json and options.json.exists():
        kept = json.loads(options.json.read_text(encoding="utf-8"))
        if {**kept, "cells": {}} != document:
            raise SystemExit(f"{options.json}: of other options; name another file")
        document = kept
    for part in options.only:
        done = document["cells"].setdefault(part, {})
        for cell in PARTS[part].cells if options.cells is None else options.cells:
            if cell not in done:
                done[cell] = PARTS[part].measure(Cell.of(cell), options)
            if options.json:
                options.json.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
            print(part, cell, json.dumps(done[cell]), flush=True)


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--only", nargs="+", choices=tuple(PARTS), default=list(PARTS), help="these parts only")
    add("--cells", nargs="+", metavar="CxI", help="classes x images, such as 80x260")
    add("--trials", type=int, default=200, help="sets of images a cell (default: %(default)s)")
    add("--populations", type=int, default=4, help="of classes, a cell (default: %(default)s)")
    add("--resamples", type=int, default=200, help="of each bootstrap (default: %(default)s)")
    add("--false-positives", type=float, default=1.0, help="times as many (default: %(default)s)")
    add("--protocol", default="ilsvrc", help="whose average precision (default: %(default)s)")
    add("--json", type=Path, help="write the figures there, too, and resume from there")
    return parser.parse_args()


class Cell(NamedTuple):
    """Size of the sets."""

    classes: int
    images: int

    @classmethod
    def of(cls, text: str) -> Cell:
        """Return the cell of a text such as 80x260."""
        classes, _, images = text.partition("x")
        return cls(int(classes), int(images))


@dataclass(frozen=True, eq=False)
class Population:
    """Classes, and how a detector does on each; all (C,)."""

    frequencies: Floats  # share of the images that hold the class
    objects: Floats  # an image that holds it, on average
    recall: Floats  # of 0, half of the objects are found
    scores: Floats  # of objects found, on average
    duplicates: Floats  # an object
    false_positives: Floats  # an image that holds the class, wherever they are

    @classmethod
    def draw(cls, classes: int, random: np.random.Generator) -> Population:
        """Return classes of realistic frequencies and a detector of some 0.5 mAP."""
        quantiles = ndtri((np.arange(classes) + 0.5) / classes)
        frequencies = np.exp(1.3 * quantiles)
        frequencies *= CLASSES_AN_IMAGE.get(classes, 2.0) / frequencies.sum()
        return cls(
            frequencies=np.minimum(frequencies, 0.6),
            objects=1 + random.gamma(1.0, 0.8, classes),
            recall=random.normal(0.9, 0.7, classes),
            scores=random.normal(0.4, 0.8, classes),
            duplicates=random.uniform(0.2, 0.8, classes),
            false_positives=random.gamma(3.0, 1.0, classes),
        )

    def as_frequent(self, frequency: float) -> Population:
        """Return the same with all classes in that share of the images."""
        return replace(self, frequencies=np.full(len(self.frequencies), frequency))


class Objects(NamedTuple):
    """The objects of a set of images, and how hard each image is."""

    difficulty: Floats  # (I,)
    images: Integers  # (G,)
    classes: Integers  # (G,)


def draw_objects(population: Population, count: int, random: np.random.Generator) -> Objects:
    """Return the objects of as many images."""
    classes = len(population.frequencies)
    times = random.poisson(-count * np.log1p(-population.frequencies))
    pairs = np.repeat(np.arange(classes), times) * count
    pairs = np.unique(pairs + random.integers(count, size=len(pairs)))
    copies = 1 + random.poisson(population.objects[pairs // count] - 1)
    pairs = np.repeat(pairs, copies)
    return Objects(random.normal(size=count), pairs % count, pairs // count)


def detect(
    population: Population, objects: Objects, random: np.random.Generator, protocol: Protocol
) -> Outcomes:
    """Return what a detector finds; two calls are two detectors, equally good."""
    hard, images, classes = objects
    found = population.recall[classes] + 0.5 * hard[images] + random.normal(size=len(images)) > 0
    hit_images, hit_classes = images[found], classes[found]
    hit_scores = population.scores[hit_classes] + 0.6 * hard[hit_images]
    hit_scores += 0.9 * random.normal(size=len(hit_scores))
    duplicates = random.poisson(population.duplicates[classes])
    twice_images, twice_classes = np.repeat(images, duplicates), np.repeat(classes, duplicates)
    twice_scores = 0.5 * population.scores[twice_classes] - 1 + 0.4 * hard[twice_images]
    rates = population.false_positives * population.frequencies * len(hard)
    false_classes = np.repeat(np.arange(len(rates)), random.poisson(rates))
    false_images = random.integers(len(hard), size=len(false_classes))
    false_scores = 0.3 * hard[false_images] - 1
    errors = np.concatenate([twice_scores, false_scores])
    hits = np.arange(len(hit_scores) + len(errors)) < len(hit_scores)
    return Outcomes(
        protocol=protocol,
        image_count=len(hard),
        image_indices=np.concatenate([hit_images, twice_images, false_images]),
        class_ids=np.concatenate([hit_classes, twice_classes, false_classes]),
        scores=np.concatenate([hit_scores, errors + random.normal(size=len(errors))]),
        found=hits,
        object_image_indices=images,
        object_class_ids=classes,
    )


@dataclass(frozen=True, eq=False)
class Trial:
    """One simulated set."""

    number: int  # of the population
    population: Population
    objects: Objects
    outcomes: Outcomes
    limits: Floats  # (C,) of the classes' APs
    random: np.random.Generator

    def detect_again(self, *, better: bool) -> Outcomes:
        """Return what another detector finds in the same images."""
        detector = self.population
        if better:
            recall, errors = detector.recall + 0.3, 0.7 * detector.false_positives
            detector = replace(detector, recall=recall, false_positives=errors)
        return detect(detector, self.objects, self.random, self.outcomes.protocol)


def trials_of(cell: Cell, options: argparse.Namespace) -> Iterator[Trial]:
    """Yield the sets of a cell."""
    each = min(options.trials, MOST_IMAGES // cell.images) // options.populations
    for number in range(options.populations):
        random = np.random.default_rng([cell.classes, cell.images, number])
        population = Population.draw(cell.classes, random)
        errors = options.false_positives * population.false_positives
        population = replace(population, false_positives=errors)
        many = draw_objects(population.as_frequent(0.1), 10 * LIMIT_IMAGES, random)
        found = detect(population.as_frequent(0.1), many, random, options.protocol)
        limits = np.array([*score_outcomes(found, range(cell.classes)).ap_by_class.values()])
        for _ in range(each):
            objects = draw_objects(population, cell.images, random)
            found = detect(population, objects, random, options.protocol)
            yield Trial(number, population, objects, found, limits, random)


def measure_means(cell: Cell, options: argparse.Namespace) -> Figures:
    """Return how often the interval of the mAP holds the truth."""
    populations, intervals, limits, classes, few, objects = [], [], [], [], [], []
    for trial in trials_of(cell, options):
        score = score_outcomes(trial.outcomes, range(cell.classes))
        counts = np.array([curve.objects for curve in score.curves.values()])
        populations.append(trial.number)
        intervals.append(mean_ap_interval(trial.outcomes, score))
        limits.append(trial.limits[counts > 0].mean())
        classes.append(np.count_nonzero(counts))
        few.append(np.count_nonzero((counts > 0) & (counts < 20)))
        objects.append(counts.sum())
    truths = means_by(populations, [one.estimate for one in intervals])
    return {
        "classes_with_objects": round(float(np.mean(classes)), 1),
        "of_fewer_than_20_objects": round(float(np.mean(few)), 1),
        "objects": round(float(np.mean(objects))),
        **coverage_of(intervals, truths),
        "limit_lower_by": round(float(np.mean(truths - np.array(limits))), 4),
        "limit_covered": coverage_of(intervals, np.array(limits))["covered"],
    }


def means_by(groups: Sequence[int], values: Sequence[float]) -> Floats:
    """Return, for each value, the mean of its group."""
    means = np.bincount(groups, values) / np.maximum(np.bincount(groups), 1)
    return np.array([means[group] for group in groups])


def coverage_of(intervals: Sequence[Interval], truths: Floats) -> Figures:
    """Return how many intervals hold their truth, on which side others lie, and the widths."""
    estimates, lows, highs = (
        np.array([getattr(one, name) for one in intervals]) for name in ("estimate", "low", "high")
    )
    return {
        "trials": len(intervals),
        "mean": round(float(estimates.mean()), 4),
        "deviation": round(float((estimates - truths).std()), 4),
        "width": round(float((highs - lows).mean()), 4),
        "too_high": round(float((truths < lows).mean()), 4),
        "too_low": round(float((truths > highs).mean()), 4),
        "covered": round(float(((lows <= truths) & (truths <= highs)).mean()), 4),
        "without_estimate": int(((estimates < lows) | (estimates > highs)).sum()),
    }


def measure_classes(cell: Cell, options: argparse.Namespace) -> Figures:
    """Return how often intervals of single classes hold the truth, by images with the class."""
    groups: list[int] = []
    images: list[int] = []
    intervals: list[Interval] = []
    for trial in trials_of(cell, options):
        found = trial.outcomes
        score = score_outcomes(found, range(cell.classes))
        pairs = np.unique(found.object_class_ids * cell.images + found.object_image_indices)
        counts = np.bincount(pairs // cell.images, minlength=cell.classes)
        for class_id, interval in class_ap_intervals(found, score).items():
            groups.append(trial.number * cell.classes + class_id)
            images.append(int(counts[class_id]))
            intervals.append(interval)
    truths = means_by(groups, [one.estimate for one in intervals])
    by_band = {}
    for band in BANDS:
        places = [place for place, count in enumerate(images) if band_of(count) == band]
        if places:
            by_band[name_of(band)] = coverage_of([intervals[i] for i in places], truths[places])
    return by_band


def measure_candidates(cell: Cell, options: argparse.Namespace) -> Figures:
    """Return the coverage of other ways to an interval."""
    populations: list[int] = []
    intervals: dict[str, list[Interval]] = {}
    for trial in trials_of(cell, options):
        ids = range(cell.classes)
        score = score_outcomes(trial.outcomes, ids)
        drawn = bootstrap_outcomes(trial.outcomes, ids, seed=0, resamples=options.resamples)
        populations.append(trial.number)
        ours = mean_ap_interval(trial.outcomes, score)
        for name, interval in {"ours": ours, **candidates(ours.estimate, drawn)}.items():
            intervals.setdefault(name, []).append(interval)
    truths = means_by(populations, [one.estimate for one in intervals["ours"]])
    return {name: coverage_of(some, truths) for name, some in intervals.items()}


def candidates(estimate: float, drawn: Floats) -> dict[str, Interval]:
    """Return intervals of an mAP by its bootstrap resamples."""
    low, high = np.quantile(drawn, [0.025, 0.975]).tolist()
    share = np.clip(np.mean(drawn < estimate), 0.5 / len(drawn), 1 - 0.5 / len(drawn))
    corrected = ndtr(2 * ndtri(share) + ndtri([0.025, 0.975]))
    normal = float(ndtri(0.975) * drawn.std())
    return {
        "percentiles": Interval(estimate, low, high),
        "reflected": Interval(estimate, 2 * estimate - high, 2 * estimate - low),
        "corrected for bias": Interval(estimate, *np.quantile(drawn, corrected).tolist()),
        "normal": Interval(estimate, estimate - normal, estimate + normal),
    }


def measure_pairs(cell: Cell, options: argparse.Namespace) -> Figures:
    """Return how often differences are held, and how often equal detectors are told apart."""
    populations: list[int] = []
    intervals: dict[str, list[Interval]] = {"of equal ones": [], "of a better one": []}
    calls: dict[str, list[bool]] = {name_of(band): [] for band in BANDS}
    for trial in trials_of(cell, options):
        populations.append(trial.number)
        first = resampled(trial.outcomes, options.resamples)
        for name, better in zip(intervals, (False, True), strict=True):
            second = resampled(trial.detect_again(better=better), options.resamples)
            found = compare(first, second)
            intervals[name].append(found.mean_ap.points)
            if better:
                continue
            for change in found.by_class.values():
                if change.images:
                    calls[name_of(band_of(change.images))].append(change.verdict != "undecided")
    better_by = means_by(populations, [one.estimate for one in intervals["of a better one"]])
    return {
        "of equal ones": coverage_of(intervals["of equal ones"], np.zeros(len(populations))),
        "of a better one": coverage_of(intervals["of a better one"], better_by),
        "classes told apart though equal": {
            name: {"classes": len(some), "share": round(float(np.mean(some)), 4)}
            for name, some in calls.items()
            if some
        },
    }


def resampled(outcomes: Outcomes, count: int) -> Resampled:
    """Return what compare needs of a detector."""
    classes = 1 + max(outcomes.object_class_ids.max(), outcomes.class_ids.max(initial=0))
    evaluation = Evaluation(
        name="",
        outcomes=outcomes,
        classes=tuple(ObjectClass(i, "", f"class {i}") for i in range(classes)),
        image_ids=tuple(f"image {i}" for i in range(outcomes.image_count)),
    )
    return resample(evaluation, seed=0, resamples=count)


def band_of(images: int) -> Band:
    """Return the band that holds a number of images."""
    return next(band for band in BANDS if images <= (band[1] or images))


def name_of(band: Band) -> str:
    """Return what a band is called."""
    low, high = band
    return f"from {low}" if high is None else f"{low} to {high}"


class Part(NamedTuple):
    """What is measured, and of which cells."""

    measure: Callable[[Cell, argparse.Namespace], Figures]
    cells: Sequence[str]


PARTS: Final = {
    "means": Part(measure_means, CELLS),
    "classes": Part(measure_classes, ("80x260", "200x1000")),
    "candidates": Part(measure_candidates, CANDIDATE_CELLS),
    "pairs": Part(measure_pairs, PAIR_CELLS),
}

if __name__ == "__main__":
    main()

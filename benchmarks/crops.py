"""Count how often 1, 10 and 144 crops name what real pictures show.

    python benchmarks/crops.py --root ILSVRC --split train --weights bvlc_googlenet.safetensors

The pictures are those of an ILSVRC DET split whose boxes are all of one kind that ImageNet's 1,000
classes can name (_imagenet_kinds.py). A picture counts as right in the top k when one of the k
most probable classes is of its kind. All numbers of crops see the same pictures, so intervals
(95 %) and differences are of pictures drawn again (paired bootstrap).

144 crops take about 4 seconds a picture on a core with bfloat16. With --ranks what was seen of
each picture is kept as it comes: the same command goes on there, and Ctrl-C ends with the figures
of the pictures so far.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from shared.imagenet_kinds import NAMES_OF_KINDS, indices_of_kinds
from shared.machine import describe_machine

from backbones.classification.classifier import ImageClassifier
from backbones.classification.crops import CROP_COUNTS
from backbones.classification.imagenet import BACKBONES, load_imagenet_classifier
from detector.classes import ilsvrc_classes
from detector.datasets import IlsvrcDet, ImageAnnotation
from proposals import read_image

TOPS = (1, 5)
RESAMPLES = 20_000
PAIRS = ((1, 10), (10, 144), (1, 144))  # numbers of crops to compare
REPORT_EVERY = 25  # pictures

Ranks = Mapping[int, NDArray[np.int64]]
"""By number of crops, how many classes came before the first right one, a picture each."""


class Labelled(NamedTuple):
    """A picture and what it shows."""

    path: Path
    kind: str


def main() -> None:
    """Print error rates and their differences, and write them."""
    options = parse()
    classifier = load_imagenet_classifier(
        options.weights, options.backbone, precision=options.precision
    )
    pictures = labelled(IlsvrcDet(options.root, options.split))[:: options.every]
    seen = classify_all(classifier, pictures, options.crops, options.ranks)
    if not seen:
        sys.exit(f"{options.root}: nothing was seen of {len(pictures)} pictures of one kind")
    pictures = [picture for picture in pictures if picture.path.name in seen]
    ranks = {
        crops: np.array([seen[picture.path.name][crops] for picture in pictures], np.int64)
        for crops in options.crops
    }
    document = {
        "machine": describe_machine(),
        "pictures": dict(Counter(picture.kind for picture in pictures)),
        "precision": str(next(classifier.network.parameters()).dtype),
        "errors": errors(ranks),
        "differences": differences(ranks),
        "errors by kind": by_kind(ranks, pictures),
    }
    print(json.dumps(document, indent=2))
    if options.json is not None:
        options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("--root", type=Path, required=True)
    add("--split", default="train")
    add("--weights", type=Path, required=True)
    add("--backbone", choices=BACKBONES, default=BACKBONES[0])
    add("--precision", default="auto", help="auto, float32 or bfloat16")
    add("--crops", type=int, nargs="+", choices=CROP_COUNTS, default=CROP_COUNTS)
    add("--every", type=int, default=1, help="every Nth such picture only")
    add("--ranks", type=Path, default=Path(os.devnull), help="keep what was seen there, JSON lines")
    add("--json", type=Path, help="write the figures there, too")
    return parser.parse_args()


def labelled(annotations: Sequence[ImageAnnotation]) -> list[Labelled]:
    """Return the pictures that show one kind, and which."""
    names = {one.wnid: one.name for one in ilsvrc_classes()}
    found = []
    for annotation in annotations:
        kinds = {names[wnid] for wnid in annotation.class_keys}
        if len(kinds) == 1 and kinds <= NAMES_OF_KINDS.keys():
            found.append(Labelled(annotation.image_path, kinds.pop()))
    return found


def classify_all(
    classifier: ImageClassifier,
    pictures: Sequence[Labelled],
    crop_counts: Sequence[int],
    path: Path,
) -> dict[str, dict[int, int]]:
    """Return what `ranks_of` gives, by file name, of all pictures or those before Ctrl-C."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    seen = {
        name: {int(crops): rank for crops, rank in ranks.items()}
        for name, ranks in map(json.loads, lines)
        if all(str(crops) in ranks for crops in crop_counts)
    }
    kinds = indices_of_kinds(classifier.names)
    try:
        with path.open("a", encoding="utf-8") as file:
            for picture in pictures:
                name = picture.path.name
                if name not in seen:
                    image = read_image(picture.path)
                    seen[name] = ranks_of(classifier, image, kinds[picture.kind], crop_counts)
                    file.write(json.dumps([name, seen[name]]) + "\n")
                    file.flush()
                    if len(seen) % REPORT_EVERY == 0:
                        print(f"{len(seen)} of {len(pictures)}", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
    return seen


def ranks_of(
    classifier: ImageClassifier,
    image: NDArray[np.uint8],
    right: frozenset[int],
    crop_counts: Sequence[int],
) -> dict[int, int]:
    """Return, for each number of crops, how many classes come before the first right one."""
    found = {}
    for crops in crop_counts:
        order = np.argsort(-classifier.probabilities(image, crops), kind="stable")
        found[crops] = int(np.flatnonzero(np.isin(order, list(right)))[0])
    return found


def errors(ranks: Ranks) -> dict[str, dict[str, Any]]:
    """Return each number of crops' share of wrong pictures, with its interval."""
    return {
        f"{crops} crops, top {top}": interval(found >= top)
        for crops, found in ranks.items()
        for top in TOPS
    }


def differences(ranks: Ranks) -> dict[str, dict[str, Any]]:
    """Return how much the error falls from fewer crops to more, with its interval."""
    found = {}
    for few, many in PAIRS:
        for top in TOPS:
            if few in ranks and many in ranks:
                lost, won = ranks[few] >= top, ranks[many] >= top
                found[f"{few} to {many} crops, top {top}"] = {
                    **interval(lost.astype(int) - won.astype(int)),
                    "mended": int((lost & ~won).sum()),
                    "spoilt": int((won & ~lost).sum()),
                }
    return found


def by_kind(ranks: Ranks, pictures: Sequence[Labelled]) -> dict[str, dict[str, float]]:
    """Return the top-1 error of each kind."""
    kinds = np.array([picture.kind for picture in pictures])
    return {
        str(kind): {
            f"{crops} crops": float((found[kinds == kind] >= 1).mean())
            for crops, found in ranks.items()
        }
        for kind in np.unique(kinds)
    }


def interval(values: NDArray[Any]) -> dict[str, Any]:
    """Return the mean over pictures, and where 95 % of the means of pictures drawn again lie."""
    generator = np.random.default_rng(0)
    means = [generator.choice(values, len(values)).mean() for _ in range(RESAMPLES)]
    low, high = np.percentile(means, (2.5, 97.5))
    return {"mean": float(np.mean(values)), "95 %": [float(low), float(high)]}


if __name__ == "__main__":
    main()

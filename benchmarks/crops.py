"""Count how often crops of a picture name what it shows: how they are cut, and how many.

    python benchmarks/crops.py --root VOC --split train --every 4 --every-144 8 \
        --weights bvlc_googlenet.safetensors --precision bfloat16 --ranks ranks.jsonl

The pictures are those of a VOC or ILSVRC DET split whose boxes are all of one kind that ImageNet's
1,000 classes can name (shared/imagenet_kinds.py). A picture counts as right in the top k when one
of the k most probable classes is of its kind. Intervals (95 %) and differences are of pictures
drawn again; two ways are compared on the pictures that both have seen (paired bootstrap).

The ways to cut a picture are those of the product, warped as BVLC trained its network, and others:

    old              the centre 224 of the short side at 256, not rounded to pixels of that
    short side       the same, rounded as torchvision does
    short side plain the same without antialiasing
    warped smooth    the centre 224 of the picture made 256 x 256, antialiased
    warped           the same without antialiasing, as Caffe resizes
    10 ...           the corners and the centre of the same square, and their mirrors
    144 ...          the paper's, antialiased (smooth) or not

144 crops take about 4 seconds a picture on a core with bfloat16, so only every Nth of the pictures
may be seen with them (--every-144). With --ranks what was seen of each picture is kept as it comes:
the same command goes on there, and Ctrl-C ends with the figures of the pictures so far.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image
from shared.imagenet_kinds import NAMES_OF_KINDS, indices_of_kinds
from shared.machine import describe_machine

from backbones import CropGeometry, ImageClassifier, PictureCrops, crop_picture
from backbones.classification.imagenet import BACKBONES, load_imagenet_classifier
from detector.classes import voc_classes
from detector.datasets import ImageAnnotation, detect_format, open_dataset
from proposals import read_image

TOPS = (1, 5)
RESAMPLES = 20_000
REPORT_EVERY = 25  # pictures

BILINEAR = Image.Resampling.BILINEAR

Pixels = NDArray[np.uint8]


def cut_old(image: Pixels) -> PictureCrops:
    """Cut the centre 224/256 of the short side out of the picture itself."""
    height, width = image.shape[:2]
    side = min(height, width) * 224 / 256
    left, top = (width - side) / 2, (height - side) / 2
    box = (left, top, left + side, top + side)
    return one_crop(np.array(Image.fromarray(image).resize((224, 224), BILINEAR, box=box)))


def cut_short_side_plain(image: Pixels) -> PictureCrops:
    """Cut the centre 224 of the short side at 256, not antialiased."""
    height, width = image.shape[:2]
    short = min(height, width)
    left, top = (width - short) // 2, (height - short) // 2
    square = cv2.resize(image[top : top + short, left : left + short], (256, 256))
    return one_crop(square[16:240, 16:240].astype(np.uint8))


def cut_warped_smooth(image: Pixels) -> PictureCrops:
    """Cut the centre 224 of the picture made 256 x 256, antialiased."""
    return one_crop(np.array(Image.fromarray(image).resize((256, 256), BILINEAR))[16:240, 16:240])


def one_crop(pixels: Pixels) -> PictureCrops:
    """Return a crop as the product's are."""
    return PictureCrops(pixels[np.newaxis], np.ones(1, np.int64))


def cut(count: int, geometry: CropGeometry) -> Callable[[Pixels], PictureCrops]:
    """Return what cuts crops as the product does."""
    return partial(crop_picture, count=count, geometry=geometry)


WAYS: Mapping[str, Callable[[Pixels], PictureCrops]] = {
    "old": cut_old,
    "short side": cut(1, CropGeometry.SHORT_SIDE),
    "short side plain": cut_short_side_plain,
    "warped smooth": cut_warped_smooth,
    "warped": cut(1, CropGeometry.WARPED),
    "10 short side": cut(10, CropGeometry.SHORT_SIDE),
    "10 warped": cut(10, CropGeometry.WARPED),
    "144 smooth": cut(144, CropGeometry.SHORT_SIDE),
    "144": cut(144, CropGeometry.WARPED),
}
PAIRS = (
    ("old", "short side"),
    ("short side", "short side plain"),
    ("short side", "warped smooth"),
    ("short side plain", "warped"),
    ("warped smooth", "warped"),
    ("old", "warped"),
    ("10 short side", "10 warped"),
    ("144 smooth", "144"),
    ("warped", "10 warped"),
    ("10 warped", "144"),
    ("warped", "144"),
)  # to compare

Ranks = Mapping[str, Mapping[str, int]]
"""By way and image id, how many classes came before the first right one."""


class Labelled(NamedTuple):
    """A picture and what it shows."""

    image_id: str
    path: Path
    kind: str


def main() -> None:
    """Print error rates and their differences, and write them."""
    options = parse()
    classifier = load_imagenet_classifier(
        options.weights, options.backbone, precision=options.precision
    )
    dataset = open_dataset(options.root, options.split, detect_format(options.root))
    pictures = labelled(dataset)[:: options.every]
    ranks = classify_all(classifier, pictures, plan(options, pictures), options.ranks)
    if not ranks:
        sys.exit(f"{options.root}: nothing was seen of {len(pictures)} pictures of one kind")
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
        path = options.json
        splits = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
        splits[options.split] = document
        path.write_text(json.dumps(splits, indent=2) + "\n", encoding="utf-8")


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
    add("--ways", nargs="+", choices=WAYS, default=list(WAYS), help="to cut a picture")
    add("--every", type=int, default=1, help="every Nth such picture only")
    add("--every-144", type=int, default=1, help="of these, every Nth only with 144 crops")
    add("--ranks", type=Path, default=Path(os.devnull), help="keep what was seen there, JSON lines")
    add("--json", type=Path, help="write the figures there, too, beside those of other splits")
    return parser.parse_args()


def labelled(annotations: Sequence[ImageAnnotation]) -> list[Labelled]:
    """Return the pictures that show one kind, and which."""
    names = {one.key: one.name for one in voc_classes()}
    found = []
    for annotation in annotations:
        kinds = {names.get(key, key) for key in annotation.class_keys}
        if len(kinds) == 1 and kinds <= NAMES_OF_KINDS.keys():
            found.append(Labelled(annotation.image_id, annotation.image_path, kinds.pop()))
    return found


def plan(options: argparse.Namespace, pictures: Sequence[Labelled]) -> dict[str, tuple[str, ...]]:
    """Return the ways in which each picture, by its id, is seen."""
    quick = tuple(way for way in options.ways if not way.startswith("144"))
    every = options.every_144
    return {
        picture.image_id: tuple(options.ways) if place % every == 0 else quick
        for place, picture in enumerate(pictures)
    }


def classify_all(
    classifier: ImageClassifier,
    pictures: Sequence[Labelled],
    ways_of: Mapping[str, Sequence[str]],
    path: Path,
) -> Ranks:
    """Return the ranks of all pictures, or of those before Ctrl-C."""
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    kept: dict[str, dict[str, int]] = defaultdict(dict)  # by image id and way
    for image_id, found in map(json.loads, lines):
        kept[image_id].update(found)
    kinds = indices_of_kinds(classifier.names)
    ranks: dict[str, dict[str, int]] = defaultdict(dict)
    try:
        with path.open("a", encoding="utf-8") as file:
            for done, picture in enumerate(pictures, start=1):
                ways, seen = ways_of[picture.image_id], kept[picture.image_id]
                if missing := [way for way in ways if way not in seen]:
                    found = ranks_of(classifier, picture.path, kinds[picture.kind], missing)
                    seen.update(found)
                    file.write(json.dumps([picture.image_id, found]) + "\n")
                    file.flush()
                for way in ways:
                    ranks[way][picture.image_id] = seen[way]
                if done % REPORT_EVERY == 0:
                    print(f"{done} of {len(pictures)}", file=sys.stderr, flush=True)
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
    return ranks


def ranks_of(
    classifier: ImageClassifier, path: Path, right: frozenset[int], ways: Sequence[str]
) -> dict[str, int]:
    """Return, for each way, how many classes come before the first right one."""
    image = read_image(path)
    found = {}
    for way in ways:
        order = np.argsort(-classifier.mean_scores(WAYS[way](image)), kind="stable")
        found[way] = int(np.flatnonzero(np.isin(order, list(right)))[0])
    return found


def errors(ranks: Ranks) -> dict[str, dict[str, Any]]:
    """Return each way's share of wrong pictures, with its interval."""
    return {
        f"{way}, top {top}": interval(np.array(list(found.values())) >= top)
        for way, found in ranks.items()
        for top in TOPS
    }


def differences(ranks: Ranks) -> dict[str, dict[str, Any]]:
    """Return how much the error falls from one way to another, with its interval."""
    found = {}
    for one, other in PAIRS:
        if one not in ranks or other not in ranks:
            continue
        both = [image_id for image_id in ranks[one] if image_id in ranks[other]]
        first, second = (np.array([ranks[way][key] for key in both]) for way in (one, other))
        for top in TOPS:
            lost, won = first >= top, second >= top
            found[f"{one} to {other}, top {top}"] = {
                **interval(lost.astype(int) - won.astype(int)),
                "mended": int((lost & ~won).sum()),
                "spoilt": int((won & ~lost).sum()),
            }
    return found


def by_kind(ranks: Ranks, pictures: Sequence[Labelled]) -> dict[str, dict[str, float]]:
    """Return the top-1 error of each kind."""
    members: dict[str, list[str]] = defaultdict(list)
    for picture in pictures:
        members[picture.kind].append(picture.image_id)
    return {
        kind: {
            way: float(np.mean([found[key] >= 1 for key in members[kind] if key in found]))
            for way, found in ranks.items()
            if any(key in found for key in members[kind])
        }
        for kind in sorted(members)
    }


def interval(values: NDArray[Any]) -> dict[str, Any]:
    """Return the mean over pictures, and where 95 % of the means of pictures drawn again lie."""
    generator = np.random.default_rng(0)
    means = [generator.choice(values, len(values)).mean() for _ in range(RESAMPLES)]
    low, high = np.percentile(means, (2.5, 97.5))
    return {
        "pictures": len(values),
        "mean": float(np.mean(values)),
        "95 %": [float(low), float(high)],
    }


if __name__ == "__main__":
    main()

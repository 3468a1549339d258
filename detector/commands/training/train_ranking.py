r"""Learn the order of merged proposals from labelled images that MultiBox was not trained on.

    inception-rcnn train-ranking --root ILSVRC --split train --folds 1 --unseen COCO \
        --unseen-folds 1-9 --out ranking.json

--folds are such as train-multibox was not given. --unseen names a data set that MultiBox has seen
nothing of: images of the same split are used. The result is a JSON file of numbers, for
`proposals.ranking.load_ranking`. The one that ships was made so, from photographs of VOC that
MultiBox's training left out, and of COCO, whose objects are smaller.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from detector.commands.shared.command import teaching_parser
from detector.commands.shared.datasets import add_dataset_flags, add_folds_flag, open_split
from detector.commands.shared.progress import print_line, progress
from detector.commands.shared.values import folds, output_file, seed

if TYPE_CHECKING:
    from detector.datasets import ImageAnnotation


def build_parser(program: str | None) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = teaching_parser(__doc__, program)
    add_dataset_flags(parser)
    add_folds_flag(parser, "learn from")
    add = parser.add_argument
    # fmt: off
    add("--split", default="train", help="list of images (default: %(default)s)")
    add("--unseen", type=Path, action="append", default=[], metavar="DIR",
        help="folder of one more data set, none of whose images MultiBox was trained on; may be"
        " repeated")
    add("--unseen-folds", type=folds, metavar="FOLDS",
        help="--folds of these data sets (default: all)")
    add("-o", "--out", type=output_file, required=True, metavar="FILE", help="JSON file to write")
    add("--seed", type=seed, default=0, metavar="N", help="of the learning (default: %(default)s)")
    # fmt: on
    return parser


def run(options: argparse.Namespace) -> int:
    """Learn the order, and write it; return the exit code."""
    from detector.proposers import make_multibox
    from detector.training.ranking import describe_image, learn_ranking
    from foundation.files import write_text
    from proposals import SelectiveSearch, read_image
    from proposals.merging import SELECTIVE_SEARCH
    from proposals.ranking import ranking_document

    parts = [list(open_split(options)), *(_unseen(root, options) for root in options.unseen)]
    annotations = [annotation for part in parts for annotation in part]
    if not annotations:
        raise ValueError(f"split {options.split} of {options.root} lists no image to learn from")
    selective_search, multibox = SelectiveSearch(SELECTIVE_SEARCH), make_multibox()
    described = []
    with progress(len(annotations), "describing", "image") as advance_to:
        for done, annotation in enumerate(annotations, start=1):
            image = read_image(annotation.image_path)
            boxes, clear = annotation.clipped().boxes_xyxy, annotation.clear()
            found = selective_search(image), multibox(image)
            described.append(describe_image(*found, boxes[clear], boxes[~clear]))
            advance_to(done)
    ranking = learn_ranking(described, options.seed)
    provenance = {
        "images": [len(part) for part in parts],
        "folds": [_sorted(options.folds), *[_sorted(options.unseen_folds)] * len(options.unseen)],
        "selective_search": asdict(SELECTIVE_SEARCH),
        "seed": options.seed,
    }
    write_text(options.out, ranking_document(ranking, provenance))
    print_line(str(options.out))
    return 0


def _sorted(chosen: frozenset[int] | None) -> list[int]:
    from detector.datasets.folds import FOLDS

    return sorted(range(FOLDS) if chosen is None else chosen)


def _unseen(root: Path, options: argparse.Namespace) -> list[ImageAnnotation]:
    from detector.datasets import detect_format, open_dataset
    from detector.datasets.problems import refuse

    dataset = open_dataset(root, options.split, detect_format(root), refuse)
    if options.unseen_folds is not None:
        dataset = dataset.of_folds(options.unseen_folds)
    if len(dataset) == 0:
        raise ValueError(
            f"split {options.split} of {root} lists no image; name another folder by --unseen"
        )
    return list(dataset)

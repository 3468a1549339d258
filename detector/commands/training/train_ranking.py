r"""Learn the order of merged proposals from labelled images that MultiBox was not trained on.

    inception-rcnn train-ranking --root ILSVRC --split train --hold-out 8 --unseen COCO \
        --out ranking.json

--hold-out is that of train-multibox, whose held-out images are used. --unseen names a data set
that MultiBox has seen nothing of: all images of the same split are used. The result is a JSON file
of numbers, for `proposals.ranking.load_ranking`.
The one that ships was made so, from the 288 photographs that MultiBox's training held out and 302
of COCO, whose objects are smaller.
"""

from __future__ import annotations

import argparse
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from detector.commands.shared.command import teaching_parser
from detector.commands.shared.datasets import add_dataset_flags, open_split
from detector.commands.shared.progress import print_line, progress
from detector.commands.shared.values import count_from_one, output_file, seed

if TYPE_CHECKING:
    from detector.datasets import ImageAnnotation


def build_parser(program: str | None) -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = teaching_parser(__doc__, program)
    add_dataset_flags(parser)
    add = parser.add_argument
    # fmt: off
    add("--split", default="train", help="list of images (default: %(default)s)")
    add("--hold-out", type=count_from_one, required=True, metavar="N",
        help="as MultiBox was trained")
    add("--unseen", type=Path, action="append", default=[], metavar="DIR",
        help="folder of one more data set, none of whose images MultiBox was trained on; may be"
        " repeated")
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

    held_out = _held_out(options)
    unseen = [_all_of(root, options.split) for root in options.unseen]
    annotations = sum(unseen, held_out)
    selective_search, multibox = SelectiveSearch(SELECTIVE_SEARCH), make_multibox()
    described = []
    with progress(len(annotations), "describing", "image") as advance_to:
        for done, annotation in enumerate(annotations, start=1):
            image = read_image(annotation.image_path)
            boxes = annotation.without_crowds().boxes_xyxy
            described.append(describe_image(selective_search(image), multibox(image), boxes))
            advance_to(done)
    ranking = learn_ranking(described, options.seed)
    provenance = {
        "images": len(held_out),
        "hold_out": options.hold_out,
        "unseen_images": [len(one) for one in unseen],
        "selective_search": asdict(SELECTIVE_SEARCH),
        "seed": options.seed,
    }
    write_text(options.out, ranking_document(ranking, provenance))
    print_line(str(options.out))
    return 0


def _held_out(options: argparse.Namespace) -> list[ImageAnnotation]:
    from detector.training.hold_out import split_held_out

    _, held_out = split_held_out(open_split(options), options.hold_out)
    if not held_out:
        raise ValueError("no image is held out; give the --hold-out of train-multibox")
    return held_out


def _all_of(root: Path, split: str) -> list[ImageAnnotation]:
    from detector.datasets import detect_format, open_dataset
    from detector.datasets.problems import refuse

    annotations = list(open_dataset(root, split, detect_format(root), refuse))
    if not annotations:
        raise ValueError(f"split {split} of {root} lists no image; name another folder by --unseen")
    return annotations

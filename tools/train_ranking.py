"""Learn the order of merged proposals from labelled images that MultiBox was not trained on.

    python tools/train_ranking.py --root ILSVRC --split train --hold-out 8 --out ranking.json

--hold-out is that of train_multibox, whose held-out images are used. The result is a JSON file
of numbers, for `proposals.ranking.load_ranking`.
The one that ships was made so, from the 288 photographs that MultiBox's training held out.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

if __package__:  # imported by tests
    from tools import _common, _datasets, _generators
else:
    import _common
    import _datasets
    import _generators


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the tool and return its exit code."""
    options = _parse(arguments)
    with _common.errors_as_lines():
        return _run(options)


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = _common.teaching_parser(__doc__)
    _datasets.add_dataset_flags(parser)
    parser.add_argument("--split", default="train")
    parser.add_argument("--hold-out", type=int, required=True, help="as MultiBox was trained")
    parser.add_argument("--out", type=Path, required=True, help="JSON file to write")
    parser.add_argument("--seed", type=int, default=0, help="of the learning")
    return parser.parse_args(arguments)


def _run(options: argparse.Namespace) -> int:
    from detector.training.hold_out import split_held_out
    from detector.training.ranking import describe_image, learn_ranking
    from foundation.files import write_text
    from proposals import read_image
    from proposals.ranking import ranking_document

    _, held_out = split_held_out(_datasets.open_split(options), options.hold_out)
    if not held_out:
        raise ValueError("no image is held out; give the --hold-out of train_multibox")
    selective_search = _generators.make_generator("doubled", seed=0, threads=None)
    multibox = _generators.make_multibox()
    described = []
    with _common.progress(len(held_out), "describing", "image") as advance_to:
        for done, annotation in enumerate(held_out, start=1):
            image = read_image(annotation.image_path)
            boxes = annotation.without_crowds().boxes_xyxy
            described.append(describe_image(selective_search(image), multibox(image), boxes))
            advance_to(done)
    ranking = learn_ranking(described, options.seed)
    provenance = {"images": len(held_out), "hold_out": options.hold_out, "seed": options.seed}
    write_text(options.out, ranking_document(ranking, provenance))
    _common.print_line(str(options.out))
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""Print a detector's average precisions on VOC's twenty classes beside those of R-CNN.

Command: ``inception-rcnn eval-map --root VOC --split val --protocol voc2007 -j ours.json``, then
``python benchmarks/more/beside_rcnn.py ours.json``. It takes a second and prints Markdown.

R-CNN's are as published (Girshick et al. 2014, and its extended version for VGG-16): fine-tuned
networks without box regression on the whole test set of VOC 2007, by its rules; their means are
54.2 and 62.2. Ours are of whatever photographs the file is of: the table says how many.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Final

from detector.scoring import read_evaluation, score_outcomes

RCNN: Final = {  # class: AlexNet, VGG-16
    "aeroplane": (64.2, 71.6),
    "bicycle": (69.7, 73.5),
    "bird": (50.0, 58.1),
    "boat": (41.9, 42.2),
    "bottle": (32.0, 39.4),
    "bus": (62.6, 70.7),
    "car": (71.0, 76.0),
    "cat": (60.7, 74.5),
    "chair": (32.7, 38.7),
    "cow": (58.5, 71.0),
    "diningtable": (46.5, 56.9),
    "dog": (56.1, 74.5),
    "horse": (60.6, 67.9),
    "motorbike": (66.8, 69.6),
    "person": (54.2, 59.3),
    "pottedplant": (31.5, 35.7),
    "sheep": (52.8, 62.1),
    "sofa": (48.9, 64.0),
    "train": (57.9, 66.5),
    "tvmonitor": (64.7, 71.2),
}


def main() -> None:
    """Print the table in Markdown."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("file", type=Path, help="what eval-map --json wrote, by VOC 2007's rules")
    evaluation = read_evaluation(parser.parse_args().file)
    if evaluation.outcomes.protocol != "voc2007":
        raise SystemExit(f"by the rules of {evaluation.outcomes.protocol}: give --protocol voc2007")
    score = score_outcomes(evaluation.outcomes, [one.id for one in evaluation.classes])
    images = evaluation.outcomes.image_count
    print(f"| class | objects | ours, {images} photographs | R-CNN, AlexNet | R-CNN, VGG-16 |")
    print("|---|---|---|---|---|")
    known = [one for one in evaluation.classes if one.name in RCNN]
    for one in known:
        curve = score.curves[one.id]
        print(line(one.name, f"{curve.objects}", 100 * curve.average_precision, *RCNN[one.name]))
    ours = [100 * score.curves[one.id].average_precision for one in known]
    theirs = [[RCNN[one.name][column] for one in known] for column in (0, 1)]
    means = [sum(values) / len(values) for values in (ours, *theirs)]
    print(line(f"**mean of {len(known)}**", "", *means))


def line(name: str, objects: str, *percentages: float) -> str:
    """Return a row of the table."""
    return f"| {name} | {objects} | " + " | ".join(f"{one:.1f}" for one in percentages) + " |"


if __name__ == "__main__":
    main()

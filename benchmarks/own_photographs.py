"""Train the shipped network on classes that it does not know, and score it on held-out photographs.

Command: ``python benchmarks/own_photographs.py --root ILSVRC --split train --classes motorcycle
sofa --out DIR --json FILE``. It plays a user with a few hundred photographs: those of the split
that hold an object of the classes; every third is held out, the others are trained on. The
commands that it runs are those of README, one for each recipe (all, or those after ``--only``),
and are printed. A recipe whose member file lies in DIR already is scored again, not trained.
"""

from __future__ import annotations

import argparse
import json
import shlex
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from shared.machine import describe_machine

from detector.classes import select_classes
from detector.datasets import IlsvrcDet

TOOLS = Path(__file__).parents[1] / "tools"
HELD_OUT_EVERY = 3
REGIONS = 300  # scored a photograph
WINDOWS = ("--policy", "tight", "--pool-windows", "10000")
RECIPES = {
    "features": (
        *("--freeze", "features", *WINDOWS, "--steps", "2000"),
        *("--learning-rate", "0.01", "--drop-every", "1500"),
    ),
    "stem": (
        *("--freeze", "stem", *WINDOWS, "--steps", "400"),
        *("--learning-rate", "0.004", "--drop-every", "300", "--average-from", "200"),
    ),
}


def main() -> None:
    """Make the two lists, then train and score by each recipe."""
    options = parse()
    options.out.mkdir(parents=True, exist_ok=True)
    document: dict[str, Any] = {"machine": describe_machine(), **make_tree(options)}
    for name in options.only:
        document[name] = measure(name, options)
        print(name, json.dumps(document[name], indent=2))
        if options.json is not None:
            options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--root", type=Path, required=True)
    parser.add_argument("--split", default="train")
    parser.add_argument("--classes", nargs="+", required=True)
    parser.add_argument("--out", type=Path, required=True, help="folder for lists and results")
    parser.add_argument("--only", nargs="+", choices=tuple(RECIPES), default=tuple(RECIPES))
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    return parser.parse_args()


def make_tree(options: argparse.Namespace) -> dict[str, Any]:
    """Write an ILSVRC DET tree of the lists ``own`` and ``held_out``; return what they hold."""
    classes = select_classes(options.classes)
    keys = {one.key for one in classes}
    annotations = [a for a in IlsvrcDet(options.root, options.split) if keys & set(a.class_keys)]
    tree = options.out / "tree"
    (tree / "ImageSets/DET").mkdir(parents=True, exist_ok=True)
    lists = {
        "own": [a for i, a in enumerate(annotations) if i % HELD_OUT_EVERY],
        "held_out": annotations[::HELD_OUT_EVERY],
    }
    for name, chosen in lists.items():
        lines = [f"{one.image_id} {number}\n" for number, one in enumerate(chosen, start=1)]
        (tree / f"ImageSets/DET/{name}.txt").write_text("".join(lines), encoding="utf-8")
        for branch in ("Annotations", "Data"):
            link = tree / branch / "DET" / name
            link.parent.mkdir(parents=True, exist_ok=True)
            if not link.exists():
                link.symlink_to((options.root / branch / "DET" / options.split).resolve())
    return {
        name: {
            "photographs": len(chosen),
            "objects": {c.name: sum(a.class_keys.count(c.key) for a in chosen) for c in classes},
        }
        for name, chosen in lists.items()
    }


def measure(name: str, options: argparse.Namespace) -> dict[str, Any]:
    """Return minutes of training and average precisions of one recipe."""
    run, tree = options.out / name, options.out / "tree"
    member, scores = run / "member.safetensors", run / "score.json"
    result: dict[str, Any] = {"recipe": shlex.join(RECIPES[name])}
    if not member.exists():
        start = time.monotonic()
        classes = ("--classes", *options.classes)
        tool("train.py", "--root", tree, "--split", "own", *classes, "--out", run, *RECIPES[name])
        result["minutes"] = round((time.monotonic() - start) / 60, 1)
    split = ("--root", tree, "--split", "held_out", "--weights", member)
    limits = ("--max-proposals", REGIONS)
    tool("eval_map.py", *split, *limits, "--out", run / "predictions.txt", "--json", scores)
    score = json.loads(scores.read_text(encoding="utf-8"))
    return result | {"mAP": score["mAP"], "AP": score["AP"]}


def tool(name: str, *arguments: object) -> None:
    """Run one of the command-line tools; its output goes where ours goes."""
    command = [sys.executable, str(TOOLS / name), *map(str, arguments)]
    print("$", shlex.join(command[1:]), flush=True)
    subprocess.run(command, check=True)  # noqa: S603 - our own tools


if __name__ == "__main__":
    main()

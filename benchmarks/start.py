"""How long a start takes: from the command to the first regions scored, caches warm and cold.

    python benchmarks/start.py --rounds 5 --json benchmarks/results/start.json

Runs ``inception-rcnn detect`` of this tree on one photograph and on both samples, in processes of
its own with a cache folder of their own, and notes when the first batch of regions has its scores,
and when the command ends. Seconds of the wall and of the processor, medians of the rounds; cold is
a single first round, which compiles all kernels and networks.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from shared.machine import describe_machine

ROOT = Path(__file__).parents[1]
PICTURES = {
    "one photograph": [str(files("skimage").joinpath("data/astronaut.png"))],
    "both samples": ["--samples"],
}

Points = dict[str, dict[str, float]]  # seconds by kind, by the point of a run

# Runs the command in the child, and writes when the first regions were scored and when all ended.
PROGRAM = """
import json, resource, sys, time

def used():
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return {"wall": time.monotonic() - float(sys.argv[1]), "cpu": usage.ru_utime + usage.ru_stime}

from detector.commands.main import main, settle_blas

settle_blas()

from detector.engines.openvino_engine import OpenVinoEngine

noted = {}
score = OpenVinoEngine.member_scores

def member_scores(self, batches):
    for found in score(self, batches):
        noted.setdefault("first regions", used())
        yield found

OpenVinoEngine.member_scores = member_scores

code = main(["detect", "--out", *sys.argv[2:]])
noted["end"] = used()
print(json.dumps({"code": code, **noted}), file=sys.stderr)
"""


def main() -> int:
    """Print one line for cold caches and one for warm ones."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5, help="with warm caches (default: 5)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    options = parser.parse_args()
    figures = {
        f"{name}, {caches}": points
        for name, pictures in PICTURES.items()
        for caches, points in measure(pictures, options.rounds).items()
    }
    print(f"{'pictures, caches':24}{'point':16}  wall s  processor s")
    for name, points in figures.items():
        for point, used in points.items():
            print(f"{name:24}{point:16}{used['wall']:8.2f}{used['cpu']:13.2f}")
    if options.json is not None:
        document = {"machine": describe_machine(), "rounds": options.rounds, "start": figures}
        options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 0


def measure(pictures: Sequence[str], rounds: int) -> dict[str, Points]:
    """Return the seconds with cold caches, and the medians with warm ones."""
    with tempfile.TemporaryDirectory() as folder:
        cold = run_once(Path(folder), pictures)
        return {
            "cold": cold,
            "warm": medians([run_once(Path(folder), pictures) for _ in range(rounds)]),
        }


def run_once(folder: Path, pictures: Sequence[str]) -> Points:
    """Return seconds of the wall and of the processor up to each point of a run."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder / "cache"), "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", PROGRAM, str(time.monotonic()), str(folder / "out"), *pictures]
    run = subprocess.run(  # noqa: S603 - our own program
        command, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    if run.returncode:
        raise SystemExit(run.stderr)
    found: Points = json.loads(run.stderr.splitlines()[-1])
    found.pop("code")
    return found


def medians(runs: Sequence[Points]) -> Points:
    """Return the median of each figure."""
    return {
        point: {
            kind: statistics.median(run[point][kind] for run in runs) for kind in runs[0][point]
        }
        for point in runs[0]
    }


if __name__ == "__main__":
    sys.exit(main())

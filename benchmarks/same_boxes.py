"""Whether Selective Search gives the same boxes wherever it runs, byte for byte.

    python benchmarks/same_boxes.py --json benchmarks/results/same_boxes.json

Makes two environments with what the search needs: the newest versions that pip has, and the
oldest that the ranges in pyproject.toml and this Python allow. In each, all modes search the same
arrays and files in several ways: with 1, 2 and 5 threads, on one processor, as two processes at
once that have no compiled kernels yet, and without the vector instructions of numba, OpenCV and
NumPy. One line a way says how many of the boxes are those of the first line; files are counted
apart, since they must be decoded first. Ends with 1 where one differs, and names the first stage
that does.

Some ten minutes, or five with ``--environments FOLDER``, which keeps the environments for the next
time. Linux on x86-64; other systems and processors must be tried by running it there.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from shared.machine import describe_machine
from skimage import data

ROOT = Path(__file__).parents[1]
PROGRAM = Path(__file__).parent / "shared" / "box_hashes.py"
PACKAGES = (
    "numpy", "numba", "pillow", "opencv-contrib-python-headless", "scikit-image", "lazy-loader",
)  # fmt: skip

SWITCHES = ("PYTHON", "NUMBA_", "OPENCV_", "NPY_")  # variables that a way sets, or does without
OPENCV_VECTORS = "SSE4.1,SSE4.2,AVX,FP16,AVX2,AVX512-SKX"
NUMPY_VECTORS = """if True:
    try:
        from numpy._core import _multiarray_umath as core
    except ImportError:
        from numpy.core import _multiarray_umath as core
    print(*(name for name in core.__cpu_dispatch__ if core.__cpu_features__[name]))
"""

PINNED = """if True:
    import os, sys
    os.sched_setaffinity(0, {int(sys.argv[1])})
    os.execv(sys.argv[2], sys.argv[2:])
"""

Hashes = Mapping[str, Mapping[str, str]]
"""Of each picture, the hash of each stage."""


@dataclass(frozen=True)
class Way:
    """One way to run the search."""

    name: str
    threads: int = 2
    variables: Mapping[str, str] = field(default_factory=dict)
    processor: int | None = None  # the only one that it may use
    processes: int = 1  # at once; with more than one, none finds compiled kernels


def main() -> int:
    """Print a line a way; 1 where boxes differ."""
    options = parse()
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        write_pictures(work / "pictures", options)
        environments = make_environments((options.environments or work / "made").resolve())
        versions = {name: installed(python) for name, python in environments.items()}
        print(*(f"{name}: {as_words(packages)}" for name, packages in versions.items()), sep="\n")
        print(f"{'environment':12}{'way':34}{'arrays':>10}{'decoded':>10}{'files':>10}")
        lines: list[dict[str, Any]] = []
        reference: Hashes = {}
        for name, python in environments.items():
            for way in ways(python):
                for hashes in run(python, way, work):
                    reference = reference or hashes
                    line = {"environment": name, "way": way.name}
                    lines.append(line | compare(hashes, reference))
                    print(as_text(lines[-1]), flush=True)
    document = {"machine": describe_machine(), "environments": versions, "ways": lines}
    if options.json is not None:
        text = json.dumps(document | {"boxes": reference}, indent=2)
        options.json.write_text(text + "\n", encoding="utf-8")
    return int(any(line["first_difference"] for line in lines))


def parse() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the result there, too")
    parser.add_argument(
        "--environments", type=Path, metavar="FOLDER", help="where they are kept, or found again"
    )
    parser.add_argument("--root", type=Path, help="a folder of JPEG files to try as well")
    parser.add_argument("--pictures", type=int, default=5, help="how many of them")
    return parser.parse_args()


def write_pictures(folder: Path, options: argparse.Namespace) -> None:
    """Write arrays, and files of the kinds that decoders treat differently."""
    folder.mkdir()
    noise = np.random.RandomState(0).randint(0, 256, (120, 160, 3)).astype(np.uint8)
    arrays = {
        "astronaut": data.astronaut(),
        "chelsea": data.chelsea(),
        "coffee": data.coffee(),
        "camera, grey": data.camera(),
        "noise": noise,
        "tall": np.ascontiguousarray(data.rocket()[:, 300:340]),
    }
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    coffee = Image.fromarray(arrays["coffee"])
    coffee.save(folder / "coffee.png")
    coffee.save(folder / "coffee, 4-2-0.jpg", quality=80, subsampling=2)
    progressive = {"quality": 60, "subsampling": 0, "progressive": True}
    coffee.save(folder / "coffee, 4-4-4 progressive.jpg", **progressive)
    coffee.convert("CMYK").save(folder / "coffee, CMYK.jpg")
    Image.fromarray(arrays["camera, grey"]).save(folder / "camera, grey.jpg")
    if options.root is not None:
        for path in islice(sorted(options.root.rglob("*.jp*g")), options.pictures):
            shutil.copy(path, folder)


def make_environments(folder: Path) -> dict[str, Path]:
    """Make the environments, or bring them up to date; return their Python by name."""
    pythons = {}
    for name in ("newest", "oldest"):
        python = pythons[name] = folder / name / "bin" / "python"
        if not python.exists():
            subprocess.run([sys.executable, "-m", "venv", folder / name], check=True)  # noqa: S603
        wanted = PACKAGES if name == "newest" else oldest_versions(python)
        install = ["-m", "pip", "install", "--quiet", "--upgrade", "--only-binary=:all:"]
        subprocess.run([python, *install, *wanted], check=True)  # noqa: S603
    return pythons


def oldest_versions(python: Path) -> list[str]:
    """Return the packages, each in the first version of its range that pip has for this Python."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    ranges = dict(line.split(">=") for line in settings["project"]["dependencies"])
    oldest = []
    for package in PACKAGES:
        command = [python, "-m", "pip", "index", "versions", "--only-binary=:all:", package]
        answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603
        available = answer.partition("Available versions:")[2].partition("\n")[0]
        listed = re.findall(r"[\d.]*\d(?=,|$)", available)  # without those of letters
        allowed = [one for one in listed if numbers(one) >= numbers(ranges[package])]
        oldest.append(f"{package}=={min(allowed, key=numbers)}")
    return oldest


def numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of a version, to compare it."""
    return tuple(int(part) for part in version.split("."))


def ways(python: Path) -> list[Way]:
    """Return the ways to search in an environment; the first one is what the others are held to."""
    vectors = [python, "-c", NUMPY_VECTORS]
    numpy_vectors = subprocess.run(vectors, check=True, capture_output=True, text=True).stdout  # noqa: S603
    plain_numba = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
    plain_opencv = {"OPENCV_CPU_DISABLE": OPENCV_VECTORS, "OPENCV_IPP": "disabled"}
    plain_numpy = {"NPY_DISABLE_CPU_FEATURES": numpy_vectors.strip()}
    return [
        Way("1 thread", threads=1),
        Way("2 threads"),
        Way("5 threads", threads=5),
        Way("on one processor", processor=min(os.sched_getaffinity(0))),
        Way("two processes at once", processes=2),
        Way("numba for any x86-64", variables=plain_numba),
        Way("OpenCV without vectors and IPP", variables=plain_opencv),
        Way("NumPy without vectors", variables=plain_numpy),
        Way("none of these", variables=plain_numba | plain_opencv | plain_numpy),
    ]


def run(python: Path, way: Way, work: Path) -> list[Hashes]:
    """Search all pictures; return what each process found."""
    cache = work / f"cache of {way.name}" if way.processes > 1 else work / "cache"
    kept = {name: value for name, value in os.environ.items() if not name.startswith(SWITCHES)}
    variables = {**kept, "PYTHONPATH": str(ROOT), "XDG_CACHE_HOME": str(cache)}
    variables |= {"OPENCV_LOG_LEVEL": "ERROR"} | way.variables  # else it warns of disabled parts
    command = [str(python), str(PROGRAM), str(work / "pictures"), "--threads", str(way.threads)]
    if way.processor is not None:
        command = [str(python), "-c", PINNED, str(way.processor), *command]
    started = [
        subprocess.Popen(command, env=variables, stdout=subprocess.PIPE, text=True)  # noqa: S603
        for _ in range(way.processes)
    ]
    answers = [process.communicate()[0] for process in started]
    if any(process.returncode for process in started):
        raise SystemExit(f"{python}: {way.name}: the search failed; its error is above")
    return [json.loads(answer) for answer in answers]


def compare(found: Hashes, reference: Hashes) -> dict[str, Any]:
    """Count what agrees with the reference, and name what differs first."""
    arrays = [name for name in reference if name.endswith(".npy")]
    files = [name for name in reference if name not in arrays]
    differing = [
        f"{name}: {stage}"
        for name, stages in reference.items()
        for stage in stages
        if found[name][stage] != stages[stage]
    ]
    return {
        "arrays": count(arrays, "boxes", found, reference),
        "decoded": count(files, "pixels", found, reference),
        "files": count(files, "boxes", found, reference),
        "first_difference": differing[0] if differing else None,
        "differing": differing,
    }


def count(names: list[str], stage: str, found: Hashes, reference: Hashes) -> list[int]:
    """Return how many hashes of pictures agree in the stages so called, and of how many."""
    agree = [
        found[name][one] == expected
        for name in names
        for one, expected in reference[name].items()
        if one.startswith(stage)
    ]
    return [sum(agree), len(agree)]


def as_text(line: Mapping[str, Any]) -> str:
    """Return one line of the table."""
    counts = (line[column] for column in ("arrays", "decoded", "files"))
    columns = "".join(f"{f'{agree}/{all_}':>10}" for agree, all_ in counts)
    return f"{line['environment']:12}{line['way']:34}{columns}  {line['first_difference'] or ''}"


def as_words(versions: Mapping[str, str]) -> str:
    """Return the versions that matter, in a line."""
    return ", ".join(f"{package} {versions[package]}" for package in PACKAGES)


def installed(python: Path) -> dict[str, str]:
    """Return the versions of an environment's packages."""
    command = [python, "-m", "pip", "list", "--format=json"]
    answer = subprocess.run(command, check=True, capture_output=True, text=True).stdout  # noqa: S603
    listed = json.loads(answer)
    return {one["name"].lower().replace("_", "-"): one["version"] for one in listed}


if __name__ == "__main__":
    sys.exit(main())

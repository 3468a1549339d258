"""What a fresh machine needs for README's first command: seconds, and megabytes of disk.

    python benchmarks/install.py --json benchmarks/results/install.json

Clones the last commit into an empty folder and runs there what README says, with an empty home:
no cache of pip, of compiled kernels or of networks. Prints how long it took, the size of the
environment, and its largest packages.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from shared.machine import describe_machine

ROOT = Path(__file__).parents[1]
LARGEST = 8  # packages that are listed


def main() -> int:
    """Print the seconds, the size and the largest packages."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there, too")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        clone, home = Path(folder, "clone"), Path(folder, "home")
        home.mkdir()
        subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)  # noqa: S603, S607
        command = first_command((clone / "README.md").read_text(encoding="utf-8"))
        print(command, flush=True)
        start = time.monotonic()
        subprocess.run(["bash", "-c", command], cwd=clone, env=bare(home), check=True)  # noqa: S603, S607
        seconds = time.monotonic() - start
        sizes = package_sizes(clone / ".venv")
        caches = megabytes(home / ".cache")
    figures = {"seconds": seconds, "environment_mb": sum(sizes.values()), "caches_mb": caches}
    print(
        f"{seconds:.0f} s; environment {figures['environment_mb']:.0f} MB; caches"
        f" {caches:.0f} MB (pip's, kernels, networks)"
    )
    largest = dict(sorted(sizes.items(), key=lambda item: -item[1])[:LARGEST])
    for name, size in largest.items():
        print(f"{size:7.0f} MB  {name}")
    if options.json is not None:
        document = {"machine": describe_machine(), **figures, "largest_mb": largest}
        options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")
    return 0


def first_command(readme: str) -> str:
    """Return the first block of shell commands."""
    found = re.search(r"```sh\n(.*?)```", readme, re.DOTALL)
    if found is None:
        raise SystemExit("README.md holds no block of shell commands")
    return found.group(1)


def bare(home: Path) -> dict[str, str]:
    """Return this environment with an empty home, and outside any virtual environment."""
    dropped = {"VIRTUAL_ENV", "PYTHONPATH", "XDG_CACHE_HOME", "PIP_CACHE_DIR"}
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    inside = os.environ.get("VIRTUAL_ENV", "no environment")
    path = [part for part in kept["PATH"].split(os.pathsep) if not part.startswith(inside)]
    return {**kept, "HOME": str(home), "PATH": os.pathsep.join(path)}


def package_sizes(environment: Path) -> dict[str, float]:
    """Return the megabytes of each package of an environment, and of all else in it."""
    (packages,) = environment.glob("lib/python*/site-packages")
    sizes = {entry.name: megabytes(entry) for entry in packages.iterdir()}
    sizes["(all else)"] = megabytes(environment) - sum(sizes.values())
    return sizes


def megabytes(path: Path) -> float:
    """Return the size on disk of a file or folder, in millions of bytes."""
    entries = [path, *path.rglob("*")] if path.exists() else []
    found = {entry.lstat().st_ino: entry.lstat().st_blocks * 512 for entry in entries}
    return sum(found.values()) / 1e6


if __name__ == "__main__":
    sys.exit(main())

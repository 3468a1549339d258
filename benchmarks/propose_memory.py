"""Watch the memory of ``tools/propose.py`` from outside while it works.

Command: ``python benchmarks/propose_memory.py --root ILSVRC --split train --out train.parquet``.
All arguments go to the tool as they are. Prints the resident memory when a tenth, half and all
of the time has passed, its peak, and images a second, start and compiled kernels included.
Linux only: it reads /proc.
"""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

from proposals import ProposalFile

TOOL = Path(__file__).parents[1] / "tools" / "propose.py"
SECONDS_APART = 0.5


def main() -> int:
    """Run the tool, print the figures, and return its exit code."""
    if "--out" not in sys.argv[:-1]:
        print(__doc__, file=sys.stderr)
        return 2
    start = time.monotonic()
    process = subprocess.Popen([sys.executable, TOOL, *sys.argv[1:]])  # noqa: S603 - our own tool
    samples: list[int] = []
    while process.poll() is None:
        if resident := resident_memory(process.pid):
            samples.append(resident)
        time.sleep(SECONDS_APART)
    seconds = time.monotonic() - start
    if process.returncode in {0, 1}:
        report(samples, seconds, Path(sys.argv[sys.argv.index("--out") + 1]))
    return process.returncode


def resident_memory(process: int) -> int:
    """Return the resident memory of a process in bytes; 0 when it has ended."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    except OSError:
        return 0
    kilobytes = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(kilobytes[0]) * 1024 if kilobytes else 0


def report(samples: list[int], seconds: float, path: Path) -> None:
    """Print the figures."""
    megabytes = [sample / 1e6 for sample in samples]
    for share in (0.1, 0.5, 1.0):
        value = megabytes[min(int(share * len(megabytes)), len(megabytes) - 1)]
        print(f"resident memory after {share:4.0%} of the time: {value:6.0f} MB")
    print(f"peak: {max(megabytes):.0f} MB")
    with ProposalFile(path) as file:
        count = len(file) + len(file.skipped)
    print(f"{count} images in {seconds:.0f} s: {count / seconds:.2f} a second")
    print(f"file: {path.stat().st_size / 1e6:.1f} MB")


if __name__ == "__main__":
    sys.exit(main())

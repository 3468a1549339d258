"""Watch the memory of a command-line tool from outside while it works.

Commands: ``python benchmarks/more/tool_memory.py propose.py --root ILSVRC --split train -o
train.parquet``, or ``python benchmarks/more/tool_memory.py detect.py PICTURES``.
What follows the name of the tool goes to it as it is. Prints the resident memory when a tenth,
half and all of the time has passed, its peak, and the seconds, start and compiled kernels
included. Linux only: it reads /proc.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import time
from pathlib import Path

TOOLS = Path(__file__).parents[2] / "tools"
SECONDS_APART = 0.5


def main() -> int:
    """Run the tool, print the figures, and return its exit code."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("tool", choices=sorted(path.name for path in TOOLS.glob("[a-z]*.py")))
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="for the tool, as they are")
    options = parser.parse_args()
    start = time.monotonic()
    command = [sys.executable, TOOLS / options.tool, *options.arguments]
    process = subprocess.Popen(command)  # noqa: S603 - our own tool
    samples: list[int] = []
    while process.poll() is None:
        if resident := resident_memory(process.pid):
            samples.append(resident)
        time.sleep(SECONDS_APART)
    if process.returncode in {0, 1}:
        report(samples, time.monotonic() - start)
    return process.returncode


def resident_memory(process: int) -> int:
    """Return the resident memory of a process in bytes; 0 when it has ended."""
    try:
        status = Path(f"/proc/{process}/status").read_text(encoding="ascii")
    except OSError:
        return 0
    kilobytes = [line.split()[1] for line in status.splitlines() if line.startswith("VmRSS:")]
    return int(kilobytes[0]) * 1024 if kilobytes else 0


def report(samples: list[int], seconds: float) -> None:
    """Print the figures."""
    megabytes = [sample / 1e6 for sample in samples]
    for share in (0.1, 0.5, 1.0):
        value = megabytes[min(int(share * len(megabytes)), len(megabytes) - 1)]
        print(f"resident memory after {share:4.0%} of the time: {value:6.0f} MB")
    print(f"peak: {max(megabytes):.0f} MB; {seconds:.0f} s")


if __name__ == "__main__":
    sys.exit(main())

"""Attack one reader of strangers' files with Atheris, guided by the lines that it reaches.

    python tests/fuzz/run.py pictures --seconds 3600

begins with the small files of `fuzz_targets` and with those in ``corpus/TARGET``, changes them in
many ways, and stops at the first finding, which it keeps in ``corpus/TARGET`` as ``crash-...``,
``timeout-...`` or ``oom-...``. ``tests/test_fuzz.py`` tries all that is kept there again. The last
line says how many files were tried: ``Done 123456 runs in 3601 second(s)``.

Needs the extra ``fuzz``, which is for Linux.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import warnings
from pathlib import Path

import atheris

SLOWEST = 30  # seconds that a file may take
MOST_MEMORY = 4096  # MB of the process
LONGEST = 1 << 16  # bytes of a file
WATCHED = ["detector", "proposals", "backbones", "foundation", "PIL"]
"""Packages whose lines guide the search; to prepare more takes minutes at each start."""


def main() -> None:
    """Run until the time is over or something is found."""
    with atheris.instrument_imports(include=WATCHED, enable_loader_override=False):
        import fuzz_targets

    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("target", choices=fuzz_targets.TARGETS)
    parser.add_argument("--seconds", type=int, default=3600, help="(default: %(default)s)")
    options = parser.parse_args()
    kept = fuzz_targets.CORPUS / options.target
    kept.mkdir(parents=True, exist_ok=True)
    warnings.simplefilter("ignore")  # Pillow's, of files that it can do with
    with tempfile.TemporaryDirectory() as temporary:
        folder, seeds = Path(temporary), Path(temporary) / "seeds"
        seeds.mkdir()
        for number, content in enumerate(fuzz_targets.TARGETS[options.target].seeds()):
            (seeds / str(number)).write_bytes(content)
            fuzz_targets.attempt(options.target, content, folder)  # imports what is left
        arguments = [
            sys.argv[0],
            f"-max_total_time={options.seconds}",
            f"-timeout={SLOWEST}",
            f"-rss_limit_mb={MOST_MEMORY}",
            f"-max_len={LONGEST}",
            f"-artifact_prefix={kept}/",
            "-print_final_stats=1",
            str(seeds),  # the first folder is that into which new files go
            str(kept),
        ]
        atheris.Setup(arguments, lambda content: _attempt(options.target, content, folder))
        atheris.Fuzz()


def _attempt(target: str, content: bytes, folder: Path) -> None:
    import fuzz_targets

    fuzz_targets.attempt(target, content, folder)


if __name__ == "__main__":
    main()

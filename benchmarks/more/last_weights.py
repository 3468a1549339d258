"""Write a trained member with its last weights in place of their mean, to see what that is worth.

    python benchmarks/more/last_weights.py runs/member last.safetensors
    inception-rcnn calibrate --root ILSVRC --split train --weights last.safetensors

``runs/member`` is the folder of ``inception-rcnn train --average-from STEP``: its checkpoint
holds the last weights beside the mean that member.safetensors has. The new file is not calibrated
for 8 bits, hence the second command.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from safetensors import safe_open

from detector.members.file import load_member, save_member

_LAST = "model."


def main() -> None:
    """Write the file named second from the run named first."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path, help="folder of the run")
    parser.add_argument("out", type=Path, help="file to write")
    options = parser.parse_args()
    member = load_member(options.run / "member.safetensors")
    with safe_open(options.run / "checkpoint.safetensors", framework="np") as file:
        names = [name for name in file.keys() if name.startswith(_LAST)]  # noqa: SIM118
        last = {name.removeprefix(_LAST): file.get_tensor(name) for name in names}
    tensors = {name: last[name] for name in member.tensors}  # without auxiliary heads
    save_member(options.out, replace(member, tensors=tensors, activation_ranges={}))


if __name__ == "__main__":
    main()

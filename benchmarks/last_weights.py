"""Write a trained member with its last weights in place of their mean, to see what that is worth.

    python benchmarks/last_weights.py runs/member last.safetensors
    python tools/calibrate.py --root ILSVRC --split train --weights last.safetensors

``runs/member`` is the folder of a run of ``tools/train.py --average-from STEP``: its checkpoint
holds the last weights beside the mean that member.safetensors has. The new file is not calibrated
for 8 bits, hence the second command.
"""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from safetensors import safe_open

from detector.members.file import load_member, save_member

_LAST = "model."


def main() -> int:
    """Write the file named second from the run named first."""
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    run, out = Path(sys.argv[1]), Path(sys.argv[2])
    member = load_member(run / "member.safetensors")
    with safe_open(run / "checkpoint.safetensors", framework="np") as file:
        names = [name for name in file.keys() if name.startswith(_LAST)]  # noqa: SIM118
        last = {name.removeprefix(_LAST): file.get_tensor(name) for name in names}
    tensors = {name: last[name] for name in member.tensors}  # without auxiliary heads
    save_member(out, replace(member, tensors=tensors, activation_ranges={}))
    return 0


if __name__ == "__main__":
    sys.exit(main())

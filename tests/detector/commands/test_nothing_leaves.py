"""Commands run where sockets are forbidden and the home folder is watched."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from detector.members.file import save_member
from detector.members.member import Member
from foundation.cache_folder import cache_folder

ROOT = Path(__file__).parents[3]

# An audit hook sees what Python's own sockets do, in processes that fork from this one too.
PROGRAM = """if True:
    import sys
    from pathlib import Path

    OUTWARD = {"socket.connect", "socket.sendto", "socket.sendmsg", "socket.getaddrinfo",
               "socket.gethostbyname", "socket.gethostbyaddr", "socket.getnameinfo"}

    def forbid(event, details):
        if event in OUTWARD:
            with Path("asked.txt").open("a") as file:
                print(event, details, file=file)
            raise PermissionError(f"{event} is forbidden here")

    sys.addaudithook(forbid)

    import backbones, detector, proposals
    from detector.commands.main import main

    tree = ("--root", "tree", "--split", "val")
    regions = ("--weights", "mine.safetensors", "--proposals", "boxes.parquet")
    codes = [
        main(["propose", *tree, "--generator", "fast", "--max-boxes", "9", "-o", "boxes.parquet"]),
        main(["detect", "tree/Data/DET/val/cat.JPEG", *regions, "-j", "found.json"]),
        main(["eval-map", *tree, *regions, "--classes", "domestic cat", "-o", "found.txt"]),
        main(["train", *tree, *regions, "--classes", "domestic cat", "--freeze", "features",
              "--pool-windows", "6", "--steps", "1", "--foreground", "2", "--background", "4",
              "--calibration-regions", "2", "-o", "run"]),
    ]
    print(codes)
"""


def test_no_command_asks_the_network_or_writes_into_the_home_folder(
    tmp_path: Path, make_member: Callable[[int], Member], write_split: Callable[..., None]
) -> None:
    write_split(tmp_path / "tree", {"cat": [("n02121808", (10, 10, 90, 90))]})
    save_member(tmp_path / "mine.safetensors", make_member(0))
    home, caches = tmp_path / "home", tmp_path / "caches" / "inception-rcnn"
    home.mkdir()
    caches.mkdir(parents=True)
    kernels = cache_folder("kernels")
    if kernels is not None and kernels.is_dir():  # to compile them anew takes long
        (caches / "kernels").symlink_to(kernels)
    environment = {
        **os.environ,
        "HOME": str(home),
        "XDG_CACHE_HOME": str(caches.parent),
        "XDG_CONFIG_HOME": str(tmp_path / "settings"),  # matplotlib's
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
        "OMP_NUM_THREADS": "1",
        "CI": "",  # which OpenVINO's telemetry heeds
    }
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM],
        cwd=tmp_path, env=environment, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert run.returncode == 0, run.stderr
    assert run.stdout.splitlines()[-1] == "[0, 0, 0, 0]", run.stdout + run.stderr
    assert not (tmp_path / "asked.txt").exists(), (tmp_path / "asked.txt").read_text()
    assert list(home.iterdir()) == []
    assert (tmp_path / "run/member.safetensors").exists()

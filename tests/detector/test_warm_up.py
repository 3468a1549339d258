from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

WARM_UP = "from detector.warm_up import warm_up; print(*warm_up(), sep='\\n')"
DETECT = """
from numba.core import event
compiled = []
class Count(event.Listener):
    def on_start(self, event): compiled.append(event.data["dispatcher"].py_func.__qualname__)
    def on_end(self, event): pass
event.register("numba:compile", Count())
import numpy as np
from skimage import data
from detector.regions.warp import warp_regions
from detector.regions.warp_config import WarpConfig
from proposals import MODES, SelectiveSearch
from proposals.nms import non_maximum_suppression
from proposals.ranking import best_first, describe
for picture in (data.astronaut(), data.camera(), data.coffee()[:90, :70]):
    for mode in MODES:
        found = SelectiveSearch(mode)(picture)
boxes, scores = found.boxes_xyxy[:20], found.scores[:20]
boxes.flags.writeable = scores.flags.writeable = False
non_maximum_suppression(boxes, scores, 0.3)
best_first(boxes, scores, 0.5, 0.9)
describe(boxes, (90, 70), scores > -1, np.full(20, 0.5, np.float32), found.ranks[:20])
warp_regions(data.coffee()[:90, :70], boxes, WarpConfig(size=64, context_padding=0))
from detector import Detector
Detector.from_pretrained().detect(data.coffee()[:90, :70])
print(compiled)
"""


def run(program: str, cache: Path) -> str:
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, "XDG_CACHE_HOME": str(cache)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    return ended.stdout.strip()


def test_after_a_warm_up_nothing_is_compiled(tmp_path: Path) -> None:
    folders = [Path(line) for line in run(WARM_UP, tmp_path / "cache").splitlines()]
    names = [folder.name.partition("-")[0] for folder in folders]
    assert names == ["proposals", "detector", "networks"]
    assert len(list(folders[-1].iterdir())) == 3  # MultiBox, the first member, the others
    assert all(any(folder.iterdir()) for folder in folders)
    assert all(folder.is_relative_to(tmp_path / "cache") for folder in folders)
    before = sorted(folders[-1].iterdir())
    assert run(DETECT, tmp_path / "cache") == "[]"
    assert sorted(folders[-1].iterdir()) == before


def test_where_nothing_can_be_stored_no_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert run(WARM_UP, tmp_path / "file" / "cache") == ""

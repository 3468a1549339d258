"""Runs that are killed before any one of their steps on disk, and are run again."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from proposals import ProposalFile, ProposalFileError

# In a process of its own, which forks: a child ends before its n-th change of the disk as a killed
# process does, without any cleaning up.
PROGRAM = """
import os, shutil, sys
from pathlib import Path
import numpy as np
import pyarrow.parquet
from proposals import Proposals
from proposals.storage.batch import propose_to_file
from proposals.storage.header import ProposalSettings
from proposals.storage.parts import Picture

def propose(image):
    height, width = image.shape[:2]
    # Parts have sources of their own.
    return Proposals.of_one_source([[0, 0, width, height]], (height, width), "ab"[width > 20])

def run(path, seed, overwrite):
    pictures = [Picture(p.stem, str(p)) for p in sorted(Path(sys.argv[1]).iterdir())]
    propose_to_file(pictures, lambda: propose, path, ProposalSettings("stub", seed), workers=1,
                    report=lambda done: None, overwrite=overwrite, images_a_part=1)

def dies_at(step):
    left = [step]
    def counted(change):
        def changed(*arguments, **options):
            if left[0] == 0:
                os._exit(9)
            left[0] -= 1
            return change(*arguments, **options)
        return changed
    for name in ("replace", "rename", "unlink", "mkdir"):
        setattr(Path, name, counted(getattr(Path, name)))
    os.unlink, os.rmdir = counted(os.unlink), counted(os.rmdir)  # as shutil.rmtree calls them

pyarrow.array([""])  # imports pandas where there is one, here once and not in each child

def in_child(work):
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])

def killed(folder, name, overwrite):
    step = 0
    while True:
        path = Path(folder, f"{step:02}", name)
        path.parent.mkdir(parents=True)
        if overwrite:
            shutil.copytree(Path(sys.argv[2], "before"), path.parent, dirs_exist_ok=True)
        def work():
            dies_at(step)
            run(path, 1, overwrite)
        if in_child(work) == 0:
            return
        again = Path(folder, f"{step:02} again")
        shutil.copytree(path.parent, again)
        assert in_child(lambda: run(again / name, 1, overwrite)) == 0
        step += 1

def whole():
    run(Path(sys.argv[2], "before", "boxes"), 0, False)
    for name in ("boxes", "boxes.parquet"):
        run(Path(sys.argv[2], "whole", name), 1, False)
assert in_child(whole) == 0
for name, overwrite in (("boxes", False), ("boxes", True), ("boxes.parquet", False)):
    killed(Path(sys.argv[2], f"{name} {overwrite}"), name, overwrite)
"""


@pytest.fixture(scope="module")
def killed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Leave what runs leave that are killed; beside them whole ones, and those of old settings."""
    folder = tmp_path_factory.mktemp("killed")
    (folder / "pictures").mkdir()
    for number in range(2):
        Image.new("RGB", (20 + number, 10)).save(folder / f"pictures/{number}.png")
    subprocess.run([sys.executable, "-c", PROGRAM, folder / "pictures", folder], check=True)
    return folder


def contents(path: Path) -> dict[str, bytes]:
    """Return all that stands in a file or folder, by name."""
    if path.is_dir():
        return {entry.name: entry.read_bytes() for entry in path.iterdir()}
    return {"": path.read_bytes()}


FORMS = [("boxes", False), ("boxes", True), ("boxes.parquet", False)]


@pytest.mark.parametrize(("name", "overwrite"), FORMS)
def test_nothing_half_written_looks_complete_wherever_a_run_is_killed(
    killed: Path, name: str, overwrite: bool
) -> None:
    states = sorted((killed / f"{name} {overwrite}").glob("[0-9][0-9]"))
    whole = [contents(killed / "whole" / name)]
    if overwrite:
        whole.append(contents(killed / "before" / name))
    complete = 0
    for state in states:
        path = state / name
        if path.exists():
            assert contents(path) in whole
            complete += 1
        else:
            with pytest.raises(ProposalFileError, match=r"complete yet; rerun|no such file"):
                ProposalFile(path)
    assert 0 < complete < len(states)
    assert len(states) > 8


@pytest.mark.parametrize(("name", "overwrite"), FORMS)
def test_the_same_command_goes_on_wherever_a_run_was_killed(
    killed: Path, name: str, overwrite: bool
) -> None:
    whole = contents(killed / "whole" / name)
    for state in sorted((killed / f"{name} {overwrite}").glob("* again")):
        assert contents(state / name) == whole
        assert [entry.name for entry in state.iterdir()] == [name]

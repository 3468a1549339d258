"""The programs of docs/proposals.md, run as they stand there, each in a process of its own."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from skimage import data

from proposals import SelectiveSearch
from proposals.images import PICTURE_FORMATS

ROOT = Path(__file__).parents[2]
SECONDS = 300  # a worker that hangs fails the test
BEST = 300


def recipe(title: str) -> str:
    """Return the program under a heading."""
    text = (ROOT / "docs" / "proposals.md").read_text(encoding="utf-8")
    section = text.partition(f"\n## {title}\n")[2].partition("\n## ")[0]
    (program,) = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    return str(program)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with five photographs of three kinds in ``pictures``."""
    folder = tmp_path_factory.mktemp("recipes")
    pictures = folder / "pictures"
    pictures.mkdir()
    Image.fromarray(data.coffee()).save(pictures / "coffee.jpg")
    cat = Image.fromarray(data.chelsea())
    cat.save(pictures / "cat.jpg")
    cat.convert("L").save(pictures / "grey.jpg")
    cat.convert("CMYK").save(pictures / "cmyk.jpg")
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    cat.save(pictures / "turned.jpg", exif=exif)
    return folder


@pytest.fixture(scope="module")
def counts(folder: Path) -> dict[str, int]:
    """Return the number of boxes of each photograph."""
    search = SelectiveSearch()
    return {path.name: len(search(path)) for path in sorted((folder / "pictures").glob("*.jpg"))}


def run(program: str, folder: Path, **environment: str) -> list[str]:
    (folder / "recipe.py").write_text(program, encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "recipe.py"],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(ROOT)} | environment,
        timeout=SECONDS,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return ended.stdout.splitlines()


def test_proposals_are_shown_and_indexed(folder: Path) -> None:
    (line,) = run(recipe("What is taken, and what comes back"), folder)
    assert re.fullmatch(
        r"Proposals\(\d+ boxes, image_size=\(400, 600\), sources=\('selective_search',\)\)", line
    )


def test_many_images_come_in_order_and_bad_ones_are_told(
    folder: Path, counts: dict[str, int]
) -> None:
    formats, remedy = ", ".join(PICTURE_FORMATS), "save it as JPEG or PNG"
    bad = folder / "pictures" / "bad.txt"
    bad.write_text("no picture")
    try:
        lines = run(recipe("Many images"), folder)
    finally:
        bad.unlink()
    assert lines == [
        f"pictures/bad.txt: not a picture, or of none of the formats {formats}; {remedy}",
        *(f"{name} {count}" for name, count in counts.items()),
    ]


@pytest.mark.parametrize("how", ["spawn", "fork", "fork after use"])
def test_workers_of_a_data_loader_propose(how: str, folder: Path, counts: dict[str, int]) -> None:
    program = recipe("PyTorch's DataLoader").replace('"spawn"', f'"{how.partition(" ")[0]}"')
    assert program.count(how.partition(" ")[0]) >= 1
    if how == "fork after use":  # of all threads that a search has, in the process that forks
        program = program.replace(
            'if __name__ == "__main__":\n',
            'if __name__ == "__main__":\n    SelectiveSearch(threads=4)("pictures/coffee.jpg")\n',
        )
        assert "threads=4" in program
    lines = run(program, folder)
    found = [int(count) for line in lines for count in re.findall(r"\d+", line.split("] [")[1])]
    assert found == [min(count, BEST) for count in counts.values()]
    assert "(3, 451, 300)" in lines[-1]  # the turned one stands upright


@pytest.mark.parametrize("how", ["spawn", "fork"])
def test_workers_of_a_data_loader_read_a_folder_of_proposals(
    how: str, folder: Path, counts: dict[str, int]
) -> None:
    program = recipe("Files of proposals").replace('"spawn"', f'"{how}"')
    assert run(program, folder) == [f"{sum(counts.values())} boxes"]
    assert (folder / "boxes" / "_index").is_file()


def test_a_data_set_of_hugging_face_is_mapped_in_two_processes(
    folder: Path, counts: dict[str, int]
) -> None:
    pytest.importorskip("datasets", reason="the test extra brings it")
    offline = {
        "HF_HUB_OFFLINE": "1",
        "HF_DATASETS_OFFLINE": "1",
        "HF_HUB_DISABLE_TELEMETRY": "1",
        "HF_HOME": str(folder / "hugging_face"),
    }
    lines = run(recipe("Hugging Face datasets"), folder, **offline)
    assert [int(line.split()[-1]) for line in lines] == [
        min(count, BEST) for count in counts.values()
    ]
    assert lines[-1].startswith("(300, 451)")


def test_opencvs_class_is_replaced_by_one_import(folder: Path) -> None:
    shown = "print(boxes_xywh.dtype, boxes_xywh.shape[1], len(boxes_xywh) > 100)\n"
    ours = recipe("In place of OpenCV") + shown
    theirs, changed = re.subn(
        r"from proposals\.\S+ import opencv_api as segmentation.*",
        "segmentation = cv2.ximgproc.segmentation",
        ours,
    )
    assert changed == 1
    assert run(ours, folder) == run(theirs, folder) == ["int32 4 True"]

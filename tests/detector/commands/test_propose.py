from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from skimage import data

from detector import proposers
from proposals import ProposalFile, Proposals, SelectiveSearch, read_image

Tool = Callable[..., subprocess.CompletedProcess[str]]


def whole_image(image: NDArray[np.uint8]) -> Proposals:
    height, width = image.shape[:2]
    return Proposals.of_one_source(np.array([[0, 0, width, height]] * 3), (height, width), "whole")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of pictures, of which one is none, and the same as a split of ILSVRC DET."""
    pictures, split = tmp_path / "pictures", tmp_path / "tree/Data/DET/val"
    for place in (pictures / "deep", split, tmp_path / "tree/Annotations/DET/val"):
        place.mkdir(parents=True)
    (tmp_path / "tree/ImageSets/DET").mkdir(parents=True)
    (tmp_path / "tree/ImageSets/DET/val.txt").write_text("cat 1\nbad 2\n")
    cat = Image.fromarray(data.chelsea()).resize((60, 40))
    cat.save(split / "cat.JPEG")
    (split / "bad.JPEG").write_text("no picture")
    cat.save(pictures / "cat.png")
    cat.convert("CMYK").save(pictures / "deep" / "cmyk.jpg")
    (pictures / "bad.gif").write_bytes(b"")
    return tmp_path


@pytest.fixture
def make_generator(monkeypatch: pytest.MonkeyPatch) -> Mock:
    """Put a quick generator in the place of all, and return what is told of its making."""
    make = Mock(return_value=whole_image)
    monkeypatch.setattr(proposers, "make_generator", make)
    return make


@pytest.fixture
def run_here(folder: Path, make_generator: Mock, in_process: Callable[[str, Path], Tool]) -> Tool:
    del make_generator
    return in_process("propose", folder)


def test_a_user_gets_the_boxes_of_selective_search(
    propose: Tool, folder: Path, tmp_path: Path
) -> None:
    run = propose(folder, "pictures/cat.png", "--out", "new/boxes.parquet", "--max-boxes", "5")
    assert (run.returncode, run.stderr) == (0, "")
    assert run.stdout == "new/boxes.parquet: proposals of 1 images, written\n"
    expected = SelectiveSearch()(read_image(folder / "pictures/cat.png")).first(5)
    with ProposalFile(tmp_path / "new/boxes.parquet") as file:
        np.testing.assert_array_equal(file["pictures/cat.png"].boxes_xyxy, expected.boxes_xyxy)


def test_bad_pictures_are_listed_at_the_end_of_every_run(
    run_here: Tool, make_generator: Mock
) -> None:
    command = ("pictures", "*/cat.png", "absent.png", "--out", "boxes.parquet", "--workers", "1")
    first = run_here(*command)
    assert first.returncode == 1
    assert first.stdout == "boxes.parquet: proposals of 2 images, written\n"
    assert first.stderr.splitlines() == [
        "skipped 2 images:",
        "  pictures/bad.gif: the file is empty; fetch or export it again",
        "  absent.png: there is no such file; check the path",
    ]
    with ProposalFile("boxes.parquet") as file:
        assert list(file) == ["pictures/cat.png", "pictures/deep/cmyk.jpg"]
        assert list(file.skipped) == ["pictures/bad.gif", "absent.png"]
        assert len(file["pictures/cat.png"]) == 3
    make_generator.assert_called_once_with("doubled", seed=0, threads=1, min_side=None)
    second = run_here(*command)
    assert (second.returncode, second.stderr) == (1, first.stderr)
    assert "was complete already; nothing to do" in second.stdout
    make_generator.assert_called_once()


def test_a_picture_at_which_the_generator_fails_is_listed_like_a_bad_one(
    run_here: Tool, make_generator: Mock
) -> None:
    def fail_at_one(image: NDArray[np.uint8]) -> Proposals:
        if image.shape[1] == 60 and image.std() > 0:
            raise MemoryError
        return whole_image(image)

    make_generator.return_value = fail_at_one
    Image.new("RGB", (60, 40)).save("pictures/plain.png")
    run = run_here("pictures/cat.png", "pictures/plain.png", "--out", "boxes.parquet")
    assert run.returncode == 1
    assert run.stdout == "boxes.parquet: proposals of 1 images, written\n"
    assert run.stderr.splitlines() == [
        "skipped 1 images:",
        "  pictures/cat.png: the memory does not suffice; shrink it, or work on fewer at a time",
    ]


def test_a_data_set_keeps_its_ids_and_flags_reach_the_generator(
    run_here: Tool, make_generator: Mock
) -> None:
    run = run_here(
        *("--root", "tree", "--split", "val", "--out", "val.parquet", "--workers", "1"),
        *("--generator", "fast", "--seed", "4", "--max-boxes", "2", "--min-side", "6"),
    )
    assert run.returncode == 1
    make_generator.assert_called_once_with("fast", seed=4, threads=1, min_side=6)
    with ProposalFile("val.parquet") as file:
        assert list(file) == ["cat"]
        assert len(file["cat"]) == 2
        assert "tree/Data/DET/val/bad.JPEG: not a picture" in file.skipped["bad"]
        assert file.id_of_path("tree/Data/DET/val/cat.JPEG") == "cat"


def test_other_settings_are_refused_until_the_file_may_go(run_here: Tool) -> None:
    command = ("pictures/cat.png", "--out", "boxes.parquet")
    assert run_here(*command).returncode == 0
    refused = run_here(*command, "--generator", "fast")
    assert refused.returncode == 2
    assert "made with generator doubled, not fast" in refused.stderr
    assert run_here(*command, "--generator", "fast", "--overwrite").returncode == 0
    with ProposalFile("boxes.parquet") as file:
        assert file.settings.generator == "fast"


def test_a_name_without_parquet_becomes_a_folder(run_here: Tool) -> None:
    command = ("pictures/cat.png", "--out", "new/boxes")
    assert run_here(*command).stdout == "new/boxes: proposals of 1 images, written\n"
    again = run_here(*command)
    assert (again.returncode, again.stderr) == (0, "")
    assert "was complete already; nothing to do" in again.stdout
    assert sorted(path.name for path in Path("new/boxes").iterdir()) == ["000000.parquet", "_index"]
    with ProposalFile("new/boxes") as file:
        assert list(file) == ["pictures/cat.png"]
    assert run_here(*command, "--seed", "3", "--overwrite").returncode == 0
    with ProposalFile("new/boxes") as file:
        assert file.settings.seed == 3


def test_an_error_of_the_disk_says_that_finished_parts_are_kept_and_a_refusal_does_not(
    run_here: Tool, make_generator: Mock
) -> None:
    make_generator.side_effect = OSError(28, "No space left on device")
    full = run_here("pictures/cat.png", "--out", "boxes")
    assert full.returncode == 2
    how, error = full.stderr.splitlines()
    assert how.endswith("are kept in boxes.parts: rerun the same command to resume")
    assert "No space left on device" in error
    make_generator.side_effect = ValueError("no weights")
    refused = run_here("pictures/cat.png", "--out", "boxes")
    assert (refused.returncode, refused.stderr) == (2, "error: no weights\n")


def test_an_interrupted_run_says_how_to_go_on(run_here: Tool, make_generator: Mock) -> None:
    make_generator.return_value = Mock(side_effect=KeyboardInterrupt)
    command = ("pictures/cat.png", "--out", "boxes.parquet")
    stopped = run_here(*command, "--overwrite")
    assert stopped.returncode == 130
    how, end = stopped.stderr.splitlines()
    assert how == (
        "finished parts of 128 images are kept in boxes.parquet.parts: rerun the same command"
        " without --overwrite to resume"
    )
    assert end == "interrupted"
    make_generator.return_value = whole_image
    assert run_here(*command).returncode == 0
    assert not Path("boxes.parquet.parts").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name pictures, or give --root and --split"),
        (["pictures", "--root", "tree", "--split", "val"], "name pictures, or give --root"),
        (["--root", "tree"], "--root and --split go together"),
        (["--root", "tree", "--split", "test"], "test.txt: no such list"),
        (
            ["pictures", "--generator", "best"],
            "argument --generator: invalid choice: 'best', choose from doubled, ",
        ),
        (["pictures", "--workers", "0"], "--workers: must be a whole number from 1, but is '0'"),
        (["pictures", "--max-boxes", "0"], "max_boxes must be 1 or more, but got 0"),
        (["pictures", "--min-side", "-1"], "min_side must be 0 or more, but got -1"),
        (
            ["pictures", "--generator", "multibox", "--min-side", "9"],
            "argument --min-side: multibox has no smallest side to choose",
        ),
        (["*.tiff"], "*.tiff: matches no pictures"),
        (["pictures", "--out", "pictures"], "pictures: is a folder of something else; name a new"),
        (["pictures", "--out", "pictures/cat.png"], "cat.png: damaged, or not Parquet"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(
    run_here: Tool, arguments: list[str], message: str
) -> None:
    before = sorted(Path().rglob("*"))
    run = run_here("--out", "boxes.parquet", *arguments)
    assert run.returncode == 2
    assert run.stdout == ""
    assert message in run.stderr
    assert len(run.stderr.splitlines()) == 1
    assert sorted(Path().rglob("*")) == before


def test_an_output_must_be_named(run_here: Tool) -> None:
    run = run_here("pictures")
    assert run.returncode == 2
    assert "--out" in run.stderr


def test_help_teaches_by_examples(propose: Tool, tmp_path: Path) -> None:
    run = propose(tmp_path, "--help")
    assert run.returncode == 0
    assert "inception-rcnn propose --root ILSVRC --split train --out train-boxes" in run.stdout

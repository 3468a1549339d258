from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from PIL import Image
from skimage import data

from backbones import GoogLeNet, InputStatistics
from detector.classes import select_classes
from detector.config import DetectorConfig
from detector.members.ensemble_file import Ensemble, load_ensemble, save_ensemble
from detector.members.file import save_member
from detector.members.network import TorchMember
from detector.regions.warp_config import WarpConfig

Tool = Callable[..., subprocess.CompletedProcess[str]]
CLASSES = select_classes(["dog", "domestic cat"])
OBJECT = (
    "<object><name>{}</name><bndbox><xmin>20</xmin><ymin>0</ymin><xmax>140</xmax>"
    "<ymax>99</ymax></bndbox></object>"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with a tree of one picture of a cat, and two members."""
    for name in ("ImageSets/DET", "Annotations/DET/train", "Data/DET/train"):
        (tmp_path / "tree" / name).mkdir(parents=True)
    (tmp_path / "tree/ImageSets/DET/train.txt").write_text("a\n")
    picture = Image.fromarray(data.chelsea()).resize((150, 100))
    picture.save(tmp_path / "tree/Data/DET/train/a.JPEG")
    size = "<size><width>150</width><height>100</height></size>"
    (tmp_path / "tree/Annotations/DET/train/a.xml").write_text(
        f"<annotation>{size}{OBJECT.format(CLASSES[1].wnid)}</annotation>"
    )
    for seed, name in enumerate(["a", "b"]):
        torch.manual_seed(seed)
        member = TorchMember(
            network=GoogLeNet(3),
            classes=CLASSES,
            statistics=InputStatistics(size=64),
            warp=WarpConfig(size=64, context_padding=4),
            provenance={"name": name},
        )
        save_member(tmp_path / f"{name}.safetensors", member.to_member())
    return tmp_path


TREE = ("--root", "tree", "--split", "train", "--max-proposals", "5")
BOTH = ("--weights", "a.safetensors", "--weights", "b.safetensors")


def test_a_threshold_is_printed_and_written_only_where_asked(
    tune_cascade: Tool, folder: Path
) -> None:
    before = {path: path.read_bytes() for path in folder.glob("*.safetensors")}
    assert len(before) == 2
    shown = tune_cascade(folder, *TREE, "--model", ".", "--lost", "100")
    assert shown.returncode == 0, shown.stderr
    header, first, *_, chosen = shown.stdout.splitlines()
    assert header == "threshold     mAP  points lost  regions that go on"
    assert first.split()[0] == "0.00"
    assert first.split()[2:] == ["0.00", "100.0", "%"]
    assert chosen == "cascade_threshold 1"  # what is lost is never too much
    assert not (folder / "ensemble.json").exists()
    assert tune_cascade(folder, *TREE, *BOTH, "--lost", "100").stdout == shown.stdout

    written = tune_cascade(folder, *TREE, "--model", ".", "--lost", "100", "--write")
    assert written.stdout.splitlines()[-1] == "ensemble.json: written"
    assert load_ensemble(folder / "ensemble.json") == Ensemble(
        "2 networks for 2 classes.", DetectorConfig(cascade_threshold=1)
    )
    assert {path: path.read_bytes() for path in folder.glob("*.safetensors")} == before


def test_all_but_the_threshold_stays_as_it_was(tune_cascade: Tool, folder: Path) -> None:
    config = DetectorConfig(max_proposals=9, nms_iou=0.4)
    save_ensemble(folder / "ensemble.json", Ensemble("Mine.", config))
    written = tune_cascade(folder, *TREE, "--model", folder, "--lost", "100", "--write")
    assert written.returncode == 0, written.stderr
    assert load_ensemble(folder / "ensemble.json") == Ensemble(
        "Mine.", replace(config, cascade_threshold=1)
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([*TREE, *BOTH[:2]], "a cascade needs two networks or more"),
        ([*TREE, "--weights", "d.onnx"], "an ONNX file has no cascade: give member files"),
        ([*TREE, *BOTH, "--exact"], "how this command works always"),
        ([*TREE, *BOTH, "--write"], "put them into one folder and name it by --model"),
        ([*TREE, "--model", ".", "--members", "a", "b", "--write"], "leave --members out"),
        ([*TREE, "--model", ".", "--members", "a"], "a cascade needs two networks or more"),
        ([*TREE, *BOTH, "--lost", "-1"], "must be 0 or more but got -1"),
        (
            ["--root", "none", "--split", "train", *BOTH],
            "none: no such folder; give the folder of a data set",
        ),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(
    tune_cascade: Tool, folder: Path, arguments: list[str], message: str
) -> None:
    refused = tune_cascade(folder, *arguments)
    assert refused.returncode == 2
    assert refused.stdout == ""
    assert message in refused.stderr
    assert len(refused.stderr.splitlines()) == 1

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from PIL import Image
from skimage import data

from backbones import GoogLeNet, InputStatistics
from detector.classes import select_classes
from detector.members.file import load_member, save_member
from detector.members.network import TorchMember
from detector.regions.warp_config import WarpConfig

Tool = Callable[..., subprocess.CompletedProcess[str]]

ANNOTATION = """<annotation><filename>{name}</filename>
<size><width>{width}</width><height>{height}</height><depth>3</depth></size>
<object><name>{key}</name>
<bndbox><xmin>20</xmin><ymin>5</ymin><xmax>{right}</xmax><ymax>{bottom}</ymax></bndbox></object>
</annotation>"""
PICTURES = {"cat": (data.chelsea, "n02121808"), "person": (data.astronaut, "n00007846")}


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a split of a cat, a person, and a damaged picture of a cat."""
    root = tmp_path_factory.mktemp("tree")
    for folder in ("Data/DET/train", "Annotations/DET/train", "ImageSets/DET"):
        (root / folder).mkdir(parents=True)
    for name in (*PICTURES, "damaged"):
        make, key = PICTURES.get(name, PICTURES["cat"])
        picture = Image.fromarray(make()).resize((120, 90))
        picture.save(root / f"Data/DET/train/{name}.JPEG", format="JPEG")
        text = ANNOTATION.format(name=name, key=key, width=120, height=90, right=100, bottom=80)
        (root / f"Annotations/DET/train/{name}.xml").write_text(text, encoding="utf-8")
    (root / "Data/DET/train/damaged.JPEG").write_bytes(b"no picture")
    (root / "ImageSets/DET/train.txt").write_text("cat 1\nperson 2\ndamaged 3\n", encoding="utf-8")
    return root


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = GoogLeNet(3)
    member = TorchMember(
        network=network,
        classes=select_classes(["domestic cat", "person"]),
        statistics=InputStatistics(size=64),
        warp=WarpConfig(size=64, context_padding=4),
    ).to_member()
    path = tmp_path_factory.mktemp("weights") / "member.safetensors"
    save_member(path, member)
    return path


def test_a_member_with_svms_comes_out_and_detects(
    train_svm: Tool, detect: Tool, export: Tool, tree: Path, weights: Path, tmp_path: Path
) -> None:
    trained = train_svm(
        tmp_path, "--root", tree, "--split", "train", "--weights", weights,
        "--out", "svm.safetensors", "--windows", "20",
    )  # fmt: skip
    assert trained.returncode == 1, trained.stderr  # one picture was skipped
    assert "damaged.JPEG: not a picture" in trained.stderr
    assert "SVMs of 2 classes, trained on 20 windows of 2 photographs" in trained.stdout
    member = load_member(tmp_path / "svm.safetensors")
    assert member.classifier == "svm"
    assert member.provenance["svm"]["positives"] == [1, 1]
    exported = export(tmp_path, "--weights", "svm.safetensors", "--out", "svm.onnx")
    assert exported.returncode == 0, exported.stderr
    shutil.copy(tree / "Data/DET/train/cat.JPEG", tmp_path / "cat.jpg")
    found = detect(
        tmp_path, "cat.jpg", "--weights", "svm.onnx", "--threshold", "0", "--max-proposals", "8"
    )
    assert found.returncode == 0, found.stderr
    assert "domestic_cat" in found.stdout


def test_too_few_windows_are_one_line_and_exit_code_2(
    train_svm: Tool, tree: Path, weights: Path, tmp_path: Path
) -> None:
    result = train_svm(
        tmp_path, "--root", tree, "--split", "train", "--weights", weights,
        "--out", "svm.safetensors", "--windows", "2",
    )  # fmt: skip
    assert result.returncode == 2
    assert result.stderr.splitlines()[-1].startswith(
        "error: windows must be above the number of true boxes, 2,"
    )
    assert not (tmp_path / "svm.safetensors").exists()


def test_without_scikit_learn_the_extra_is_named(
    train_svm: Tool, tree: Path, weights: Path, tmp_path: Path
) -> None:
    (tmp_path / "sklearn").mkdir()
    (tmp_path / "sklearn/__init__.py").write_text("raise ImportError('not there')")
    result = train_svm(
        tmp_path, "--root", tree, "--split", "train", "--weights", weights, "--out", "svm",
        path=tmp_path,
    )  # fmt: skip
    assert result.returncode == 2
    assert 'needs scikit-learn: pip install "inception-rcnn[svm]"' in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_help_teaches(train_svm: Tool, tmp_path: Path) -> None:
    result = train_svm(tmp_path, "--help")
    assert result.returncode == 0
    assert "Members with SVMs and members with\nsoftmax cannot be averaged" in result.stdout

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from PIL import Image
from safetensors.torch import save_file
from skimage import data

from backbones import GoogLeNet
from detector.classes import ObjectClass
from detector.datasets import DatasetFormat, ImageAnnotation
from detector.datasets.conversion.convert import open_writer
from detector.datasets.conversion.placing import SourcePicture
from detector.members.file import load_member
from detector.members.network import Member
from detector.training.calibration import calibrate
from proposals import ProposalFile

Tool = Callable[..., subprocess.CompletedProcess[str]]

SMALL = ("--foreground", "2", "--background", "4", "--calibration-regions", "2")
ANNOTATION = """<annotation><filename>{name}</filename>
<size><width>451</width><height>300</height><depth>3</depth></size>
<object><name>n02121808</name>
<bndbox><xmin>40</xmin><ymin>0</ymin><xmax>400</xmax><ymax>299</ymax></bndbox></object>
</annotation>"""


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Make a split of one readable and one damaged picture of a cat."""
    root = tmp_path_factory.mktemp("tree")
    for folder in ("Data/DET/train", "Annotations/DET/train", "ImageSets/DET"):
        (root / folder).mkdir(parents=True)
    for name in ("cat", "damaged"):
        path = root / "Annotations/DET/train" / f"{name}.xml"
        path.write_text(ANNOTATION.format(name=name), encoding="utf-8")
    (root / "ImageSets/DET/train.txt").write_text("cat 1\ndamaged 2\n", encoding="utf-8")
    Image.fromarray(data.chelsea()).save(root / "Data/DET/train/cat.JPEG")
    (root / "Data/DET/train/damaged.JPEG").write_bytes(b"no picture")
    return root


@pytest.fixture(scope="module")
def imagenet(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write random weights under Caffe's names."""
    torch.manual_seed(0)
    blobs = {}
    for name, tensor in GoogLeNet(1000).state_dict().items():
        layer, kind = name.rsplit(".", 1)
        blobs[f"{_caffe_layer(layer)}.{kind}"] = tensor
    path = tmp_path_factory.mktemp("imagenet") / "weights.safetensors"
    save_file(blobs, path)
    return path


def _caffe_layer(layer: str) -> str:
    outside = {
        "conv1": "conv1/7x7_s2",
        "conv2_reduce": "conv2/3x3_reduce",
        "conv2": "conv2/3x3",
        "classifier": "loss3/classifier",
    }
    return outside.get(layer) or layer.replace(".conv", "/").replace(".", "/")


def test_a_member_comes_out_and_a_run_goes_on(
    train: Tool, tree: Path, imagenet: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    calibrated: list[int] = []

    def counted(member: Member, batches: Iterable[NDArray[np.uint8]]) -> dict[str, float]:
        windows = list(batches)
        calibrated.append(sum(map(len, windows)))
        return calibrate(member, windows)

    monkeypatch.setattr("detector.training.run.calibrate", counted)
    command = (
        "--root",
        tree,
        "--imagenet",
        imagenet,
        "--out",
        "run",
        "--freeze",
        "stem",
        "--pool-windows",
        "12",
        "--policy",
        "tight-near",
        "--seed",
        "3",
        *SMALL,
    )
    first = train(tmp_path, *command, "--steps", "1")
    assert first.returncode == 1, first.stderr  # one picture was skipped
    assert "2 images, 1 classes: domestic_cat" in first.stdout
    assert "skipped" in first.stderr
    assert "damaged.JPEG: not a picture" in first.stderr
    (tmp_path / "run/proposals").rename(tmp_path / "boxes")
    second = train(tmp_path, *command, "--steps", "2", "--proposals", "boxes")
    assert second.returncode == 1, second.stderr
    assert "damaged.JPEG: not a picture" in second.stderr
    assert not (tmp_path / "run/proposals").exists()
    with ProposalFile(tmp_path / "boxes") as file:
        assert list(file) == ["cat"]
    log = (tmp_path / "run/log.jsonl").read_text(encoding="utf-8")
    steps = [json.loads(line)["step"] for line in log.splitlines()]
    assert steps == [1, 2]
    member = load_member(tmp_path / "run/member.safetensors")
    assert [c.name for c in member.classes] == ["domestic_cat"]
    assert member.provenance["optimization"]["steps"] == 2
    assert member.provenance["optimization"]["seed"] == 3
    assert member.provenance["sampling"]["near_share"] == 0.6
    sampling = member.provenance["sampling"]
    assert (sampling["foreground"], sampling["background"]) == (2, 4)
    assert calibrated == [2, 2]


def test_a_member_is_trained_further_for_its_own_and_other_classes(
    train: Tool, tree: Path, imagenet: Path, tmp_path: Path
) -> None:
    quick = ("--root", tree, "--freeze", "features", "--pool-windows", "12", "--steps", "1", *SMALL)
    first = train(tmp_path, *quick, "--imagenet", imagenet, "--out", "first")
    assert first.returncode == 1, first.stderr
    second = train(
        tmp_path, *quick, "--weights", "first/member.safetensors", "--out", "second",
        "--proposals", "first/proposals", "--classes", "dog", "domestic cat",
    )  # fmt: skip
    assert second.returncode == 1, second.stderr
    member = load_member(tmp_path / "second/member.safetensors")
    assert [c.name for c in member.classes] == ["dog", "domestic_cat"]


def _own_annotation(path: Path) -> ImageAnnotation:
    return ImageAnnotation(
        "cat",
        path,
        (300, 451),
        np.array([[40, 0, 400, 300], [0, 150, 120, 300], [380, 0, 451, 60]], np.float32),
        ("n02121808", "screw", "screw"),
        crowd=(False, False, True),
    )


@pytest.mark.parametrize("layout", ["coco", "voc"])
def test_a_data_set_in_another_layout_trains_its_own_classes(
    train: Tool, detect: Tool, imagenet: Path, tmp_path: Path, layout: DatasetFormat
) -> None:
    classes = (ObjectClass(7, "", "screw"), ObjectClass(3, "n02121808", "cat"))
    picture = tmp_path / "cat.jpg"
    Image.fromarray(data.chelsea()).save(picture)
    writer = open_writer(tmp_path / "tree", "train", layout, classes)
    annotation = _own_annotation(picture)
    writer.add(annotation, 1, SourcePicture(picture, annotation.image_size, None))
    writer.finish()
    ended = train(
        tmp_path, "--root", "tree", "--format", layout, "--imagenet", imagenet, "--out", "run",
        "--freeze", "features", "--pool-windows", "12", "--steps", "2", *SMALL,
    )  # fmt: skip
    assert ended.returncode == 0, ended.stderr
    assert "1 images, 2 classes: screw, cat" in ended.stdout
    member = load_member(tmp_path / "run/member.safetensors")
    assert [(c.name, c.wnid) for c in member.classes] == [("screw", ""), ("cat", "n02121808")]
    shown = detect(
        tmp_path, "cat.jpg", "--weights", "run/member.safetensors", "--threshold", "0",
        "--max-proposals", "4", "--json", "found.json",
    )  # fmt: skip
    assert shown.returncode == 0, shown.stderr
    assert (tmp_path / "out/cat.detections.jpg").is_file()
    found = json.loads((tmp_path / "found.json").read_text())
    assert [c["name"] for c in found["categories"]] == ["screw", "cat"]
    names = {line.split()[1] for line in shown.stdout.splitlines()[1:]}
    assert names <= {"screw", "cat"}
    assert names


def test_classes_that_a_voc_tree_does_not_list_are_named(
    train: Tool, imagenet: Path, tmp_path: Path
) -> None:
    classes = (ObjectClass(7, "", "screw"), ObjectClass(3, "n02121808", "cat"))
    (tmp_path / "cat.jpg").touch()
    writer = open_writer(tmp_path / "tree", "train", "voc", classes)
    screws = _own_annotation(tmp_path / "cat.jpg").where(np.array([False, True, False]))
    writer.add(screws, 1, SourcePicture(tmp_path / "cat.jpg", screws.image_size, None))
    writer.finish()
    command = ("--root", "tree", "--format", "voc", "--imagenet", imagenet)
    (tmp_path / "tree/classes.txt").write_text("cat\n", encoding="utf-8")
    told = train(tmp_path, *command, "--classes", "cat", "--proposals", "none")
    assert "note: objects of screw count as background" in told.stderr
    (tmp_path / "tree/classes.txt").unlink()
    refused = train(tmp_path, *command)
    assert refused.returncode == 2
    assert "but of screw: a tree in VOC's layout lists classes of its own in" in refused.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--root", "nowhere", "--imagenet", "none"), "nowhere"),
        (("--root", "TREE", "--imagenet", "none", "--split", "test"), "test"),
        (
            ("--root", "TREE", "--imagenet", "none", "--classes", "unicorn"),
            "'unicorn' names no class",
        ),
        (("--root", "TREE", "--imagenet", "none", "--steps", "0"), "steps must be 1 or more"),
        (
            ("--root", "TREE", "--proposals", "none.parquet"),
            "none.parquet: there is no such file; make it with inception-rcnn propose",
        ),
        (("--root", "TREE", "--imagenet", "none", "--weights", "none"), "not allowed with"),
        (("--root", "TREE", "--weights", "none.safetensors"), "none.safetensors: no such file"),
        (("--root", "TREE", "--model", "none"), "'none' is no model: give one that ships"),
        (("--root", "TREE", "--model", "none", "--weights", "none"), "not allowed with"),
        (("--root", "TREE", "--pool-windows", "9"), "set freeze to stem or features"),
    ],
)
def test_wrong_use_is_one_line_and_exit_code_2(
    train: Tool, arguments: tuple[str, ...], message: str, tree: Path, tmp_path: Path
) -> None:
    result = train(tmp_path, *(str(tree) if word == "TREE" else word for word in arguments))
    assert result.returncode == 2
    assert message in result.stderr
    assert len(result.stderr.strip().splitlines()) == 1


def test_without_pytorch_the_extra_is_named(train: Tool, tree: Path, tmp_path: Path) -> None:
    (tmp_path / "stub").mkdir()
    missing = "raise ModuleNotFoundError(\"No module named 'torch'\", name='torch')\n"
    (tmp_path / "stub/torch.py").write_text(missing)
    result = train(tmp_path, "--root", tree, path=tmp_path / "stub")
    assert result.returncode == 2
    assert result.stderr == (
        'error: this command needs PyTorch: pip install "inception-rcnn[train]", or in a'
        ' clone pip install -e ".[train]"\n'
    )


def test_help_teaches(train: Tool, tmp_path: Path) -> None:
    result = train(tmp_path, "--help")
    assert result.returncode == 0
    assert "goes on where its last checkpoint stands" in result.stdout

from __future__ import annotations

import subprocess
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data

from backbones import GoogLeNet, InputStatistics
from detector.classes import select_classes
from detector.config import DetectorConfig
from detector.engines.onnx_file import read_onnx
from detector.members.ensemble_file import Ensemble, save_ensemble
from detector.members.file import load_member, save_member
from detector.members.network import TorchMember
from detector.regions.warp_config import WarpConfig
from proposals.multibox import ConvolutionalHead, MultiBoxNetwork, save_multibox
from proposals.multibox.weights_file import read_multibox

Tool = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture(scope="module")
def weights(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    network = GoogLeNet(2)
    network.replace_classifier(2, std=1.0)
    path = tmp_path_factory.mktemp("weights") / "member.safetensors"
    member = TorchMember(
        network=network,
        classes=select_classes(["dog"]),
        statistics=InputStatistics(size=64),
        warp=WarpConfig(size=64, context_padding=4),
    ).to_member()
    save_member(path, member)
    return path


def test_an_exported_detector_detects_as_its_members_do(
    export: Tool, detect: Tool, weights: Path, tmp_path: Path
) -> None:
    exported = export(tmp_path, "--weights", weights, "--out", "d.onnx")
    assert exported.returncode == 0, exported.stderr
    assert exported.stdout.startswith("d.onnx: 1 member(s) in float32, ")
    Image.fromarray(data.chelsea()).resize((150, 100)).save(tmp_path / "cat.png")
    tables = []
    for file in (weights, "d.onnx"):
        found = detect(
            tmp_path,
            *("cat.png", "--weights", file, "--threshold", "0", "--max-proposals", "8"),
            *("--engine", "openvino", "--precision", "float32"),
        )
        assert found.returncode == 0, found.stderr
        tables.append(found.stdout)
    assert tables[0] == tables[1]


def test_a_model_is_exported_with_the_settings_of_its_ensemble(
    export: Tool, weights: Path, tmp_path: Path
) -> None:
    for name in "ab":
        save_member(tmp_path / "mine" / f"{name}.safetensors", load_member(weights))
    config = DetectorConfig(max_proposals=7, nms_iou=0.4)
    save_ensemble(tmp_path / "mine" / "ensemble.json", Ensemble("Mine.", config))
    exported = export(tmp_path, "--model", "mine", "--out", "d.onnx")
    assert exported.returncode == 0, exported.stderr
    assert exported.stdout.startswith("d.onnx: 2 member(s) in float32, ")
    assert [one.detection for one in read_onnx(tmp_path / "d.onnx").settings] == [config, config]
    one = export(tmp_path, "--model", "mine", "--members", "b", "--out", "b.onnx")
    assert one.stdout.startswith("b.onnx: 1 member(s) in float32, ")


def test_calibration_lets_a_member_be_exported_in_8_bits(
    export: Tool, calibrate: Tool, weights: Path, tmp_path: Path
) -> None:
    refused = export(tmp_path, "--weights", weights, "--out", "d.onnx", "--arithmetic", "int8")
    assert refused.returncode == 2
    assert "run inception-rcnn calibrate" in refused.stderr
    assert not (tmp_path / "d.onnx").exists()
    tree = make_tree(tmp_path)
    done = calibrate(
        tmp_path, "--root", tree, "--split", "train", "--weights", weights, "--out", "new"
    )
    assert done.returncode == 0, done.stderr
    assert "calibrated on 2 photographs" in done.stdout
    fewer = calibrate(
        tmp_path, "--root", tree, "--split", "train", "--weights", weights, "--out", "fewer",
        "--regions", "8",
    )  # fmt: skip
    assert "calibrated on 1 photographs" in fewer.stdout
    before, after = load_member(weights), load_member(tmp_path / "new")
    assert not before.activation_ranges
    assert len(after.activation_ranges) == 29
    uncalibrated = replace(after, activation_ranges={}).to_document()
    assert uncalibrated == before.to_document()
    exported = export(tmp_path, "--weights", "new", "--out", "d.onnx", "--arithmetic", "int8")
    assert exported.returncode == 0, exported.stderr


def test_calibration_prepares_multibox_and_leaves_its_weights(
    calibrate: Tool, tmp_path: Path
) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = MultiBoxNetwork(GoogLeNet(1), ConvolutionalHead(64), 64)
    save_multibox(tmp_path / "old", network, (123.0, 117.0, 104.0), {"steps": 7})
    done = calibrate(
        tmp_path, "--root", make_tree(tmp_path), "--split", "train", "--multibox", "old",
        "--out", "new",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "new: calibrated on 2 photographs" in done.stdout
    before, after = read_multibox(tmp_path / "old"), read_multibox(tmp_path / "new")
    assert not before.activation_ranges
    assert {"backbone.lrn1", "backbone.inception_5b", "head.quarter"} <= set(
        after.activation_ranges
    )
    assert after.provenance == {"steps": 7}
    for name, tensor in before.tensors.items():
        np.testing.assert_array_equal(after.tensors[name], tensor)


def make_tree(folder: Path) -> Path:
    """Make an ILSVRC DET tree of two photographs without objects."""
    tree = folder / "tree"
    for name in ("Data/DET/train", "Annotations/DET/train", "ImageSets/DET"):
        (tree / name).mkdir(parents=True)
    for name, image in (("a", data.chelsea()), ("b", data.coffee())):
        Image.fromarray(np.asarray(image)).save(tree / f"Data/DET/train/{name}.JPEG")
        height, width = image.shape[:2]
        (tree / f"Annotations/DET/train/{name}.xml").write_text(
            f"<annotation><filename>{name}</filename><size><width>{width}</width>"
            f"<height>{height}</height><depth>3</depth></size></annotation>"
        )
    (tree / "ImageSets/DET/train.txt").write_text("a 1\nb 2\n")
    return tree


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "required: -o/--out"),
        (["--out", "d.onnx", "--weights", "none"], "none: no such file"),
        (["--out", "d.onnx", "--model", "none"], "'none' is no model: give one that ships ("),
        (["--out", "d.onnx", "--weights", "none", "--members", "a"], "leave it out with --weights"),
        (["--out", "d.onnx", "--arithmetic", "int4"], "invalid choice: 'int4'"),
    ],
)
def test_a_wrong_command_is_one_line_and_exit_code_2(
    export: Tool, tmp_path: Path, arguments: list[str], message: str
) -> None:
    refused = export(tmp_path, *arguments)
    assert refused.returncode == 2
    assert message in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_an_onnx_file_is_named_alone(
    export: Tool, detect: Tool, weights: Path, tmp_path: Path
) -> None:
    export(tmp_path, "--weights", weights, "--out", "d.onnx")
    refused = detect(tmp_path, "a.jpg", "--weights", "d.onnx", "--weights", weights)
    assert refused.returncode == 2
    assert "an ONNX file holds a whole ensemble: name it alone" in refused.stderr

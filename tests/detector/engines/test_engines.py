"""What every engine must do; PyTorch in float32 is the oracle of the others."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from skimage import data

from backbones import WeightsError
from detector.classes import select_classes
from detector.config import Execution
from detector.engines import Engine, Piece, make_engine, make_onnx_engine, mean_scores
from detector.engines.onnx_file import save_onnx
from detector.engines.openvino_engine import OpenVinoEngine
from detector.engines.torch_engine import TorchEngine
from detector.members.file import open_member, save_member
from detector.members.member import Member
from detector.members.models import open_model
from detector.members.network import TorchMember
from detector.members.settings import CLASSIFIERS
from detector.regions.warp import warp_regions
from detector.regions.warp_config import WarpConfig
from proposals import SelectiveSearch

Windows = Callable[[int], NDArray[np.uint8]]

# How far the shipped network's softmax scores may lie from those of PyTorch in float32.
TOLERANCES = {
    ("torch", "bfloat16"): 0.02,
    ("openvino", "float32"): 1e-4,
    ("openvino", "bfloat16"): 0.01,
    ("openvino", "int8"): 0.05,
}

pytestmark = pytest.mark.usefixtures("cache_folder")


def execution(engine: str, precision: str, batch_size: int = 4) -> Execution:
    return Execution(engine=engine, device="cpu", precision=precision, batch_size=batch_size)


def scores_of(engine: Engine, windows: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return ``(M, R, C + 1)`` of any number of windows."""
    size = engine.batch_size
    batches = [windows[start : start + size] for start in range(0, len(windows), size)]
    return np.concatenate(list(engine.member_scores(batches)), axis=1)


@pytest.mark.parametrize(("engine", "precision"), [("torch", "float32"), *TOLERANCES])
def test_no_batches_give_no_scores(calibrated: Member, engine: str, precision: str) -> None:
    assert list(make_engine([calibrated], execution(engine, precision)).member_scores([])) == []


@pytest.fixture(scope="module")
def shipped() -> Member:
    return open_model().members[0].read()


@pytest.fixture(scope="module")
def regions(shipped: Member) -> NDArray[np.uint8]:
    """Return windows of Selective Search's regions of three pictures."""
    windows = []
    for image in (data.astronaut(), data.chelsea(), data.coffee()):
        boxes = SelectiveSearch(threads=1)(image).boxes_xyxy
        windows.append(warp_regions(image, boxes[::40][:7], shipped.warp))
    return np.concatenate(windows)


@pytest.fixture(scope="module")
def exact(shipped: Member, regions: NDArray[np.uint8]) -> NDArray[np.float32]:
    return scores_of(make_engine([shipped], execution("torch", "float32")), regions)


@pytest.mark.parametrize(("engine", "precision"), TOLERANCES)
def test_scores_of_real_regions_are_those_of_torch_in_float32(
    shipped: Member,
    regions: NDArray[np.uint8],
    exact: NDArray[np.float32],
    engine: str,
    precision: str,
) -> None:
    found = scores_of(make_engine([shipped], execution(engine, precision)), regions)
    assert found.dtype == np.float32
    assert found.shape == exact.shape
    np.testing.assert_allclose(found.sum(axis=2), 1, rtol=1e-4)
    np.testing.assert_allclose(found, exact, rtol=0, atol=TOLERANCES[engine, precision])


@pytest.fixture(scope="module")
def with_svms(shipped: Member) -> Member:
    """Take what tells each class from the background for an SVM, at margins of a few units."""
    tensors = dict(shipped.tensors)
    for name in ("classifier.weight", "classifier.bias"):
        values = tensors[name].astype(np.float32)
        tensors[name] = ((values - values[0]) / 4).astype(np.float16)
    return replace(shipped, tensors=tensors, classifier="svm")


@pytest.mark.parametrize(("engine", "precision"), TOLERANCES)
def test_scores_of_svms_are_those_of_torch_in_float32(
    with_svms: Member, regions: NDArray[np.uint8], engine: str, precision: str
) -> None:
    exact = scores_of(make_engine([with_svms], execution("torch", "float32")), regions)
    found = scores_of(make_engine([with_svms], execution(engine, precision)), regions)
    assert found.dtype == np.float32
    assert exact[..., 1:].max() > 0.5
    np.testing.assert_allclose(found[..., 0], 1 - found[..., 1:].max(axis=2), atol=1e-6)
    np.testing.assert_allclose(found, exact, rtol=0, atol=TOLERANCES[engine, precision])


@pytest.mark.parametrize("engine", ["torch", "openvino"])
def test_scores_of_several_members_with_svms_are_averaged(
    make_member: Callable[[int], Member], random_windows: Windows, engine: str
) -> None:
    members = [replace(make_member(seed), classifier="svm") for seed in (0, 1)]
    windows = random_windows(3)
    found = scores_of(make_engine(members, execution(engine, "float32")), windows)
    alone = [TorchMember.of(member).probabilities(windows).numpy() for member in members]
    np.testing.assert_allclose(mean_scores(found), np.mean(alone, axis=0), rtol=0, atol=2e-3)


@pytest.mark.parametrize("engine", ["torch", "openvino"])
def test_members_with_svms_and_with_softmax_are_not_averaged(member: Member, engine: str) -> None:
    with pytest.raises(ValueError, match="member 0 has the classifier softmax and member 1 svm"):
        make_engine([member, replace(member, classifier="svm")], execution(engine, "float32"))


@pytest.mark.parametrize("engine", ["torch", "openvino"])
def test_reduced_precision_does_not_round_the_logits(
    member: Member, random_windows: Windows, engine: str
) -> None:
    logits = torch.tensor([5.0078125, 5, 4.9921875, 4.984375])  # one and the same in bfloat16
    weight = np.zeros_like(member.tensors["classifier.weight"])
    classifier = {"classifier.weight": weight, "classifier.bias": logits.numpy()}
    blind = replace(member, tensors={**member.tensors, **classifier})
    found = scores_of(make_engine([blind], execution(engine, "bfloat16")), random_windows(2))
    np.testing.assert_allclose(found, logits.softmax(0).expand(1, 2, 4), rtol=1e-5)


@pytest.mark.parametrize("engine", ["torch", "openvino"])
def test_each_member_keeps_its_own_scores(
    make_member: Callable[[int], Member], random_windows: Windows, engine: str
) -> None:
    members = [make_member(seed) for seed in (0, 1, 2)]
    windows = random_windows(5)
    found = scores_of(make_engine(members, execution(engine, "float32")), windows)
    alone = [TorchMember.of(member).probabilities(windows).numpy() for member in members]
    # Exported weights are rounded to float16, as in member files; these were not yet.
    np.testing.assert_allclose(found, alone, rtol=0, atol=2e-3)
    np.testing.assert_allclose(mean_scores(found), np.mean(alone, axis=0), rtol=0, atol=2e-3)


@pytest.mark.parametrize("engine", ["torch", "openvino"])
def test_batches_are_warped_from_pieces_of_several_images(member: Member, engine: str) -> None:
    made = make_engine([member], execution(engine, "float32"))
    images = [data.chelsea(), data.astronaut()]
    boxes = [np.array([[5, 5, 90, 80]], np.float32), np.array([[0, 0, 9, 9]] * 2, np.float32)]
    pieces = [Piece(made.upload(i), b) for i, b in zip(images, boxes, strict=True)]
    expected = [warp_regions(i, b, member.warp) for i, b in zip(images, boxes, strict=True)]
    np.testing.assert_array_equal(np.asarray(made.warp(pieces)), np.concatenate(expected))


def test_a_reader_that_stops_early_leaves_the_engine_usable(
    member: Member, random_windows: Windows
) -> None:
    engine = make_engine([member], execution("openvino", "float32"))
    windows = random_windows(4)
    expected = scores_of(engine, windows)
    stopped = engine.member_scores([random_windows(4)] * 9)
    next(stopped)
    stopped.close()
    np.testing.assert_array_equal(scores_of(engine, windows), expected)


@pytest.mark.parametrize("engine", ["torch", "openvino"])
@pytest.mark.parametrize(
    "windows", [np.zeros((2, 32, 32, 3), np.uint8), np.zeros((2, 64, 64, 3), np.float32)]
)
def test_windows_of_another_shape_or_type_are_refused(
    member: Member, engine: str, windows: NDArray[np.uint8]
) -> None:
    made = make_engine([member], execution(engine, "float32"))
    with pytest.raises(ValueError, match=r"windows must be \(R, 64, 64, 3\) uint8 but got"):
        list(made.member_scores([windows]))


def test_too_large_a_batch_is_refused(member: Member, random_windows: Windows) -> None:
    engine = make_engine([member], execution("openvino", "float32"))
    with pytest.raises(ValueError, match="must hold 4 windows at most but got 5"):
        list(engine.member_scores([random_windows(5)]))


@pytest.mark.parametrize("engine", ["torch", "openvino"])
def test_an_ensemble_without_members_is_refused(engine: str) -> None:
    with pytest.raises(ValueError, match="must hold one or more members but got none"):
        make_engine([], execution(engine, "float32"))


@pytest.mark.parametrize(
    "change",
    [
        {"classes": select_classes(["dog", "person", "domestic cat"])},
        {"warp": WarpConfig(size=64, context_padding=8)},
    ],
)
def test_members_that_do_not_agree_are_refused(member: Member, change: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="share classes, input and warp but member 1 differs"):
        make_engine([member, replace(member, **change)])  # type: ignore[arg-type]


def test_on_a_processor_openvino_is_chosen_and_8_bits_where_calibrated(
    member: Member, calibrated: Member
) -> None:
    on_cpu = Execution(device="cpu")
    assert isinstance(make_engine([member], on_cpu), OpenVinoEngine)
    assert "int8" not in make_engine([member], on_cpu).name
    assert make_engine([calibrated], on_cpu).name == "openvino int8 on cpu"
    assert "int8" not in make_engine([calibrated, member], on_cpu).name
    assert isinstance(make_engine([member], Execution(engine="torch")), TorchEngine)


def test_where_no_cache_can_be_written_models_are_converted_every_time(
    member: Member, random_windows: Windows, cache_folder: Path
) -> None:
    windows = random_windows(2)
    kept = scores_of(make_engine([member], execution("openvino", "float32")), windows)
    shutil.rmtree(cache_folder)
    cache_folder.write_text("a file where the folder should be")
    made = make_engine([member], execution("openvino", "float32"))
    np.testing.assert_array_equal(scores_of(made, windows), kept)


@pytest.mark.parametrize(
    "damage",
    [
        lambda content: content,
        lambda _: b"",
        lambda content: content[:-1000],
        lambda content: content[:5000] + bytes([content[5000] ^ 1]) + content[5001:],
    ],
    ids=["whole", "empty", "cut off", "a bit flipped"],
)
def test_what_was_compiled_once_is_read_or_made_anew(
    calibrated: Member,
    random_windows: Windows,
    cache_folder: Path,
    damage: Callable[[bytes], bytes],
) -> None:
    windows = random_windows(2)
    first = scores_of(make_engine([calibrated], execution("openvino", "int8")), windows)
    (file,) = (cache_folder / "networks").iterdir()
    whole = file.read_bytes()
    file.write_bytes(damage(whole))
    again = scores_of(make_engine([calibrated], execution("openvino", "int8")), windows)
    np.testing.assert_array_equal(again, first)
    (kept,) = (cache_folder / "networks").iterdir()
    assert (kept == file) == (damage(whole) == whole)  # the name holds a checksum


def test_a_member_is_not_read_where_it_was_compiled(
    calibrated: Member, random_windows: Windows, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_member(tmp_path / "m.safetensors", calibrated)
    opened, windows = open_member(tmp_path / "m.safetensors"), random_windows(2)
    first = scores_of(make_engine([opened], execution("openvino", "int8")), windows)
    monkeypatch.setattr("detector.members.file.load_member", None)
    again = scores_of(make_engine([opened], execution("openvino", "int8")), windows)
    np.testing.assert_array_equal(again, first)


def test_other_members_arithmetic_and_batches_are_compiled_apart(
    calibrated: Member, member: Member, make_member: Callable[[int], Member], cache_folder: Path
) -> None:
    engines = [
        make_engine([calibrated], execution("openvino", "int8")),
        make_engine([calibrated], execution("openvino", "float32")),
        make_engine([calibrated], execution("openvino", "float32", batch_size=5)),
        make_engine([member], execution("openvino", "float32")),
        make_engine([make_member(1)], execution("openvino", "float32")),
        make_engine([member, make_member(1)], execution("openvino", "float32")),
        make_engine([make_member(1), member], execution("openvino", "float32")),
    ]
    for engine in engines:
        next(iter(engine.member_scores([np.zeros((1, 64, 64, 3), np.uint8)])))
    assert len(list((cache_folder / "networks").iterdir())) == len(engines)


def test_a_damaged_member_is_refused_at_once(calibrated: Member, tmp_path: Path) -> None:
    save_member(tmp_path / "m.safetensors", calibrated)
    opened = open_member(tmp_path / "m.safetensors")
    content = bytearray((tmp_path / "m.safetensors").read_bytes())
    content[-2:] = b"\xff\xff"  # not a number, in float16
    (tmp_path / "m.safetensors").write_bytes(content)
    with pytest.raises(WeightsError, match=r"m\.safetensors: tensor .* must hold finite floats"):
        make_engine([opened], execution("openvino", "int8"))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (execution("torch", "int8"), "torch has no precision 'int8'"),
        (execution("openvino", "int8"), r"needs a calibrated member: run inception-rcnn calibrate"),
        (execution("openvino", "float16"), "float16 runs on GPUs only"),
        (Execution(engine="openvino", device="meta"), "runs on the CPU, not on meta"),
    ],
)
def test_what_an_engine_has_not_is_refused(member: Member, asked: Execution, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make_engine([member], asked)


@pytest.mark.parametrize("classifier", CLASSIFIERS)
@pytest.mark.parametrize("eight_bits", [False, True])
def test_an_exported_file_scores_as_its_members(
    tmp_path: Path,
    calibrated: Member,
    random_windows: Windows,
    *,
    eight_bits: bool,
    classifier: str,
) -> None:
    path = tmp_path / "detector.onnx"
    members = [replace(calibrated, classifier=classifier)] * 2
    save_onnx(path, members, eight_bits=eight_bits)
    found = make_onnx_engine(path)
    precision = "int8" if eight_bits else found.name.split()[1]
    expected = make_engine(members, Execution(precision=precision))
    assert found.name == expected.name
    windows = random_windows(3)
    np.testing.assert_array_equal(scores_of(found, windows), scores_of(expected, windows))


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        (Execution(engine="torch"), "ONNX files run on the engine openvino"),
        (Execution(precision="float32"), "holds int8 arithmetic, not float32"),
    ],
)
def test_an_exported_file_runs_only_as_it_was_exported(
    tmp_path: Path, calibrated: Member, asked: Execution, message: str
) -> None:
    save_onnx(tmp_path / "d.onnx", [calibrated], eight_bits=True)
    with pytest.raises(ValueError, match=message):
        make_onnx_engine(tmp_path / "d.onnx", asked)


@pytest.mark.parametrize("engine", ["torch", "openvino"])
def test_a_call_that_is_half_way_does_not_disturb_another(
    member: Member, random_windows: Windows, engine: str
) -> None:
    runner = make_engine([member], execution(engine, "float32"))
    windows = random_windows(40)
    batches = [windows[start : start + 4] for start in range(0, 40, 4)]
    mirrored = windows[:, :, ::-1].copy()
    expected, of_mirrored = scores_of(runner, windows), scores_of(runner, mirrored)
    interleaved = []
    for scores in runner.member_scores(iter(batches)):
        interleaved.append(scores)
        np.testing.assert_allclose(scores_of(runner, mirrored), of_mirrored, atol=1e-6)
    np.testing.assert_allclose(np.concatenate(interleaved, axis=1), expected, atol=1e-6)

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from backbones import GoogLeNet, WeightsError, load_imagenet_weights

BLOCKS = ("3a", "3b", "4a", "4b", "4c", "4d", "4e", "5a", "5b")
BRANCHES = ("1x1", "3x3_reduce", "3x3", "5x5_reduce", "5x5", "pool_proj")
LAYERS = (
    "conv1/7x7_s2",
    "conv2/3x3_reduce",
    "conv2/3x3",
    *(f"inception_{block}/{branch}" for block in BLOCKS for branch in BRANCHES),
    "loss3/classifier",
)
CAFFE_NAMES = tuple(f"{layer}.{kind}" for layer in LAYERS for kind in ("weight", "bias"))


def small_blobs() -> dict[str, Tensor]:
    """Every name, each with a wrong shape: enough for the faults found before shapes."""
    return {name: torch.zeros(1) for name in CAFFE_NAMES}


def whole_blobs() -> dict[str, Tensor]:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        parameters = list(GoogLeNet(1000).state_dict().values())
    return dict(zip(CAFFE_NAMES, parameters, strict=True))


@pytest.fixture(scope="module")
def loaded(tmp_path_factory: pytest.TempPathFactory) -> tuple[dict[str, Tensor], dict[str, Tensor]]:
    blobs = whole_blobs()
    path = tmp_path_factory.mktemp("weights") / "caffe.safetensors"
    save_file(blobs, path)
    return blobs, load_imagenet_weights(path)


def test_result_fits_the_network(loaded: tuple[dict[str, Tensor], dict[str, Tensor]]) -> None:
    _, state = loaded
    GoogLeNet(1000).load_state_dict(state, strict=True)
    assert {tensor.dtype for tensor in state.values()} == {torch.float32}


def test_every_blob_lands_under_its_own_name(
    loaded: tuple[dict[str, Tensor], dict[str, Tensor]],
) -> None:
    blobs, state = loaded
    pairs = {
        "conv2_reduce.weight": "conv2/3x3_reduce.weight",
        "conv2.bias": "conv2/3x3.bias",
        "inception_3a.conv1x1.weight": "inception_3a/1x1.weight",
        "inception_4d.conv3x3_reduce.weight": "inception_4d/3x3_reduce.weight",
        "inception_4e.conv5x5.bias": "inception_4e/5x5.bias",
        "inception_5b.pool_proj.weight": "inception_5b/pool_proj.weight",
        "classifier.weight": "loss3/classifier.weight",
    }
    for ours, caffe in pairs.items():
        assert torch.equal(state[ours], blobs[caffe]), ours


def test_first_kernels_turn_from_bgr_to_rgb(
    loaded: tuple[dict[str, Tensor], dict[str, Tensor]],
) -> None:
    blobs, state = loaded
    assert torch.equal(state["conv1.weight"], blobs["conv1/7x7_s2.weight"][:, [2, 1, 0]])


def test_loading_spares_the_global_random_state(tmp_path: Path) -> None:
    save_file(whole_blobs(), tmp_path / "caffe.safetensors")
    before = torch.random.get_rng_state()
    load_imagenet_weights(tmp_path / "caffe.safetensors")
    assert torch.equal(torch.random.get_rng_state(), before)


def test_half_precision_file_gives_float32(tmp_path: Path) -> None:
    blobs = {name: blob.half() for name, blob in whole_blobs().items()}
    path = tmp_path / "half.safetensors"
    save_file(blobs, path)
    state = load_imagenet_weights(path)
    assert torch.equal(state["classifier.weight"], blobs["loss3/classifier.weight"].float())


def write_truncated(path: Path) -> None:
    save_file(small_blobs(), path)
    path.write_bytes(path.read_bytes()[:-10])


def write_with(path: Path, **changes: Tensor | None) -> None:
    blobs = small_blobs()
    for name, blob in changes.items():
        if blob is None:
            del blobs[name]
        else:
            blobs[name] = blob
    save_file(blobs, path)


CONV1 = "conv1/7x7_s2.weight"


@pytest.mark.parametrize(
    ("write", "fault"),
    [
        pytest.param(lambda _path: None, "no such file", id="missing file"),
        pytest.param(Path.mkdir, "no such file", id="folder"),
        pytest.param(Path.touch, "not a whole safetensors file", id="empty file"),
        pytest.param(
            lambda path: path.write_text("weights"), "not a whole safetensors file", id="text"
        ),
        pytest.param(write_truncated, "not a whole safetensors file", id="truncated"),
        pytest.param(
            lambda path: save_file({}, path),
            r"'conv1/7x7_s2.bias' \(and 115 more\) is missing",
            id="no tensors",
        ),
        pytest.param(
            lambda path: write_with(path, **{"inception_4c/5x5.bias": None}),
            "tensor 'inception_4c/5x5.bias' is missing",
            id="one tensor missing",
        ),
        pytest.param(
            lambda path: write_with(path, **{"loss1/conv.bias": torch.zeros(128)}),
            "tensor 'loss1/conv.bias' is not GoogLeNet's",
            id="one tensor left over",
        ),
        pytest.param(
            write_with,
            r"'conv1/7x7_s2.weight' must have shape \(64, 3, 7, 7\) but has \(1,\)",
            id="wrong shape",
        ),
        pytest.param(
            lambda path: write_with(path, **{CONV1: torch.zeros(64, 3, 7, 7, dtype=torch.int8)}),
            "must be of a float type but is torch.int8",
            id="integers",
        ),
    ],
)
def test_unusable_file_is_named_with_its_fault_and_remedy(
    tmp_path: Path, write: Callable[[Path], object], fault: str
) -> None:
    path = tmp_path / "bad.safetensors"
    write(path)
    with pytest.raises(WeightsError, match=fault) as caught:
        load_imagenet_weights(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert "give bvlc_googlenet.caffemodel" in message
    assert "\n" not in message

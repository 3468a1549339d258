from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from backbones import GoogLeNet, WeightsError, load_imagenet_weights
from backbones.weights.bvlc import caffe_name
from backbones.weights.caffemodel import read_caffemodel


def varint(number: int) -> bytes:
    """Encode a number as protobuf does."""
    parts = []
    while number > 127:
        parts.append(number & 127 | 128)
        number >>= 7
    return bytes([*parts, number])


def field(number: int, content: bytes) -> bytes:
    """Encode a field of bytes."""
    return varint(number << 3 | 2) + varint(len(content)) + content


def number_field(number: int, value: int) -> bytes:
    return varint(number << 3) + varint(value)


def new_blob(values: np.ndarray) -> bytes:
    shape = field(1, b"".join(varint(side) for side in values.shape))
    return field(7, shape) + field(5, values.astype("<f4").tobytes())


def old_blob(values: np.ndarray) -> bytes:
    sides = (1,) * (4 - values.ndim) + values.shape
    shape = b"".join(number_field(i, side) for i, side in enumerate(sides, start=1))
    return shape + field(5, values.astype("<f4").tobytes())


def new_layer(name: str, *blobs: np.ndarray) -> bytes:
    body = field(1, name.encode()) + field(2, b"Convolution")
    return field(100, body + b"".join(field(7, new_blob(blob)) for blob in blobs))


def old_layer(name: str, *blobs: np.ndarray) -> bytes:
    body = field(2, b"bottom") + field(4, name.encode()) + number_field(5, 4)
    return field(2, body + b"".join(field(6, old_blob(blob)) for blob in blobs))


def blob_of(sides: list[int]) -> bytes:
    """Encode a layer of one value whose shape says something else."""
    shape = field(1, b"".join(varint(side % 2**64) for side in sides))
    return field(100, field(1, b"a") + field(7, field(7, shape) + field(5, b"\0" * 4)))


WEIGHT, BIAS = np.arange(24.0).reshape(2, 3, 2, 2), np.array([1.0, 2.0])


@pytest.mark.parametrize(
    ("content", "bias_shape"),
    [
        (new_layer("a/b", WEIGHT, BIAS) + new_layer("pool"), (2,)),
        (field(1, b"net") + old_layer("a/b", WEIGHT, BIAS), (1, 1, 1, 2)),
    ],
    ids=["new", "old"],
)
def test_tensors_of_old_and_new_files_are_read(
    tmp_path: Path, content: bytes, bias_shape: tuple[int, ...]
) -> None:
    path = tmp_path / "m.caffemodel"
    path.write_bytes(content)
    tensors = read_caffemodel(path)
    assert list(tensors) == ["a/b.weight", "a/b.bias"]
    np.testing.assert_array_equal(tensors["a/b.weight"], WEIGHT)
    assert tensors["a/b.bias"].shape == bias_shape
    np.testing.assert_array_equal(tensors["a/b.bias"].flatten(), BIAS)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "holds no layers"),
        (b"name: 'text format'", "not a whole Caffe model|holds no layers"),
        (b"\xff" * 40, "not a whole Caffe model"),
        (new_layer("a", WEIGHT)[:-3], "not a whole Caffe model"),
        (field(100, field(1, b"a") + field(7, new_blob(BIAS)[:-4] + b"")), "not a whole"),
        (
            field(
                100, field(1, b"a") + field(7, field(7, field(1, b"\x05")) + field(5, b"\0" * 4))
            ),
            "layer 'a' has 1 values for a shape of \\(5,\\)",
        ),
        (blob_of([10**9]), r"has 1 values for a shape of \(1000000000,\)"),
        (blob_of([2**62, 4]), "has 1 values for a shape"),
        (blob_of([-1]), r"has 1 values for a shape of \(-1,\)"),
        (blob_of([1] * 33), "has 1 values for a shape"),
    ],
)
def test_what_is_no_model_is_refused(tmp_path: Path, content: bytes, message: str) -> None:
    path = tmp_path / "m.caffemodel"
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=message) as raised:
        read_caffemodel(path)
    assert str(path) in str(raised.value)


def test_caffes_own_file_of_googlenet_gives_its_weights(tmp_path: Path) -> None:
    network = GoogLeNet(1000)
    layers: dict[str, dict[str, np.ndarray]] = {}
    for name, tensor in network.state_dict().items():
        layer, kind = caffe_name(name).rsplit(".", 1)
        values = tensor.flip(1) if name == "conv1.weight" else tensor
        layers.setdefault(layer, {})[kind] = values.numpy()
    content = b"".join(old_layer(n, k["weight"], k["bias"]) for n, k in layers.items())
    auxiliary = old_layer("loss1/conv", WEIGHT, BIAS) + old_layer("loss2/fc", WEIGHT, BIAS)
    path = tmp_path / "bvlc_googlenet.caffemodel"
    path.write_bytes(content + auxiliary)
    loaded = load_imagenet_weights(path)
    assert loaded.keys() == network.state_dict().keys()
    for name, tensor in network.state_dict().items():
        torch.testing.assert_close(loaded[name], tensor, rtol=0, atol=0)

"""Read the tensors of a Caffe model file (``*.caffemodel``), which is one protobuf message.

Only the fields that hold layers and their tensors are described here, by the numbers of Caffe's
``caffe.proto``; protobuf skips all others. Files of before 2015 list their layers in another
field than newer ones; both are read.
"""

from __future__ import annotations

from functools import cache
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory
from google.protobuf.message import DecodeError, Message
from torch import Tensor

from foundation.spelling import one_line
from foundation.tensor_file import WeightsError, check_size

_PACKAGE = "caffe_subset"
_Field = descriptor_pb2.FieldDescriptorProto
_MOST_SIDES = 32  # of a tensor, as in Caffe
_KINDS = ("weight", "bias")  # in the order of a layer's tensors

# Message: field: (number, type, repeated)
_MESSAGES: dict[str, dict[str, tuple[int, Any, bool]]] = {
    "BlobShape": {"dim": (1, _Field.TYPE_INT64, True)},
    "BlobProto": {
        "num": (1, _Field.TYPE_INT32, False),
        "channels": (2, _Field.TYPE_INT32, False),
        "height": (3, _Field.TYPE_INT32, False),
        "width": (4, _Field.TYPE_INT32, False),
        "data": (5, _Field.TYPE_FLOAT, True),
        "shape": (7, "BlobShape", False),
    },
    "OldLayer": {"name": (4, _Field.TYPE_STRING, False), "blobs": (6, "BlobProto", True)},
    "Layer": {"name": (1, _Field.TYPE_STRING, False), "blobs": (7, "BlobProto", True)},
    "Net": {"layers": (2, "OldLayer", True), "layer": (100, "Layer", True)},
}


def read_caffemodel(path: Path) -> dict[str, Tensor]:
    """Return the tensors of all layers, by layer name and ``.weight`` or ``.bias``.

    Raises
    ------
    WeightsError
        If the file is no Caffe model, is damaged, or a tensor does not fill its shape.
    """
    check_size(path, "give bvlc_googlenet.caffemodel")
    net: Any = _net_class()()
    try:
        net.ParseFromString(path.read_bytes())
    except (DecodeError, OSError, ValueError) as error:
        raise WeightsError(
            f"{path}: not a whole Caffe model ({one_line(error)}); fetch bvlc_googlenet.caffemodel"
            " again"
        ) from error
    tensors = {
        f"{layer.name}.{kind}": _tensor(path, layer.name, blob)
        for layer in (*net.layers, *net.layer)
        for kind, blob in zip(_KINDS, layer.blobs, strict=False)
    }
    if not tensors:
        raise WeightsError(f"{path}: holds no layers; give a trained model, such as bvlc_googlenet")
    return tensors


def _tensor(path: Path, layer: str, blob: Any) -> Tensor:  # noqa: ANN401 - a protobuf message
    old_shape = (blob.num, blob.channels, blob.height, blob.width)
    shape = tuple(blob.shape.dim) if blob.HasField("shape") else old_shape
    values = torch.from_numpy(np.array(blob.data, np.float32))
    if len(shape) > _MOST_SIDES or min(shape, default=1) < 0 or prod(shape) != len(values):
        raise WeightsError(
            f"{path}: layer '{one_line(layer)}' has {len(values)} values for a shape of"
            f" {one_line(shape)}; the file is damaged: fetch it again"
        )
    return values.reshape(shape)


@cache
def _net_class() -> type[Message]:
    file = descriptor_pb2.FileDescriptorProto(
        name=f"{_PACKAGE}.proto", package=_PACKAGE, syntax="proto2"
    )
    for message, fields in _MESSAGES.items():
        described = file.message_type.add(name=message)
        for name, (number, kind, repeated) in fields.items():
            field = described.field.add(name=name, number=number)
            field.label = _Field.LABEL_REPEATED if repeated else _Field.LABEL_OPTIONAL
            if isinstance(kind, str):
                field.type, field.type_name = _Field.TYPE_MESSAGE, f".{_PACKAGE}.{kind}"
            else:
                field.type = kind
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.Net"))

"""Files of trained members: tensors and all settings in one safetensors file, no pickle.

The tensors carry ``GoogLeNet``'s own parameter names and are stored as float16. The file's
metadata holds one JSON document under the key ``member``::

    {"format": "inception-rcnn member", "version": 2, "architecture": "GoogLeNet",
     "background": "output 0",
     "classes": [{"id": 58, "wnid": "n02121808", "name": "domestic cat"}, ...],
     "statistics": {"mean_rgb": [123.0, 117.0, 104.0], "size": 224},
     "warp": {"size": 224, "context_padding": 16, "outside_rgb": [123, 117, 104]},
     "detection": {"max_proposals": 1400, "nms_iou": 0.3, ...},
     "provenance": {...},
     "activation_ranges": {"lrn1": 138.2, ...},
     "classifier": "softmax"}

Output 0 of the network is the background and output i + 1 is the i-th class of the list. Where the
classifier is "svm", output 0 is not used. Older files name no classifier: it is the softmax.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import torch
from safetensors.torch import save
from torch import Tensor

from backbones.googlenet import GoogLeNet
from backbones.no_init import NoInit
from detector.members.network import Member
from detector.members.settings import settings_from_document
from foundation.files import whole_file
from foundation.tensor_file import FileKind, WeightsError, check_finite

_KIND = FileKind(
    "member",
    {
        "format": "inception-rcnn member",
        "version": 2,
        "architecture": "GoogLeNet",
        "background": "output 0",
    },
    "give a file that this version's training wrote",
)


def save_member(path: str | Path, member: Member) -> None:
    """Write a member to a file, whole or not at all.

    Auxiliary heads are left out: they serve training only.

    Raises
    ------
    WeightsError
        If a weight is not finite in float16, or the provenance cannot be written as JSON.
    """
    path = Path(path)
    state = member.network.state_dict()
    tensors = {
        name: tensor.detach().to("cpu", torch.float16).contiguous()
        for name, tensor in state.items()
        if not name.startswith("auxiliary")
    }
    for name, tensor in tensors.items():
        check_finite(path, name, tensor)
    metadata = {_KIND.key: _to_json(path, member)}
    with whole_file(path) as temporary:
        # save_file would let nobody but the owner read it.
        temporary.write_bytes(save(tensors, metadata))


def load_member(path: str | Path) -> Member:
    """Read a member from a file.

    Returns
    -------
    Member
        With a float32 network on the CPU, in evaluation mode.

    Raises
    ------
    WeightsError
        If the file is missing, damaged, of another format or version, or if its tensors,
        classes or settings do not fit each other; names the file and the remedy.
    """
    path = Path(path)
    document, tensors = _KIND.read(path)
    with _settings_errors(path):
        settings = settings_from_document(document)
    classes = settings["classes"]
    _check_outputs(path, tensors, len(classes))
    with NoInit():
        network = GoogLeNet(len(classes) + 1).eval()
    _KIND.check_tensors(path, tensors, network.state_dict())
    network.load_state_dict(tensors)
    with _settings_errors(path):
        return Member(network=network, **settings)


@contextmanager
def _settings_errors(path: Path) -> Iterator[None]:
    try:
        yield
    except ValueError as error:
        raise WeightsError(
            f"{path}: its settings cannot be used ({error}); {_KIND.remedy}"
        ) from error


def _to_json(path: Path, member: Member) -> str:
    document = {**_KIND.header, **member.to_document()}
    try:
        return json.dumps(document, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise WeightsError(
            f"{path}: the provenance cannot be written as JSON ({error}); use plain finite values"
        ) from error


def _check_outputs(path: Path, tensors: Mapping[str, Tensor], class_count: int) -> None:
    bias = tensors.get("classifier.bias")
    if bias is not None and bias.shape != (class_count + 1,):
        raise WeightsError(
            f"{path}: lists {class_count} classes, which with the background must make"
            f" {class_count + 1} outputs, but has {tuple(bias.shape)}; {_KIND.remedy}"
        )

"""Models converted once, kept in the user's cache folder."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Sequence
from pathlib import Path

import onnx
from platformdirs import user_cache_path
from safetensors.torch import save

from detector.engines.onnx_file import save_onnx
from detector.members.network import Member

_APPLICATION = "inception-rcnn"
_CONVERTER = ("onnx_graph.py", "stem.py", "graph_builder.py", "onnx_file.py")


def cached_onnx(members: Sequence[Member], *, eight_bits: bool, folder: Path | None = None) -> Path:
    """Return an ONNX file of an ensemble, made now if it was not made before.

    Parameters
    ----------
    members : sequence of Member
    eight_bits : bool
        As in `build_onnx`.
    folder : Path, optional
        Of the cache; the user's when left out. It may be deleted at any time.

    Raises
    ------
    ValueError
        As `build_onnx`.
    OSError
        If the folder cannot be written.
    """
    folder = folder or user_cache_path(_APPLICATION)
    path = folder / f"{_key(members, eight_bits=eight_bits)}.onnx"
    if not path.is_file():
        save_onnx(path, members, eight_bits=eight_bits)
    return path


def compiled_folder() -> Path | None:
    """Return where OpenVINO keeps what it compiled; None where that cannot be written.

    OpenVINO itself names the files by model, settings, processor and version, and compiles anew
    what it cannot read.
    """
    folder = user_cache_path(_APPLICATION) / "compiled"
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError:
        return None
    return folder if os.access(folder, os.W_OK) else None


def _key(members: Sequence[Member], *, eight_bits: bool) -> str:
    """Return a name that differs when the weights, their settings or the converter do."""
    digest = hashlib.sha256()
    digest.update(json.dumps([onnx.__version__, eight_bits]).encode())
    for name in _CONVERTER:  # its code is the version of the conversion
        digest.update(Path(__file__).with_name(name).read_bytes())
    for member in members:
        digest.update(json.dumps(member.to_document(), sort_keys=True).encode())
        digest.update(save(member.network.state_dict()))
    return digest.hexdigest()[:32]

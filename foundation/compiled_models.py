"""Networks compiled by OpenVINO for the processor, kept on disk for the next start.

A compiled network is found again by what it was made from, and by what made it: the digest of its
weights, the project's own sources, OpenVINO's version, the processor and the settings. A checksum
stands in its file's name, as OpenVINO itself does not notice a flipped byte.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import openvino

from foundation.cache_folder import cache_folder, is_trusted, make_folder
from foundation.files import whole_file
from foundation.source_stamp import source_stamp

_DEVICE = "CPU"
_PRECISION_HINTS = {"float32": "f32", "bfloat16": "bf16"}
_PROCESSOR_PROPERTIES = ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")
_SOURCES = ("foundation", "backbones", "detector/engines", "detector/members", "proposals/multibox")
_SUFFIX = ".network"
_MOST_FILES = 24  # in the cache; of more, the oldest are removed


@dataclass(frozen=True)
class CompileSettings:
    """How a network is to run.

    Attributes
    ----------
    input_shape : tuple of int
        Of its only input.
    precision : {"float32", "bfloat16"}
        Arithmetic of what is not in 8 bits in the graph.
    throughput : bool
        Whether several inferences run at a time; else one, on all threads.
    threads : int, optional
        All processors when left out.
    """

    input_shape: tuple[int, ...]
    precision: str
    throughput: bool = True
    threads: int | None = None

    def properties(self) -> dict[str, Any]:
        """Return the settings in OpenVINO's words."""
        threads = {} if self.threads is None else {"INFERENCE_NUM_THREADS": self.threads}
        return {
            "PERFORMANCE_HINT": "THROUGHPUT" if self.throughput else "LATENCY",
            "INFERENCE_PRECISION_HINT": _PRECISION_HINTS[self.precision],
            **threads,
        }


def compiled_folder() -> Path | None:
    """Return the folder of compiled networks; None for a user without a home."""
    return cache_folder("networks")


def start_compiling(
    build: Callable[[], bytes],
    identity: Sequence[object],
    settings: CompileSettings,
    folder: Path | None,
) -> Future[openvino.CompiledModel]:
    """Make a network ready to run, in a thread, while the caller gets on with other things.

    Parameters
    ----------
    build : callable
        Makes the ONNX graph; called at once, and only where the network was not compiled before.
    identity : sequence
        What the graph is made from, in values that JSON knows: digests of weights, for example.
    settings : CompileSettings
    folder : Path or None
        Where compiled networks are kept; see `compiled_folder`.

    Returns
    -------
    Future
        Of the compiled network.
    """
    core = openvino.Core()
    key = _key(core, identity, settings)
    blob = None if folder is None else _read(folder, key)
    worker = ThreadPoolExecutor(1, thread_name_prefix="compile")
    try:
        if blob is not None:
            return worker.submit(core.import_model, blob, _DEVICE, settings.properties())
        return worker.submit(_compile_and_keep, core, build(), settings, folder, key)
    finally:
        worker.shutdown(wait=False)  # its thread ends with its work


def hardware_precisions() -> frozenset[str]:
    """Return which of float32, bfloat16 and int8 the processor multiplies in hardware."""
    known = {"FP32": "float32", "BF16": "bfloat16", "INT8": "int8"}
    offered = openvino.Core().get_property(_DEVICE, "OPTIMIZATION_CAPABILITIES")
    return frozenset(known[name] for name in offered if name in known)


def fastest_precision(*, calibrated: bool) -> str:
    """Return the fastest arithmetic that this processor has in hardware.

    Parameters
    ----------
    calibrated : bool
        Whether 8-bit arithmetic may be chosen.
    """
    order = ("int8", "bfloat16") if calibrated else ("bfloat16",)
    hardware = hardware_precisions()
    return next((name for name in order if name in hardware), "float32")


def _compile_and_keep(
    core: openvino.Core,
    graph: bytes,
    settings: CompileSettings,
    folder: Path | None,
    key: str,
) -> openvino.CompiledModel:
    network = core.read_model(graph)
    network.reshape(list(settings.input_shape))
    compiled = core.compile_model(network, _DEVICE, settings.properties())
    if folder is not None:
        _keep(folder, key, compiled)
    return compiled


def _key(core: openvino.Core, identity: Sequence[object], settings: CompileSettings) -> str:
    processor = [core.get_property(_DEVICE, name) for name in _PROCESSOR_PROPERTIES]
    made_by = [openvino.__version__, source_stamp(*_SOURCES), *map(str, processor)]
    text = json.dumps([*identity, *made_by, settings.input_shape, settings.properties()])
    return hashlib.blake2b(text.encode(), digest_size=16).hexdigest()


def _read(folder: Path, key: str) -> bytes | None:
    """Return what `_keep` wrote, or None where there is no such file or it is damaged."""
    if not is_trusted(folder):
        return None
    for path in folder.glob(f"{key}-*{_SUFFIX}"):
        try:
            blob = path.read_bytes()
        except OSError:
            continue
        if path.name == _name(key, blob):
            return blob
        path.unlink(missing_ok=True)
    return None


def _keep(folder: Path, key: str, compiled: openvino.CompiledModel) -> None:
    stream = BytesIO()
    compiled.export_model(stream)
    blob = stream.getvalue()
    try:
        make_folder(folder)
        with whole_file(folder / _name(key, blob)) as temporary:
            temporary.write_bytes(blob)
        _remove_oldest(folder)
    except OSError:
        return  # a full disk: it will be compiled again next time


def _name(key: str, blob: bytes) -> str:
    """Return the file's name, in which its checksum stands: so that the blob is the whole file."""
    return f"{key}-{hashlib.sha256(blob).hexdigest()[:32]}{_SUFFIX}"


def _remove_oldest(folder: Path) -> None:
    by_age = sorted(folder.glob(f"*{_SUFFIX}"), key=lambda path: -path.stat().st_mtime)
    for path in by_age[_MOST_FILES:]:
        path.unlink(missing_ok=True)

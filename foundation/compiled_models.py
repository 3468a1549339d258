"""Networks compiled by OpenVINO for the processor, kept on disk for the next start.

A compiled network is found again by what it was made from, and by what made it: the digest of its
weights, the project's own sources, OpenVINO's version, the processor and the settings. It is
checked by `foundation.network_store`, as OpenVINO itself does not notice a flipped byte.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from threading import Lock
from typing import Any

from foundation.cache_folder import cache_folder
from foundation.network_store import StoredNetwork
from foundation.quiet_openvino import openvino
from foundation.source_stamp import source_stamp

_DEVICE = "CPU"
_PRECISION_HINTS = {"float32": "f32", "bfloat16": "bf16"}
_PROCESSOR_PROPERTIES = ("FULL_DEVICE_NAME", "OPTIMIZATION_CAPABILITIES")
_SOURCES = ("foundation", "backbones", "detector/engines", "detector/members", "proposals/multibox")


@dataclass(frozen=True)
class CompileSettings:
    """How a network is to run.

    Attributes
    ----------
    input_shape : tuple of int
        Of its only input.
    precision : {"float32", "bfloat16", "int8"}
        Arithmetic. int8 is that of the graph's own 8-bit operators; what is in floats beside them
        runs in the faster of the other two.
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
        floats = self.precision
        if floats == "int8":
            floats = fastest_precision(calibrated=False)
        threads = {} if self.threads is None else {"INFERENCE_NUM_THREADS": self.threads}
        return {
            "PERFORMANCE_HINT": "THROUGHPUT" if self.throughput else "LATENCY",
            "INFERENCE_PRECISION_HINT": _PRECISION_HINTS[floats],
            **threads,
        }


def compiled_folder() -> Path | None:
    """Return the folder of compiled networks; None for a user without a home."""
    return cache_folder("networks")


Build = Callable[[], bytes]
"""Makes an ONNX graph."""


class NetworkInPreparation:
    """A network that is made ready to run in a thread, while the caller gets on with other things.

    Parameters
    ----------
    read : callable
        Reads what the graph is made from, and returns what makes the ONNX graph of it. It is
        called at once where the network was not compiled before, so that weights that cannot be
        used are refused here; what it returns is called in the thread.
    identity : sequence
        What the graph is made from, in values that JSON knows: digests of weights, for example.
    settings : CompileSettings
    folder : Path or None
        Where compiled networks are kept; see `compiled_folder`.
    """

    def __init__(
        self,
        read: Callable[[], Build],
        identity: Sequence[object],
        settings: CompileSettings,
        folder: Path | None,
    ) -> None:
        self._core = openvino.Core()
        self._read = read
        self._settings = settings
        self._stored = None
        if folder is not None and _stamp() is not None:
            self._stored = StoredNetwork(folder, _key(self._core, identity, settings))
        stored = self._stored is not None and self._stored.exists()
        self._build = None if stored else read()
        self._lock = Lock()
        self._future: Future[openvino.CompiledModel] | None = None

    def start(self) -> Future[openvino.CompiledModel]:
        """Begin, unless that was done before; return what the network will be in."""
        with self._lock:
            if self._future is None:
                worker = ThreadPoolExecutor(1, thread_name_prefix="compile")
                self._future = worker.submit(self._prepare)
                worker.shutdown(wait=False)  # its thread ends with its work
            return self._future

    def result(self) -> openvino.CompiledModel:
        """Wait until the network is ready, and return it."""
        return self.start().result()

    def _prepare(self) -> openvino.CompiledModel:
        stored = self._imported() if self._build is None else None
        if stored is not None:
            return stored
        build = self._build or self._read()
        self._build = None  # and the weights that it holds
        network = self._core.read_model(build())
        network.reshape(list(self._settings.input_shape))
        compiled = self._core.compile_model(network, _DEVICE, self._settings.properties())
        if self._stored is not None:
            stream = BytesIO()
            compiled.export_model(stream)
            self._stored.write(stream.getvalue())
        return compiled

    def _imported(self) -> openvino.CompiledModel | None:
        """Return the stored network; None where it cannot be used."""
        content = None if self._stored is None else self._stored.read()
        if content is None:
            return None
        try:
            return self._core.import_model(content, _DEVICE, self._settings.properties())
        except RuntimeError:  # of another build of OpenVINO
            return None


@cache
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


def _key(core: openvino.Core, identity: Sequence[object], settings: CompileSettings) -> str:
    processor = [str(core.get_property(_DEVICE, name)) for name in _PROCESSOR_PROPERTIES]
    made_by = [openvino.__version__, _stamp(), *processor]
    text = json.dumps([*identity, *made_by, settings.input_shape, settings.properties()])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


@cache
def _stamp() -> str | None:
    """Return the stamp of the sources that this process runs."""
    return source_stamp(*_SOURCES)

"""Which engine and arithmetic run an ensemble: chosen by the hardware, or as asked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from backbones.hardware import choose_device
from detector.config import Execution
from detector.engines.cache import cached_onnx, compiled_folder
from detector.engines.engine import Engine, check_members
from detector.engines.onnx_file import read_onnx
from detector.engines.onnx_graph import build_onnx
from detector.engines.openvino_engine import OpenVinoEngine, hardware_precisions
from detector.engines.torch_engine import TorchEngine
from detector.members.network import Member
from detector.members.settings import MemberSettings


def make_engine(members: Sequence[Member], execution: Execution | None = None) -> Engine:
    """Return the engine for an ensemble.

    Raises
    ------
    ValueError
        If the members do not agree, or the engine asked for has not the precision or the
        device asked for.
    """
    execution = execution or Execution()
    check_members(members)
    device = choose_device(execution.device)
    if execution.engine == "torch" or (execution.engine == "auto" and device.type != "cpu"):
        return TorchEngine(members, execution)
    _check_cpu(device.type)
    calibrated = all(member.activation_ranges for member in members)
    precision = _choose_precision(execution.precision, calibrated=calibrated)
    model = _converted(members, eight_bits=precision == "int8")
    return _openvino(model, members, precision, execution)


def make_onnx_engine(path: str | Path, execution: Execution | None = None) -> Engine:
    """Return the engine for an ONNX file of `inception-rcnn export`.

    A file of 8-bit arithmetic runs so; one of float32 in float32 or bfloat16.

    Raises
    ------
    WeightsError
        If the file cannot be used.
    ValueError
        If the file does not hold the precision asked for, or the engine is not OpenVINO.
    """
    execution = execution or Execution()
    if execution.engine == "torch":
        raise ValueError(f"{path}: ONNX files run on the engine openvino, not on torch")
    _check_cpu("cpu" if execution.device == "auto" else choose_device(execution.device).type)
    file = read_onnx(path)
    precision = (
        "int8" if file.eight_bits else _choose_precision(execution.precision, calibrated=False)
    )
    if execution.precision not in {"auto", precision}:
        raise ValueError(
            f"{path}: holds {precision} arithmetic, not {execution.precision}; export it again"
        )
    return _openvino(file.path, file.settings, precision, execution)


def _converted(members: Sequence[Member], *, eight_bits: bool) -> Path | bytes:
    try:
        return cached_onnx(members, eight_bits=eight_bits)
    except OSError:  # nowhere to keep it: converted again next time
        return build_onnx(members, eight_bits=eight_bits).SerializeToString()


def _openvino(
    model: Path | bytes, settings: Sequence[MemberSettings], precision: str, execution: Execution
) -> OpenVinoEngine:
    floats = precision
    if precision == "int8":  # what stays in floats
        floats = _choose_precision("auto", calibrated=False)
    return OpenVinoEngine(
        model,
        settings,
        precision=floats,
        batch_size=execution.batch_size_on("cpu"),
        name=precision,
        compiled=compiled_folder(),
    )


def _choose_precision(asked: str, *, calibrated: bool) -> str:
    """Return the arithmetic on the CPU: the one asked for, or the fastest in hardware."""
    hardware = hardware_precisions()
    if asked == "auto":
        order = ("int8", "bfloat16") if calibrated else ("bfloat16",)
        return next((name for name in order if name in hardware), "float32")
    if asked == "float16":
        raise ValueError("float16 runs on GPUs only: choose float32, bfloat16 or int8 on the CPU")
    return asked


def _check_cpu(device: str) -> None:
    if device != "cpu":
        raise ValueError(f"the engine openvino runs on the CPU, not on {device}: choose torch")

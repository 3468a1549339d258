"""Which engine and arithmetic run an ensemble: chosen by the hardware, or as asked."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from detector.config import Execution
from detector.engines.devices import device_type
from detector.engines.engine import Engine, check_calibrated
from detector.members.member import MemberSource
from detector.members.settings import MemberSettings, check_members
from foundation.compiled_models import Build, fastest_precision


def make_engine(members: Sequence[MemberSource], execution: Execution | None = None) -> Engine:
    """Return the engine for an ensemble.

    Raises
    ------
    ValueError
        If the members do not agree, or the engine asked for has not the precision or the
        device asked for.
    WeightsError
        If a member has to be read and cannot be used.
    ModuleNotFoundError
        If the engine torch is asked for and PyTorch is not installed.
    """
    execution = execution or Execution()
    settings = [member.settings for member in members]
    check_members(settings)
    device = device_type(execution.device)
    if execution.engine == "torch" or (execution.engine == "auto" and device != "cpu"):
        from detector.engines.torch_engine import TorchEngine

        return TorchEngine([member.read() for member in members], execution)
    _check_cpu(device)
    calibrated = all(one.activation_ranges for one in settings)
    precision = _choose_precision(execution.precision, calibrated=calibrated)
    eight_bits = precision == "int8"
    if eight_bits:
        check_calibrated(settings)
    identity = ["ensemble", eight_bits, *(member.digest() for member in members)]
    return _openvino(lambda: _read(members, eight_bits), identity, settings, precision, execution)


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
    from detector.engines.onnx_file import read_onnx

    execution = execution or Execution()
    if execution.engine == "torch":
        raise ValueError(f"{path}: ONNX files run on the engine openvino, not on torch")
    _check_cpu("cpu" if execution.device == "auto" else device_type(execution.device))
    file = read_onnx(path)
    precision = (
        "int8" if file.eight_bits else _choose_precision(execution.precision, calibrated=False)
    )
    if execution.precision not in {"auto", precision}:
        raise ValueError(
            f"{path}: holds {precision} arithmetic, not {execution.precision}; export it again"
        )
    return _openvino(
        lambda: lambda: file.content, ["onnx", file.digest], file.settings, precision, execution
    )


def _read(members: Sequence[MemberSource], eight_bits: bool) -> Build:
    read = [member.read() for member in members]

    def build() -> bytes:
        from detector.engines.onnx_graph import build_onnx

        return build_onnx(read, eight_bits=eight_bits).SerializeToString()

    return build


def _openvino(
    read: Callable[[], Build],
    identity: Sequence[object],
    settings: Sequence[MemberSettings],
    precision: str,
    execution: Execution,
) -> Engine:
    from detector.engines.openvino_engine import OpenVinoEngine

    return OpenVinoEngine(
        read,
        identity,
        settings,
        precision=precision,
        batch_size=execution.batch_size_on("cpu"),
    )


def _choose_precision(asked: str, *, calibrated: bool) -> str:
    """Return the arithmetic on the CPU: the one asked for, or the fastest in hardware."""
    if asked == "auto":
        return fastest_precision(calibrated=calibrated)
    if asked == "float16":
        raise ValueError("float16 runs on GPUs only: choose float32, bfloat16 or int8 on the CPU")
    return asked


def _check_cpu(device: str) -> None:
    if device != "cpu":
        raise ValueError(f"the engine openvino runs on the CPU, not on {device}: choose torch")

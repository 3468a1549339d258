"""Time one network's engines against PyTorch in float32, torchvision, and what the chip can do.

Command: ``python benchmarks/network_speed.py --json network.json``; some three minutes. All
take the same 8-bit windows, turn by turn in one process, so that a busy machine slows them
alike: quote the ratios. ONNX Runtime is measured too where it is installed (``pip install
onnxruntime``). The peak is that of products of matrices in the same arithmetic: PyTorch's, or
OpenVINO's with several calls at a time, whichever is faster.
"""

from __future__ import annotations

import argparse
import json
import statistics
import time
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import onnx
import torch
import torchvision
from numpy.typing import NDArray
from shared.machine import describe_machine
from skimage import data
from torch.utils.flop_counter import FlopCounterMode

from detector.config import Execution
from detector.engines import Engine, make_engine
from detector.engines.onnx_graph import build_onnx
from detector.members.member import Member
from detector.members.models import open_model
from detector.members.network import TorchMember
from detector.regions.warp import warp_regions
from foundation.graph_builder import GraphBuilder
from foundation.quiet_openvino import openvino
from proposals import SelectiveSearch

WINDOWS, BATCH, ROUNDS = 192, 16, 5
PRECISIONS = ("float32", "bfloat16", "int8")
SIDE = 2048  # of PyTorch's matrices for the peak
CHAIN_BATCH, CHAIN_CHANNELS, CHAIN_SIDE = 8, 1024, 14  # OpenVINO's: 1,568 x 1,024 x 1,024
CHAIN_LENGTH, CHAIN_CALLS = 8, 12
REFERENCE = "torch float32"
ENGINES = {
    REFERENCE: Execution(engine="torch", precision="float32", batch_size=BATCH),
    "torch bfloat16": Execution(engine="torch", precision="bfloat16", batch_size=BATCH),
    "openvino float32": Execution(engine="openvino", precision="float32", batch_size=BATCH),
    "openvino bfloat16": Execution(engine="openvino", precision="bfloat16", batch_size=BATCH),
    "openvino int8": Execution(engine="openvino", precision="int8", batch_size=BATCH),
}

Run = Callable[[], object]


def main() -> None:
    """Print one line a contender."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, help="write the figures there, too")
    options = parser.parse_args()
    figures = measure_networks()
    print_networks(figures)
    if options.json is not None:
        document = {"machine": describe_machine(), "networks": figures}
        options.json.write_text(json.dumps(document, indent=2) + "\n", encoding="utf-8")


def measure_networks() -> dict[str, dict[str, float]]:
    """Return each contender's regions a second, ratio, operations a second and share of peak."""
    member = open_model().members[0].read()
    windows = real_windows(member)
    runs: dict[str, Run] = {
        name: engine_run(make_engine([member], execution), windows)
        for name, execution in ENGINES.items()
    }
    if find_spec("onnxruntime"):
        runs["onnxruntime float32"] = onnxruntime_run(member, windows, eight_bits=False)
        runs["onnxruntime int8"] = onnxruntime_run(member, windows, eight_bits=True)
    for dtype in (torch.float32, torch.bfloat16):
        runs[f"torchvision {short(dtype)}"] = torchvision_run(windows, dtype)
    speeds = {name: WINDOWS / seconds for name, seconds in median_seconds(runs).items()}
    operations, peaks = operations_of(member), measure_peaks()
    figures = {}
    for name, speed in speeds.items():
        figures[name] = {"regions_per_second": speed, "ratio": speed / speeds[REFERENCE]}
        if not name.startswith("torchvision"):  # another network
            peak = peaks[name.split()[1]]
            figures[name] |= {"gflops": speed * operations / 1e9, "peak_gflops": peak / 1e9}
            figures[name]["share_of_peak"] = speed * operations / peak
    return figures


def print_networks(figures: dict[str, dict[str, float]]) -> None:
    """Print the table."""
    print(f"{'network':22} regions/s  ratio  GFLOP/s   peak  share")
    for name, row in figures.items():
        line = f"{name:22} {row['regions_per_second']:9.1f} {row['ratio']:6.2f}"
        if "gflops" in row:
            line += f" {row['gflops']:8.0f} {row['peak_gflops']:6.0f} {row['share_of_peak']:6.2f}"
        print(line)


def real_windows(member: Member) -> NDArray[np.uint8]:
    """Return windows of Selective Search's regions of three pictures."""
    windows = []
    for image in (data.astronaut(), data.chelsea(), data.coffee()):
        boxes = SelectiveSearch()(image).boxes_xyxy
        chosen = np.linspace(0, len(boxes) - 1, WINDOWS // 3).astype(int)
        windows.append(warp_regions(image, boxes[chosen], member.warp))
    return np.concatenate(windows)


def median_seconds(runs: dict[str, Run]) -> dict[str, float]:
    """Return each contender's median of rounds in turn, after one to warm up."""
    seconds: dict[str, list[float]] = {name: [] for name in runs}
    for number in range(ROUNDS + 1):
        for name, run in runs.items():
            start = time.perf_counter()
            run()
            if number:
                seconds[name].append(time.perf_counter() - start)
    return {name: statistics.median(values) for name, values in seconds.items()}


def engine_run(engine: Engine, windows: NDArray[np.uint8]) -> Run:
    """Return what scores all windows once."""
    batches = [windows[start : start + BATCH] for start in range(0, len(windows), BATCH)]
    return lambda: list(engine.member_scores(batches))


def onnxruntime_run(member: Member, windows: NDArray[np.uint8], *, eight_bits: bool) -> Run:
    """Return what scores all windows once by ONNX Runtime, from the same graph."""
    import onnxruntime

    graph = build_onnx([member], eight_bits=eight_bits).SerializeToString()
    session = onnxruntime.InferenceSession(graph, providers=["CPUExecutionProvider"])
    batches = [windows[start : start + BATCH] for start in range(0, len(windows), BATCH)]
    return lambda: [session.run(["probabilities"], {"windows": batch}) for batch in batches]


def torchvision_run(windows: NDArray[np.uint8], dtype: torch.dtype) -> Run:
    """Return what passes all windows through torchvision's GoogLeNet."""
    network = torchvision.models.googlenet(weights=None, init_weights=False, aux_logits=False)
    network = network.eval().to(dtype, memory_format=torch.channels_last)
    mean = torch.tensor([123.0, 117.0, 104.0])

    @torch.inference_mode()
    def run() -> None:
        for start in range(0, len(windows), BATCH):
            batch = (torch.from_numpy(windows[start : start + BATCH]).float() - mean) / 58
            network(batch.permute(0, 3, 1, 2).to(dtype))

    return run


def operations_of(member: Member) -> int:
    """Return the multiplications and additions that one region takes, LRN aside."""
    size, network = member.statistics.size, TorchMember.of(member).network
    lrn = {network.lrn1.band.shape[0]: 56, network.lrn2.band.shape[0]: 56}
    with FlopCounterMode(display=False) as counter, torch.inference_mode():
        network(torch.zeros(1, 3, size, size))
    # LRN runs as a convolution in PyTorch only; the paper's network has none there.
    return int(counter.get_total_flops() - sum(2 * c * c * side**2 for c, side in lrn.items()))


def measure_peaks() -> dict[str, float]:
    """Return the operations a second of products of matrices, by arithmetic.

    Of PyTorch's and OpenVINO's the faster counts: what a network is held against should not be
    slow itself.
    """
    work = {f"openvino {precision}": chained_products(precision) for precision in PRECISIONS}
    for dtype in (torch.float32, torch.bfloat16):
        work[f"torch {short(dtype)}"] = square_products(dtype)
    seconds = median_seconds({name: run for name, (run, _) in work.items()})
    speeds = {name: operations / seconds[name] for name, (_, operations) in work.items()}
    return {
        precision: max(speed for name, speed in speeds.items() if name.split()[1] == precision)
        for precision in PRECISIONS
    }


def square_products(dtype: torch.dtype) -> tuple[Run, int]:
    """Return what multiplies two matrices in PyTorch, and its number of operations."""
    a, b = (torch.randn(SIDE, SIDE, dtype=dtype) for _ in range(2))
    return lambda: a @ b, 2 * SIDE**3


def chained_products(precision: str) -> tuple[Run, int]:
    """Return what multiplies matrices in OpenVINO, and its number of operations.

    1x1 convolutions are products of matrices; several make a chain, so that reading the first
    and writing the last, which are not multiplications, weigh little. As many calls are under
    way as when a network runs.
    """
    shape = [CHAIN_BATCH, CHAIN_CHANNELS, CHAIN_SIDE, CHAIN_SIDE]
    core = openvino.Core()
    compiled = core.compile_model(
        core.read_model(chain_graph(shape, eight_bits=precision == "int8").SerializeToString()),
        "CPU",
        {
            "PERFORMANCE_HINT": "THROUGHPUT",
            "INFERENCE_PRECISION_HINT": "bf16" if precision == "bfloat16" else "f32",
        },
    )
    calls = openvino.AsyncInferQueue(compiled)
    values = np.full(shape, 3, np.uint8)

    def run() -> None:
        for _ in range(CHAIN_CALLS):
            calls.start_async({0: values})
        calls.wait_all()

    one = 2 * CHAIN_BATCH * CHAIN_SIDE**2 * CHAIN_CHANNELS**2 * CHAIN_LENGTH
    return run, CHAIN_CALLS * one


def chain_graph(shape: Sequence[int], *, eight_bits: bool) -> onnx.ModelProto:
    """Return a chain of 1x1 convolutions on (N, C, h, w) bytes."""
    graph, channels = GraphBuilder(), shape[1]
    x = graph.to_float("x")
    x = graph.rounded(x, 255.0) if eight_bits else x
    for layer in range(CHAIN_LENGTH):
        random = np.random.default_rng(layer).standard_normal((channels, channels, 1, 1))
        weight = (random * (2 / channels) ** 0.5).astype(np.float32)  # keeps the numbers' size
        name = f"weight{layer}"
        if eight_bits:
            name, _ = graph.eight_bit_weight(weight, name)
        else:
            graph.constant(weight, name)
        x = graph.node("Relu", [graph.node("Conv", [x, name])])
        x = graph.rounded(x, 10.0) if eight_bits else x
    graph.node("GlobalAveragePool", [x], output="y")
    return graph.build(
        "chain",
        inputs={"x": (np.uint8, shape)},
        outputs={"y": (np.float32, [*shape[:2], 1, 1])},
    )


def short(dtype: torch.dtype) -> str:
    """Return the name of a torch type without its module."""
    return str(dtype).removeprefix("torch.")


if __name__ == "__main__":
    main()

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from foundation import compiled_models
from foundation.compiled_models import CompileSettings, NetworkInPreparation
from foundation.graph_builder import GraphBuilder
from foundation.network_store import StoredNetwork
from foundation.quiet_openvino import openvino

SETTINGS = CompileSettings((2, 3), "float32")


def graph_that_adds(value: float) -> bytes:
    graph = GraphBuilder()
    graph.node("Add", ["x", graph.constant(np.array(value, np.float32))], output="y")
    sides = (np.float32, ["N", 3])
    return graph.build("adds", inputs={"x": sides}, outputs={"y": sides}).SerializeToString()


def never() -> bytes:
    raise AssertionError("the graph was made again")


def result_of(network: openvino.CompiledModel) -> float:
    request = network.create_infer_request()
    request.infer({"x": np.zeros((2, 3), np.float32)})
    return float(request.get_tensor("y").data[0, 0])


def compiled(build: Callable[[], bytes], identity: object, folder: Path | None) -> float:
    return result_of(NetworkInPreparation(lambda: build, [identity], SETTINGS, folder).result())


def test_a_network_is_made_once_and_found_by_what_it_is_made_from(tmp_path: Path) -> None:
    assert compiled(lambda: graph_that_adds(1), "one", tmp_path) == 1
    assert compiled(never, "one", tmp_path) == 1
    assert compiled(lambda: graph_that_adds(2), "two", tmp_path) == 2
    assert len(list(tmp_path.iterdir())) == 2


def test_without_a_folder_it_is_made_every_time() -> None:
    assert compiled(lambda: graph_that_adds(1), "one", None) == 1
    with pytest.raises(AssertionError, match="made again"):
        compiled(never, "one", None)


@pytest.mark.parametrize(
    ("owner", "name", "value"),
    [
        (compiled_models, "_stamp", lambda: "other sources"),
        (openvino, "__version__", "0"),
    ],
)
def test_other_sources_or_another_openvino_make_it_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, owner: object, name: str, value: object
) -> None:
    compiled(lambda: graph_that_adds(1), "one", tmp_path)
    monkeypatch.setattr(owner, name, value)
    assert compiled(lambda: graph_that_adds(2), "one", tmp_path) == 2


def test_a_full_disk_costs_the_next_start_some_time_and_nothing_else(tmp_path: Path) -> None:
    below_a_file = tmp_path / "file" / "folder"
    (tmp_path / "file").write_text("")
    assert compiled(lambda: graph_that_adds(1), "one", below_a_file) == 1


@pytest.mark.parametrize("unusable", ["another build of OpenVINO's", "no stamp"])
def test_what_openvino_or_the_sources_refuse_is_made_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, unusable: str
) -> None:
    compiled(lambda: graph_that_adds(1), "one", tmp_path)
    if unusable == "no stamp":
        monkeypatch.setattr(compiled_models, "_stamp", lambda: None)
    else:
        monkeypatch.setattr(StoredNetwork, "read", lambda _: b"not a network of OpenVINO's")
    assert compiled(lambda: graph_that_adds(2), "one", tmp_path) == 2


def test_a_network_is_started_once(tmp_path: Path) -> None:
    network = NetworkInPreparation(lambda: lambda: graph_that_adds(1), ["one"], SETTINGS, tmp_path)
    assert network.start() is network.start()
    assert network.result() is network.result()


def test_weights_are_read_at_once_where_they_are_needed(tmp_path: Path) -> None:
    with pytest.raises(AssertionError, match="made again"):
        NetworkInPreparation(never, ["one"], SETTINGS, tmp_path)
    compiled(lambda: graph_that_adds(1), "one", tmp_path)
    NetworkInPreparation(never, ["one"], SETTINGS, tmp_path)


def test_what_others_can_write_is_not_read(tmp_path: Path) -> None:
    folder = tmp_path / "networks"
    compiled(lambda: graph_that_adds(1), "one", folder)
    folder.chmod(0o777)
    assert compiled(lambda: graph_that_adds(2), "one", folder) == 2


def test_what_is_in_floats_beside_8_bits_runs_in_the_fastest_of_them(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def hint(precision: str) -> object:
        return CompileSettings((1, 3), precision).properties()["INFERENCE_PRECISION_HINT"]

    for hardware, floats in (({"float32", "bfloat16", "int8"}, "bf16"), ({"float32"}, "f32")):
        monkeypatch.setattr(compiled_models, "hardware_precisions", lambda kinds=hardware: kinds)
        assert hint("int8") == floats
    assert [hint("float32"), hint("bfloat16")] == ["f32", "bf16"]

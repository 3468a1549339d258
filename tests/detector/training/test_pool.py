from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from skimage import data
from torch import Tensor

from detector.regions.warp import warp_regions
from detector.regions.warp_config import WarpConfig
from detector.training.batches import WindowBatches, WindowCutter
from detector.training.config import SamplingConfig
from detector.training.pool import Pool, PoolBatches, PoolError, draw_pool, make_pool
from detector.training.windows import WindowSampler, WindowTable

WARP = WarpConfig(size=64, context_padding=4)
SEED = 0
SAMPLING = SamplingConfig(foreground=2, background=3)


@pytest.fixture(scope="module")
def picture(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("pictures") / "cat.png"
    Image.fromarray(data.chelsea()).save(path)
    return path


@pytest.fixture(scope="module")
def table() -> WindowTable:
    generator = np.random.default_rng(0)
    corners = generator.integers(0, 200, (40, 2))
    boxes = np.concatenate([corners, corners + generator.integers(20, 90, (40, 2))], axis=1)
    ious = np.linspace(0, 1, 40, dtype=np.float32)
    return WindowTable(boxes.astype(np.float32), np.zeros(40, int), np.ones(40, int), ious)


@pytest.fixture
def cutter(picture: Path, table: WindowTable) -> WindowCutter:
    return WindowCutter([picture], table, WARP)


def corner(windows: Tensor) -> Tensor:
    """Stand in for a frozen part: (R, S, S, 3) to (R, 3, 2, 2), other for mirrored windows."""
    return windows[:, :2, :2].permute(0, 3, 1, 2).float()


def make(path: Path, cutter: WindowCutter, table: WindowTable, windows: int = 20) -> Pool:
    return make_pool(
        path, cutter, table, corner, windows, SEED, {"frozen": "a"}, lambda _done: None
    )


def test_batches_hold_the_warped_windows_of_their_rows(
    cutter: WindowCutter, table: WindowTable
) -> None:
    sampler = WindowSampler(table, SAMPLING, seed=0)
    rows, mirrored = sampler.rows(1), sampler.mirrored(1)
    assert mirrored.any()
    expected = warp_regions(data.chelsea(), table.boxes_xyxy[rows], WARP)
    expected[mirrored] = expected[mirrored][:, :, ::-1]
    source = WindowBatches(cutter, sampler)
    whole = source.load(1, range(source.batch_size))
    np.testing.assert_array_equal(whole.inputs.numpy(), expected)
    assert whole.labels.tolist() == sampler.labels[rows].tolist()
    part = source.load(1, range(1, 4))
    np.testing.assert_array_equal(part.inputs.numpy(), expected[1:4])


def test_colours_change_by_seed_step_and_place(cutter: WindowCutter, table: WindowTable) -> None:
    sampler = WindowSampler(table, SAMPLING, seed=0)
    plain = WindowBatches(cutter, sampler).load(1, range(5)).inputs
    found = WindowBatches(cutter, sampler, 7).load(1, range(5)).inputs
    assert (found != plain).flatten(1).any(dim=1).all()
    part = WindowBatches(cutter, sampler, 7).load(1, range(3, 5)).inputs
    np.testing.assert_array_equal(part, found[3:])
    other = WindowBatches(cutter, sampler, 8).load(1, range(5)).inputs
    assert (found != other).any()


def test_a_pool_mixes_windows_by_their_overlap(table: WindowTable) -> None:
    rows = draw_pool(table, 20, SEED)
    assert len(set(rows.tolist())) == 18
    ious = table.ious[rows]
    counts = [(ious >= 0.5).sum(), ((ious >= 0.1) & (ious < 0.5)).sum(), (ious < 0.1).sum()]
    assert counts == [8, 6, 4]  # all that there are of the last kind, where 6 were wanted
    assert (np.diff(rows) > 0).all()
    np.testing.assert_array_equal(rows, draw_pool(table, 20, SEED))
    assert set(rows.tolist()) != set(draw_pool(table, 20, SEED + 1).tolist())


def test_a_pool_holds_no_windows_that_teach_nothing(table: WindowTable) -> None:
    unclear = table._replace(nearest=np.arange(40) % 2)
    rows = draw_pool(unclear, 1000, SEED)
    assert (unclear.nearest[rows][unclear.ious[rows] >= 0.5] == 1).all()
    assert len(rows) == 20 + 10


@pytest.mark.parametrize("count", [0, 40])
def test_a_pool_takes_what_there_is(table: WindowTable, count: int) -> None:
    few = table.rows(np.arange(count))
    assert len(draw_pool(few, 1000, SEED)) == count


def test_pooled_windows_are_what_the_frozen_part_makes_of_them(
    cutter: WindowCutter, table: WindowTable, tmp_path: Path
) -> None:
    pool = make(tmp_path / "pool.npy", cutter, table)
    rows = draw_pool(table, 20, SEED)
    plain = corner(torch.from_numpy(cutter.cut(rows, np.zeros(18, bool))))
    mirrored = corner(torch.from_numpy(cutter.cut(rows, np.ones(18, bool))))
    stored = torch.from_numpy(pool.features.astype(np.float32)).permute(0, 3, 1, 2)
    is_plain = (stored == plain).flatten(1).all(dim=1)
    is_mirrored = (stored == mirrored).flatten(1).all(dim=1)
    assert (is_plain | is_mirrored).all()
    assert is_plain.any()
    assert is_mirrored.any()
    sampler = WindowSampler(pool.table, SAMPLING, seed=0)
    batch = PoolBatches(pool, sampler).load(1, range(1, 4))
    chosen = sampler.rows(1)[1:4]
    torch.testing.assert_close(batch.inputs, stored[torch.from_numpy(chosen)])
    assert batch.labels.tolist() == sampler.labels[chosen].tolist()


def test_a_pool_is_made_once(cutter: WindowCutter, table: WindowTable, tmp_path: Path) -> None:
    path = tmp_path / "pool.npy"
    first = make(path, cutter, table)
    written = path.stat().st_mtime_ns
    second = make(path, cutter, table)
    assert path.stat().st_mtime_ns == written
    np.testing.assert_array_equal(first.features, second.features)


def test_a_pool_of_something_else_is_refused(
    cutter: WindowCutter, table: WindowTable, tmp_path: Path
) -> None:
    path = tmp_path / "pool.npy"
    make(path, cutter, table)
    with pytest.raises(PoolError, match=r"pool\.npy: was made with another table"):
        make(path, cutter, table, windows=10)
    with pytest.raises(PoolError, match="was made with another seed"):
        make_pool(path, cutter, table.rows(np.arange(9)), corner, 9, 1, {}, lambda _done: None)
    with pytest.raises(PoolError, match="was made with another frozen"):
        make_pool(path, cutter, table, corner, 20, SEED, {"frozen": "b"}, lambda _done: None)


@pytest.mark.parametrize(
    "damage", ["features", "empty", "billions", "other type", "settings", "deep", "no settings"]
)
def test_a_damaged_pool_is_refused(
    damage: str, cutter: WindowCutter, table: WindowTable, tmp_path: Path
) -> None:
    path = tmp_path / "pool.npy"
    make(path, cutter, table)
    if damage == "features":
        path.write_bytes(path.read_bytes()[:300])
    elif damage == "empty":
        path.write_bytes(b"")
    elif damage == "billions":
        kind = {"descr": "<f2", "fortran_order": False, "shape": (10**9, 10**6)}
        with path.open("wb") as file:
            np.lib.format.write_array_header_1_0(file, kind)
    elif damage == "other type":
        np.save(path, np.zeros((20, 3), np.float64))
    elif damage in {"settings", "deep"}:
        text = "{" if damage == "settings" else "[" * 100_000
        path.with_suffix(".json").write_text(text, encoding="utf-8")
    else:
        path.with_suffix(".json").unlink()
    with pytest.raises(PoolError, match="delete"):
        make(path, cutter, table)


def test_nothing_half_made_is_left(
    cutter: WindowCutter, table: WindowTable, tmp_path: Path
) -> None:
    def broken(_done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make_pool(tmp_path / "pool.npy", cutter, table, corner, 20, SEED, {}, broken)
    assert list(tmp_path.iterdir()) == []


def test_settings_say_what_the_pool_is_of(
    cutter: WindowCutter, table: WindowTable, tmp_path: Path
) -> None:
    make(tmp_path / "pool.npy", cutter, table)
    document = json.loads((tmp_path / "pool.json").read_text(encoding="utf-8"))
    assert document["frozen"] == "a"

"""A pool of training windows whose way through the frozen part of a network is known.

What is frozen gives the same window the same result in every step and in every member of an
ensemble. So a number of windows is drawn once, runs through the frozen part once, and all
members learn from what came out. A stem's output takes 188 KB a window; the file is mapped
into memory, not read, and may be larger than it.
"""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from backbones.training.loop import TrainingBatch
from backbones.training.processes import process_rank, wait_for_all
from detector.training.batches import WindowCutter
from detector.training.windows import BACKGROUND, WindowSampler, WindowTable
from foundation.files import whole_file, write_text
from foundation.prefetch import ordered_map
from foundation.spelling import one_line

_FOREGROUND_SHARE = 0.4  # windows of an IoU of half and more with an object
_NEAR_SHARE = 0.3  # windows of 0.1 to 0.5; the rest overlaps objects less, or none

_PART = 8  # windows that pass the frozen part together: few enough for a processor's caches


class Pool(NamedTuple):
    """Windows and what the frozen part made of them."""

    table: WindowTable  # of P windows
    features: NDArray[np.float16]  # (P, ...) mapped from the file


class PoolError(ValueError):
    """A file of a pool that cannot be used."""


def draw_pool(table: WindowTable, windows: int, seed: int) -> NDArray[np.int64]:
    """Return the rows ``(P,)`` of a pool, drawn without repetition, in ascending order.

    Of the windows, 40 % overlap an object by half or more, 30 % by 0.1 to 0.5, as far as there
    are such.
    """
    generator = np.random.default_rng(seed)
    shows_one = (table.ious >= 0.5) & (table.nearest != BACKGROUND)  # unclear objects never do
    bands = (shows_one, (table.ious >= 0.1) & (table.ious < 0.5), table.ious < 0.1)
    near, foreground = round(windows * _NEAR_SHARE), round(windows * _FOREGROUND_SHARE)
    chosen = [
        generator.permutation(np.flatnonzero(band))[:count]
        for band, count in zip(bands, (foreground, near, windows - near - foreground), strict=True)
    ]
    return np.sort(np.concatenate(chosen))


def make_pool(
    path: Path,
    cutter: WindowCutter,
    table: WindowTable,
    frozen: Callable[[Tensor], Tensor],
    windows: int,
    seed: int,
    settings: Mapping[str, Any],
    report: Callable[[int], None],
) -> Pool:
    """Return the pool of a file, made now if it is not there.

    Parameters
    ----------
    path : Path
        Of the features, ``*.npy``; beside it stands a ``*.json`` that says of what.
    cutter : WindowCutter
        Of the whole table.
    table : WindowTable
        Of all windows.
    frozen : callable
        From windows (R, S, S, 3) uint8 to what the frozen part makes of them, (R, ...).
    windows : int
        To draw.
    seed : int
        Of the draw; the batches that are drawn from the pool have another.
    settings : mapping
        What else decides the content, in values that JSON knows.
    report : callable
        Called with the number of windows done.

    Raises
    ------
    PoolError
        If the file was made with other settings, or is damaged.
    """
    rows = draw_pool(table, windows, seed)
    mirrored = np.random.default_rng([seed, 1]).random(len(rows)) < 0.5
    key = {**settings, "seed": seed, "table": table.rows(rows).digest()}
    if process_rank() == 0 and not path.exists():
        _compute(path, cutter, rows, mirrored, frozen, report)
        write_text(path.with_suffix(".json"), json.dumps(key, indent=2) + "\n")
    wait_for_all()
    _check_key(path, key)
    try:
        features = np.load(path, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise PoolError(
            f"{path}: cannot be read ({one_line(error)}); delete it to make it anew"
        ) from None
    if features.dtype != np.float16 or features.ndim < 2 or len(features) != len(rows):
        found = f"{features.shape} {features.dtype}"
        raise PoolError(f"{path}: holds {found}, no pool of {len(rows)}; delete it to make it anew")
    return Pool(table.rows(rows), features)


class PoolBatches:
    """Batches drawn from a pool; a `backbones.training.loop.BatchSource`.

    Whether a window is mirrored was drawn with the pool.

    Parameters
    ----------
    pool : Pool
    sampler : WindowSampler
        Of the pool's table.
    """

    def __init__(self, pool: Pool, sampler: WindowSampler) -> None:
        self._pool = pool
        self._sampler = sampler

    @property
    def batch_size(self) -> int:
        """Windows of a step."""
        return self._sampler.batch_size

    def load(self, step: int, places: range) -> TrainingBatch:
        """Return what the frozen part makes of windows (B, ...) float32, and their labels."""
        rows = self._sampler.rows(step)[places.start : places.stop]
        features = torch.from_numpy(self._pool.features[rows]).float()
        if features.ndim == 4:  # stored channels last
            features = features.permute(0, 3, 1, 2)
        return TrainingBatch(features, torch.from_numpy(self._sampler.labels[rows]))


def _compute(
    path: Path,
    cutter: WindowCutter,
    rows: NDArray[np.int64],
    mirrored: NDArray[np.bool_],
    frozen: Callable[[Tensor], Tensor],
    report: Callable[[int], None],
) -> None:
    if len(rows) == 0:
        raise PoolError("the pool holds no windows; check that the split holds images")
    parts = [slice(start, start + _PART) for start in range(0, len(rows), _PART)]

    def compute(part: slice) -> NDArray[np.float16]:
        windows = cutter.cut(rows[part], mirrored[part])
        return _channels_last(frozen(torch.from_numpy(windows)))

    with whole_file(path) as temporary, single_threads() as workers:
        results = ordered_map(compute, parts, workers)
        first = next(results)
        features = np.lib.format.open_memmap(
            temporary, mode="w+", dtype=np.float16, shape=(len(rows), *first.shape[1:])
        )
        for part, found in zip(parts, itertools.chain([first], results), strict=True):
            features[part] = found
            report(min(part.stop, len(rows)))
        features.flush()


@contextmanager
def single_threads() -> Iterator[int]:
    """Give each of several workers one thread of torch: parts are too small for more."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield threads
    finally:
        torch.set_num_threads(threads)


def _channels_last(found: Tensor) -> NDArray[np.float16]:
    ordered = found.permute(0, 2, 3, 1) if found.ndim == 4 else found
    values: NDArray[np.float16] = ordered.to(torch.float16).cpu().numpy()
    return values


def _check_key(path: Path, key: dict[str, Any]) -> None:
    beside = path.with_suffix(".json")
    remedy = "delete both to make the pool anew, or name another file"
    try:
        found = json.loads(beside.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise PoolError(f"{beside}: cannot be read ({one_line(error)}); {remedy}") from None
    if not isinstance(found, dict):
        raise PoolError(f"{beside}: says nothing of a pool; {remedy}")
    changed = [name for name in key if found.get(name) != key[name]]
    if changed:
        raise PoolError(
            f"{path}: was made with another {changed[0]} ({one_line(found.get(changed[0]))}, now"
            f" {key[changed[0]]!r}); {remedy}"
        )

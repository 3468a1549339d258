from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from backbones.training.colours import ColourConfig
from backbones.training.folder_batches import FolderBatches
from backbones.training.image_folder import ImageFolder
from backbones.training.views import ViewConfig

COUNT = 7


def folder(count: int = COUNT) -> ImageFolder:
    """Return pictures 0.png, 1.png, ... whose labels are their numbers."""
    numbers = range(count)
    return ImageFolder(
        tuple(map(str, numbers)), tuple(Path(f"{i}.png") for i in numbers), tuple(numbers)
    )


def paint(path: Path) -> NDArray[np.uint8]:
    """Return noise, the same for the same name."""
    return np.random.default_rng(int(path.stem)).integers(0, 256, (9, 12, 3), dtype=np.uint8)


def fail(reason: str) -> None:
    raise AssertionError(reason)


def batches(
    batch_size: int = 3,
    seed: int = 0,
    *,
    count: int = COUNT,
    read: Callable[[Path], NDArray[np.uint8]] = paint,
    report: Callable[[str], None] = fail,
    views: ViewConfig | None = None,
    threads: int = 1,
) -> FolderBatches:
    return FolderBatches(
        folder(count), batch_size, seed, read, report, views=views, size=8, threads=threads
    )


def labels(source: FolderBatches, steps: range) -> list[int]:
    places = range(source.batch_size)
    return [label for step in steps for label in source.load(step, places).labels.tolist()]


def test_each_epoch_shows_every_picture_once_in_a_new_order() -> None:
    shown = labels(batches(3), range(1, COUNT + 1))  # three epochs
    epochs = [shown[start : start + COUNT] for start in (0, COUNT, 2 * COUNT)]
    for epoch in epochs:
        assert sorted(epoch) == list(range(COUNT))
    assert len({tuple(epoch) for epoch in epochs}) == 3


def test_a_batch_may_be_larger_than_the_data_set() -> None:
    shown = Counter(labels(batches(2 * COUNT), range(1, 2)))
    assert set(shown.values()) == {2}


def test_views_are_of_the_labelled_picture_as_bytes() -> None:
    plain = ViewConfig(0.999, 1, 4 / 3, 4 / 3, ColourConfig(0, 0))
    flat = batches(
        COUNT, read=lambda path: np.full((9, 12, 3), int(path.stem), np.uint8), views=plain
    )
    batch = flat.load(1, range(COUNT))
    assert batch.inputs.shape == (COUNT, 8, 8, 3)
    assert batch.inputs.dtype == torch.uint8
    assert batch.labels.dtype == torch.int64
    for view, label in zip(batch.inputs, batch.labels, strict=True):
        assert (view == label).all()


def test_places_loaded_apart_are_those_loaded_together() -> None:
    whole = batches().load(5, range(3))
    for place in (2, 0, 1):
        part = batches().load(5, range(place, place + 1))
        assert torch.equal(part.inputs[0], whole.inputs[place])
        assert part.labels[0] == whole.labels[place]
    assert batches().load(5, range(0)).inputs.shape == (0, 8, 8, 3)


def test_the_same_picture_looks_different_in_the_next_epoch() -> None:
    source = batches(1, count=1)
    first, second = (source.load(step, range(1)).inputs for step in (1, 2))
    assert not torch.equal(first, second)


def test_another_seed_gives_another_order_and_other_views() -> None:
    assert labels(batches(seed=0), range(1, 6)) != labels(batches(seed=1), range(1, 6))
    one, other = (batches(1, seed, count=1).load(1, range(1)).inputs for seed in (0, 1))
    assert not torch.equal(one, other)


def test_threads_change_nothing() -> None:
    one, four = (batches(50, threads=threads).load(2, range(50)) for threads in (1, 4))
    assert torch.equal(one.inputs, four.inputs)
    assert torch.equal(one.labels, four.labels)


@pytest.mark.parametrize("threads", [1, 4])
def test_unreadable_pictures_are_replaced_and_reported_once(threads: int) -> None:
    def read(path: Path) -> NDArray[np.uint8]:
        if path.stem in {"2", "4"}:
            raise ValueError(f"{path}: damaged")
        return paint(path)

    reasons: list[str] = []
    source = batches(COUNT, read=read, report=reasons.append, threads=threads)
    shown = labels(source, range(1, 4))
    assert len(shown) == 3 * COUNT
    assert set(shown) == {0, 1, 3, 5, 6}
    assert sorted(reasons) == ["2.png: damaged", "4.png: damaged"]
    # Which one stands in does not depend on what was read before.
    fresh = batches(COUNT, read=read, report=reasons.append)
    assert labels(fresh, range(3, 4)) == shown[2 * COUNT :]


def test_pictures_none_of_which_can_be_read_end_the_run() -> None:
    def read(path: Path) -> NDArray[np.uint8]:
        raise ValueError(f"{path}: damaged")

    source = batches(read=read, report=lambda _reason: None)
    with pytest.raises(
        ValueError, match=r"none of the 7 pictures can be read; the first is 0\.png"
    ):
        source.load(1, range(1))


@pytest.mark.parametrize(("batch_size", "seed"), [(0, 0), (-1, 0), (1, -1)])
def test_impossible_settings_are_refused(batch_size: int, seed: int) -> None:
    with pytest.raises(ValueError, match=f"but got {batch_size} and {seed}"):
        batches(batch_size, seed)

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from detector.datasets import DatasetError, DatasetFormat, open_dataset
from detector.datasets.check import check_dataset
from detector.datasets.problems import Problem


def _check_all(root: Path, dataset_format: DatasetFormat) -> list[Problem]:
    problems: list[Problem] = []
    dataset = open_dataset(root, "train", dataset_format, problems.append)
    check_dataset(dataset, problems.append, pictures=False, advance_to=lambda _done: None)
    return problems


def _message_of_damage(root: Path, dataset_format: DatasetFormat) -> str:
    """Return with what the split ``train`` is refused; the checker must say the same first."""
    with pytest.raises(DatasetError) as caught:
        _read_all(root, dataset_format)
    message = str(caught.value)
    assert message.startswith(f"{root}/")
    assert len(message.splitlines()) == 1
    assert len(message) < 600
    try:
        found = [str(problem) for problem in _check_all(root, dataset_format)]
    except DatasetError as error:  # the whole split cannot be used
        found = [str(error)]
    assert found[0] == message
    return message


def _read_all(root: Path, dataset_format: DatasetFormat) -> int:
    dataset = open_dataset(root, "train", dataset_format)
    return len(list(dataset)) + len(list(dataset.class_lists()))


@pytest.fixture(scope="session")
def read_all() -> Callable[[Path, DatasetFormat], int]:
    """Read all annotations and lists of the split ``train``; return how many there are."""
    return _read_all


@pytest.fixture(scope="session")
def check_all() -> Callable[[Path, DatasetFormat], list[Problem]]:
    """Return all that is wrong with the split ``train``."""
    return _check_all


@pytest.fixture(scope="session")
def message_of_damage() -> Callable[[Path, DatasetFormat], str]:
    return _message_of_damage
